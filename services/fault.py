"""Foreign exceptions, status codes and close codes become `call.errors`: the one place.

Every function answers with a `ProviderFault`; none of them copies a message of the provider, which
may hold speech, a prompt or a key. `report` sends a fault on its way: counted, then upstream as an
`ErrorFrame` whose `.exception` is the fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import anthropic
import httpx2
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.errors import ErrorCategory

from call.errors import (
    ProviderBroke,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from call.measures import PROVIDER_FAULTS, Recorder

REFUSAL = "the model refused to answer"
_QUOTA = "quota"
_REQUEST_ID_HEADERS = ("request-id", "dg-request-id", "x-request-id")

# Names providers give their errors in the body, where the status says less (or 200).
_BUSY_NAMES = frozenset(
    {
        "rate_limit_error",
        "overloaded_error",
        "rate_limit_exceeded",
        "too_many_concurrent_requests",
        "system_busy",
        "concurrency_limited",
        "concurrency_limit_exceeded",
    }
)
_SLOW_NAMES = frozenset({"timeout_error", "input_timeout_exceeded"})
_QUOTA_NAMES = frozenset({"billing_error", "quota_exceeded", "insufficient_credits"})
_REFUSED_NAMES = frozenset(
    {
        "authentication_error",
        "permission_error",
        "not_found_error",
        "invalid_request_error",
        "request_too_large",
        "invalid_api_key",
        "voice_not_found",
        "voice_id_does_not_exist",
        "model_not_found",
        "max_character_limit_exceeded",
    }
)


@dataclass(frozen=True)
class Origin:
    """Who misbehaved: the provider, and the stage of the turn it serves (hear, think, speak)."""

    provider: str
    stage: str

    def slow(self, detail: str) -> ProviderFault:
        """A budget passed."""
        return ProviderSlow(self.stage, detail, provider=self.provider)

    def down(self, detail: str) -> ProviderFault:
        """Refused, reset or closed."""
        return ProviderDown(self.stage, detail, provider=self.provider)

    def broke(self, detail: str) -> ProviderFault:
        """An answer that cannot be used."""
        return ProviderBroke(self.stage, detail, provider=self.provider)


def from_status(
    origin: Origin,
    status: int,
    *,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
) -> ProviderFault:
    """The fault an HTTP status means; `retry-after` and the request id come from the headers."""
    kind: type[ProviderFault]
    if status in (429, 529):
        kind = ProviderBusy
    elif status in (408, 504):
        kind = ProviderSlow
    elif 400 <= status < 500:
        kind = ProviderRefused
    elif status >= 500:
        kind = ProviderDown
    else:
        kind = ProviderBroke
    detail = f"status {status}" + (f", {_QUOTA}" if status == 402 else "")
    headers = headers or {}
    return kind(
        origin.stage,
        detail,
        provider=origin.provider,
        retry_after_s=_retry_after(headers),
        request_id=request_id or _request_id(headers),
    )


def from_name(
    origin: Origin, name: str, *, status: int = 0, request_id: str | None = None
) -> ProviderFault:
    """The fault a provider's own error name means; an unknown name falls back to the status."""
    kind: type[ProviderFault]
    detail = name if name.isidentifier() and len(name) <= 40 else "unnamed error"
    if name in _BUSY_NAMES:
        kind = ProviderBusy
    elif name in _SLOW_NAMES:
        kind = ProviderSlow
    elif name in _QUOTA_NAMES:
        kind, detail = ProviderRefused, f"{detail}, {_QUOTA}"
    elif name in _REFUSED_NAMES:
        kind = ProviderRefused
    elif status >= 400:
        return from_status(origin, status, request_id=request_id)
    else:
        kind = ProviderDown if name == "api_error" else ProviderBroke
    return kind(origin.stage, detail, provider=origin.provider, request_id=request_id)


def from_close(origin: Origin, code: int | None) -> ProviderFault:
    """The fault a WebSocket close means.

    1008 is what vendors send for idle contexts as well as for bad keys, so it is not taken as
    permanent; 1013 is "try again later".
    """
    if code == 1013:
        return ProviderBusy(origin.stage, f"closed {code}", provider=origin.provider)
    if code in (1002, 1003, 1007, 1008, 1009):
        return origin.broke(f"closed {code}")
    return origin.down(f"closed {code}" if code else "connection lost")


def from_exception(origin: Origin, exc: BaseException) -> ProviderFault:
    """The fault an exception of a socket, HTTP or SDK library means."""
    match exc:
        case ProviderFault():
            return exc
        case aiohttp.WSServerHandshakeError() as refused:
            return from_status(origin, refused.status, headers=refused.headers)
        case anthropic.APIStatusError() as error:
            return _from_anthropic(origin, error)
        case TimeoutError() | anthropic.APITimeoutError() | httpx2.TimeoutException():
            return origin.slow(type(exc).__name__)
        case (
            aiohttp.ClientError() | anthropic.APIConnectionError() | httpx2.TransportError()
        ) | OSError():
            return origin.down(type(exc).__name__)
        case json.JSONDecodeError() | UnicodeDecodeError() | anthropic.APIResponseValidationError():
            return origin.broke("unreadable answer")
        case _:
            return origin.broke(type(exc).__name__)


def category(fault: ProviderFault) -> ErrorCategory:
    """Pipecat's word for a fault; authentication and invalid requests make a service unusable."""
    match fault:
        case ProviderBusy():
            return ErrorCategory.RATE_LIMIT
        case ProviderRefused(detail=detail) if detail == REFUSAL:
            return ErrorCategory.APPLICATION
        case ProviderRefused(detail=detail) if detail.endswith(_QUOTA):
            return ErrorCategory.QUOTA
        case ProviderRefused(detail=detail) if detail in ("status 401", "authentication_error"):
            return ErrorCategory.AUTHENTICATION
        case ProviderRefused():
            return ErrorCategory.INVALID_REQUEST
        case ProviderSlow():
            return ErrorCategory.CONNECTIVITY
        case ProviderDown(detail=detail) if not detail.startswith("status"):
            return ErrorCategory.CONNECTIVITY
        case _:
            return ErrorCategory.SERVER


def kind(fault: ProviderFault) -> str:
    """The label of a fault on counters: slow, busy, down, refused or broke."""
    return type(fault).__name__.removeprefix("Provider").lower()


async def report(processor: FrameProcessor, fault: ProviderFault, recorder: Recorder) -> None:
    """Count a fault and push it upstream as an `ErrorFrame`."""
    recorder.count(PROVIDER_FAULTS, provider=fault.provider, kind=kind(fault))
    await processor.push_error(str(fault), exception=fault, category=category(fault))


def _from_anthropic(origin: Origin, error: anthropic.APIStatusError) -> ProviderFault:
    # An error event after a 200 arrives as a bare APIStatusError with status 200: its name decides.
    if error.status_code >= 400 and error.type != "overloaded_error":
        return from_status(
            origin,
            error.status_code,
            headers=error.response.headers,
            request_id=error.request_id,
        )
    fault = from_name(
        origin, error.type or "", status=error.status_code, request_id=error.request_id
    )
    fault.retry_after_s = _retry_after(error.response.headers)
    return fault


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None  # absent, or a date: nobody in this trade sends dates


def _request_id(headers: Mapping[str, str]) -> str | None:
    return next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)
