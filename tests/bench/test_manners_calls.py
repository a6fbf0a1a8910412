"""How one call becomes figures: holds, yields, gaps, speed, and what was heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.loop_steps import Steps
from bench.manners_calls import (
    BACKCHANNELS,
    INTERRUPTIONS,
    Found,
    book,
    plain_questions,
    script,
)
from bench.manners_heard import Reply, replies
from bench.manners_page import document, goals, section
from lab.mouth import Clips
from lab.script import Interrupt
from lab.speaking import say
from lab.timeline import Timeline, Utterance

pytestmark = pytest.mark.rule


def turn(**more: Any) -> dict[str, Any]:
    """A turn of the call record."""
    plain = {
        "at_s": 1.0, "interrupted": False, "agent_text": "Hello there.",
        "heard_text": "Hello there.", "end_to_end_s": 0.3, "kept_speculation": True,
        "endpoint_s": 0.1,
    }  # fmt: skip
    return plain | more


def said(text: str) -> list[dict[str, Any]]:
    """The lab's log of a clause."""
    return [
        {"kind": "message", "message": {"context_id": "r1", "text": text}},
        {"kind": "speech", "context": "r1", "voice": "v", "text": text},
    ]


def overlap(clip: str, *turns: dict[str, Any], clears: tuple[float, ...] = (5.1,)) -> Found:
    """A voice from 5.0 to 5.5 over an agent who speaks from 2 s on."""
    said = Utterance(clip, clip, "interrupt", False, 4.96, 5.0, 5.5, 5.6)
    line = Timeline(
        "CA1", 100.0, 12.0, "caller", [said],
        agent_spans=[(2.0, 5.1), (5.7, 9.0)], agent_runs=[(2.0, 5.1), (5.7, 9.0)],
        clears=list(clears),
    )  # fmt: skip
    found = Found()
    record = {"turns": list(turns), "counters": {"speculations.kept": 1}}
    book(found, line, record, [], sound=np.zeros(96_000, np.int16))
    return found


def test_a_sign_of_listening_survives_when_no_turn_begins_with_it() -> None:
    """The silence it made is the resume gap."""
    found = overlap("uh_huh", turn())
    assert (found.backchannels, found.survived, found.lost) == (1, 1, [])
    assert found.onset_to_clear_s == [pytest.approx(0.1)]
    assert found.resume_gap_s == [pytest.approx(0.6)]
    assert found.after_voice_s == [pytest.approx(0.2)]


def test_a_sign_of_listening_that_becomes_a_turn_is_lost() -> None:
    """And is named."""
    found = overlap("uh_huh", turn(), turn(at_s=5.7))
    assert (found.survived, found.lost) == (0, ["uh_huh"])


def test_an_interruption_is_yielded_to_when_a_turn_begins_with_it() -> None:
    """Not when the agent goes on."""
    assert overlap("stop", turn(), turn(at_s=5.7)).yielded == 1
    found = overlap("stop", turn())
    assert (found.interruptions, found.yielded, found.lost) == (1, 0, ["stop"])


def test_a_voice_that_was_not_held_counts_as_such() -> None:
    """It has no delay."""
    found = overlap("uh_huh", turn(), clears=())
    assert (found.not_cleared, found.onset_to_clear_s) == (1, [])


def test_speed_is_counted_of_all_turns_and_of_those_with_a_kept_guess() -> None:
    """A turn without sound has none."""
    found = overlap(
        "uh_huh", turn(), turn(at_s=9.0, kept_speculation=False, end_to_end_s=0.5),
        turn(at_s=11.0, end_to_end_s=None), turn(at_s=11.5, endpoint_s=0.29),
    )  # fmt: skip
    assert found.first_audio_s == [0.3, 0.5, 0.3]
    assert found.kept_first_audio_s == [0.3, 0.3]
    assert (found.prompt_s, found.ready_s) == ([0.3, 0.5], [0.3])  # which came last


def test_steps_of_the_loop_are_shown_with_what_they_ran() -> None:
    """The longest of them is the goal's figure."""
    found = Found()
    found.add_steps(Steps(3000, ((1.0, 0.012, "Session.run"), (2.0, 0.006, "page"))))
    verdicts = {goal[0]: goal[2:] for goal in goals(document(found))}
    told = verdicts["event loop kept busy for more than 10 ms at a stretch"]
    assert told == ("1 of 3000 steps, longest 12 ms", "**no**")
    assert "12 ms Session.run, 6 ms page" in "\n".join(section(document(found)))
    quiet = Found(steps=1000)
    assert goals(document(quiet))[-1][2:] == ("0 of 1000 steps, longest 5 ms", "yes")


def test_an_interrupted_reply_is_compared_with_what_was_played() -> None:
    """In the model's own words: "90" is one of them."""
    text = "It costs ninety dollars and a check-up more. "
    speech = say(text, voice="v", engine="real")
    until = 2.0 + speech.words[3][2] + 0.01
    taker = Utterance(
        "stop", "stop", "interrupt", False, until - 0.1, until - 0.1, until + 0.3, 9.0
    )
    line = Timeline(
        "CA1", 100.0, 12.0, "caller", [taker],
        agent_spans=[(2.0, until)], agent_runs=[(2.0, until)], clears=[until],
    )  # fmt: skip
    log = said(text)
    sound = np.zeros(96_000, np.int16)
    (reply,) = replies(log)
    sound[16_000 : 16_000 + len(reply.sound)] = reply.sound
    cut = turn(
        interrupted=True,
        heard_text="It costs 90 dollars",
        agent_text="It costs 90 dollars and a check-up more.",
    )
    found = Found()
    book(found, line, {"turns": [cut, turn(at_s=until + 0.4)], "counters": {}}, log, sound=sound)
    assert found.word_errors == [0]
    assert (found.clears, found.behind_clears, found.frames_after_clear) == (1, {}, 0.0)


def test_sound_of_the_old_reply_behind_a_clear_is_counted_in_frames() -> None:
    """That of the next one only as such."""
    reply = Reply("r1", "v", ("It costs ninety dollars and a check-up more.",))
    log = said(reply.texts[0])
    sound = np.zeros(96_000, np.int16)
    sound[16_000:24_000] = reply.sound[:8000]
    sound[24_400:25_200] = reply.sound[8000:8800]
    line = Timeline(
        "CA1", 100.0, 12.0, "caller", [], agent_spans=[(2.0, 3.0)],
        agent_runs=[(2.0, 3.0), (3.05, 3.15)], clears=[3.0],
        arrivals=[(2.9, 0.02), (3.05, 0.08), (3.09, 0.02), (3.2, 0.02)],
    )  # fmt: skip
    found = Found()
    book(found, line, {"turns": [], "counters": {}}, log, sound=sound)
    assert found.behind_clears == {"old": 1}
    assert found.frames_after_clear == pytest.approx(5)


def test_every_goal_of_an_empty_run_says_that_it_was_not_measured() -> None:
    """Rather than claiming a success."""
    empty = document(Found())
    verdicts = {goal[0]: goal[3] for goal in goals(empty)}
    assert verdicts["backchannels survived"] == "not measured"
    assert verdicts["speech onset → clear on the socket"] == "not measured"
    assert "| calls | 0 |" in section(empty)


def test_a_missed_goal_is_said_in_bold() -> None:
    """With its figure."""
    found = overlap("uh_huh", turn(end_to_end_s=0.5))
    first = goals(document(found))[0]
    assert first[2:] == ("500 / 500 / 500 (n 1)", "**no**")


def test_the_calls_go_through_every_sign_and_every_interruption() -> None:
    """All clips exist."""
    clips, used = Clips(), set()
    for nth in range(4):
        steps = script(nth).steps
        assert all(clips[name].words for name in script(nth).clips())
        used |= {step.clip for step in steps if isinstance(step, Interrupt)}
    assert used == {*BACKCHANNELS, *INTERRUPTIONS}
    assert all(clips[name].words for name in plain_questions(3).clips())
