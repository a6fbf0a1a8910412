"""What a Messages request costs in tokens, prompt cache included, as the vendor explains it.

The prompt is a row of blocks: tools, then system, then messages. A block with `cache_control` ends
a prefix. A prefix is read from the cache when exactly its bytes ended at such a mark before (within
the entry's life; a read renews it), looking back at most 20 blocks; the rest up to the last mark is
written. Prefixes below the model's minimum are silently not cached. Tokens are estimated.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CHARS_PER_TOKEN = 3.8
LOOK_BACK = 20
MAX_MARKS = 4
MAX_ENTRIES = 10_000
LONG_LIFE_S = 3600.0  # cache_control with ttl "1h"
# least tokens of a cacheable prefix, by model, first match wins
MINIMA = (
    (r"opus-5|fable|mythos", 512),
    (r"opus-4-[56]|haiku-4", 4096),
    (r"opus-4-7|haiku-3|3-5-haiku|3-haiku", 2048),
    (r"", 1024),
)


@dataclass(frozen=True)
class Bill:
    """Input tokens by price."""

    fresh: int
    written: int
    read: int

    def as_usage(self, output_tokens: int) -> dict[str, Any]:
        """The `usage` object."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.read,
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }


@dataclass(frozen=True)
class Block:
    """One block of the prompt, as bytes that must be equal to be the same."""

    content: bytes
    life_s: float | None
    """Life of a cache entry ending here; None without a mark."""

    @property
    def tokens(self) -> int:
        """Estimated."""
        return count(self.content.decode())


def count(text: str) -> int:
    """Estimated tokens of a text."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def minimum(model: str) -> int:
    """Least tokens this model caches."""
    return next(least for pattern, least in MINIMA if re.search(pattern, model))


def blocks(body: Mapping[str, Any], *, default_life_s: float) -> list[Block]:
    """The prompt as a row of blocks, its marks taken out of the bytes."""
    row = [
        _block(where, item, default_life_s)
        for where, item in _pieces(body)
        if isinstance(item, dict)
    ]
    if isinstance(body.get("cache_control"), dict) and row:
        row[-1] = Block(row[-1].content, _life(body["cache_control"], default_life_s))
    return row


def _pieces(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for tool in body.get("tools") or ():
        yield "tool", tool
    for item in _as_blocks(body.get("system")):
        yield "system", item
    for number, message in enumerate(body.get("messages") or ()):
        for item in _as_blocks(message.get("content")):
            yield f"{number}/{message.get('role')}", item


def _as_blocks(content: Any) -> list[Any]:
    """A plain string is short for one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _block(where: str, item: dict[str, Any], default_life_s: float) -> Block:
    mark = item.get("cache_control")
    bare = {key: value for key, value in item.items() if key != "cache_control"}
    text = where + json.dumps(bare, sort_keys=True, ensure_ascii=False)
    return Block(text.encode(), _life(mark, default_life_s) if isinstance(mark, dict) else None)


def _life(mark: Mapping[str, Any], default_s: float) -> float:
    return LONG_LIFE_S if mark.get("ttl") == "1h" else default_s


class PromptCache:
    """Which prefixes were seen, and until when they are remembered."""

    def __init__(self) -> None:
        self._expires: OrderedDict[bytes, float] = OrderedDict()

    def clear(self) -> None:
        """Forget all."""
        self._expires.clear()

    def bill(self, body: Mapping[str, Any], *, now: float, life_s: float, least: int = -1) -> Bill:
        """Price this request and remember its marked prefixes."""
        model = str(body.get("model", ""))
        least = minimum(model) if least < 0 else least
        row = blocks(body, default_life_s=life_s)
        prefixes = _prefixes(model, row)
        total = prefixes[-1][1] if prefixes else 0
        marks = [
            (index, block.life_s)
            for index, block in enumerate(row)
            if block.life_s is not None and prefixes[index][1] >= least
        ]
        # all are looked up before any is written: a request does not read what it writes itself
        read = max((self._longest(_before(prefixes, i), now, life) for i, life in marks), default=0)
        for index, life in marks:
            self._remember(prefixes[index][0], now + life)
        end = prefixes[marks[-1][0]][1] if marks else 0
        return Bill(fresh=total - end, written=end - read, read=read)

    def _longest(self, prefixes: list[tuple[bytes, int]], now: float, life_s: float) -> int:
        for digest, tokens in reversed(prefixes):
            if self._expires.get(digest, 0.0) > now:
                self._remember(digest, now + life_s)
                return tokens
        return 0

    def _remember(self, digest: bytes, until: float) -> None:
        self._expires.pop(digest, None)
        self._expires[digest] = until
        if len(self._expires) > MAX_ENTRIES:
            self._expires.popitem(last=False)


def _before(prefixes: list[tuple[bytes, int]], index: int) -> list[tuple[bytes, int]]:
    """The prefixes a mark at `index` may be read from."""
    return prefixes[max(0, index - LOOK_BACK) : index + 1]


def _prefixes(model: str, row: list[Block]) -> list[tuple[bytes, int]]:
    """(digest, tokens) of the prompt up to and including each block."""
    out: list[tuple[bytes, int]] = []
    digest, tokens = model.encode(), 0
    for block in row:
        digest = hashlib.blake2b(digest + b"\x00" + block.content, digest_size=16).digest()
        tokens += block.tokens
        out.append((digest, tokens))
    return out
