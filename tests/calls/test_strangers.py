"""Whoever is turned away at the media socket costs no provider anything."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lab.receptionist import Reply
from lab.server import Lab
from tests.calls.house import ANSWERS_S
from tests.calls.scripted import open_scripted
from tests.conftest import eventually

pytestmark = [pytest.mark.call, pytest.mark.timeout(150)]

START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "streamSid": "MZ1",
        "callSid": "CAstranger",
        "accountSid": "AC1",
        "tracks": ["inbound"],
        "customParameters": {"token": "guessed"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}


def _quiet(lab: Lab) -> int:
    """The number of the last thing that was asked of a provider, once nothing more is."""
    last, since = lab.log.last, time.monotonic()
    while time.monotonic() - since < 1.0:
        time.sleep(0.05)
        if lab.log.last != last:
            last, since = lab.log.last, time.monotonic()
    return last


def test_a_refused_socket_is_closed_before_any_provider_is_asked(tmp_path: Path):
    """Wrong signature or wrong token: closed, counted, and the lab has seen nothing new."""
    with open_scripted(tmp_path, scripts=[[]], mind=lambda body: Reply("")) as (house, lab):
        url = f"ws://127.0.0.1:{house.port}/twilio/media"
        told = tmp_path / "house.log"  # the agent's own phrases are made beforehand
        made = eventually(lambda: told.read_text().count("phrases recorded") == 2, what="phrases")
        asyncio.run(made)
        before = _quiet(lab)
        with pytest.raises(InvalidStatus) as refused:
            connect(url, additional_headers={"X-Twilio-Signature": "bm90IHRoZWlycw=="})
        assert refused.value.response.status_code == 403
        for _ in range(5):
            with connect(url) as socket:
                socket.send(json.dumps({"event": "connected", "version": "1.0.0"}))
                socket.send(json.dumps(START))
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv(timeout=ANSWERS_S)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
        asked = [e for e in lab.log.read(since=before) if e["kind"] in ("open", "request")]
        assert asked == []
        assert house.get("/readyz")["active_calls"] == 0
