"""A Daily room as the caller's side: a browser, or a telephone Daily dialled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipecat.transports.daily.transport import (
    DailyInputTransport,
    DailyOutputTransport,
    DailyParams,
    DailyTransport,
)

from call.audio import RATE_HZ
from call.errors import MisuseError
from call.measures import Recorder
from call.mixdown import Recording
from frames.wire import WireStartedFrame
from transports.intake import BoundedInput
from transports.send_clock import ClockedOutput
from transports.wire import Wire


@dataclass(frozen=True)
class Daily:
    """Section `[daily]`: the room the agent waits in when `wire.kind` is daily."""

    room_url: str = ""
    """Address of the room (https://….daily.co/…)."""

    agent_name: str = "offhook"
    """The name the agent carries in the room."""

    def __post_init__(self) -> None:
        if self.room_url and not self.room_url.startswith("https://"):
            raise ValueError(
                f"daily.room_url is {self.room_url!r}; write it with https:// in front"
            )


@dataclass(frozen=True)
class DailyDoor:
    """A room to join: what `transport()` needs to serve whoever comes in."""

    room_url: str
    token: str | None = field(default=None, repr=False)
    agent_name: str = "offhook"


class RoomInput(BoundedInput, DailyInputTransport):
    """The callers of the room."""


class RoomOutput(ClockedOutput, DailyOutputTransport):
    """The agent's voice in the room."""


class RoomTransport(DailyTransport):
    """One room's wire; the pipeline behind it is 8 kHz like a telephone's."""

    kind = "daily"

    def __init__(self, door: DailyDoor, *, settings: Wire, recorder: Recorder) -> None:
        if not door.room_url:
            raise MisuseError("a room without an address cannot be joined; set daily.room_url")
        params = DailyParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=RATE_HZ,
            audio_out_sample_rate=RATE_HZ,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
            audio_in_user_tracks=False,  # one mixed track, like a telephone
        )
        super().__init__(door.room_url, door.token, door.agent_name, params)
        self._has_started = False
        self._has_ended = False
        self._ears = RoomInput(self, self._client, params, name="RoomInput")
        self._ears.bound(settings, recorder)
        self._mouth = RoomOutput(self, self._client, params, name="RoomOutput")
        self._mouth.keep_time(settings.browser_buffer_s, recorder)
        self._input, self._output = self._ears, self._mouth

    def input(self) -> RoomInput:
        """The station the caller comes out of."""
        return self._ears

    def output(self) -> RoomOutput:
        """The station the agent goes into."""
        return self._mouth

    def record(self, recording: Recording) -> None:
        """Tell a recording what is heard on both sides."""
        self._ears.recording = self._mouth.recording = recording

    async def close(self) -> None:
        """Leave the room, whatever state the call is in."""
        self._has_ended = True
        await self._client.leave()

    async def _on_participant_joined(self, participant: Mapping[str, Any]) -> None:
        await super()._on_participant_joined(participant)
        if not self._has_started:
            self._has_started = True
            await self._ears.broadcast_frame(
                WireStartedFrame, stream_id=self.room_url, provider_call_id=str(participant["id"])
            )

    async def _on_participant_left(self, participant: Mapping[str, Any], reason: str) -> None:
        await super()._on_participant_left(participant, reason)
        # the agent itself is the one still present
        if not self._has_ended and self.participant_counts().get("present", 0) <= 1:
            self._has_ended = True
            await self._ears.stopped("closed")
