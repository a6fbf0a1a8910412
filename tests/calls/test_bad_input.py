"""Hostile and broken peers cost their own call only, and each says one clear line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.calls.house import ANSWERS_S, ROOT, House, open_house, sooner_or_later

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]

SHORT = {
    "name": "short",
    "seed": 1,
    "steps": [
        {"do": "wait_agent", "timeout_s": 20},
        {"do": "say", "clip": "hours", "pause_s": 0.4},
        {"do": "wait_agent", "timeout_s": 20},
        {"do": "say", "clip": "where", "pause_s": 0.4},
        {"do": "wait_agent", "timeout_s": 20},
        {"do": "hang_up"},
    ],
}
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CAstranger",
        "tracks": ["inbound"],
        "customParameters": {"token": "guessed"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "2",
    "streamSid": "MZ1",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "1", "payload": "!!! no base64"},
}
STOP = {"event": "stop", "sequenceNumber": "3", "streamSid": "MZ1", "stop": {}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with open_house(folder, OFFHOOK__WIRE__START_TIMEOUT_S="2") as house:
        (folder / "short.json").write_text(json.dumps(SHORT))
        yield house


def nothing(peer: ClientConnection) -> None:
    """Say nothing at all."""


def messages(*told: Any) -> Callable[[ClientConnection], None]:
    """Say these, each as JSON unless it is text or bytes already."""

    def tell(peer: ClientConnection) -> None:
        for message in told:
            peer.send(message if isinstance(message, str | bytes) else json.dumps(message))

    return tell


STRANGERS: dict[str, Callable[[ClientConnection], None]] = {
    "says nothing": nothing,
    "half a JSON": messages(CONNECTED, '{"event": "sta'),
    "a list": messages("[]"),
    "binary": messages(CONNECTED, b"\x00\x01"),
    "oversized": messages("x" * 200_000),
    "unknown events only": messages({"event": "weather"}, {"event": "news"}),
    "stop first": messages(CONNECTED, STOP),
    "media first": messages(CONNECTED, MEDIA),
    "a guessed token": messages(CONNECTED, START),
    "two starts": messages(CONNECTED, START, START),
    "deep nesting": messages("[" * 5000 + "]" * 5000),
}


def hold_out(house: House, talk: Callable[[ClientConnection], None]) -> None:
    """Be a stranger at the media socket until it is shut."""
    with connect(f"ws://127.0.0.1:{house.port}/twilio/media", close_timeout=1) as peer:
        try:
            talk(peer)
            while True:
                peer.recv(timeout=ANSWERS_S)
        except ConnectionClosed:
            return


def test_strangers_and_broken_providers_disturb_no_other_call(house: House):
    """A call goes on, answered and conformant, while every kind of stranger is at the door."""
    caller = house.dial(str(house.folder / "short.json"))
    try:
        for talk in STRANGERS.values():
            hold_out(house, talk)
    finally:
        call = house.hang_on(caller)
    assert call.exit_code == 0, call.stderr
    assert len(call.record["turns"]) == 2
    sooner_or_later(lambda: _active(house) == 0, what="nobody is on the line")


FAULTS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "first": [
        ("hours", "deepgram", {"shape": "garbage"}),
        ("price", "anthropic", {"shape": "error_after", "after": 2, "for_next": 1}),
        ("parking", "elevenlabs", {"shape": "garbage"}),
    ],
    "second": [
        ("hours_saturday", "deepgram", {"shape": "unknown_type"}),
        ("children", "anthropic", {"shape": "unknown_type"}),
        ("new_patient", "elevenlabs", {"shape": "unknown_type"}),
    ],
}
# How each request is recognised: by the caller's words, or by what the voice is to say.
WORDS = {
    ("hours", "deepgram"): "opening hours",
    ("price", "anthropic"): "cleaning cost",
    ("parking", "elevenlabs"): "car park",
    ("hours_saturday", "deepgram"): "saturday",
    ("children", "anthropic"): "children",
    ("new_patient", "elevenlabs"): "new patients",
}


def asking(*clips: str) -> dict[str, Any]:
    """A talk that asks these questions, one after the other."""
    wait = {"do": "wait_agent", "timeout_s": 12}
    steps = [wait]
    for clip in clips:
        steps += [{"do": "say", "clip": clip, "pause_s": 0.4}, wait]
    return {"name": "asking", "seed": 1, "steps": [*steps, {"do": "hang_up"}]}


def test_garbage_from_providers_costs_at_most_its_turn(house: House):
    """Two calls meet garbage, unknown messages and a broken stream; the last question of each is
    answered as ever."""
    callers = []
    for name, faults in FAULTS.items():
        for clip, provider, shape in faults:
            words = WORDS[clip, provider]
            house.lab("/control", {"provider": provider, "when_words": f"(?i){words}", **shape})
        script = house.folder / f"{name}.json"
        script.write_text(json.dumps(asking(*(clip for clip, _, _ in faults), "where")))
        callers.append(house.dial(str(script)))
    try:
        calls = [house.hang_on(caller) for caller in callers]
    finally:
        struck = house.lab("/control/log")
        house.lab("/control/reset", {})
    assert "garbage" in json.dumps(struck)
    for call in calls:
        assert call.record["ending"] == "caller_hung_up"
        assert "bus stops" in call.record["turns"][-1]["heard_text"]


def offhook(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The console script with nothing but `environ` set."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT, env={**plain, **environ}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What was said, which is exactly one line, and no traceback."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.returncode == 1
    return lines[0]


def test_serving_without_keys_names_them():
    """Every missing key, why it is needed, and what to do instead."""
    line = one_line(offhook("serve", "--port", "0"))
    for part in ("DEEPGRAM_API_KEY", "ANTHROPIC_API_KEY", "ELEVENLABS_API_KEY", "--lab"):
        assert part in line


def test_an_unknown_setting_is_named_with_the_nearest_one():
    """A typo in the environment stops the process."""
    line = one_line(offhook("serve", "--port", "0", OFFHOOK__WIRE__PUBLIC_ULR="x"))
    assert "wire.public_ulr" in line and "public_url" in line


def test_a_port_in_use_is_said_in_one_line():
    """With the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = one_line(offhook("serve", "--port", str(taken.getsockname()[1])))
    assert "cannot listen on 127.0.0.1" in line and "--port" in line


def test_a_wrong_command_is_wrong_usage():
    """Exit code 2."""
    assert offhook("srve").returncode == 2


def test_a_deploy_drops_nobody(tmp_path: Path):
    """SIGTERM: no new call is taken, the living one ends well, then the process goes with 0."""
    script = tmp_path / "short.json"
    script.write_text(json.dumps(SHORT))
    with open_house(tmp_path) as house:
        caller = house.dial(str(script))
        sooner_or_later(lambda: _active(house), what="the call")
        house.bot.send_signal(signal.SIGTERM)
        _, stderr = caller.communicate(timeout=200)
        assert caller.returncode == 0, stderr
        assert house.bot.wait(60) == 0


def _active(house: House) -> int:
    """Calls in progress."""
    return int(house.get("/readyz")["active_calls"])
