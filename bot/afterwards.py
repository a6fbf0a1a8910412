"""What each call said is to follow its stream, kept until the carrier has asked, and a while
longer for the person who takes over."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from call.way_out import BROKEN, After

# A carrier asks what is next within seconds of a stream's end; older words go.
KEPT = 1000


class Afterwards:
    """The last word of the newest calls, by the carrier's name for them."""

    def __init__(self) -> None:
        self._words: OrderedDict[str, After] = OrderedDict()
        self._unasked: set[str] = set()
        self._was_asked = asyncio.Event()

    def decide(self, provider_call_id: str, after: After) -> None:
        """Keep a call's word; the newest counts."""
        self._words[provider_call_id] = after
        self._words.move_to_end(provider_call_id)
        self._unasked.add(provider_call_id)
        while len(self._words) > KEPT:
            oldest, _ = self._words.popitem(last=False)
            self._unasked.discard(oldest)

    def of(self, provider_call_id: str) -> After:
        """A call's word; a call that left none broke."""
        self._unasked.discard(provider_call_id)
        self._was_asked.set()
        return self._words.get(provider_call_id, BROKEN)

    async def until_asked(self, provider_call_ids: list[str], *, within_s: float) -> None:
        """Wait until the carrier has asked about these calls, or does not."""
        try:
            async with asyncio.timeout(within_s):
                while self._unasked.intersection(provider_call_ids):
                    self._was_asked.clear()
                    await self._was_asked.wait()
        except TimeoutError:
            pass  # the number's fallback answers in our place
