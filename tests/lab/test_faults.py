"""Every shape of failure at every provider that offers it, seen from the client; and which request
a fault strikes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.faults import CONNECT, PROVIDERS, REQUEST, SHAPES, Faults, parse
from tests.conftest import eventually
from tests.lab import plain
from tests.lab.clients import CARTESIA, CLAUDE, DEEPGRAM, ELEVEN, TWILIO, providers

pytestmark = pytest.mark.provider

QUIET_S = 0.3
SLEPT_S = 0.05  # a wait that lasts so much longer was slept through
VOICE = "/v1/text-to-speech/voice-1/multi-stream-input?output_format=ulaw_8000&auto_mode=true"
DOORS = {
    "deepgram": (
        "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true"
        "&endpointing=false&smart_format=true",
        DEEPGRAM,
    ),
    "flux": ("/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000", DEEPGRAM),
    "elevenlabs": (VOICE, ELEVEN),
    "cartesia": ("/tts/websocket", CARTESIA),
}
TEXT = "Hello there. "
GENERATION = {
    "model_id": "sonic-3",
    "transcript": TEXT,
    "voice": {"mode": "id", "id": "v"},
    "context_id": "c1",
    "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
    "continue": False,
    "add_timestamps": True,
}


@dataclass
class Seen:
    """What a client met."""

    status: int | None = None
    body: Any = None
    headers: Any = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    garbage: list[str] = field(default_factory=list)
    code: int | None = None
    is_broken: bool = False
    is_quiet: bool = False
    took_s: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Did the answer come to its proper end?"""
        return any(_is_end(message) for message in self.messages)


def _is_end(message: dict[str, Any]) -> bool:
    return (
        message.get("from_finalize") is True
        or message.get("event") == "EndOfTurn"
        or message.get("isFinal") is True
        or message.get("type") in ("done", "message_stop")
    )


async def use(it: Any, provider: str, words: str = TEXT, *, after_end_s: float = 0.0) -> Seen:
    """One ordinary request; what came of it."""
    began_at = time.monotonic()
    seen = Seen()
    timeout = aiohttp.ClientTimeout(total=3, sock_read=QUIET_S * 2)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        try:
            if provider in DOORS:
                await _use_socket(it, provider, client, seen, after_end_s)
            else:
                await _use_post(it, provider, client, seen, words)
        except aiohttp.WSServerHandshakeError as error:
            seen.status, seen.headers = error.status, error.headers
        except TimeoutError:
            seen.is_quiet = True
        except (aiohttp.ClientError, ConnectionError):
            seen.is_broken = True
    seen.took_s = time.monotonic() - began_at
    return seen


async def _use_socket(
    it: Any, provider: str, client: aiohttp.ClientSession, seen: Seen, after_end_s: float
) -> None:
    path, headers = DOORS[provider]
    async with client.ws_connect(it.ws_url + path, headers=headers, timeout=_CLOSE) as ws:
        await _say(ws, provider)
        while True:
            wait_s = after_end_s if seen.is_complete else QUIET_S
            if seen.is_complete and not after_end_s:
                return
            waits_at = time.monotonic()
            try:
                frame = await asyncio.wait_for(ws.receive(), wait_s)
            except TimeoutError:
                if time.monotonic() - waits_at > wait_s + SLEPT_S:
                    continue  # it was our own machine that stood still
                seen.is_quiet = not seen.is_complete
                return
            if frame.type is not aiohttp.WSMsgType.TEXT:
                seen.code = ws.close_code
                seen.is_broken = ws.close_code in (None, 1006)
                return
            try:
                seen.messages.append(json.loads(frame.data))
            except ValueError:
                seen.garbage.append(frame.data)


_CLOSE = aiohttp.ClientWSTimeout(ws_close=0.1)


async def _say(ws: aiohttp.ClientWebSocketResponse, provider: str) -> None:
    if provider in ("deepgram", "flux"):
        for start in range(0, 3):
            await ws.send_bytes(plain.ulaw(plain.said(3)[start * 4000 : start * 4000 + 4000]))
        await ws.send_bytes(plain.ulaw(plain.silence(0.1)))
        kind = "Finalize" if provider == "deepgram" else "ForceEndTurn"
        await ws.send_json({"type": kind})
    elif provider == "elevenlabs":
        await ws.send_json({"text": " ", "context_id": "c1"})
        await ws.send_json({"text": TEXT, "context_id": "c1"})
        await ws.send_json({"context_id": "c1", "close_context": True})
    else:
        await ws.send_json(GENERATION)


async def _use_post(
    it: Any, provider: str, client: aiohttp.ClientSession, seen: Seen, words: str
) -> None:
    if provider == "twilio":
        url = f"{it.http_url}/2010-04-01/Accounts/AC1/Calls/CA1.json"
        async with client.post(url, data={"Status": "completed"}, headers=TWILIO) as answer:
            seen.status, seen.body = answer.status, await answer.text()
            return
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": words}],
        "tools": [{"name": "find_slots", "input_schema": {"type": "object"}}],
    }
    async with client.post(f"{it.http_url}/v1/messages", json=body, headers=CLAUDE) as answer:
        seen.status, seen.headers = answer.status, answer.headers
        if answer.status != 200:
            seen.body = await answer.json()
            return
        async for line in answer.content:
            text = line.decode()
            if text.startswith("data: "):
                seen.messages.append(json.loads(text[6:]))
            elif text.strip() and not text.startswith("event: "):
                seen.garbage.append(text)


def deltas(seen: Seen) -> list[Any]:
    return [m["delta"] for m in seen.messages if m["type"] == "content_block_delta"]


def final_delta(seen: Seen) -> dict[str, Any]:
    (found,) = [m["delta"] for m in seen.messages if m["type"] == "message_delta"]
    delta: dict[str, Any] = found
    return delta


def carrying(seen: Seen) -> list[dict[str, Any]]:
    """Messages that carry speech, words or tokens."""
    return [
        m
        for m in seen.messages
        if m.get("audio")
        or m.get("data")
        or m.get("type") in ("Results", "content_block_delta")
        or m.get("event")
    ]


Check = Callable[[Seen], bool]
LISTEN_SPEAK = ("deepgram", "flux", "elevenlabs", "cartesia")
STREAMS = (*LISTEN_SPEAK, "anthropic")
CASES: list[tuple[str, tuple[str, ...], dict[str, Any], Check]] = [
    ("http_status", PROVIDERS, {"status": 401}, lambda s: s.status == 401),
    ("http_status", PROVIDERS, {"status": 402}, lambda s: s.status == 402),
    ("http_status", PROVIDERS, {"status": 403}, lambda s: s.status == 403),
    ("http_status", PROVIDERS, {"status": 429}, lambda s: s.status == 429),
    ("http_status", PROVIDERS, {"status": 500}, lambda s: s.status == 500),
    ("http_status", PROVIDERS, {"status": 503}, lambda s: s.status == 503),
    (
        "http_status",
        STREAMS,
        {"status": 429, "retry_after_s": 2.0},
        lambda s: s.headers["retry-after"] == "2",
    ),
    (
        "http_status",
        ("anthropic",),
        {"status": 529},
        lambda s: s.body["error"]["type"] == "overloaded_error",
    ),
    # aiohttp's client repeats a GET once by itself, so two are refused
    ("down", LISTEN_SPEAK, {"for_next": 2}, lambda s: s.is_broken and not s.messages),
    ("down", ("anthropic", "twilio"), {}, lambda s: s.is_broken and not s.messages),
    ("accept_then_close", LISTEN_SPEAK, {"code": 1008}, lambda s: s.code == 1008),
    ("accept_then_close", LISTEN_SPEAK, {"code": 1011, "reason": "x"}, lambda s: s.code == 1011),
    ("accept_then_close", LISTEN_SPEAK, {"code": 1000}, lambda s: s.code == 1000),
    ("accept_then_close", LISTEN_SPEAK, {"code": 4001}, lambda s: s.code == 4001),
    ("half_open", LISTEN_SPEAK, {"for_s": 1.0}, lambda s: s.is_quiet and not s.messages),
    ("half_open", LISTEN_SPEAK, {"for_s": 0.05}, lambda s: s.is_broken and not s.messages),
    ("black_hole", STREAMS, {}, lambda s: s.is_quiet and not carrying(s)),
    ("black_hole", PROVIDERS, {"for_s": 0.05}, lambda s: s.is_broken and not carrying(s)),
    ("latency", PROVIDERS, {"delay_s": 0.05, "jitter_s": 0.02}, lambda s: s.took_s > 0.03),
    ("bandwidth", STREAMS, {"bytes_per_s": 20_000}, lambda s: s.took_s > 0.02 and s.is_complete),
    ("slicer", STREAMS, {"bytes": 7}, lambda s: s.is_complete and not s.garbage),
    ("limit_data", STREAMS, {"bytes": 30}, lambda s: s.is_broken and not s.is_complete),
    ("reset_peer", PROVIDERS, {}, lambda s: s.is_broken and not carrying(s)),
    ("reset_peer", STREAMS, {"after": 1}, lambda s: s.is_broken and len(carrying(s)) == 1),
    ("stall", STREAMS, {"after": 1}, lambda s: s.is_quiet and len(carrying(s)) == 1),
    ("stall", STREAMS, {"after": 1, "for_s": 0.03}, lambda s: s.is_complete and s.took_s > 0.03),
    ("close", LISTEN_SPEAK, {"after": 1, "code": 4000}, lambda s: s.code == 4000),
    ("garbage", STREAMS, {}, lambda s: len(s.garbage) == 1 and s.is_complete),
    ("garbage", ("twilio",), {}, lambda s: s.body == '{"sid": "CA'),
    (
        "unknown_type",
        STREAMS,
        {},
        lambda s: "something_new" in [m.get("type") for m in s.messages] and s.is_complete,
    ),
    (
        "duplicate",
        STREAMS,
        {},
        lambda s: any(carrying(s)[i] == carrying(s)[i + 1] for i in range(len(carrying(s)) - 1)),
    ),
    ("swap", STREAMS, {}, lambda s: s.is_complete),
    ("missing_fields", ("deepgram",), {}, lambda s: "from_finalize" not in carrying(s)[-1]),
    ("missing_fields", ("flux",), {}, lambda s: "languages" not in carrying(s)[-1]),
    ("missing_fields", ("elevenlabs",), {}, lambda s: "alignment" not in carrying(s)[0]),
    ("missing_fields", ("cartesia",), {}, lambda s: "step_time" not in carrying(s)[0]),
    ("missing_fields", ("anthropic",), {}, lambda s: s.is_complete),
    ("wrong_context", ("elevenlabs",), {}, lambda s: carrying(s)[0]["contextId"] == "nobody"),
    ("wrong_context", ("cartesia",), {}, lambda s: carrying(s)[0]["context_id"] == "nobody"),
    ("quota", ("deepgram",), {}, lambda s: s.messages[-1]["type"] == "Error" and s.code == 1008),
    ("quota", ("flux",), {}, lambda s: s.messages[-1]["type"] == "Error" and s.code == 1008),
    (
        "quota",
        ("elevenlabs",),
        {},
        lambda s: s.messages[-1]["error"] == "quota_exceeded" and s.code == 1008,
    ),
    ("quota", ("cartesia",), {}, lambda s: s.messages[-1]["status_code"] == 402 and s.is_quiet),
    ("quota", ("anthropic",), {}, lambda s: s.messages[-1]["type"] == "error"),
    ("expire", ("deepgram", "flux"), {}, lambda s: s.code == 1011),
    ("expire", ("elevenlabs",), {}, lambda s: s.code == 1008 and not carrying(s)),
    ("expire", ("cartesia",), {}, lambda s: s.code == 1000 and not carrying(s)),
    ("slow_first_token", ("anthropic",), {"delay_s": 0.05}, lambda s: s.took_s > 0.05),
    ("slow_tokens", ("anthropic",), {"token_s": 0.02}, lambda s: s.took_s > 0.04),
    ("headers_only", ("anthropic",), {}, lambda s: s.is_quiet and not s.messages),
    ("headers_only", ("anthropic",), {"for_s": 0.02}, lambda s: s.is_broken and s.status == 200),
    (
        "pings_only",
        ("anthropic",),
        {"for_s": 0.08, "every_s": 0.02},
        lambda s: {m["type"] for m in s.messages} == {"message_start", "ping"} and s.is_broken,
    ),
    (
        "thinking_only",
        ("anthropic",),
        {"deltas": 3},
        lambda s: (
            [d["type"] for d in deltas(s)] == ["thinking_delta"] * 3 + ["signature_delta"]
            and s.is_complete
        ),
    ),
    (
        "error_after",
        ("anthropic",),
        {"after": 2},
        lambda s: (
            len(deltas(s)) == 2
            and s.messages[-1]["error"]["type"] == "overloaded_error"
            and s.status == 200
        ),
    ),
    (
        "refusal",
        ("anthropic",),
        {},
        lambda s: final_delta(s)["stop_reason"] == "refusal" and not deltas(s),
    ),
    (
        "max_tokens",
        ("anthropic",),
        {"tokens": 2},
        lambda s: final_delta(s)["stop_reason"] == "max_tokens" and len(deltas(s)) == 2,
    ),
    (
        "empty",
        ("anthropic",),
        {},
        lambda s: final_delta(s)["stop_reason"] == "end_turn" and not deltas(s),
    ),
    (
        "malformed_tool_json",
        ("anthropic",),
        {},
        lambda s: "".join(d.get("partial_json", "") for d in deltas(s)) == '{"day": "tues',
    ),
]
TABLE = [
    pytest.param(provider, shape, parameters, check, id=f"{provider}-{shape}-{number}")
    for number, (shape, names, parameters, check) in enumerate(CASES)
    for provider in names
]


@pytest.mark.parametrize(("provider", "shape", "parameters", "check"), TABLE)
async def test_the_client_meets_the_fault_once_and_then_is_well(
    provider: str, shape: str, parameters: dict[str, Any], check: Check
) -> None:
    """The next request fails in the shape asked for, the one after it is served as ever."""
    async with providers() as it:
        it.faults.add({"provider": provider, "shape": shape} | parameters)
        seen = await use(it, provider)
        assert check(seen), seen
        again = await use(it, provider)
        assert again.is_complete or provider == "twilio" and again.status in (200, 404), again


def test_every_shape_is_tried_at_every_provider_that_offers_it() -> None:
    """The table above leaves nothing out (late and restart have tests of their own)."""
    tried = {(shape, provider) for shape, names, _, _ in CASES for provider in names}
    offered = {(name, provider) for name, shape in SHAPES.items() for provider in shape.providers}
    apart = {"late", "restart", "slow_close"}
    assert {pair for pair in offered - tried if pair[0] not in apart} == set()


@pytest.mark.parametrize(("provider", "field"), [("elevenlabs", "audio"), ("cartesia", "data")])
async def test_late_messages_come_after_the_end(provider: str, field: str) -> None:
    """With `late`, audio of a context that is over still arrives."""
    async with providers() as it:
        it.faults.add({"provider": provider, "shape": "late", "messages": 2, "delay_s": 0.01})
        seen = await use(it, provider, after_end_s=0.1)
    ends = [index for index, message in enumerate(seen.messages) if _is_end(message)]
    late = seen.messages[ends[0] + 1 :]
    assert len(late) == 2 and all(message[field] for message in late)


@pytest.mark.parametrize("provider", STREAMS)
@pytest.mark.parametrize("code", [0, 1012])
async def test_restart_drops_what_is_open(provider: str, code: int) -> None:
    """restart ends every open connection of that provider at once, and none of the others'."""
    if provider == "anthropic" and code:
        pytest.skip("a POST has no close code")
    async with providers(profile="public") as it:
        it.knobs.deepgram.idle_s = 5
        running = asyncio.ensure_future(_long_use(it, provider))
        other = "cartesia" if provider != "cartesia" else "deepgram"
        path, headers = DOORS[other]
        async with aiohttp.ClientSession() as client:
            async with client.ws_connect(it.ws_url + path, headers=headers) as bystander:
                await eventually(lambda: it.world.streams or it.world.count_lines(provider))
                spec = {"provider": provider, "shape": "restart", "code": code}
                async with client.post(f"{it.http_url}/control", json=spec) as answer:
                    assert (await answer.json())["dropped"] == 1
                assert await running == (code or "broken")
                assert not bystander.closed
                assert it.world.count_lines(other) == 1


async def _long_use(it: Any, provider: str) -> Any:
    """Hold a connection; the close code, or `broken`."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client:
            if provider in DOORS:
                path, headers = DOORS[provider]
                async with client.ws_connect(it.ws_url + path, headers=headers) as ws:
                    while not (await ws.receive()).type.name.startswith(("CLOS", "ERR")):
                        pass
                    return "broken" if ws.close_code in (None, 1006) else ws.close_code
            await _use_post(it, provider, client, Seen(), TEXT)
    except (aiohttp.ClientError, ConnectionError):
        return "broken"
    return "whole"


async def test_restart_keeps_the_door_shut_for_a_while() -> None:
    """down_s refuses returning clients until it is over."""
    async with providers() as it, aiohttp.ClientSession() as client:
        spec = {"provider": "deepgram", "shape": "restart", "down_s": 0.5}
        async with client.post(f"{it.http_url}/control", json=spec):
            pass
        assert (await use(it, "deepgram")).is_broken
        for _ in range(40):
            if (seen := await use(it, "deepgram")).is_complete:
                break
            await asyncio.sleep(0.05)
        assert seen.is_complete


async def test_slow_close_makes_the_client_wait() -> None:
    """The answer to the client's close frame comes late."""
    path, headers = DOORS["cartesia"]
    async with providers() as it, aiohttp.ClientSession() as client:
        it.faults.add({"provider": "cartesia", "shape": "slow_close", "delay_s": 0.08})
        async with client.ws_connect(it.ws_url + path, headers=headers) as ws:
            began_at = time.monotonic()
            await ws.close()
        assert time.monotonic() - began_at > 0.07


async def test_swap_changes_two_messages() -> None:
    """The first two pieces of audio come in the wrong order."""
    async with providers() as it:
        whole = carrying(await use(it, "elevenlabs"))
        it.faults.add({"provider": "elevenlabs", "shape": "swap"})
        mixed = carrying(await use(it, "elevenlabs"))
    assert mixed[:2] == [whole[1], whole[0]] and mixed[2:] == whole[2:]


async def test_words_choose_the_request() -> None:
    """when_words strikes the requests whose words match, again and again, and no others."""
    async with providers() as it:
        it.faults.add({"provider": "anthropic", "shape": "refusal", "when_words": "PARKING|park"})
        for words, reason in (("Hello.", "end_turn"), ("Is there parking?", "refusal")) * 2:
            assert final_delta(await use(it, "anthropic", words))["stop_reason"] == reason
    async with providers() as it:
        it.faults.add(
            {"provider": "deepgram", "shape": "quota", "when_words": "what are", "after": 0}
        )
        assert (await use(it, "deepgram")).code == 1008
        it.faults.clear()
        it.faults.add({"provider": "deepgram", "shape": "quota", "when_words": "bananas"})
        assert (await use(it, "deepgram")).is_complete


async def test_one_voice_request_fails_and_the_socket_lives() -> None:
    """A stalled context does not hold up the other one on the same socket."""
    path, headers = DOORS["cartesia"]
    async with providers() as it, aiohttp.ClientSession() as client:
        it.faults.add({"provider": "cartesia", "shape": "stall", "when_words": "hello", "after": 0})
        async with client.ws_connect(it.ws_url + path, headers=headers) as ws:
            await ws.send_json(GENERATION)
            await ws.send_json(GENERATION | {"context_id": "c2", "transcript": "Bye."})
            while (message := await asyncio.wait_for(ws.receive_json(), 2))["type"] != "done":
                assert message["context_id"] == "c2"


async def test_hits_are_noted_in_the_log() -> None:
    """Each strike can be read back."""
    async with providers() as it:
        fault = it.faults.add({"provider": "cartesia", "shape": "quota"})
        await use(it, "cartesia")
        (entry,) = it.log.read(kind="fault")
    assert (entry["id"], entry["shape"], fault.hits) == (fault.id, "quota", 1)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "choose one of deepgram, flux, elevenlabs, cartesia, anthropic, twilio, any"),
        ({"provider": "openai"}, "'openai'"),
        ({"provider": "deepgram"}, "shape None is unknown for deepgram; choose one of"),
        ({"provider": "deepgram", "shape": "refusal"}, "'refusal' is unknown for deepgram"),
        ({"provider": "deepgram", "shape": "stall", "for_next": 0}, "for_next"),
        ({"provider": "deepgram", "shape": "stall", "for_next": True}, "for_next"),
        ({"provider": "deepgram", "shape": "stall", "when_words": "("}, "regular expression"),
        ({"provider": "deepgram", "shape": "http_status", "when_words": "x"}, "before words"),
        ({"provider": "deepgram", "shape": "stall", "afterr": 1}, "no parameter 'afterr'"),
        ({"provider": "deepgram", "shape": "down", "x": 1}, "it has: none"),
        ({"provider": "deepgram", "shape": "stall", "after": "1"}, "after must be like 1"),
        ({"provider": "deepgram", "shape": "stall", "for_s": -1}, "negative"),
        ({"provider": "deepgram", "shape": "down", "moment": "request"}, "cannot strike"),
    ],
)
def test_a_bad_fault_is_one_clear_line(spec: dict[str, Any], words: str) -> None:
    """What makes no sense is refused with the choices."""
    with pytest.raises(ValueError) as caught:
        parse(spec)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@given(st.integers(1, 5), st.integers(0, 9))
def test_for_next_counts_exactly(times: int, requests: int) -> None:
    """A fault for the next K requests strikes K of them, no matter how many come."""
    faults = Faults()
    faults.add({"provider": "any", "shape": "stall", "for_next": times})
    struck = [bool(faults.match("deepgram", REQUEST)) for _ in range(requests)]
    assert sum(struck) == min(times, requests) and struck == sorted(struck, reverse=True)


def test_moments_are_kept_apart() -> None:
    """A fault of the door does not strike a request, nor one for another provider."""
    faults = Faults()
    faults.add({"provider": "deepgram", "shape": "down"})
    assert not faults.match("deepgram", REQUEST) and not faults.match("flux", CONNECT)
    assert faults.match("deepgram", CONNECT) and not faults.armed()


def test_faults_are_disarmed_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by number, all at once; too many are refused."""
    faults = Faults()
    first = faults.add({"provider": "deepgram", "shape": "down", "for_next": None})
    assert faults.match("deepgram", CONNECT) and faults.match("deepgram", CONNECT)
    assert faults.remove(first.id) and not faults.remove(first.id)
    monkeypatch.setattr("lab.faults.MAX_FAULTS", 1)
    faults.add({"provider": "deepgram", "shape": "down"})
    with pytest.raises(ValueError, match="armed already"):
        faults.add({"provider": "deepgram", "shape": "down"})
    faults.clear()
    assert faults.armed() == []


async def _clauses(it: Any, provider: str, *texts: str) -> list[tuple[str, float]]:
    """Say several texts in one context; how much sound came of each is told by the log."""
    path, headers = DOORS[provider]
    async with aiohttp.ClientSession() as client:
        async with client.ws_connect(it.ws_url + path, headers=headers, timeout=_CLOSE) as ws:
            for text in texts:
                message = (
                    {"text": text, "context_id": "c1"}
                    if provider == "elevenlabs"
                    else GENERATION | {"transcript": text, "continue": True}
                )
                await ws.send_json(message)
            while True:
                try:
                    frame = await asyncio.wait_for(ws.receive(), QUIET_S)
                except TimeoutError:
                    break
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    break
    return [(entry["text"], entry["mono"]) for entry in it.log.read(kind="first_audio")]


@pytest.mark.parametrize("provider", ["elevenlabs", "cartesia"])
async def test_a_fault_can_wait_for_a_later_clause_of_a_reply(provider: str) -> None:
    """What comes before the clause is spoken; the log says when the client felt the fault."""
    async with providers() as it:
        fault = {"provider": provider, "shape": "close", "when_words": "third", "after": 0}
        it.faults.add(fault | {"for_next": 1})
        spoken = await _clauses(it, provider, "First one. ", "Second one. ", "Third one. ")
        (felt,) = it.log.read(kind="felt")
    assert [text.strip() for text, _ in spoken] == ["First one.", "Second one."]
    assert felt["shape"] == "close" and felt["mono"] >= spoken[1][1]


@pytest.mark.parametrize("provider", ["deepgram", "flux"])
async def test_a_fault_can_wait_for_later_words_of_an_utterance(provider: str) -> None:
    """It strikes once they have been understood, and once only."""
    async with providers() as it:
        whole = await use(it, provider)
        text = str(carrying(whole)[-1])
        it.faults.add(
            {"provider": provider, "shape": "close", "when_words": "what are", "after": 0}
        )
        cut = await use(it, provider)
        hits = it.log.read(provider=provider, kind="fault")
    assert "are" in text
    assert cut.code == 1011 and len(hits) == 1
    assert len(cut.messages) < len(whole.messages)


async def test_the_model_says_when_its_fault_is_felt() -> None:
    """At the request, or at the token."""
    async with providers() as it:
        for shape in ("refusal", "error_after", "stall"):
            it.faults.add({"provider": "anthropic", "shape": shape})
            await use(it, "anthropic")
        felt = [entry["shape"] for entry in it.log.read(kind="felt")]
    assert felt == ["refusal", "error_after", "stall"]
