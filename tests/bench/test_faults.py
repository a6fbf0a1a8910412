"""How the fault matrix is dealt into calls, armed, and judged."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.fault_arms import Arms, tokens_before
from bench.fault_calls import AFTERWARDS, PATIENCE_S, QUESTIONS, Call, Switchboard, deal, steps
from bench.fault_cells import (
    ALWAYS,
    EAR,
    FIRST,
    GREETING,
    LAST,
    MIDDLE,
    MIND,
    MOUTH,
    Cell,
    cells,
    quick,
)
from bench.fault_house import GREETING as GREETING_WORDS
from bench.fault_verdicts import Seen, decided_s, is_answer, misses
from bench.faults import table
from call.first_token import Patience
from lab.anthropic import PIECES
from lab.caller import Outcome
from lab.conformance import Conformance
from lab.faults import Faults
from lab.mouth import Clips
from lab.played import Account
from lab.reciter import answer_to, words_of
from lab.recording import Recording
from lab.script import WaitAgent
from lab.timeline import Timeline

pytestmark = pytest.mark.rule

TEXTS = [Clips()[name].words for name in (*QUESTIONS, AFTERWARDS)]
GOOD = Seen(Cell(MOUTH, "stall", FIRST), "where", struck=True, silence_s=1.0, goes_on=True)


def test_every_cell_is_dealt_once() -> None:
    """And no call has more than one fault of the voice, for the stand-in may keep it."""
    wanted = cells()
    calls = deal(wanted)
    dealt = [cell for call in calls for cell in (call.opening, *call.cells) if cell]
    assert sorted(map(repr, dealt)) == sorted(map(repr, wanted))
    for call in calls:
        cells_of = [cell for cell in (call.opening, *call.cells) if cell]
        assert sum(cell.is_of_voice for cell in cells_of) <= 1
        assert len(cells_of) == 1 or all(cell.place != ALWAYS for cell in cells_of)


async def test_a_fault_at_the_door_meets_no_call_that_dials_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its call has no other fault, and is over before any without one at the door is placed."""
    living, beside = 0, set()

    async def place(board: Switchboard, call: Call) -> Call:
        nonlocal living
        living += call.is_at_door
        await asyncio.sleep(0)
        beside.add((call.is_at_door, living > 0))
        living -= call.is_at_door
        return call

    monkeypatch.setattr(Switchboard, "place", place)
    calls = deal(cells())
    assert all(not call.cells for call in calls if call.is_at_door)
    house: Any = None
    assert len(await Switchboard(house, at_once=4).run(calls)) == len(calls)
    assert beside == {(True, True), (False, False)}


def test_the_lab_takes_every_fault_of_the_matrix() -> None:
    """No shape or parameter is misspelt, and a question's fault waits for words."""
    arms, lab = Arms(TEXTS), Faults()
    for call in deal(cells()):
        if call.opening is not None:
            for spec in arms.of_opening(call.opening):
                lab.add(spec)
        for cell in call.cells:
            assert cell is not None
            for spec in arms.of_turn(cell, TEXTS[0]):
                assert spec["when_words"]
                lab.add(spec)
        lab.clear()


@pytest.mark.parametrize("place", [FIRST, MIDDLE, LAST, ALWAYS])
def test_a_fault_of_the_ear_waits_for_words_no_other_question_begins_with(place: str) -> None:
    """However little of the question it needs."""
    arms = Arms(TEXTS)
    for text in TEXTS:
        (spec,) = arms.of_turn(Cell(EAR, "stall", place), text)
        found = [other for other in TEXTS if re.search(spec["when_words"], other, re.IGNORECASE)]
        assert found == [text]


def test_a_fault_of_the_model_strikes_inside_its_sentence() -> None:
    """Before the first word, within the second sentence, within the last."""
    text = TEXTS[0]
    pieces = PIECES.findall(answer_to(text))
    words = words_of(text)
    for place, after, before in ((FIRST, "", words[0]), (MIDDLE, words[2], words[3]),
                                 (LAST, words[6], words[7])):  # fmt: skip
        said = "".join(pieces[: tokens_before(place, text)]).lower()
        assert after in said and before not in said


def test_the_quick_table_has_each_of_its_faults_once() -> None:
    """Three providers, one place each."""
    chosen = quick()
    assert {cell.provider for cell in chosen} == {EAR, MIND, MOUTH}
    assert len({(cell.provider, cell.shape) for cell in chosen}) == len(chosen)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"struck": False}, "not struck"),
        ({"silence_s": 2.1}, "silence 2.10"),
        ({"decided_s": 2.2}, "silence 2.20"),
        ({"account": Account(("a", "b"), (), True)}, "lost"),
        ({"account": Account(("a",), ("b",), True)}, "twice"),
        ({"account": Account((), (), False)}, "out of order"),
        ({"goes_on": False, "ending": "fault"}, "ends: fault"),
        ({"heard_question": False, "cell": Cell(EAR, "close", MIDDLE)}, "a final was lost"),
    ],
)
def test_each_promise_is_judged(change: dict[str, object], word: str) -> None:
    """One word lost or repeated is allowed; nothing else is."""
    assert misses(GOOD) == []
    assert misses(replace(GOOD, account=Account(("a",), (), True))) == []
    assert misses(replace(GOOD, heard_question=False, account=Account(("a", "b"), (), True))) == []
    (found,) = misses(replace(GOOD, **change))  # type: ignore[arg-type]
    assert word in found


def test_a_call_that_nothing_can_save_ends_with_an_apology() -> None:
    """By voicemail or a person; an apology alone, or a way out without one, is not enough."""
    lost = Seen(Cell(MIND, "black_hole", ALWAYS), "where", struck=True, ending="voicemail")
    assert misses(replace(lost, apologised=True)) == []
    assert misses(lost) and misses(replace(lost, apologised=True, ending="caller_hung_up"))


def test_an_answer_to_what_was_misheard_is_an_answer() -> None:
    """A holding phrase, the greeting and the rest of an answer to something else are none."""
    before = words_of("Where are you located?")
    assert is_answer(words_of("Do you take insurance?")[:1], not_of=before)
    assert is_answer(words_of("what")[2:3], not_of=before)
    for none in ([], ["one", "moment"], before[-1:], list(GREETING_WORDS)):
        assert not is_answer(none, not_of=before)


def test_a_caller_gives_the_moment_he_is_asked_for() -> None:
    """Where faults may strike at any time, he waits longer than any silence that is promised."""
    call = Call(None, (None,), patience_s=PATIENCE_S)
    waits = [step for step in steps(call, lambda: None) if isinstance(step, WaitAgent)]
    assert [wait.quiet_s for wait in waits[1:]] == [PATIENCE_S, PATIENCE_S]
    assert PATIENCE_S > Patience().first_clause_s


def test_the_table_names_fault_place_and_bot() -> None:
    """One row per fault and bot."""
    one = Seen(Cell(EAR, "close", GREETING, {"code": 1011}), "where", struck=True, goes_on=True)
    text = table({"ours": [one], "stock": [replace(one, goes_on=False, ending="by caller")]})
    rows = [line for line in text.splitlines() if line.startswith("| deepgram")]
    assert len(rows) == 2 and "goes on" in rows[0] and "by caller" in rows[1]


def test_the_decision_is_found_on_the_callers_time_line() -> None:
    """The bot's record has it by the wall clock, the caller's time line by this machine's own."""
    began_at = time.monotonic()
    call = Call(None, (None,), record={"started_at": datetime.now(UTC).isoformat()})
    call.outcome = Outcome(Timeline("CA1", began_at - 0.5), Conformance(), Recording())
    assert decided_s(call, {"at_s": 3.0, "endpoint_s": 0.2}) == pytest.approx(3.7, abs=0.05)
    assert decided_s(call, {"at_s": 3.0, "endpoint_s": None}) is None
