"""How one call ends: watches what the caller heard and the wire, lets the call go, and says why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import proxy

from loguru import logger
from pipecat.frames.frames import Frame

from call.errors import CallRefused, Ending, Party
from call.farewell import EMERGENCY, WAY_OUT, Action, Farewell, HangUp, SayGoodbye
from call.measures import WAYS_OUT
from call.phrases import FILLER, Phrases
from call.way_out import After, Destination, Reason, Step, WayOut, step_after, way_out
from frames.recovery import WayOutFrame
from frames.speech import FarewellFrame, PlayedToFrame, ReplyHeardFrame
from frames.wire import WireStoppedFrame

if TYPE_CHECKING:
    from bot.persona import Persona
    from bot.session import Session

# A process that goes down leaves the agent so long for its last words, which take two seconds:
# whoever stops it waits.
DRAINED_WITHIN_S = 3.0


class CallEnding:
    """Hosts `call.farewell.Farewell` for one session and implements `bot.tool_runs.CallControl`."""

    def __init__(self, session: Session) -> None:
        self._session: Session = proxy(session)  # which holds us
        goodbye = session.settings.goodbye
        self._farewell = Farewell(watchdog_s=goodbye.watchdog_s, apology_s=goodbye.apology_s)
        self._timer: asyncio.TimerHandle | None = None
        self._acting: set[asyncio.Task[None]] = set()
        self._way_out: WayOut | None = None
        self._is_line_owed = False  # the emergency line, until it was heard
        self._held_up_by: Party | None = None  # the caller hears holding phrases for its sake
        self._wish = ""  # why the caller wants a person, in the model's words
        self.ending: Ending | None = None
        self.fault_party: Party | None = None

    # ── what the model may ask (CallControl) ─────────────────────────────────────────
    async def end_call(self) -> None:
        """Hang up once everything said so far has been heard."""
        self._ask(Ending.AGENT_SAID_GOODBYE)

    async def transfer(self, reason: str) -> None:
        """Hand the caller to the person behind the hand-off number; `reason` is for the person."""
        self._wish = reason
        if self._session.caller.wire != "twilio":
            raise CallRefused("nobody can be dialled from here")
        if self._number():
            self._ask(Ending.HANDED_OFF)
        else:
            self.way_out(Reason.CALLER_ASKED)

    def _number(self, reason: Reason | None = None) -> str:
        """Whom to dial now, or nobody."""
        persona = self._session.persona
        if reason is Reason.EMERGENCY:
            return persona.emergency.number
        return persona.handoff_number if persona.person_answers(datetime.now(UTC)) else ""

    def _ask(self, ending: Ending) -> None:
        now = time.monotonic()
        self._farewell.asked(ending, now)
        self._arm()

    # ── the agent gives up ───────────────────────────────────────────────────────────
    def way_out(self, reason: Reason, party: Party | None = None) -> None:
        """Apologise, then lead the caller to a person or to the voicemail; once a call, but for an
        emergency: it goes before every other way."""
        is_urgent = reason is Reason.EMERGENCY
        taken = None if self._way_out is None else self._way_out.reason
        if self.ending is not None or taken is reason or (taken is not None and not is_urgent):
            return
        session = self._session
        self._way_out = leading = way_out(
            reason,
            party=party,
            has_carrier=session.caller.wire == "twilio",
            person_answers=bool(self._number(reason)),
        )
        logger.warning("way out: {} -> {}", reason.value, leading.destination.value)
        session.recorder.count(WAYS_OUT, reason=reason.value, destination=leading.destination.value)
        was_ending = self._farewell.is_asked and not is_urgent
        now = time.monotonic()
        self._act(self._farewell.left(leading.ending, now, is_urgent=is_urgent))
        if not was_ending:
            words = parting_words(leading, session.persona, session.tongue.phrases)
            self._run(session.leave_with(words, kind=WAY_OUT))
        self._arm()

    def emergency_line_said(self) -> None:
        """It is on its way: whatever way out the call is on waits for it."""
        self._is_line_owed = True
        self._farewell.line_owed()

    def time_is_up(self) -> None:
        """The call has lasted as long as calls may: say goodbye, whatever goes on, and hang up."""
        if self._way_out is not None or self.ending is not None or self._farewell.is_asked:
            return
        logger.warning("call ends after capacity.max_call_s")
        self._act(self._farewell.left(Ending.AGENT_SAID_GOODBYE, time.monotonic()))
        words = self._session.tongue.phrases.goodbye
        self._run(self._session.leave_with(words, kind=WAY_OUT))
        self._arm()

    def held_up(self, party: Party) -> None:
        """The caller is asked to hold on: whose fault it is, should they hang up instead."""
        self._held_up_by = party

    # ── what happens ─────────────────────────────────────────────────────────────────
    def saw(self, frame: Frame) -> None:
        """A frame that reached the end of the list."""
        now = time.monotonic()
        match frame:
            case PlayedToFrame():
                if self._session.heard.sounding not in ("", FILLER):
                    self._held_up_by = None  # they hear what they held on for
                self._farewell.progress(now)
                self._arm()
            case ReplyHeardFrame():
                if frame.kind == EMERGENCY and frame.heard:
                    self._is_line_owed = False
                self._act(
                    self._farewell.reply_heard(
                        had_words=bool(frame.heard),
                        interrupted=frame.interrupted,
                        now=now,
                        kind=frame.kind,
                    )
                )
                self._arm()
            case FarewellFrame():
                self._bid_farewell(frame.is_meant)
            case WayOutFrame():
                self.way_out(frame.reason, frame.party)
            case WireStoppedFrame():
                self._wire_stopped(frame.reason)

    def _bid_farewell(self, is_meant: bool) -> None:
        if is_meant:
            self._ask(Ending.AGENT_SAID_GOODBYE)
        else:
            self._farewell.taken_back()
            self._arm()

    def _wire_stopped(self, reason: str) -> None:
        if self.ending is None and reason == "vanished":
            self.close(Ending.FAULT, Party.CARRIER)
        elif self._way_out is not None and self.ending is None:  # gone before they were led out
            self.close(Ending.CALLER_HUNG_UP, self._way_out.party)
        elif self._farewell.ending is None:
            self.close(Ending.CALLER_HUNG_UP, self._held_up_by)
        else:
            self.close(self._farewell.ending)

    def close(self, ending: Ending, party: Party | None = None) -> None:
        """The call is over; the first reason stands."""
        if self.ending is None:
            self.ending, self.fault_party = ending, party
        self._session.stop()

    def _act(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if isinstance(action, SayGoodbye):
                handed_off = self._farewell.ending is Ending.HANDED_OFF
                phrases = self._session.tongue.phrases
                phrase = phrases.transfer if handed_off else phrases.goodbye
                self._run(self._session.say(phrase, kind="goodbye"))
            else:
                self._run(self._let_go(action))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _let_go(self, hang_up: HangUp) -> None:
        """End the call at the carrier, or hand it back to it; the socket closes right after."""
        session, ending = self._session, hang_up.ending
        party = self._way_out.party if self._way_out is not None else None
        if self.ending is None:
            self.ending, self.fault_party = ending, party
        following = self._afterwards(ending, was_heard=hang_up.was_heard)
        session.exchange.afterwards.decide(session.caller.provider_call_id, following)
        if following.step is Step.HANG_UP and session.caller.wire == "twilio":
            await session.exchange.hang_up(session.caller.provider_call_id)
        logger.info("call let go: {}", ending.value)
        self.close(ending)

    def _afterwards(self, ending: Ending, *, was_heard: bool) -> After:
        reason = Reason.DRAINED if ending is Ending.DRAINED else None
        if self._way_out is not None:
            reason = self._way_out.reason
        number = self._number(reason)
        if self._is_line_owed:  # no voice was left to say it: the carrier's does
            reason, was_heard = Reason.EMERGENCY, False
        return After(
            step_after(ending),
            has_apologised=was_heard,
            reason=reason,
            number=number,
            summary=self._wish or self._last_words(),
            called=self._session.caller.called,
        )

    def _last_words(self) -> str:
        """What the caller said last, as the record has it: without personal data."""
        said = [record.caller_text for record in self._session.recorder.timeline.records]
        last = next((text for text in reversed(said) if text), "")
        return f"{self._session.persona.phrases.last_words} {last}" if last else ""

    def drain(self) -> None:
        """The process goes down in the middle of the call: the agent stops where it is, says so in
        a few words, and a message can be left. What it cannot say in time the carrier says."""
        session, now = self._session, time.monotonic()
        if self.ending is not None:
            session.stop()
            return
        if not self._farewell.is_asked:
            phrases = session.tongue.phrases
            words = phrases.cut_short if session.caller.wire == "twilio" else phrases.goodbye
            self._act(self._farewell.left(Ending.DRAINED, now))
            self._run(session.leave_with(words, kind=WAY_OUT))
        self._farewell.end_by(now + DRAINED_WITHIN_S, Ending.DRAINED)
        self._arm()

    # ── the watchdog ─────────────────────────────────────────────────────────────────
    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_at = self._farewell.next_deadline()
        if due_at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due_at - time.monotonic()), self._rang)

    def _rang(self) -> None:
        self._act(self._farewell.on_deadline(time.monotonic()))
        self._arm()

    async def aclose(self) -> None:
        """Stop the watchdog and what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._acting):
            task.cancel()
        await asyncio.gather(*self._acting, return_exceptions=True)


def parting_words(leading: WayOut, persona: Persona, phrases: Phrases) -> str:
    """What the agent says when it gives a call up; the voicemail explains itself."""
    said = {
        Reason.CALLER_ASKED: "",
        Reason.UNSURE: phrases.misheard,
        Reason.EMERGENCY: persona.emergency.text,
    }.get(leading.reason, phrases.apology)
    if leading.destination is Destination.PERSON:
        return f"{said} {phrases.transfer}".strip()
    return said or phrases.nobody
