"""Does the recogniser hear, and has it told all it heard?"""

from __future__ import annotations

import pytest

from call.endpoint import VoiceBegan, VoiceEbbed
from call.hearing import Hearing, Patience
from call.hearing_facts import (
    Action,
    Alive,
    Ask,
    Connected,
    Disconnected,
    Fact,
    Forgotten,
    Garbled,
    Lose,
    Pass,
    Recover,
    Replace,
    Settle,
    SpeechBegan,
    SpeechEnded,
    Told,
)
from call.tape import Tape

pytestmark = pytest.mark.rule

PIECE = bytes(160)


class Line:
    """A call that goes on in steps of 20 ms."""

    def __init__(self, *, keep_s: float = 5.0, gone_s: float = 1.7) -> None:
        patience = Patience(answer_s=0.35, stall_s=2.0, gone_s=gone_s)
        tape = Tape(keep_s=keep_s, rate=1.25, burst_s=0.4)
        self.hearing = Hearing(tape, patience, longest_replay_s=keep_s / 1.25)
        self.now = 100.0
        self.sent: list[bytes | Ask] = []
        self.actions: list[Action] = []
        self.shed = 0

    def tell(self, *facts: Fact) -> list[Action]:
        """Facts at this instant, and what follows from them."""
        found: list[Action] = []
        for fact in facts:
            found += self.hearing.decide(fact, self.now)
        self.sent += self.hearing.due(self.now)
        self.actions += found
        return found

    def pass_s(self, seconds: float, *, audio: bool = True) -> list[Action]:
        """Time goes by, with or without audio; what follows from it."""
        found: list[Action] = []
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            if audio:
                self.shed += self.hearing.take(PIECE, self.now)
            self.sent += self.hearing.due(self.now)
            due_at = self.hearing.next_deadline()
            if due_at is not None and due_at <= self.now:
                found += self.hearing.on_deadline(self.now)
            self.sent += self.hearing.due(self.now)
        self.actions += found
        return found

    def speak(self, seconds: float) -> list[Action]:
        """The caller says something and stops."""
        self.tell(SpeechBegan())
        found = self.pass_s(seconds)
        return found + self.tell(SpeechEnded())

    @property
    def sent_s(self) -> float:
        """Audio handed over so far."""
        return sum(len(item) for item in self.sent if isinstance(item, bytes)) / 8000


def line(**knobs: float) -> Line:
    """A call whose recogniser is connected."""
    new = Line(**knobs)
    new.tell(Connected())
    return new


def interim(end_s: float, *, start_s: float = 0.0) -> Told:
    return Told(start_s, end_s, has_words=True)


def final(start_s: float, end_s: float, *, answers: bool = False, words: bool = True) -> Told:
    return Told(start_s, end_s, has_words=words, is_final=True, answers=answers)


# ── a good day ───────────────────────────────────────────────────────────────────────
def test_words_pass_and_the_answer_settles() -> None:
    """The question goes behind the last audio of the sentence."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    assert call.tell(interim(0.9)) == [Pass()]
    call.tell(SpeechEnded())
    assert call.sent[-1] is Ask.IS_THAT_ALL
    assert call.sent_s == pytest.approx(1.0)
    assert call.tell(final(0.0, 1.0, answers=True)) == [Pass(is_settled=True), Settle()]
    assert call.hearing.next_deadline() is None


def test_an_empty_answer_settles_too() -> None:
    """All had been told before."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    assert call.tell(final(0.0, 0.9)) == [Pass()]
    call.tell(SpeechEnded())
    assert call.tell(final(0.9, 1.0, answers=True, words=False)) == [Settle()]


def test_what_was_told_behind_an_ebb_of_the_voice_is_not_waited_for_again() -> None:
    """The question was asked within speech; the one behind the stop is a formality, and what it
    brings all the same still passes."""
    call = line()
    call.tell(VoiceEbbed())
    assert Ask.IS_THAT_ALL not in call.sent
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(VoiceEbbed())
    assert call.sent[-1] is Ask.IS_THAT_ALL
    assert call.tell(final(0.0, 1.0, answers=True)) == [Pass()]
    call.pass_s(0.1)
    assert call.tell(SpeechEnded()) == [Settle()]
    assert call.sent[-1] is Ask.IS_THAT_ALL
    assert not call.hearing.is_urgent
    assert call.pass_s(1.0) == []
    assert call.tell(final(1.0, 1.1, answers=True)) == [Pass()]


def test_an_ebb_that_was_none_leaves_the_stops_question_to_be_waited_for() -> None:
    """The voice went on behind it; its words are news, and not all."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(VoiceEbbed())
    assert call.tell(final(0.0, 1.0, answers=True)) == [Pass()]
    call.tell(VoiceBegan())
    call.pass_s(0.5)
    assert call.tell(SpeechEnded()) == []
    assert call.tell(final(1.0, 1.5, answers=True)) == [Pass(is_settled=True), Settle()]


def test_an_ebb_that_is_answered_behind_the_stop_settles_it() -> None:
    """Nothing was said between the two questions."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(VoiceEbbed())
    call.pass_s(0.1)
    assert call.tell(SpeechEnded()) == []
    assert call.tell(final(0.0, 1.0, answers=True)) == [Pass(is_settled=True), Settle()]


def test_words_beyond_the_question_settle_it_unmarked() -> None:
    """The mark is optional."""
    call = line()
    call.speak(1.0)
    assert call.tell(final(0.0, 1.0)) == [Pass(is_settled=True), Settle()]


def test_an_answer_settles_nothing_once_the_caller_goes_on() -> None:
    """The words are news all the same; the next answer settles."""
    call = line()
    call.speak(1.0)
    call.tell(SpeechBegan())
    assert call.tell(final(0.0, 1.0, answers=True)) == [Pass()]
    call.pass_s(0.5)
    call.tell(SpeechEnded())
    assert call.tell(final(1.0, 1.5, answers=True)) == [Pass(is_settled=True), Settle()]


def test_a_question_about_nothing_settles_by_itself() -> None:
    """The recogniser does not promise an answer when it has nothing."""
    call = line()
    call.tell(SpeechEnded())
    assert call.pass_s(0.34) == []
    assert call.pass_s(0.04) == [Settle()]
    assert call.pass_s(5.0) == []


def test_a_question_after_words_for_good_settles_by_itself() -> None:
    """Everything had been told."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(final(0.0, 0.9))
    call.tell(SpeechEnded())
    assert call.pass_s(0.38) == [Settle()]


# ── times ────────────────────────────────────────────────────────────────────────────
def test_places_of_a_new_connection_are_places_of_the_call() -> None:
    """Its clock began anew."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(2.0)
    call.tell(final(0.0, 1.5))
    call.tell(Disconnected(), Connected())
    assert call.hearing.place_s(0.25) == pytest.approx(1.75)


def test_what_was_told_twice_passes_once() -> None:
    """Also an interim that comes behind its final."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    assert call.tell(final(0.0, 0.8), final(0.0, 0.8), interim(0.7)) == [Pass()]
    assert call.tell(interim(1.0, start_s=0.8)) == [Pass()]
    assert call.tell(Told(0.8, 1.0)) == []


def test_words_without_times_pass() -> None:
    """They tell nothing of places."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    assert call.tell(interim(0.0), final(0.0, 0.0), final(0.0, 0.0)) == [Pass()] * 3


# ── a drop ───────────────────────────────────────────────────────────────────────────
def test_the_next_connection_hears_what_was_not_told_and_is_asked_again() -> None:
    """Replayed at 1.25 times real time, the question behind it; the turn still ends."""
    call = line()
    call.speak(2.0)
    dropped = call.tell(Disconnected())
    assert dropped == [Lose(is_final=False)]
    call.pass_s(0.2)
    call.sent.clear()
    call.tell(Connected())
    assert call.sent_s == pytest.approx(0.4)
    took_s = 0.0
    while Ask.IS_THAT_ALL not in call.sent:
        assert call.pass_s(0.02) == []
        took_s += 0.02
    assert took_s == pytest.approx(1.6 / 1.25, abs=0.03)
    assert call.sent_s == pytest.approx(2.0)
    assert call.tell(final(0.0, 2.0, answers=True)) == [
        Recover(pytest.approx(0.2), pytest.approx(call.hearing._tape.behind_s)),  # type: ignore[arg-type]
        Pass(is_settled=True),
        Settle(),
    ]


def test_what_was_told_for_good_is_not_played_again() -> None:
    """Only what lies behind it."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(final(0.0, 0.9))
    call.sent.clear()
    call.tell(Disconnected(), Connected())
    assert call.sent_s == pytest.approx(0.1)


def test_silence_is_not_played_again() -> None:
    """But for half a second, in which speech may have begun softly."""
    call = line()
    call.pass_s(10.0)
    call.sent.clear()
    call.tell(Disconnected(), Connected())
    assert call.sent_s == pytest.approx(0.4)  # a burst; the rest follows
    call.pass_s(0.1, audio=False)
    assert call.sent_s == pytest.approx(0.5)


def test_voices_that_only_the_recogniser_hears_are_kept_until_they_are_final() -> None:
    """A whisper is no speech to the voice detector."""
    call = line()
    call.pass_s(1.0)
    call.tell(interim(0.9))
    call.pass_s(3.0)
    call.sent.clear()
    call.tell(Disconnected(), Connected())
    call.pass_s(4.0, audio=False)
    assert call.sent_s >= 3.0


def test_what_left_the_tape_is_forgotten_and_said() -> None:
    """Six seconds of one sentence; five are kept."""
    call = line()
    call.tell(SpeechBegan())
    for _ in range(6):
        call.pass_s(1.0)
        call.tell(Alive())
    assert call.shed == 0
    assert call.tell(Disconnected()) == [Forgotten(8000), Lose(is_final=False)]
    call.pass_s(0.5)
    assert call.shed == 25


def test_a_loss_is_told_once_and_again_when_it_is_for_good() -> None:
    """However many attempts fail."""
    call = line()
    assert call.tell(Disconnected(), Disconnected()) == [Lose(is_final=False)]
    assert call.tell(Disconnected(is_final=True)) == [Lose(is_final=True)]


def test_a_recogniser_that_never_came_is_lost_too() -> None:
    """The first attempt failed."""
    assert Line().tell(Disconnected()) == [Lose(is_final=False)]


def test_a_connection_that_stands_quietly_is_well() -> None:
    """After 0.3 s, when nothing is asked of it."""
    call = line()
    call.tell(Disconnected())
    call.pass_s(0.1)
    call.tell(Connected())
    assert call.pass_s(0.28) == []
    assert call.pass_s(0.04) == [Recover(pytest.approx(0.1), 0.0)]  # type: ignore[arg-type]


def test_a_message_proves_it_well_at_once() -> None:
    """Any that can be read."""
    call = line()
    call.tell(Disconnected(), Connected())
    (action,) = call.tell(Alive())
    assert isinstance(action, Recover)
    assert call.tell(Alive()) == []


def test_a_connection_that_is_asked_something_is_not_well_until_it_answers() -> None:
    """It may be as dead as the last."""
    call = line()
    call.speak(0.4)
    call.tell(Disconnected(), Connected())
    assert call.pass_s(0.68) == []


# ── silence and nonsense ─────────────────────────────────────────────────────────────
def test_two_seconds_of_silence_while_the_caller_speaks_condemn_a_connection() -> None:
    """Once."""
    call = line()
    call.pass_s(3.0)
    call.tell(SpeechBegan())
    assert call.pass_s(1.98) == []
    assert call.pass_s(1.0) == [Replace("silent while the caller speaks")]
    call.tell(Disconnected(), Connected())
    call.tell(Alive())
    assert call.pass_s(1.9) == []


def test_silence_without_audio_is_nobodys_fault() -> None:
    """The caller's wire stands still."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    assert call.pass_s(5.0, audio=False) == []


def test_a_replay_that_nothing_comes_of_condemns_a_connection_too() -> None:
    """Before the question could be asked."""
    call = line(keep_s=5.0, gone_s=10.0)
    call.tell(SpeechBegan())
    for _ in range(5):
        call.pass_s(1.0)
        call.tell(Alive())
    call.tell(SpeechEnded(), Disconnected(), Connected())
    assert call.pass_s(1.98) == []
    assert call.pass_s(0.04) == [Replace("silent while the caller speaks")]


def test_three_unreadable_messages_in_a_row_condemn_a_connection() -> None:
    """Two do not, and a readable one between them absolves."""
    call = line()
    assert call.tell(Garbled(), Garbled(), Alive(), Garbled(), Garbled()) == []
    assert call.tell(Garbled()) == [Replace("unreadable messages", is_garbled=True)]
    assert call.tell(Garbled()) == []


def test_unreadable_messages_between_connections_condemn_nobody() -> None:
    """There is none to condemn."""
    call = Line()
    assert call.tell(Garbled(), Garbled(), Garbled()) == []


def test_a_sentence_nothing_comes_of_is_heard_again_by_another_connection() -> None:
    """Something was said, and the recogniser has been silent since: once more, then no more."""
    call = line()
    call.speak(0.4)
    assert call.pass_s(0.68) == []
    assert call.pass_s(0.04) == [Replace("words without an end")]
    assert call.pass_s(0.2) == []
    call.tell(Disconnected(), Connected())
    assert call.pass_s(0.68) == []
    assert call.pass_s(0.06) == [Settle()]
    assert call.pass_s(3.0) == []  # it stands, but nobody trusts it
    actions = call.tell(final(0.0, 0.4, answers=True))
    assert [type(action) for action in actions] == [Recover, Pass]  # late, and not lost
    assert actions[1] == Pass()


def test_words_without_an_end_are_heard_again_by_another_connection() -> None:
    """An interim came, the rest did not."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(interim(0.6))
    call.tell(SpeechEnded())
    assert call.pass_s(0.68) == []
    assert call.pass_s(0.04) == [Replace("words without an end")]
    call.tell(Disconnected(), Connected())
    call.pass_s(0.5)
    assert Pass(is_settled=True) in call.tell(final(0.0, 1.0, answers=True))


def test_at_last_the_words_at_hand_count() -> None:
    """They are not told again by a connection that comes later."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(interim(0.6))
    call.tell(SpeechEnded(), Disconnected())
    assert call.pass_s(1.68) == []
    assert call.pass_s(0.04) == [Settle(keeps_unsure=True)]
    call.tell(Connected())
    assert call.hearing.place_s(0.0) == pytest.approx(0.6)


def test_words_that_no_voice_was_detected_for_are_asked_for() -> None:
    """A quiet caller's words come without a start and a stop of speech: once they stand still they
    are asked for, and settled by the answer."""
    call = line()
    call.pass_s(0.6)
    call.tell(interim(0.5))
    call.pass_s(0.6)
    assert Ask.IS_THAT_ALL not in call.sent
    call.pass_s(0.12)
    assert call.sent.count(Ask.IS_THAT_ALL) == 1
    assert call.tell(final(0.0, 1.3, answers=True)) == [Pass(is_settled=True), Settle()]
    call.pass_s(5.0)
    assert call.sent.count(Ask.IS_THAT_ALL) == 1


def test_words_that_never_end_are_all_there_will_be() -> None:
    """Asked for, heard again by another connection, asked for once more, then taken as they are;
    within three seconds of silence, and another time all the same."""
    call = line()
    for _ in range(2):
        call.pass_s(0.6)
        call.tell(interim(0.5))
        call.pass_s(1.44)
        assert call.actions[-1] == Replace("words without an end")
        call.tell(Disconnected(), Connected())
        call.tell(interim(0.5))
        found = call.pass_s(2.0)
        assert Settle(keeps_unsure=True) in found
        call.tell(Disconnected(), Connected())


def test_what_was_taken_unsure_is_not_taken_again_from_a_late_final() -> None:
    """The same connection, condemned, still talks."""
    call = line()
    call.tell(SpeechBegan())
    call.pass_s(1.0)
    call.tell(interim(0.6))
    call.tell(SpeechEnded())
    call.pass_s(0.72)
    call.tell(Disconnected(), Connected())
    call.pass_s(0.6)
    call.tell(interim(0.6))
    found = call.pass_s(0.7)
    assert found == [Settle(keeps_unsure=True), Replace("words without an end")]
    assert call.tell(final(0.0, 1.0)) == []


def test_a_sentence_waits_for_a_lost_connection_only_so_long() -> None:
    """Then nothing was heard, and the caller is told so by others."""
    call = line()
    call.tell(Disconnected())
    call.speak(1.0)
    assert call.pass_s(1.7 + 4.0 - 0.04) == []
    assert call.pass_s(0.06) == [Settle()]
    assert call.pass_s(5.0) == []


def test_a_connection_that_comes_and_goes_holds_a_sentence_only_so_long() -> None:
    """The longest outage and the longest replay."""
    call = line()
    call.speak(2.0)
    waited_s = 0.0
    while Settle() not in call.actions:
        call.tell(Disconnected(), Connected())
        call.pass_s(0.5)
        waited_s += 0.5
        assert waited_s <= 6.0
    assert waited_s >= 5.0
