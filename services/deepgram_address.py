"""Where Deepgram is, how it listens, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from call.audio import FRAME_SAMPLES, MULAW_SILENCE, RATE_HZ
from services.channel import Address
from services.pool import Keep

KEEPALIVE = '{"type":"KeepAlive"}'


@dataclass(frozen=True)
class Deepgram:
    """The `[deepgram]` section: where the recogniser is and how it listens."""

    url: str = "wss://api.deepgram.com"
    """Base URL; the path is appended."""
    model: str = "nova-3"
    """Any streaming model of the v1 API."""
    endpointing_ms: int = 300
    """Silence after which the recogniser ends a segment by itself; longer than the VAD's stop, so
    that the answer to Finalize normally carries the words. 0 switches it off."""
    smart_format: bool = False
    """Written forms for dates, money and the like; off, because the model reads words well and
    formatting waits for more audio."""
    numerals: bool = False
    """Digits instead of number words."""
    punctuate: bool = True
    """Punctuation helps the model and the turn detector's text."""
    keyterms: tuple[str, ...] = ()
    """Words the recogniser should expect: names, products, streets."""
    redact: tuple[str, ...] = ()
    """The vendor's own redaction (pci, ssn, numbers …); off, because it destroys what has to be
    read back or given to a tool. For kinds that neither privacy.speak nor a tool needs."""
    mip_opt_out: bool = False
    """Keep the audio out of the vendor's model improvement programme (changes the price)."""
    backlog_s: float = 5.0
    """Seconds of the caller's voice kept until they have been transcribed for good, and told again
    to the next connection when one drops. Five hold a long sentence and the outage within it; more
    would be answered long after the caller gave up."""
    replay_rate: float = 1.25
    """How much faster than real time kept audio is told again: the vendor takes in no more."""
    connect_timeout_s: float = 1.5
    """The opening handshake may take this long; it usually takes 0.1 to 0.3 s, and one that hangs
    is better tried again."""
    gone_s: float = 1.5
    """Words wait this long for a lost connection to bring the rest of their sentence; then they
    count as all of it. A little less than patience.hearing_s, at which the caller is told that
    nothing is heard."""
    keepalive_s: float = 4.0
    """KeepAlive after this long without audio; the vendor closes after 10 s."""
    finalize_timeout_s: float = 0.35
    """An unanswered Finalize counts as answered after this long: the vendor does not promise an
    answer when nothing is buffered, and its slowest 1 % of answers come within 0.13 s. After twice
    as long with words missing, the connection is replaced and Finalize asked again."""
    stall_s: float = 2.0
    """The caller speaks and nothing comes back, or nothing can be sent, for this long: the
    connection is replaced. Interim words come at least once a second."""
    ttfs_p99_s: float = 0.35
    """Speech end to final transcript, slowest 1 %; turn strategies wait no longer than this."""

    def __post_init__(self) -> None:
        if self.endpointing_ms < 0:
            raise ValueError(f"endpointing_ms {self.endpointing_ms} is negative; use 0 for off")
        for name in ("backlog_s", "connect_timeout_s", "gone_s", "finalize_timeout_s", "stall_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        if self.replay_rate <= 1:
            raise ValueError(f"replay_rate {self.replay_rate} must be above 1, or it never ends")
        if not 0 < self.keepalive_s < 10:
            raise ValueError(f"keepalive_s {self.keepalive_s} must lie between 0 and 10 seconds")

    def address(self, key: str, *, language: str, keyterms: Sequence[str]) -> Address:
        """Where to dial, with the key at the door."""
        query = self.query(language, keyterms)
        url = f"{self.url.rstrip('/')}/v1/listen?{query}"
        return Address(url, {"Authorization": f"Token {key}"})

    def keep(self, key: str, *, language: str, keyterms: Sequence[str]) -> Keep:
        """How one waits there for a call: primed with silence, without which the vendor closes it
        whatever else is sent."""
        return Keep(
            "deepgram",
            self.address(key, language=language, keyterms=keyterms),
            connect_timeout_s=self.connect_timeout_s,
            prime=MULAW_SILENCE * FRAME_SAMPLES,
            keepalive=KEEPALIVE,
            keepalive_s=self.keepalive_s,
        )

    def query(self, language: str, keyterms: Sequence[str]) -> str:
        """The query string of the upgrade, every choice explicit."""
        pairs: list[tuple[str, str]] = [
            ("model", self.model),
            ("language", language),
            ("encoding", "mulaw"),
            ("sample_rate", str(RATE_HZ)),
            ("channels", "1"),
            ("interim_results", "true"),
            ("endpointing", str(self.endpointing_ms) if self.endpointing_ms else "false"),
            ("punctuate", _flag(self.punctuate)),
            ("smart_format", _flag(self.smart_format)),
            ("numerals", _flag(self.numerals)),
        ]
        pairs.extend(("redact", kind) for kind in self.redact)
        if self.mip_opt_out:
            pairs.append(("mip_opt_out", "true"))
        if self.model.startswith("nova-3"):  # older models refuse them
            pairs.extend(("keyterm", term) for term in dict.fromkeys((*self.keyterms, *keyterms)))
        return urlencode(pairs)


def _flag(value: bool) -> str:
    return "true" if value else "false"
