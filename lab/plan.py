"""Everything one caller needs to know before dialling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.dialling import Phone
from lab.impairments import Impairments
from lab.mouth import Clip
from lab.script import Script


@dataclass(frozen=True)
class Plan:
    """One caller's part."""

    script: Script
    clips: Mapping[str, Clip]
    phone: Phone = field(default_factory=Phone)
    impairments: Impairments = field(default_factory=Impairments)
    noise_dbfs: float | None = -66.0
    max_call_s: float = 600.0
    closing_s: float = 2.0
    """How long the closing handshake may take, on the wall's clock."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """customParameters of a stream dialled directly."""
