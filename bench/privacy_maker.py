"""Values that look like somebody's, and the ways they are written and said, from one seed."""

from __future__ import annotations

import random

from stdnum import iban, luhn

EN = "zero one two three four five six seven eight nine".split()
_AR = "صفر واحد اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة".split()
_NATO = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar"
    " papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu".split()
)


class Maker:
    """Values and sentences of one part, from one seed."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.draw = random.Random(f"privacy {part} 2")

    # ── values ───────────────────────────────────────────────────────────────────────
    def digits(self, count: int, *, first: str = "123456789") -> str:
        """A number without rhyme."""
        return self.draw.choice(first) + "".join(
            self.draw.choice("0123456789") for _ in range(count - 1)
        )

    def value(self, kind: str, language: str) -> str:
        """A value of the kind, in its plain form."""
        draw = self.draw
        match kind:
            case "phone":
                if language == "ar":
                    return "05" + self.digits(8)
                return self.digits(draw.choice((7, 10, 10)), first="23456789")
            case "card":
                head = draw.choice(("4", "51", "53")) + self.digits(13)
                head = head[:15]
                return head + luhn.calc_check_digit(head)
            case "bank":
                body = draw.choice(("WEST", "BARC", "DEUT")) + self.digits(14)
                return f"GB{iban.calc_check_digits('GB00' + body)}{body}"
            case "ssn":
                return self.digits(10, first="12") if language == "ar" else self.digits(9)
            case "code":
                return self.digits(draw.choice((4, 6)))
            case "account" | "claim" | "record":
                return self.digits(draw.choice((6, 8, 9)))
            case "policy" | "passport" | "licence":
                letters = "".join(draw.choice("BCDGHKMNPRSTVX") for _ in range(draw.choice((1, 2))))
                return letters + self.digits(7)
        raise ValueError(kind)

    # ── ways of saying ───────────────────────────────────────────────────────────────
    def spoken(self, value: str, language: str) -> str:
        """Symbol by symbol, as people do it."""
        words: list[str] = []
        at = 0
        while at < len(value):
            char = value[at]
            run = 1
            while at + run < len(value) and value[at + run] == char and char.isdigit():
                run += 1
            words += self._symbols(char, min(run, 3), language)
            at += min(run, 3)
            if at < len(value):
                words[-1] += self._pause(at)
        return self._corrected(" ".join(words), value, language)

    def _symbols(self, char: str, run: int, language: str) -> list[str]:
        draw = self.draw
        if not char.isdigit():
            nato = _NATO[ord(char.lower()) - 97]
            ways = [char.lower(), char, f"{char.lower()} as in {nato}", nato]
            return [draw.choice(ways[:3] if self.part == "dev" else ways)]
        if language == "ar":
            return [_AR[int(char)]] * run
        word = draw.choice(("oh", "zero")) if char == "0" else EN[int(char)]
        if run == 2 and draw.random() < 0.6:
            return [f"double {word}"]
        if run == 3 and draw.random() < 0.6:
            return [f"triple {word}"]
        return [word] * run

    def _pause(self, at: int) -> str:
        chance = self.draw.random()
        if at % 3 == 0 and chance < 0.35:
            return ","
        if chance < 0.05:
            return self.draw.choice(
                (" uh", ", um,", "...", " -")
                if self.part == "dev"
                else (", er,", " dash", ", okay,", " then", ".")
            )
        return ""

    def _corrected(self, said: str, value: str, language: str) -> str:
        if language != "en" or not value[-1].isdigit() or self.draw.random() > 0.15:
            return said
        head, _, last = said.rpartition(" ")
        if last not in EN or head.endswith(("double", "triple")):
            return said
        wrong = EN[(int(value[-1]) + 3) % 10]
        sorry = (
            (" no, sorry, ", ", no, ", ", I mean ")
            if self.part == "dev"
            else (", sorry, ", ", no wait, ", ", actually ", ", make that, no, ")
        )
        return f"{head} {wrong}{self.draw.choice(sorry)}{last}"

    def written(self, kind: str, value: str, language: str) -> str:
        """As recognisers with formatting, and tools, write it."""
        draw = self.draw
        if language == "ar" and value.isdigit() and draw.random() < 0.5:
            return "".join("٠١٢٣٤٥٦٧٨٩"[int(char)] for char in value)
        if kind == "card":
            sep = draw.choice((" ", "-", ""))
            return sep.join(value[at : at + 4] for at in range(0, 16, 4))
        if kind == "bank":
            sep = draw.choice((" ", ""))
            return sep.join(value[at : at + 4] for at in range(0, len(value), 4))
        if kind == "ssn" and len(value) == 9:
            return draw.choice((f"{value[:3]}-{value[3:5]}-{value[5:]}", value))
        if kind == "phone" and len(value) == 10 and language == "en":
            a, b, c = value[:3], value[3:6], value[6:]
            return draw.choice(
                (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}")
            )
        if kind == "phone" and len(value) == 7:
            return draw.choice((f"{value[:3]}-{value[3:]}", f"{value[:3]} {value[3:]}"))
        return value


# ── sentences ────────────────────────────────────────────────────────────────────────
