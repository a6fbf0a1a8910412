"""A recogniser that drops at any moment: every word comes once, in order, and every turn ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from call.hearing import Hearing, Patience
from call.hearing_facts import (
    Action,
    Ask,
    Connected,
    Disconnected,
    Fact,
    Pass,
    Replace,
    Settle,
    SpeechBegan,
    SpeechEnded,
    Told,
)
from call.tape import Tape

pytestmark = pytest.mark.rule

STEP_S = 0.02
SILENCE = 255
ENDPOINT = 15  # steps of silence after which the recogniser ends a segment by itself
BEGAN_LATE, ENDED_LATE = 10, 6  # steps by which the voice detector is late


@dataclass(frozen=True)
class Habits:
    """How a vendor goes about it."""

    up: int  # steps that audio takes
    down: int  # steps that words take
    answers_always: bool  # also when there is nothing to tell
    longest: int  # words after which a segment ends in the middle of a sentence


class Recogniser:
    """One connection of a vendor: what it is sent arrives late, what it says leaves late, and what
    is under way when it drops never arrives. A word is a stretch of one number."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._coming: deque[tuple[int, bytes | Ask]] = deque()
        self._leaving: deque[tuple[int, Told, list[int]]] = deque()
        self._heard = 0
        self._runs: list[tuple[int, int, int]] = []  # number, first and last sample
        self._final_to = 0
        self._shown: list[int] = []

    def send(self, item: bytes | Ask, step: int) -> None:
        self._coming.append((step + self._habits.up, item))

    def work(self, step: int) -> None:
        """Hear what has arrived; say what follows."""
        while self._coming and self._coming[0][0] <= step:
            item = self._coming.popleft()[1]
            if isinstance(item, Ask):
                if self._habits.answers_always or self._words()[0]:
                    self._say(step, is_final=True, answers=True)
                continue
            self._hear(item)
            words = self._words()[0]
            if words != self._shown:
                self._shown = words
                if words:
                    self._say(step)
            number, first, last = self._runs[-1]
            silence = last - first if number == SILENCE else 0
            is_long = len(words) >= self._habits.longest and silence
            if words and (is_long or silence >= ENDPOINT * 160):
                self._say(step, is_final=True)

    def _hear(self, item: bytes) -> None:
        number, start = item[0], self._heard
        self._heard += len(item)
        if self._runs and self._runs[-1][0] == number:
            start = self._runs.pop()[1]
        self._runs.append((number, start, self._heard))

    def told(self, step: int) -> list[tuple[Told, list[int]]]:
        """What has left."""
        found = []
        while self._leaving and self._leaving[0][0] <= step:
            found.append(self._leaving.popleft()[1:])
        return found

    def _words(self) -> tuple[list[int], int]:
        """Words since the last final that are whole, and where the last one ends."""
        words = [
            (number, last)
            for number, first, last in self._runs
            if number != SILENCE
            and first >= self._final_to
            and last - first >= LENGTH[number] * 160
        ]
        return [number for number, _ in words], words[-1][1] if words else self._final_to

    def _say(self, step: int, *, is_final: bool = False, answers: bool = False) -> None:
        words, end = self._words()
        start_s = self._final_to / 8000
        if is_final:
            end = self._heard
            self._final_to = end
            self._shown = []
        end_s = end / 8000
        told = Told(start_s, end_s, has_words=bool(words), is_final=is_final, answers=answers)
        self._leaving.append((step + self._habits.down, told, words))


@dataclass(frozen=True)
class Drop:
    """The connection ends at a step: before or behind what is sent in it, and after so many of the
    messages that arrive in it; the next one stands so many steps later."""

    step: int
    is_early: bool
    messages: int
    away: int


class Call:
    """What the caller said, and what came of it."""

    def __init__(self, habits: Habits, drops: list[Drop]) -> None:
        tape = Tape(keep_s=30.0, rate=1.25, burst_s=0.4)
        patience = Patience(answer_s=0.35, stall_s=2.0, gone_s=1.7)
        self.hearing = Hearing(tape, patience, longest_replay_s=24.0)
        self.words: list[int] = []
        self.settled: list[int] = []  # steps
        self._unsure: list[int] = []
        self._habits = habits
        self._drops = {drop.step: drop for drop in drops}
        self._line: Recogniser | None = None
        self._returns_at = 0

    def step(self, step: int, *, sound: int, fact: Fact | None) -> None:
        """20 ms of the call."""
        now = step * STEP_S
        drop = self._drops.get(step)
        if drop is not None and drop.is_early:
            self._drop(step, away=drop.away)
        if self._line is None and step >= self._returns_at:
            self._line = Recogniser(self._habits)
            self.hearing.decide(Connected(), now)
        self.hearing.take(bytes([sound]) * 160, now)
        if fact is not None:
            self._act(self.hearing.decide(fact, now), step)
        for item in self.hearing.due(now):
            assert self._line is not None
            self._line.send(item, step)
        if self._line is not None:
            self._line.work(step)
            self._listen(self._line.told(step)[: drop.messages if drop else None], step)
        if drop is not None:
            self._drop(step, away=drop.away)
        due_at = self.hearing.next_deadline()
        if due_at is not None and due_at <= now:
            self._act(self.hearing.on_deadline(now), step)

    def _listen(self, messages: list[tuple[Told, list[int]]], step: int) -> None:
        for told, words in messages:
            actions = self.hearing.decide(told, step * STEP_S)
            if Pass() in actions and not told.is_final:
                self._unsure = words
            elif told.is_final and any(isinstance(action, Pass) for action in actions):
                self.words += words
            self._act(actions, step)

    def _act(self, actions: tuple[Action, ...], step: int) -> None:
        for action in actions:
            match action:
                case Settle(keeps_unsure=keeps):
                    self.words += self._unsure if keeps else []
                    self.settled.append(step)
                case Replace():
                    self._drop(step, away=5)

    def _drop(self, step: int, *, away: int) -> None:
        if self._line is not None:
            self._line = None
            self._returns_at = step + away
            self._act(self.hearing.decide(Disconnected(), step * STEP_S), step)


SENTENCES = st.lists(
    st.tuples(
        st.lists(st.integers(5, 25), min_size=1, max_size=4),  # words' lengths, in steps
        st.integers(0, 60),  # pause after it, beyond what the voice detector needs
    ),
    min_size=1,
    max_size=4,
)
LENGTH: dict[int, int] = {}
GAP = 3  # steps of silence between words: no sentence ends in one


def voice(sentences: list[tuple[list[int], int]]) -> tuple[bytearray, dict[int, Fact]]:
    """Steps of sound, and what the voice detector says at which step."""
    sound = bytearray([SILENCE] * 20)
    says: dict[int, Fact] = {}
    LENGTH.clear()
    for lengths, pause in sentences:
        began = len(sound)
        for length in lengths:
            word = len(LENGTH) + 1
            LENGTH[word] = length
            sound += bytes([word] * length + [SILENCE] * GAP)
        ended = len(sound) - GAP
        says[min(began + BEGAN_LATE, ended)] = SpeechBegan()
        says[ended + ENDED_LATE] = SpeechEnded()
        sound += bytes([SILENCE] * (pause + BEGAN_LATE + ENDED_LATE))
    return sound, says


@given(
    sentences=SENTENCES,
    drops=st.lists(
        st.builds(
            Drop,
            st.integers(1, 400),
            st.booleans(),
            st.integers(0, 2),
            st.integers(0, 25) | st.integers(0, 120),
        ),
        max_size=4,
    ),
    habits=st.builds(
        Habits, st.integers(0, 4), st.integers(0, 6), st.booleans(), st.integers(1, 4)
    ),
)
@example(  # while the answer is on its way, and again while it is replayed
    sentences=[([20, 20], 50)],
    drops=[Drop(70, False, 0, 5), Drop(90, False, 0, 5)],
    habits=Habits(up=1, down=4, answers_always=True, longest=4),
)
def test_every_word_comes_once_and_in_order_and_every_turn_ends(
    sentences: list[tuple[list[int], int]],
    drops: list[Drop],
    habits: Habits,
) -> None:
    """Dropped at any step, before or behind any message, once more during the replay."""
    sound, says = voice(sentences)
    call = Call(habits, drops)
    for step in range(len(sound) + 600):
        call.step(step, sound=sound[step] if step < len(sound) else SILENCE, fact=says.get(step))
    assert call.words == list(range(1, len(LENGTH) + 1))
    ended = [step for step, fact in says.items() if isinstance(fact, SpeechEnded)]
    assert any(step >= ended[-1] for step in call.settled)  # nobody waits for ever
    assert len(call.settled) <= len(ended)  # nor is told twice
