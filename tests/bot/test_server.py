"""The doors answer the carrier in TwiML, strangers not at all, and say whether there is room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from twilio.request_validator import RequestValidator

from bot.exchange import Exchange
from bot.persona import Persona, Personas
from bot.server import build_app
from bot.settings import load
from call.admission import Admission
from services.pool import Keep
from services.voices import Voices
from transports.twilio.tickets import Tickets

pytestmark = pytest.mark.wire

TOKEN = "throw-away"
PASSWORD = "throw-away-password"
PUBLIC = "https://phone.example"
FORM = {"CallSid": "CA1", "From": "+15550100001", "To": "+15550100002"}
AGENT = Persona(name="Mia", prompt="You help.", greeting="Hello.", handoff_number="+442079460000")


def exchange(**overrides: str) -> Exchange:
    environ = {
        "TWILIO_AUTH_TOKEN": TOKEN,
        "OFFHOOK_CONSOLE_PASSWORD": PASSWORD,
        "OFFHOOK__WIRE__PUBLIC_URL": PUBLIC,
        "OFFHOOK__CAPACITY__MAX_CALLS": "1",
        "OFFHOOK__WIRE__START_TIMEOUT_S": "0.2",
        "OFFHOOK__POOL__ENABLED": "false",
        **overrides,
    }
    loaded = load(environ)
    nothing: Any = None
    return Exchange(
        loaded=loaded,
        keys={},
        personas=Personas(AGENT, {}),
        models=nothing,
        smart_turn=nothing,
        http=nothing,
        pool=nothing,
        voices=Voices(tolerance=loaded.settings.speak.tolerance),
        admission=Admission(loaded.settings.capacity),
        tickets=Tickets(life_s=60),
    )


@pytest.fixture
def house() -> Exchange:
    return exchange()


@pytest.fixture
def client(house: Exchange) -> Iterator[TestClient]:
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        client.auth = ("operator", PASSWORD)
        yield client


def signed(path: str, form: dict[str, str]) -> dict[str, str]:
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form)
    return {"X-Twilio-Signature": signature}


def post(client: TestClient, path: str, form: dict[str, str] = FORM) -> Any:
    return client.post(path, data=form, headers=signed(path, form))


def test_a_signed_call_is_connected_to_the_media_socket_with_a_token(client: TestClient):
    """TwiML connects, carries a one-time token, and goes on at /twilio/after."""
    answer = post(client, "/twilio/voice")
    assert answer.status_code == 200
    assert 'url="wss://phone.example/twilio/media"' in answer.text
    assert 'name="token"' in answer.text
    assert ">https://phone.example/twilio/after</Redirect>" in answer.text


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after", "/twilio/status"])
@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "bm90IHRoZWlycw=="}])
def test_an_unsigned_webhook_is_refused(client: TestClient, path: str, headers: dict[str, str]):
    """403, whatever the form says."""
    assert client.post(path, data=FORM, headers=headers).status_code == 403


def test_without_verification_a_webhook_is_answered_and_called_unverified():
    """The loopback setting lets anybody in, and says so in the log."""
    app = build_app(exchange(OFFHOOK__WIRE__VERIFY_SIGNATURE="false"))
    with TestClient(app, base_url=PUBLIC) as client:
        assert client.post("/twilio/voice", data=FORM).status_code == 200


def test_a_full_house_apologises_and_takes_a_message(house: Exchange, client: TestClient):
    """The next call hears that all lines are busy and may leave a message."""
    assert house.admission.enter()
    answer = post(client, "/twilio/voice")
    assert AGENT.phrases.busy in answer.text
    assert "<Record" in answer.text and "<Connect" not in answer.text


def test_readiness_ends_where_the_room_ends(house: Exchange, client: TestClient):
    """Full and draining are 503 with the reason; alive is always 200."""
    assert client.get("/readyz").json() == {"status": "ready", "active_calls": 0}
    house.admission.enter()
    assert client.get("/readyz").status_code == 503
    house.admission.leave()
    house.admission.drain()
    assert client.get("/readyz").json()["status"] == "draining"
    assert client.get("/healthz").status_code == 200


def test_a_call_that_broke_gets_an_apology_and_a_voicemail(client: TestClient):
    """Without a verdict the caller is still there and our side is not."""
    text = post(client, "/twilio/after").text
    assert AGENT.phrases.apology in text and "<Record" in text


def test_a_media_socket_without_a_good_token_is_closed(client: TestClient):
    """Missing, wrong or another call's: no session begins."""
    start = {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "customParameters": {"token": "guessed"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }
    with client.websocket_connect("/twilio/media") as socket:
        socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        socket.send_json(start)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 1008


def test_a_media_socket_that_never_starts_is_closed(client: TestClient):
    """Silence is not a call."""
    with client.websocket_connect("/twilio/media") as socket:
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_records_are_listed_newest_first_and_unknown_ones_are_404(
    house: Exchange, client: TestClient
):
    """The API shows what is kept."""
    house.records.put({"call_id": "a"})
    house.records.put({"call_id": "b"})
    assert [call["call_id"] for call in client.get("/api/calls").json()] == ["b", "a"]
    assert client.get("/api/calls/a").json() == {"call_id": "a"}
    assert client.get("/api/calls/z").status_code == 404


async def test_a_long_list_of_calls_leaves_the_living_ones_their_turn(house: Exchange):
    """Writing it takes as long as several packets of audio: not in one piece."""
    words = [{"turn": n, "caller_text": "I would like to come on Tuesday."} for n in range(500)]
    for number in range(100):
        house.records.put({"call_id": f"{number}", "ending": "caller_hung_up", "turns": words})
    in_one_piece_s, pauses_s = [], []
    transport = ASGITransport(build_app(house))
    async with AsyncClient(transport=transport, base_url=PUBLIC, auth=("op", PASSWORD)) as client:
        for _ in range(5):  # the quickest of five: the machine may have paused by itself
            began_at = time.perf_counter()
            whole = JSONResponse(house.records.newest()).body
            in_one_piece_s.append(time.perf_counter() - began_at)
            asking = asyncio.create_task(client.get("/api/calls"))
            pauses_s.append(await _longest_pause_s(until=asking))
            assert asking.result().content == whole
    assert min(pauses_s) < min(in_one_piece_s) / 2


async def _longest_pause_s(*, until: asyncio.Task[Any]) -> float:
    """Between two turns of whoever else lives on the loop."""
    longest_s, at = 0.0, time.perf_counter()
    while not until.done():
        await asyncio.sleep(0)
        at, before = time.perf_counter(), at
        longest_s = max(longest_s, at - before)
    return longest_s


@pytest.mark.parametrize("body", [b"no json", b"{}", b'{"type": "offer", "sdp": "nonsense"}'])
def test_a_broken_offer_from_a_browser_is_400_and_takes_no_room(
    house: Exchange, client: TestClient, body: bytes
):
    """A page that talks nonsense costs nobody a line."""
    answer = client.post("/webrtc/offer", content=body)
    assert answer.status_code == 400
    assert house.admission.active == 0


def test_the_talk_page_is_served_whole(client: TestClient):
    """No third party is asked for anything."""
    page = client.get("/talk").text
    assert "/webrtc/offer" in page
    assert 'src="http' not in page


def test_a_number_with_its_share_of_the_lines_hears_the_engaged_tone():
    """The call is never picked up; another number is."""
    house = exchange(OFFHOOK__CAPACITY__MAX_CALLS="9", OFFHOOK__CAPACITY__MAX_CALLS_PER_CALLER="1")
    assert house.admission.enter(FORM["From"])
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        assert '<Reject reason="busy"' in post(client, "/twilio/voice").text
        other = {**FORM, "From": "+15550100009"}
        assert "<Connect" in post(client, "/twilio/voice", other).text


def test_twiml_is_built_from_the_public_url_never_from_what_the_request_says(client: TestClient):
    """A proxy's or a stranger's Host and X-Forwarded-Host change nothing."""
    names = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
    }
    headers = {**signed("/twilio/voice", FORM), **names}
    text = client.post("/twilio/voice", data=FORM, headers=headers).text
    assert 'url="wss://phone.example/twilio/media"' in text and "evil" not in text


def test_without_a_public_url_twiml_names_the_address_we_listen_on():
    """Only on loopback; Host is not believed there either."""
    house = exchange(OFFHOOK__WIRE__VERIFY_SIGNATURE="false", OFFHOOK__WIRE__PUBLIC_URL="")
    with TestClient(build_app(house), base_url="http://127.0.0.1:7860") as client:
        text = client.post("/twilio/voice", data=FORM, headers={"Host": "evil.example"}).text
    assert 'url="ws://127.0.0.1:7860/twilio/media"' in text and "evil" not in text


def test_refusals_are_counted_by_door_and_reason(house: Exchange, client: TestClient):
    """The operator sees who is turned away, and why."""
    client.post("/twilio/voice", data=FORM)
    client.post("/twilio/voice", content=b"\xff", headers=signed("/twilio/voice", {}))
    with pytest.raises(WebSocketDisconnect):
        with client.websocket_connect("/twilio/media") as socket:
            socket.receive_text()
    with pytest.raises(WebSocketDisconnect):
        headers = {"X-Twilio-Signature": "bm90IHRoZWlycw=="}
        with client.websocket_connect("/twilio/media", headers=headers):
            pass
    text = client.get("/metrics").text
    for door, reason in (
        ("webhook", "signature"),
        ("webhook", "form"),
        ("media", "no_start"),
        ("media", "signature"),
    ):
        assert f'offhook_refused_total{{door="{door}",reason="{reason}"}} 1.0' in text


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b'"x"', b"[" * 50000, b'{"type": "offer", "sdp": {"a": 1}}', b"\xff\xfe"]
)
def test_no_offer_escapes_as_an_error_of_ours(client: TestClient, body: bytes):
    """400 in one line, whatever kind of JSON it is."""
    answer = client.post("/webrtc/offer", content=body)
    assert answer.status_code == 400
    assert "\n" not in answer.text.strip()


@given(form=st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_form_that_is_signed_is_answered_in_twiml(form: dict[str, str]):
    """Missing, odd and foreign fields end in TwiML, never in an error of ours."""
    with TestClient(build_app(exchange()), base_url=PUBLIC) as client:
        for path in ("/twilio/voice", "/twilio/after", "/twilio/status"):
            answer = post(client, path, form)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
            ElementTree.fromstring(answer.text)


@given(body=st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_bytes_that_nobody_signed_are_refused(body: bytes):
    """400 for what is no form, 403 for the rest, and nothing of it comes back."""
    with TestClient(build_app(exchange()), base_url=PUBLIC) as client:
        for path in ("/twilio/voice", "/twilio/after", "/twilio/recording"):
            answer = client.post(path, content=body)
            assert answer.status_code in (400, 403)
            assert len(answer.content) < 100


class Ready:
    """A pool, and models, that are told who rings."""

    def __init__(self) -> None:
        self.keeps: list[Keep] = []
        self.calls: list[int] = []

    def expect_keeps(self, keeps: Sequence[Keep]) -> None:
        self.keeps += keeps

    async def expect(self, calls: int, now: float) -> None:
        self.calls.append(calls)


def test_what_a_call_needs_is_made_ready_while_it_rings() -> None:
    """The recogniser and the voice of the number called, and a connection to the model."""
    house, ready = exchange(OFFHOOK__POOL__ENABLED="true"), Ready()
    house.keys = {"deepgram": "d", "elevenlabs": "e"}
    voiced = replace(AGENT, voices={"elevenlabs": "someone"}, keyterms=("root canal",))
    house.personas = Personas(AGENT, {FORM["To"]: voiced})
    house.models = ready
    house.pool = cast(Any, SimpleNamespace(expect=ready.expect_keeps))
    with TestClient(build_app(house), base_url=PUBLIC) as client:
        assert post(client, "/twilio/voice").status_code == 200
    ear, mouth = ready.keeps
    assert ear.provider == "deepgram" and "root+canal" in ear.address.url
    assert mouth.provider == "elevenlabs" and "/someone/" in mouth.address.url
    assert ready.calls == [1]
