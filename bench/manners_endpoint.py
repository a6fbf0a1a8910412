"""Turn ends on a simulated clock: the real voice detector, the real scores, the real filter.

The voice detector's station logic, `EndpointFilter` and `Speculation` are the product's own; the
recogniser (words and when they come) and the time a score takes are simulated. The others stand in
`bench/manners_others.py`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, ClassVar

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

from bench.manners_audio import Pause, Talk
from call.audio import FRAME_PCM_BYTES, FRAME_S, RATE_HZ
from call.endpoint import (
    EndpointFilter,
    Fact,
    Finalized,
    ProbabilityArrived,
    SpeechStarted,
    SpeechStopped,
    TurnClosed,
    TurnOpened,
    VoiceBegan,
    VoiceEbbed,
    VoicePaused,
    WordsArrived,
)
from call.speculation import Ask, Speculation
from call.waits import Endpoint
from lab.delays import Delays
from processors.vad import SharedSileroAnalyzer, Vad, edge_of, voice_edge

SCORE_S = 0.06  # asked to answered, on a machine that is not busy
INTERIM_S = 0.15  # a word's end to the interim that has it
ANSWER_S = 0.246  # asked to first sound: 110 ms first token, three more of 12 ms, 100 ms voice
ENDPOINTING_S = 0.3  # `deepgram.endpointing_ms`
KEPT_BYTES = 8 * RATE_HZ * 2  # what the model hears
NO_WORDS = "something"  # reads neither finished nor unfinished

Score = Callable[[Talk, int, int], float]
"""Probability that the turn is over, by talk, first byte and last byte of what was heard."""


@dataclass(frozen=True)
class VoiceEvent:
    """What the detector's station tells, and when."""

    at: float
    kind: str  # "started", "stopped", "began", "paused", "ebbed"


@dataclass(frozen=True)
class Decision:
    """A turn given to the agent: when, why, and when its answer sounds."""

    at: float
    reason: str
    answered_at: float


@dataclass
class Outcome:
    """What a policy did with the turns: silences it cut into, delays of the true ends."""

    pauses: int = 0
    cut: list[str] = field(default_factory=list)
    cut_elsewhere: int = 0
    decided_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def cut_share(self) -> float:
        """False cut-ins per pause."""
        return len(self.cut) / self.pauses if self.pauses else 0.0


def analyzer(params: VADParams) -> SharedSileroAnalyzer:
    """The product's detector with any parameters."""
    found = SharedSileroAnalyzer(params)
    found.set_sample_rate(RATE_HZ)
    return found


def vad_params(settings: Vad) -> VADParams:
    """As the product's station makes them."""
    return VADParams(
        confidence=settings.confidence,
        start_secs=settings.start_s,
        stop_secs=settings.stop_s,
        min_volume=settings.min_volume,
    )


def voice_events(pcm: bytes, params: VADParams, *, settings: Vad | None = None) -> list[VoiceEvent]:
    """Everything the detector's station tells of a recording, packet by packet."""
    heard, events = analyzer(params), []
    edge = voice_edge(settings or Vad())
    is_speaking = False
    for n in range(len(pcm) // FRAME_PCM_BYTES):
        now = (n + 1) * FRAME_S
        packet = pcm[n * FRAME_PCM_BYTES : (n + 1) * FRAME_PCM_BYTES]
        state = _analyze(heard, packet)
        if state in (VADState.SPEAKING, VADState.QUIET):
            if (state is VADState.SPEAKING) != is_speaking:
                is_speaking = not is_speaking
                events.append(VoiceEvent(now, "started" if is_speaking else "stopped"))
        changed = edge_of(edge, heard, packet)
        if changed is not None:
            events.append(VoiceEvent(now, "began" if changed else "paused"))
        if edge.ebbs(heard.score):
            events.append(VoiceEvent(now, "ebbed"))
    return events


def _analyze(heard: SharedSileroAnalyzer, packet: bytes) -> VADState:
    """The detector answers without awaiting anything."""
    try:
        heard.analyze_audio(packet).send(None)
    except StopIteration as answer:
        state: VADState = answer.value
        return state
    raise AssertionError("the detector waits")


def windows(pcm: bytes, *, confidence: float) -> list[bool]:
    """Voice or not, 32 ms at a time."""
    heard = analyzer(VADParams(confidence=confidence, min_volume=0.0))
    size = 512
    return [
        float(np.asarray(heard.voice_confidence(pcm[i : i + size])).reshape(-1)[0]) >= confidence
        for i in range(0, len(pcm) - size + 1, size)
    ]


# ── ours ─────────────────────────────────────────────────────────────────────────────
class Simulation:
    """One turn through the filter; events in the order of time, deadlines between them."""

    def __init__(
        self,
        talk: Talk,
        events: Sequence[VoiceEvent],
        *,
        settings: Endpoint,
        score: Score,
        with_words: bool,
        delays: Delays,
    ) -> None:
        self._talk, self._settings, self._score = talk, settings, score
        self._with_words = with_words and talk.has_words
        self._delays = delays
        self._filter = EndpointFilter(settings)
        self._speculation = Speculation(settings)
        self._order = count()
        self._queue: list[tuple[float, int, str, Any]] = []
        for event in events:
            self._put(event.at, event.kind, None)
        if self._with_words:
            for at, _ in talk.timed_words():
                self._put(at + INTERIM_S, "interim", at)
        self._stops = 0  # a score or final asked before this stop is for nothing
        self._ebb = 0  # the same of words asked for ahead
        self._is_told_ahead = False
        self._is_open = False
        self._is_silent = False
        self._told_until = 0.0  # words that are final
        self._turn_from = 0
        self._asked_at: float | None = None
        self.decisions: list[Decision] = []

    def run(self) -> list[Decision]:
        """Play the recording; what was decided, and when."""
        while self._queue:
            at, _, kind, data = self._queue[0]
            due = min(
                (d for d in (self._filter.next_deadline(), self._speculation.next_deadline()) if d),
                default=None,
            )
            if due is not None and due < at:
                self._after(self._filter.on_deadline(due), due, is_deadline=True)
                continue
            heapq.heappop(self._queue)
            self._happen(kind, data, at)
        while (due := self._filter.next_deadline()) is not None:
            self._after(self._filter.on_deadline(due), due, is_deadline=True)
        return self.decisions

    def _put(self, at: float, kind: str, data: Any) -> None:
        heapq.heappush(self._queue, (at, next(self._order), kind, data))

    def _happen(self, kind: str, data: Any, now: float) -> None:
        match kind:
            case "started" | "stopped" | "began" | "ebbed" | "paused":
                self._VOICE[kind](self, now)
            case "score":
                self._scored(*data, now=now)
            case "ahead":
                self._ahead(*data, now=now)
            case "final":
                self._finalize(*data, now=now)
            case "interim":
                self._interim(data, now=now)
            case "own final":
                self._finalize(data, self._stops - 1, now=now)  # nobody asked for it

    def _began(self, now: float) -> None:
        self._ebb += 1
        self._is_told_ahead = False
        self._tell(VoiceBegan(), now)

    def _paused(self, now: float) -> None:
        self._tell(VoicePaused(), now)

    def _started(self, now: float) -> None:
        self._stops += 1
        self._is_silent = False
        if not self._is_open:
            self._is_open = True
            lead_s = self._settings.lead_s + 0.2
            self._turn_from = max(0, int((now - lead_s) * RATE_HZ) * 2)
            self._tell(TurnOpened(), now)
        self._tell(SpeechStarted(), now)

    def _stopped(self, now: float) -> None:
        self._is_silent = True
        final_s = self._delays.draw("deepgram", "final", f"{self._talk.name} {now:.2f}")
        self._put(now + final_s, "final", (now, -1 if self._is_told_ahead else self._stops))
        for after_s in self._settings.score_at_s:
            self._put(now + after_s + SCORE_S, "score", (now, now + after_s, self._stops))
        self._tell(SpeechStopped(), now)
        if self._is_told_ahead:
            self._tell(Finalized(), now)

    def _ebbed(self, now: float) -> None:
        """The words are asked for ahead of the stop."""
        if not self._is_silent:
            final_s = self._delays.draw("deepgram", "final", f"{self._talk.name} {now:.2f}")
            self._put(now + final_s, "ahead", (now, self._ebb))
        self._tell(VoiceEbbed(), now)

    def _ahead(self, ebbed_at: float, ebb: int, *, now: float) -> None:
        self._finalize(ebbed_at, -1, now=now)
        if ebb == self._ebb:
            self._is_told_ahead = True
            if self._is_silent and self._is_open:
                self._tell(Finalized(), now)

    _VOICE: ClassVar[dict[str, Callable[[Simulation, float], None]]] = {
        "started": _started, "stopped": _stopped, "began": _began, "ebbed": _ebbed,
        "paused": _paused,
    }  # fmt: skip

    def _scored(self, stopped_at: float, asked_at: float, stop: int, *, now: float) -> None:
        if stop != self._stops or not self._is_open:
            return
        upto = int(asked_at * RATE_HZ) * 2
        first = max(self._turn_from, upto - KEPT_BYTES)
        self._tell(ProbabilityArrived(self._score(self._talk, first, upto), stopped_at), now)

    def _interim(self, word_at: float, *, now: float) -> None:
        if word_at <= self._told_until or not self._is_open:
            return
        if self._is_silent:  # too quiet for the voice detector: the recogniser ends it by itself
            self._put(max(now, word_at + ENDPOINTING_S), "own final", word_at)
        self._tell(WordsArrived(self._words(self._told_until, word_at), final=False), now)

    def _finalize(self, stopped_at: float, stop: int, *, now: float) -> None:
        words = self._words(self._told_until, stopped_at) if self._with_words else NO_WORDS
        self._told_until = max(self._told_until, stopped_at)
        if not self._is_open:
            return
        if words:
            self._tell(WordsArrived(words, final=True), now)
        if stop == self._stops:
            self._tell(Finalized(), now)

    def _words(self, after: float, upto: float) -> str:
        return " ".join(word for at, word in self._talk.timed_words() if after < at <= upto)

    def _tell(self, fact: Fact, now: float) -> None:
        self._after(self._filter.decide(fact, now), now)

    def _after(self, decisions: Sequence[Any], now: float, *, is_deadline: bool = False) -> None:
        """What the stop strategy does with a decision, or without one."""
        if decisions:
            self._end_turn(decisions[0].reason, now)
            return
        outlook = self._filter.outlook()
        look = self._speculation.on_deadline if is_deadline else self._speculation.look
        if any(isinstance(move, Ask) for move in look(outlook, now)):
            self._asked_at = now

    def _end_turn(self, reason: str, now: float) -> None:
        self._speculation.fits(self._filter.words, now)
        asked_at = self._asked_at if self._speculation.in_hand is not None else None
        self._speculation.keep(now)
        answered_at = now + ANSWER_S if asked_at is None else max(now, asked_at + ANSWER_S)
        if reason != "nothing":
            self.decisions.append(Decision(now, reason, answered_at))
        self._is_open, self._asked_at = False, None
        self._filter.decide(TurnClosed(), now)


def ours(
    talks: Sequence[Talk],
    heard: dict[str, list[VoiceEvent]],
    *,
    settings: Endpoint,
    score: Score,
    with_words: bool = True,
    seed: int = 1,
) -> Outcome:
    """The product's policy over all turns."""
    outcome, delays = Outcome(), Delays("co-located", seed=seed)
    for talk in talks:
        simulation = Simulation(
            talk, heard[talk.name],
            settings=settings, score=score, with_words=with_words, delays=delays,
        )  # fmt: skip
        judge(outcome, talk, simulation.run())
    return outcome


def scaled(settings: Endpoint, factor: float) -> Endpoint:
    """The same table with more or less patience."""
    rows = {
        name: tuple(min(wait * factor, settings.hard_stop_s) for wait in getattr(settings, name))
        for name in ("sure_s", "likely_s", "unlikely_s", "no_s", "unknown_s")
    }
    return replace(settings, **rows)  # type: ignore[arg-type]


# ── judgement ────────────────────────────────────────────────────────────────────────
def judge(outcome: Outcome, talk: Talk, decisions: Sequence[Decision]) -> None:
    """Which silences were cut into, and how late the true end was noticed."""
    cut: set[Pause] = set()
    for pause in talk.pauses:
        outcome.pauses += 1
        if any(pause.start_s <= decision.at < pause.end_s for decision in decisions):
            outcome.cut.append(talk.name)
            cut.add(pause)
    in_pauses = sum(
        any(pause.start_s <= decision.at < pause.end_s for pause in cut) for decision in decisions
    )
    early = sum(decision.at < talk.end_s for decision in decisions)
    outcome.cut_elsewhere += early - in_pauses
    if not talk.counts_end:
        return
    last = next((d for d in decisions if d.at >= talk.end_s), None)
    if last is None:
        outcome.missed.append(talk.name)
        return
    outcome.decided_s.append(last.at - talk.end_s)
    outcome.answered_s.append(last.answered_at - talk.end_s)
