"""One-time tokens that tie a media socket to the call whose webhook announced it."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

TOKEN_BYTES = 16  # 128 bits: not guessed within a minute


@dataclass(frozen=True)
class Ticket:
    """What the webhook knew of a call; the media socket presents the token to get it."""

    call_id: str
    caller: str = field(default="", repr=False)
    called: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    issued_at: float = 0.0


class Tickets:
    """Tickets issued and not yet used: one per call, short-lived, at most `limit` of them."""

    def __init__(self, *, life_s: float, limit: int = 1024) -> None:
        self._life_s = life_s
        self._limit = limit
        self._open: OrderedDict[str, Ticket] = OrderedDict()  # call id -> ticket, oldest first

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, call_id: str, *, caller: str, called: str, now: float) -> str:
        """A new token for a call; an earlier one of the same call (a repeated webhook) expires."""
        self._forget_the_old(now)
        self._open.pop(call_id, None)
        while len(self._open) >= self._limit:
            self._open.popitem(last=False)
        ticket = Ticket(call_id, caller, called, secrets.token_urlsafe(TOKEN_BYTES), now)
        self._open[call_id] = ticket
        return ticket.token

    def redeem(self, token: str, *, call_id: str, now: float) -> Ticket | None:
        """The ticket, once; None when the token is missing, wrong, used, expired or another
        call's."""
        self._forget_the_old(now)
        ticket = self._open.get(call_id)
        expected = ticket.token if ticket else secrets.token_urlsafe(TOKEN_BYTES)
        # compared also when there is no such call, so that time tells nothing
        is_right = hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace"))
        if ticket is None or not is_right:
            return None
        del self._open[call_id]
        return ticket

    def _forget_the_old(self, now: float) -> None:
        while self._open:
            oldest = next(iter(self._open.values()))
            if now - oldest.issued_at < self._life_s:
                return
            self._open.popitem(last=False)
