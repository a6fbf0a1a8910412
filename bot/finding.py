"""One thing `offhook check` looked at: good, worth knowing, or a problem with its remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    area: str
    """what was looked at: settings, keys, agent, wire, models, deepgram, …"""
    text: str
    """what was found, without the value of any secret"""
    remedy: str = ""
    """what to do about it; a finding that has to be mended always has one"""
    is_problem: bool = False

    def __str__(self) -> str:
        sign = "problem" if self.is_problem else "note" if self.remedy else "good"
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{sign:<8}{self.area}: {self.text}{remedy}"

    def document(self) -> dict[str, str | bool]:
        """The finding for machines."""
        return {
            "area": self.area,
            "text": self.text,
            "remedy": self.remedy,
            "is_problem": self.is_problem,
        }


def good(area: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(area, text)


def note(area: str, text: str, remedy: str) -> Finding:
    """Calls work, but somebody should know."""
    return Finding(area, text, remedy)


def problem(area: str, text: str, remedy: str) -> Finding:
    """Calls will not work, or not as the operator believes."""
    return Finding(area, text, remedy, is_problem=True)
