"""Everything one caller needs to know before dialling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.dialling import Phone
from lab.impairments import Impairments
from lab.mouth import Clip
from lab.script import Script

PERSONS = ("completed", "busy", "no-answer", "failed")


@dataclass(frozen=True)
class Plan:
    """One caller's part."""

    script: Script
    clips: Mapping[str, Clip]
    phone: Phone = field(default_factory=Phone)
    impairments: Impairments = field(default_factory=Impairments)
    noise_dbfs: float | None = -66.0
    background: bytes = b""
    """What sounds behind the caller throughout, µ-law."""
    max_call_s: float = 600.0
    closing_s: float = 2.0
    """How long the closing handshake may take, on the wall's clock."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """customParameters of a stream dialled directly."""
    fallback: str = ""
    """The number's Voice Fallback URL, or the file with its document; asked when the bot's side
    does not answer."""
    person: str = "completed"
    """How a person who is dialled answers: completed, busy, no-answer or failed."""
    message_s: float = 1.0
    """How long the caller speaks after a tone; 0 for a caller who says nothing."""
    watch_url: str = ""
    """Where the bot tells of its calls while they go on; a caller who listens there never takes a
    gap in a reply for its end."""
    rest_url: str = ""
    """Where recordings are kept; the carrier's own address when empty."""

    def __post_init__(self) -> None:
        if self.person not in PERSONS:
            raise ValueError(f"person {self.person!r}: write one of {', '.join(PERSONS)}")
        if not 0 <= self.message_s <= 3600:
            raise ValueError(f"message {self.message_s:g}: write 0 to 3600 seconds")
