"""A whole call: a read-only tool runs while the caller may still go on, and leaves no trace if they
do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.caller import Caller
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan
from lab.receptionist import Reply, ToolUse
from lab.script import HangUp, Prompted, Say, Script, Step, WaitAgent
from tests.calls.scripted import CLIP, open_scripted, results_of, turns_of

pytestmark = [pytest.mark.call, pytest.mark.timeout(250)]

FIRST, SECOND = "What is free on Tuesday then?", "No, make it Friday for me please."
TOOL_S = 0.4
WAITS = json.dumps([5.0] * 4)  # whatever the evidence; the caller goes on before that
BANDS = ("SURE", "LIKELY", "UNLIKELY", "NO", "UNKNOWN")


@contextmanager
def slow_book(asked: list[str], found: list[str]) -> Iterator[str]:
    """A tool server that keeps the days it was asked for, takes its time, and keeps those it has
    answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(body["arguments"]["day"])
            time.sleep(TOOL_S)
            told = json.dumps({"free": f"{body['arguments']['day']} at ten"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)
            found.append(body["arguments"]["day"])

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def mind(body: dict[str, Any]) -> Reply:
    """Looks up the day that was named last, once the sentence is whole."""
    said, results = " ".join(turns_of(body)), results_of(body)
    if results:
        return Reply(f"There is {json.loads(results[-1])['free']}.")
    for sign, day in (("please", "Friday"), ("then", "Tuesday")):
        if sign in said:
            return Reply("", [ToolUse(f"toolu_{day}", "find_slots", {"day": day})])
    return Reply("Hello.")


@dataclass
class Told:
    """What the tool was asked, what the model was told of it, and the call's own story."""

    days: list[str]
    results: list[str]
    record: dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder: Path = tmp_path_factory.mktemp("early")
    days: list[str] = []
    results: list[str] = []

    def listening(body: dict[str, Any]) -> Reply:
        results.extend(results_of(body))
        return mind(body)

    found: list[str] = []
    steps: tuple[Step, ...] = (
        WaitAgent(timeout_s=20),
        Say(CLIP, pause_s=0.2),
        Prompted(lambda: CLIP if found else None),  # it has been found, and the caller goes on
        WaitAgent(timeout_s=15),
        HangUp(),
    )
    with slow_book(days, found) as url:
        patience: dict[str, Any] = {f"OFFHOOK__TURN__{band}_S": WAITS for band in BANDS}
        with open_scripted(
            folder,
            scripts=[[FIRST, SECOND]],
            mind=listening,
            OFFHOOK__TOOLS__BASE_URL=url,
            OFFHOOK__TURN__ASK_WITHIN_S="6.0",
            OFFHOOK__TURN__EARLY_GUESSES="0",
            OFFHOOK__TURN__HARD_STOP_S="7.0",
            **patience,
        ) as (house, _):
            plan = Plan(
                Script("early", steps),
                {CLIP: Clips()[CLIP]},
                phone=Phone(auth_token=house.environ["TWILIO_AUTH_TOKEN"]),
                watch_url=f"{house.url}/api/events",
                max_call_s=90.0,
            )
            outcome = asyncio.run(Caller(plan).call(f"{house.url}/twilio/voice"))
            record = house.record(outcome.timeline.call_sid)
    return Told(days, results, record)


def test_it_runs_for_a_guess_and_is_not_run_again_for_the_turn(told: Told):
    """Once for what the caller took back, once for what they meant."""
    assert told.days == ["Tuesday", "Friday"]


def test_what_was_found_for_a_withdrawn_guess_is_nowhere(told: Told):
    """Not in the conversation, not in the ear, not among the record's tools; but in its waste."""
    record = told.record
    assert told.results and not any("Tuesday" in result for result in told.results)
    (turn,) = record["turns"]
    assert turn["heard_text"] == "There is Friday at ten."
    assert [(tool["name"], tool["outcome"]) for tool in record["tools"]] == [("find_slots", "ok")]
    assert record["counters"]["speculation_waste.tool_calls"] == 1


def test_the_caller_waits_less_for_it(told: Told):
    """It ran while the turn was being decided: what is left of it on the way is less than half."""
    (turn,) = told.record["turns"]
    assert sum(s for stage, s in turn["critical_path"] if stage == "tool") < TOOL_S / 2
