"""A browser's wire, answered by a real peer connection in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)

from call.errors import PeerBroke
from call.measures import Moment
from frames.floor import HoldFrame, ResumeFrame
from frames.speech import PlayedToFrame, PlayheadFrame
from frames.wire import WireStartedFrame, WireStoppedFrame
from tests.conftest import eventually
from tests.wire import Call, Notebook
from transports import transport
from transports.webrtc import BrowserTransport, pick_up, talk_page
from transports.wire import Wire

pytestmark = pytest.mark.wire

SETTINGS = Wire(kind="webrtc", teardown_s=0.4)
LOUD = 3000


def tone(seconds: float, rate_hz: int) -> np.ndarray:
    """A sine of 400 Hz, as 16-bit samples."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * 400 * time_s)).astype(np.int16)


class Microphone(MediaStreamTrack):
    """A browser's microphone with a tone in front of it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """20 ms of tone."""
        await asyncio.sleep(0.02)
        frame = AudioFrame.from_ndarray(tone(0.02, 48000)[None, :], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sent, Fraction(1, 48000)
        self._sent += 960
        return frame


class Browser:
    """The page's side of the connection."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection()
        self.peer.addTrack(Microphone())
        self.channel = self.peer.createDataChannel("signals")
        self.loudest = 0
        self._ear: asyncio.Task[None] | None = None
        self.peer.on("track", self._listen)

    def _listen(self, track: MediaStreamTrack) -> None:
        self._ear = asyncio.create_task(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self.loudest = max(self.loudest, int(np.abs(frame.to_ndarray()).max()))
        except MediaStreamError:
            pass

    async def offer(self) -> dict[str, str]:
        """What the page posts."""
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return {"sdp": self.peer.localDescription.sdp, "type": self.peer.localDescription.type}

    async def close(self) -> None:
        """Close the tab."""
        await self.peer.close()
        if self._ear:
            self._ear.cancel()
            await asyncio.gather(self._ear, return_exceptions=True)


@asynccontextmanager
async def talking(settings: Wire = SETTINGS) -> AsyncIterator[tuple[Browser, Call, Notebook]]:
    """A browser in a call."""
    browser, notebook = Browser(), Notebook()
    answer, connection = await pick_up(await browser.offer(), settings)
    await browser.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    wire = transport(settings, connection, recorder=notebook)
    assert isinstance(wire, BrowserTransport)
    call = Call(wire)
    running = asyncio.create_task(call.run())
    try:
        await eventually(lambda: call.behind.of(WireStartedFrame), what="the browser is there")
        yield browser, call, notebook
    finally:
        await call.worker.cancel()
        await asyncio.wait_for(running, 30)
        await browser.close()


async def test_a_browser_hears_and_is_heard() -> None:
    """Audio pushed through the wire reaches the browser's ear; its microphone arrives at 8 kHz;
    what was played is told, and the first audio is stamped once."""
    async with talking() as (browser, call, notebook):
        voice = TTSAudioRawFrame(tone(0.4, 8000).tobytes(), 8000, 1)
        await call.say(LLMFullResponseStartFrame(), voice, PlayheadFrame("1.1", 9))
        await call.say(TTSStoppedFrame())
        await eventually(lambda: browser.loudest > LOUD, what="the browser heard the agent")
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the clause was played")
        (played,) = call.behind.of(PlayedToFrame)
        assert (played.clause_id, played.chars, played.is_end) == ("1.1", 9, True)
        assert [moment for moment, _ in notebook.moments] == [Moment.FIRST_AUDIO]

        def is_heard() -> bool:
            frames = call.middle.of(InputAudioRawFrame)
            assert {frame.sample_rate for frame in frames} <= {8000}
            audio = np.frombuffer(b"".join(frame.audio for frame in frames), np.int16)
            return len(audio) > 0 and int(np.abs(audio).max()) > LOUD

        await eventually(is_heard, what="the agent heard the browser")


async def test_what_an_interruption_takes_back_was_not_played() -> None:
    """After a barge-in neither queued clauses nor the one in the browser's buffer count."""
    async with talking() as (_, call, notebook):
        voice = TTSAudioRawFrame(tone(3.0, 8000).tobytes(), 8000, 1)
        await call.say(LLMFullResponseStartFrame(), voice, PlayheadFrame("1.1", 9))
        await eventually(lambda: notebook.moments, what="the agent speaks")
        await call.say(InterruptionFrame(), PlayheadFrame("2.1", 4))
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the next reply")
        assert [played.clause_id for played in call.behind.of(PlayedToFrame)] == ["2.1"]


async def test_what_the_browser_still_held_was_not_played() -> None:
    """A clause written but not yet out of the browser's buffer is taken back by a barge-in."""
    async with talking(replace(SETTINGS, browser_buffer_s=0.3)) as (_, call, _notebook):
        await call.say(TTSAudioRawFrame(tone(0.04, 8000).tobytes(), 8000, 1))
        await call.say(PlayheadFrame("1.1", 9))
        await eventually(lambda: call.behind.of(PlayheadFrame), what="the clause was written")
        await call.say(InterruptionFrame(), PlayheadFrame("2.1", 4))
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the next reply")
        assert [played.clause_id for played in call.behind.of(PlayedToFrame)] == ["2.1"]


async def test_a_held_agent_goes_on_in_the_browser_or_is_dropped() -> None:
    """A hold writes no more sound; what is played later is told later, or never."""
    async with talking() as (_, call, notebook):
        voice = TTSAudioRawFrame(tone(0.3, 8000).tobytes(), 8000, 1)
        await call.say(LLMFullResponseStartFrame(), voice, PlayheadFrame("1.1", 9))
        await eventually(lambda: notebook.moments, what="the agent speaks")
        await call.say(HoldFrame())
        for _ in range(10):
            await asyncio.sleep(0.05)
        assert call.behind.of(PlayedToFrame) == []
        await call.say(ResumeFrame())
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the clause was played")
        before = len(notebook.moments)
        await call.say(LLMFullResponseStartFrame(), voice, PlayheadFrame("2.1", 9))
        await eventually(lambda: len(notebook.moments) > before, what="the agent speaks again")
        await call.say(HoldFrame())
        await call.say(InterruptionFrame(), PlayheadFrame("3.1", 4))
        await eventually(lambda: len(call.behind.of(PlayedToFrame)) == 2, what="the next reply")
        told = [played.clause_id for played in call.behind.of(PlayedToFrame)]
        assert told == ["1.1", "3.1"]


async def test_a_closed_tab_ends_the_call() -> None:
    """The browser goes; the call is told once and ends by itself."""
    async with talking() as (browser, call, _):
        await browser.close()
        await eventually(lambda: call.behind.of(WireStoppedFrame), what="the end")
        assert [frame.reason for frame in call.behind.of(WireStoppedFrame)] == ["closed"]
        await eventually(call.done.is_set, what="the pipeline ended")


@pytest.mark.parametrize(
    "offer",
    [{}, {"type": "offer"}, {"type": "answer", "sdp": "v=0"}, {"type": "offer", "sdp": 5},
     {"type": "offer", "sdp": "nonsense"}, {"type": "offer", "sdp": "m=audio nonsense"},
     {"type": "offer", "sdp": "m=audio" * 10000}],
)  # fmt: skip
async def test_what_is_no_offer_is_refused(offer: dict[str, object]) -> None:
    """Garbage at the door is the browser's fault and ends there."""
    with pytest.raises(PeerBroke):
        await pick_up(offer, SETTINGS)


def test_the_page_needs_nobody_else() -> None:
    """The page parses, fetches nothing from elsewhere and offers to our own door."""
    page = talk_page()
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(page)
    assert not [attrs for _, attrs in tags if "src" in attrs or "href" in attrs]
    assert "://" not in page
    assert '"/webrtc/offer"' in page
