"""Deleting a message that the carrier keeps for us: best effort, said plainly when it fails."""

from __future__ import annotations

import re

import aiohttp
from loguru import logger

from transports.twilio.hangup import Account
from transports.twilio.webhook import Twilio

_RECORDING = re.compile(r"/Recordings/(RE[0-9a-f]{32})$")
GONE = (204, 404)


async def delete_recording(
    url: str, *, account: Account, settings: Twilio, session: aiohttp.ClientSession
) -> bool:
    """Whether the recording is gone, now or before; asked of our own account, whatever `url`
    says."""
    found = _RECORDING.search(url)
    if found is None:
        return False
    path = f"/2010-04-01/Accounts/{account.account_id}/Recordings/{found[1]}.json"
    try:
        async with session.delete(
            settings.api_url.rstrip("/") + path,
            headers={"Authorization": account.authorization},
            timeout=aiohttp.ClientTimeout(total=settings.rest_timeout_s),
            allow_redirects=False,
        ) as response:
            if response.status in GONE:
                return True
            logger.warning("recording not deleted: HTTP {}", response.status)
    except (TimeoutError, aiohttp.ClientError, OSError) as exc:
        logger.warning("recording not deleted: {}", type(exc).__name__)
    return False
