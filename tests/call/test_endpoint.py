"""Is the caller done, or pausing? Evidence in, one decision out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.cues import Cue
from call.endpoint import (
    DecideTurn,
    EndpointFilter,
    Fact,
    Finalized,
    Outlook,
    ProbabilityArrived,
    RecogniserLost,
    SpeechStarted,
    SpeechStopped,
    TurnClosed,
    TurnOpened,
    VoiceBegan,
    VoiceEbbed,
    VoicePaused,
    WordsArrived,
)
from call.waits import Band, Endpoint

pytestmark = pytest.mark.rule

KNOBS = Endpoint()
STOP_AT = 10.0


def heard(*facts: tuple[float, Fact], settings: Endpoint = KNOBS) -> EndpointFilter:
    """A filter with an open turn whose speech stopped at STOP_AT, and what came after."""
    rule = EndpointFilter(settings)
    assert rule.decide(SpeechStarted(), 9.0) == ()
    assert rule.decide(TurnOpened(), 9.0) == ()
    assert rule.decide(SpeechStopped(), STOP_AT) == ()
    for after_s, fact in facts:
        assert rule.decide(fact, STOP_AT + after_s) == (), fact
    return rule


def final(text: str) -> WordsArrived:
    """Words for good."""
    return WordsArrived(text, final=True)


def interim(text: str) -> WordsArrived:
    """Words of the utterance in hand."""
    return WordsArrived(text, final=False)


def sounds(probability: float) -> ProbabilityArrived:
    """A verdict on the silence since STOP_AT."""
    return ProbabilityArrived(probability, spoken_at=STOP_AT)


def wait_s(rule: EndpointFilter) -> float:
    """Seconds from STOP_AT to the decision that is due."""
    due_at = rule.next_deadline()
    assert due_at is not None
    return round(due_at - STOP_AT, 6)


@pytest.mark.parametrize(
    ("probability", "text", "expected_s"),
    [
        (0.97, "what are your opening hours", KNOBS.sure_s[0]),
        (0.97, "tuesday morning", KNOBS.sure_s[1]),
        (0.97, "my number is five five five zero", KNOBS.sure_s[2]),
        (0.97, "hello", KNOBS.sure_s[2]),
        (0.97, "my number is five five five", KNOBS.sure_s[3]),
        (0.97, "i would like to come on tuesday and", KNOBS.sure_s[3]),
        (0.6, "tuesday morning", KNOBS.likely_s[1]),
        (0.3, "tuesday morning", KNOBS.unlikely_s[1]),
        (0.01, "tuesday morning", KNOBS.no_s[1]),
        (0.01, "my name is", KNOBS.no_s[3]),
    ],
)
def test_the_table_says_how_long_to_wait(probability: float, text: str, expected_s: float) -> None:
    """From how finished it sounds and how finished it reads; decided not before, and then once."""
    early = replace(KNOBS, sure_s=(0.3, 0.35, 0.6, 1.0))
    expected_s = early.sure_s[0 if "hours" in text else 1] if expected_s < 0.3 else expected_s
    rule = heard(
        (0.1, sounds(probability)), (0.12, final(text)), (0.12, Finalized()), settings=early
    )
    assert wait_s(rule) == expected_s
    assert rule.on_deadline(STOP_AT + expected_s - 0.001) == ()
    assert len(rule.on_deadline(STOP_AT + expected_s)) == 1
    assert rule.on_deadline(STOP_AT + 9) == ()
    assert rule.next_deadline() is None


def test_a_turn_that_sounds_and_reads_finished_is_decided_by_its_last_fact() -> None:
    """No timer stands between the recogniser's answer and the decision."""
    rule = heard((0.1, sounds(0.97)), (0.12, final("what are your opening hours")))
    assert rule.decide(Finalized(), STOP_AT + 0.12) == (DecideTurn("sure+complete"),)


def test_a_late_score_decides_at_once() -> None:
    """Words first, the score afterwards: the wait is looked up again."""
    rule = heard((0.1, final("tuesday morning")), (0.1, Finalized()))
    assert wait_s(rule) == KNOBS.unknown_s[1]
    assert rule.decide(sounds(0.9), STOP_AT + 0.2) == (DecideTurn("sure+open"),)


def test_a_score_of_an_older_silence_is_ignored() -> None:
    """Speech that has gone on since makes it worthless."""
    rule = heard((0.1, final("tuesday")), (0.1, Finalized()))
    rule.decide(SpeechStarted(), STOP_AT + 0.2)
    rule.decide(SpeechStopped(), STOP_AT + 0.9)
    assert rule.decide(sounds(0.99), STOP_AT + 1.0) == ()
    rule.decide(Finalized(), STOP_AT + 1.0)
    assert wait_s(rule) == pytest.approx(0.9 + KNOBS.unknown_s[1])


def test_a_score_that_arrives_while_the_caller_speaks_is_ignored() -> None:
    """It was about a pause."""
    rule = heard((0.1, SpeechStarted()), (0.2, sounds(0.99)), (0.3, final("tuesday")))
    assert rule.next_deadline() is None


def test_resumed_speech_withdraws_everything_but_the_words() -> None:
    """The next stop starts afresh, with all words of the turn."""
    rule = heard((0.1, sounds(0.2)), (0.12, final("my number is")), (0.12, Finalized()))
    assert rule.decide(SpeechStarted(), STOP_AT + 0.5) == ()
    assert rule.next_deadline() is None
    assert rule.on_deadline(STOP_AT + 5) == ()
    rule.decide(SpeechStopped(), STOP_AT + 2.0)
    rule.decide(final("five five five zero one four two"), STOP_AT + 2.1)
    rule.decide(Finalized(), STOP_AT + 2.1)
    assert wait_s(rule) == pytest.approx(2.0 + KNOBS.unknown_s[1])


def test_without_the_recognisers_word_the_final_wait_bounds_it() -> None:
    """Finalize may never be answered."""
    rule = heard((0.1, sounds(0.97)), (0.1, final("what are your opening hours")))
    assert wait_s(rule) == KNOBS.final_wait_s


def test_words_that_are_not_final_yet_are_waited_for() -> None:
    """An interim behind the last final says that more is coming."""
    rule = heard((0.0, final("so")), (0.05, interim("what are your")), (0.1, sounds(0.97)))
    assert wait_s(rule) == KNOBS.hard_stop_s
    assert rule.decide(final("what are your hours"), STOP_AT + 0.3) == ()
    assert len(rule.decide(Finalized(), STOP_AT + 0.3)) == 1


def test_an_interim_takes_the_recognisers_last_word_back() -> None:
    """Finalized before it is about older audio."""
    rule = heard((0.1, final("tuesday")), (0.1, Finalized()), (0.12, interim("morning")))
    assert wait_s(rule) == KNOBS.hard_stop_s


def test_an_empty_answer_to_finalize_ends_the_wait_at_once() -> None:
    """The final came before the pause; the answer has nothing to add."""
    rule = heard((0.05, sounds(0.97)))
    rule = EndpointFilter(KNOBS)
    for at, fact in (
        (9.0, TurnOpened()),
        (9.0, SpeechStarted()),
        (9.9, final("what are your opening hours")),
        (10.0, SpeechStopped()),
        (10.05, sounds(0.97)),
    ):
        assert rule.decide(fact, at) == ()
    assert rule.decide(Finalized(), 10.06) == (DecideTurn("sure+complete"),)


def test_speech_without_words_is_given_up() -> None:
    """A cough: the recogniser says that there was nothing."""
    rule = heard((0.1, Finalized()))
    assert wait_s(rule) == KNOBS.nothing_s
    assert rule.on_deadline(STOP_AT + KNOBS.nothing_s) == (DecideTurn("nothing"),)


def test_a_recogniser_that_says_nothing_at_all_is_waited_for_until_the_hard_stop() -> None:
    """It may be reconnecting, and bring the words yet."""
    rule = heard((0.1, final("  ")))
    assert wait_s(rule) == KNOBS.hard_stop_s
    assert rule.on_deadline(STOP_AT + KNOBS.hard_stop_s) == (DecideTurn("hard_stop"),)


def test_no_evidence_waits_longer_than_the_hard_stop() -> None:
    """The bound holds for late confirmations too."""
    knobs = replace(KNOBS, hard_stop_s=2.0, final_wait_s=5.0)
    rule = heard((0.1, final("tuesday")), settings=knobs)
    assert wait_s(rule) == 2.0


def test_words_without_a_voice_make_a_turn_too() -> None:
    """A very quiet caller: the turn ends when the recogniser has been quiet for a while; one that
    was opened by what came before it, by the hard stop."""
    rule = EndpointFilter(KNOBS)
    rule.decide(TurnOpened(), 0.9)
    assert rule.next_deadline() == 0.9 + KNOBS.hard_stop_s
    rule.decide(interim("hel"), 1.0)
    assert rule.next_deadline() == 1.0 + KNOBS.hard_stop_s
    rule.decide(final("hello"), 1.5)
    assert rule.next_deadline() == 1.5 + KNOBS.words_only_s
    assert rule.on_deadline(1.5 + KNOBS.words_only_s) == (DecideTurn("words_only"),)


def test_what_was_asked_decides_what_an_answer_is_worth() -> None:
    """ "Yes" to a yes/no question is complete; on its own it is not."""
    rule = EndpointFilter(KNOBS)
    for at, fact in (
        (9.0, SpeechStarted()),
        (9.0, TurnOpened(asked="Is that right?")),
        (10.0, SpeechStopped()),
        (10.1, final("Yes.")),
        (10.1, Finalized()),
    ):
        rule.decide(fact, at)
    assert wait_s(rule) == KNOBS.unknown_s[0]


def test_a_caller_who_was_cut_into_is_given_more_time() -> None:
    """Each time half as much again for words that could go on, twice at most; complete ones are
    still answered at once, and each good turn takes a quarter back."""
    rule, at, waits = EndpointFilter(KNOBS), 0.0, []
    for goes_on in (True, True, True, False, False):
        for fact in (TurnOpened(), SpeechStarted(), SpeechStopped(), sounds(0.97)):
            rule.decide(fact, at)
        rule.decide(ProbabilityArrived(0.97, spoken_at=at), at)
        rule.decide(final("tuesday morning"), at)
        rule.decide(Finalized(), at)
        due_at = rule.next_deadline()
        assert due_at is not None
        waits.append(round((due_at - at) / KNOBS.sure_s[1], 3))
        assert len(rule.on_deadline(due_at)) == 1
        rule.decide(TurnClosed(), due_at)
        at = due_at + (0.5 if goes_on else 5.0) * KNOBS.cut_in_s
    assert waits == [1.0, 1.5, 2.063, 2.25, 1.938]
    assert KNOBS.wait_s(Band.SURE, Cue.COMPLETE, patience=2.0) == KNOBS.sure_s[0]
    assert KNOBS.wait_s(Band.NO, Cue.UNFINISHED, patience=2.0) == KNOBS.hard_stop_s


def test_words_told_behind_an_ebb_already_show_a_likely_end() -> None:
    """Before the voice detector calls it a stop, and however they read; a voice that goes on takes
    nothing back, and is no end by itself."""
    rule = EndpointFilter(KNOBS)
    for at, fact in ((9.0, TurnOpened()), (9.0, SpeechStarted()), (9.5, interim("what are your"))):
        rule.decide(fact, at)
    assert rule.outlook() is None
    rule.decide(VoicePaused(), 9.6)
    begun = Outlook("what are your", float("inf"), is_early=True, is_for_good=False)
    assert rule.outlook() == begun
    rule.decide(VoiceEbbed(), 9.62)
    rule.decide(interim("what are your hours"), 9.63)
    assert rule.outlook() == replace(begun, text="what are your hours")
    rule.decide(final("what are your hours"), 9.7)
    whole = Outlook("what are your hours", 9.6 + KNOBS.unknown_s[0], is_early=True)
    assert rule.outlook() == whole
    rule.decide(VoiceBegan(), 9.75)
    assert rule.outlook() == replace(whole, due_at=float("inf"))
    rule.decide(interim("on"), 9.78)
    assert rule.outlook() == replace(
        whole, text="what are your hours on", due_at=float("inf"), is_for_good=False
    )
    assert rule.next_deadline() is None
    rule.decide(SpeechStarted(), 9.8)
    assert rule.outlook() is None


def test_words_told_before_the_ebb_show_nothing() -> None:
    """They may not be the last; nor may those of a pause that is no ebb."""
    rule = EndpointFilter(KNOBS)
    for at, fact in (
        (9.0, TurnOpened()), (9.0, SpeechStarted()), (9.5, VoicePaused()),
        (9.52, final("what are")),
    ):  # fmt: skip
        rule.decide(fact, at)
    early = Outlook("what are", float("inf"), is_early=True)
    assert rule.outlook() == early
    rule.decide(VoiceEbbed(), 9.6)
    assert rule.outlook() == early


def test_a_turn_that_words_open_behind_their_stop_waits_from_the_stop() -> None:
    """It took the words to know that they take the floor ("stop"); the silence counts, and so does
    its score. A stop of long ago has nothing to do with it."""
    for words_at, waits in ((0.1, False), (0.9, False), (KNOBS.nothing_s, True)):
        rule = EndpointFilter(KNOBS)
        rule.decide(SpeechStarted(), STOP_AT - 0.4)
        rule.decide(SpeechStopped(), STOP_AT)
        rule.decide(ProbabilityArrived(0.95, STOP_AT), STOP_AT + 0.07)
        facts = (TurnOpened(), final("what time is it"), Finalized())
        decided = [each for fact in facts for each in rule.decide(fact, STOP_AT + words_at)]
        assert (not decided) is waits


def test_a_sound_behind_the_stop_holds_the_decision() -> None:
    """It may be the caller going on; no longer than the hard stop."""
    rule = heard((0.05, final("what time is it")), (0.06, VoiceBegan()), (0.07, Finalized()))
    assert rule.next_deadline() == STOP_AT + KNOBS.hard_stop_s
    rule.decide(VoicePaused(), STOP_AT + 0.2)
    assert rule.next_deadline() == pytest.approx(STOP_AT + 0.2 + KNOBS.unknown_s[0])


def test_words_of_a_voice_that_was_not_detected_are_not_answered_early() -> None:
    """Nobody knows whether it goes on; outside a turn and without words there is nothing to
    answer."""
    rule = EndpointFilter(KNOBS)
    assert rule.outlook() is None
    rule.decide(TurnOpened(), STOP_AT)
    assert rule.outlook() is None
    rule.decide(final("what time is it"), STOP_AT)
    assert rule.outlook() is None


def test_the_stop_of_a_turn_that_is_over_opens_no_other() -> None:
    """Words behind a decision are waited for from when they came."""
    rule = heard((0.1, final("tuesday")))
    rule.decide(TurnClosed(), STOP_AT + 0.3)
    rule.decide(TurnOpened(), STOP_AT + 0.4)
    rule.decide(final("morning"), STOP_AT + 0.4)
    assert rule.next_deadline() == pytest.approx(STOP_AT + 0.4 + KNOBS.words_only_s)


def test_outside_a_turn_nothing_is_decided() -> None:
    """A turn that somebody else ended is over, and its words are forgotten."""
    rule = heard((0.1, final("tuesday")))
    rule.decide(TurnClosed(), STOP_AT + 0.2)
    assert rule.next_deadline() is None
    assert rule.decide(Finalized(), STOP_AT + 9) == ()
    rule.decide(TurnOpened(), STOP_AT + 10)
    assert rule.words == ""
    assert rule.next_deadline() == STOP_AT + 10 + KNOBS.hard_stop_s


def test_bands_meet_without_a_gap() -> None:
    """Each threshold belongs to the band above it."""
    assert [KNOBS.band(p) for p in (None, 0.0, 0.149, 0.15, 0.5, 0.85, 1.0)] == [
        Band.UNKNOWN,
        Band.NO,
        Band.NO,
        Band.UNLIKELY,
        Band.LIKELY,
        Band.SURE,
        Band.SURE,
    ]


def test_more_doubt_never_waits_less() -> None:
    """Down the bands and along the cues the waits rise."""
    bands = (Band.SURE, Band.LIKELY, Band.UNLIKELY, Band.NO)
    cues = (Cue.COMPLETE, Cue.OPEN, Cue.BEGUN, Cue.DICTATING, Cue.UNFINISHED)
    for words in cues:
        waits = [KNOBS.wait_s(band, words) for band in bands]
        assert waits == sorted(waits)
    for band in Band:
        waits = [KNOBS.wait_s(band, words) for words in cues]
        assert waits == sorted(waits)


@pytest.mark.parametrize(
    "knobs",
    [
        {"sure_from": 0.3},
        {"sure_s": (0.0, 0.1)},
        {"no_s": (-1.0, 0.1, 0.2, 0.3)},
        {"no_s": (0.0, 0.1, 0.2, 9.0)},
        {"detector_threads": 0},
        {"score_at_s": (0.5, 0.1)},
        {"score_at_s": (-0.5, 0.1)},
        {"learned": 0.5},
        {"second_stage_s": 9.0},
        {"speculate": "perhaps"},
        {"wasted_guesses": -1},
        {"ask_within_s": -1},
        {"cut_in_s": -1.0},
    ],
)
def test_senseless_knobs_are_refused(knobs: dict[str, object]) -> None:
    """With a sentence that names them."""
    with pytest.raises(ValueError, match=next(iter(knobs))):
        Endpoint(**knobs)  # type: ignore[arg-type]


FACTS = st.one_of(
    st.just(SpeechStarted()),
    st.just(SpeechStopped()),
    st.builds(
        WordsArrived,
        st.sampled_from(["", "yes", "my number is", "what are your hours", "um"]),
        st.booleans(),
    ),
    st.just(Finalized()),
    st.builds(ProbabilityArrived, st.floats(0, 1), st.floats(0, 30)),
    st.just(None),  # time passes, and the timer asks
)


@given(st.lists(st.tuples(FACTS, st.floats(0.001, 1.5)), max_size=40))
def test_no_order_of_facts_decides_twice_or_gets_stuck(
    story: list[tuple[Fact | None, float]],
) -> None:
    """Between two decisions the caller has spoken; a silent caller with words is always decided;
    a deadline is never in the past for longer than it takes to ask."""
    rule, now = EndpointFilter(KNOBS), 0.0
    rule.decide(TurnOpened(), now)
    may_decide, speaking, has_words = True, False, False
    for fact, passes_s in story:
        now += passes_s
        actions = rule.on_deadline(now) if fact is None else rule.decide(fact, now)
        if isinstance(fact, SpeechStarted):
            may_decide, speaking = True, True
        elif isinstance(fact, SpeechStopped):
            speaking = False
        has_words |= isinstance(fact, WordsArrived) and bool(fact.text)
        assert len(actions) <= (1 if may_decide and not speaking else 0)
        may_decide &= not actions
        due_at = rule.next_deadline()
        assert due_at is None or due_at > now
    if not speaking and has_words and may_decide:
        due_at = rule.next_deadline()
        assert due_at is not None
        assert due_at <= now + KNOBS.hard_stop_s
        assert len(rule.on_deadline(due_at)) == 1


def test_a_turn_waits_for_a_recogniser_that_was_away_until_it_has_told_all() -> None:
    """The words at hand are those from before it dropped."""
    rule = heard((0.05, final("my name is smith")), (0.06, RecogniserLost()), (0.07, sounds(0.99)))
    assert wait_s(rule) == KNOBS.deaf_stop_s
    assert rule.decide(final("and I would like to cancel"), STOP_AT + 2.4) == ()
    assert rule.decide(Finalized(), STOP_AT + 2.4) != ()


def test_a_turn_whose_words_are_complete_does_not_wait_for_a_recogniser_that_drops() -> None:
    """It waits the next time."""
    rule = heard((0.05, final("tuesday morning")), (0.05, Finalized()), (0.06, RecogniserLost()))
    assert wait_s(rule) == KNOBS.unknown_s[1]
    rule.decide(SpeechStarted(), STOP_AT + 0.3)
    rule.decide(SpeechStopped(), STOP_AT + 1.0)
    assert wait_s(rule) == 1.0 + KNOBS.deaf_stop_s


def test_a_recogniser_that_never_returns_ends_the_turn_all_the_same() -> None:
    """With the words at hand, or none."""
    rule = heard((0.06, RecogniserLost()))
    (decision,) = rule.on_deadline(STOP_AT + KNOBS.deaf_stop_s)
    assert decision == DecideTurn("hard_stop")


def test_the_outlook_says_whether_its_words_are_for_good() -> None:
    """An interim may still change, until the recogniser has told all."""
    rule = EndpointFilter(KNOBS)
    told: list[tuple[str, bool]] = []
    for at, fact in (
        (9.0, TurnOpened()), (9.0, SpeechStarted()), (9.1, final("ask peter")),
        (9.2, SpeechStopped()), (9.25, interim("about")), (9.3, final("about it")),
        (9.32, interim("now")), (9.34, Finalized()),
    ):  # fmt: skip
        rule.decide(fact, at)
        if outlook := rule.outlook():
            told.append((outlook.text, outlook.is_for_good))
    assert told == [
        ("ask peter", True),
        ("ask peter about", False),
        ("ask peter about it", True),
        ("ask peter about it now", False),
        ("ask peter about it", True),
    ]
