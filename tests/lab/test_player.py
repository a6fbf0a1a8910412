"""A script followed against what is heard, with every instant given."""

from __future__ import annotations

import numpy as np
import pytest

from lab.loudness import encode
from lab.mouth import clip
from lab.player import UNTOLD_S, Deed, GaveUp, HungUp, Player, Pressed, Spoke
from lab.playout import Playout
from lab.script import STEPS, Prompted, Script, Step, parse

pytestmark = pytest.mark.rule

TONE = encode(8000 * np.sin(np.arange(80_000) * 0.5))
CLIPS = {
    "hi": clip("hi", b"\xff" * 800 + TONE[:8000] + b"\xff" * 1600),
    "wait": clip("wait", TONE[:4000]),
}


def play(
    steps: list[dict[str, object]], *, agent: list[tuple[float, float]], until: float
) -> list[tuple[float, Deed]]:
    """Run a script in 20 ms frames while the agent speaks as given (from, seconds)."""
    playout = Playout()
    player = Player(parse({"steps": steps}), CLIPS, ears=playout, now=0.0)
    left = list(agent)
    deeds: list[tuple[float, Deed]] = []
    for frame in range(round(until / 0.02)):
        now = frame * 0.02
        while left and left[0][0] <= now:
            playout.feed(TONE[: round(left.pop(0)[1] * 8000)], now=now)
        deeds += [(round(now, 2), deed) for deed in player.tick(now)]
    return deeds


def names(deeds: list[tuple[float, Deed]]) -> list[tuple[float, str]]:
    """Instants and kinds."""
    return [(at, type(deed).__name__) for at, deed in deeds]


def test_the_caller_waits_for_the_agent_to_finish_and_thinks_before_speaking() -> None:
    """Greeting 0–1 s, quiet 0.9 s, pause 0.4 s, 1.3 s of speech, then the line is put down."""
    deeds = play([{"do": "wait_agent"}, {"do": "say", "clip": "hi"}], agent=[(0.0, 1.0)], until=5)
    assert names(deeds) == [
        (1.9, "AgentDone"),
        (2.3, "Spoke"),
        (3.6, "HungUp"),
    ]


def test_a_short_pause_of_the_agent_is_not_its_end() -> None:
    """0.5 s between sentences is waited through."""
    deeds = play([{"do": "wait_agent"}], agent=[(0.0, 1.0), (1.5, 1.0)], until=5)
    assert names(deeds) == [(3.4, "AgentDone"), (3.4, "HungUp")]


@pytest.mark.parametrize(("told_at", "done_at"), [(3.4, 3.4), (60.0, 1.9 + UNTOLD_S)])
def test_a_gap_that_is_known_to_be_one_is_waited_through(told_at: float, done_at: float) -> None:
    """However long a slow machine makes it; but not for ever."""
    frames = [round(0.02 * i, 2) for i in range(500)]
    playout, left = Playout(), iter(frames)
    player = Player(
        parse({"steps": [{"do": "wait_agent"}]}),
        CLIPS,
        ears=playout,
        now=0.0,
        is_agent_done=lambda: now >= told_at,
    )
    playout.feed(TONE[:8000], now=0.0)
    while not player.tick(now := next(left)):
        pass
    assert now == pytest.approx(done_at)


def test_only_what_the_agent_says_after_the_callers_last_word_is_an_answer() -> None:
    """The greeting does not satisfy the wait behind a question."""
    steps: list[dict[str, object]] = [
        {"do": "wait_agent"},
        {"do": "say", "clip": "hi", "pause_s": 0},
        {"do": "wait_agent", "timeout_s": 2},
    ]
    deeds = play(steps, agent=[(0.0, 1.0)], until=9)
    assert [deed for _, deed in deeds][-2:] == [GaveUp("wait_agent"), HungUp()]


def test_an_interruption_begins_so_long_after_the_agent_is_heard() -> None:
    """And opens a turn of its own."""
    steps: list[dict[str, object]] = [
        {"do": "say", "clip": "hi", "pause_s": 0},
        {"do": "interrupt", "clip": "wait", "after_s": 1.0},
    ]
    deeds = play(steps, agent=[(2.0, 4.0)], until=9)
    at, deed = deeds[1]
    assert at == 3.0
    assert deed == Spoke(CLIPS["wait"], "interrupt", follows_on=False)


def test_an_interruption_without_an_agent_is_given_up() -> None:
    """The clip is not said."""
    deeds = play([{"do": "interrupt", "clip": "wait", "timeout_s": 1}], agent=[], until=3)
    assert [deed for _, deed in deeds] == [GaveUp("interrupt"), HungUp()]


def test_two_clips_without_a_wait_between_are_one_turn() -> None:
    """A caller who pauses inside a sentence."""
    steps: list[dict[str, object]] = [
        {"do": "say", "clip": "hi", "pause_s": 0},
        {"do": "say", "clip": "wait", "pause_s": 0.5},
    ]
    deeds = play(steps, agent=[], until=5)
    spoke = [deed for _, deed in deeds if isinstance(deed, Spoke)]
    assert [deed.follows_on for deed in spoke] == [False, True]
    assert names(deeds)[1] == (1.8, "Spoke")


def test_keys_are_pressed_one_after_another_then_silence_then_the_end() -> None:
    """Each digit its own message, 0.2 s apart."""
    steps: list[dict[str, object]] = [
        {"do": "key", "digits": "1#"},
        {"do": "silence", "s": 1.0},
        {"do": "wait_end", "timeout_s": 2.0},
        {"do": "hang_up"},
    ]
    deeds = play(steps, agent=[], until=5)
    assert [(at, deed) for at, deed in deeds] == [
        (0.0, Pressed("1")),
        (0.2, Pressed("#")),
        (3.4, GaveUp("wait_end")),
        (3.4, HungUp()),
    ]


def test_nothing_is_done_after_hanging_up() -> None:
    """Asking again gives nothing."""
    playout = Playout()
    player = Player(parse({"steps": [{"do": "hang_up"}]}), {}, ears=playout, now=0.0)
    assert player.tick(0.0) == [HungUp()]
    assert player.tick(0.02) == []


def test_an_agent_that_never_stops_is_not_listened_to_for_ever() -> None:
    """After ninety seconds the caller goes on."""
    deeds = play([{"do": "wait_agent"}], agent=[(i * 10.0, 10.0) for i in range(12)], until=100)
    assert names(deeds)[0] == (90.02, "GaveUp")
    assert isinstance(deeds[0][1], GaveUp)


def test_every_step_of_the_format_can_be_followed() -> None:
    """No step is accepted by the parser and unknown to the player."""
    examples: dict[str, dict[str, object]] = {
        "say": {"clip": "hi"},
        "interrupt": {"clip": "hi"},
        "key": {"digits": "1"},
        "silence": {"s": 1},
    }
    for do, kind in STEPS.items():
        step: Step = parse({"steps": [{"do": do, **examples.get(do, {})}]}).steps[0]
        assert type(step) is kind
        play([{"do": do, **examples.get(do, {})}], agent=[], until=0.1)


def test_a_prompted_caller_says_what_it_is_told_as_soon_as_it_is() -> None:
    """Nothing until the prompter names a clip; then that clip, once."""
    asked = iter([None, None, "hi", "wait"])
    script = Script("prompted", (Prompted(lambda: next(asked)),) * 2)
    player = Player(script, CLIPS, ears=Playout(), now=0.0)
    deeds = [(frame, deed) for frame in range(200) for deed in player.tick(frame * 0.02)]
    said = [(frame, deed.clip.name) for frame, deed in deeds if isinstance(deed, Spoke)]
    assert said == [(2, "hi"), (67, "wait")]
