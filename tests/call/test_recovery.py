"""One table says what is done about a fault and what the caller hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.errors import (
    ProviderBroke,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from call.recovery import (
    TABLE,
    Line,
    Recovery,
    Remedy,
    Stage,
    StandIn,
    Step,
    Trouble,
    trouble,
)

pytestmark = pytest.mark.rule

OUTAGES = [what for stage, what in TABLE if stage is Stage.THINK and what is not Trouble.EMPTY]
FAULTS = [what for what in OUTAGES if what is not Trouble.LATE]


def steps(recovery: Recovery, *what: Trouble) -> list[Step]:
    """What is done about the model's troubles, one after another."""
    return [recovery.met(Stage.THINK, each).step for each in what]


@given(st.lists(st.sampled_from(FAULTS), min_size=3, max_size=6))
def test_the_third_outage_of_the_model_in_a_row_ends_the_conversation(what: list[Trouble]) -> None:
    """Whichever they are; not the first, not the second, and never a fourth try."""
    taken = steps(Recovery(), *what)
    assert Step.GIVE_UP not in taken[:2]
    assert set(taken[2:]) == {Step.GIVE_UP}


@given(st.lists(st.sampled_from(OUTAGES), min_size=4, max_size=7))
def test_a_model_that_is_late_only_now_is_covered_before_it_is_given_up(
    what: list[Trouble],
) -> None:
    """Behind two faults of other kinds the first lateness gets a phrase; the trouble after it ends
    the conversation, so that nobody is held for longer than by four troubles."""
    recovery = Recovery()
    remedies = [recovery.met(Stage.THINK, each) for each in what]
    for was, now, remedy in zip(what[1:], what[2:], remedies[2:], strict=False):
        if now is not Trouble.LATE or was is Trouble.LATE:
            assert remedy.step is Step.GIVE_UP
            break
        assert remedy == Remedy(Step.WAIT, Line.FILLER)


def test_a_complete_answer_begins_the_row_anew() -> None:
    """The next fault is a first one; another stage's faults stay what they are."""
    recovery = Recovery()
    recovery.met(Stage.HEAR, Trouble.GONE)
    assert steps(recovery, Trouble.BUSY, Trouble.DOWN) == [Step.AGAIN, Step.STAND_IN]
    recovery.is_well(Stage.THINK)
    assert steps(recovery, Trouble.BUSY) == [Step.AGAIN]
    assert recovery.met(Stage.HEAR, Trouble.GONE).step is Step.GIVE_UP


def test_an_empty_answer_is_counted_apart() -> None:
    """Neither an outage nor a success: it moves no outage's count, and has its own."""
    recovery = Recovery()
    assert steps(recovery, Trouble.BUSY, Trouble.EMPTY) == [Step.AGAIN, Step.AGAIN]
    assert recovery.met(Stage.THINK, Trouble.EMPTY) == Remedy(Step.WAIT, Line.SAY_AGAIN)
    assert steps(recovery, Trouble.BUSY) == [Step.STAND_IN]
    assert steps(recovery, Trouble.EMPTY) == [Step.GIVE_UP]


def test_a_late_model_is_covered_by_phrases() -> None:
    """The first time it may still answer; the second time the stand-in is asked, behind another
    phrase."""
    recovery = Recovery()
    assert recovery.met(Stage.THINK, Trouble.LATE) == Remedy(Step.WAIT, Line.FILLER)
    assert recovery.met(Stage.THINK, Trouble.LATE) == Remedy(Step.STAND_IN, Line.FILLER)
    assert recovery.met(Stage.THINK, Trouble.LATE) == Remedy(Step.GIVE_UP, Line.APOLOGY)


def test_a_slow_tool_is_covered_for_as_long_as_it_may_take() -> None:
    """Its own time limit ends it."""
    recovery = Recovery()
    remedies = {recovery.met(Stage.TOOL, Trouble.LATE) for _ in range(9)}
    assert remedies == {Remedy(Step.WAIT, Line.FILLER)}


def test_whoever_gives_up_apologises() -> None:
    """And nobody apologises and goes on."""
    for row in TABLE.values():
        for remedy in row:
            assert (remedy.step is Step.GIVE_UP) == (remedy.line is Line.APOLOGY)


def test_a_row_never_grows_milder() -> None:
    """What gave up once gives up for good."""
    for row in TABLE.values():
        given_up = [remedy.step is Step.GIVE_UP for remedy in row]
        assert given_up == sorted(given_up)


def test_a_trouble_a_stage_does_not_tell_apart_has_the_coarser_row() -> None:
    """A voice that is over its limit is busy; a trouble no stage knows mends itself."""
    recovery = Recovery()
    assert recovery.met(Stage.SPEAK, Trouble.LIMITED) == Remedy(Step.WAIT)
    assert recovery.met(Stage.HEAR, Trouble.MALFORMED) == Remedy(Step.WAIT)
    assert recovery.met(Stage.TOOL, Trouble.DOWN) == Remedy(Step.WAIT)


def test_each_fault_has_a_row() -> None:
    """By what it is, and for a few by what the provider said."""

    def of(kind: type[ProviderFault], detail: str = "", wait_s: float | None = None) -> Trouble:
        return trouble(kind("think", detail, provider="p", retry_after_s=wait_s))

    assert of(ProviderBusy) is Trouble.BUSY
    assert of(ProviderBusy, wait_s=1.0) is Trouble.BUSY
    assert of(ProviderBusy, wait_s=20.0) is Trouble.LIMITED
    assert of(ProviderSlow) is Trouble.SLOW
    assert of(ProviderDown) is Trouble.DOWN
    assert of(ProviderBroke) is Trouble.BROKE
    assert of(ProviderRefused, "status 401") is Trouble.REFUSED
    assert of(ProviderRefused, "status 400") is Trouble.MALFORMED
    assert of(ProviderRefused, "invalid_request_error") is Trouble.MALFORMED
    for stage in (Stage.HEAR, Stage.THINK, Stage.SPEAK):
        for what in Trouble:
            Recovery().met(stage, what)


def test_the_stand_in_goes_on_for_a_while_once_it_had_to_answer() -> None:
    """Then the first model gets its chance; its own answer ends the rule at once."""
    models = StandIn(keep_s=60.0)
    assert not models.is_first(0.0)
    models.answered(is_stand_in=True, now=10.0)
    assert models.is_first(69.9) and not models.is_first(70.0)
    models.answered(is_stand_in=True, now=50.0)  # its own answers do not prolong its rule
    assert not models.is_first(70.0)
    models.answered(is_stand_in=True, now=70.0)
    models.answered(is_stand_in=False, now=71.0)
    assert not models.is_first(72.0)


def test_the_page_shows_the_table() -> None:
    """Row by row, in its order (docs/recovery.md)."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "recovery.md").read_text("utf-8")
    shown = [
        line for line in page.splitlines() if line.startswith(tuple(f"| {s} |" for s in Stage))
    ]
    assert shown == [
        f"| {stage} | {what} | {' | '.join(_shown(remedy) for remedy in row)} |"
        for (stage, what), row in TABLE.items()
    ]


def _shown(remedy: Remedy) -> str:
    return f"{remedy.step} + {remedy.line}" if remedy.line else f"{remedy.step}"


def test_a_conversation_is_rebuilt_once_whatever_went_wrong_before() -> None:
    """Behind an overload, too; in plain words already, it goes to the stand-in at once."""
    recovery = Recovery()
    assert recovery.met(Stage.THINK, Trouble.BUSY).step is Step.AGAIN
    assert recovery.met(Stage.THINK, Trouble.MALFORMED).step is Step.REBUILD
    assert recovery.met(Stage.THINK, Trouble.MALFORMED).step is Step.GIVE_UP
    recovery.is_well(Stage.THINK)
    assert recovery.met(Stage.THINK, Trouble.MALFORMED).step is Step.STAND_IN
