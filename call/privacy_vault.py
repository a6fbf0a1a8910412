"""The vault of one call: personal values in memory, and the two doors they may leave by.

Everybody else sees stand-ins such as `[PHONE_1]`. The mouth reads back the kinds that
`privacy.speak` names; a tool gets the kinds it declares. When the call ends the vault is wiped. It
cannot be pickled, copied or printed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from call.privacy_lexicon import ADDRESS, EMAIL, KINDS, NAME, PHONE
from call.privacy_mouth import said, withheld

_STAND_IN = re.compile(r"\[?\b((?:" + "|".join(kind.upper() for kind in KINDS) + r")_\d+)"
                       r"\b(?:(?::[^\]\s]*)?\](?: …)?)?")  # fmt: skip
_NOT_IN_VALUES = re.compile(r"[^0-9a-z]")
_LEAST_HIDDEN = 4  # characters; shorter values are words of every day


def has_stand_in(text: str) -> bool:
    """Whether a personal value is named in it."""
    return "_" in text and _STAND_IN.search(text) is not None


class Vault:
    """Personal values of one call by stand-in."""

    __slots__ = ("_counts", "_reveal", "_speak", "_stand_ins", "_values")

    def __init__(self, *, speak: Collection[str] = (), reveal: Collection[str] = ()) -> None:
        self._speak = frozenset(speak)
        self._reveal = frozenset(reveal)
        self._values: dict[str, tuple[str, str]] = {}  # name → (kind, value)
        self._stand_ins: dict[tuple[str, str], str] = {}  # (kind, normalised value) → name
        self._counts: dict[str, int] = {}

    # ── in ───────────────────────────────────────────────────────────────────────────
    def keep(self, kind: str, value: str) -> str:
        """Take a value in; the name it is known by from now on. Same value, same name."""
        key = (kind, _normal(kind, value))
        name = self._stand_ins.get(key)
        if name is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind.upper()}_{self._counts[kind]}"
            self._stand_ins[key] = name
            self._values[name] = (kind, value)
        return name

    def grow(self, name: str, kind: str, value: str) -> str:
        """More of a value has been said, or it was corrected; the name it is known by now."""
        known = self._values.get(name)
        key = (kind, _normal(kind, value))
        if known is None:
            return self.keep(kind, value)
        if key in self._stand_ins or known[0] != kind:
            other = self.keep(kind, value)
            if other != name:
                self._forget_key(name)
                self._values[name] = (known[0], value)  # both names mean the whole value
            return other
        self._forget_key(name)
        self._stand_ins[key] = name
        self._values[name] = (kind, value)
        return name

    def name_for(self, kind: str, value: str, *, ahead: int = 0) -> str:
        """The name a value has or would get, without keeping it; `ahead`: new ones before it."""
        name = self._stand_ins.get((kind, _normal(kind, value)))
        return name or f"{kind.upper()}_{self._counts.get(kind, 0) + 1 + ahead}"

    def shown(self, name: str, value: str) -> str:
        """The stand-in as the model sees it."""
        parts = [name]
        if "count" in self._reveal:
            parts.append(f"{len(value)}-long")
        if "last_four" in self._reveal and len(value) >= 8:
            parts.append(f"ends-{value[-4:]}")
        return f"[{':'.join(parts)}]"

    def wipe(self) -> None:
        """Forget everything: the call is over."""
        self._values.clear()
        self._stand_ins.clear()
        self._counts.clear()

    # ── out: the mouth ───────────────────────────────────────────────────────────────
    def may_say(self, kind: str) -> bool:
        """Whether values of this kind may reach the voice."""
        return kind in self._speak

    def read_back(self, text: str, *, language: str) -> str:
        """`text` with the values the voice may say, digit by digit, in place of their names."""

        def say(found: re.Match[str]) -> str:
            kind = found[1].rpartition("_")[0].lower()
            entry = self._values.get(found[1])
            if entry is None or kind not in self._speak:
                return withheld(kind, language=language)
            return said(*entry, language=language)

        return _STAND_IN.sub(say, text) if "_" in text else text

    # ── out: tools ───────────────────────────────────────────────────────────────────
    def hand_over(self, arguments: Any, kinds: Collection[str]) -> Any:
        """Arguments of a tool with the values of the kinds it declares; other names stay."""

        def give(found: re.Match[str]) -> str:
            kind, value = self._values.get(found[1], ("", ""))
            return value if kind in kinds else found[0]

        if isinstance(arguments, str):
            return _STAND_IN.sub(give, arguments) if "_" in arguments else arguments
        if isinstance(arguments, Mapping):
            return {key: self.hand_over(item, kinds) for key, item in arguments.items()}
        if isinstance(arguments, Sequence):
            return [self.hand_over(item, kinds) for item in arguments]
        return arguments

    # ── back in ──────────────────────────────────────────────────────────────────────
    def hide(self, text: str, *, least: int = _LEAST_HIDDEN) -> str:
        """`text` with every value the vault holds (of `least` characters) replaced by its name."""
        for name, (kind, value) in self._values.items():
            if len(value) < least:
                continue
            if kind in (EMAIL, NAME, ADDRESS) or not value.isalnum():
                if value.lower() in text.lower():
                    pattern = rf"(?<!\w){re.escape(value)}(?!\w)"
                    text = re.sub(pattern, f"[{name}]", text, flags=re.I)
            elif any(char.isdigit() for char in text):
                spaced = r"[\s().-]*".join(map(re.escape, value))
                text = re.sub(rf"(?<![0-9A-Za-z])\+?{spaced}(?!\w)", f"[{name}]", text)
        return text

    # ── never out ────────────────────────────────────────────────────────────────────
    def _forget_key(self, name: str) -> None:
        for key in [key for key, known in self._stand_ins.items() if known == name]:
            del self._stand_ins[key]

    def __repr__(self) -> str:
        return "Vault(***)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a vault cannot be pickled or copied")


def _normal(kind: str, value: str) -> str:
    """What makes two values the same."""
    if not value.isascii():
        return value.strip().lower()
    if kind in (EMAIL, ADDRESS):
        return value.strip().lower()
    plain = _NOT_IN_VALUES.sub("", value.lower())
    return plain[1:] if kind == PHONE and len(plain) == 11 and plain[0] == "1" else plain
