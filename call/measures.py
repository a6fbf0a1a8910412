"""What is measured, under which name and unit, and the interface everything reports through.

Stations and services receive a `Recorder`; they know neither Prometheus nor a file. Names are
Prometheus style: base units, `_total` on counters, bounded labels (never a call id).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class Measure:
    """One counted or observed thing: `unit` is "1" for counters, "s", "bytes" or "ratio" for what
    is observed."""

    name: str
    help: str
    unit: str = "1"
    labels: tuple[str, ...] = ()


class Moment(StrEnum):
    """An instant on a turn's time line, stamped where it happens, on the monotonic clock."""

    SPEECH_STARTED = "speech_started"  # VAD onset of the caller
    SPEECH_STOPPED = "speech_stopped"  # VAD stop; the first of a turn is t0 of its five numbers
    STT_FINAL = "stt_final"  # a final transcript arrived
    TURN_DECIDED = "turn_decided"  # the turn is the agent's
    LLM_REQUEST = "llm_request"  # request handed to the model's socket
    LLM_FIRST_TOKEN = "llm_first_token"
    CLAUSE_SENT = "clause_sent"  # a clause handed to the voice's socket; the first counts
    TTS_FIRST_BYTE = "tts_first_byte"
    FIRST_AUDIO = "first_audio"  # first agent audio of the reply handed to the wire
    TOOL_STARTED = "tool_started"
    TOOL_ENDED = "tool_ended"
    INTERRUPTED = "interrupted"  # the caller took the floor
    CLEAR_SENT = "clear_sent"
    REPLY_HEARD = "reply_heard"  # the last mark of the reply came back


class Recorder(Protocol):
    """Where stations and services report. Every method is synchronous, cheap and never raises."""

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Add one observation, in the measure's unit."""

    def moment(self, moment: Moment, at: float) -> None:
        """Stamp an instant of the current turn; `at` is `time.monotonic()` where it happened."""

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Words on the time line, for the live view and the record.

        `party` is "caller" (interim or final transcript) or "agent" (a clause as the model wrote
        it). Only text that may be shown reaches this: whoever calls it stands behind the redactor.
        """


class NullRecorder:
    """Records nothing; for tests and for parts used outside a call."""

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Ignore."""

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Ignore."""

    def moment(self, moment: Moment, at: float) -> None:
        """Ignore."""

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Ignore."""


# ── the caller's wire ────────────────────────────────────────────────────────────────
WIRE_UNKNOWN_EVENTS = Measure(
    "offhook_wire_unknown_events_total", "Carrier events of an unknown kind"
)
WIRE_MALFORMED = Measure(
    "offhook_wire_malformed_total", "Carrier messages that break the protocol", labels=("rule",)
)
WIRE_SHED = Measure(
    "offhook_wire_shed_frames_total", "Caller audio frames shed because we were late"
)
WIRE_UNDERRUNS = Measure("offhook_wire_underruns_total", "Times the paced output had nothing ready")
WIRE_MARK_ROUND_TRIP = Measure(
    "offhook_wire_mark_round_trip_seconds", "Mark sent to mark echoed, less the audio between", "s"
)
INTERRUPTIONS = Measure("offhook_interruptions_total", "Times the caller took the floor")

# ── the providers ────────────────────────────────────────────────────────────────────
PROVIDER_FAULTS = Measure(
    "offhook_provider_faults_total", "Faults of a provider", labels=("provider", "kind")
)
PROVIDER_GARBAGE = Measure(
    "offhook_provider_garbage_total", "Unreadable messages of a provider", labels=("provider",)
)
PROVIDER_UNKNOWN = Measure(
    "offhook_provider_unknown_messages_total",
    "Messages of a kind we do not know",
    labels=("provider",),
)
STT_RECONNECTS = Measure("offhook_stt_reconnects_total", "Recogniser reconnects")
STT_SHED = Measure("offhook_stt_shed_frames_total", "Audio frames shed before a stalled recogniser")
STT_CONFIDENCE = Measure("offhook_stt_confidence_ratio", "Confidence of final transcripts", "ratio")
LLM_TOKENS = Measure("offhook_llm_tokens_total", "Tokens by kind", labels=("kind",))
TTS_CHARACTERS = Measure(
    "offhook_tts_characters_total", "Characters sent to the voice", labels=("provider",)
)
TOOL_CALLS = Measure("offhook_tool_calls_total", "Tool calls by outcome", labels=("outcome",))

# ── turns ────────────────────────────────────────────────────────────────────────────
UNLISTED_TRANSITIONS = Measure(
    "offhook_turn_unlisted_transitions_total", "Turn state changes that the table does not list"
)
TURNS_DECIDED = Measure(
    "offhook_turns_decided_total", "Turns given to the agent, by evidence", labels=("reason",)
)
SMART_TURN_SECONDS = Measure(
    "offhook_smart_turn_seconds", "Asked for a turn's score to answered", "s"
)
SMART_TURN_SHED = Measure(
    "offhook_smart_turn_shed_total",
    "Turn scores that never came: newer ones were waiting, or the model failed",
)
MARKS_MISSED = Measure(
    "offhook_heard_by_bound_total", "Replies taken as heard because their last mark never came"
)
