"""A reply over faltering voices: whatever order things come in, no clause is lost or said twice."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)

from call.errors import ProviderRefused
from call.failover import Tolerance
from call.measures import (
    FAILOVERS,
    PROVIDER_FAULTS,
    REPLIES_LOST,
    TTS_CHARACTERS,
    TTS_WASTE,
)
from call.relief import PATH_S, PROMISE_S
from frames.speech import ClauseCutFrame, ClauseFrame, PlayheadFrame, VoiceSwitchedFrame
from services.cast import Cast, Member
from services.failover import FailoverTTS
from services.fault import Origin
from services.health import VoiceHealth
from services.phrases import PhraseStore, Recording, Repertoire, VoiceKey
from services.reply import Reply
from services.voice import Event, Finished, Flushed, Sound, Timing
from tests.services.stage import Notes

pytestmark = pytest.mark.rule

LETTER = 400  # samples
TOLERANCE = Tolerance(first_byte_budget_s=0.4, faults_to_open=2, probe_s=5.0)


@dataclass(eq=False)
class ScriptedVoice:
    """A voice that says what it is asked, a letter of audio at a time, when the test wants it."""

    provider: str
    context_life_s: float = 0.0
    contexts: dict[str, list[str]] = field(default_factory=dict)  # letters still to be said
    flushes: dict[str, list[int]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)

    @property
    def origin(self) -> Origin:
        """Who it is."""
        return Origin(self.provider, "speak")

    def speak(self, context: str, text: str) -> None:
        """Take a clause."""
        self.asked.append(text)
        self.contexts.setdefault(context, []).extend("".join(text.split()))

    def finish(self, context: str) -> None:
        """Nothing follows."""
        self.finished.add(context)

    def cancel(self, context: str) -> None:
        """Forget a context."""
        self.contexts.pop(context, None)

    def sing(self, context: str, count: int) -> list[Event]:
        """The next letters with their times and audio, as a vendor that aligns letters."""
        letters = self.contexts.get(context, [])
        now, self.contexts[context] = letters[:count], letters[count:]
        if not now:
            return []
        starts = [i * LETTER / 8000 for i in range(len(now))]
        ends = [start + LETTER / 8000 for start in starts]
        return [
            Timing(context, now, starts, ends, is_relative=True),
            Sound(context, b"\x00" * LETTER * len(now)),
        ]


class Play:
    """One reply, two or more voices, and a clock."""

    def __init__(
        self, voices: int = 2, *, store: PhraseStore | None = None, stall_s: float = 1.5
    ) -> None:
        self.notes = Notes()
        self.now = 100.0
        self.voices = [ScriptedVoice(f"v{number}") for number in range(voices)]
        members = [
            Member(
                voice,  # type: ignore[arg-type]
                VoiceHealth(
                    voice.provider,
                    tolerance=TOLERANCE,
                    recorder=self.notes,
                    clock=lambda: self.now,
                ),
            )
            for voice in self.voices
        ]
        repertoire = Repertoire(
            store or PhraseStore(), language="en", voices={v.provider: "x" for v in self.voices}
        )
        self.cast = Cast(members, recorder=self.notes, repertoire=repertoire)
        self.reply = Reply(self.cast, stall_s=stall_s)
        self.texts: list[str] = []
        self.due_at: float | None = None

    @property
    def out(self) -> list[Frame]:
        """What may leave."""
        return list(self.reply.ready)

    def write(
        self, text: str, *, kind: str = "reply", silent_s: float | None = None
    ) -> ClauseFrame:
        """The model writes a clause; the caller has heard nothing for so long."""
        self.texts.append(text)
        frame = ClauseFrame(
            text, "sentence", written=text, reply=1, clause=len(self.texts), kind=kind
        )
        frame.silent_since = None if silent_s is None else self.now - silent_s
        self.reply.add(frame, self.now)
        return frame

    def close(self) -> None:
        """The model is done."""
        self.reply.close(LLMFullResponseEndFrame(), self.now)

    def hear(self, index: int, event: Event) -> None:
        """An attempt's event."""
        attempt = self.reply.attempts[index]
        self.reply.hear(attempt, event, self.now)

    def sing(self, count: int = 1, *, index: int = 0) -> None:
        """A voice at work says the next letters."""
        if index >= len(self.reply.attempts):
            return
        attempt = self.reply.attempts[index]
        voice: Any = attempt.member.voice
        for event in voice.sing(attempt.context, count):
            if attempt in self.reply.attempts:
                self.reply.hear(attempt, event, self.now)

    def finish(self, *, index: int = 0) -> None:
        """A voice says that it is done."""
        if index < len(self.reply.attempts):
            attempt = self.reply.attempts[index]
            self.reply.hear(attempt, Finished(attempt.context), self.now)

    def fail(self, *, index: int = 0, kind: str = "down") -> None:
        """A voice fails."""
        if index < len(self.reply.attempts):
            attempt = self.reply.attempts[index]
            origin = attempt.member.voice.origin
            fault = origin.down("lost") if kind == "down" else origin.broke("nonsense")
            if self.reply.lose(attempt, fault, self.now):
                self.cast.blame(attempt.member, fault)

    def wait(self, seconds: float, *, dry_at: float = 0.0) -> None:
        """Time passes."""
        self.now += seconds
        self.due_at = self.reply.tick(self.now, dry_at)

    def run_dry(self) -> None:
        """Let everything that is still to come, come."""
        for _ in range(400):
            if self.reply.is_over:
                return
            before = len(self.reply.ready)
            for index in range(len(self.reply.attempts)):
                self.sing(1000, index=index)
            for attempt in list(self.reply.attempts):
                voice: Any = attempt.member.voice
                is_done = attempt.context in voice.finished and not voice.contexts.get(
                    attempt.context
                )
                if is_done and attempt in self.reply.attempts:
                    self.reply.hear(attempt, Finished(attempt.context), self.now)
            if len(self.reply.ready) == before:
                self.wait(0.25)


def spoken(frames: list[Frame]) -> list[tuple[str, bool]]:
    """(text, ended in full) of each clause that began."""
    told: list[tuple[str, bool]] = []
    cut: set[str] = set()
    texts: dict[str, str] = {}
    for frame in frames:
        if isinstance(frame, ClauseFrame):
            texts[frame.clause_id] = frame.text
        elif isinstance(frame, ClauseCutFrame):
            cut.add(frame.clause_id)
        elif isinstance(frame, PlayheadFrame) and frame.is_end:
            told.append((texts[frame.clause_id], frame.clause_id not in cut))
    return told


def check_order(frames: list[Frame]) -> None:
    """Each clause begins once and before its sound, ends once; places only rise; sound is framed
    by its start and stop."""
    begun: list[str] = []
    ended: list[str] = []
    chars, is_sounding = 0, False
    for frame in frames:
        match frame:
            case ClauseFrame():
                assert frame.clause_id not in begun
                assert begun == ended, "one clause at a time"
                begun.append(frame.clause_id)
                chars = 0
            case PlayheadFrame():
                assert frame.clause_id == begun[-1]
                assert frame.chars >= chars
                if not frame.is_within:  # a word may break off in its middle
                    chars = frame.chars
                if frame.is_end:
                    ended.append(frame.clause_id)
            case VoiceSwitchedFrame():
                assert frame.clause_id == begun[-1]
            case TTSStartedFrame():
                assert not is_sounding
                is_sounding = True
            case TTSAudioRawFrame():
                assert is_sounding
                assert begun
            case TTSStoppedFrame():
                assert is_sounding
                is_sounding = False
    assert begun == ended
    assert not is_sounding


def letters(text: str) -> str:
    return "".join(text.split())


TEXTS = st.lists(
    st.lists(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=5).map(" ".join),
    min_size=1,
    max_size=4,
)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.none() | st.floats(0.0, 2.5)),
    st.tuples(st.just("close"), st.just(0)),
    st.tuples(st.just("sing"), st.integers(0, 1), st.integers(1, 12)),
    st.tuples(st.just("fail"), st.integers(0, 1)),
    st.tuples(st.just("finish"), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.floats(0.01, 0.6), st.booleans()),
)


class Script:
    """Plays steps in the order they come, and then whatever is still to be said."""

    def __init__(self, play: Play, texts: list[str]) -> None:
        self.play = play
        self.left = list(texts)
        self.is_closed = False

    def step(self, step: Any) -> None:
        """One step; those that make no sense are passed over."""
        match step:
            case ("write", silent_s) if self.left:
                self.play.write(self.left.pop(0), silent_s=silent_s)
            case ("close", _) if not self.is_closed and not self.left:
                self.is_closed = True
                self.play.close()
            case ("sing", index, count):
                self.play.sing(count, index=index)
            case ("fail", index):
                self.play.fail(index=index)
            case ("finish", index):
                self.play.finish(index=index)
            case ("wait", seconds, is_playing):
                self.play.wait(seconds, dry_at=self.play.now + 5 if is_playing else 0.0)

    def end(self) -> None:
        """The rest is written and said."""
        for text in self.left:
            self.play.write(text)
        if not self.is_closed:
            self.play.close()
        self.play.run_dry()


@settings(deadline=None, max_examples=400)
@given(texts=TEXTS, steps=st.lists(STEPS, max_size=40), voices=st.integers(1, 3))
def test_whatever_happens_no_clause_is_lost_or_said_twice(
    texts: list[str], steps: list[Any], voices: int
) -> None:
    """Every clause of a reply is said to its end, in order; or the reply is told to be lost, and
    what was said is the beginning of it. Nothing of it is taken for said that had no sound."""
    play = Play(voices)
    script = Script(play, texts)
    for step in steps:
        script.step(step)
    script.end()
    assert play.reply.is_over
    check_order(play.out)
    told = spoken(play.out)
    assert [text for text, _ in told] == texts[: len(told)]
    if play.reply.lost is None:
        assert told == [(text, True) for text in texts]
    else:
        assert play.notes.of(REPLIES_LOST) == 1
        assert all(is_whole for _, is_whole in told[:-1])
        assert len(told) < len(texts) or not told[-1][1]
    assert isinstance(play.out[-1], LLMFullResponseEndFrame)
    # each letter of what counts as said had its sound, but for a letter a stop, and three where
    # a voice says that it is done
    sound = sum(len(f.audio) for f in play.out if isinstance(f, TTSAudioRawFrame)) // 2 // LETTER
    heads = [f for f in play.out if isinstance(f, PlayheadFrame) and f.is_end]
    counted = sum(
        len(letters(text[: head.chars])) for (text, _), head in zip(told, heads, strict=True)
    )
    assert counted <= sound + len(steps) + 3 * sum(step[0] == "finish" for step in steps)


@settings(deadline=None)
@given(texts=TEXTS, data=st.data(), by=st.sampled_from(["fail", "stall", "broke"]))
def test_at_every_cut_point_at_most_a_word_is_said_twice(
    texts: list[str], data: st.DataObject, by: str
) -> None:
    """The stand-in begins with the word the first voice stopped in, and says all from there."""
    at = data.draw(st.integers(0, len("".join(map(letters, texts)))))
    play = Play()
    for text in texts:
        play.write(text)
    play.close()
    if at:
        play.sing(at)
    whole = "".join(map(letters, texts))
    if at >= len(whole):
        play.finish()
        assert spoken(play.out) == [(text, True) for text in texts]
        return
    if by == "stall":
        play.wait(0.45)
        play.voices[0].contexts.clear()
    else:
        play.fail(kind=by)
    first, second = (voice.asked for voice in play.voices)
    assert first == texts
    rest = "".join(map(letters, second))
    assert whole.endswith(rest)
    said = len(whole) - len(rest)
    assert said <= at + 1  # nothing unsaid is passed over; a letter's worth of slack
    words = [word for text in texts for word in text.split()]
    starts = [sum(map(len, words[:i])) for i in range(len(words) + 1)]
    assert said in starts  # at a word's end
    assert at < said + len(words[starts.index(said)])  # within the word that is said again
    play.run_dry()
    assert spoken(play.out) == [(text, True) for text in texts]
    assert play.notes.of(FAILOVERS) == 1


def test_a_clause_leaves_when_its_sound_begins() -> None:
    """Not before: whatever counts clauses must not count what may never be heard."""
    play = Play()
    play.write("one two")
    assert play.out == []
    play.sing(3)
    assert isinstance(play.out[0], ClauseFrame)
    assert play.out[0].voice == "v0"


def test_a_voice_that_is_late_is_raced_and_the_first_to_sound_goes_on() -> None:
    """The other one is stopped, and its late sound is nobody's."""
    play = Play()
    play.write("one two")
    play.wait(0.39)
    assert len(play.reply.attempts) == 1
    play.wait(0.02)
    assert [a.member.provider for a in play.reply.attempts] == ["v0", "v1"]
    play.sing(3, index=1)
    assert [a.member.provider for a in play.reply.attempts] == ["v1"]
    assert play.voices[0].contexts == {}
    assert play.notes.of(FAILOVERS) == 1
    assert play.cast.lead.provider == "v1"


def test_a_late_voice_that_sounds_first_keeps_the_reply() -> None:
    """No failover; the stand-in is stopped."""
    play = Play()
    play.write("one two")
    play.wait(0.41)
    play.sing(3, index=0)
    assert [a.member.provider for a in play.reply.attempts] == ["v0"]
    assert play.voices[1].contexts == {}
    assert play.notes.of(FAILOVERS) == 0


def late(silent_s: float = 1.5) -> Play:
    """A first clause that comes so long after the turn was the agent's."""
    play = Play()
    play.write("one two", silent_s=silent_s)
    play.close()
    play.wait(0.0)
    return play


def providers(play: Play) -> list[str]:
    """Who is at work."""
    return [attempt.member.provider for attempt in play.reply.attempts]


def test_behind_a_late_clause_another_voice_is_asked_before_the_first_is_late() -> None:
    """As soon as it could not be in time later; behind an early one nobody is."""
    play = late()
    assert play.due_at == pytest.approx(play.now - 1.5 + PROMISE_S - PATH_S - 0.3)
    play.wait(0.09)
    assert providers(play) == ["v0"]
    play.wait(0.02)
    assert providers(play) == ["v0", "v1"]
    assert providers(late(1.7)) == ["v0", "v1"]
    early = late(1.2)
    assert early.due_at == pytest.approx(early.now + 0.4)


def test_a_second_voice_is_held_back_while_the_first_may_be_in_time() -> None:
    """The caller hears the same voice as before, and nobody is at fault."""
    play = late(1.7)
    play.sing(100, index=1)
    play.wait(0.1)
    assert play.out == []
    play.sing(3)
    assert providers(play) == ["v0"]
    play.run_dry()
    assert spoken(play.out) == [("one two", True)]
    check_order(play.out)
    assert play.voices[1].contexts == {}
    assert (play.notes.of(FAILOVERS), play.notes.of(PROVIDER_FAULTS)) == (0, 0)
    assert play.notes.of(TTS_CHARACTERS, provider="v1") == len("one two")
    assert play.notes.of(TTS_WASTE) == play.notes.of(TTS_WASTE, provider="v1") == len("one two")
    assert play.cast.lead.provider == "v0"


def test_a_first_voice_that_stalls_behind_a_late_clause_is_sounded_in_place_of() -> None:
    """At the last moment, whatever its own deadline; it took longer than usual, and is told so. The
    record names it in any case, but one that had less time than usual may be well."""
    play = late(1.5)
    play.wait(0.11)
    play.sing(100, index=1)
    assert play.due_at == pytest.approx(play.now - 1.61 + PROMISE_S - PATH_S)
    play.wait(0.28)
    assert play.out == []
    play.wait(0.02)
    assert [f.voice for f in play.out if isinstance(f, ClauseFrame)] == ["v1"]
    assert (play.notes.of(FAILOVERS), play.notes.of(PROVIDER_FAULTS, provider="v0")) == (1, 1)
    assert play.notes.of(TTS_WASTE, provider="v0") == len("one two")
    assert play.cast.lead.provider == "v1"
    play.run_dry()
    assert spoken(play.out) == [("one two", True)]
    check_order(play.out)

    hasty = late(1.7)
    hasty.cast.members[0].health.failed(hasty.voices[0].origin.slow("no sound"))
    hasty.sing(100, index=1)
    hasty.wait(0.21)
    assert hasty.notes.of(PROVIDER_FAULTS, provider="v0") == 1
    assert not hasty.cast.members[0].health.is_open


def test_a_first_voice_that_fails_behind_a_late_clause_lets_the_second_sound_at_once() -> None:
    """Also one that was given the rest of the clauses meanwhile, and is done with them."""
    play = Play()
    play.write("one two", silent_s=1.7)
    play.wait(0.0)
    play.write("three")
    play.close()
    play.sing(100, index=1)
    play.finish(index=1)
    assert play.out == []
    play.fail()
    assert spoken(play.out) == [("one two", True), ("three", True)]
    assert play.reply.is_over
    check_order(play.out)
    assert play.notes.of(PROVIDER_FAULTS) == play.notes.of(PROVIDER_FAULTS, provider="v0") == 1


def test_a_second_voice_that_fails_while_it_is_held_back_changes_nothing() -> None:
    """What it had said is nobody's."""
    play = late(1.7)
    play.sing(2, index=1)
    play.fail(index=1)
    play.wait(0.3)
    assert (providers(play), play.out) == (["v0"], [])
    play.run_dry()
    assert spoken(play.out) == [("one two", True)]
    assert [f.voice for f in play.out if isinstance(f, ClauseFrame)] == ["v0"]


def test_nobody_is_asked_in_advance_who_is_gone_round_or_has_failed_in_the_reply() -> None:
    """They are the last resort."""
    play = Play()
    play.cast.members[1].health.failed(ProviderRefused("speak", "status 401", provider="v1"))
    play.write("one two", silent_s=1.7)
    play.wait(0.0)
    assert providers(play) == ["v0"]
    failed = Play()
    failed.write("one two", silent_s=1.7)
    failed.fail()
    failed.wait(0.0)
    assert providers(failed) == ["v1"]
    alone = Play(1)
    alone.write("one two", silent_s=1.9)
    alone.wait(0.0)
    assert alone.due_at == pytest.approx(alone.now + 0.4)


def test_a_model_that_writes_on_does_not_put_the_second_voice_off() -> None:
    """Each clause is a new question to the first voice; the caller's silence is one."""
    play = Play()
    began = play.now
    for _ in range(30):
        play.write("one", silent_s=0.3 if play.now == began else None)
        play.wait(0.1)
        play.sing(1, index=1)
        if play.out:
            break
    assert play.now - began + 0.3 + PATH_S <= PROMISE_S + 0.1  # the clock's step


@settings(deadline=None, max_examples=200)
@given(
    clause_s=st.floats(0.0, 1.7),
    by=st.sampled_from(["stall", "down", "broke", "late"]),
    fails_s=st.floats(0.0, 1.0),
    other_s=st.floats(0.0, 0.19),
    more=st.lists(st.floats(0.0, 0.5), max_size=3),
)
def test_something_is_heard_within_two_seconds_of_the_turn(
    clause_s: float, by: str, fails_s: float, other_s: float, more: list[float]
) -> None:
    """Whenever the first clause comes, whatever the first voice does, and however many clauses
    follow: given a stand-in whose first sound is normal. All is said once."""
    play, step_s = Play(), 0.01
    play.write("one two", silent_s=clause_s)
    began, asked_at = play.now, None
    writes = [began + sum(more[: at + 1]) for at in range(len(more))]
    while not play.out:
        play.wait(step_s)
        while writes and play.now >= writes[0]:
            play.write(f"more {writes.pop(0):.3f}")
        if play.now - began >= fails_s and providers(play)[0] == "v0":
            if by == "late":
                play.sing(2)
            elif by != "stall":
                play.fail(kind=by)
        if "v1" in providers(play):
            asked_at = asked_at or play.now
            if play.now - asked_at >= other_s:
                play.sing(3, index=providers(play).index("v1"))
        assert play.now - began + clause_s + PATH_S <= PROMISE_S + 2 * step_s
    for _ in writes:
        play.write("more")
    play.close()
    play.run_dry()
    assert spoken(play.out) == [(text, True) for text in play.texts]
    check_order(play.out)


def test_a_stall_is_no_trouble_while_there_is_sound_to_play() -> None:
    """The stand-in is asked shortly before the ear runs dry."""
    play = Play()
    play.write("one two three")
    play.close()
    play.sing(8)
    play.wait(1.0, dry_at=play.now + 2.0)
    assert len(play.reply.attempts) == 1
    play.wait(0.8, dry_at=play.now + 1.0)
    assert len(play.reply.attempts) == 2
    assert play.voices[1].asked == ["three"]


def test_a_model_that_pauses_is_no_stall() -> None:
    """All that was written has been said."""
    play = Play()
    play.write("one two")
    play.sing(6)
    for _ in range(20):
        play.wait(0.3)
    assert len(play.reply.attempts) == 1
    assert play.voices[1].asked == []
    play.write("three")
    play.close()
    play.run_dry()
    assert spoken(play.out) == [("one two", True), ("three", True)]


def test_zero_audio_for_a_clause_is_a_fault() -> None:
    """The voice says that it is done; the other one says what is missing."""
    play = Play()
    play.write("one two")
    play.write("three")
    play.close()
    play.sing(6)
    play.finish()
    assert play.voices[1].asked == ["three"]
    play.run_dry()
    assert spoken(play.out) == [("one two", True), ("three", True)]
    hollow = Play()
    hollow.write("one")
    hollow.hear(0, Flushed(hollow.reply.attempts[0].context))
    assert hollow.voices[1].asked == ["one"]


def test_a_voice_that_only_tells_times_is_late() -> None:
    """Or that sends audio without a sample: neither is a sign of life."""
    play = Play()
    play.write("one two")
    context = play.reply.attempts[0].context
    for number in range(5):
        play.now += 0.11
        play.hear(0, Timing(context, ["o"], [0.0], [0.1]))
        play.hear(0, Sound(context, b""))
        play.wait(0.0)
        assert len(play.reply.attempts) == (2 if number >= 3 else 1)
    play.sing(100, index=1)
    assert [a.member.provider for a in play.reply.attempts] == ["v1"]


def test_endless_sound_is_cut_off() -> None:
    """It does not fill the memory; the rest is said by the other voice."""
    play = Play()
    play.write("one two")
    context = play.reply.attempts[0].context
    for _ in range(40):
        if play.reply.attempts[0].context != context:
            break
        play.hear(0, Sound(context, b"\x00" * 8000))
    assert [a.member.provider for a in play.reply.attempts] == ["v1"]


def test_all_voices_silent_ends_the_reply_in_time() -> None:
    """The caller is not left without a sound for two seconds."""
    play = Play()
    play.write("one two")
    play.close()
    began = play.now
    for _ in range(100):
        play.wait(0.05)
        if play.reply.is_over:
            break
    assert 1.4 < play.now - began < 1.7
    assert play.reply.lost is not None
    assert spoken(play.out) == []
    assert [type(f) for f in play.out] == [LLMFullResponseEndFrame]


def test_the_time_to_look_again_is_when_something_is_due() -> None:
    """Late, at rest, given up: and nothing to do without a voice at work."""
    play = Play(1)
    play.wait(0.0)
    assert play.due_at is None
    play.write("one two")
    play.wait(0.0)
    assert play.due_at == pytest.approx(play.now + 0.4)
    play.wait(0.45)
    assert play.due_at == pytest.approx(play.now - 0.45 + 1.5)
    play.sing(4)
    play.wait(0.0)
    assert play.due_at == pytest.approx(play.now + 0.2)
    play.sing(10)
    play.wait(0.3)
    assert play.due_at is None
    play.close()
    play.wait(0.0)
    assert play.due_at == pytest.approx(play.now + 0.5)
    play.wait(0.51)
    assert play.reply.is_over


def kept(*texts: str, provider: str = "v0") -> PhraseStore:
    """A store in which a voice has recorded phrases, a letter at an even pace."""
    store = PhraseStore()
    for text in texts:
        ends, at = [], 0
        for word in text.split():
            at += len(word) * LETTER
            ends.append(at)
        store.keep(VoiceKey(provider, "x", "en"), Recording(text, bytes(at), tuple(ends)))
    return store


def test_a_phrase_that_is_kept_sounds_at_once_without_a_voice() -> None:
    """With the ends of its words."""
    play = Play(store=kept("good morning to you"))
    play.write("good morning", kind="greeting")
    play.write("to you", kind="greeting")
    play.close()
    assert play.reply.is_over
    assert spoken(play.out) == [("good morning", True), ("to you", True)]
    check_order(play.out)
    places = [(f.clause_id, f.chars) for f in play.out if isinstance(f, PlayheadFrame)]
    assert places == [
        ("1.1", 2), ("1.1", 4), ("1.1", 9), ("1.1", 12),
        ("1.2", 1), ("1.2", 2), ("1.2", 5), ("1.2", 6),
    ]  # fmt: skip
    assert not any(voice.asked for voice in play.voices)
    assert [f.voice for f in play.out if isinstance(f, ClauseFrame)] == ["v0", "v0"]


def test_a_phrase_is_said_in_the_voice_that_was_heard_last() -> None:
    """Though another one leads, because that one has failed since."""
    store = kept("good morning", provider="v1")
    both = kept("good morning", "we are sorry", provider="v0")
    for recording in both.recorded(VoiceKey("v0", "x", "en")):
        store.keep(VoiceKey("v0", "x", "en"), recording)
    store.keep(VoiceKey("v1", "x", "en"), Recording("we are sorry", bytes(30), (10, 20, 30)))
    play = Play(store=store)
    play.write("good morning", kind="greeting")
    play.cast.blame(play.cast.members[0], play.voices[0].origin.down("lost"))
    assert play.cast.lead.provider == "v1"
    play.write("we are sorry", kind="greeting")
    assert [f.voice for f in play.out if isinstance(f, ClauseFrame)] == ["v0", "v0"]


def test_the_models_words_are_never_taken_from_the_store() -> None:
    """Though they may be the same."""
    play = Play(store=kept("good morning"))
    play.write("good morning")
    assert play.voices[0].asked == ["good morning"]


def test_kept_and_spoken_clauses_keep_their_order() -> None:
    """A kept one waits for the one before it."""
    play = Play(store=kept("two", "four"))
    for text in ("one", "two", "three", "four"):
        play.write(text, kind="greeting")
    play.close()
    assert play.out == []
    play.run_dry()
    check_order(play.out)
    assert [text for text, _ in spoken(play.out)] == ["one", "two", "three", "four"]
    assert play.voices[0].asked == ["one", "three"]


def test_a_phrase_no_voice_can_say_becomes_the_shipped_one_of_its_kind() -> None:
    """And the record has what was really said."""
    play = Play(1)
    play.write("Our robots are on strike.", kind="apology")
    play.write("Do call again.", kind="apology")
    play.close()
    for _ in range(2):
        play.fail()
    assert play.reply.is_over
    assert play.reply.lost is None
    clause = next(f for f in play.out if isinstance(f, ClauseFrame))
    assert clause.voice == "shipped"
    assert clause.written == clause.text != "Our robots are on strike."
    assert spoken(play.out) == [(clause.text, True)]
    check_order(play.out)


def test_an_apology_does_not_wait_for_voices_that_are_gone_round() -> None:
    """Nor longer than the last one is given, when they have just gone silent."""
    play = Play(2)
    for voice in play.cast.members:
        voice.health.failed(voice.voice.origin.down("lost"))
        voice.health.failed(voice.voice.origin.down("lost"))
    play.write("Our robots are on strike.", kind="apology")
    play.write("Do call again.", kind="apology")
    play.close()
    assert [is_whole for _, is_whole in spoken(play.out)] == [True]
    assert not any(voice.asked for voice in play.voices)
    silent = Play(2)
    silent.write("Our robots are on strike.", kind="apology")
    silent.close()
    began = silent.now
    while not silent.reply.is_over and silent.now < began + 3:
        silent.wait(0.05)
    assert silent.now - began == pytest.approx(0.85, abs=0.06)
    assert silent.reply.lost is None


def test_a_greeting_is_tried_with_every_voice_before_it_is_lost() -> None:
    """Nothing can take its place."""
    play = Play(2)
    for voice in play.cast.members:
        voice.health.failed(voice.voice.origin.down("lost"))
        voice.health.failed(voice.voice.origin.down("lost"))
    play.write("Harbour Dental, hello.", kind="greeting")
    assert play.voices[0].asked == ["Harbour Dental, hello."]
    play.close()
    for _ in range(4):
        play.fail()
    assert play.reply.lost is not None


def test_a_phrase_that_is_shipped_word_for_word_is_said_when_no_voice_can() -> None:
    """Whatever its kind, all its clauses, in their own words."""
    play = Play(1)
    for text in ("Thank you for calling.", "Goodbye."):
        play.write(text, kind="anything")
    play.close()
    for _ in range(2):
        play.fail()
    assert spoken(play.out) == [("Thank you for calling.", True), ("Goodbye.", True)]
    assert {f.voice for f in play.out if isinstance(f, ClauseFrame)} == {"shipped"}
    check_order(play.out)


def test_a_phrase_that_broke_off_is_followed_by_the_shipped_one() -> None:
    """The clause that began is cut; the shipped one has a name of its own."""
    play = Play(1)
    play.write("Our robots are on strike.", kind="apology")
    play.sing(10)
    for _ in range(2):
        play.fail()
    play.close()
    check_order(play.out)
    told = spoken(play.out)
    assert told[0] == ("Our robots are on strike.", False)
    assert told[1][1] is True
    assert [f.clause_id for f in play.out if isinstance(f, ClauseFrame)] == ["1.1", "1.2"]


def test_a_phrase_that_was_half_said_just_ends() -> None:
    """It has said what it is about; the rest is lost like a reply's."""
    play = Play(1)
    play.write("I am sorry.", kind="apology")
    play.write("Do call again.", kind="apology")
    half = Play(1)
    half.write("I am sorry.", kind="apology")
    half.write("Do call again.", kind="apology")
    half.sing(len(letters("I am sorry.")) + 1)
    for _ in range(2):
        half.fail()
    half.close()
    assert [text for text, _ in spoken(half.out)] == ["I am sorry.", "Do call again."]
    assert half.reply.lost is not None


def test_an_empty_clause_ends_without_a_sound() -> None:
    """Nobody is asked for it."""
    play = Play()
    play.write("")
    play.write("one")
    play.close()
    play.run_dry()
    assert spoken(play.out) == [("", True), ("one", True)]
    assert play.voices[0].asked == ["one"]


def test_a_timer_that_is_due_at_once_rings_on_the_loop_of_the_process() -> None:
    """Whose handle of such a timer cannot tell when it is due."""

    async def ring() -> None:
        play = Play()
        station = FailoverTTS(play.cast, stall_s=1.5)
        reply = station._begin(None, time.monotonic())
        reply.tick = lambda now, dry_at: now  # type: ignore[method-assign]
        for _ in range(3):
            station._stir()
        assert station._timer is not None
        station._timer.cancel()

    uvloop.run(ring())
