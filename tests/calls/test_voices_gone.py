"""Every voice provider goes away: the caller still hears the agent's phrases, and is led out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from lab.receptionist import Reply
from tests.calls.scripted import CLIP, open_scripted
from tests.conftest import eventually

pytestmark = [pytest.mark.call, pytest.mark.timeout(200)]

AGENT = """
name = "Mia"
prompt = "You help."
greeting = "Hello, this is Mia."
[voices]
elevenlabs = "EXAVITQu4vr4xnSDxMaL"
cartesia = "71a7ad14-091c-4e8e-a314-022ece01c121"
[phrases]
apology = "We are sorry."
"""


def test_a_call_without_any_voice_is_greeted_apologised_to_and_led_out(tmp_path: Path) -> None:
    """With the sound that was recorded before; the reply nobody could say is in no record."""
    (tmp_path / "agent.toml").write_text(AGENT)

    def mind(body: dict[str, Any]) -> Reply:
        return Reply("We open at eight.")

    with open_scripted(
        tmp_path, scripts=[["When do you open?"]], mind=mind,
        OFFHOOK__AGENT__FILE=str(tmp_path / "agent.toml"),
    ) as (house, _):  # fmt: skip
        log = tmp_path / "house.log"
        recorded = eventually(lambda: log.read_text().count("phrases recorded") == 2, what="all")
        asyncio.run(recorded)
        house.lab(
            "/control",
            [
                {"provider": voice, "shape": "http_status", "status": 503, "for_next": None}
                for voice in ("elevenlabs", "cartesia")
            ],
        )
        script = tmp_path / "ask.json"
        steps: list[dict[str, Any]] = [
            {"do": "wait_agent", "timeout_s": 20},
            {"do": "say", "clip": CLIP, "pause_s": 0.2},
            {"do": "wait_end", "timeout_s": 30},
        ]
        script.write_text(json.dumps({"name": "ask", "steps": steps}))
        call = house.hang_on(house.dial(str(script)))
    record = call.record
    assert record["opening_text"] == "You are speaking with an AI assistant. Hello, this is Mia."
    assert record["turns"][-1]["heard_text"].startswith("We are sorry.")
    assert "eight" not in json.dumps(record["turns"])
    assert set(record["turns"][-1]["provider_by_clause"]) == {"elevenlabs"}
    assert (record["ending"], record["fault_party"]) == ("voicemail", "tts")
    assert record["counters"]["replies_lost"] == 1
