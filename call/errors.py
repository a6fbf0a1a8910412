"""Everything that can go wrong, and whose fault it is.

    AgentError
    ├── SettingsError            refuse to start; names the key and where it came from
    ├── CallRefused              not an accident: admission said no (full, draining, unsigned)
    ├── MisuseError              our bug (also an AssertionError): wrong state, wrong order
    └── Fault                    the world misbehaved; .party .stage .retryable
        ├── CallerWireFault
        │   ├── PeerBroke          a message that breaks the carrier's protocol
        │   └── PeerVanished       no stop, no bytes, a dead socket
        └── ProviderFault          .provider .retry_after_s .request_id
            ├── ProviderSlow       a first-byte or stall budget passed
            ├── ProviderBusy       429, overloaded
            ├── ProviderDown       refused, reset, 5xx
            ├── ProviderRefused    4xx, bad key, unknown voice: permanent
            └── ProviderBroke      unreadable or out-of-order answer

Every error answers three questions: whose fault, worth retrying, and (in one table elsewhere) what
the caller hears. Messages are built from typed attributes; they never contain speech, digits,
prompts, payloads or keys. How a call ended is no error: it is an `Ending`.
"""

from __future__ import annotations

from enum import StrEnum


class Party(StrEnum):
    """Who is at fault when a call ends badly."""

    CALLER = "caller"
    CARRIER = "carrier"
    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    US = "us"


class Ending(StrEnum):
    """How a call ended; the hang-up distribution is a count over this."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_SAID_GOODBYE = "agent_said_goodbye"
    HANDED_OFF = "handed_off"
    VOICEMAIL = "voicemail"
    DRAINED = "drained"
    REFUSED = "refused"
    FAULT = "fault"


class AgentError(Exception):
    """Root of everything offhook raises."""


class SettingsError(AgentError):
    """A setting is missing, unknown or out of range; the process refuses to start."""

    def __init__(self, key: str, problem: str, *, source: str, remedy: str = "") -> None:
        self.key = key
        self.problem = problem
        self.source = source
        self.remedy = remedy
        super().__init__(key, problem)

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        said = f"{self.key} ({self.source}): {self.problem}{remedy}"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in said)  # one line, always


class CallRefused(AgentError):
    """Admission said no. Not an accident: the caller hears a polite sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"call refused: {self.reason}"


class MisuseError(AgentError, AssertionError):
    """Our own bug: a method called in the wrong state or order."""


class Fault(AgentError):
    """The world misbehaved."""

    party: Party = Party.US
    retryable: bool = False

    def __init__(self, stage: str, detail: str = "") -> None:
        self.stage = stage
        self.detail = detail
        super().__init__(stage, detail)

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"{type(self).__name__} at {self.stage}{detail}"


class CallerWireFault(Fault):
    """The connection that carries the caller misbehaved."""

    party = Party.CARRIER


class PeerBroke(CallerWireFault):
    """The carrier sent a message that breaks its protocol; it is counted and survived."""


class PeerVanished(CallerWireFault):
    """The carrier's socket died without a stop."""


class ProviderFault(Fault):
    """A recogniser, model or voice misbehaved."""

    _PARTIES = {"hear": Party.STT, "think": Party.LLM, "speak": Party.TTS}

    def __init__(
        self,
        stage: str,
        detail: str = "",
        *,
        provider: str,
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(stage, detail)
        self.provider = provider
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.party = self._PARTIES.get(stage, Party.US)

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.provider}: {super().__str__()}{request}"


class ProviderSlow(ProviderFault):
    """A first-byte or stall budget passed."""

    retryable = True


class ProviderBusy(ProviderFault):
    """Over a rate or concurrency limit, or overloaded."""

    retryable = True


class ProviderDown(ProviderFault):
    """Refused, reset or a 5xx."""

    retryable = True


class ProviderRefused(ProviderFault):
    """A 4xx that will not change by asking again: bad key, unknown voice, bad request."""


class ProviderBroke(ProviderFault):
    """An answer that cannot be read, or came out of order."""

    retryable = True
