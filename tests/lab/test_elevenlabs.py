"""The emulated ElevenLabs: protocol rules one by one, and the vendor's SDK as judge."""

from __future__ import annotations

import asyncio
import audioop
import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab import plain
from tests.lab.clients import ELEVEN, Socket, audio_of, providers, refusal, socket

pytestmark = pytest.mark.provider

MULTI = "/v1/text-to-speech/voice-1/multi-stream-input"
SINGLE = "/v1/text-to-speech/voice-1/stream-input"
AUTO: dict[str, Any] = {
    "model_id": "eleven_flash_v2_5",
    "output_format": "ulaw_8000",
    "auto_mode": "true",
}
BUFFERED = AUTO | {"auto_mode": "false"}
OPEN = {"text": " ", "voice_settings": {"stability": 0.5, "speed": 1.0}}


def say(text: str, context: str = "c1", **more: Any) -> dict[str, Any]:
    return {"text": text, "context_id": context} | more


async def speak(line: Socket, text: str, context: str = "c1") -> list[dict[str, Any]]:
    """One context from its opening to isFinal."""
    await line.send(OPEN | {"context_id": context}, say(text, context))
    await line.send({"context_id": context, "close_context": True})
    messages = []
    while not (message := await line.next()).get("isFinal"):
        messages.append(message)
    return messages


@pytest.mark.parametrize("headers", [{}, {"xi-api-key": "wrong"}])
async def test_no_key_is_401(headers: dict[str, str]) -> None:
    """Without a key the vendor knows the upgrade is refused."""
    async with providers() as it:
        status, body, _ = await refusal(it, MULTI, AUTO, headers)
    assert (status, body["detail"]["status"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("path", "change", "status", "name"),
    [
        ("/v1/text-to-speech/missing-1/multi-stream-input", {}, 404, "voice_not_found"),
        (MULTI, {"model_id": "missing"}, 400, "model_not_found"),
        (MULTI, {"output_format": "mp3_44100_128"}, 400, "unsupported_output_format"),
        (MULTI, {"inactivity_timeout": 181}, 400, "invalid_parameters"),
        (MULTI, {"inactivity_timeout": "x"}, 400, "invalid_parameters"),
        (MULTI, {"apply_text_normalization": "maybe"}, 400, "invalid_parameters"),
    ],
)
async def test_bad_query_is_refused(path: str, change: Any, status: int, name: str) -> None:
    """Voices, models and formats that do not exist are refused on the upgrade."""
    async with providers() as it:
        got, body, _ = await refusal(it, path, AUTO | change, ELEVEN)
    assert (got, body["detail"]["status"]) == (status, name)


async def test_text_becomes_audio_with_times_restarting_in_each_message() -> None:
    """Every character comes once, timed from the start of its own message."""
    text = "Hello there. "
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        messages = await speak(line, text)
    assert len(messages) == 3
    assert all(m["contextId"] == "c1" and "isFinal" not in m for m in messages)
    assert "".join(c for m in messages for c in m["alignment"]["chars"]) == text
    for message in messages:
        times = message["alignment"]
        assert set(times) == {"chars", "charStartTimesMs", "charDurationsMs"}
        assert times["charStartTimesMs"][0] == 0
        assert message["normalizedAlignment"] == times
    expected = audioop.lin2ulaw((await plain.speak(text, voice="")).pcm8k, 2)
    assert audio_of(messages) == expected


@pytest.mark.parametrize(
    ("name", "bytes_per_s"),
    [
        ("ulaw_8000", 8000),
        ("alaw_8000", 8000),
        ("pcm_8000", 16000),
        ("pcm_16000", 32000),
        ("pcm_24000", 48000),
        ("pcm_44100", 88200),
    ],
)
async def test_output_formats(name: str, bytes_per_s: int) -> None:
    """The same half second in every format the lab speaks."""
    query = AUTO | {"output_format": name}
    async with providers() as it, socket(it, MULTI, query, ELEVEN) as line:
        audio = audio_of(await speak(line, "ten chars."))
    assert len(audio) == pytest.approx(bytes_per_s / 2, rel=0.001)


async def test_text_waits_for_the_schedule() -> None:
    """Without auto_mode nothing is spoken before 120 characters, or as many as configured."""
    async with providers() as it, socket(it, MULTI, BUFFERED, ELEVEN) as line:
        await line.send(OPEN | {"context_id": "c1"}, say("x" * 119))
        assert await line.is_quiet()
        await line.send(say("y"))
        assert (await line.next())["audio"]
        config = {"generation_config": {"chunk_length_schedule": [50]}}
        await line.send(OPEN | config | {"context_id": "c2"}, say("z" * 50, "c2"))
        assert (await line.next(contextId="c2"))["audio"]


async def test_flush_speaks_what_waits() -> None:
    """flush, with text or alone, speaks at once; it does not end the context."""
    async with providers() as it, socket(it, MULTI, BUFFERED, ELEVEN) as line:
        await line.send(OPEN | {"context_id": "c1"}, say("ab ", flush=True))
        assert (await line.next())["alignment"]["chars"] == ["a", "b", " "]
        await line.send(say("cd "), {"context_id": "c1", "flush": True})
        assert (await line.next())["alignment"]["chars"] == ["c", "d", " "]
        assert await line.is_quiet()


async def test_close_context_finishes_what_was_asked_and_drops_the_rest() -> None:
    """After close_context pending speech completes, unflushed text does not sound, isFinal ends."""
    async with providers() as it, socket(it, MULTI, BUFFERED, ELEVEN) as line:
        await line.send(OPEN | {"context_id": "c1"}, say("ab ", flush=True), say("cd "))
        await line.send({"context_id": "c1", "close_context": True})
        assert (await line.next())["alignment"]["chars"] == ["a", "b", " "]
        assert await line.next() == {"isFinal": True, "contextId": "c1"}


async def test_two_contexts_speak_at_once() -> None:
    """Each context has its own audio, told apart by contextId."""
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        for name, text in (("a", "first "), ("b", "second ")):
            await line.send(OPEN | {"context_id": name}, say(text, name))
            await line.send({"context_id": name, "close_context": True})
        spoken: dict[str, str] = {"a": "", "b": ""}
        finals = 0
        while finals < 2:
            message = await line.next()
            finals += "isFinal" in message
            spoken[message["contextId"]] += "".join(message.get("alignment", {}).get("chars", ""))
    assert spoken == {"a": "first ", "b": "second "}


async def test_a_sixth_context_is_an_error() -> None:
    """At most five contexts; the sixth is refused, the five go on; a closed one makes room."""
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        for name in "abcdef":
            await line.send(OPEN | {"context_id": name})
        error = await line.next()
        assert error["contextId"] == "f" and "context" in error["error"]
        await line.send({"context_id": "a", "close_context": True})
        await line.next(isFinal=True)
        await line.send(OPEN | {"context_id": "f"}, say("now ", "f"))
        assert (await line.next())["contextId"] == "f"


async def test_late_voice_settings_close_the_socket() -> None:
    """voice_settings after the first message of a context: close 1008."""
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        await line.send(OPEN | {"context_id": "c1"}, OPEN | {"context_id": "c1"})
        messages = await line.rest()
    assert messages[-1]["code"] == 1008 and line.code == 1008


async def test_a_closed_name_is_a_new_context() -> None:
    """A context id may be used again after it was closed; voice_settings are welcome again."""
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        first = await speak(line, "one ")
        second = await speak(line, "two ")
    assert first[0]["alignment"]["chars"][0] == "o" and second[0]["alignment"]["chars"][0] == "t"


async def test_idle_socket_times_out() -> None:
    """After inactivity_timeout without text: input_timeout_exceeded, close 1008."""
    async with providers() as it:
        it.knobs.elevenlabs.inactivity_s = 0.04
        async with socket(it, MULTI, AUTO, ELEVEN) as line:
            messages = await line.rest()
    assert messages[-1]["error"] == "input_timeout_exceeded" and messages[-1]["code"] == 1008
    assert line.code == 1008


@pytest.mark.parametrize("keep", [{"text": ""}, {"text": "", "context_id": "c1"}])
async def test_empty_text_keeps_it_alive(keep: dict[str, Any]) -> None:
    """An empty text, with or without a context, restarts the clock."""
    async with providers() as it:
        it.knobs.elevenlabs.inactivity_s = 1.0
        async with socket(it, MULTI, AUTO, ELEVEN) as line:
            await line.send(OPEN | {"context_id": "c1"})
            for _ in range(30):
                await asyncio.sleep(0.04)
                await line.send(keep)
            await line.send(say("still here ", "c1" if "context_id" in keep else "c2"))
            assert (await line.next(contextId="c1" if "context_id" in keep else "c2"))["audio"]


async def test_an_idle_context_is_closed_while_the_socket_lives() -> None:
    """A context without text for the timeout gets isFinal; a kept socket goes on."""
    async with providers() as it:
        it.knobs.elevenlabs.inactivity_s = 0.1
        async with socket(it, MULTI, AUTO, ELEVEN) as line:
            await line.send(OPEN | {"context_id": "c1"})
            for _ in range(5):
                await asyncio.sleep(0.03)
                await line.send({"text": ""})
            assert await line.next() == {"isFinal": True, "contextId": "c1"}
            assert not line.ws.closed


async def test_close_socket_finishes_and_closes() -> None:
    """close_socket speaks what waits, ends every context and closes 1000."""
    async with providers() as it, socket(it, MULTI, BUFFERED, ELEVEN) as line:
        await line.send(OPEN | {"context_id": "c1"}, say("ab "), {"close_socket": True})
        messages = await line.rest()
    assert messages[0]["alignment"]["chars"] == ["a", "b", " "]
    assert messages[-1] == {"isFinal": True, "contextId": "c1"}
    assert line.code == 1000


async def test_contradictions_are_switches() -> None:
    """Final flag, name of the durations and of the context are as the knobs say."""
    async with providers() as it:
        it.knobs.elevenlabs.final_flag = "is_final"
        it.knobs.elevenlabs.durations = "charsDurationsMs"
        it.knobs.elevenlabs.context_key = "context_id"
        async with socket(it, MULTI, AUTO, ELEVEN) as line:
            await line.send({"text": "ab ", "contextId": "c1"})
            await line.send({"contextId": "c1", "close_context": True})
            message = await line.next()
            assert message["context_id"] == "c1" and "charsDurationsMs" in message["alignment"]
            assert await line.next() == {"is_final": True, "context_id": "c1"}


@pytest.mark.parametrize("text", ["{", "[]", "5"])
async def test_text_that_is_no_object_closes_1008(text: str) -> None:
    """Unreadable input is told and ends the socket."""
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        await line.send(text)
        assert (await line.rest())[-1]["error"] == "invalid_message"
        assert line.code == 1008


async def test_concurrency_is_limited_while_generating() -> None:
    """Over the limit of contexts that generate: too_many_concurrent_requests."""
    async with providers(profile="co-located") as it:
        it.knobs.elevenlabs.max_running = 1
        async with socket(it, MULTI, AUTO, ELEVEN) as line:
            await line.send(say("one ", "a"), say("two ", "b"))
            assert (await line.next())["error"] == "too_many_concurrent_requests"


async def test_first_byte_is_due_as_drawn() -> None:
    """The first audio waits for the drawn delay, keyed by the text; the log tells it."""
    async with providers(profile="co-located") as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        clock = asyncio.get_running_loop().time
        began_at = clock()
        await line.send(say("Hello, there. "))
        await line.next()
        took_s = clock() - began_at
        (entry,) = it.log.read(kind="speech")
    assert entry["key"] == "hello there" and took_s >= entry["delay_s"] > 0.05
    assert entry["audio_s"] == pytest.approx(0.7)


async def test_a_stream_input_socket_has_one_context() -> None:
    """stream-input: no contextId, empty text ends it with isFinal and close 1000."""
    query = AUTO | {"output_format": "pcm_16000"}
    async with providers() as it, socket(it, SINGLE, query, ELEVEN) as line:
        await line.send(OPEN, {"text": "Hello "}, {"text": ""})
        messages = await line.rest()
    assert [m["isFinal"] for m in messages] == [None, None, True]
    assert not any("contextId" in m for m in messages)
    assert messages[-1]["audio"] is None and line.code == 1000


async def test_a_stream_input_key_may_come_in_the_first_message() -> None:
    """Without a header the first message must carry the key."""
    async with providers() as it:
        async with socket(it, SINGLE, AUTO) as line:
            await line.send(OPEN | {"xi_api_key": "good"}, {"text": "Hi "})
            assert (await line.next())["audio"]
        async with socket(it, SINGLE, AUTO) as line:
            await line.send(OPEN)
            assert (await line.rest())[-1]["error"] == "invalid_api_key"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text("abc .,", min_size=1, max_size=80), min_size=1, max_size=5))
def test_every_character_sounds_once_however_it_is_cut(parts: list[str]) -> None:
    """Whatever pieces the text comes in, the alignments spell what has a sound, in order."""

    async def run() -> list[dict[str, Any]]:
        async with providers() as it, socket(it, MULTI, BUFFERED, ELEVEN) as line:
            await line.send(OPEN | {"context_id": "c1"})
            await line.send(*(say(part) for part in parts), {"context_id": "c1", "flush": True})
            await line.send({"context_id": "c1", "close_context": True})
            messages = []
            while not (message := await line.next()).get("isFinal"):
                messages.append(message)
            return messages

    spoken = "".join(c for m in asyncio.run(run()) for c in m["alignment"]["chars"])
    assert spoken.strip() == "".join(parts).strip()


async def test_the_vendors_models_parse_every_message() -> None:
    """The SDK's pydantic types of the multi-context socket take what the lab sends."""
    from elevenlabs.core.unchecked_base_model import construct_type
    from elevenlabs.types import AudioOutputMulti, WebsocketTtsServerMessageMulti

    it: Any
    async with providers() as it, socket(it, MULTI, AUTO, ELEVEN) as line:
        messages = await speak(line, "Hello there. ")
    for message in messages:
        strict: Any = AudioOutputMulti.model_validate(message)
        loose: Any = construct_type(type_=WebsocketTtsServerMessageMulti, object_=message)
        assert strict.context_id == loose.context_id == "c1"
        assert loose.alignment.chars == message["alignment"]["chars"]
        assert loose.alignment.char_start_times_ms == message["alignment"]["charStartTimesMs"]
        assert base64.b64decode(loose.audio)


@pytest.mark.filterwarnings("ignore:ConnectionClosed.code is deprecated:DeprecationWarning")
async def test_the_vendors_realtime_client_is_satisfied() -> None:
    """elevenlabs' own convert_realtime speaks through stream-input."""
    from elevenlabs.client import ElevenLabs

    def run(url: str, ws_url: str) -> bytes:
        with httpx.Client() as web:
            return convert(ElevenLabs(api_key="good", base_url=url, httpx_client=web), ws_url)

    def convert(client: ElevenLabs, ws_url: str) -> bytes:
        client.text_to_speech._ws_base_url = ws_url  # it insists on wss
        audio = client.text_to_speech.convert_realtime(
            "voice-1",
            text=iter(["Hello there, ", "how are you?"]),
            model_id="eleven_flash_v2_5",
            output_format="pcm_16000",
        )
        return b"".join(audio)

    async with providers() as it:
        audio = await asyncio.to_thread(run, it.http_url, it.ws_url)
        texts = [json.loads(json.dumps(e["text"])) for e in it.log.read(kind="speech")]
    assert "".join(texts).split() == "Hello there, how are you?".split()
    assert len(audio) == pytest.approx(len("".join(texts)) * 0.05 * 32000, rel=0.01)
