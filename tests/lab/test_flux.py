"""The emulated Flux: its turn machine rule by rule, and the vendor's SDK as judge."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.hearing import Word
from tests.conftest import eventually
from tests.lab import plain
from tests.lab.clients import DEEPGRAM, Socket, providers, refusal, socket

pytestmark = pytest.mark.provider

PATH = "/v2/listen"
QUERY: dict[str, Any] = {"model": "flux-general-en", "encoding": "mulaw", "sample_rate": 8000}
EAGER = QUERY | {"eager_eot_threshold": 0.4}


async def stream(line: Socket, pcm: bytes) -> None:
    """80 ms messages, as the vendor recommends."""
    for start in range(0, len(pcm), 1280):
        await line.send(plain.ulaw(pcm[start : start + 1280]))


async def turns(line: Socket, *, until: int = 1) -> list[dict[str, Any]]:
    """TurnInfo messages up to that many ends of turn."""
    seen = []
    while until:
        message = await line.next(type="TurnInfo")
        seen.append(message)
        until -= message["event"] == "EndOfTurn"
    return seen


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "nova-3"}, "model"),
        ({"model": None}, "model"),
        ({"encoding": "wav"}, "unknown encoding"),
        ({"encoding": "opus"}, "the lab hears"),
        ({"encoding": None}, "the lab hears"),
        ({"sample_rate": None}, "sample_rate"),
        ({"eot_threshold": 0.4}, "eot_threshold"),
        ({"eot_threshold": 1.01}, "eot_threshold"),
        ({"eager_eot_threshold": 0.2}, "eager_eot_threshold"),
        ({"eager_eot_threshold": "x"}, "eager_eot_threshold"),
        ({"eot_timeout_ms": 499}, "eot_timeout_ms"),
        ({"eot_timeout_ms": 60001}, "eot_timeout_ms"),
        ({"language_hint": "ar"}, "language_hint"),
    ],
)
async def test_bad_query_is_400(change: dict[str, Any], words: str) -> None:
    """A query the vendor would not take is refused on the upgrade."""
    query = {name: value for name, value in (QUERY | change).items() if value is not None}
    async with providers() as it:
        status, body, headers = await refusal(it, PATH, query, DEEPGRAM)
    assert status == 400 and words in body["err_msg"] and "dg-error" in headers


async def test_no_key_is_401_and_too_many_429() -> None:
    """Keys and concurrency are checked at the door."""
    async with providers() as it:
        assert (await refusal(it, PATH, QUERY))[0] == 401
        it.knobs.flux.max_sockets = 1
        async with socket(it, PATH, QUERY, DEEPGRAM):
            assert (await refusal(it, PATH, QUERY, DEEPGRAM))[0] == 429


async def test_connected_comes_first() -> None:
    """The first message is Connected with sequence_id 0; then nothing until there is speech."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        first = await line.next()
        assert (first["type"], first["sequence_id"]) == ("Connected", 0)
        await stream(line, plain.silence(1))
        assert await line.is_quiet()


async def test_a_turn_starts_updates_and_ends() -> None:
    """StartOfTurn with words, Updates while they grow, EndOfTurn by the model after silence."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(4) + plain.silence(0.5))
        seen = await turns(line)
    assert [m["event"] for m in seen] == ["StartOfTurn", *["Update"] * (len(seen) - 2), "EndOfTurn"]
    assert len(seen) > 3
    assert all(m["transcript"] and m["turn_index"] == 0 for m in seen)
    assert seen[-1]["transcript"] == "Hello, what are your"
    assert seen[-1]["trigger"] == "model"
    assert seen[-1]["end_of_turn_confidence"] >= 0.7
    assert all("trigger" not in m for m in seen[:-1])
    assert [m["sequence_id"] for m in seen] == list(range(1, len(seen) + 1))


async def test_the_next_turn_counts_on() -> None:
    """turn_index grows by one after EndOfTurn and the audio window begins anew."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(2) + plain.silence(0.5))
        first = await turns(line)
        await stream(line, plain.said(1) + plain.silence(0.5))
        second = await turns(line)
    assert {m["turn_index"] for m in first} == {0} and {m["turn_index"] for m in second} == {1}
    assert second[0]["audio_window_start"] == first[-1]["audio_window_end"]
    assert second[-1]["words"][0]["start"] > first[-1]["words"][-1]["end"]


async def test_eager_end_keeps_its_transcript() -> None:
    """EndOfTurn right after EagerEndOfTurn has the same transcript."""
    async with providers() as it, socket(it, PATH, EAGER, DEEPGRAM) as line:
        await stream(line, plain.said(3) + plain.silence(0.6))
        seen = await turns(line)
    assert [m["event"] for m in seen[-2:]] == ["EagerEndOfTurn", "EndOfTurn"]
    assert seen[-1]["transcript"] == seen[-2]["transcript"] == "Hello, what are"


async def test_an_engine_that_thinks_again_does_not_break_the_promise() -> None:
    """What was announced as an eager end is what ends, even if the engine would now say more; a
    turn without an eager end takes the engine's last word."""

    class SecondThoughts(plain.PlainEar):
        """Hears one word more when it finishes."""

        async def finish(self) -> list[Word]:
            words = await super().finish()
            return [*words, Word("really", words[-1].end_s, words[-1].end_s, 0.5)]

    engine = replace(plain.engines(), ear=SecondThoughts)
    last = {}
    async with providers(engine=engine) as it:
        for name, query in (("eager", EAGER), ("plain", QUERY)):
            async with socket(it, PATH, query, DEEPGRAM) as line:
                await stream(line, plain.said(2) + plain.silence(0.6))
                last[name] = (await turns(line))[-1]["transcript"]
    assert last == {"eager": "Hello, what", "plain": "Hello, what really"}


async def test_going_on_resumes_the_turn() -> None:
    """Speech after EagerEndOfTurn brings TurnResumed before anything else."""
    pause = plain.silence(0.19)
    async with providers() as it, socket(it, PATH, EAGER, DEEPGRAM) as line:
        await stream(line, plain.said(2) + pause + plain.said(2) + plain.silence(0.6))
        events = [m["event"] for m in await turns(line)]
    at = events.index("EagerEndOfTurn")
    assert events[at + 1] == "TurnResumed"
    assert events[-2:] == ["EagerEndOfTurn", "EndOfTurn"]


async def test_eager_is_off_unless_asked() -> None:
    """Without eager_eot_threshold there is no EagerEndOfTurn."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(2) + plain.silence(0.6))
        assert "EagerEndOfTurn" not in [m["event"] for m in await turns(line)]


async def test_timeout_ends_a_turn_the_model_would_not() -> None:
    """With eot_threshold 1.0 only eot_timeout_ms (or force) ends a turn."""
    query = QUERY | {"eot_threshold": 1.0, "eot_timeout_ms": 800}
    async with providers() as it, socket(it, PATH, query, DEEPGRAM) as line:
        await stream(line, plain.said(1) + plain.silence(0.7))
        await line.next(event="StartOfTurn")
        assert await line.is_quiet()
        await stream(line, plain.silence(0.3))
        assert (await turns(line))[-1]["trigger"] == "timeout"


async def test_force_end_turn_ends_it_now() -> None:
    """ForceEndTurn ends the turn with trigger manual; without a turn it does nothing."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await line.send({"type": "ForceEndTurn"})
        await line.next(type="Connected")
        assert await line.is_quiet()
        await stream(line, plain.said(2))
        await line.send({"type": "ForceEndTurn"})
        assert (await turns(line))[-1]["trigger"] == "manual"


async def test_configure_changes_thresholds_or_says_why_not() -> None:
    """Configure is answered by ConfigureSuccess with what now holds, or ConfigureFailure."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        wanted = {"eot_threshold": 0.9, "eager_eot_threshold": 0.5, "eot_timeout_ms": 3000}
        await line.send({"type": "Configure", "thresholds": wanted, "keyterms": ["Harbour"]})
        good = await line.next(type="ConfigureSuccess")
        await line.send({"type": "Configure", "thresholds": {"eot_threshold": 2}})
        bad = await line.next(type="ConfigureFailure")
        await line.send({"type": "Configure", "keyterms": "Harbour"})
        worse = await line.next(type="ConfigureFailure")
    assert (good["thresholds"], good["keyterms"]) == (wanted, ["Harbour"])
    assert bad["code"] and "eot_threshold" in bad["description"]
    assert worse["sequence_id"] == bad["sequence_id"] + 1


@pytest.mark.parametrize("text", ["{", '{"type": "KeepAlive"}', '{"type": "Finalize"}'])
async def test_unreadable_text_is_fatal(text: str) -> None:
    """There is no KeepAlive and no Finalize here: an Error message, then the socket closes."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await line.send(text)
        messages = await line.rest()
    assert messages[-1]["type"] == "Error"
    assert messages[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
    assert line.code == 1008


async def test_close_stream_ends_the_turn_and_the_socket() -> None:
    """CloseStream brings what was left and close 1000."""
    async with providers() as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        await stream(line, plain.said(1))
        await line.send({"type": "CloseStream"})
        messages = await line.rest()
    assert messages[-1]["event"] == "EndOfTurn" and line.code == 1000


async def test_words_may_come_without_times() -> None:
    """By the knob, words carry no start and end."""
    async with providers() as it:
        it.knobs.flux.word_times = False
        async with socket(it, PATH, QUERY, DEEPGRAM) as line:
            await stream(line, plain.said(2))
            assert "start" not in (await line.next(event="StartOfTurn"))["words"][0]


async def test_the_end_is_delayed_as_drawn() -> None:
    """EndOfTurn waits for the drawn delay, keyed by the words; the log tells it."""
    async with providers(profile="co-located") as it, socket(it, PATH, QUERY, DEEPGRAM) as line:
        it.knobs.flux.ingest_limit = 0.0
        await stream(line, plain.said(2) + plain.silence(0.4))
        await turns(line)
        (entry,) = it.log.read(kind="final")
    assert entry["key"] == "hello what" and entry["delay_s"] > 0.03


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0.05, 0.15, 0.2, 0.5])),
        min_size=1,
        max_size=6,
    )
)
def test_any_speech_gives_a_lawful_sequence(parts: list[tuple[int, float]]) -> None:
    """Whatever is said with whatever pauses, the order of events obeys the state machine."""

    async def run() -> list[dict[str, Any]]:
        async with providers() as it, socket(it, PATH, EAGER, DEEPGRAM) as line:
            for words, pause_s in parts:
                await stream(line, plain.said(words) + plain.silence(pause_s))
            await line.send({"type": "CloseStream"})
            return await line.rest()

    messages = asyncio.run(run())
    assert [m["sequence_id"] for m in messages] == list(range(len(messages)))
    followers = {
        "Connected": {"StartOfTurn"},
        "StartOfTurn": {"Update", "EagerEndOfTurn", "EndOfTurn"},
        "Update": {"Update", "EagerEndOfTurn", "EndOfTurn"},
        "EagerEndOfTurn": {"TurnResumed", "EndOfTurn"},
        "TurnResumed": {"Update", "EagerEndOfTurn", "EndOfTurn"},
        "EndOfTurn": {"StartOfTurn"},
    }
    names = [m.get("event", m["type"]) for m in messages]
    for before, after in zip(names, names[1:], strict=False):
        assert after in followers[before], names
    for before, now in zip(messages, messages[1:], strict=False):
        if before.get("event") == "EagerEndOfTurn" and now["event"] == "EndOfTurn":
            assert before["transcript"] == now["transcript"]


@pytest.mark.filterwarnings("ignore:websockets.*is deprecated:DeprecationWarning")
async def test_the_vendors_sdk_is_satisfied() -> None:
    """deepgram-sdk's v2 client connects, hears a turn, configures, forces, closes."""
    from deepgram import AsyncDeepgramClient
    from deepgram.core.events import EventType
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.listen.v2.types import (
        ListenV2Configure,
        ListenV2ConfigureSuccess,
        ListenV2ConfigureThresholds,
        ListenV2Connected,
        ListenV2TurnInfo,
    )

    seen: list[Any] = []
    async with providers() as it:
        place = DeepgramClientEnvironment(
            base=it.http_url, production=it.ws_url, agent=it.ws_url, agent_rest=it.http_url
        )
        client = AsyncDeepgramClient(api_key="good", environment=place)
        async with client.listen.v2.connect(
            model="flux-general-en",
            encoding="mulaw",
            sample_rate=8000,
            eager_eot_threshold=0.4,
            keyterm=["Harbour"],
        ) as line:
            line.on(EventType.MESSAGE, seen.append)
            reader = asyncio.create_task(line.start_listening())
            for _ in range(10):
                await line.send_media(plain.ulaw(plain.tone(0.08)))
            for _ in range(10):
                await line.send_media(plain.ulaw(plain.silence(0.08)))
            await line.send_configure(
                ListenV2Configure(
                    type="Configure", thresholds=ListenV2ConfigureThresholds(eot_threshold=0.8)
                )
            )
            await eventually(lambda: any(isinstance(m, ListenV2ConfigureSuccess) for m in seen))
            await line.send_close_stream()
            await asyncio.wait_for(reader, 5)
    assert isinstance(seen[0], ListenV2Connected)
    events = [m.event for m in seen if isinstance(m, ListenV2TurnInfo)]
    assert events[0] == "StartOfTurn" and events[-2:] == ["EagerEndOfTurn", "EndOfTurn"]
    (configured,) = [m for m in seen if isinstance(m, ListenV2ConfigureSuccess)]
    assert configured.thresholds.eot_threshold == 0.8
