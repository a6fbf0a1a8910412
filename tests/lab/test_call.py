"""The command line of the caller: exit codes, files, output."""

from __future__ import annotations

import asyncio
import json
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.call import main
from tests.lab.scripted_bot import TONE, Bot, Part, bot

pytestmark = pytest.mark.wire


class Served:
    """A bot on its own thread and loop, because the command runs a loop of its own."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self.host = ""
        self.calls: list[Bot] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        async def serve() -> None:
            async with bot(self._part) as (self.host, self.calls):
                self._up.set()
                await self._done.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._up.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(5)


async def answer_once(call: Bot) -> None:
    """A short greeting, one answer, and the bot hangs up."""
    await call.next("start")
    await call.say(0.1)
    await call.hear_utterance(quiet_frames=5)
    await call.say(0.1)
    await call.mark("m")
    await call.next("mark")


async def rude(call: Bot) -> None:
    """Greets, then speaks of another stream."""
    await call.next("start")
    await call.say(0.1)
    await call.send({"event": "clear", "streamSid": "MZother"})
    await call.until_stop()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A clip and a script that says it."""
    (tmp_path / "hi.ulaw").write_bytes(TONE[:1600])
    (tmp_path / "clips.json").write_text(json.dumps({"hi": {"text": "hello"}}))
    wait = {"do": "wait_agent", "quiet_s": 0.1, "timeout_s": 5}
    steps = [wait, {"do": "say", "clip": "hi", "pause_s": 0}, {"do": "wait_end"}]
    (tmp_path / "script.json").write_text(json.dumps({"name": "s", "steps": steps}))
    short = [{"do": "wait_agent", "quiet_s": 0.1}]
    (tmp_path / "short.json").write_text(json.dumps({"steps": short}))
    yield tmp_path


def test_a_good_call_leaves_its_files_and_exits_zero(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Report, recording, truth, and the report on standard output."""
    files = {name: folder / f"out-{name}" for name in ("report", "record", "truth")}
    with Served(answer_once) as served:
        code = main(
            [f"ws://{served.host}/ws", "--script", str(folder / "script.json"), "--json"]
            + ["--clips", str(folder), "--calls", "2", "--spread", "0.1"]
            + [part for name, file in files.items() for part in (f"--{name}", str(file))]
        )
    assert code == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(files["report"].read_text())
    assert document["counts"]["calls"] == 2
    assert document["percentiles"]["latency_s"]["n"] == 2
    assert len({call["call_sid"] for call in document["calls"]}) == 2
    assert {call["ended_by"] for call in document["calls"]} == {"bot"}
    truth = json.loads(files["truth"].read_text())
    assert truth["utterances"][0]["words"] == "hello"
    assert truth["marks"][0]["name"] == "m"
    with wave.open(str(files["record"])) as sound:
        assert sound.getnframes() == pytest.approx(truth["duration_s"] * 8000, abs=1)


def test_events_are_lines_of_json_that_end_with_the_report(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever draws the call while it happens."""
    with Served(answer_once) as served:
        code = main(
            [f"ws://{served.host}/ws", "--script", str(folder / "script.json"), "--events"]
            + ["--clips", str(folder)]
        )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "lab.call.started"
    assert "lab.caller.speaking" in kinds
    assert kinds[-1] == "lab.report"
    assert lines[-1]["good"] is True


def test_a_rude_bot_exits_one_and_the_table_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule's sentence and what was seen."""
    with Served(rude) as served:
        code = main([f"ws://{served.host}/ws", "--script", str(folder / "short.json")])
    out = capsys.readouterr().out
    assert code == 1
    assert "FAIL" in out
    assert "31950" in out


def test_nobody_there_exits_one_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No table, no trace."""
    assert main(["ws://127.0.0.1:1/ws"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "ws://127.0.0.1:1/ws: connection refused; is the bot up?\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["ftp://x"], "ftp://x: write http(s)://… for a webhook or ws(s)://… for a bot"),
        (["ws:///path"], "ws:///path: write http(s)://"),
        (["ws://x", "--calls", "0"], "--calls 0: write 1 to 1000"),
        (["ws://x", "--noise", "loud"], "--noise loud: write a number"),
        (["ws://x", "--parameter", "a"], "--parameter a: write NAME=VALUE"),
        (["ws://x", "--impair", "rain=1"], "--impair rain=1: unknown"),
        (["ws://x", "--report", "/nowhere/at/all.json"], "/nowhere/at/all.json: its folder"),
        (["ws://x", "--script", "/nowhere.json"], "/nowhere.json: cannot be read"),
    ],
)
def test_wrong_usage_is_one_line_and_exits_two(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is called."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(line)
    assert captured.err.count("\n") == 1


def test_a_script_that_names_an_unknown_clip_is_wrong_usage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before dialling."""
    script = {"steps": [{"do": "say", "clip": "gone"}]}
    (folder / "bad.json").write_text(json.dumps(script))
    bad = ["ws://x", "--script", str(folder / "bad.json"), "--clips", str(folder)]
    assert main(bad) == 2
    assert "no clip 'gone'" in capsys.readouterr().err


def test_an_unknown_option_exits_two(capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse says it."""
    assert main(["ws://x", "--louder"]) == 2
    assert "--louder" in capsys.readouterr().err


def test_help_exits_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """With the options."""
    assert main(["--help"]) == 0
    assert "--script" in capsys.readouterr().out
