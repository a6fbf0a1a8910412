"""Whole calls in which the recogniser is unsure, or hears a call for help or another language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from call.phrases import Phrases, phrases_in
from lab.mouth import Clips
from lab.receptionist import Reply
from lab.sound import render
from lab.speaking import say
from tests.calls.house import Rung
from tests.calls.scripted import CLIP, open_scripted, turns_of

pytestmark = [pytest.mark.call, pytest.mark.timeout(200)]

AGENT = """
name = "Mia"
prompt = "You help."
greeting = "Hello, this is Mia."
[voices]
elevenlabs = "EXAVITQu4vr4xnSDxMaL"
cartesia = "71a7ad14-091c-4e8e-a314-022ece01c121"
[emergency]
text = "Hang up and dial 911 now."
[numbers."+15550199"]
language = "ar"
[numbers."+15550199".voices]
elevenlabs = "AR0QW9C3kXvJm5Zt7LyB"
[numbers."+15550199".emergency]
text = "أغلق الخط واتصل بالإسعاف."
"""
HELP_IN_ARABIC = "أغلق الخط واتصل بالإسعاف."
NAMES = ("none", "apples", "pears", "plums", "cherries", "grapes")
LONG = "We have many kinds of treatment here, and I will gladly tell you about each one of them."
SCRIPTS = {
    "agreed": [
        "Please cancel my visit on Tuesday morning. ~0.5",
        "Yes.",
        "Thank you very much for that.",
    ],
    "given_up": ["At fifteen. ~0.5", "At fifty. ~0.5", "At fourteen. ~0.5"],
    "help": [
        "Tell me about all of your treatments.",
        "Please, call nine one one now!",
        "He breathes again now, thank you all.",
    ],
    "arabic": [
        "Do you open on Sunday mornings too?",
        "رقم هاتفي صفر خمسة صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة.",
        "متى تفتحون يوم الأحد من فضلكم؟",
    ],
}
THANKS = "شكراً، رقمك [PHONE_1]."
OPEN_AT = "نفتح يوم الأحد الساعة 10:30، أهلاً بك."


def mind(body: dict[str, Any]) -> Reply:
    """Says what it was asked, so that every answer is told from every other."""
    turns = turns_of(body)
    if "treatments" in turns[-1]:
        return Reply(LONG)
    if "هاتفي" in turns[-1]:
        return Reply(THANKS)
    if "تفتحون" in turns[-1]:
        return Reply(OPEN_AT)
    return Reply(f"Understood, {NAMES[len(turns)]}.")


@dataclass
class Call:
    """One caller's call: what the agent was heard saying, turn by turn, and how it ended."""

    rung: Rung
    talk: str
    """the conversation as the model saw it last"""
    spoken: list[dict[str, Any]]
    """what the house's voice was given, of all calls"""

    @property
    def heard(self) -> list[str]:
        return [turn["heard_text"] for turn in self.rung.record["turns"]]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Call]]:
    folder: Path = tmp_path_factory.mktemp("unsure")
    (folder / "agent.toml").write_text(AGENT)
    talks: list[str] = []

    def listening(body: dict[str, Any]) -> Reply:
        talks.append(json.dumps(body["messages"], ensure_ascii=False))
        return mind(body)

    with open_scripted(
        folder,
        scripts=list(SCRIPTS.values()),
        mind=listening,
        OFFHOOK__AGENT__FILE=str(folder / "agent.toml"),
    ) as (house, _):
        callers = {}
        for name in SCRIPTS:  # one behind the other, so that each gets its own script
            callers[name] = house.dial(
                _script(folder, name), "--events", "--clips", str(_clips(folder))
            )
            assert any("lab.agent.speaking" in line for line in callers[name].stdout or ())
        rungs = {name: house.hang_on(caller) for name, caller in callers.items()}
        spoken = house.lab("/control/log?kind=speech&limit=20000")["entries"]
    yield {
        name: Call(rung, next((t for t in reversed(talks) if SCRIPTS[name][-1] in t), ""), spoken)
        for name, rung in rungs.items()
    }


def _clips(folder: Path) -> Path:
    """The caller's English sentence, and the Arabic ones as espeak-ng says them."""
    clips = folder / "clips"
    if not clips.is_dir():
        clips.mkdir()
        (clips / f"{CLIP}.ulaw").write_bytes(Clips()[CLIP].sound)
        for number, words in enumerate(SCRIPTS["arabic"][1:], 1):
            said = render(
                say(words, voice="", engine="real").pcm8k, encoding="pcm_mulaw", rate=8000
            )
            (clips / f"arabic{number}.ulaw").write_bytes(said)
    return clips


def _script(folder: Path, name: str) -> str:
    says = {"do": "say", "clip": CLIP, "pause_s": 0.2}
    cuts_in = {"do": "interrupt", "clip": CLIP, "after_s": 1.0}
    waits = {"do": "wait_agent", "timeout_s": 12}
    spoken = {
        "agreed": [says, waits, says, waits, says],
        "given_up": [says, waits, says, waits, says],
        "help": [says, cuts_in, {"do": "silence", "s": 6}, says],
        "arabic": [
            says,
            waits,
            {**says, "clip": "arabic1"},
            waits,
            {**says, "clip": "arabic2"},
            waits,
            {"do": "silence", "s": 10},
        ],
    }[name]
    steps = [{"do": "wait_agent", "timeout_s": 20}, *spoken, waits, {"do": "wait_end"}]
    if name != "given_up":
        steps[-1] = {"do": "hang_up"}
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"name": name, "steps": steps}))
    return str(file)


def test_words_that_were_agreed_to_count_and_are_answered_once(calls: dict[str, Call]):
    """The question in the model's place, then one answer to the yes, which knows the words."""
    call = calls["agreed"]
    assert call.heard[0] == "Did I hear that right: Please cancel my visit on Tuesday morning?"
    # the telephone rang, the words, the yes
    assert call.heard[1:] == ["Understood, plums.", "Understood, cherries."]
    assert call.rung.record["turns"][0]["confidence"] == 0.5
    assert call.rung.record["counters"]["unsure_turns.asked"] == 1


def test_words_that_stay_unsure_lead_to_the_voicemail(calls: dict[str, Call]):
    """A question, a choice, an apology; the model is never heard."""
    call = calls["given_up"]
    assert call.heard[:2] == [
        "Did I hear that right: At fifteen?",
        "I am not sure. Did you say At fifteen, or At fifty?",
    ]
    assert "Understood" not in " ".join(call.heard)
    assert call.rung.record["ending"] == "voicemail"
    [carried] = call.rung.report["calls"]
    assert carried["led_to"] == "voicemail"


def test_a_call_for_help_stops_the_agent_and_is_answered_first(calls: dict[str, Call]):
    """Then the call goes on, and the model knows what was heard, in its order."""
    call = calls["help"]
    assert call.heard[0] and not call.heard[0].endswith("each one of them.")
    said = [call.talk.index(part) for part in ("nine one one", "dial 911", "plums", "breathes")]
    assert said == sorted(said)
    assert call.rung.record["counters"]["emergencies"] == 1
    assert "nine one one" in call.rung.record["turns"][1]["caller_text"]


def test_a_caller_who_changes_to_arabic_is_kept_answered_and_spoken_to(calls: dict[str, Call]):
    """The words reach record and model, digits hidden as in English; the agent's Arabic is said
    with Arabic numbers, by the voice of the number where Arabic is spoken."""
    call = calls["arabic"]
    turns = call.rung.record["turns"]
    assert [turn["caller_text"] for turn in turns][1:] == [
        "رقم هاتفي [PHONE_1].",
        SCRIPTS["arabic"][2],
    ]
    assert "رقم هاتفي [PHONE_1]" in call.talk and "صفر" not in call.talk
    assert call.heard[1:] == [THANKS, OPEN_AT]
    recorded = f"{phrases_in('ar')} {HELP_IN_ARABIC}"  # before any call
    arabic = [
        said
        for said in call.spoken
        if re.search("[\u0600-\u06ff]", said["text"]) and said["text"].strip() not in recorded
    ]
    words = " ".join(said["text"] for said in arabic)
    assert "صفر" in words and "العاشرة" in words, words
    assert not re.search(r"[0-9A-Za-z]", words), words
    voices = {said["voice"] for said in arabic}
    assert "AR0QW9C3kXvJm5Zt7LyB" in voices and "EXAVITQu4vr4xnSDxMaL" not in voices
    english = {said["voice"] for said in call.spoken if "Understood" in said["text"]}
    assert "EXAVITQu4vr4xnSDxMaL" in english and "AR0QW9C3kXvJm5Zt7LyB" not in english


def test_the_agents_own_phrases_change_with_its_answers(calls: dict[str, Call]):
    """Into the silence behind an Arabic answer it asks in Arabic, too."""
    assert phrases_in("ar").still_there in calls["arabic"].rung.agent_words
    assert Phrases().still_there not in calls["arabic"].rung.agent_words
