"""What all calls of a process share of its voices: how well each is, and the recorded phrases.

Two tasks in the background: one records the agent's phrases with every voice, so that they sound
at once and without a provider; one probes voices that are gone round, and lets them back in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loguru import logger

from call.errors import ProviderFault
from call.failover import Tolerance
from call.measures import TTS_CHARACTERS, NullRecorder, Recorder
from services.booth import Booth
from services.health import VoiceHealth
from services.phrases import PhraseStore, VoiceKey
from services.voice import Voice

_RECORD_S = 10.0  # a phrase may take so long to be recorded
_AGAIN_S = (1.0, 5.0, 30.0)  # pauses before a voice that failed is asked to record again
_PROBE_TIMEOUT_S = 3.0
_PROBE = {"en": "Yes.", "ar": "نعم."}
_LOOK_S = 0.5  # how often it is looked for voices that are gone round


BuildVoice = Callable[[VoiceKey], Voice]
"""Makes a voice that is not connected yet."""


@dataclass(frozen=True)
class Script:
    """The phrases one agent says with one voice."""

    key: VoiceKey
    texts: tuple[str, ...]


class Voices:
    """Shared by the calls of a process."""

    def __init__(self, *, tolerance: Tolerance, recorder: Recorder | None = None) -> None:
        self.store = PhraseStore()
        self._tolerance = tolerance
        self._recorder = recorder or NullRecorder()
        self._health: dict[str, VoiceHealth] = {}

    def health(self, provider: str) -> VoiceHealth:
        """How well a provider is."""
        if provider not in self._health:
            self._health[provider] = VoiceHealth(
                provider, tolerance=self._tolerance, recorder=self._recorder
            )
        return self._health[provider]

    @property
    def gone_round(self) -> int:
        """Voices that new replies do not begin with."""
        return sum(health.is_open for health in list(self._health.values()))

    @asynccontextmanager
    async def at_work(self, scripts: Iterable[Script], *, voice: BuildVoice) -> AsyncIterator[None]:
        """Record the scripts, and probe, for the length of the block."""
        parts = list(scripts)
        tasks = [
            asyncio.create_task(self._record_all(parts, voice)),
            asyncio.create_task(self._probe_all(parts, voice)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # ── recording ────────────────────────────────────────────────────────────────────

    async def _record_all(self, scripts: list[Script], voice: BuildVoice) -> None:
        """One after another: a call that comes meanwhile has the machine to itself."""
        waiting = {script.key: script for script in scripts}
        for pause_s in (0.0, *_AGAIN_S):
            await asyncio.sleep(pause_s)
            for key, script in list(waiting.items()):
                if await self._record(script, voice):
                    del waiting[key]
            if not waiting:
                break
        for key in waiting:
            logger.warning("{}: not every phrase could be recorded", key.provider)

    async def _record(self, script: Script, voice: BuildVoice) -> bool:
        """Whether all of it is recorded now; a phrase that fails does not keep the others from it,
        unless two in a row do."""
        failed = 0
        missing = [text for text in script.texts if not self.store.has(script.key, text)]
        while missing and failed < 2:
            try:
                async with Booth(voice(script.key)) as booth:
                    while missing:
                        await self._take(booth, script.key, missing.pop(0))
                        failed = 0
            except (ProviderFault, TimeoutError) as fault:
                failed += 1
                logger.info(
                    "{}: a phrase is recorded later: {}", script.key.provider, type(fault).__name__
                )
        is_done = all(self.store.has(script.key, text) for text in script.texts)
        if is_done:
            logger.info("{}: {} phrases recorded", script.key.provider, len(script.texts))
        return is_done

    async def _take(self, booth: Booth, key: VoiceKey, text: str) -> None:
        self._recorder.count(TTS_CHARACTERS, len(text), provider=key.provider)
        self.store.keep(key, await booth.record(text, timeout_s=_RECORD_S))

    # ── probing ──────────────────────────────────────────────────────────────────────

    async def _probe_all(self, scripts: list[Script], voice: BuildVoice) -> None:
        keys = {script.key.provider: script.key for script in reversed(scripts)}
        while True:
            due = [
                key
                for provider, key in keys.items()
                if (due_s := self.health(provider).probe_due_s()) is not None and due_s <= 0
            ]
            for key in due:
                self.health(key.provider).probed(await self._probe(key, voice))
            await asyncio.sleep(min(_LOOK_S, self._tolerance.probe_s / 4))

    async def _probe(self, key: VoiceKey, voice: BuildVoice) -> float | None:
        text = _PROBE.get(key.language.partition("-")[0], _PROBE["en"])
        self._recorder.count(TTS_CHARACTERS, len(text), provider=key.provider)
        try:
            async with Booth(voice(key)) as booth:
                return await booth.probe(text, timeout_s=_PROBE_TIMEOUT_S)
        except (ProviderFault, TimeoutError):
            return None
