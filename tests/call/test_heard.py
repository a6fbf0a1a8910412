"""What reached the caller's ear: only what was played, in order, once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.heard import (
    Action,
    CallEnded,
    CallerInterrupted,
    ClauseCut,
    ClausePlayed,
    ClauseSpoken,
    CloseReply,
    CommitReply,
    Fact,
    Goodbye,
    Heard,
    HeardLog,
    InsertText,
    NoteHeard,
    OpenReply,
    ReplyBegan,
    ReplySpoken,
    TakeText,
    ToolCalled,
    half_said,
    heard_words,
)
from call.spoken import spoken_with_map

pytestmark = pytest.mark.rule

MARKER = "[interrupted by the caller]"


def tell(log: HeardLog, *facts: Fact, now: float = 0.0) -> list[Action]:
    """Everything that follows from the facts."""
    return [action for fact in facts for action in log.decide(fact, now)]


def reply(number: int, *texts: str, **about: object) -> list[Fact]:
    """A reply whose clauses' sound has begun to leave; its end is still to come."""
    spoken = [
        ClauseSpoken(number, i, text, **about)  # type: ignore[arg-type]
        for i, text in enumerate(texts, start=1)
    ]
    return [ReplyBegan(), *spoken]


def conversation(actions: Sequence[Action]) -> list[str]:
    """The agent's messages as the conversation would keep them."""
    messages: list[str] = []
    pending: list[str] = []
    for action in actions:
        match action:
            case TakeText():
                pending.append(action.text)
            case InsertText():
                messages.append(f"({action.tool_call_id}) {action.text}")
            case CommitReply() | CloseReply() if pending:
                messages.append(" ".join(pending))
                pending = []
    return messages


def closes(actions: Sequence[Action]) -> list[CloseReply]:
    """Which replies ended."""
    return [action for action in actions if isinstance(action, CloseReply)]


def test_the_kind_of_what_is_heard_is_known() -> None:
    """Of the reply in the ear, not of the one behind it."""
    log = HeardLog()
    assert log.sounding == ""
    tell(log, *reply(1, "One moment.", kind="filler"), ReplySpoken(), *reply(2, "At six."))
    assert log.sounding == "filler"
    tell(log, ClausePlayed(1, 1))
    assert log.sounding == "reply"


def test_nothing_counts_as_heard_when_it_was_only_sent() -> None:
    """A reply that has left whole, without a mark, has no words yet."""
    log = HeardLog()
    assert tell(log, *reply(1, "We close at six.", "See you."), ReplySpoken()) == [OpenReply()]
    assert not log.is_empty


def test_each_clause_enters_when_it_was_played() -> None:
    """And the reply closes with its last clause."""
    log = HeardLog()
    tell(log, *reply(1, "We close at six.", "See you."), ReplySpoken())
    assert tell(log, ClausePlayed(1, 1)) == [
        NoteHeard("We close at six.", 1),
        TakeText("We close at six."),
    ]
    assert tell(log, ClausePlayed(1, 2)) == [
        NoteHeard("See you.", 1),
        TakeText("See you."),
        CloseReply(1, "reply", "We close at six. See you.", interrupted=False),
    ]
    assert log.is_empty


def test_a_mark_inside_a_clause_does_not_finish_it() -> None:
    """It proves the clauses before."""
    log = HeardLog()
    tell(log, *reply(1, "One.", "Two."), ReplySpoken())
    assert conversation(tell(log, ClausePlayed(1, 2, is_end=False))) == []
    assert tell(log, CallerInterrupted())[0] == TakeText(MARKER)


def test_a_mark_proves_everything_before_it() -> None:
    """Lost and reordered marks: what is played later was played later."""
    log = HeardLog()
    tell(log, *reply(1, "One.", "Two."), ReplySpoken(), *reply(2, "Three."), ReplySpoken())
    actions = tell(log, ClausePlayed(2, 1), ClausePlayed(1, 1))
    assert conversation(actions) == ["One. Two.", "Three."]
    assert [close.reply for close in closes(actions)] == [1, 2]


def test_a_mark_that_overtakes_its_clause_is_remembered() -> None:
    """System frames overtake data."""
    log = HeardLog()
    tell(log, ClausePlayed(1, 1))
    assert conversation(tell(log, *reply(1, "One."), ReplySpoken())) == ["One."]


def test_an_interrupted_reply_ends_where_the_caller_stopped_hearing_it() -> None:
    """With a marker that more was meant."""
    log = HeardLog()
    tell(log, *reply(1, "One.", "Two.", kind="greeting"))
    actions = tell(log, ClausePlayed(1, 1), CallerInterrupted())
    assert conversation(actions) == [f"One. {MARKER}"]
    assert closes(actions) == [CloseReply(1, "greeting", "One.", interrupted=True)]
    assert log.is_empty


def test_a_reply_that_was_never_heard_leaves_no_trace() -> None:
    """Not even a marker."""
    log = HeardLog()
    actions = tell(log, *reply(1, "One."), ReplySpoken(), CallerInterrupted())
    assert conversation(actions) == []
    assert closes(actions) == [CloseReply(1, "reply", "", interrupted=True)]


def test_the_marker_can_be_left_out() -> None:
    """An empty marker is none."""
    log = HeardLog(Heard(marker=""))
    actions = tell(log, *reply(1, "One.", "Two."), ClausePlayed(1, 1), CallerInterrupted())
    assert conversation(actions) == ["One."]


def test_what_trickles_in_of_a_dropped_reply_is_ignored() -> None:
    """A clause or an end that was on its way when the caller interrupted."""
    log = HeardLog()
    tell(log, *reply(1, "One."), CallerInterrupted())
    assert tell(log, ClauseSpoken(1, 2, "Two."), ReplySpoken(), ClausePlayed(1, 2)) == []
    assert log.is_empty


def test_a_protected_reply_survives_an_interruption() -> None:
    """Its message goes on in another."""
    log = HeardLog()
    tell(log, *reply(1, "This call", "is recorded.", is_protected=True))
    assert tell(log, ClausePlayed(1, 1), CallerInterrupted())[-1] == TakeText("This call")
    actions = tell(log, ReplySpoken(), ClausePlayed(1, 2))
    assert actions[0] == OpenReply()
    assert closes(actions)[0].heard == "This call is recorded."


def test_hanging_up_keeps_what_was_heard_without_a_marker() -> None:
    """Nobody will answer to it, and nothing is protected any more."""
    log = HeardLog()
    tell(log, *reply(1, "One.", "Two.", is_protected=True), ClausePlayed(1, 1))
    actions = tell(log, CallEnded())
    assert TakeText(MARKER) not in actions
    assert closes(actions) == [CloseReply(1, "reply", "One.", interrupted=True)]


def test_a_reply_without_words_closes_at_once() -> None:
    """The model only called a tool."""
    log = HeardLog()
    actions = tell(log, ReplyBegan(), ReplySpoken())
    assert actions == [OpenReply(), CloseReply(0, "reply", "", interrupted=False)]


def test_words_before_a_tool_call_stand_before_it() -> None:
    """Heard before the call: written at once. Heard after it: put in front of it."""
    log = HeardLog()
    early = tell(log, *reply(1, "Let me", "check."), ClausePlayed(1, 1), ToolCalled("t1"))
    assert early[-1] == CommitReply()
    assert tell(log, ToolCalled("t2")) == []
    late = tell(log, ReplySpoken(), ClausePlayed(1, 2))
    assert late == [
        NoteHeard("check.", 1),
        InsertText("t1", "check."),
        CloseReply(1, "reply", "Let me check.", interrupted=False),
    ]


def test_a_tool_call_behind_the_replys_end_still_belongs_to_it() -> None:
    """Pipecat may push the end first."""
    log = HeardLog()
    tell(log, *reply(1, "Let me check."), ReplySpoken(), ToolCalled("t1"))
    assert conversation(tell(log, ClausePlayed(1, 1))) == ["(t1) Let me check."]


def test_a_tool_call_after_everything_was_heard_changes_nothing() -> None:
    """Its words are in the conversation already."""
    log = HeardLog()
    tell(log, *reply(1, "Let me check."), ReplySpoken(), ClausePlayed(1, 1))
    assert tell(log, ToolCalled("t1")) == []


def test_interrupted_after_a_tool_call_the_marker_stands_in_front_of_it() -> None:
    """Behind the words it is about."""
    log = HeardLog()
    tell(log, *reply(1, "Let me", "check."), ToolCalled("t1"), ClausePlayed(1, 1))
    actions = tell(log, CallerInterrupted())
    assert InsertText("t1", f"Let me {MARKER}") in actions


def test_replies_wait_for_the_one_before_them() -> None:
    """The second message begins when the first is closed."""
    log = HeardLog()
    actions = tell(log, *reply(1, "One."), ReplySpoken(), *reply(2, "Two."))
    assert actions == [OpenReply()]
    assert tell(log, ClausePlayed(1, 1))[-2:] == [
        CloseReply(1, "reply", "One.", interrupted=False),
        OpenReply(),
    ]


def test_a_reply_that_begins_ends_the_one_before() -> None:
    """An end lost on the way holds nothing up; nor does a lost start."""
    log = HeardLog()
    tell(log, *reply(1, "One."), ClauseSpoken(2, 1, "Two."), ReplySpoken())
    assert conversation(tell(log, ClausePlayed(2, 1))) == ["One.", "Two."]


def test_marks_that_never_come_are_given_up_after_a_bound() -> None:
    """Counted from the last sound sent or the last mark; a late timer asks again."""
    log = HeardLog(Heard(mark_wait_s=3.0))
    tell(log, *reply(1, "One.", "Two."), now=1.0)
    assert log.next_deadline() is None
    assert log.on_deadline(99.0) == ()
    tell(log, ReplySpoken(), now=2.0)
    assert log.next_deadline() == 5.0
    tell(log, ClausePlayed(1, 1), now=4.0)
    assert log.next_deadline() == 7.0
    assert log.on_deadline(6.9) == ()
    actions = log.on_deadline(7.0)
    assert conversation(actions) == ["Two."]
    assert closes(actions) == [
        CloseReply(1, "reply", "One. Two.", interrupted=False, by_bound=True)
    ]
    assert log.next_deadline() is None


def test_an_end_without_a_reply_is_ignored() -> None:
    """The model's late end after an interruption."""
    assert tell(HeardLog(), ReplySpoken()) == []


@pytest.mark.parametrize(("knobs", "value"), [(Goodbye, "watchdog_s"), (Heard, "mark_wait_s")])
def test_senseless_bounds_are_refused(knobs: type, value: str) -> None:
    """By name."""
    with pytest.raises(ValueError, match=value):
        knobs(**{value: 0.0})
    assert getattr(knobs(), value) > 0


STEPS = st.one_of(
    st.just("clause"),
    st.just("end"),
    st.just("begin"),
    st.just("tool"),
    st.just("play"),
    st.just("interrupt"),
    st.just("wait"),
)


@given(st.lists(STEPS, max_size=50))
def test_the_conversation_is_a_prefix_of_each_reply_whatever_the_order(steps: list[str]) -> None:
    """No word enters that was not played, none twice, none out of order; each reply closes once;
    and when everything has been played nothing is left."""
    log, actions, played = HeardLog(), [], []
    sent: list[tuple[int, int]] = []
    number, clause, now, is_open = 0, 0, 0.0, False
    for step in steps:
        now += 0.1
        if step == "begin":
            number, clause, is_open = number + 1, 0, True
            actions += tell(log, ReplyBegan(), now=now)
        elif step == "clause" and is_open:
            clause += 1
            sent.append((number, clause))
            actions += tell(log, ClauseSpoken(number, clause, f"{number}.{clause}"), now=now)
        elif step == "end" and is_open:
            is_open = False
            actions += tell(log, ReplySpoken(), now=now)
        elif step == "tool" and is_open:
            actions += tell(log, ToolCalled(f"t{number}"), now=now)
        elif step == "play" and sent:
            played.append(sent.pop(0))
            actions += tell(log, ClausePlayed(*played[-1]), now=now)
        elif step == "interrupt":
            sent, is_open = [], False
            actions += tell(log, CallerInterrupted(), now=now)
        elif step == "wait":
            assert log.on_deadline(now) == ()
    heard = [action.text for action in actions if isinstance(action, NoteHeard)]
    assert heard == [f"{r}.{c}" for r, c in played]
    for ref in sent:
        played.append(ref)
        actions += tell(log, ClausePlayed(*ref), now=now)
    actions += tell(log, ReplySpoken(), now=now)
    assert log.is_empty
    words = " ".join(conversation(actions)).replace(MARKER, "").split()
    words = [word for word in words if not word.startswith("(")]
    assert sorted(words) == sorted(f"{r}.{c}" for r, c in played)
    numbers = [close.reply for close in closes(actions) if close.reply]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("chars", "heard"),
    [
        (0, ""),
        (1, ""),
        (2, "Your"),
        (5, "Your"),
        (6, "Your"),
        (7, "Your bill"),
        (10, "Your bill"),
        (99, "Your bill is $42."),
    ],
)
def test_an_interrupted_clause_is_kept_to_the_last_word_half_of_which_was_said(
    chars: int, heard: str
) -> None:
    """Written as the model wrote it, however it is said."""
    text = "Your bill is $42."
    log = HeardLog(Heard(marker=""))
    said = spoken_with_map(text, language="en")
    tell(log, ReplyBegan(), ClauseSpoken(1, 1, text, form=said), ClauseSpoken(1, 2, "Goodbye."))
    actions = tell(log, ClausePlayed(1, 1, is_end=False, chars=chars), CallerInterrupted())
    assert [a.text for a in actions if isinstance(a, TakeText)] == ([heard] if heard else [])
    assert [a.heard for a in actions if isinstance(a, CloseReply)] == [heard]


def test_half_a_number_is_no_number() -> None:
    """ "forty" of "$42" is not written down as heard."""
    clause = ClauseSpoken(1, 1, "It is $42.", form=spoken_with_map("It is $42.", language="en"))
    assert heard_words(clause, len("It is forty")) == "It is"
    assert heard_words(clause, len("It is forty-two dol")) == "It is"
    assert heard_words(clause, len("It is forty-two doll")) == "It is $42."


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6), st.data())
def test_what_was_heard_is_as_often_told_too_long_as_too_short(
    words: list[str], data: st.DataObject
) -> None:
    """Never by more than half a word."""
    text = " ".join(words)
    chars = data.draw(st.integers(0, len(text)))
    told = len(heard_words(ClauseSpoken(1, 1, text), chars))
    begins = text.rfind(" ", 0, chars) + 1
    ends = (text + " ").index(" ", chars)
    half = (ends - begins + 1) // 2
    assert told <= chars + half and chars < told + half + 1


def test_the_place_from_which_a_word_counts_is_its_middle() -> None:
    """The larger half of an odd one; all of a single letter."""
    assert [half_said("a check-up is", end) for end in (1, 10, 13)] == [1, 6, 12]


def test_how_far_an_older_clause_got_says_nothing_of_the_next() -> None:
    """Nor does a place that was passed before."""
    log = HeardLog(Heard(marker=""))
    tell(log, *reply(1, "One two three.", "Four five six."))
    tell(log, ClausePlayed(1, 1, is_end=False, chars=7), ClausePlayed(1, 1, is_end=False, chars=3))
    actions = tell(log, ClausePlayed(1, 1), CallerInterrupted())
    assert [a.heard for a in actions if isinstance(a, CloseReply)] == ["One two three."]


@given(st.text(max_size=40), st.integers(0, 60))
def test_heard_words_are_a_beginning_of_what_was_written(text: str, chars: int) -> None:
    """In whole words."""
    heard = heard_words(ClauseSpoken(1, 1, text), chars)
    assert text.strip().startswith(heard)
    assert text.split()[: len(heard.split())] == heard.split()


def test_a_holding_phrase_is_heard_and_no_part_of_the_conversation() -> None:
    """Neither beside a tool, nor cut short: the model did not say it."""
    log = HeardLog()
    tell(log, *reply(1, "Let me look.", kind="filler"), ToolCalled("t1"), ReplySpoken())
    heard = tell(log, ClausePlayed(1, 1))
    assert heard == [
        NoteHeard("Let me look.", 1, "filler"),
        CloseReply(1, "filler", "Let me look.", False),
    ]
    tell(log, *reply(2, "One moment.", "I am still on it.", kind="filler"))
    cut = tell(log, ClausePlayed(2, 1), CallerInterrupted())
    assert cut == [
        NoteHeard("One moment.", 2, "filler"),
        CloseReply(2, "filler", "One moment.", True),
    ]


def test_a_clause_that_nobody_could_end_is_kept_as_far_as_it_was_said():
    """Its rest is not in the conversation, though its end was played, or its marks never came."""
    for end in (ClausePlayed(1, 2), None):
        log = HeardLog()
        facts = [*reply(1, "We are open.", "Come on Tuesday or Friday."), ClauseCut(1, 2, 15)]
        actions = tell(log, *facts, ClausePlayed(1, 1), ReplySpoken())
        actions += tell(log, end) if end else log.on_deadline(10.0)
        assert conversation(actions) == ["We are open. Come on Tuesday"]
        assert log.is_empty


def test_a_clause_that_was_cut_before_its_first_word_leaves_nothing():
    """Not even an empty piece."""
    log = HeardLog()
    facts = [*reply(1, "We are open.", "Come."), ClauseCut(1, 2, 0), ClauseCut(7, 1, 3)]
    actions = tell(log, *facts, ReplySpoken(), ClausePlayed(1, 2))
    assert [a.text for a in actions if isinstance(a, NoteHeard)] == ["We are open."]
    assert log.is_empty
