"""How well each voice is, for all calls of the process: said in the log and counted."""

from __future__ import annotations

import time
from collections.abc import Callable

from loguru import logger

from call.errors import ProviderFault, ProviderRefused
from call.failover import Answered, Close, Fact, Failed, Health, Open, Probed, Tolerance
from call.measures import CIRCUITS, Recorder


class VoiceHealth:
    """Hosts `call.failover.Health` for one provider."""

    def __init__(
        self,
        provider: str,
        *,
        tolerance: Tolerance,
        recorder: Recorder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.tolerance = tolerance
        self._health = Health(tolerance)
        self._recorder = recorder
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """The provider is gone round."""
        return self._health.is_open

    @property
    def budget_s(self) -> float:
        """How long its first sound is waited for."""
        return self._health.budget_s

    @property
    def usual_s(self) -> float:
        """How long its first sound takes, as a rule."""
        return self._health.usual_s

    def answered(self, after_s: float) -> None:
        """Its first sound came so long after it was asked for."""
        self._tell(Answered(after_s))

    def failed(self, fault: ProviderFault) -> None:
        """A fault of it was met."""
        is_permanent = isinstance(fault, ProviderRefused)
        self._tell(Failed(is_permanent=is_permanent, retry_after_s=fault.retry_after_s))

    def probed(self, after_s: float | None) -> None:
        """What a probe found."""
        self._tell(Probed(after_s))

    def probe_due_s(self) -> float | None:
        """Seconds until it is to be probed; None while it is not gone round."""
        due_at = self._health.next_deadline()
        return None if due_at is None else max(0.0, due_at - self._clock())

    def _tell(self, fact: Fact) -> None:
        for action in self._health.decide(fact, self._clock()):
            match action:
                case Open(reason=reason):
                    self._recorder.count(CIRCUITS, provider=self.provider, state="open")
                    logger.warning("{} is gone round: {}", self.provider, reason)
                case Close():
                    self._recorder.count(CIRCUITS, provider=self.provider, state="closed")
                    logger.info("{} is back", self.provider)
