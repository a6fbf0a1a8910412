"""`offhook why`, `offhook audit`, `offhook forget`: ask the store about calls that were."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy.exc import SQLAlchemyError
from uuid6 import UUID

from bot.secrets import account_of
from bot.settings import Loaded
from call.errors import AgentError, SettingsError
from telemetry import recordings
from telemetry.audit import flags, sample
from telemetry.rollups import of_calls
from telemetry.sealed import SealedError
from telemetry.store import CallStore
from telemetry.why import Story, why
from transports.twilio.recordings import delete_recording

# What is usual is taken from this many calls.
USUAL_CALLS = 200
MOST_CALLS_A_DAY = 100_000


@contextmanager
def open_store(loaded: Loaded) -> Iterator[CallStore]:
    """The store of the settings; one line when it cannot be opened."""
    url = loaded.secrets.value("DATABASE_URL") or loaded.settings.store.url
    if not url:
        raise SettingsError("store.url", "is empty: calls are kept in memory only", source="here")
    try:
        store = CallStore(url)
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise SettingsError(
            "store.url", f"cannot be opened: {type(error).__name__}", source="here"
        ) from None
    try:
        yield store
    finally:
        store.close()


def story_of(loaded: Loaded, call_id: str) -> Story | None:
    """What happened in a call; None when nothing is kept of it."""
    with open_store(loaded) as store:
        record = store.get(call_id)
        others = [call for call in store.newest(USUAL_CALLS) if call["call_id"] != call_id]
    if record is None:
        return None
    budgets = loaded.settings.budgets
    return why(record, budgets, usual=of_calls(reversed(others), budgets) if others else None)


def audit_of(loaded: Loaded, day: date) -> list[str]:
    """The lines of a day's audit."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    since, until = midnight.timestamp(), (midnight + timedelta(days=1)).timestamp()
    with open_store(loaded) as store:
        calls = store.newest(MOST_CALLS_A_DAY, since=since, until=until)
    drawn = sample(calls)
    lines = [f"{day}: {len(drawn)} of {len(calls)} calls"]
    flagged = 0
    for call in drawn:
        found = flags(call)
        flagged += bool(found)
        length_s = float(call.get("duration_s") or 0.0)
        lines.append(f"{call['call_id']}  {length_s:.0f} s  {call['ending']}")
        lines += [f"    {flag}" for flag in found] or ["    nothing to look at"]
    lines.append(f"{flagged} of them want a look")
    return lines


@dataclass(frozen=True)
class Forgotten:
    """What became of a call that was to be forgotten."""

    was_kept: bool
    recording_left: str = ""
    """where the caller's message still lies at the carrier; empty when there is none (any more)"""


def forget(loaded: Loaded, call_id: str, *, runs: Path = Path("runs")) -> Forgotten:
    """Delete the record of a call, the message its caller left, and its folder of a demo."""
    with open_store(loaded) as store:
        record: dict[str, Any] = store.get(call_id) or {}
        if record.get("ending", "") is None:
            raise SettingsError(call_id, "is still going on", source="the call")
        was_kept = store.forget(call_id)
    sealed = Path(loaded.settings.recordings.folder)
    if _id(call_id) is not None and recordings.forget(sealed, call_id):
        was_kept = True
    left = str(record.get("voicemail_url") or "")
    if left and asyncio.run(_delete_recording(loaded, left)):
        left = ""
    folder = runs / str(_id(call_id) or "")
    if _id(call_id) is not None and folder.is_dir():
        shutil.rmtree(folder)
        was_kept = True
    return Forgotten(was_kept, recording_left=left)


def recording_of(loaded: Loaded, call_id: str, out: Path) -> str:
    """Open a call's recording for whoever has its key, as a WAV file; one line about it."""
    key = loaded.secrets.value(recordings.KEY_NAME)
    if not key:
        raise SettingsError(recordings.KEY_NAME, "not set", source="environment")
    if _id(call_id) is None:
        raise AgentError(f"{call_id} is no call's id")
    path = recordings.path_of(Path(loaded.settings.recordings.folder), call_id)
    if not path.is_file():
        raise AgentError(f"no recording of call {call_id} is kept in {path.parent}")
    try:
        seconds, is_whole = recordings.play_out(path, out, key=key)
    except (SealedError, OSError) as error:
        text = str(error) if isinstance(error, SealedError) else type(error).__name__
        raise AgentError(f"the recording cannot be opened: {text}") from None
    return f"{out}: {seconds:.1f} s{'' if is_whole else ', cut off when its process ended'}"


async def _delete_recording(loaded: Loaded, url: str) -> bool:
    """Ask the carrier, where we know the account."""
    account = account_of(loaded)
    if account is None:
        return False
    async with aiohttp.ClientSession() as session:
        return await delete_recording(
            url, account=account, settings=loaded.settings.twilio, session=session
        )


def _id(call_id: str) -> UUID | None:
    """The call's id as a UUID; anything else is no folder of ours."""
    try:
        return UUID(call_id)
    except ValueError:
        return None
