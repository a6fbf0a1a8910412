"""One-time tokens that tie a media socket to the call whose webhook announced it.

A token is sealed under a secret that all workers and hosts share, and holds what the webhook knew;
whoever has the secret can open it, nobody else can make, read or change one. That it is used once
is kept by whoever `SeenOnce` is: this process, or a store that all of them ask.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_BYTES = 16  # 128 bits: not guessed within a minute
MOST_CHARS = 100  # of a number or address; the carrier takes 500 for a parameter and its name
CLOCKS_APART_S = 5.0  # two hosts' clocks; a token may be this much from the future
_PURPOSE = b"offhook media socket"


@dataclass(frozen=True)
class Ticket:
    """What the webhook knew of a call; the media socket presents the token to get it."""

    call_id: str
    caller: str = field(default="", repr=False)
    called: str = field(default="", repr=False)


class SeenOnce(Protocol):
    """Remembers what has been used, for a while."""

    async def first(self, key: str, *, life_s: float, now: float) -> bool:
        """Whether `key` is seen for the first time within `life_s`."""


class SeenHere:
    """In this process only; the oldest `limit` are kept."""

    def __init__(self, *, limit: int = 10_000) -> None:
        self._limit = limit
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    async def first(self, key: str, *, life_s: float, now: float) -> bool:
        """Whether `key` is seen for the first time within `life_s`."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if key in self._until:
            return False
        while len(self._until) >= self._limit:
            self._until.popitem(last=False)
        self._until[key] = now + life_s
        return True


class Tickets:
    """Issues and redeems; `now` is wall time, since hosts share no other."""

    def __init__(self, secret: str = "", *, life_s: float, seen: SeenOnce | None = None) -> None:
        """Without a secret the tokens are good in this process only."""
        self._life_s = life_s
        self._seal = Fernet(_key(secret or secrets.token_hex(32)))
        self._seen = SeenHere() if seen is None else seen

    def issue(self, call_id: str, *, caller: str, called: str, now: float) -> str:
        """A new token for a call."""
        once = secrets.token_urlsafe(TOKEN_BYTES)
        known = [once, now, call_id[:MOST_CHARS], caller[:MOST_CHARS], called[:MOST_CHARS]]
        return self._seal.encrypt(json.dumps(known, separators=(",", ":")).encode()).decode()

    async def redeem(self, token: str, *, call_id: str, now: float) -> Ticket | None:
        """The ticket, once; None when the token is missing, wrong, used, expired or another
        call's."""
        try:
            known = json.loads(self._seal.decrypt(token.encode("utf-8", "replace")))
        except InvalidToken:  # told in constant time
            return None
        once, issued_at, *whose = known
        ticket = Ticket(*whose)
        is_its = hmac.compare_digest(ticket.call_id.encode(), call_id[:MOST_CHARS].encode())
        if not (is_its and -CLOCKS_APART_S <= now - issued_at < self._life_s):
            return None
        # the number inside, not the token: one token can be spelled in several ways
        life_s = self._life_s + CLOCKS_APART_S
        return ticket if await self._seen.first(once, life_s=life_s, now=now) else None


def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return urlsafe_b64encode(derived)
