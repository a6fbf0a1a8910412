"""The shell over a real loopback socket: audio both ways, marks, clears, and every ending."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from loguru import logger
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    OutputTransportMessageUrgentFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)

from call.audio import mulaw_from_pcm, pcm_from_mulaw
from call.errors import CallerWireFault, MisuseError, PeerBroke, PeerVanished
from call.measures import Moment
from frames.floor import HoldFrame, ResumeFrame
from frames.speech import PlayedToFrame, PlayheadFrame
from frames.wire import WireStartedFrame, WireStoppedFrame
from tests.conftest import TICK, eventually
from tests.wire import CALL, STREAM, Call, TwilioPeer, exchange, start_body
from transports import transport
from transports.twilio.playout import FADE_SAMPLES
from transports.twilio.transport import TwilioTransport
from transports.wire import Wire

pytestmark = pytest.mark.wire

EVERY_CODE = bytes(range(256))
WAITS = Wire(silence_timeout_s=60, teardown_s=0.4)


def voice(seconds: float, *, code: int = 0x20, interruptible: bool = True) -> TTSAudioRawFrame:
    """A voice of one code, so that what arrives tells whose it is."""
    frame = TTSAudioRawFrame(pcm_from_mulaw(bytes([code]) * round(seconds * 8000)), 8000, 1)
    frame.interruptible = interruptible
    return frame


async def a_while() -> None:
    """Long enough for anything that should not come to come."""
    await asyncio.sleep(5 * TICK)


# ── audio ───────────────────────────────────────────────────────────────────────────


async def test_mulaw_is_bit_exact_through_the_whole_pipeline() -> None:
    """All 256 codes go in as media, through a pipeline, and come out as they were; only negative
    zero comes back as positive zero."""
    audio = (EVERY_CODE * 10)[: 160 * 16]
    async with exchange(is_parrot=True) as place:
        peer, _ = await place.connected()
        await peer.speak(audio)
        await eventually(lambda: len(peer.audio) >= len(audio), what="all audio came back")
        assert peer.audio == audio.replace(b"\x7f", b"\xff")
        assert pcm_from_mulaw(b"\x7f\xff") == bytes(4)
        assert place.notebook.broken() == {}
        assert {m["streamSid"] for _, m in peer.received} == {STREAM}
        await peer.close()


async def test_audio_of_any_message_size_is_heard() -> None:
    """Messages of 20, 40 and 37.5 ms carry the same audio into the pipeline."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        for frame_bytes in (160, 320, 300):
            await peer.speak(EVERY_CODE * 5, frame_bytes=frame_bytes)
        await eventually(lambda: heard(call) == EVERY_CODE.replace(b"\x7f", b"\xff") * 15)
        await peer.close()


def heard(call: Call) -> bytes:
    """What the pipeline has heard of the caller, as µ-law."""
    return mulaw_from_pcm(b"".join(f.audio for f in call.middle.of(InputAudioRawFrame)))


async def test_nothing_is_added_to_the_voice() -> None:
    """A voice of no whole number of frames is sent to the sample: no padding, no silence."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.0305), PlayheadFrame("1.1", 5), voice(0.05, code=0x21))
        await call.say(TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) == 644, what="both clauses arrived")
        assert peer.audio == b"\x20" * 244 + b"\x21" * 400
        sizes = [len(m["media"]["payload"]) for _, m in peer.received if m["event"] == "media"]
        assert max(sizes) <= 428  # base64 of 320 bytes: never more than 40 ms
        await peer.close()


async def test_output_is_paced() -> None:
    """A second of voice takes a second, less the lead."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        began_at = time.monotonic()
        await call.say(voice(1.0), TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) == 8000, what="a second of voice")
        times = [at for at, message in peer.received if message["event"] == "media"]
        assert times[-1] - began_at >= 1.0 - WAITS.lead_s - 0.04 - 0.01
        await peer.close()


async def test_what_no_carrier_understands_is_not_sent() -> None:
    """Messages meant for browsers never reach the carrier."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(OutputTransportMessageUrgentFrame(message={"label": "x"}), voice(0.04))
        await eventually(lambda: peer.audio, what="the voice arrived")
        assert set(peer.kinds()) == {"media"}
        await peer.close()


# ── marks ───────────────────────────────────────────────────────────────────────────


async def test_marks_stand_right_behind_their_audio() -> None:
    """A playhead becomes a mark behind the last sample before it; its echo says it was played."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.05), PlayheadFrame("1.1", 7, is_end=False), voice(0.05))
        await call.say(PlayheadFrame("1.1", 20), TTSStoppedFrame())
        await eventually(lambda: len(call.behind.of(PlayedToFrame)) == 2, what="both played")
        assert peer.marks() == ["1.1:7:p", "1.1:20:e"]
        assert len(peer.audio_before("1.1:7:p")) == 400
        played = call.behind.of(PlayedToFrame)
        assert [(p.clause_id, p.chars, p.is_end) for p in played] == [
            ("1.1", 7, False),
            ("1.1", 20, True),
        ]
        trips = [value for name, value in place.notebook.observed if "round_trip" in name]
        assert len(trips) == 2 and min(trips) >= 0
        await peer.close()


async def test_foreign_marks_are_counted() -> None:
    """A mark we never sent is counted and says nothing."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await peer.echo("1.1:7:e")
        await eventually(lambda: place.notebook.broken() == {"unknown_mark": 1})
        assert call.behind.of(PlayedToFrame) == []
        await peer.close()


# ── barge-in ────────────────────────────────────────────────────────────────────────


async def test_an_interruption_clears_and_nothing_follows() -> None:
    """Audio in the queue, the piece in hand and all marks go; the clear is the last word."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        peer.echoes_marks = False
        # the first place lies beyond what the carrier's clock can have played when the clear comes
        await call.say(voice(0.12), PlayheadFrame("1.1", 3), voice(2.0), PlayheadFrame("1.2", 9))
        await eventually(lambda: peer.marks() == ["1.1:3:e"], what="the agent is speaking")
        await call.say(InterruptionFrame())
        await eventually(lambda: "clear" in peer.kinds(), what="the clear")
        await a_while()
        assert peer.kinds()[-1] == "clear"
        assert peer.marks() == ["1.1:3:e"]
        await peer.echo("1.1:3:e")  # the carrier gives pending marks back
        await a_while()
        assert call.behind.of(PlayedToFrame) == []
        assert Moment.CLEAR_SENT in [moment for moment, _ in place.notebook.moments]
        assert place.notebook.broken() == {}
        await peer.close()


async def test_audio_that_arrives_with_the_interruption_is_dropped() -> None:
    """Voice pushed just before the interruption, in the same breath, is not played after it."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.1))
        await eventually(lambda: peer.audio, what="the agent is speaking")
        await call.say(voice(0.5, code=0x21), PlayheadFrame("1.9", 1), InterruptionFrame())
        await call.say(voice(0.1, code=0x22), PlayheadFrame("2.1", 1), TTSStoppedFrame())
        await eventually(lambda: peer.marks(), what="the next reply")
        assert b"\x21" not in peer.audio
        assert peer.marks() == ["2.1:1:e"]
        kinds = peer.kinds()
        after = [m for _, m in peer.received][kinds.index("clear") :]
        assert [m["event"] for m in after if m["event"] != "media"] == ["clear", "mark"]
        assert peer.audio.endswith(b"\x22" * 800)
        await peer.close()


async def test_what_must_be_heard_survives_an_interruption() -> None:
    """An uninterruptible phrase is finished, with its mark, and no clear cuts it off."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(
            voice(0.3, interruptible=False), PlayheadFrame("1.1", 30), voice(1.0, code=2)
        )
        await eventually(lambda: peer.audio, what="the phrase has begun")
        await call.say(InterruptionFrame())
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the phrase was heard")
        await a_while()
        assert peer.audio == b"\x20" * 2400
        assert "clear" not in peer.kinds()
        await peer.close()


# ── hold and resume ─────────────────────────────────────────────────────────────────


def steps(samples: int) -> TTSAudioRawFrame:
    """A voice in which every sample tells where it stands."""
    codes = bytes(1 + at % 100 for at in range(samples))
    return TTSAudioRawFrame(pcm_from_mulaw(codes), 8000, 1)


async def test_a_hold_clears_at_once_and_nothing_is_sent_until_it_is_over() -> None:
    """The clear is the last word; what waits keeps waiting."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        peer.echoes_marks = False
        await call.say(voice(1.0), PlayheadFrame("1.1", 9), TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) > 1000, what="the agent is speaking")
        await call.say(HoldFrame(onset_at=time.monotonic() - 0.1))
        await eventually(lambda: "clear" in peer.kinds(), what="the clear")
        await a_while()
        assert peer.kinds()[-1] == "clear"
        assert peer.marks() == []
        assert [value >= 0.1 for name, value in place.notebook.observed if "barge" in name] == [
            True
        ]
        await peer.close()


@pytest.mark.parametrize("tail", [0.02, 0.3])
async def test_a_resumed_voice_goes_on_where_the_ear_left_off(tail: float) -> None:
    """Every sample that was not played is sent again, once, and its mark behind it; also when all
    of it had been sent before the hold."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        peer.echoes_marks = False
        voice_ = steps(round((0.1 + tail) * 8000))
        whole = mulaw_from_pcm(voice_.audio)
        await call.say(voice_, PlayheadFrame("1.1", 9))
        await eventually(lambda: len(peer.audio) >= 800, what="the agent is speaking")
        await call.say(HoldFrame())
        await eventually(lambda: "clear" in peer.kinds(), what="the clear")
        sent = len(peer.audio)
        await call.say(ResumeFrame())
        await eventually(lambda: peer.kinds()[-1] == "mark", what="the rest and its mark")
        again = peer.audio[sent:]
        heard = len(whole) - len(again)
        assert 0 <= sent - heard <= (WAITS.lead_most_s + 0.02) * 8000  # no more than was under way
        assert again[FADE_SAMPLES:] == whole[heard + FADE_SAMPLES :]
        assert peer.marks()[-1] == "1.1:9:e"
        await peer.echo("1.1:9:e")
        if len(peer.marks()) == 2:  # the first of the two was cleared
            assert call.behind.of(PlayedToFrame) == []
            await peer.echo("1.1:9:e")
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the clause was heard")
        assert place.notebook.broken() == {}
        await peer.close()


async def test_a_hold_that_nobody_ends_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent is not silenced for good."""
    monkeypatch.setattr("transports.twilio.output.HELD_AT_MOST_S", 0.1)
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.3), PlayheadFrame("1.1", 9), TTSStoppedFrame())
        await eventually(lambda: peer.audio, what="the agent is speaking")
        await call.say(HoldFrame())
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the clause was heard")
        assert "clear" in peer.kinds()
        await peer.close()


async def test_an_interruption_in_a_hold_drops_what_was_kept() -> None:
    """The next reply begins with its own sound, and one clear was enough."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(1.0, code=0x21))
        await eventually(lambda: len(peer.audio) > 1000, what="the agent is speaking")
        await call.say(HoldFrame())
        await eventually(lambda: "clear" in peer.kinds(), what="the clear")
        sent = len(peer.audio)
        await call.say(InterruptionFrame())
        await call.say(voice(0.1, code=0x22), PlayheadFrame("2.1", 1), TTSStoppedFrame())
        await eventually(lambda: peer.marks(), what="the next reply")
        assert peer.audio[sent:] == b"\x22" * 800
        assert peer.kinds().count("clear") == 1
        await peer.close()


async def test_how_far_the_ear_got_is_told_with_the_clear() -> None:
    """By the carrier's clock: the echoes of these marks no longer count."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        peer.echoes_marks = False
        for word in range(1, 6):
            await call.say(voice(0.1), PlayheadFrame("1.1", word, is_end=False))
        await call.say(voice(0.5))
        await eventually(lambda: len(peer.audio) >= 2400, what="two words are certainly played")
        await call.say(HoldFrame())
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the place")
        (place_,) = call.behind.of(PlayedToFrame)
        assert place_.clause_id == "1.1" and not place_.is_end
        assert 2 <= place_.chars <= len(peer.audio) // 800
        await peer.close()


async def test_what_must_be_heard_is_not_held() -> None:
    """A disclosure goes on."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.3, interruptible=False), PlayheadFrame("1.1", 30))
        await eventually(lambda: peer.audio, what="the phrase has begun")
        await call.say(HoldFrame())
        await eventually(lambda: call.behind.of(PlayedToFrame), what="the phrase was heard")
        assert peer.audio == b"\x20" * 2400
        assert "clear" not in peer.kinds()
        await peer.close()


# ── what is reported ────────────────────────────────────────────────────────────────


async def test_the_first_audio_of_each_reply_is_stamped() -> None:
    """Two replies, two stamps, at the moment the first piece was handed to the socket."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        for _ in range(2):
            await call.say(LLMFullResponseStartFrame(), voice(0.06), voice(0.06), TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) == 1920, what="both replies")
        stamps = [at for moment, at in place.notebook.moments if moment is Moment.FIRST_AUDIO]
        assert len(stamps) == 2
        assert all(at <= time.monotonic() for at in stamps)
        speaking = (BotStartedSpeakingFrame, BotStoppedSpeakingFrame)
        await eventually(lambda: len([f for f in call.behind.seen if isinstance(f, speaking)]) == 4)
        await peer.close()


async def test_a_voice_that_falters_is_an_underrun_and_a_pause_is_none() -> None:
    """A dry ear in mid-speech is counted; after the end of speech it is not."""
    async with exchange(Wire(lead_s=0.02, lead_least_s=0.02, silence_timeout_s=60)) as place:
        peer, call = await place.connected()
        for _ in range(2):
            await call.say(voice(0.04), TTSStoppedFrame())
            await asyncio.sleep(0.07)
        assert "offhook_wire_underruns_total" not in place.notebook.counts
        await call.say(voice(0.04))
        await asyncio.sleep(0.07)
        await call.say(voice(0.04), TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) == 1280)
        assert place.notebook.counts["offhook_wire_underruns_total"] == 1
        await peer.close()


async def test_a_voice_that_falls_silent_without_a_word_has_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A voice that never says it stopped does not leave the agent speaking for ever."""
    monkeypatch.setattr("transports.twilio.sender.BOT_VAD_STOP_FALLBACK_SECS", 0.1)
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(0.04))
        await eventually(lambda: call.behind.of(BotStoppedSpeakingFrame), what="the end of speech")
        assert len(call.behind.of(BotStartedSpeakingFrame)) == 1
        await peer.close()


# ── the caller's side ───────────────────────────────────────────────────────────────


async def test_the_call_is_told_who_is_calling() -> None:
    """Identifiers and parameters of the start reach every station."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected(token="abc", caller="+15550142")
        await eventually(lambda: call.behind.of(WireStartedFrame))
        (started,) = call.behind.of(WireStartedFrame)
        assert (started.stream_id, started.provider_call_id) == (STREAM, CALL)
        assert started.parameters == {"token": "abc", "caller": "+15550142"}
        await peer.close()


async def test_keys_are_heard() -> None:
    """A digit reaches the pipeline; a letter key, for which there is no frame, is let go."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        for digit in "A5#":
            await peer.send("dtmf", dtmf={"track": "inbound_track", "digit": digit})
        await eventually(lambda: len(call.middle.of(InputDTMFFrame)) == 2)
        assert [f.button.value for f in call.middle.of(InputDTMFFrame)] == ["5", "#"]
        await peer.close()


async def test_a_late_pipeline_hears_the_newest_audio() -> None:
    """While the next station is late, the bound holds, the oldest audio goes and is counted."""
    async with exchange(Wire(inbound_backlog_s=5.0, silence_timeout_s=60)) as place:
        peer, call = await place.connected()
        call.middle.gate.clear()
        frames = [bytes([1 + n % 100]) * 160 for n in range(400)]
        for frame in frames:
            await peer.speak(frame)
        shed = 400 - 2 - 250
        await eventually(
            lambda: place.notebook.counts.get("offhook_wire_shed_frames_total") == shed
        )
        call.middle.gate.set()
        await eventually(lambda: len(call.middle.of(InputAudioRawFrame)) == 252)
        assert heard(call) == b"".join(frames[:2] + frames[-250:])
        await peer.close()


async def test_a_station_that_fails_does_not_deafen_the_call() -> None:
    """Two errors on audio frames lose two frames, not the call."""
    async with exchange(Wire(inbound_backlog_s=0.1, silence_timeout_s=60)) as place:
        peer, call = await place.connected()
        failures = [0]
        take = call.middle.process_frame

        async def stumble(frame: Any, direction: Any) -> None:
            if isinstance(frame, InputAudioRawFrame) and failures[0] < 2:
                failures[0] += 1
                raise RuntimeError("stumbled")
            await take(frame, direction)

        call.middle.process_frame = stumble  # type: ignore[method-assign]

        async def go_on() -> None:
            while not call.middle.of(InputAudioRawFrame):
                await peer.speak(b"\x01" * 160)
                await asyncio.sleep(TICK)

        await asyncio.wait_for(go_on(), 30)
        assert failures == [2]
        await peer.close()


BAD: dict[str, tuple[str | bytes, str]] = {
    "malformed media": (
        json.dumps({"event": "media", "sequenceNumber": "2", "streamSid": STREAM,
                    "media": {"payload": "!!", "timestamp": "1"}}), "bad_base64"),
    "half a JSON": ('{"event":"media","streamS', "not_json"),
    "oversized": (json.dumps({"event": "media", "media": {"payload": "A" * 70000}}), "oversized"),
    "binary": (b"\x00\x01", "binary"),
    "second start": (json.dumps({"event": "start", "streamSid": STREAM, "start": {}}),
                     "wrong_order"),
    "no object": ("[]", "not_object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_counted_and_survived(name: str) -> None:
    """One bad message in mid-call is counted under its rule; this call and the other go on."""
    message, rule = BAD[name]
    async with exchange(WAITS) as place:
        other, untouched = await place.connected()
        peer, call = await place.connected()
        await peer.raw(message)
        await eventually(lambda: place.notebook.broken() == {rule: 1}, what=rule)
        for each in (peer, other):
            await each.speak(b"\x01" * 160)
        for each_call in (call, untouched):
            await eventually(lambda c=each_call: c.middle.of(InputAudioRawFrame))  # type: ignore[misc]
            assert each_call.behind.of(WireStoppedFrame) == []
        await peer.close()
        await other.close()


async def test_unknown_events_are_counted() -> None:
    """An event of the future is counted and ignored."""
    async with exchange(WAITS) as place:
        peer, _ = await place.connected()
        await peer.send("transcription", transcription={})
        await eventually(lambda: place.notebook.counts == {"offhook_wire_unknown_events_total": 1})
        await peer.close()


# ── endings ─────────────────────────────────────────────────────────────────────────


async def ends(call: Call, reason: str) -> None:
    """The call hears why, and ends by itself."""
    await eventually(lambda: call.behind.of(WireStoppedFrame), what=f"the end: {reason}")
    assert [frame.reason for frame in call.behind.of(WireStoppedFrame)] == [reason]
    await eventually(call.done.is_set, what="the pipeline ended")


async def test_stop_ends_the_call() -> None:
    """The carrier's stop is told once and ends the pipeline, with speech still queued."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(20.0))
        await peer.stop()
        await ends(call, "stop")
        await eventually(lambda: peer.is_closed, what="the socket closed")
        await peer.close()


async def test_who_hangs_up_in_mid_speech_is_no_error() -> None:
    """What waits for its turn to be sent when the stop comes is dropped without a word."""
    complaints: list[str] = []
    sink = logger.add(lambda line: complaints.append(str(line)), level="WARNING")
    try:
        async with exchange(WAITS) as place:
            peer, call = await place.connected()
            assert isinstance(call.wire, TwilioTransport)
            line = call.wire._line
            async with line.turn:
                await call.say(voice(1.0))
                await eventually(lambda: line.turn._waiters, what="a piece waits for its turn")
                await peer.stop()
                await eventually(lambda: line.reason, what="the stop was heard")
            await ends(call, "stop")
            await peer.close()
    finally:
        logger.remove(sink)
    assert complaints == []


async def test_a_closed_socket_ends_the_call() -> None:
    """A carrier that closes without a stop has closed."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await peer.close()
        await ends(call, "closed")


async def test_a_cut_connection_ends_the_call() -> None:
    """A connection that breaks off has vanished."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        await call.say(voice(20.0))
        await peer.vanish()
        await ends(call, "vanished")
        await peer.close()


async def test_a_silent_carrier_ends_the_call() -> None:
    """No message for `wire.silence_timeout_s` is a dead socket, though it looks alive."""
    async with exchange(Wire(silence_timeout_s=0.2, teardown_s=0.4)) as place:
        peer, call = await place.connected()
        await ends(call, "vanished")
        await peer.close()


@pytest.mark.parametrize("way", ["fails", "blocks"])
async def test_a_send_that_goes_nowhere_ends_the_call(way: str) -> None:
    """A send that fails, or does not return for `wire.send_timeout_s`, ends the call."""
    async with exchange(Wire(silence_timeout_s=60, send_timeout_s=0.2, teardown_s=0.4)) as place:
        peer, call = await place.connected()

        async def send(message: object) -> None:
            if way == "fails":
                raise OSError("broken pipe")
            await asyncio.Event().wait()

        assert isinstance(call.wire, TwilioTransport)
        call.wire._line.websocket.send = send  # type: ignore[method-assign]
        await call.say(voice(1.0))
        await ends(call, "vanished")
        await peer.vanish()
        await peer.close()


async def test_our_own_end_waits_for_the_last_word() -> None:
    """An end frame behind speech: everything is sent, its mark comes back, then the socket closes,
    and nobody calls that a carrier's fault."""
    async with exchange(Wire(silence_timeout_s=60, teardown_s=10)) as place:
        peer, call = await place.connected()
        await call.say(voice(0.3), PlayheadFrame("1.1", 9), TTSStoppedFrame())
        await call.worker.queue_frame(EndFrame())
        await eventually(call.done.is_set, what="the pipeline ended")
        assert len(peer.audio) == 2400
        assert len(call.behind.of(PlayedToFrame)) == 1
        assert call.behind.of(WireStoppedFrame) == []
        await eventually(lambda: peer.is_closed, what="the socket closed")
        await peer.close()


async def test_no_task_outlives_its_call() -> None:
    """After the end nothing of the call is running."""
    async with exchange(WAITS) as place:
        before = asyncio.all_tasks()
        peer, call = await place.connected()
        await call.say(voice(5.0))
        await peer.speak(b"\x01" * 1600)
        await peer.stop()
        await ends(call, "stop")
        await peer.close()
        await eventually(
            lambda: not {t for t in asyncio.all_tasks() - before if not t.done()}, what="silence"
        )


# ── picking up ──────────────────────────────────────────────────────────────────────

FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}
OPENINGS: dict[str, tuple[list[object], type[CallerWireFault], str]] = {
    "nothing": ([], PeerBroke, "no start within 0.2 s"),
    "only media": (
        [{"event": "media", "media": {"payload": "/w=="}}],
        PeerBroke,
        "no start within",
    ),
    "stop first": ([{"event": "stop"}], PeerBroke, "stopped before its start"),
    "another format": (
        [{"event": "start", "start": {**start_body(), "mediaFormat": FORMAT}}],
        PeerBroke,
        "audio/x-mulaw at 16000 Hz on 1 channels",
    ),
}


@pytest.mark.parametrize("name", OPENINGS)
async def test_a_socket_that_does_not_start_is_closed(name: str) -> None:
    """It is closed with 1008, one line is logged, and a fault says why."""
    messages, fault, why = OPENINGS[name]
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING")
    try:
        patience_s = 0.2 if "no start within" in why else 60.0
        async with exchange(Wire(start_timeout_s=patience_s)) as place:
            peer = await place.dial()
            for message in messages:
                await peer.raw(json.dumps(message))
            await eventually(lambda: peer.is_closed and place.refusals, what="the refusal")
            assert peer.socket.close_code == 1008
            (refusal,) = place.refusals
            assert type(refusal) is fault
            assert why in str(refusal)
            assert [why in line for line in lines] == [True]
            await peer.close()
    finally:
        logger.remove(sink)


async def test_a_socket_that_leaves_before_its_start_is_gone() -> None:
    """A connection that closes without a start is a fault, not a call."""
    async with exchange() as place:
        peer = await place.dial()
        await peer.close()
        await eventually(lambda: place.refusals)
        assert isinstance(place.refusals[0], PeerVanished)


async def test_rubbish_before_the_start_does_not_prevent_it() -> None:
    """Oversized, unknown and malformed messages are counted; the start that follows counts."""
    async with exchange(WAITS) as place:
        peer = await place.dial()
        for message in ("x" * 70000, "{", '{"event":"hello"}', b"\x00"):
            await peer.raw(message)
        await peer.greet()
        await eventually(lambda: place.calls, what="the call was answered")
        assert place.notebook.broken() == {"oversized": 1, "not_json": 1, "binary": 1}
        await peer.close()


def test_the_wrong_door_is_our_mistake() -> None:
    """A wire that is given another wire's door says so."""
    with pytest.raises(MisuseError, match="TwilioDoor was expected"):
        transport(Wire(), object(), recorder=None)  # type: ignore[arg-type]


def test_peer_is_used() -> None:
    """The peer of these tests is the one that other tests may use."""
    assert TwilioPeer.__module__ == "tests.wire"


# ── a peer that is no telephone ─────────────────────────────────────────────────────


async def test_a_peer_that_speaks_faster_than_life_is_ended() -> None:
    """A burst after a stall is heard; far more than real time ends that socket, and is counted."""
    async with exchange(Wire(max_ahead_s=1.0, silence_timeout_s=60, teardown_s=0.4)) as place:
        peer, call = await place.connected()
        await peer.speak(EVERY_CODE * 28)
        await eventually(lambda: call.middle.of(InputAudioRawFrame), what="the burst is heard")
        assert not call.middle.of(WireStoppedFrame)
        await peer.speak(EVERY_CODE * 128)
        await eventually(lambda: call.middle.of(WireStoppedFrame), what="the socket is ended")
        assert call.middle.of(WireStoppedFrame)[0].reason == "too_fast"
        assert place.notebook.broken()["too_fast"] == 1
        await peer.close()


async def test_a_flood_of_tiny_messages_is_ended() -> None:
    """Messages cost us, whatever is in them."""
    wire = Wire(max_ahead_s=1.0, max_messages_per_s=60, silence_timeout_s=60, teardown_s=0.4)
    async with exchange(wire) as place:
        peer, call = await place.connected()
        for _ in range(200):
            await peer.socket.send('{"event":"?"}')
        await eventually(lambda: call.middle.of(WireStoppedFrame), what="the socket is ended")
        assert place.notebook.broken()["too_fast"] == 1
        await peer.close()


async def test_a_socket_that_says_much_and_never_starts_is_closed() -> None:
    """It is not given the whole time to start."""
    async with exchange(Wire(start_timeout_s=60)) as place:
        peer = await place.dial()
        for _ in range(40):
            await peer.socket.send('{"event":"?"}')
        await eventually(lambda: place.refusals, what="the refusal")
        assert "no start in 32 messages" in str(place.refusals[0])
        await peer.close()


class Told:
    """A tape that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int, float]] = []

    def caller(self, pcm: bytes, at: float) -> None:
        self.said.append(("caller", len(pcm), at))

    def agent(self, pcm: bytes, at: float) -> None:
        self.said.append(("agent", len(pcm), at))

    def cut(self, at: float) -> None:
        self.said.append(("cut", 0, at))

    def secret(self, begin: float, end: float) -> None:
        self.said.append(("secret", round(1000 * (end - begin)), end))

    def of(self, what: str) -> list[tuple[int, float]]:
        return [(size, at) for kind, size, at in self.said if kind == what]


async def test_a_tape_is_told_both_sides_as_they_are_heard() -> None:
    """What came in, what was sent and when it is played, what was taken back, and keys."""
    async with exchange(WAITS) as place:
        peer, call = await place.connected()
        tape = Told()
        call.wire.record(tape)
        await peer.speak(b"\x21" * 320)
        await peer.send("dtmf", dtmf={"track": "inbound_track", "digit": "5"})
        await call.say(voice(0.2), TTSStoppedFrame())
        await eventually(lambda: len(peer.audio) == 1600, what="the voice")
        await eventually(lambda: len(call.middle.of(InputDTMFFrame)) == 1)
        await call.say(InterruptionFrame())
        await eventually(lambda: tape.of("cut"), what="the barge-in")
        assert sum(size for size, _ in tape.of("caller")) == 640
        assert sum(size for size, _ in tape.of("agent")) == 3200
        starts = [at for _, at in tape.of("agent")]
        assert all(b - a > 0.04 - 0.001 for a, b in zip(starts, starts[1:], strict=False))
        assert tape.of("secret")[0][0] == 1000
        await peer.close()
