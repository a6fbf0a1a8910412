"""Follows a script against what the caller hears; asked once per frame, decides at once.

No clock and no socket inside: `now` is an argument, deeds are what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lab.mouth import Clip
from lab.script import (
    HangUp,
    Interrupt,
    Key,
    Prompted,
    Say,
    Script,
    Silence,
    Step,
    WaitAgent,
    WaitEnd,
)

LONGEST_REPLY_S = 90.0  # nobody listens longer; the wait is then given up
UNTOLD_S = 4.0  # of silence more, and the agent is done whatever is told of it
_EPSILON = 1e-6  # frames are sums of 0.02 s


class Ears(Protocol):
    """What the caller has heard of the agent."""

    def heard_since(self, at: float, *, now: float) -> float | None:
        """When the first audible sound after `at` was played."""

    def heard_last(self, *, now: float) -> float | None:
        """When the last audible sound ended."""


@dataclass(frozen=True)
class Spoke:
    """The caller began to speak a clip."""

    clip: Clip
    kind: str
    follows_on: bool


@dataclass(frozen=True)
class Pressed:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True)
class AgentDone:
    """The caller takes the agent's turn to be over."""


@dataclass(frozen=True)
class GaveUp:
    """A wait timed out."""

    step: str


@dataclass(frozen=True)
class HungUp:
    """The caller hangs up."""


Deed = Spoke | Pressed | AgentDone | GaveUp | HungUp


class Player:
    """One caller's place in the script."""

    def __init__(
        self,
        script: Script,
        clips: Mapping[str, Clip],
        *,
        ears: Ears,
        now: float,
        is_agent_done: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_agent_done`: whether a silence is the end of what the agent says, if known."""
        self._steps = list(script.steps)
        self._clips = clips
        self._ears = ears
        self._is_agent_done = is_agent_done
        self._began_at = now
        self._floor_at = now  # since when the agent may speak: the caller's last word
        self._spoken_until: float | None = None
        self._pressed = 0
        self._prompt: str | None = None  # the clip that was named from outside
        self._has_waited = True  # an utterance after a wait opens a turn
        self._is_over = False
        self._do: Mapping[type[Step], Callable[[Step, float], tuple[bool, list[Deed]]]] = {
            WaitAgent: self._wait_agent,
            Say: self._say,
            Prompted: self._prompted,
            Interrupt: self._interrupt,
            Key: self._key,
            Silence: self._silence,
            WaitEnd: self._wait_end,
        }

    def tick(self, now: float) -> list[Deed]:
        """What the caller does in the frame that begins now."""
        deeds: list[Deed] = []
        while not self._is_over:
            step: Step = self._steps[0] if self._steps else HangUp()
            if isinstance(step, HangUp):
                self._is_over = True
                return [*deeds, HungUp()]
            is_done, done = self._do[type(step)](step, now)
            deeds += done
            if not is_done:
                break
            del self._steps[0]
            self._began_at = now
        return deeds

    def _lasted(self, seconds: float, *, now: float) -> bool:
        """The current step has taken so long."""
        return now - self._began_at >= seconds - _EPSILON

    def _wait_agent(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, WaitAgent)
        self._has_waited = True
        began_at = self._ears.heard_since(self._floor_at, now=now)
        if began_at is None:
            if not self._lasted(step.timeout_s, now=now):
                return False, []
            return True, [GaveUp("wait_agent")]
        if now - began_at > LONGEST_REPLY_S:
            return True, [GaveUp("wait_agent")]
        silent_since = self._ears.heard_last(now=now) or began_at
        quiet_s = now - silent_since
        is_over = self._is_agent_done() or quiet_s >= step.quiet_s + UNTOLD_S
        if quiet_s < step.quiet_s - _EPSILON or not is_over:
            return False, []
        self._floor_at = now
        return True, [AgentDone()]

    def _say(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, Say)
        if self._spoken_until is None and not self._lasted(step.pause_s, now=now):
            return False, []
        return self._speak(step.clip, kind="say", now=now)

    def _prompted(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, Prompted)
        self._prompt = self._prompt or step.ask()
        if self._prompt is None:
            return False, []
        is_done, deeds = self._speak(self._prompt, kind="say", now=now)
        if is_done:
            self._prompt = None
        return is_done, deeds

    def _interrupt(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, Interrupt)
        if self._spoken_until is None:
            began_at = self._ears.heard_since(self._floor_at, now=now)
            if began_at is None and self._lasted(step.timeout_s, now=now):
                self._has_waited = True
                return True, [GaveUp("interrupt")]
            if began_at is None or now - began_at < step.after_s - _EPSILON:
                return False, []
            self._has_waited = True
        return self._speak(step.clip, kind="interrupt", now=now)

    def _speak(self, name: str, *, kind: str, now: float) -> tuple[bool, list[Deed]]:
        clip = self._clips[name]
        if self._spoken_until is None:
            self._spoken_until = now + clip.duration_s
            self._floor_at = now + clip.ends_s
            follows_on, self._has_waited = not self._has_waited, False
            return False, [Spoke(clip, kind, follows_on)]
        if now < self._spoken_until - _EPSILON:
            return False, []
        self._spoken_until = None
        return True, []

    def _key(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, Key)
        if not self._lasted(self._pressed * step.gap_s, now=now):
            return False, []
        if self._pressed == len(step.digits):
            self._pressed = 0
            return True, []
        self._pressed += 1
        return False, [Pressed(step.digits[self._pressed - 1])]

    def _silence(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, Silence)
        return self._lasted(step.s, now=now), []

    def _wait_end(self, step: Step, now: float) -> tuple[bool, list[Deed]]:
        assert isinstance(step, WaitEnd)
        if not self._lasted(step.timeout_s, now=now):
            return False, []
        return True, [GaveUp("wait_end")]
