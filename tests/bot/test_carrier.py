"""What the carrier asks about a call before and behind its stream, and what it tells."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import connect

from bot.carrier import INTERNAL_ERROR, POLICY_VIOLATION, CarrierDoors, _close
from bot.exchange import Exchange
from bot.persona import Personas
from bot.server import build_app
from bot.settings import load
from call.way_out import After, Reason, Step
from tests.bot.test_server import AGENT, FORM, PASSWORD, PUBLIC, exchange, post
from tests.conftest import eventually
from tests.telemetry.test_store import document
from tests.wire import TwilioPeer, served
from transports.twilio.tickets import Ticket

pytestmark = pytest.mark.wire

NUMBER = "+442079460000"
SID = "RE" + "0123456789abcdef" * 2
RECORDED = {
    **FORM,
    "RecordingSid": SID,
    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{SID}",
    "RecordingDuration": "12",
}
PHRASES = AGENT.phrases


@pytest.fixture
def house() -> Exchange:
    return exchange()


@pytest.fixture
def client(house: Exchange) -> Iterator[TestClient]:
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        client.auth = ("operator", PASSWORD)
        yield client


def said(answer: Any) -> str:
    """What the carrier's voice says in a document."""
    return " ".join(say.text or "" for say in ElementTree.fromstring(answer.text).iter("Say"))


def told_to_come(client: TestClient) -> str:
    """The token of a call that rings and is welcome."""
    token = re.search(r'name="token" value="([^"]+)"', post(client, "/twilio/voice").text)
    assert token is not None
    return token[1]


def come(client: TestClient, token: str) -> int:
    """A media socket that starts; the code it is closed with."""
    start = {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "customParameters": {"token": token},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }
    with client.websocket_connect("/twilio/media") as socket:
        socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        socket.send_json(start)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    return closed.value.code


def verbs(answer: Any) -> list[str]:
    return [verb.tag for verb in ElementTree.fromstring(answer.text)]


# ── behind the stream ────────────────────────────────────────────────────────────────
def test_a_call_that_said_goodbye_is_hung_up(house: Exchange, client: TestClient):
    """Nothing more is said."""
    house.afterwards.decide("CA1", After(Step.HANG_UP))
    assert verbs(post(client, "/twilio/after")) == ["Hangup"]


def test_a_caller_who_heard_the_apology_only_hears_what_to_do(house: Exchange, client: TestClient):
    """The agent's voice has said why; the carrier's says how to leave a message."""
    house.afterwards.decide("CA1", After(Step.VOICEMAIL, reason=Reason.FAULTS))
    answer = post(client, "/twilio/after")
    assert verbs(answer) == ["Say", "Record", "Hangup"]
    assert said(answer) == PHRASES.voicemail


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.FAULTS, PHRASES.apology),
        (Reason.FATAL, PHRASES.apology),
        (Reason.UNSURE, PHRASES.misheard),
        (Reason.DRAINED, PHRASES.cut_short),
        (Reason.EMERGENCY, AGENT.emergency.text),
    ],
)
def test_a_caller_who_heard_nothing_is_told_why_by_the_carrier(
    house: Exchange, client: TestClient, reason: Reason, words: str
):
    """The voice was among what failed."""
    after = After(Step.VOICEMAIL, has_apologised=False, reason=reason)
    house.afterwards.decide("CA1", after)
    assert said(post(client, "/twilio/after")) == f"{words} {PHRASES.voicemail}"


def test_a_call_that_left_no_word_is_led_to_the_voicemail(client: TestClient):
    """Its session crashed, or its process was killed, and the caller is still there."""
    answer = post(client, "/twilio/after")
    assert said(answer) == f"{PHRASES.apology} {PHRASES.voicemail}"
    assert "Record" in verbs(answer)


def test_a_transfer_names_its_person_and_where_the_whisper_is(house: Exchange, client: TestClient):
    """And says what the agent could not."""
    house.afterwards.decide("CA1", After(Step.TRANSFER, number=NUMBER))
    answer = post(client, "/twilio/after")
    number = ElementTree.fromstring(answer.text).find("Dial/Number")
    assert number is not None
    assert (number.text, said(answer)) == (NUMBER, "")
    assert number.get("url") == f"{PUBLIC}/twilio/whisper?call=CA1"
    unheard = After(Step.TRANSFER, number=NUMBER, has_apologised=False, reason=Reason.FAULTS)
    house.afterwards.decide("CA1", unheard)
    assert said(post(client, "/twilio/after")) == f"{PHRASES.apology} {PHRASES.transfer}"


def test_the_same_word_is_given_as_often_as_the_carrier_asks(house: Exchange, client: TestClient):
    """A repeated request changes nothing."""
    house.afterwards.decide("CA1", After(Step.HANG_UP))
    assert post(client, "/twilio/after").text == post(client, "/twilio/after").text


# ── the transfer ─────────────────────────────────────────────────────────────────────
def test_the_person_is_told_of_the_caller_without_personal_data(
    house: Exchange, client: TestClient
):
    """Stand-ins are said as what they stand for."""
    summary = "wants to move the booking of [PHONE_1] to Friday"
    house.afterwards.decide("CA1", After(Step.TRANSFER, number=NUMBER, summary=summary))
    path = "/twilio/whisper?call=CA1"
    answer = post(client, path, {"CallSid": "CA2", "ParentCallSid": "CA1"})
    wish = "wants to move the booking of a telephone number to Friday"
    assert said(answer) == f"{PHRASES.whisper} {wish}"


def test_a_whisper_about_a_call_nobody_knows_is_short(client: TestClient):
    """The person hears at least where the caller comes from."""
    assert said(post(client, "/twilio/whisper", {"CallSid": "CA2"})) == PHRASES.whisper


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "", "odd"])
def test_a_transfer_that_fails_falls_to_the_voicemail(
    house: Exchange, client: TestClient, status: str
):
    """The caller hears that nobody is there, and may leave a message; the record keeps it."""
    house.records.put(document("1", provider_call_id="CA1"))
    answer = post(client, "/twilio/dial", {**FORM, "DialCallStatus": status})
    assert said(answer) == f"{PHRASES.nobody} {PHRASES.voicemail}"
    assert "Record" in verbs(answer)
    known = status if status in ("busy", "no-answer", "failed", "canceled") else "unknown"
    assert client.get("/api/calls/1").json()["transfer"] == known
    assert f'offhook_transfers_total{{outcome="{known}"}} 1.0' in client.get("/metrics").text


def test_after_a_talk_with_the_person_the_call_is_over(house: Exchange, client: TestClient):
    """Nobody is asked for a message."""
    form = {**FORM, "DialCallStatus": "completed", "DialBridged": "true"}
    assert verbs(post(client, "/twilio/dial", form)) == ["Hangup"]


def test_a_person_who_hangs_up_at_the_whisper_has_not_taken_the_call(client: TestClient):
    """The carrier calls that completed, too."""
    form = {**FORM, "DialCallStatus": "completed", "DialBridged": "false"}
    assert "Record" in verbs(post(client, "/twilio/dial", form))


# ── the message ──────────────────────────────────────────────────────────────────────
class Heard:
    """Stands where the notifier does."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def announce(self, message: dict[str, Any]) -> None:
        self.told.append(message)


async def test_a_message_is_kept_with_its_call_and_announced_once_it_is_whole(
    house: Exchange, client: TestClient
):
    """The first request comes while the carrier still writes; the second says it is complete."""
    heard: Any = Heard()
    house.notifier = heard
    caller: dict[str, Any] = {"from": "+*1"}
    house.records.put({**document("1", provider_call_id="CA1", voicemail_url=None), **caller})
    assert verbs(post(client, "/twilio/recording", RECORDED)) == ["Hangup"]
    call = client.get("/api/calls").json()[0]
    assert (call["voicemail_url"], call["voicemail_s"]) == (RECORDED["RecordingUrl"], 12)
    assert heard.told == []
    post(client, "/twilio/recording", {**RECORDED, "RecordingStatus": "completed"})
    await eventually(lambda: heard.told, what="the message is announced")
    [message] = heard.told
    assert message["call_id"] == "1"
    assert message["voicemail_url"] == RECORDED["RecordingUrl"]
    assert message["from"] == "+*1"
    assert "fault_party" in message
    assert "offhook_voicemails_total 1.0" in client.get("/metrics").text


def test_what_is_no_recording_of_the_carriers_is_not_kept(house: Exchange, client: TestClient):
    """It is counted, and answered all the same."""
    house.records.put(document("1", provider_call_id="CA1", voicemail_url=None))
    odd = {**RECORDED, "RecordingUrl": "https://evil.example/x", "RecordingStatus": "completed"}
    assert verbs(post(client, "/twilio/recording", odd)) == ["Hangup"]
    assert client.get("/api/calls/1").json()["voicemail_url"] is None


async def test_a_refused_call_leaves_a_record_for_its_message(house: Exchange, client: TestClient):
    """A full house hears that all lines are busy; the message is listed like any other."""
    house.admission.enter()
    answer = post(client, "/twilio/voice")
    assert said(answer) == PHRASES.busy
    post(client, "/twilio/recording", {**RECORDED, "RecordingStatus": "completed"})
    await eventually(lambda: client.get("/api/calls").json()[0]["voicemail_url"], what="kept")
    [call] = client.get("/api/calls").json()
    assert (call["ending"], call["provider_call_id"]) == ("refused", "CA1")
    assert call["from"] == "+*********01"
    metrics = client.get("/metrics").text
    assert 'offhook_ways_out_total{destination="voicemail",reason="capacity"} 1.0' in metrics


def test_a_draining_house_takes_messages(house: Exchange, client: TestClient):
    """The same words as a full one."""
    house.admission.drain()
    assert said(post(client, "/twilio/voice")) == PHRASES.busy


def test_another_numbers_agent_speaks_its_own_language(house: Exchange):
    """Words, tongue and voice are those of the number that was called."""
    layla = replace(AGENT, language="ar", voices={"twilio": "Polly.Hala"})
    house.personas = Personas(AGENT, {"+15550100002": layla})
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        text = post(client, "/twilio/after").text
        assert '<Say language="arb" voice="Polly.Hala">' in text
        house.afterwards.decide("CA1", After(Step.TRANSFER, called="+15550100002"))
        asked = post(client, "/twilio/whisper?call=CA1", {"CallSid": "CA2"})
        assert 'language="arb"' in asked.text


def test_a_call_for_help_that_nobody_answers_is_told_again_what_to_do(
    house: Exchange, client: TestClient
):
    """Not that nobody is there."""
    house.afterwards.decide("CA1", After(Step.TRANSFER, number="911", reason=Reason.EMERGENCY))
    answer = post(client, "/twilio/dial", {**FORM, "DialCallStatus": "failed"})
    assert said(answer) == f"{AGENT.emergency.text} {PHRASES.voicemail}"


def test_a_session_that_cannot_begin_leaves_a_record_and_its_line(
    house: Exchange, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """The caller is led to the voicemail; the call is counted as our fault."""

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr("bot.server.Session", broken)
    assert come(client, told_to_come(client)) == INTERNAL_ERROR
    assert house.admission.active == 0
    [call] = client.get("/api/calls").json()
    assert (call["ending"], call["fault_party"]) == ("fault", "us")
    assert "Record" in verbs(post(client, "/twilio/after"))


@pytest.mark.parametrize("ticket", [None, Ticket("CA1")])
async def test_a_caller_who_is_gone_before_the_call_begins_raises_nothing(
    ticket: Ticket | None, monkeypatch: pytest.MonkeyPatch
):
    """There is nobody left to close the socket for."""
    ended: list[Exception | None] = []
    sockets: list[WebSocket] = []

    async def redeemed(*_: Any) -> Ticket | None:
        await sockets[0].receive()  # that the peer is gone
        return ticket

    async def unable(*_: Any) -> None:
        """No session can be opened."""

    doors = CarrierDoors(exchange(OFFHOOK__WIRE__START_TIMEOUT_S="5"), serve=unable)
    monkeypatch.setattr(doors, "_ticket", redeemed)

    async def media(websocket: WebSocket) -> None:
        sockets.append(websocket)
        try:
            await doors.media(websocket)
        except Exception as error:
            ended.append(error)
        else:
            ended.append(None)

    app = FastAPI()
    app.add_api_websocket_route("/twilio/media", media)
    async with served(app) as port:
        url = f"ws://127.0.0.1:{port}/twilio/media"
        peer = TwilioPeer(await connect(url, compression=None, proxy=None))
        await peer.greet()
        await eventually(lambda: sockets, what="the socket is there")
        await peer.vanish()
        await eventually(lambda: ended, what="the socket is left")
        await peer.close()
    assert ended == [None]


async def test_a_message_is_announced_though_the_store_is_away(
    house: Exchange, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """Without what the record would say of its call."""
    heard: Any = Heard()
    house.notifier = heard

    def away(_: str) -> Any:
        raise OSError

    monkeypatch.setattr(house.records, "of_carrier", away)
    post(client, "/twilio/recording", {**RECORDED, "RecordingStatus": "completed"})
    await eventually(lambda: heard.told, what="the message is announced")
    assert heard.told[0]["call_id"] is None
    assert heard.told[0]["provider_call_id"] == "CA1"


@pytest.mark.parametrize("name", ["", "CA\x001", "CA 1", "C" * 65])
def test_a_name_that_is_no_calls_is_kept_nowhere(house: Exchange, client: TestClient, name: str):
    """No database would take some of them."""
    form = {**RECORDED, "CallSid": name, "RecordingStatus": "completed"}
    assert verbs(post(client, "/twilio/recording", form)) == ["Hangup"]
    house.records.put(document("1", provider_call_id=name, voicemail_url=None))
    assert client.get("/api/calls/1").json()["voicemail_url"] is None


def test_a_caller_told_to_come_before_the_drain_is_let_in(
    house: Exchange, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    """A deploy drops nobody; whoever was told nothing is turned away, and the drain waits."""
    taken: list[str] = []

    class Session:
        def __init__(self, _exchange: Exchange, *, door: Any, caller: Any) -> None:
            taken.append(caller.provider_call_id)

        async def run(self) -> None: ...

    monkeypatch.setattr("bot.server.Session", Session)
    token = told_to_come(client)
    house.drain()
    assert house.admission.awaited(time.monotonic()) == 1
    house.loaded = load({"OFFHOOK__WIRE__VERIFY_SIGNATURE": "false"})
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        assert come(client, "") == POLICY_VIOLATION
        assert taken == []
        come(client, token)
    assert taken == ["CA1"]
    assert house.admission.awaited(time.monotonic()) == 0


async def test_a_socket_whose_peer_is_gone_is_closed_without_a_word():
    """What the server raises then is nobody's fault."""

    class Gone:
        async def close(self, code: int) -> None:
            raise WebSocketDisconnect(code=1006)

    await _close(Gone(), INTERNAL_ERROR)  # type: ignore[arg-type]
