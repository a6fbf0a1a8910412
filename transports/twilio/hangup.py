"""Ending a call from our side, over the carrier's REST API: quick, final, and never the call's
problem."""

from __future__ import annotations

from dataclasses import dataclass, field

import aiohttp
from loguru import logger

from call.errors import CallerWireFault
from transports.twilio.webhook import Twilio

ALREADY_OVER = 404  # with code 20404: the call is no longer there, which is what was asked for


@dataclass(frozen=True)
class Account:
    """Who asks: account and its token, or an API key and its secret in the account's name."""

    account_id: str
    secret: str = field(repr=False)
    key_id: str = ""

    @property
    def authorization(self) -> str:
        """The header that says so."""
        return aiohttp.encode_basic_auth(self.key_id or self.account_id, self.secret)


class HangUpFailed(CallerWireFault):
    """The carrier did not end the call; it ends when our socket closes."""

    retryable = True


async def hang_up(
    call_id: str, *, account: Account, settings: Twilio, session: aiohttp.ClientSession
) -> HangUpFailed | None:
    """Complete the call; answers None when it is over, or the fault, logged, never raised."""
    path = f"/2010-04-01/Accounts/{account.account_id}/Calls/{call_id}.json"
    url = settings.api_url.rstrip("/") + path
    try:
        async with session.post(
            url,
            data={"Status": "completed"},
            headers={"Authorization": account.authorization},
            timeout=aiohttp.ClientTimeout(total=settings.rest_timeout_s),
        ) as response:
            if response.status < 300 or response.status == ALREADY_OVER:
                return None
            fault = HangUpFailed("hang up", f"HTTP {response.status}")
    except (TimeoutError, aiohttp.ClientError, OSError) as exc:
        fault = HangUpFailed("hang up", type(exc).__name__)
    logger.warning(f"call not ended by the carrier: {fault}")
    return fault
