"""Whole calls that end with a person or in a voicemail box, as the carrier sees them."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.receptionist import Reply, ToolUse
from tests.calls.house import House, Rung
from tests.calls.scripted import CLIP, open_scripted, turns_of

pytestmark = [pytest.mark.call, pytest.mark.timeout(330)]

AGENT = """
name = "Mia"
prompt = "You help."
greeting = "Hello, this is Mia."
handoff_number = "+12125550142"
[voices]
elevenlabs = "EXAVITQu4vr4xnSDxMaL"
cartesia = "71a7ad14-091c-4e8e-a314-022ece01c121"
[phrases]
nobody = "Nobody is there."
voicemail = "After the tone, please."
apology = "We are sorry."
cut_short = "We stop here."
whisper = "A caller for you."
"""
WISH = "wants to move the booking of [PHONE_1]"


def mind(body: dict[str, Any]) -> Reply:
    """Puts through whoever asks for a person."""
    turns = turns_of(body)
    if turns and "person" in turns[-1]:
        use = ToolUse(f"toolu_{len(turns)}", "transfer_call", {"reason": WISH})
        return Reply("Of course, I will put you through.", [use])
    return Reply("How may I help you with that?")


class _Messages(BaseHTTPRequestHandler):
    """Takes announcements down."""

    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Evening:
    """Four callers of one house, which was then told to go, and killed."""

    put_through: Rung
    unanswered: Rung
    cut_off: Rung
    after_hours: Rung
    messages: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)


def steps(folder: Path, name: str, *steps: dict[str, Any]) -> str:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"name": name, "steps": [{"do": "wait_agent"}, *steps]}))
    return str(file)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    folder = tmp_path_factory.mktemp("way_out")
    (folder / "agent.toml").write_text(AGENT)
    handler = type("Messages", (_Messages,), {"seen": []})
    desk = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=desk.serve_forever, daemon=True).start()
    asks = [{"do": "say", "clip": CLIP, "pause_s": 0.2}, {"do": "wait_end", "timeout_s": 30}]
    with open_scripted(
        folder,
        scripts=[["Can I speak to a person, please?"]],
        mind=mind,
        OFFHOOK__AGENT__FILE=str(folder / "agent.toml"),
        OFFHOOK__CAPACITY__DRAIN_S="1",
        OFFHOOK__VOICEMAIL__NOTIFY_URL=f"http://127.0.0.1:{desk.server_port}/messages",
    ) as (house, lab):
        rest = ("--lab", lab.http_url, "--fallback", f"{lab.http_url}/bins/voicemail")
        script = steps(folder, "asks", *asks)
        callers = [house.dial(script, *rest), house.dial(script, *rest, "--person", "busy")]
        put_through, unanswered = (house.hang_on(caller) for caller in callers)
        kept = {call["provider_call_id"]: call for call in house.get("/api/calls")}
        stays = steps(folder, "stays", {"do": "wait_end", "timeout_s": 60})
        cut_off = house.dial(stays, *rest, "--events")
        _until_greeted(cut_off)
        house.bot.send_signal(signal.SIGTERM)
        cut = _ended(cut_off)
        house.bot.wait(60)
        late = _ended(house.dial(stays, *rest))
        yield Evening(put_through, unanswered, cut, late, handler.seen, kept)  # type: ignore[attr-defined]
    desk.shutdown()
    desk.server_close()


def _until_greeted(caller: Any) -> None:
    """The agent has begun to speak."""
    assert any("lab.agent.speaking" in line for line in caller.stdout), caller.stderr.read()


def _ended(caller: Any) -> Rung:
    """A call whose house cannot be asked any more."""
    _, stderr = caller.communicate(timeout=200)
    report = json.loads((caller.folder / "report.json").read_text())
    return Rung(caller.returncode, report, {}, {}, stderr)


def call_of(rung: Rung) -> dict[str, Any]:
    [call] = rung.report["calls"]
    return dict(call)


def deeds(rung: Rung) -> list[str]:
    return [deed["did"] for deed in call_of(rung)["after"]]


def said(rung: Rung) -> list[str]:
    """What the carrier's voice said."""
    return [deed["text"] for deed in call_of(rung)["after"] if deed["did"] == "say"]


def broken(rung: Rung) -> set[str]:
    return {rule["rule"] for rule in rung.report["conformance"] if rule["outcome"] == "fail"}


def test_a_caller_who_wants_a_person_is_put_through(evening: Evening):
    """After the agent's words were heard; the person hears what it is about, without a number."""
    assert deeds(evening.put_through) == ["dial", "whisper", "hang_up"]
    dial, whisper, _ = call_of(evening.put_through)["after"]
    assert (dial["number"], dial["status"]) == ("+12125550142", "completed")
    about = "wants to move the booking of a telephone number"
    assert whisper["text"] == f"A caller for you. {about}"
    record = evening.kept[call_of(evening.put_through)["call_sid"]]
    assert (record["ending"], record["transfer"]) == ("handed_off", "completed")
    assert "put you through" in record["turns"][0]["heard_text"]
    assert not broken(evening.put_through)


def test_when_nobody_answers_the_caller_leaves_a_message(evening: Evening):
    """It is listed with the call, and announced."""
    assert deeds(evening.unanswered) == ["dial", "say", "record", "hang_up"]
    assert said(evening.unanswered) == ["Nobody is there. After the tone, please."]
    url = call_of(evening.unanswered)["after"][2]["url"]
    record = evening.kept[call_of(evening.unanswered)["call_sid"]]
    assert (record["ending"], record["transfer"]) == ("handed_off", "busy")
    assert record["voicemail_url"] == url
    [message] = [m for m in evening.messages if m["call_id"] == record["call_id"]]
    assert message["voicemail_url"] == url
    assert not broken(evening.unanswered)


def test_a_call_cut_off_by_the_process_going_down_ends_in_a_message(evening: Evening):
    """The process stays until the carrier has asked what is next; its voice says only what the
    agent could not in time."""
    assert deeds(evening.cut_off)[:2] == ["say", "record"]
    message = "After the tone, please."
    assert said(evening.cut_off)[0] in (message, f"We stop here. {message}")
    assert call_of(evening.cut_off)["led_to"] == "voicemail"


def test_a_dead_hosts_callers_reach_the_numbers_own_voicemail(evening: Evening):
    """The Voice Fallback URL answers in our place."""
    assert deeds(evening.after_hours) == ["fallback", "say", "record", "say", "hang_up"]
    assert call_of(evening.after_hours)["led_to"] == "voicemail"


def test_a_killed_processes_callers_reach_it_too(tmp_path: Path):
    """kill -9 in the middle of a call: the carrier asks, nobody answers, the fallback records."""
    with open_scripted(tmp_path, scripts=[["Hello."]], mind=mind) as (house, lab):
        rung = _killed(house, tmp_path, fallback=f"{lab.http_url}/bins/voicemail")
    assert deeds(rung) == ["fallback", "say", "record", "say", "hang_up"]


def _killed(house: House, folder: Path, *, fallback: str) -> Rung:
    stays = steps(folder, "stays", {"do": "wait_end", "timeout_s": 60})
    caller = house.dial(stays, "--fallback", fallback, "--events")
    _until_greeted(caller)
    house.bot.kill()
    return _ended(caller)
