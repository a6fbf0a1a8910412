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
    """One counted or observed thing: `unit` is "1" for counters; for what is observed "s", "bytes"
    or "ratio", or a kind of seconds with buckets of its own ("call_s", "lag_s")."""

    name: str
    help: str
    unit: str = "1"
    labels: tuple[str, ...] = ()

    @property
    def buckets(self) -> tuple[float, ...]:
        """Upper bounds of the histogram of an observed measure, in its unit."""
        return _BUCKETS.get(self.unit, BUCKETS_S)


# Around the budgets of a turn (0.22, 0.28, 0.36 and 0.5 s), so that a quantile near one is exact.
BUCKETS_S = (
    0.02, 0.05, 0.1, 0.15, 0.18, 0.2, 0.22, 0.25, 0.28, 0.3, 0.34, 0.36, 0.4, 0.5, 0.65, 0.8,
    1.0, 1.5, 2.0, 3.0, 5.0,
)  # fmt: skip
_BUCKETS = {
    "ratio": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0),
    "call_s": (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 3600.0),
    "lag_s": (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 1.0),
}


class Moment(StrEnum):
    """An instant on a turn's time line, stamped where it happens, on the monotonic clock."""

    SPEECH_STARTED = "speech_started"  # VAD onset of the caller
    SPEECH_STOPPED = "speech_stopped"  # VAD stop; the first of a turn is t0 of its five numbers
    STT_FINAL = "stt_final"  # a final transcript arrived
    TURN_DECIDED = "turn_decided"  # the turn is the agent's
    GUESSED = "guessed"  # the answer was begun before the turn is decided
    GUESS_KEPT = "guess_kept"  # it answers the turn
    GUESS_WITHDRAWN = "guess_withdrawn"  # it answers nothing
    LLM_REQUEST = "llm_request"  # request handed to the model's socket
    LLM_FIRST_TOKEN = "llm_first_token"
    CLAUSE_SENT = "clause_sent"  # a clause handed to the voice's socket; the first counts
    TTS_FIRST_BYTE = "tts_first_byte"
    FIRST_AUDIO = "first_audio"  # first agent audio of the reply handed to the wire
    TOOL_STARTED = "tool_started"
    TOOL_ENDED = "tool_ended"
    INTERRUPTED = "interrupted"  # the caller took the floor
    CLEAR_SENT = "clear_sent"
    HELD = "held"  # a sound over the agent: its own is held back
    RESUMED = "resumed"  # it goes on
    REPLY_HEARD = "reply_heard"  # the last mark of the reply came back
    REPLY_CUT = "reply_cut"  # what was heard of an interrupted reply has been told
    FILLER_HEARD = "filler_heard"  # the same of a holding phrase: the answer is still to come


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

    def reply(self, number: int, kind: str) -> None:
        """What is told of the agent next belongs to this reply of its own; `kind` as in
        `ReplyHeardFrame`."""


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

    def reply(self, number: int, kind: str) -> None:
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
FALSE_INTERRUPTIONS = Measure(
    "offhook_false_interruptions_total", "Interruptions after which the caller said nothing"
)
HOLDS = Measure(
    "offhook_holds_total", "Times a voice held the agent, by verdict", labels=("verdict",)
)
HELD_SECONDS = Measure("offhook_held_seconds", "Hold of the agent's sound to its resumption", "s")

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
FAILOVERS = Measure("offhook_failovers_total", "Times another voice went on with a reply")
REPLIES_LOST = Measure(
    "offhook_replies_lost_total", "Replies and phrases that no voice could say to their end"
)
CLAUSES = Measure(
    "offhook_clauses_total", "Clauses that began to sound, by voice", labels=("voice",)
)
VOICE_SWITCHES = Measure(
    "offhook_voice_switches_total",
    "Times another voice went on inside a clause, by that voice",
    labels=("voice",),
)
CIRCUITS = Measure(
    "offhook_voice_circuit_changes_total",
    'Times a voice was gone round ("open") or come back to ("closed")',
    labels=("provider", "state"),
)
STT_RECONNECTS = Measure("offhook_stt_reconnects_total", "Recogniser reconnects")
STT_GONE = Measure("offhook_stt_gone_seconds", "Recogniser lost to connected again", "s")
STT_SHED = Measure(
    "offhook_stt_shed_frames_total", "Audio frames that no recogniser was there to hear in time"
)
STT_AUDIO = Measure(
    "offhook_stt_audio_seconds_total", "Audio sent to the recogniser", labels=("provider",)
)
STT_CONFIDENCE = Measure("offhook_stt_confidence_ratio", "Confidence of final transcripts", "ratio")
UNSURE = Measure(
    "offhook_unsure_turns_total",
    "Turns the recogniser was unsure of that the model was not asked about, by what was done",
    labels=("outcome",),
)
POOL_SOCKETS = Measure(
    "offhook_pool_sockets_total",
    "Calls by whether a socket waited for them, was in the making, or neither",
    labels=("provider", "outcome"),
)
POOL_AGE = Measure("offhook_pool_age_seconds", "Age of waiting sockets when taken", "call_s")
POOL_LOST = Measure(
    "offhook_pool_lost_total", "Waiting sockets that were lost or never made", labels=("provider",)
)
LLM_TOKENS = Measure("offhook_llm_tokens_total", "Tokens by kind", labels=("kind",))
TTS_CHARACTERS = Measure(
    "offhook_tts_characters_total", "Characters sent to the voice", labels=("provider",)
)
TTS_WASTE = Measure(
    "offhook_tts_waste_characters_total",
    "Characters sent to a voice that another one sounded in place of",
    labels=("provider",),
)
LLM_REQUESTS = Measure(
    "offhook_llm_requests_total", "Requests to a model, attempts counted each", labels=("model",)
)
STAND_IN_TOKENS = Measure(
    "offhook_stand_in_tokens_total", "The stand-in's share of the tokens, by kind", labels=("kind",)
)
RETRIES = Measure(
    "offhook_llm_retries_total",
    "Answers asked for again after a fault, by what was done: again, rebuild, stand_in",
    labels=("step",),
)
FILLERS = Measure(
    "offhook_fillers_total",
    "Holding phrases said into a silence, by the stage that was late",
    labels=("stage",),
)
TOOL_CALLS = Measure("offhook_tool_calls_total", "Tool calls by outcome", labels=("outcome",))
TOOL_SECONDS = Measure("offhook_tool_seconds", "Tool called to tool answered", "s")

# ── turns ────────────────────────────────────────────────────────────────────────────
UNLISTED_TRANSITIONS = Measure(
    "offhook_turn_unlisted_transitions_total",
    "Turn state changes that the table does not list: the state, and what came in it",
    labels=("state", "moment"),
)
TURNS_DECIDED = Measure(
    "offhook_turns_decided_total", "Turns given to the agent, by evidence", labels=("reason",)
)
SPECULATIONS = Measure(
    "offhook_speculations_total",
    "Answers begun before the turn was decided, by what became of them",
    labels=("outcome",),
)
SPECULATION_WASTE = Measure(
    "offhook_speculation_waste_total",
    "What was spent on answers begun too early: requests, tokens, characters, tool calls, dollars",
    labels=("kind",),
)
NOISE = Measure("offhook_noise_total", "Times a sound without words was taken for no caller's")
IDLE = Measure(
    "offhook_idle_total", "Times a silent caller was spoken to, by what was said", labels=("rung",)
)
PARDONS = Measure(
    "offhook_pardons_total", "Times the agent's last words were said again to who asked for it"
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
TURNS = Measure(
    "offhook_turns_total", "Turns, by whether the caller broke in", labels=("interrupted",)
)
TURN_ENDPOINT = Measure("offhook_turn_endpoint_seconds", "Voice stopped to turn decided", "s")
TURN_STT_FINAL = Measure("offhook_turn_stt_final_seconds", "Voice stopped to last final words", "s")
TURN_LLM_FIRST_TOKEN = Measure(
    "offhook_turn_llm_first_token_seconds", "Request of the model to its first token", "s"
)
TURN_TTS_FIRST_BYTE = Measure(
    "offhook_turn_tts_first_byte_seconds", "First clause sent to first byte of voice", "s"
)
TURN_END_TO_END = Measure(
    "offhook_turn_end_to_end_seconds", "Voice stopped to first agent audio handed to the wire", "s"
)
TURN_SILENCE = Measure(
    "offhook_turn_silence_seconds", "True end of speech (estimate) to first agent audio", "s"
)
MOUTH_TO_EAR = Measure(
    "offhook_mouth_to_ear_seconds",
    "End of speech to agent audio at the caller's ear: silence and the round trip of a mark",
    "s",
)
TURN_STAGE = Measure(
    "offhook_turn_stage_seconds", "Share of a stage in end to end", "s", labels=("stage",)
)
SLOW_TURNS = Measure(
    "offhook_slow_turns_total",
    "Turns slower than budgets.slow_turn_s, by the stage furthest above its usual share",
    labels=("cause",),
)
BARGE_IN = Measure("offhook_barge_in_seconds", "Onset of the caller's voice to clear sent", "s")
OVERLAPS = Measure(
    "offhook_overlaps_total",
    "Times the caller spoke while the agent did, by whether the agent yielded",
    labels=("outcome",),
)

# ── the doors ────────────────────────────────────────────────────────────────────────
REFUSED = Measure(
    "offhook_refused_total",
    "Requests, sockets and calls turned away, by door and reason",
    labels=("door", "reason"),
)

# ── the way out ──────────────────────────────────────────────────────────────────────
WAYS_OUT = Measure(
    "offhook_ways_out_total",
    "Calls that the agent gave up, by reason and where the caller was led",
    labels=("reason", "destination"),
)
EMERGENCIES = Measure(
    "offhook_emergencies_total", "Times a caller's words called for other help than ours"
)
TRANSFERS = Measure(
    "offhook_transfers_total", "Transfers to a person, by how they went", labels=("outcome",)
)
VOICEMAILS = Measure("offhook_voicemails_total", "Messages that callers left")
VOICEMAIL_NOTICES = Measure(
    "offhook_voicemail_notices_total",
    "Messages announced to voicemail.notify_url, by outcome",
    labels=("outcome",),
)

# ── calls and the process ────────────────────────────────────────────────────────────
CALLS = Measure(
    "offhook_calls_total", "Calls by how they ended and whose fault", labels=("ending", "party")
)
CALL_SECONDS = Measure(
    "offhook_call_duration_seconds", "Length of calls by ending", "call_s", labels=("ending",)
)
COST = Measure("offhook_cost_usd_total", "Cost of calls at list prices", labels=("provider",))
CARRIER_SECONDS = Measure("offhook_carrier_seconds_total", "Seconds of calls on the wire")
LOOP_LAG = Measure("offhook_loop_lag_seconds", "How late the event loop woke a timer", "lag_s")
RECORDS_SHED = Measure(
    "offhook_records_shed_total", "Call records given up: the store was away for too long"
)
RECORDING_FAILED = Measure(
    "offhook_recording_failed_total", "Calls whose recording was given up: the disk refused"
)
RECORDING_SHED = Measure(
    "offhook_recording_shed_total", "Pieces of sound given up: the disk was too slow"
)
STORE_AWAY = Measure(
    "offhook_store_away_total",
    "Times a store that hosts share did not answer, and one host decided alone",
    labels=("store",),
)
NAMES_MISSED = Measure(
    "offhook_names_missed_total",
    "Words of callers that went on before a name model had read them, by why",
    labels=("reason",),
)
RECORDS_FAILED = Measure("offhook_records_failed_total", "Attempts to write that the store refused")


def all_measures() -> tuple[Measure, ...]:
    """Everything measured, in the order of this file."""
    return tuple(value for value in globals().values() if isinstance(value, Measure))
