"""One Media Stream from the carrier's side: sound both ways, marks, clears, the script, the truth.

Frame k of the caller's sound covers 20 ms from k × 20 ms after `start` and is sent at its end, as a
carrier cannot send sound before it was made. The bot's sound counts when it is *played*.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from lab.carrier import Carrier, Cleared, MarkSent, Sound
from lab.clock import Clock
from lab.conformance import Conformance
from lab.impairments import Line, Packet
from lab.loudness import audible, mixed
from lab.mark_line import MarkLine
from lab.mouth import FRAME_S, Clip, Mouth
from lab.plan import Plan
from lab.player import AgentDone, Deed, GaveUp, HungUp, Player, Pressed, Spoke
from lab.playout import Playout
from lab.recording import Recording
from lab.timeline import Echo, Timeline, Utterance
from lab.watch import Watch

SILENT_AFTER_S = 0.35  # a pause longer than this ends what the agent is saying, for live events
ASLEEP_S = 0.05  # so late, we slept, and what we read now may have come long ago
STALE_S = 0.1  # sound this soon behind a clear was already on its way: it is the old reply
UNREAD_BYTES = 32768  # two seconds of messages wait in our socket: the bot does not read
CLEAN_CODES = (1000, 1001, 1005)

Event = dict[str, object]


@dataclass(frozen=True)
class Notes:
    """Where a stream writes down what happened."""

    timeline: Timeline
    conformance: Conformance
    recording: Recording
    on_event: Callable[[Event], None] | None = None


class Stream:
    """One stream; it follows the plan's script until one side ends it."""

    def __init__(self, plan: Plan, notes: Notes, *, clock: Clock, completed: asyncio.Event) -> None:
        self._plan = plan
        self._clock = clock
        self._completed = completed  # the bot ended the call over REST
        self._conformance = notes.conformance
        self._timeline = notes.timeline
        self._recording = notes.recording
        self._on_event = notes.on_event
        self._playout = Playout()
        self._mouth = Mouth(
            seed=plan.script.seed, noise_dbfs=plan.noise_dbfs, background=plan.background
        )
        self._line = Line(plan.impairments, seed=plan.script.seed)
        self._began_at = clock.now()
        self._marks_changed = asyncio.Event()
        self._mark_line = MarkLine(plan.impairments, seed=plan.script.seed)
        self._agent_was_audible = False
        self._speaking: Clip | None = None
        self._speaking_until = 0.0
        self._cleared_at = float("-inf")
        self._due_at = float("inf")  # when we are to speak next
        self.watch = Watch("")  # what the bot tells of the call meanwhile

    @property
    def lost_messages(self) -> int:
        """Messages the bad line swallowed."""
        return self._line.lost

    async def run(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> str:
        """From `connected` to the closed socket; returns who ended the stream."""
        try:
            await self._talk(socket, carrier)
        finally:
            await socket.close()
            self._finish()
        return self._timeline.ended_by

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> None:
        """Run the stream until one side ends it."""
        reading = asyncio.create_task(self._read(socket, carrier), name="caller reads")
        try:
            await socket.send_str(carrier.connected())
            self._began_at = self._timeline.began_at = self._clock.now()
            await socket.send_str(carrier.start())
            self._tell("lab.call.started", call_sid=carrier.ids.call_sid)
        except ConnectionError:  # refused by closing at once; reading says how
            await asyncio.wait({reading})
            self._timeline.ended_by = "bot"
            return
        others = [
            asyncio.create_task(self._speak(socket, carrier), name="caller speaks"),
            asyncio.create_task(self._echo_marks(socket, carrier), name="marks"),
            asyncio.create_task(self._completion(), name="completed over REST"),
        ]
        try:
            done, _ = await asyncio.wait(
                [reading, *others],
                timeout=self._clock.real_s(self._plan.max_call_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        if reading in done:
            by = "bot"
        else:
            by = next((task.result() for task in done), "limit")
        await self._end(socket, carrier, by=by, reading=reading)

    async def _completion(self) -> str:
        await self._completed.wait()
        return "rest"

    async def _end(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        carrier: Carrier,
        *,
        by: str,
        reading: asyncio.Task[str],
    ) -> None:
        self._timeline.ended_by = by
        self._tell("lab.call.ended", by=by)
        if by == "vanished":
            if (connection := socket._response.connection) and connection.transport:
                connection.transport.abort()
        elif by != "bot":
            await self._stop(socket, carrier)
        if not reading.done():
            reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def _stop(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> None:
        """The carrier's ending: `stop`, then the socket closes."""
        try:
            await socket.send_str(carrier.stop())
        except ConnectionError:
            return
        await socket.close()
        self._conformance.judge(
            "closing", socket.close_code != 1006, detail="the closing was not answered"
        )

    def _finish(self) -> None:
        now = self._clock.now()
        self._playout.clear(now=now)  # nobody listens any more
        timeline = self._timeline
        timeline.duration_s = now - self._began_at
        timeline.agent_spans = [
            (self._at(start), self._at(end)) for start, end in self._playout.audible_spans()
        ]
        timeline.agent_runs = [
            (self._at(run.started_at), self._at(run.ended_at)) for run in self._playout.runs
        ]
        for run in self._playout.runs:
            self._recording.agent(bytes(run.sound), at_s=run.started_at - self._began_at)
        self._recording.end(timeline.duration_s)

    def _at(self, instant: float) -> float:
        return round(instant - self._began_at, 6)

    def _tell(self, kind: str, *, at: float | None = None, **data: object) -> None:
        instant = self._clock.now() if at is None else at
        event: Event = {"type": kind, "t": self._at(instant), **data}
        self._timeline.events.append(event)
        if self._on_event:
            self._on_event({**event, "call_sid": self._timeline.call_sid})

    # ── from the bot ─────────────────────────────────────────────────────────────────
    async def _read(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> str:
        """Take what the bot sends until it closes; returns who ended the stream."""
        while True:
            await self._dawdle()
            message = await socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                    self._take(carrier.receive(message.data), now=self._clock.now())
                case aiohttp.WSMsgType.ERROR:
                    self._conformance.broken("clean-close", f"protocol error: {message.data}")
                    return "bot"
                case aiohttp.WSMsgType.CLOSE | aiohttp.WSMsgType.CLOSED:
                    code = socket.close_code
                    is_clean = code in CLEAN_CODES
                    self._conformance.judge("clean-close", is_clean, detail=f"close code {code}")
                    return "bot"
                case aiohttp.WSMsgType.CLOSING:
                    return "caller"

    async def _dawdle(self) -> None:
        if slow := self._plan.impairments.slow_reader:
            from_at = self._began_at + slow[0]
            if from_at <= self._clock.now() < from_at + slow[1]:
                await self._clock.sleep_until(from_at + slow[1])

    def _take(self, intent: Sound | MarkSent | Cleared | None, *, now: float) -> None:
        match intent:
            case Sound(ulaw):
                self._timeline.arrivals.append((self._at(now), len(ulaw) / 8000))
                fits = self._playout.feed(ulaw, now=now)
                if not fits or not self._playout.discarded_bytes:
                    self._conformance.judge(
                        "buffer-cap", fits, detail="more than 600 s of audio waited"
                    )
                late_s = now - self._cleared_at
                if late_s < STALE_S and 1 in audible(ulaw):
                    self._conformance.broken("clear-is-final", f"{late_s * 1000:.0f} ms behind it")
            case MarkSent(name):
                self._playout.mark(name, now=now)
                self._marks_changed.set()
            case Cleared():
                is_dated = self._clock.real_s(now - self._due_at) < ASLEEP_S
                if self._playout.clear(now=now) and is_dated:
                    self._conformance.kept("clear-is-final")
                    self._cleared_at = now
                self._timeline.clears.append(self._at(now))
                if not is_dated:
                    self._timeline.undated.append(self._at(now))
                self._marks_changed.set()
                self._tell("lab.clear", at=now)

    async def _echo_marks(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> str:
        """Send each mark back when its time comes; the only task that does, so order holds."""
        while True:
            self._marks_changed.clear()
            now = self._clock.now()
            for mark in self._playout.due(now=now):
                self._mark_line.put(mark, now=now)
            for mark in self._mark_line.due(now=now):
                await self._send(carrier.mark(mark.name), socket)
                echo = Echo(mark.name, self._at(mark.received_at), self._at(now), mark.by)
                self._timeline.marks.append(echo)
            dues = (self._playout.next_due_at, self._mark_line.next_due_at)
            due_at = min((at for at in dues if at is not None), default=None)
            if due_at is None:
                await self._marks_changed.wait()
                continue
            wait_s = self._clock.real_s(max(0.0, due_at - self._clock.now()))
            try:
                await asyncio.wait_for(self._marks_changed.wait(), wait_s)
            except TimeoutError:
                continue

    # ── to the bot ───────────────────────────────────────────────────────────────────
    async def _speak(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> str:
        """Send the caller's sound on an absolute clock until the caller ends the call; what is
        late is caught up at once, never shifted. Returns how it ended."""
        player = Player(
            self._plan.script,
            self._plan.clips,
            ears=self._playout,
            now=self._began_at,
            is_agent_done=lambda: self.watch.is_done,
        )
        frame = 0
        while True:
            ready_at = self._began_at + (frame + 1) * FRAME_S
            due_s = self._line.next_due_s
            next_at = ready_at if due_s is None else min(ready_at, self._began_at + due_s)
            self._due_at = next_at
            await self._clock.sleep_until(next_at)
            if self._clock.now() >= ready_at:
                from_at = self._began_at + frame * FRAME_S
                deeds = player.tick(from_at)
                for deed in deeds:
                    await self._do(deed, socket, carrier, now=from_at)
                if any(isinstance(deed, HungUp) for deed in deeds):
                    return "caller"
                self._breathe(from_at)
                frame += 1
            await self._deliver(socket, carrier)
            vanish_s = self._plan.impairments.vanish_s
            if vanish_s is not None and self._clock.now() - self._began_at >= vanish_s:
                return "vanished"

    def _breathe(self, from_at: float) -> None:
        """Make the next 20 ms of the caller's sound and look at what is going on."""
        self._line.put(self._echoed(self._mouth.frame(), from_at))
        if self._speaking and from_at >= self._speaking_until:
            self._tell("lab.caller.silent", at=self._speaking_until, clip=self._speaking.name)
            self._speaking = None
        last = self._playout.heard_last(now=from_at)
        is_audible = last is not None and from_at - last < SILENT_AFTER_S
        if is_audible != self._agent_was_audible:
            self._agent_was_audible = is_audible
            kind = "lab.agent.speaking" if is_audible else "lab.agent.silent"
            self._tell(kind, at=last if last is not None else from_at)

    def _echoed(self, sound: bytes, from_at: float) -> bytes:
        """With what the loudspeaker plays, if the microphone hears it."""
        echo = self._plan.impairments.echo
        if echo is None:
            return sound
        delay_s, loss_db = echo
        played = self._playout.sound(from_at - delay_s, len(sound))
        return mixed((sound, 1.0), (played, 10 ** (-loss_db / 20)))

    async def _deliver(self, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier) -> None:
        """Write what has arrived at the carrier."""
        for packet in self._line.due(self._clock.now() - self._began_at):
            await self._send(carrier.media(packet.sound, timestamp_ms=_ms(packet)), socket)
            self._recording.caller(packet.sound, at_s=packet.from_s)
        connection = socket._response.connection
        if connection is not None and connection.transport is not None:
            unread = connection.transport.get_write_buffer_size()
            self._conformance.judge(
                "reads-in-time", unread < UNREAD_BYTES, detail=f"{unread} bytes wait unread"
            )

    async def _send(self, message: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            await socket.send_str(message)
        except ConnectionError:
            await asyncio.Event().wait()  # the reader learns of the end and cancels this task

    async def _do(
        self, deed: Deed, socket: aiohttp.ClientWebSocketResponse, carrier: Carrier, *, now: float
    ) -> None:
        match deed:
            case Spoke(clip, kind, follows_on):
                self._utter(clip, kind=kind, follows_on=follows_on, now=now)
            case Pressed(digit):
                await self._send(carrier.dtmf(digit), socket)
                self._timeline.keys.append((self._at(now), digit))
                self._tell("lab.caller.key", at=now, digit=digit)
            case AgentDone():
                self._timeline.agent_done.append(self._at(now))
            case GaveUp(step):
                self._timeline.gave_up.append((self._at(now), step))
                self._tell("lab.caller.gave_up", at=now, step=step)

    def _utter(self, clip: Clip, *, kind: str, follows_on: bool, now: float) -> None:
        self._mouth.say(clip.sound)
        self._speaking, self._speaking_until = clip, now + clip.ends_s
        self._timeline.utterances.append(
            Utterance(
                clip=clip.name,
                words=clip.words,
                kind=kind,
                follows_on=follows_on,
                start_s=self._at(now),
                speech_start_s=self._at(now + clip.starts_s),
                speech_end_s=self._at(now + clip.ends_s),
                end_s=self._at(now + clip.duration_s),
            )
        )
        self._tell("lab.caller.speaking", at=now + clip.starts_s, clip=clip.name, words=clip.words)


def _ms(packet: Packet) -> int:
    return round(packet.from_s * 1000)
