"""The command line tells a call, draws a day's sample, and forgets for good."""

from __future__ import annotations

import asyncio
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.lookup import audit_of, forget, open_store, recording_of, story_of
from bot.settings import Loaded, load
from call.errors import AgentError, SettingsError
from telemetry.recordings import path_of
from telemetry.sealed import SealedWriter
from tests.lab.clients import providers, session
from tests.telemetry.test_store import NOW, document, running

pytestmark = pytest.mark.rule

CALL = "0199f000-aaaa-7bbb-8ccc-dddddddddddd"


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    found = load({"OFFHOOK__STORE__URL": f"sqlite:///{tmp_path}/calls.db"})
    with open_store(found) as store:
        store.write([document(CALL, wire="twilio"), document("other"), running("now")])
    return found


def test_a_call_that_is_kept_is_told(loaded: Loaded) -> None:
    """One that is not, is not."""
    story = story_of(loaded, CALL)
    assert story is not None
    assert story.lines[0].startswith(f"Call {CALL}, twilio, 12 s, 1 turns: the caller hung up")
    assert story_of(loaded, "nobody") is None


def test_the_audit_lists_the_calls_of_one_day(loaded: Loaded) -> None:
    """With their flags, or that there are none."""
    lines = audit_of(loaded, datetime.fromtimestamp(NOW, UTC).date())
    assert lines[0].endswith(": 2 of 2 calls")
    assert "    nothing to look at" in lines
    assert lines[-1] == "0 of them want a look"
    assert audit_of(loaded, datetime(2001, 1, 1, tzinfo=UTC).date())[0].endswith("0 of 0 calls")


def test_what_is_forgotten_is_gone_with_its_folder(loaded: Loaded, tmp_path: Path) -> None:
    """And nothing beside it."""
    folder = tmp_path / "runs" / CALL
    folder.mkdir(parents=True)
    (folder / "recording.wav").write_bytes(b"x")
    assert forget(loaded, CALL, runs=tmp_path / "runs").was_kept
    assert not folder.exists()
    assert not forget(loaded, CALL, runs=tmp_path / "runs").was_kept
    assert story_of(loaded, "other") is not None


def test_no_name_leads_out_of_the_folder_of_calls(loaded: Loaded, tmp_path: Path) -> None:
    """Only a call's id is a folder's name."""
    precious = tmp_path / "precious"
    precious.mkdir()
    assert not forget(loaded, "../precious", runs=tmp_path / "runs").was_kept
    assert precious.is_dir()


def test_a_call_that_goes_on_cannot_be_forgotten(loaded: Loaded) -> None:
    """Its next turn would write it again."""
    with pytest.raises(SettingsError, match="still going on"):
        forget(loaded, "now")


def test_a_store_that_cannot_be_opened_is_one_line() -> None:
    """Nor can memory of another process."""
    with pytest.raises(SettingsError, match="in memory only"):
        story_of(load({"OFFHOOK__STORE__URL": ""}), CALL)
    with pytest.raises(SettingsError, match="cannot be opened"):
        story_of(load({"OFFHOOK__STORE__URL": "sqlite:////proc/no/calls.db"}), CALL)


SID = "RE" + "0123456789abcdef" * 2


@pytest.fixture
def left_a_message(loaded: Loaded) -> str:
    """Where the caller's message lies."""
    url = f"https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{SID}"
    with open_store(loaded) as store:
        store.follow_up({f"CA{CALL}": {"voicemail_url": url, "voicemail_s": 9}})
    return url


def test_a_message_is_part_of_the_story(loaded: Loaded, left_a_message: str) -> None:
    """Where it is, and how long."""
    story = story_of(loaded, CALL)
    assert story is not None
    assert f"Behind the call a message of 9 s was left: {left_a_message}." in story.lines


def test_a_message_whose_account_is_not_known_is_named(
    loaded: Loaded, left_a_message: str, tmp_path: Path
) -> None:
    """The reference is deleted all the same."""
    done = forget(loaded, CALL, runs=tmp_path / "runs")
    assert (done.was_kept, done.recording_left) == (True, left_a_message)
    assert story_of(loaded, CALL) is None


async def test_a_message_is_deleted_at_the_carrier(
    tmp_path: Path, loaded: Loaded, left_a_message: str
) -> None:
    """With our account, over REST."""
    async with providers() as lab, session() as client:
        known = load(
            {
                "OFFHOOK__STORE__URL": loaded.settings.store.url,
                "OFFHOOK__TWILIO__API_URL": lab.http_url,
                "TWILIO_ACCOUNT_SID": "AC1",
                "TWILIO_AUTH_TOKEN": "throw-away",
            }
        )
        async with client.put(f"{lab.http_url}/control/recordings/{SID}"):
            pass
        done = await asyncio.to_thread(forget, known, CALL, runs=tmp_path / "runs")
        async with client.get(f"{lab.http_url}/control/recordings") as answer:
            assert await answer.json() == {"recordings": []}
    assert (done.was_kept, done.recording_left) == (True, "")


# ── recordings ───────────────────────────────────────────────────────────────────────
KEY = "k" * 40


def recorded(tmp_path: Path, **environ: str) -> Loaded:
    """Settings beside a store, with one recording of CALL."""
    found = load(
        {
            "OFFHOOK__STORE__URL": f"sqlite:///{tmp_path}/calls.db",
            "OFFHOOK__RECORDINGS__FOLDER": str(tmp_path / "sealed"),
            **environ,
        }
    )
    with open_store(found) as store:
        store.write([document(CALL, wire="twilio")])
    writer = SealedWriter(path_of(tmp_path / "sealed", CALL), key=KEY, about={"call_id": CALL})
    writer.write(b"\xff" * 32000)
    writer.close()
    return found


def test_whoever_has_the_key_hears_a_call(tmp_path: Path) -> None:
    """As a WAV file; that its end is missing is said."""
    loaded = recorded(tmp_path, OFFHOOK_RECORDING_KEY=KEY)
    line = recording_of(loaded, CALL, tmp_path / "out.wav")
    assert line == f"{tmp_path}/out.wav: 2.0 s, cut off when its process ended"
    with wave.open(str(tmp_path / "out.wav")) as wav:
        assert (wav.getnchannels(), wav.getnframes()) == (2, 16000)


@pytest.mark.parametrize(
    ("key", "call_id", "problem"),
    [
        ("", CALL, "OFFHOOK_RECORDING_KEY"),
        ("o" * 40, CALL, "another key"),
        (KEY, "0199f000-aaaa-7bbb-8ccc-000000000000", "no recording"),
        (KEY, "../../etc/passwd", "no call's id"),
    ],
)
def test_nobody_else_does(tmp_path: Path, key: str, call_id: str, problem: str) -> None:
    """No key, another, another call, a name that is none: one line each."""
    loaded = recorded(tmp_path, **({"OFFHOOK_RECORDING_KEY": key} if key else {}))
    with pytest.raises(AgentError, match=problem):
        recording_of(loaded, call_id, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_a_forgotten_call_takes_its_recording_along(tmp_path: Path) -> None:
    """With its record, or alone."""
    loaded = recorded(tmp_path)
    assert forget(loaded, CALL).was_kept
    assert list((tmp_path / "sealed").iterdir()) == []
    assert not forget(loaded, CALL).was_kept
