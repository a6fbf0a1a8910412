"""One call's life: open what the list needs, run it, close in reverse, write the receipt."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import uuid6
from loguru import logger
from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

import services
from bot.ending import CallEnding
from bot.exchange import Exchange
from bot.garbage import tidy_when_empty
from bot.persona import situation
from bot.pipeline import stations
from bot.tool_runs import ToolDoor, register
from bot.tools import schemas
from bot.untying import untie, weakly
from call.audio import RATE_HZ
from call.confidence import Doubt, Doubts
from call.errors import Ending, Fault, Party, ProviderFault
from call.floor import Floor
from call.heard import HeardLog
from call.measures import PROVIDER_FAULTS
from call.pardon import LastWords
from call.privacy import Masking, explained
from call.privacy_vault import Vault
from call.privacy_veil import Veil
from call.receipt import receipt
from call.recovery import Line, Recovery, Remedy
from call.speculation import Speculation
from call.tongue import ARABIC, Tongue
from frames.floor import AgentStopsFrame
from frames.recovery import WayOutFrame
from frames.speech import FarewellFrame, PlayedToFrame, ReplyHeardFrame, SpeakNowFrame
from frames.wire import WireStartedFrame, WireStoppedFrame
from processors.emergency_line import EmergencyLine
from processors.first_token_guard import Holding
from processors.turn_start import TurnStart
from processors.turn_stop import TurnStop
from processors.vad import session_vad
from services.anthropic import Prompt
from telemetry.recorder import CallRecorder
from transports import transport

# Frames at the end of the list that the call's beginning and ending depend on.
_SEEN_AT_THE_END = (
    WireStartedFrame,
    WireStoppedFrame,
    PlayedToFrame,
    ReplyHeardFrame,
    FarewellFrame,
    WayOutFrame,
)
# Claude's conversations begin with the other side; on the telephone the agent speaks first.
CALL_BEGINS = "(The telephone rings; the call is answered.)"
# A turn that neither words nor silence ended; the endpoint's own hard stop is shorter.
TURN_WATCHDOG_S = 8.0
# The last words of a call that has lasted too long, and their watchdog.
GOODBYE_WITHIN_S = 20.0


@dataclass(frozen=True)
class Caller:
    """Who calls whom, as the carrier said it; numbers are personal data and are masked outside."""

    provider_call_id: str
    number: str
    called: str
    wire: str


class Session:
    """One call, from its first frame to its receipt."""

    def __init__(self, exchange: Exchange, *, door: Any, caller: Caller) -> None:
        self.exchange = exchange
        self.settings = exchange.settings
        self.caller = caller
        self.call_id = str(uuid6.uuid7())
        self.persona = exchange.personas.for_number(caller.called)
        self.language = self.persona.language
        self.started = datetime.now(UTC)
        privacy = self.settings.privacy
        self.vault = Vault(speak=privacy.speak, reveal=privacy.reveal)  # wiped in _close
        self.veil = Veil(privacy, self.vault)
        self.recorder = CallRecorder(
            self.call_id,
            hub=exchange.hub,
            metrics=exchange.metrics,
            trace=exchange.traces.call(self.call_id),
            on_turn=weakly(self._turn_over),
        )
        self.recorder.veil = self.veil.shown
        self.smart_turn = exchange.smart_turn
        self.names = exchange.names if privacy.reads_names_in(self.language) else None
        self.floor = Floor()
        self.tongue = Tongue(
            self.language, self.persona.phrases, exchange.personas.phrases_besides(self.persona)
        )
        hear = self.settings.hear
        self.doubt = Doubt(
            Doubts(below=hear.ask_again_below, short_words=hear.ask_again_words),
            self.tongue,
        )
        self.heard = HeardLog(self.settings.heard)
        self.recovery = Recovery()
        self.holding = Holding(
            self.tongue,
            by_tool={tool.name: tool.filler for tool in self.persona.tools},
            times=exchange.first_clauses,
        )
        self.last_words = LastWords(self.settings.pardon)
        self.speculation = Speculation(
            self.settings.turn,
            recorder=self.recorder,
            prices=self._prices(),
            waits_for_finals=self.names is not None,  # only they are read for names
        )
        self.emergency = EmergencyLine(
            self.persona.emergency,
            floor=self.floor,
            recorder=self.recorder,
            hands_over=caller.wire == "twilio" and bool(self.persona.emergency.number),
            on_said=weakly(self._emergency_line_said),
        )
        wire = replace(self.settings.wire, kind=caller.wire)
        self.wire = transport(wire, door, recorder=self.recorder)
        self.recording = exchange.recordings.open(self.call_id, began_at=time.monotonic())
        self.wire.record(self.recording)
        self._ending = CallEnding(self)
        self._over = asyncio.Event()
        self._open_services()
        self._open_conversation()
        self._worker = self._build_worker()

    # ── open ─────────────────────────────────────────────────────────────────────────
    def _open_services(self) -> None:
        settings, keys, report = self.settings, self.exchange.keys, self.recorder
        self.vad = session_vad(settings.vad)
        self.stt = services.stt(
            settings,
            keys,
            recorder=report,
            language=self.language,
            keyterms=self.persona.keyterms,
            spares=self.exchange.pool,
        )
        self.llm = services.llm(
            settings,
            recorder=report,
            models=self.exchange.models,
            prompt=Prompt(
                explained(self.persona.system, settings.privacy),
                situation(
                    self.persona,
                    now=self.started,
                    caller=self.caller.number,
                    called=self.caller.called,
                ),
            ),
            speculation=self.speculation,
            recovery=self.recovery,
        )
        self.tts = services.tts(
            settings,
            keys,
            recorder=report,
            language=self.language,
            voices=self.persona.voices,
            arabic=self.exchange.personas.voices_in(ARABIC),
            shared=self.exchange.voices,
            spares=self.exchange.pool,
        )
        self._tools = register(
            self.llm,
            self.persona,
            settings=settings.tools,
            control=self._ending,
            call_id=self.call_id,
            http=self.exchange.http,
            recorder=report,
            on_called=weakly(self._tool_called),
            privacy=ToolDoor(self.vault, Masking(settings.privacy, self.vault)),
            asks_back=self.doubt.has_asked,
        )

    def _prices(self) -> dict[str, float]:
        """Dollars for what an answer begun early may cost in vain."""
        prices, settings = self.settings.prices, self.settings
        tokens = prices.of_tokens(settings.think.model) or {}
        voice = prices.of_character(settings.speak.provider)
        return {f"{kind}_tokens": usd for kind, usd in tokens.items()} | (
            {} if voice is None else {"characters": voice}
        )

    def _open_conversation(self) -> None:
        """Both halves of the conversation, with our strategies for whose turn it is."""
        strategies = UserTurnStrategies(
            start=[TurnStart(self.settings.barge_in, floor=self.floor, recorder=self.recorder)],
            stop=[
                TurnStop(
                    self.settings.turn,
                    floor=self.floor,
                    recorder=self.recorder,
                    speculation=self.speculation,
                    doubt=self.doubt,
                    shows_interims=self.names is None,
                )
            ],
        )
        pair = LLMContextAggregatorPair(
            LLMContext([{"role": "user", "content": CALL_BEGINS}], tools=schemas(self.persona)),
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=strategies,
                user_turn_stop_timeout=TURN_WATCHDOG_S,
                empty_user_turn=None,  # a cough is not a question
            ),
            realtime_service_mode=False,
        )
        self.listener, self.speaker = pair.user(), pair.assistant()

    def _build_worker(self) -> PipelineWorker:
        worker = PipelineWorker(
            Pipeline(stations(self)),
            params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
            enable_rtvi=False,  # a telephone has no client that would read it
            enable_turn_tracking=False,
            idle_timeout_secs=None,  # the wire notices a dead line; max_call_s bounds the rest
            check_dangling_tasks=False,
            conversation_id=self.call_id,
        )
        worker.set_reached_downstream_filter(_SEEN_AT_THE_END)
        worker.add_event_handler("on_frame_reached_downstream", self._on_frame)
        worker.add_event_handler("on_pipeline_error", self._on_error)
        return worker

    # ── run ──────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Answer, converse, let go; never raises into the process but cancellation."""
        with logger.contextualize(call_id=self.call_id):
            self.exchange.sessions[self.call_id] = self
            self.recorder.event(
                "call.started",
                wire=self.caller.wire,
                provider_call_id=self.caller.provider_call_id,
                at_time=self.started.isoformat(),
            )
            logger.info("call answered on {}", self.caller.wire)
            self._keep()
            try:
                await self._run_worker()
            except Exception as error:  # the process: one call's crash is its own
                logger.opt(exception=error).error("call crashed: {}", type(error).__name__)
                self._ending.close(Ending.FAULT, Party.US)
            finally:
                try:
                    await self._close()
                finally:
                    self.exchange.sessions.pop(self.call_id, None)
                    self._over.set()

    async def _run_worker(self) -> None:
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(self._worker)
        most_s = self.settings.capacity.max_call_s
        time_is_up = asyncio.get_running_loop().call_later(most_s, self._ending.time_is_up)
        try:
            async with asyncio.timeout(most_s + GOODBYE_WITHIN_S):
                await runner.run()
            untie(runner, self._worker)
        except TimeoutError:
            logger.error("call cut off: it did not end after capacity.max_call_s")
            self._ending.close(Ending.FAULT, Party.US)
        finally:
            time_is_up.cancel()

    async def _close(self) -> None:
        """In reverse: what acts on the call, its tools, the wire; then the receipt."""
        await self._ending.aclose()
        await self._tools.close()
        await self.wire.close()
        self.exchange.recordings.over(self.call_id)
        self.vault.wipe()
        self.exchange.sessions.pop(self.call_id, None)
        tidy_when_empty(self.exchange.sessions)
        document = self._keep(self._ending.ending or Ending.CALLER_HUNG_UP)
        self.recorder.over(document)
        logger.info(
            "call over after {:.1f} s: {}, {} turns",
            document["duration_s"],
            document["ending"],
            len(document["turns"]),
        )

    def _keep(self, ending: Ending | None = None) -> dict[str, Any]:
        """Write the record as far as it goes: at the call's start, after each turn, at its end."""
        document = receipt(
            self.recorder.timeline,
            call_id=self.call_id,
            provider_call_id=self.caller.provider_call_id,
            wire=self.caller.wire,
            caller=self.caller.number,
            called=self.caller.called,
            language=self.language,
            model=self.settings.think.model,
            stand_in=self.settings.think.stand_in_model,
            started=self.started,
            ended=datetime.now(UTC),
            ending=ending,
            fault_party=self._ending.fault_party,
            counters=self.recorder.counters,
            prices=self.settings.prices,
        )
        document["tools"] = list(self.recorder.tools)
        document["faults"] = list(self.recorder.faults)
        self.exchange.records.put(document)
        return document

    # ── act ──────────────────────────────────────────────────────────────────────────
    async def say(self, text: str, *, kind: str, interruptible: bool = True) -> None:
        """Speak a phrase of the agent's own."""
        await self._worker.queue_frame(SpeakNowFrame(text, kind, interruptible=interruptible))

    async def leave_with(self, text: str, *, kind: str) -> None:
        """Stop whatever the agent is doing, then speak its last words, not to be interrupted."""
        await self._worker.queue_frame(AgentStopsFrame())
        await self.say(text, kind=kind, interruptible=False)

    def stop(self) -> None:
        """Take the list down; what was not heard is dropped."""
        self.exchange.spawn(self._worker.cancel())

    async def drain(self) -> None:
        """The process goes down: end this call, as drained, within a few seconds; a message can be
        left. Returns when it is over."""
        self._ending.drain()
        await self._over.wait()

    # ── see ──────────────────────────────────────────────────────────────────────────
    async def _greet(self) -> None:
        """Somebody is on the line: say who speaks, then greet."""
        told = [self.persona.disclosure.text] if self.persona.disclosure.enabled else []
        if self.exchange.recordings.is_on:
            told.append(self.persona.phrases.recorded)
        if told:
            await self.say(" ".join(told), kind="disclosure", interruptible=False)
        await self.say(self.persona.greeting, kind="greeting")

    async def _on_frame(self, _worker: PipelineWorker, frame: Frame) -> None:
        if isinstance(frame, WireStartedFrame):
            await self._greet()
        self._ending.saw(frame)

    async def _on_error(self, _worker: PipelineWorker, frame: ErrorFrame) -> None:
        """A fault of the wire itself, above the desk."""
        self.fault_met(frame, None)

    def fault_met(self, frame: ErrorFrame, remedy: Remedy | None) -> None:
        """A fault, and what is done about it: counted, shown, and survived."""
        fault = frame.exception
        provider = getattr(fault, "provider", "us")
        kind = type(fault).__name__ if isinstance(fault, Fault) else "Error"
        if not isinstance(fault, ProviderFault):  # those were counted where they happened
            self.recorder.count(PROVIDER_FAULTS, provider=provider, kind=kind)
        done = "" if remedy is None else remedy.step.value
        self.recorder.fault(provider, kind, remedy=done)
        if isinstance(fault, Fault) and remedy is not None and remedy.line is Line.FILLER:
            self._ending.held_up(fault.party)
        named = fault if isinstance(fault, Fault) else type(fault).__name__
        logger.warning("fault: {}{}", named, f" -> {done}" if done else "")

    def _turn_over(self, _turn: object) -> None:
        self._keep()

    def _emergency_line_said(self) -> None:
        self._ending.emergency_line_said()

    def _tool_called(self, name: str, outcome: str, seconds: float) -> None:
        self.recorder.tool(name, outcome=outcome, seconds=seconds)
