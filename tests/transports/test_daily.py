"""A Daily room's wire: constructed, not joined (a room needs the vendor)."""

from __future__ import annotations

import pytest
from pipecat.transports.daily.transport import DailyInputTransport, DailyOutputTransport

from call.errors import MisuseError
from tests.wire import Notebook
from transports import transport
from transports.daily import Daily, DailyDoor, RoomTransport
from transports.intake import BoundedInput
from transports.send_clock import ClockedOutput
from transports.wire import Wire

pytestmark = pytest.mark.wire

DOOR = DailyDoor("https://example.daily.co/desk", token="hush")


async def test_a_room_is_a_wire_like_any_other() -> None:
    """`wire.kind` is the only change; the ends are bounded, clocked and 8 kHz."""
    wire = transport(Wire(kind="daily"), DOOR, recorder=Notebook())
    assert isinstance(wire, RoomTransport)
    assert wire.kind == "daily"
    assert isinstance(wire.input(), BoundedInput) and isinstance(wire.input(), DailyInputTransport)
    ends = (wire.output(), ClockedOutput), (wire.output(), DailyOutputTransport)
    assert all(isinstance(station, kind) for station, kind in ends)
    assert wire.input() is wire.input()
    params = wire._params
    assert (params.audio_in_sample_rate, params.audio_out_sample_rate) == (8000, 8000)


def test_a_door_does_not_show_its_token() -> None:
    """Printed, it names the room only."""
    assert "hush" not in repr(DOOR)


def test_no_room_is_our_mistake() -> None:
    """Without a room there is nothing to join."""
    with pytest.raises(MisuseError, match=r"daily\.room_url"):
        transport(Wire(kind="daily"), DailyDoor(""), recorder=Notebook())


def test_a_room_has_an_address() -> None:
    """An address without https is refused by name."""
    with pytest.raises(ValueError, match=r"daily\.room_url is 'room'"):
        Daily(room_url="room")


async def test_the_first_to_come_starts_the_call_and_the_last_to_go_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is told once, whoever else comes and goes."""
    wire = transport(Wire(kind="daily"), DOOR, recorder=Notebook())
    assert isinstance(wire, RoomTransport)
    told: list[tuple[str, str]] = []

    async def broadcast(kind: type, **fields: str) -> None:
        told.append((kind.__name__, fields["provider_call_id"]))

    async def stopped(reason: str) -> None:
        told.append(("stopped", reason))

    present = [3]
    monkeypatch.setattr(wire.input(), "broadcast_frame", broadcast)
    monkeypatch.setattr(wire.input(), "stopped", stopped)
    monkeypatch.setattr(wire, "participant_counts", lambda: {"present": present[0]})
    for name in ("a", "b"):
        await wire._on_participant_joined({"id": name})
    for name, left in (("a", 2), ("b", 1), ("b", 1)):
        present[0] = left
        await wire._on_participant_left({"id": name}, "leftCall")
    assert told == [("WireStartedFrame", "a"), ("stopped", "closed")]
    await wire.close()
    await wire.cleanup()
