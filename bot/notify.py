"""Tell somebody that a caller has left a message: a signed JSON post, tried a few times, never in
anybody's way.

The post says which call it was and where the recording lies, never who called or what was said;
fetching the recording takes the carrier's account.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from loguru import logger

from bot.addresses import is_plain_web
from call.measures import VOICEMAIL_NOTICES, Recorder

SIGNATURE = "X-Offhook-Signature"
ACCEPTED = range(200, 300)
HOPELESS = range(400, 500)  # asking again would be refused again, except where it says "later"
LATER = (408, 425, 429)
UNDER_WAY = 200  # notices at a time; a desk that is down for an hour does not fill the memory


@dataclass(frozen=True)
class Voicemail:
    """Where messages that callers leave are announced; the carrier keeps the recordings."""

    notify_url: str = ""
    """URL that gets a POST of {"call_id", "voicemail_url", …} for each message; empty: messages are
    only listed. The post is signed when OFFHOOK_NOTIFY_SECRET is set (docs/way-out.md)."""
    notify_timeout_s: float = 5.0
    """Seconds one attempt may take."""
    notify_attempts: int = 6
    """Attempts per message, with pauses of 1, 4, 16, 64 and 256 s between them; then it is only
    listed."""

    def __post_init__(self) -> None:
        if self.notify_url and not is_plain_web(self.notify_url):
            raise ValueError(
                f"notify_url is {self.notify_url!r}; write it as https://host/path, without user, "
                "? and #"
            )
        if not 0 < self.notify_timeout_s <= 60:
            raise ValueError(f"notify_timeout_s is {self.notify_timeout_s}; give up to 60 seconds")
        if not 1 <= self.notify_attempts <= 10:
            raise ValueError(f"notify_attempts is {self.notify_attempts}; give 1 to 10")


def signature(secret: str, body: bytes, *, at: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 of time and body, so that neither can be changed or sent again."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Notifier:
    """Announces messages; each in a task of its own."""

    def __init__(
        self,
        settings: Voicemail,
        *,
        http: aiohttp.ClientSession,
        secret: str,
        recorder: Recorder,
        pause_s: float = 1.0,
    ) -> None:
        """`pause_s` stands between the first two attempts; every later pause is four times the one
        before."""
        self._settings = settings
        self._http = http
        self._secret = secret
        self._recorder = recorder
        self._pause_s = pause_s
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, message: Mapping[str, Any]) -> None:
        """Post this soon; at once back."""
        if not self._settings.notify_url:
            return
        if len(self._tasks) >= UNDER_WAY:
            self._recorder.count(VOICEMAIL_NOTICES, outcome="given_up")
            return
        task = asyncio.create_task(self._announce(json.dumps(message).encode()), name="notice")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Give up what is still being tried; the messages stay listed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _announce(self, body: bytes) -> None:
        pause_s = self._pause_s
        for attempt in range(1, self._settings.notify_attempts + 1):
            outcome = await self._post(body)
            if outcome == "accepted":
                self._recorder.count(VOICEMAIL_NOTICES, outcome=outcome)
                return
            logger.warning("voicemail notice, attempt {}: {}", attempt, outcome)
            if outcome == "refused" or attempt == self._settings.notify_attempts:
                break
            await asyncio.sleep(pause_s)
            pause_s *= 4
        self._recorder.count(VOICEMAIL_NOTICES, outcome="given_up")

    async def _post(self, body: bytes) -> str:
        """How one attempt went: accepted, refused, or in a word why it may go better later."""
        headers = {"content-type": "application/json"}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, body, at=int(time.time()))
        try:
            async with self._http.post(
                self._settings.notify_url,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._settings.notify_timeout_s),
                allow_redirects=False,  # a signed post goes where it was meant to go
            ) as answer:
                if answer.status in ACCEPTED:
                    return "accepted"
                is_hopeless = answer.status in HOPELESS and answer.status not in LATER
                return "refused" if is_hopeless else f"HTTP {answer.status}"
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return type(error).__name__
