"""Foreign errors become the call's own."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from pipecat.utils.errors import ErrorCategory

from call.errors import (
    Party,
    ProviderBroke,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from services.fault import (
    Origin,
    category,
    from_close,
    from_exception,
    from_name,
    from_status,
    kind,
)

pytestmark = pytest.mark.rule

VOICE = Origin("elevenlabs", "speak")


@pytest.mark.parametrize(
    ("status", "want"),
    [
        (400, ProviderRefused), (401, ProviderRefused), (402, ProviderRefused),
        (403, ProviderRefused), (404, ProviderRefused), (408, ProviderSlow),
        (422, ProviderRefused), (429, ProviderBusy), (500, ProviderDown), (502, ProviderDown),
        (503, ProviderDown), (504, ProviderSlow), (529, ProviderBusy), (200, ProviderBroke),
    ],
)  # fmt: skip
def test_a_status_has_one_meaning(status: int, want: type[ProviderFault]) -> None:
    """Whoever sends it."""
    assert type(from_status(VOICE, status)) is want


def test_a_fault_says_who_when_to_return_and_which_request() -> None:
    """Everything a policy or a vendor's support needs, nothing of what was said."""
    headers = {"retry-after": "12", "x-request-id": "r1"}
    fault = from_status(VOICE, 429, headers=headers)
    assert (fault.provider, fault.stage, fault.party) == ("elevenlabs", "speak", Party.TTS)
    assert (fault.retry_after_s, fault.request_id) == (12.0, "r1")
    date = from_status(VOICE, 429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert date.retry_after_s is None


@pytest.mark.parametrize(
    ("name", "status", "want"),
    [
        ("overloaded_error", 200, ProviderBusy),
        ("concurrency_limited", 429, ProviderBusy),
        ("quota_exceeded", 0, ProviderRefused),
        ("voice_not_found", 0, ProviderRefused),
        ("input_timeout_exceeded", 0, ProviderSlow),
        ("api_error", 200, ProviderDown),
        ("something_else", 503, ProviderDown),
        ("something_else", 0, ProviderBroke),
        ("", 0, ProviderBroke),
    ],
)
def test_a_provider_s_own_word_comes_before_the_status(
    name: str, status: int, want: type[ProviderFault]
) -> None:
    """An error event after a 200 has nothing else."""
    assert type(from_name(VOICE, name, status=status)) is want


def test_a_provider_s_sentence_never_gets_into_a_fault() -> None:
    """It may quote what was said."""
    fault = from_name(VOICE, "cannot speak '555 0142'")
    assert "0142" not in str(fault)
    assert "0142" not in str(from_exception(VOICE, ValueError("555 0142")))


@pytest.mark.parametrize(
    ("code", "want"),
    [
        (None, ProviderDown), (1000, ProviderDown), (1006, ProviderDown), (1008, ProviderBroke),
        (1011, ProviderDown), (1013, ProviderBusy), (4000, ProviderDown),
    ],
)  # fmt: skip
def test_a_close_has_one_meaning(code: int | None, want: type[ProviderFault]) -> None:
    """None of them is permanent: vendors close 1008 for idleness, too."""
    fault = from_close(VOICE, code)
    assert type(fault) is want
    assert not category(fault).is_permanent


@pytest.mark.parametrize(
    ("exc", "want"),
    [
        (TimeoutError(), ProviderSlow),
        (ConnectionResetError(), ProviderDown),
        (aiohttp.ClientPayloadError(), ProviderDown),
        (json.JSONDecodeError("no", "text", 0), ProviderBroke),
        (KeyError("context_id"), ProviderBroke),
    ],
)
def test_an_exception_has_one_meaning(exc: Exception, want: type[ProviderFault]) -> None:
    """Sockets, HTTP and JSON alike; a fault stays itself."""
    fault = from_exception(VOICE, exc)
    assert type(fault) is want
    assert from_exception(VOICE, fault) is fault


def test_only_what_asking_again_cannot_change_is_permanent() -> None:
    """Pipecat gives a service up on those."""
    assert category(from_status(VOICE, 401)) is ErrorCategory.AUTHENTICATION
    assert category(from_status(VOICE, 404)) is ErrorCategory.INVALID_REQUEST
    assert category(from_status(VOICE, 402)) is ErrorCategory.QUOTA
    assert category(from_name(VOICE, "quota_exceeded")) is ErrorCategory.QUOTA
    assert category(from_status(VOICE, 503)) is ErrorCategory.SERVER
    assert category(VOICE.down("reset")) is ErrorCategory.CONNECTIVITY
    assert category(VOICE.slow("late")) is ErrorCategory.CONNECTIVITY
    assert category(VOICE.broke("garbage")) is ErrorCategory.SERVER
    assert not ErrorCategory.QUOTA.is_permanent


def test_the_label_of_a_fault_is_one_word() -> None:
    """Bounded, for a counter."""
    faults = (from_status(VOICE, s) for s in (401, 429, 503, 504, 200))
    assert [kind(f) for f in faults] == ["refused", "busy", "down", "slow", "broke"]


def test_cancellation_is_no_fault() -> None:
    """It must never be translated: it is not an Exception."""
    assert not issubclass(asyncio.CancelledError, Exception)
