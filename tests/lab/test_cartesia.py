"""The emulated Cartesia: protocol rules one by one, and the vendor's SDK as judge."""

from __future__ import annotations

import asyncio
import audioop
from typing import Any

import pytest

from tests.lab import plain
from tests.lab.clients import CARTESIA, Socket, audio_of, providers, refusal, socket

pytestmark = pytest.mark.provider

PATH = "/tts/websocket"
ON: dict[str, Any] = {"continue": True}
OFF: dict[str, Any] = {"continue": False}
OLD = {"X-API-Key": "good", "Cartesia-Version": "2025-04-16"}


def say(text: str, context: str = "c1", /, **more: Any) -> dict[str, Any]:
    """A generation request."""
    return {
        "model_id": "sonic-3",
        "transcript": text,
        "voice": {"mode": "id", "id": "voice-1"},
        "language": "en",
        "context_id": context,
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        "continue": False,
        "add_timestamps": True,
    } | more


async def until_done(line: Socket, context: str = "c1") -> list[dict[str, Any]]:
    """All messages up to done or error of this context."""
    messages = []
    while True:
        message = await line.next(context_id=context)
        messages.append(message)
        if message["done"]:
            return messages


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong", "Cartesia-Version": "x"}])
async def test_no_key_is_401(headers: dict[str, str]) -> None:
    """Without a key the vendor knows the upgrade is refused."""
    async with providers() as it:
        status, body, _ = await refusal(it, PATH, {}, headers)
    assert status == 401 and body["error_code"] == "unauthorized"


async def test_no_version_is_400() -> None:
    """Every client says which API version it speaks."""
    async with providers() as it:
        assert (await refusal(it, PATH, {}, {"X-API-Key": "good"}))[0] == 400


async def test_key_and_version_may_stand_in_the_query() -> None:
    """Browsers cannot set headers; api_key and cartesia_version do as well, and are not logged."""
    query = {"api_key": "good", "cartesia_version": "2026-03-01"}
    async with providers() as it, socket(it, PATH, query) as line:
        await line.send(say("Hi."))
        await until_done(line)
        assert it.log.read(kind="open")[0]["query"] == {"cartesia_version": "2026-03-01"}


async def test_chunks_timestamps_done() -> None:
    """Audio as chunks with status 206, word timestamps, then done."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello there."))
        messages = await until_done(line)
    assert messages[-1] == {"type": "done", "context_id": "c1", "status_code": 206, "done": True}
    chunks = [m for m in messages if m["type"] == "chunk"]
    assert all(
        m["status_code"] == 206 and m["done"] is False and m["step_time"] >= 0 for m in chunks
    )
    expected = audioop.lin2ulaw((await plain.speak("Hello there.", voice="")).pcm8k, 2)
    assert audio_of(chunks, "data") == expected
    words = [m["word_timestamps"] for m in messages if m["type"] == "timestamps"]
    assert [w for t in words for w in t["words"]] == ["Hello", "there."]
    assert [s for t in words for s in t["start"]] == [0.0, 0.3]


async def test_timestamps_only_when_asked() -> None:
    """Without add_timestamps there are none; phoneme timestamps are apart."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello.", add_timestamps=False))
        assert {m["type"] for m in await until_done(line)} == {"chunk", "done"}
        request = say("Hello.", "c2", add_timestamps=False, add_phoneme_timestamps=True)
        await line.send(request)
        kinds = {m["type"] for m in await until_done(line, "c2")}
    assert kinds == {"chunk", "phoneme_timestamps", "done"}


@pytest.mark.parametrize(
    ("encoding", "rate", "bytes_per_s"),
    [
        ("pcm_mulaw", 8000, 8000),
        ("pcm_alaw", 8000, 8000),
        ("pcm_s16le", 16000, 32000),
        ("pcm_f32le", 44100, 176400),
    ],
)
async def test_encodings(encoding: str, rate: int, bytes_per_s: int) -> None:
    """The same half second in every encoding."""
    form = {"container": "raw", "encoding": encoding, "sample_rate": rate}
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("ten chars.", output_format=form))
        audio = audio_of(await until_done(line), "data")
    assert len(audio) == pytest.approx(bytes_per_s / 2, rel=0.001)


async def test_continued_text_is_one_context() -> None:
    """Requests with continue join; times go on; the empty one with continue false ends it."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello ", **ON), say("there. ", **ON))
        await line.send(say("", **OFF))
        messages = await until_done(line)
    starts = [
        s for m in messages if m["type"] == "timestamps" for s in m["word_timestamps"]["start"]
    ]
    assert starts == [0.0, 0.3]
    assert [m["type"] for m in messages].count("done") == 1


async def test_buffer_delay_joins_small_pieces() -> None:
    """With max_buffer_delay_ms text waits for a sentence end, or for that long."""
    more: dict[str, Any] = ON | {"max_buffer_delay_ms": 40}
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        for piece in ("Hel", "lo ", "there", "."):
            await line.send(say(piece, **more))
        await line.next(type="chunk")
        await line.send(say(" And", **more))
        await line.next(
            type="timestamps", word_timestamps={"words": ["And"], "start": [0.65], "end": [0.8]}
        )
        texts = [entry["text"] for entry in it.log.read(kind="speech")]
    assert texts == ["Hello there.", " And"]


async def test_flush_is_answered_by_flush_done() -> None:
    """flush speaks what waits, then flush_done with its number; chunks carry the number."""
    more: dict[str, Any] = ON | {"max_buffer_delay_ms": 3000}
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello", **more), say("", flush=True, **more))
        await line.next(type="chunk")
        done = await line.next(type="flush_done")
        assert (done["flush_id"], done["flush_done"], done["done"]) == (1, True, False)
        await line.send(say(" there", **more), say("", flush=True, **more))
        assert (await line.next(type="flush_done"))["flush_id"] == 2


async def test_cancel_stops_what_has_not_begun() -> None:
    """After cancel no more audio comes, and the name is free again."""
    async with providers(profile="co-located") as it:
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send(say("Hello there."), {"context_id": "c1", "cancel": True})
            assert await line.is_quiet(0.3)
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send({"context_id": "nobody", "cancel": True}, say("Hello."))
            await until_done(line)


async def test_contexts_speak_at_once() -> None:
    """Several contexts on one socket, told apart by context_id."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("One.", "a"), say("Two.", "b"))
        done = {(await line.next(type="done"))["context_id"] for _ in range(2)}
    assert done == {"a", "b"}


@pytest.mark.parametrize(
    "change",
    [
        {"voice": {"mode": "id", "id": "voice-2"}},
        {"model_id": "sonic-2"},
        {"language": "ar"},
        {"output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}},
    ],
)
async def test_fields_must_stay_the_same_within_a_context(change: dict[str, Any]) -> None:
    """Another voice, model, language or format in the same context is an error."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello.", **ON))
        await line.send(say("there.", **ON, **change))
        error = await line.next(type="error")
    assert error["status_code"] == 400 and error["context_id"] == "c1"


async def test_a_context_expires_after_its_last_audio() -> None:
    """Text for a context whose audio ended too long ago is an error; the socket stays open."""
    async with providers() as it:
        it.knobs.cartesia.expire_s = 0.02
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send(say("Hello.", **ON))
            await line.next(type="timestamps")
            await asyncio.sleep(0.05)
            await line.send(say("Too late.", **ON))
            assert "expired" in (await line.next(type="error"))["message"]
            await line.send(say("Fine.", "c2"))
            await until_done(line, "c2")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"context_id": ""}, 400),
        ({"transcript": None}, 400),
        ({"transcript": ""}, 200),
        ({"model_id": "missing-1"}, 400),
        ({"voice": {"mode": "id", "id": "missing-1"}}, 404),
        ({"voice": {"mode": "face"}}, 400),
        ({"max_buffer_delay_ms": -1}, 400),
        ({"output_format": {"container": "mp3"}}, 400),
        ({"output_format": {"container": "raw", "encoding": "opus", "sample_rate": 8000}}, 400),
        ({"output_format": {"container": "raw", "encoding": "pcm_alaw", "sample_rate": 7}}, 400),
    ],
)
async def test_bad_requests_are_error_frames(change: dict[str, Any], status: int) -> None:
    """What cannot be spoken is an error frame with a status; the socket stays open."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(say("Hello.") | change)
        message = await line.next()
        if status != 200:
            assert (message["type"], message["status_code"]) == ("error", status)
        await line.send(say("Fine.", "c2"))
        await until_done(line, "c2")


@pytest.mark.parametrize("text", ["{", "[]"])
async def test_unreadable_text_is_an_error_frame(text: str) -> None:
    """Half a JSON does not end the socket."""
    async with providers() as it, socket(it, PATH, headers=CARTESIA) as line:
        await line.send(text)
        error = await line.next(type="error")
        assert error["status_code"] == 400 and "context_id" not in error


async def test_both_shapes_of_errors() -> None:
    """Old versions get `error`, new ones error_code, title, message; the knobs override."""
    async with providers() as it:
        async with socket(it, PATH, headers=OLD) as line:
            await line.send(say("Hello.", model_id="missing"))
            old = await line.next(type="error")
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send(say("Hello.", model_id="missing"))
            new = await line.next(type="error")
            it.knobs.cartesia.error_context = False
            await line.send(say("Hello.", model_id="missing"))
            bare = await line.next(type="error")
        it.knobs.cartesia.error_shape = "old"
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send(say("Hello.", model_id="missing"))
            forced = await line.next(type="error")
    assert set(old) == {"type", "context_id", "status_code", "done", "error"}
    assert {"error_code", "title", "message", "request_id", "doc_url"} <= set(new)
    assert new["context_id"] == "c1" and "context_id" not in bare
    assert set(forced) == set(old)


async def test_too_many_at_once_is_a_frame_not_a_close() -> None:
    """Over the concurrency limit: error 429, the socket stays open."""
    async with providers(profile="co-located") as it:
        it.knobs.cartesia.max_running = 1
        async with socket(it, PATH, headers=CARTESIA) as line:
            await line.send(say("One.", "a"), say("Two.", "b"))
            error = await line.next(type="error")
            assert (error["status_code"], error["error_code"]) == (429, "concurrency_limited")
            await until_done(line, "a")


async def test_an_idle_socket_is_closed() -> None:
    """A socket nobody uses is closed after its time."""
    async with providers() as it:
        it.knobs.cartesia.idle_s = 0.04
        async with socket(it, PATH, headers=CARTESIA) as line:
            assert await line.rest() == [] and line.code == 1000


async def test_first_byte_is_due_as_drawn() -> None:
    """The first chunk waits for the drawn delay, keyed by the text; the log tells it."""
    async with providers(profile="co-located") as it:
        async with socket(it, PATH, headers=CARTESIA) as line:
            clock = asyncio.get_running_loop().time
            began_at = clock()
            await line.send(say("Hello, there."))
            await line.next(type="chunk")
            took_s = clock() - began_at
        (entry,) = it.log.read(kind="speech")
    assert entry["key"] == "hello there" and took_s >= entry["delay_s"] > 0.05


async def test_the_vendors_sdk_is_satisfied() -> None:
    """cartesia's websocket client speaks in a context and sees errors as errors."""
    from cartesia import AsyncCartesia

    async with providers() as it:
        client = AsyncCartesia(api_key="good", base_url=it.http_url, websocket_base_url=it.ws_url)
        async with client.tts.websocket_connect() as line:
            request: Any = say("Hello there.")
            await line.send(request)
            seen: list[Any] = []
            async for event in line:
                seen.append(event)
                if event.done:
                    break
        await client.close()
    assert {event.type for event in seen} == {"chunk", "timestamps", "done"}
    assert sum(len(event.audio) for event in seen if event.type == "chunk") == 4800
