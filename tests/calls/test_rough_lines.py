"""Rough lines and odd callers: each has an outcome a caller would call sane.

One house, two parties of callers. The recogniser hears the lab's callers and makes no words of
noise, as good recognisers do; the silences of `[idle]` are shortened.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest

from bench.manners_calls import Found, book
from tests.calls.house import House, open_house
from tests.calls.rough import (
    Rough,
    Told,
    at_level,
    hum,
    joined,
    music,
    recorded,
    ring_all,
    said,
)
from tests.conftest import SHARED_AUDIO

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]

SETTINGS: Any = {
    "OFFHOOK__IDLE__ASK_S": "3.0",
    "OFFHOOK__IDLE__AGAIN_S": "2.5",
    "OFFHOOK__IDLE__GOODBYE_S": "2.5",
    "OFFHOOK__IDLE__HOLD_S": "20.0",
    "OFFHOOK__IDLE__SOUND_S": "2.0",
    "OFFHOOK__HEARD__MARK_WAIT_S": "3.0",  # some of the marks are lost
}
USUAL_CLEAR_S = 0.25  # from the caller's first sound to the agent's silence; p95 is 0.11
WORDS_PER_S = 4.0
HOURS, PLACE = "Saturday from 9 am to 1 pm", "The 7 bus stops at our door."

Steps = list[dict[str, Any]]


def wait(quiet_s: float = 1.6) -> dict[str, Any]:
    """Until the agent has spoken and been quiet."""
    return {"do": "wait_agent", "timeout_s": 20, "quiet_s": quiet_s}


def say(clip: str, pause_s: float = 0.4) -> dict[str, Any]:
    """Speak."""
    return {"do": "say", "clip": clip, "pause_s": pause_s}


def over(clip: str, after_s: float) -> dict[str, Any]:
    """Speak over the agent."""
    return {"do": "interrupt", "clip": clip, "after_s": after_s, "timeout_s": 20}


END: dict[str, Any] = {"do": "wait_end", "timeout_s": 60}
HANG_UP: dict[str, Any] = {"do": "hang_up"}
QUESTION: Steps = [wait(), say("where"), wait(), HANG_UP]
TWO_QUESTIONS: Steps = [wait(), say("parking"), wait(2.5), say("where"), wait(2.5), HANG_UP]
MONOLOGUE = ("book_tuesday", "phone", "children")

LINES: dict[str, Rough] = {
    "hum": Rough(QUESTION, background=at_level(hum(4), -30)),
    "music": Rough(QUESTION, background=at_level(music(8), -36)),
    "echo": Rough(TWO_QUESTIONS, line=["echo=0.12:18"]),
    "loss": Rough(QUESTION, line=["loss=0.02", "jitter=0.06", "reorder=0.02"]),
    "gaps": Rough(QUESTION, line=["loss=0.04", "loss_run=6", "chunk=odd"]),
}
# its questions are nobody else's here: what was played is told by its sound
MARKS = Rough(
    [
        *(wait(), say("price"), over("hold_on", 2.3)),
        *(wait(), say("insurance"), over("stop", 1.4)),
        *(wait(), say("cleaning"), over("actually", 1.9)),
        *(wait(), HANG_UP),
    ],
    line=["marks_lost=0.3", "marks_late=0.25", "marks_swapped=0.2"],
)
PEOPLE: dict[str, Rough] = {
    "says nothing": Rough([wait(), END]),
    "hold on": Rough(
        [wait(), say("hold_on"), wait(), {"do": "silence", "s": 5.0}, say("where"), wait(), HANG_UP]
    ),
    "pardon": Rough(
        [wait(), say("hours"), over("repeat", 2.0), wait(), say("repeat"), wait(), HANG_UP]
    ),
    "never stops": Rough(
        [wait(), say("monologue"), wait(), HANG_UP],
        {"monologue": joined(*(said(clip) for clip in MONOLOGUE))},
    ),
    "before the greeting": Rough([say("hours", 0.1), wait(), HANG_UP]),
    "over the greeting": Rough([over("parking", 2.4), wait(), HANG_UP]),
}


def sound(name: str, *, dbfs: float) -> bytes:
    """A recording from beside the project, or nothing; the tests that need it then skip."""
    file = SHARED_AUDIO / name
    return at_level(recorded(file, seconds=25), dbfs) if file.is_file() else b""


OFFICE = "noise/dograh__office-ambience-8000-mono.wav"
READER = "read_speech/moonshine__two_cities_16k.wav"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house"), engine="clips", **SETTINGS) as house:
        yield house


@pytest.fixture(scope="module")
def lines(house: House) -> dict[str, Told]:
    """Everybody on a rough line."""
    behind = {
        "office": Rough(QUESTION, background=sound(OFFICE, dbfs=-36)),
        "second voice": Rough(
            [wait(), say("where"), {"do": "silence", "s": 20.0}, HANG_UP],
            background=sound(READER, dbfs=-38),
        ),
    }
    return ring_all(house, LINES | behind | {"marks": MARKS})


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Told]:
    """Everybody who is odd."""
    radio = Rough([wait(), END], background=sound(READER, dbfs=-24))
    return ring_all(house, PEOPLE | {"nobody but a radio": radio})


@pytest.mark.parametrize("name", LINES)
def test_a_rough_line_is_talked_over(lines: dict[str, Told], name: str) -> None:
    """The question is heard, its answer heard out, and no rule of the wire is broken."""
    call = lines[name]
    assert call.broken_rules == []
    assert "where are you located?" in call.caller_words
    assert PLACE in call.turns[-1]["heard_text"]
    assert call.turns[-1]["heard_text"] == call.turns[-1]["agent_text"]
    assert call.unlisted == []


@pytest.mark.parametrize("name", ["hum", "music", "loss", "gaps"])
def test_noise_is_no_interruption(lines: dict[str, Told], name: str) -> None:
    """Nor does it hold the agent, whatever the line loses."""
    assert lines[name].count("interruptions") == 0
    assert len(lines[name].turns) == 1


def test_an_echo_stops_nobody_for_long(lines: dict[str, Told]) -> None:
    """The line is believed no longer after two holds; the agent's words are no caller's turn."""
    call = lines["echo"]
    assert call.count("holds.resumed") + call.count("holds.yielded") <= 4
    assert call.caller_words == "do you have parking? where are you located?"


def test_bad_marks_cost_one_word_at_most(house: House, lines: dict[str, Told]) -> None:
    """The carrier's echoes are lost, late and swapped; the record says what the caller's ear got
    all the same."""
    call, told = lines["marks"], Found()
    log = house.lab("/control/log?since=0&limit=20000")["entries"]
    sound = call.outcome.recording.samples()[:, 1]
    book(told, call.outcome.timeline, call.record, log, sound=sound)
    assert call.broken_rules == []
    assert len(told.word_errors) >= 2, call.turns  # replies that were cut into
    # a machine that falls silent late does not know how far the ear got meanwhile
    late_s = max(0.0, max(told.onset_to_clear_s) - USUAL_CLEAR_S)
    assert max(told.word_errors) <= 1 + ceil(late_s * WORDS_PER_S), (told.word_errors, call.turns)
    assert told.whole_wrong == 0, call.turns


def test_a_caller_who_says_nothing_is_asked_and_let_go(people: dict[str, Told]) -> None:
    """Asked, asked again, goodbye, each once and in this order; the agent hangs up when it was
    heard."""
    call = people["says nothing"]
    assert call.record["opening_text"].endswith(
        "How can I help you? Are you still there? I cannot hear you. Are you still there? "
        "I cannot hear anybody, so I will hang up. Please call Harbour Dental again. Goodbye."
    )
    assert [call.count(f"idle.{rung}") for rung in ("ask", "again", "goodbye")] == [1, 1, 1]
    assert call.record["ending"] == "agent_said_goodbye"
    assert call.outcome.timeline.ended_by == "bot"


def test_hold_on_a_second_gets_more_than_a_second(people: dict[str, Told]) -> None:
    """Longer than the silence after which others are asked."""
    call = people["hold on"]
    assert call.count("idle.ask") == 0
    assert PLACE in call.turns[-1]["heard_text"]


def test_pardon_gets_the_last_words_again(people: dict[str, Told]) -> None:
    """Over the agent: up to the clause that was cut; behind it: all that was said. Nobody asks the
    model."""
    first, again, once_more = people["pardon"].turns
    assert first["interrupted"]
    assert again["caller_text"] == once_more["caller_text"] == "Could you repeat that please?"
    cut, whole = again["heard_text"], first["agent_text"]
    assert cut and whole.startswith(cut) and len(cut) >= len(first["heard_text"])
    assert once_more["heard_text"] == cut
    assert again["models"] == once_more["models"] == []
    assert people["pardon"].count("pardons") == 2


def test_who_never_stops_is_heard_out(people: dict[str, Told]) -> None:
    """One turn, no word of it lost, and an answer behind it."""
    (turn,) = people["never stops"].turns
    for words in ("Tuesday morning", "[PHONE_1]", "children"):
        assert words in turn["caller_text"]
    assert turn["heard_text"]


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("before the greeting", "what are your opening hours?", HOURS),
        ("over the greeting", "Do you have parking?", "car park"),
    ],
)
def test_who_does_not_wait_for_the_greeting_is_answered(
    people: dict[str, Told], name: str, question: str, answer: str
) -> None:
    """The disclosure is said to its end all the same, and no word spoken over it is lost."""
    call = people[name]
    (turn,) = call.turns
    assert question in turn["caller_text"]
    assert answer in call.agent_words
    assert "You are speaking with an AI assistant." in call.agent_words


@pytest.mark.parametrize("name", ["office", "second voice"])
@pytest.mark.usefixtures("shared_audio")
def test_sounds_behind_the_caller_do_not_drown_the_talk(lines: dict[str, Told], name: str) -> None:
    """The question is understood and answered; a voice close by may cut the answer short."""
    call = lines[name]
    assert call.broken_rules == []
    assert "where are you located?" in call.caller_words
    assert "We are at" in call.agent_words
    assert call.unlisted == []


@pytest.mark.usefixtures("shared_audio")
def test_a_radio_is_not_waited_for_for_ever(people: dict[str, Told]) -> None:
    """A voice without words is nobody's turn: the caller who says nothing in front of it is asked,
    and let go."""
    call = people["nobody but a radio"]
    assert call.count("noise") >= 1
    assert call.record["ending"] == "agent_said_goodbye"
    assert call.caller_words.strip() == ""


@pytest.mark.parametrize("name", [*LINES, *PEOPLE])
def test_every_caller_is_told_who_speaks(
    lines: dict[str, Told], people: dict[str, Told], name: str
) -> None:
    """Whatever the line, and whoever is on it."""
    assert "You are speaking with an AI assistant." in (lines | people)[name].agent_words
