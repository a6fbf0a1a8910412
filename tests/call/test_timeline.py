"""Turns are numbered, timed and told apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from call.measures import Moment
from call.timeline import Timeline, TurnRecord
from call.turn import TurnState

pytestmark = pytest.mark.rule

M = Moment


def asked(timeline: Timeline, text: str, at: float) -> None:
    """The caller says `text` and falls silent at `at`; the turn is decided 0.2 s later."""
    timeline.moment(M.SPEECH_STARTED, at - 1)
    timeline.moment(M.SPEECH_STOPPED, at)
    timeline.moment(M.STT_FINAL, at + 0.1)
    timeline.words("caller", text, final=True, confidence=0.9)
    timeline.moment(M.TURN_DECIDED, at + 0.2)


def answered(timeline: Timeline, text: str, at: float) -> None:
    """The agent answers at once, heard from `at` + 0.5 on."""
    for moment, after_s in (
        (M.LLM_REQUEST, 0.2),
        (M.LLM_FIRST_TOKEN, 0.3),
        (M.CLAUSE_SENT, 0.35),
        (M.TTS_FIRST_BYTE, 0.45),
        (M.FIRST_AUDIO, 0.5),
    ):
        timeline.moment(moment, at + after_s)
    timeline.words("agent", text, final=False)


def heard(timeline: Timeline, text: str, at: float) -> None:
    """The caller has heard the answer."""
    timeline.words("agent", text, final=True)
    timeline.moment(M.REPLY_HEARD, at)


def test_a_turn_has_its_five_numbers() -> None:
    """All from t0, the stop, on one clock."""
    records: list[TurnRecord] = []
    timeline = Timeline(on_turn=records.append, began_at=90.0, stop_lag_s=0.25, strict=True)
    asked(timeline, "What are your hours?", 100.0)
    answered(timeline, "Eight to six.", 100.0)
    assert records == []
    heard(timeline, "Eight to six.", 102.0)
    assert records == [
        TurnRecord(
            turn=1,
            caller_text="What are your hours?",
            confidence=0.9,
            agent_text="Eight to six.",
            heard_text="Eight to six.",
            endpoint_s=0.2,
            stt_final_s=0.1,
            llm_first_token_s=0.1,
            tts_first_byte_s=0.1,
            end_to_end_s=0.5,
            critical_path=(
                ("stt", 0.1),
                ("endpoint", 0.1),
                ("context", 0.0),
                ("llm", 0.1),
                ("clause", 0.05),
                ("tts", 0.1),
                ("wire", 0.05),
            ),
            slowest="stt",
            silence_s=0.75,
            at_s=10.0,
        )
    ]
    assert timeline.records == records


def test_the_document_is_plain_data() -> None:
    """Lists, not tuples, under the contract's names."""
    document = TurnRecord(turn=1, critical_path=(("llm", 0.1),), models=("m",)).document()
    assert document["critical_path"] == [["llm", 0.1]]
    assert document["models"] == ["m"]
    assert document["provider_by_clause"] == []
    assert {"turn", "caller_text", "speculated", "kept_speculation", "slowest"} <= set(document)


def test_speech_that_goes_on_withdraws_the_stop() -> None:
    """t0 is the stop the turn ended on; a second stop in a row changes nothing."""
    timeline = Timeline()
    timeline.moment(M.SPEECH_STARTED, 1.0)
    timeline.moment(M.SPEECH_STOPPED, 2.0)
    asked(timeline, "On Tuesday.", 5.0)
    timeline.close()
    assert timeline.records[0].endpoint_s == 0.2
    timeline.moment(M.SPEECH_STOPPED, 8.0)
    timeline.moment(M.SPEECH_STOPPED, 8.5)
    timeline.words("caller", "Hm.", final=True)
    timeline.moment(M.TURN_DECIDED, 9.0)
    timeline.close()
    assert timeline.records[1].endpoint_s == 1.0


def test_the_first_number_is_one_and_noise_has_none() -> None:
    """A cough is no turn."""
    timeline = Timeline()
    timeline.moment(M.SPEECH_STARTED, 1.0)
    timeline.moment(M.SPEECH_STOPPED, 1.5)
    timeline.moment(M.TURN_DECIDED, 2.5)
    for number in (1, 2):
        asked(timeline, "Hello?", number * 10.0)
        answered(timeline, "Hello.", number * 10.0)
        heard(timeline, "Hello.", number * 10.0 + 2)
    assert [record.turn for record in timeline.records] == [1, 2]


def test_noise_beside_an_answer_leaves_the_answer_alone() -> None:
    """A cough during a protected phrase."""
    timeline = Timeline(strict=True)
    asked(timeline, "Hello?", 1.0)
    answered(timeline, "One. Two.", 1.0)
    timeline.moment(M.SPEECH_STARTED, 2.0)
    timeline.moment(M.SPEECH_STOPPED, 2.3)
    timeline.moment(M.TURN_DECIDED, 3.3)
    timeline.words("agent", "One. Two.", final=True)
    timeline.close()
    assert [record.heard_text for record in timeline.records] == ["One. Two."]


def test_an_interruption_ends_the_turn_with_what_was_heard() -> None:
    """And says so; the last words heard of it are told just behind the interruption."""
    timeline = Timeline(strict=True)
    asked(timeline, "Tell me everything.", 1.0)
    answered(timeline, "One.", 1.0)
    timeline.words("agent", "Two and three.", final=False)
    timeline.words("agent", "One.", final=True)
    timeline.moment(M.SPEECH_STARTED, 3.0)
    timeline.moment(M.INTERRUPTED, 3.0)
    assert timeline.state is TurnState.LISTENING
    timeline.words("agent", "Two", final=True)
    asked(timeline, "Stop.", 4.0)
    (record,) = timeline.records
    assert record.agent_text == "One. Two and three."
    assert (record.heard_text, record.interrupted) == ("One. Two", True)


@pytest.mark.parametrize("heard_at", [2.0, 2.3])
def test_a_filler_before_a_tool_does_not_end_the_turn(heard_at: float) -> None:
    """Whether it was heard while the tool ran or just after. The turn is over when the tool's
    result has been answered; the first audio counts."""
    timeline = Timeline(strict=True)
    asked(timeline, "Tuesday?", 1.0)
    answered(timeline, "Let me check.", 1.0)
    timeline.moment(M.TOOL_STARTED, 1.6)
    if heard_at > 2.2:
        timeline.moment(M.TOOL_ENDED, 2.2)
    heard(timeline, "Let me check.", heard_at)
    if heard_at < 2.2:
        timeline.moment(M.TOOL_ENDED, 2.2)
    assert timeline.records == []
    answered(timeline, "Ten thirty.", 2.2)
    heard(timeline, "Ten thirty.", 4.0)
    (record,) = timeline.records
    assert record.heard_text == "Let me check. Ten thirty."
    assert record.end_to_end_s == 0.5


def test_a_tool_without_a_filler_is_a_stage_of_the_turn() -> None:
    """And the model's number is that of the request that was heard."""
    timeline = Timeline()
    asked(timeline, "Tuesday?", 1.0)
    for moment, at in (
        (M.LLM_REQUEST, 1.2),
        (M.TOOL_STARTED, 1.4),
        (M.TOOL_ENDED, 1.9),
        (M.LLM_REQUEST, 1.9),
        (M.LLM_FIRST_TOKEN, 2.2),
        (M.FIRST_AUDIO, 2.5),
    ):
        timeline.moment(moment, at)
    timeline.words("agent", "Ten thirty.", final=False)
    timeline.close()
    (record,) = timeline.records
    assert ("tool", 0.5) in record.critical_path
    assert record.slowest == "tool"
    assert record.llm_first_token_s == pytest.approx(0.3)
    assert record.tts_first_byte_s is None


def test_numbers_that_cannot_be_known_are_none() -> None:
    """Words without the voice detector, no answer, no confidence."""
    timeline = Timeline(began_at=0.0)
    timeline.words("caller", "hello", final=True)
    timeline.words("caller", "hello th", final=False)
    timeline.moment(M.TURN_DECIDED, 2.0)
    timeline.close()
    (record,) = timeline.records
    assert (record.endpoint_s, record.end_to_end_s, record.silence_s) == (None, None, None)
    assert (record.slowest, record.confidence, record.at_s) == (None, None, None)
    assert record.llm_first_token_s is None
    assert record.caller_text == "hello"


def test_what_is_said_before_the_first_turn_is_the_opening() -> None:
    """Disclosure and greeting belong to nobody's turn."""
    timeline = Timeline(strict=True)
    timeline.moment(M.FIRST_AUDIO, 1.0)
    timeline.words("agent", "Hello.", final=False)
    timeline.words("agent", "Hello.", final=True)
    timeline.used(model="m", voice="v")
    timeline.moment(M.REPLY_HEARD, 2.0)
    timeline.close()
    assert (timeline.opening_text, timeline.opening_written) == ("Hello.", "Hello.")
    assert timeline.records == []


def test_models_are_named_once_and_voices_by_clause() -> None:
    """Who answered, and who spoke."""
    timeline = Timeline()
    asked(timeline, "Hello?", 1.0)
    for voice in ("elevenlabs", "cartesia"):
        timeline.used(model="haiku", voice=voice)
    timeline.used(model="sonnet")
    timeline.close()
    (record,) = timeline.records
    assert (record.models, record.provider_by_clause) == (
        ("haiku", "sonnet"),
        ("elevenlabs", "cartesia"),
    )


def test_words_that_were_never_decided_are_kept_at_the_end() -> None:
    """The caller hung up in mid-sentence."""
    timeline = Timeline()
    asked(timeline, "Hello?", 1.0)
    timeline.moment(M.SPEECH_STARTED, 5.0)
    timeline.words("caller", "and", final=True)
    timeline.close()
    assert [record.caller_text for record in timeline.records] == ["Hello?", "and"]


def test_confidence_is_weighted_by_words() -> None:
    """A long clear sentence outweighs one unclear word."""
    timeline = Timeline()
    timeline.words("caller", "one two three", final=True, confidence=1.0)
    timeline.words("caller", "four", final=True, confidence=0.2)
    timeline.moment(M.TURN_DECIDED, 1.0)
    timeline.close()
    assert timeline.records[0].confidence == 0.8


def test_what_was_heard_is_told_of_the_turn_it_was_said_in() -> None:
    """However late: the next turn may be decided before anybody knows."""
    records: list[TurnRecord] = []
    timeline = Timeline(on_turn=records.append, strict=True)
    asked(timeline, "Tell me everything.", 1.0)
    timeline.reply(1, "reply")
    answered(timeline, "One. Two.", 1.0)
    timeline.moment(M.SPEECH_STARTED, 3.0)
    timeline.moment(M.INTERRUPTED, 3.0)
    asked(timeline, "Stop.", 4.0)
    assert records == []  # what was heard of the first is not known yet
    timeline.reply(1, "reply")
    timeline.words("agent", "One.", final=True)
    timeline.moment(M.REPLY_CUT, 4.5)
    assert [(r.caller_text, r.heard_text) for r in records] == [("Tell me everything.", "One.")]
    timeline.reply(2, "reply")
    answered(timeline, "Sorry.", 4.0)
    heard(timeline, "Sorry.", 6.0)
    assert [(r.caller_text, r.heard_text) for r in records[1:]] == [("Stop.", "Sorry.")]


def test_a_turn_waits_for_its_last_words_no_longer_than_to_the_next() -> None:
    """They may never come; a cut of something else tells nothing of it."""
    for end in ("next turn", "end of call"):
        timeline = Timeline()
        asked(timeline, "One?", 1.0)
        timeline.reply(1, "reply")
        answered(timeline, "One.", 1.0)
        timeline.moment(M.INTERRUPTED, 3.0)
        asked(timeline, "Two?", 4.0)
        timeline.reply(0, "reply")
        timeline.moment(M.REPLY_CUT, 4.1)
        assert timeline.records == []
        if end == "next turn":
            asked(timeline, "Three?", 8.0)
            assert [r.caller_text for r in timeline.records] == ["One?", "Two?"]
        timeline.close()
        assert [r.caller_text for r in timeline.records][:2] == ["One?", "Two?"]


def test_the_opening_heard_over_the_first_turn_stays_the_opening() -> None:
    """Who talks over the disclosure is answered behind it; its end does not end the turn."""
    timeline = Timeline(strict=True)
    timeline.reply(1, "disclosure")
    timeline.moment(M.FIRST_AUDIO, 0.5)
    timeline.words("agent", "A machine speaks.", final=False)
    guessed(timeline, 2.0, verdict=M.GUESS_KEPT)
    timeline.words("caller", "Hello?", final=True)
    timeline.moment(M.TURN_DECIDED, 2.3)
    timeline.moment(M.FIRST_AUDIO, 2.4)
    timeline.reply(2, "greeting")
    timeline.words("agent", "Good day.", final=False)
    for number, kind, text in (
        (1, "disclosure", "A machine speaks."),
        (2, "greeting", "Good day."),
    ):
        timeline.reply(number, kind)
        timeline.words("agent", text, final=True)
        timeline.moment(M.REPLY_HEARD, 3.0)
    assert timeline.records == []
    assert timeline.opening_text == "A machine speaks. Good day."
    timeline.reply(3, "reply")
    timeline.moment(M.FIRST_AUDIO, 3.1)
    timeline.words("agent", "Hello.", final=False)
    heard(timeline, "Hello.", 4.0)
    (record,) = timeline.records
    assert (record.caller_text, record.heard_text) == ("Hello?", "Hello.")


def emergency(timeline: Timeline, moment: M | None, at: float) -> None:
    """The emergency line begins to sound (no moment), or has been heard, or cut."""
    timeline.reply(1, "emergency")
    timeline.words("agent", "Dial 911.", final=moment is not None)
    if moment is not None:
        timeline.moment(moment, at)


@pytest.mark.parametrize("answer_begins_at", [3.0, 4.5])
def test_an_answer_behind_the_emergency_line_belongs_to_the_same_turn(
    answer_begins_at: float,
) -> None:
    """Whether it begins to sound before or after the line is known to have been heard."""
    timeline = Timeline(strict=True)
    asked(timeline, "Is this for an ambulance?", 1.0)
    emergency(timeline, None, 1.1)
    timeline.moment(M.LLM_REQUEST, 1.0)
    timeline.moment(M.CLAUSE_SENT, 1.2)
    timeline.moment(M.FIRST_AUDIO, 1.3)
    for at in sorted((answer_begins_at, 4.0)):
        if at == 4.0:
            emergency(timeline, M.REPLY_HEARD, 4.0)
            continue
        timeline.moment(M.FIRST_AUDIO, at)
        timeline.reply(2, "reply")
        timeline.words("agent", "Yes.", final=False)
    assert timeline.records == []
    timeline.reply(2, "reply")
    heard(timeline, "Yes.", 6.0)
    (record,) = timeline.records
    assert record.heard_text == "Dial 911. Yes."


def test_the_emergency_line_belongs_to_the_turn_that_asked_for_it() -> None:
    """Although it sounds before that turn is over, and over nobody's answer."""
    timeline = Timeline()
    timeline.moment(M.SPEECH_STARTED, 0.5)
    emergency(timeline, None, 0.8)
    emergency(timeline, M.REPLY_HEARD, 3.0)
    asked(timeline, "Nine one one, please.", 4.0)
    timeline.close()
    assert [r.heard_text for r in timeline.records] == ["Dial 911."]
    assert timeline.opening_text == ""


@pytest.mark.parametrize("is_decided", [False, True])
def test_an_apology_to_a_turn_nobody_heard_stands_behind_the_others(is_decided: bool) -> None:
    """The recogniser is gone: the caller speaks, waits, and is led out."""
    timeline = Timeline()
    asked(timeline, "One?", 1.0)
    answered(timeline, "Yes.", 1.0)
    heard(timeline, "Yes.", 2.0)
    timeline.moment(M.SPEECH_STARTED, 3.0)
    timeline.moment(M.SPEECH_STOPPED, 4.0)
    for final in (False, True):
        timeline.reply(2, "way_out")
        timeline.words("agent", "We are sorry.", final=final)
    timeline.moment(M.REPLY_HEARD, 7.0)
    if is_decided:
        timeline.moment(M.TURN_DECIDED, 7.5)
    timeline.close()
    said = [(r.turn, r.caller_text, r.heard_text) for r in timeline.records]
    assert said == [(1, "One?", "Yes."), (2, "", "We are sorry.")]
    assert timeline.opening_text == ""


def test_two_replies_to_one_turn_are_both_in_its_record() -> None:
    """The first is heard to its end while the second sounds; a cut one waits for nothing."""
    for end in (M.REPLY_HEARD, M.REPLY_CUT):
        timeline = Timeline()
        asked(timeline, "And?", 1.0)
        timeline.reply(1, "reply")
        answered(timeline, "One.", 1.0)
        timeline.reply(2, "say_again")
        timeline.words("agent", "Two.", final=False)
        timeline.reply(1, "reply")
        timeline.words("agent", "One.", final=True)
        timeline.moment(end, 3.0)
        assert timeline.records == []
        timeline.reply(2, "say_again")
        heard(timeline, "Two.", 5.0)
        assert [r.heard_text for r in timeline.records] == ["One. Two."]


def test_a_voice_that_takes_over_is_named_behind_the_first() -> None:
    """In the clause it goes on in; where none sounds there is nothing to add to."""
    timeline = Timeline()
    timeline.switched("cartesia")
    asked(timeline, "And?", 1.0)
    timeline.used(voice="elevenlabs")
    timeline.switched("cartesia")
    timeline.close()
    assert timeline.records[0].provider_by_clause == ("elevenlabs+cartesia",)


def test_old_replies_are_forgotten() -> None:
    """A long call does not remember whose each of them was."""
    timeline = Timeline()
    for number in range(1, 50):
        timeline.reply(number, "reply")
    assert len(timeline._owners) < 10


STEP = st.one_of(
    st.sampled_from([*Moment]),
    st.sampled_from(["caller", "agent", "heard", "reply"]),
)


@example(
    [
        ("caller", 0.0),
        (Moment.TURN_DECIDED, 0.0),
        (Moment.INTERRUPTED, 0.0),
        ("caller", 0.0),
        ("reply", 0.0),
    ]
)
@given(st.lists(st.tuples(STEP, st.floats(0, 2)), max_size=60))
def test_any_story_gives_sound_records(story: list[tuple[Moment | str, float]]) -> None:
    """Turns are numbered 1, 2, 3 …; each path tiles its end_to_end or there is none; every word of
    the caller is in exactly one turn."""
    timeline, at, said = Timeline(), 0.0, 0
    for step, passes_s in story:
        at += passes_s
        if isinstance(step, Moment):
            timeline.moment(step, at)
        elif step == "caller":
            said += 1
            timeline.words("caller", f"w{said}", final=True, confidence=0.5)
        elif step == "reply":
            timeline.reply(said, "reply")
        else:
            timeline.words("agent", "a", final=step == "heard")
    timeline.close()
    records = timeline.records
    assert [record.turn for record in records] == list(range(1, len(records) + 1))
    words = " ".join(record.caller_text for record in records).split()
    assert words == [f"w{n}" for n in range(1, said + 1)]
    for record in records:
        if record.end_to_end_s is None:
            assert record.critical_path == ()
            assert record.slowest is None
        else:
            total_s = sum(seconds for _, seconds in record.critical_path)
            assert round(total_s, 6) == record.end_to_end_s
            assert record.slowest in {stage for stage, _ in record.critical_path}


def guessed(timeline: Timeline, at: float, *, verdict: Moment) -> None:
    """An answer is begun at once, up to the voice's first byte, and then gets its verdict."""
    timeline.moment(M.SPEECH_STARTED, at - 1)
    timeline.moment(M.SPEECH_STOPPED, at)
    for moment, after_s in (
        (M.GUESSED, 0.0),
        (M.LLM_REQUEST, 0.01),
        (M.STT_FINAL, 0.08),
        (M.LLM_FIRST_TOKEN, 0.11),
        (M.CLAUSE_SENT, 0.14),
        (M.TTS_FIRST_BYTE, 0.24),
    ):
        timeline.moment(moment, at + after_s)
    timeline.moment(verdict, at + 0.3)


def test_what_ran_ahead_counts_only_what_it_left_to_do() -> None:
    """The voice was ready when the turn was decided; its own numbers are the providers'."""
    timeline = Timeline(strict=True)
    guessed(timeline, 100.0, verdict=M.GUESS_KEPT)
    timeline.words("caller", "Hello?", final=True)
    timeline.moment(M.TURN_DECIDED, 100.3)
    timeline.moment(M.FIRST_AUDIO, 100.302)
    timeline.words("agent", "Hello.", final=False)
    heard(timeline, "Hello.", 101.0)
    (record,) = timeline.records
    assert (record.speculated, record.kept_speculation) == (True, True)
    assert record.critical_path == (("stt", 0.08), ("endpoint", 0.22), ("wire", 0.002))
    assert record.end_to_end_s == 0.302
    assert (record.llm_first_token_s, record.tts_first_byte_s) == (0.1, 0.1)


def test_what_was_withdrawn_is_in_no_number() -> None:
    """The turn is timed by the answer that was heard."""
    timeline = Timeline(strict=True)
    guessed(timeline, 100.0, verdict=M.GUESS_WITHDRAWN)
    asked(timeline, "Hello there?", 102.0)
    answered(timeline, "Hello.", 102.0)
    heard(timeline, "Hello.", 104.0)
    (record,) = timeline.records
    assert (record.speculated, record.kept_speculation) == (True, False)
    assert (record.end_to_end_s, record.llm_first_token_s) == (0.5, 0.1)


def test_work_ahead_leaves_the_answer_before_it_alone() -> None:
    """A phrase that must be finished is still playing while the next answer is begun."""
    timeline = Timeline()
    asked(timeline, "One?", 100.0)
    answered(timeline, "Two.", 100.0)
    guessed(timeline, 101.0, verdict=M.GUESS_WITHDRAWN)
    heard(timeline, "Two.", 102.0)
    assert timeline.records[0].llm_first_token_s == 0.1
    assert timeline.records[0].heard_text == "Two."


def test_the_models_of_an_answer_begun_early_belong_to_its_turn_if_it_is_kept() -> None:
    """Not to the turn that was being answered when they were asked."""
    timeline = Timeline()
    for verdict, models in ((M.GUESS_KEPT, ("haiku", "sonnet")), (M.GUESS_WITHDRAWN, ("sonnet",))):
        timeline.moment(M.SPEECH_STARTED, 1.0)
        timeline.moment(M.SPEECH_STOPPED, 2.0)
        timeline.words("caller", "Hello?", final=True)
        timeline.moment(M.GUESSED, 2.0)
        timeline.used(model="haiku")
        timeline.used(model="haiku")
        timeline.moment(verdict, 2.1)
        timeline.moment(M.TURN_DECIDED, 2.2)
        timeline.used(model="sonnet")
        timeline.close()
        assert timeline.records[-1].models == models
