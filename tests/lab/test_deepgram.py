"""The emulated nova: protocol rules one by one, and the vendor's SDK as judge."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.conftest import eventually
from tests.lab import plain
from tests.lab.clients import DEEPGRAM, Socket, providers, refusal, socket

pytestmark = pytest.mark.provider

PATH = "/v1/listen"
QUERY: dict[str, Any] = {
    "model": "nova-3",
    "encoding": "mulaw",
    "sample_rate": 8000,
    "interim_results": "true",
    "smart_format": "true",
    "endpointing": "false",
}
STEP_S = 0.02


async def stream(line: Socket, pcm: bytes) -> None:
    """Send audio as a telephone does, but faster."""
    step = round(STEP_S * 16_000)
    for start in range(0, len(pcm), step):
        await line.send(plain.ulaw(pcm[start : start + step]))


def text_of(result: dict[str, Any]) -> str:
    transcript: str = result["channel"]["alternatives"][0]["transcript"]
    return transcript


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "mp3"}, "unknown variant `mp3`"),
        ({"encoding": "opus"}, "the lab hears"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"sample_rate": None}, "sample_rate is required"),
        ({"model": "missing-1"}, "No such model"),
        ({"channels": 2}, "one channel"),
        ({"channels": 0}, "channels"),
        ({"endpointing": "soon"}, "endpointing"),
        ({"utterance_end_ms": 999}, "utterance_end_ms"),
        ({"utterance_end_ms": 1000, "interim_results": "false"}, "requires interim_results"),
    ],
)
async def test_bad_query_is_refused_with_dg_error(change: dict[str, Any], words: str) -> None:
    """A query the vendor would not take is HTTP 400 with dg-error and a JSON body."""
    query = {name: value for name, value in (QUERY | change).items() if value is not None}
    async with providers() as it:
        status, body, headers = await refusal(it, PATH, query, DEEPGRAM)
    assert status == 400
    assert words in body["err_msg"]
    assert headers["dg-error"] == body["err_msg"]
    assert headers["dg-request-id"] == body["request_id"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token wrong"}, {"Authorization": "x"}])
async def test_no_key_is_401(headers: dict[str, str]) -> None:
    """Without a key it knows the vendor answers 401."""
    async with providers() as it:
        status, body, _ = await refusal(it, PATH, QUERY, headers)
    assert (status, body["err_code"]) == (401, "INVALID_AUTH")


async def test_too_many_sockets_are_429() -> None:
    """Over the concurrency limit the upgrade is refused with 429."""
    async with providers() as it:
        it.knobs.deepgram.max_sockets = 1
        async with socket(it, PATH, QUERY, DEEPGRAM):
            status, _, _ = await refusal(it, PATH, QUERY, DEEPGRAM)
    assert status == 429


async def test_interims_grow_word_by_word() -> None:
    """Interims come while words change, never final, each longer than the last."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(3) + plain.silence(0.2))
        seen = [await line.next(type="Results") for _ in range(3)]
    assert [text_of(r) for r in seen] == ["Hello,", "Hello, what", "Hello, what are"]
    assert not any(r["is_final"] or r["speech_final"] or r["from_finalize"] for r in seen)


async def test_interim_knob_spaces_interims() -> None:
    """With the knob at one second, only every second of audio brings an interim."""
    async with providers() as it:
        it.knobs.deepgram.interim_s = 1.0
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await stream(line, plain.said(4))
            assert text_of(await line.next(type="Results")) == "Hello, what are your"


async def test_no_interims_unless_asked() -> None:
    """Without interim_results only finals come."""
    query = QUERY | {"interim_results": "false"}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, plain.said(3) + plain.silence(0.2))
        await line.send({"type": "Finalize"})
        result = await line.next(type="Results")
    assert result["is_final"] and text_of(result) == "Hello, what are"


async def test_finalize_answers_with_from_finalize() -> None:
    """Finalize turns what is buffered into one final that says so."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(2) + plain.silence(0.1))
        await line.send({"type": "Finalize"})
        result = await line.next(type="Results", is_final=True)
    best = result["channel"]["alternatives"][0]
    assert result["from_finalize"] and result["speech_final"]
    assert (result["start"], result["duration"]) == (0.0, pytest.approx(0.6))
    assert best["words"][0] == {
        "word": "hello", "start": 0.0, "end": 0.25, "confidence": 0.9, "punctuated_word": "Hello,"
    }  # fmt: skip
    assert best["confidence"] == pytest.approx(0.9)


async def test_finalize_with_nothing_buffered_is_an_empty_final() -> None:
    """A Finalize in silence is answered by an empty final, if the knob says so."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.silence(0.2))
        await line.send({"type": "Finalize"})
        result = await line.next(type="Results")
        assert (text_of(result), result["from_finalize"]) == ("", True)
        it.knobs.deepgram.finalize_when_empty = False
        await line.send({"type": "Finalize"})
        assert await line.is_quiet()


async def test_finalize_is_due_exactly_after_the_drawn_delay() -> None:
    """The final comes at Finalize plus the delay drawn for these words, and the log tells it."""
    async with providers(profile="co-located", seed=3) as it:
        it.knobs.deepgram.ingest_limit = 0.0
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await stream(line, plain.said(1) + plain.silence(0.2))
            await line.next(type="Results")
            asked_at = time.monotonic()
            await line.send({"type": "Finalize"})
            await line.next(type="Results", is_final=True)
            took_s = time.monotonic() - asked_at
        (entry,) = it.log.read(kind="final")
    assert (entry["key"], entry["ordinal"], entry["stage"]) == ("hello", 0, "final")
    assert took_s >= entry["delay_s"] > 0.03


async def test_two_finals_keep_their_order() -> None:
    """A final whose delay is shorter never overtakes the one before it."""
    async with providers(profile="co-located") as it:
        it.knobs.deepgram.ingest_limit = 0.0
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            for words in (1, 2, 3, 1):
                await stream(line, plain.said(words))
                await line.send({"type": "Finalize"})
            finals = [await line.next(type="Results", is_final=True) for _ in range(4)]
    ends = [round(f["start"] + f["duration"], 2) for f in finals]
    assert ends == [0.25, 0.75, 1.5, 1.75]
    assert [round(f["start"], 2) for f in finals] == [0.0, *ends[:-1]]
    assert [len(text_of(f).split()) for f in finals] == [1, 2, 3, 1]


async def test_endpointing_ends_the_utterance_after_its_silence() -> None:
    """With endpointing=300 a final with speech_final comes after 300 ms of silence, not before."""
    query = QUERY | {"endpointing": 300}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, plain.said(2) + plain.silence(0.28))
        assert not (await line.next(type="Results"))["is_final"]
        assert not (await line.next(type="Results"))["is_final"]
        await stream(line, plain.silence(0.04))
        result = await line.next(type="Results", is_final=True)
    assert result["speech_final"] and not result["from_finalize"]


async def test_endpointing_is_on_unless_switched_off() -> None:
    """The default endpoints by itself; endpointing=false never does."""
    on = {name: value for name, value in QUERY.items() if name != "endpointing"}
    async with providers() as it:
        async with socket(it, PATH, on, DEEPGRAM) as line:
            await stream(line, plain.said(1) + plain.silence(0.4))
            assert (await line.next(type="Results", is_final=True))["speech_final"]
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await stream(line, plain.said(1) + plain.silence(1))
            await line.next(type="Results", is_final=False)
            assert await line.is_quiet()


async def test_speech_started_comes_once_per_stretch_of_speech() -> None:
    """With vad_events each start of speech is told with its time."""
    query = QUERY | {"vad_events": "true"}
    audio = plain.silence(0.5) + plain.said(1) + plain.silence(0.5) + plain.said(1)
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, audio)
        first = await line.next(type="SpeechStarted")
        second = await line.next(type="SpeechStarted")
    assert first["channel"] == [0, 1]
    assert first["timestamp"] == pytest.approx(0.5, abs=0.08)
    assert second["timestamp"] == pytest.approx(1.25, abs=0.08)


async def test_utterance_end_follows_the_gap() -> None:
    """After utterance_end_ms without words, UtteranceEnd tells when the last word ended, once."""
    query = QUERY | {"utterance_end_ms": 1000, "endpointing": 300}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, plain.said(2) + plain.silence(0.9))
        await line.next(type="Results", speech_final=True)
        await stream(line, plain.silence(3))
        assert (await line.next(type="UtteranceEnd"))["last_word_end"] == pytest.approx(0.5)
        assert await line.is_quiet()


async def test_silent_socket_closes_with_net_0001() -> None:
    """Without audio or KeepAlive for too long the socket closes 1011 NET-0001."""
    async with providers() as it:
        it.knobs.deepgram.idle_s = 0.05
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            frame = await line.raw()
    assert frame.data == 1011 and str(frame.extra).startswith("NET-0001")


async def test_keep_alive_keeps_a_socket_that_had_audio() -> None:
    """KeepAlive holds a socket open on which audio was sent."""
    async with providers() as it:
        it.knobs.deepgram.idle_s = 1.0
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await line.send(plain.ulaw(plain.silence(0.02)))
            for _ in range(30):
                await line.send({"type": "KeepAlive"})
                await asyncio.sleep(0.04)
            await line.send({"type": "Finalize"})
            await line.next(type="Results")


async def test_keep_alive_does_not_replace_the_first_audio() -> None:
    """On a socket that never had audio KeepAlive does not count."""
    async with providers() as it:
        it.knobs.deepgram.idle_s = 0.08
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:

            async def keep() -> None:
                while not line.ws.closed:
                    await line.send({"type": "KeepAlive"})
                    await asyncio.sleep(0.02)

            keeping = asyncio.create_task(keep())
            assert (await line.raw()).data == 1011
            keeping.cancel()


async def test_keep_alive_as_binary_is_audio() -> None:
    """A KeepAlive sent as binary is taken for sound, as the vendor warns."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await line.send(b'{"type": "KeepAlive"}', {"type": "Finalize"})
        result = await line.next(type="Results")
    assert result["duration"] == pytest.approx(21 / 8000, abs=0.001)


@pytest.mark.parametrize("goodbye", [{"type": "CloseStream"}, b""])
async def test_closing_gives_the_rest_then_metadata(goodbye: Any) -> None:
    """CloseStream and an empty binary frame both bring the rest, Metadata and close 1000."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(2))
        await line.send(goodbye)
        messages = await line.rest()
        code = line.code
    assert messages[-2]["is_final"] and text_of(messages[-2]) == "Hello, what"
    assert messages[-1]["type"] == "Metadata" and messages[-1]["duration"] == pytest.approx(0.5)
    assert code == 1000


async def test_undecodable_audio_closes_with_data_0000() -> None:
    """Raw audio without an encoding cannot be decoded: close 1008 DATA-0000."""
    async with providers() as it, socket(it, PATH, {"model": "nova-3"}, DEEPGRAM) as line:
        await line.send(b"\x00" * 160)
        frame = await line.raw()
    assert frame.data == 1008 and str(frame.extra).startswith("DATA-0000")


@pytest.mark.parametrize("text", ["{", "[1]", '{"type": "Sing"}', "null"])
async def test_unreadable_text_is_a_schema_error(text: str) -> None:
    """Text it cannot read is answered by an Error that quotes it; the stream goes on."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await line.send(text)
        error = await line.next(type="Error")
        assert (error["variant"], error["message"]) == ("SchemaError", text)
        await line.send({"type": "Finalize"})
        await line.next(type="Results")


@pytest.mark.parametrize(
    ("model", "keyterms", "code"),
    [
        ("nova-3", ["Harbour"], None),
        ("nova-3", None, None),
        ("nova-2", ["Harbour"], "CONFIGURE_KEYTERMS_NOT_SUPPORTED"),
        ("nova-3", ["word"] * 101, "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"),
        ("nova-3", "Harbour", "CONFIGURE_INTERNAL_ERROR"),
    ],
)
async def test_configure_succeeds_or_says_why_not(
    model: str, keyterms: Any, code: str | None
) -> None:
    """Configure changes keyterms in mid-stream, or fails with the vendor's code."""
    async with providers() as it, socket(it, PATH, QUERY | {"model": model}, DEEPGRAM) as line:
        await line.send({"type": "Configure", "keyterms": keyterms})
        answer = await line.next()
    assert answer["type"] == ("ConfigureFailure" if code else "ConfigureSuccess")
    assert answer.get("code") == code
    if keyterms and not code:
        assert answer["keyterms"] == keyterms


async def test_timestamps_start_at_zero_on_each_connection() -> None:
    """A new connection counts its audio from nothing."""
    async with providers() as it:
        for lead in (0.3, 0.1):
            async with socket(it, PATH, QUERY, DEEPGRAM) as line:
                await stream(line, plain.silence(lead) + plain.said(1))
                await line.send({"type": "Finalize"})
                word = (await line.next(is_final=True))["channel"]["alternatives"][0]["words"][0]
            assert word["start"] == pytest.approx(lead, abs=0.03)


async def test_ingest_limit_holds_back_a_burst() -> None:
    """Audio sent faster than 1.25 times real time is understood only as fast as that."""
    async with providers() as it:
        it.knobs.deepgram.ingest_limit = 5.0
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            began_at = time.monotonic()
            await stream(line, plain.said(4))
            await line.send({"type": "Finalize"})
            await line.next(is_final=True)
            took_s = time.monotonic() - began_at
    assert took_s >= 1.0 / 5.0
    (entry,) = it.log.read(kind="audio")
    assert entry["ahead_s"] > 0.1  # the log says how far ahead of the limit it was


@pytest.mark.parametrize(
    ("encoding", "rate"), [("linear16", 8000), ("linear16", 16000), ("alaw", 8000)]
)
async def test_other_encodings_are_heard(encoding: str, rate: int) -> None:
    """Linear PCM at 8 and 16 kHz and A-law are heard as well as mu-law."""
    import audioop

    pcm = plain.said(2)
    if rate != 8000:
        pcm = audioop.ratecv(pcm, 2, 1, 8000, rate, None)[0]
    data = audioop.lin2alaw(pcm, 2) if encoding == "alaw" else pcm
    query = QUERY | {"encoding": encoding, "sample_rate": rate}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await line.send(data[:333], data[333:], {"type": "Finalize"})
        result = await line.next(is_final=True)
    assert text_of(result) == "Hello, what" or text_of(result) == "Hello,"
    assert result["duration"] == pytest.approx(0.5, abs=0.01)


async def test_plain_transcripts_have_no_punctuation() -> None:
    """Without smart_format or punctuate words are bare."""
    query = QUERY | {"smart_format": "false"}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, plain.said(1) + plain.silence(0.2))
        result = await line.next(type="Results")
    assert text_of(result) == "hello"
    assert "punctuated_word" not in result["channel"]["alternatives"][0]["words"][0]


async def test_log_counts_audio_and_keeps_text() -> None:
    """The log has the query, the control messages and the size of the audio, never its bytes."""
    async with providers() as it:
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await stream(line, plain.said(1) + plain.silence(0.2))
            await line.send({"type": "CloseStream"})
            await line.rest()
        await eventually(lambda: it.log.read(kind="closed"))
        kinds = {entry["kind"]: entry for entry in it.log.read(provider="deepgram")}
    assert kinds["open"]["query"]["model"] == "nova-3"
    assert kinds["message"]["text"] == '{"type": "CloseStream"}'
    assert kinds["audio"]["bytes"] == 3600


@pytest.mark.filterwarnings("ignore:websockets.*is deprecated:DeprecationWarning")
async def test_the_vendors_sdk_is_satisfied() -> None:
    """deepgram-sdk connects, streams, finalises, closes; every message parses into its models."""
    from deepgram import AsyncDeepgramClient
    from deepgram.core.events import EventType
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.listen.v1.types import (
        ListenV1Metadata,
        ListenV1Results,
        ListenV1SpeechStarted,
        ListenV1UtteranceEnd,
    )

    seen: list[Any] = []
    async with providers() as it:
        place = DeepgramClientEnvironment(
            base=it.http_url, production=it.ws_url, agent=it.ws_url, agent_rest=it.http_url
        )
        client = AsyncDeepgramClient(api_key="good", environment=place)
        async with client.listen.v1.connect(
            model="nova-3",
            encoding="mulaw",
            sample_rate=8000,
            interim_results=True,
            smart_format=True,
            vad_events=True,
            utterance_end_ms=1000,
            endpointing=300,
            keyterm=["Harbour Dental", "Tuesday"],
        ) as line:
            line.on(EventType.MESSAGE, seen.append)
            reader = asyncio.create_task(line.start_listening())
            for _ in range(25):
                await line.send_media(plain.ulaw(plain.tone(0.02)))
            for _ in range(70):
                await line.send_media(plain.ulaw(plain.silence(0.02)))
            await line.send_keep_alive()
            await line.send_finalize()
            await eventually(lambda: any(getattr(m, "from_finalize", False) for m in seen))
            await line.send_close_stream()
            await asyncio.wait_for(reader, 5)
    kinds = [type(message) for message in seen]
    assert set(kinds) == {
        ListenV1Results,
        ListenV1SpeechStarted,
        ListenV1UtteranceEnd,
        ListenV1Metadata,
    }
    finals = [m for m in seen if isinstance(m, ListenV1Results) and m.is_final]
    assert finals[0].channel.alternatives[0].transcript == "Hello, what"
    assert finals[0].metadata.model_info.arch == "nova-3"
    assert it.log.read(kind="open")[0]["query"]["keyterm"] == ["Harbour Dental", "Tuesday"]
