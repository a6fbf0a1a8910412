"""The exchange: what all calls of one process share, opened once and closed in reverse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import uuid6
from loguru import logger

import services
from bot.afterwards import Afterwards
from bot.agent_file import load_personas, require_voices
from bot.books import OpenBooks, open_books
from bot.lines import LinesHere, SharedLines
from bot.names import open_names
from bot.notify import Notifier
from bot.persona import Personas
from bot.rehearsal import scripts
from bot.secrets import account_of
from bot.settings import Loaded, Settings
from bot.vitals import gauges
from call.admission import Admission
from call.errors import Ending, Party
from call.first_token import FirstClauseTimes
from call.lines import RENEW_EVERY_S
from call.receipt import receipt
from call.timeline import Timeline
from processors.name_model import NameModel
from processors.smart_turn import SmartTurn
from processors.vad import preload as preload_vad
from services.pool import Pool
from services.voices import Voices
from telemetry.console.routes import LiveCall
from telemetry.events import EventHub
from telemetry.loop_lag import watching_the_loop
from telemetry.metrics import Metrics
from telemetry.recordings import Recordings
from telemetry.records import Records
from telemetry.traces import Traces
from transports.twilio.hangup import hang_up
from transports.twilio.tickets import Tickets

if TYPE_CHECKING:
    from bot.session import Caller, Session

# A carrier asks what is next as soon as a stream has ended; a process that goes down answers it.
ASKED_WITHIN_S = 2.0
# Last words and their watchdog, three times over; a call that hangs holds nobody up for longer.
END_WITHIN_S = 10.0


@dataclass
class Exchange:
    """Settings, warm clients, shared models, admission, records; one per process."""

    loaded: Loaded
    keys: Mapping[str, str]
    personas: Personas
    models: Any
    """the warm language models; only `services/` knows their type"""
    smart_turn: SmartTurn
    http: aiohttp.ClientSession
    voices: Voices
    pool: Pool
    admission: Admission
    tickets: Tickets
    hub: EventHub = field(default_factory=EventHub)
    records: Records = field(default_factory=Records)
    first_clauses: FirstClauseTimes = field(default_factory=FirstClauseTimes)
    recordings: Recordings = field(default_factory=Recordings)
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)
    names: NameModel | None = None
    """reads names in free text, where that is asked for"""
    sessions: dict[str, Session] = field(default_factory=dict)
    afterwards: Afterwards = field(default_factory=Afterwards)
    lines: SharedLines = field(default_factory=lambda: LinesHere({}))
    notifier: Notifier | None = None
    is_lost: asyncio.Event = field(default_factory=asyncio.Event)
    """set when this process can no longer do its work, and had better be started anew"""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def settings(self) -> Settings:
        """The frozen settings."""
        return self.loaded.settings

    # ── what the carrier is asked to do ──────────────────────────────────────────────
    async def hang_up(self, provider_call_id: str) -> None:
        """End a call at the carrier; without an account the closing socket has to do."""
        account = account_of(self.loaded)
        if account is not None:
            await hang_up(
                provider_call_id, account=account, settings=self.settings.twilio, session=self.http
            )

    def keep_unserved(self, caller: Caller, ending: Ending, party: Party | None = None) -> None:
        """A record of a call that never became a session: a message it leaves belongs to it."""
        now = datetime.now(UTC)
        document = receipt(
            Timeline(),
            call_id=str(uuid6.uuid7()),
            provider_call_id=caller.provider_call_id,
            wire=caller.wire,
            caller=caller.number,
            called=caller.called,
            language=self.personas.for_number(caller.called).language,
            started=now,
            ended=now,
            ending=ending,
            fault_party=party,
        )
        self.records.put(document)
        self.metrics.call(document)

    def show_gauges(self) -> None:
        """What `/metrics` reads when it is asked for."""
        admission, gauge = self.admission, self.metrics.gauge
        gauge("offhook_active_calls", "Calls going on", lambda: admission.active)
        gauge(
            "offhook_max_calls",
            "Calls taken at the same time",
            lambda: admission.max_calls,
        )
        gauge("offhook_ready", "1 while a call would be taken", lambda: admission.refusal() is None)
        for name, help, read in gauges(asyncio.get_running_loop()):
            gauge(name, help, read)

    def show_connections(self) -> None:
        """The same of what only a process with calls has."""
        self.metrics.gauge(
            "offhook_voices_gone_round",
            "Voices new replies do not begin with, because they falter",
            lambda: self.voices.gone_round,
        )
        self.metrics.gauge(
            "offhook_pool_waiting",
            "Sockets that wait for calls",
            lambda: self.pool.waiting,
        )

    # ── the providers' lines ─────────────────────────────────────────────────────────
    def carrier_calls(self) -> list[str]:
        """The carrier's names of the calls that go on."""
        return [session.caller.provider_call_id for session in self.sessions.values()]

    async def renew_lines(self) -> None:
        """Keep the lines of the calls that go on; runs until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self.lines.renew(self.carrier_calls())

    # ── what the pages show ──────────────────────────────────────────────────────────
    def living(self) -> list[LiveCall]:
        """The calls that go on now."""
        return [
            LiveCall(
                call_id=call_id,
                wire=session.caller.wire,
                started=session.started,
                state=session.recorder.timeline.state.value,
                turns=[record.document() for record in session.recorder.timeline.records],
            )
            for call_id, session in self.sessions.items()
        ]

    async def all_living(self) -> list[LiveCall]:
        """The same, wherever they go on."""
        return self.living()

    async def metrics_page(self, accept: str) -> tuple[bytes, str]:
        """What `/metrics` answers: the text and its content type."""
        return await asyncio.to_thread(self.metrics.page, accept)  # some 10 ms of writing

    # ── what a call needs, made ready while it rings ─────────────────────────────────
    def expect(self, called: str) -> None:
        """A caller rings this number."""
        if not self.settings.pool.enabled:
            return
        persona = self.personas.for_number(called)
        self.pool.expect(
            services.keeps(
                self.settings,
                self.keys,
                language=persona.language,
                keyterms=persona.keyterms,
                voices=persona.voices,
            )
        )
        self.spawn(self.models.expect(self.admission.active + 1, time.monotonic()))

    # ── calls that run beside the request that brought them ──────────────────────────
    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run a call on its own; it is awaited when the process ends."""
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drain(self) -> None:
        """Take no new calls; those who are here, or were told to come, are served."""
        self.admission.drain()

    async def end_calls(self) -> None:
        """End what is still going on, politely: the drain deadline has passed."""
        names: list[str] = []
        try:
            async with asyncio.timeout(END_WITHIN_S):
                while ending := list(self.sessions.values()):
                    names += self.carrier_calls()
                    await asyncio.gather(*(session.drain() for session in ending))
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            logger.error("{} calls did not end", len(self.sessions))
        await self.afterwards.until_asked(names, within_s=ASKED_WITHIN_S)


@asynccontextmanager
async def open_exchange(
    loaded: Loaded, keys: Mapping[str, str], *, books: OpenBooks = open_books
) -> AsyncIterator[Exchange]:
    """Load models, warm clients; everything is closed again in reverse order."""
    settings = loaded.settings
    personas = load_personas(loaded)
    require_voices(personas, settings)
    began_at = time.monotonic()
    async with AsyncExitStack() as stack:
        smart_turn = SmartTurn(
            threads=settings.turn.detector_threads, waiting=settings.turn.detector_waiting
        )
        stack.callback(smart_turn.close)
        # Models load beside each other before the first call; no call ever waits for them.
        await asyncio.gather(asyncio.to_thread(preload_vad), asyncio.to_thread(smart_turn.preload))
        models = services.models(settings, keys)
        stack.push_async_callback(models.close)
        if not await models.warm():
            logger.warning("the model at {} does not answer yet", settings.anthropic.url)
        kept = await books(stack, loaded)
        names = open_names(settings.privacy, kept.metrics)
        if names is not None:
            stack.callback(names.close)
            await asyncio.to_thread(names.preload)
        recordings = Recordings(
            settings.recordings,
            key=loaded.secrets.value("OFFHOOK_RECORDING_KEY"),
            keep_days=settings.store.keep_days,
            recorder=kept.metrics,
        )
        recordings.start()
        stack.push_async_callback(asyncio.to_thread, recordings.close)
        traces = Traces(settings.telemetry)
        stack.push_async_callback(asyncio.to_thread, traces.close)
        pool = Pool(settings.pool, kept.metrics)
        stack.push_async_callback(pool.close)
        exchange = Exchange(
            loaded=loaded,
            keys=keys,
            personas=personas,
            models=models,
            smart_turn=smart_turn,
            **vars(kept),
            voices=Voices(tolerance=settings.speak.tolerance, recorder=kept.metrics),
            pool=pool,
            recordings=recordings,
            traces=traces,
            names=names,
        )
        exchange.show_gauges()
        exchange.show_connections()
        await stack.enter_async_context(
            exchange.voices.at_work(
                scripts(personas, settings, keys),
                voice=lambda key: services.voice(settings, keys, key=key, recorder=kept.metrics),
            )
        )
        await stack.enter_async_context(watching_the_loop(exchange.metrics))
        renewing = asyncio.create_task(exchange.renew_lines())
        stack.callback(renewing.cancel)
        stack.callback(exchange.hub.close)
        logger.info("models and clients ready in {:.1f} s", time.monotonic() - began_at)
        yield exchange
