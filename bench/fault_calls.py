"""Calls in which things fail: one fault after the other is armed while the call goes on.

Many calls go on at once. A caller asks questions whose answers have words of their own, and no two
callers ask the same one at the same time; so a fault that waits for words strikes one turn only.
What strikes a greeting or a socket's opening has no such words: those calls are dialled one by
one, each once the fault before it has struck. A fault at the door strikes whoever opens a socket
next, also a call that dials again because of a fault of its own: those calls are over before any
other is placed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.fault_arms import Arms
from bench.fault_cells import (
    ALWAYS,
    EAR,
    EVERYWHERE,
    GREETING,
    MIND,
    MOUTH,
    Cell,
)
from bench.fault_house import House
from lab.caller import Caller, Outcome
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import HangUp, Prompted, Say, Script, Step, WaitAgent

QUESTIONS = (
    "hours_saturday", "hours_close", "book_tomorrow", "cancel", "insurance", "cleaning",
    "whitening", "new_patient", "children", "parking", "book_checkup", "move", "nine_oclock",
    "ten_thirty", "thanks",
)  # fmt: skip
"""Short ones that sound finished, so that no turn detector waits."""
AFTERWARDS = "where"
"""Asked at the end, when nothing fails any more: does the call go on?"""
PATIENCE_S = 2.3  # how long a caller listens for more: longer than any silence that is promised
NO_PATIENCE_S = 0.7
STRIKES_WITHIN_S = 8.0
BETWEEN_DIALS_S = 0.3
TURN_S = 40.0  # no turn lasts longer


@dataclass
class Turn:
    """One question asked, the fault that met it, and the fault's numbers at the lab."""

    cell: Cell | None
    clip: str
    ids: list[int] = field(default_factory=list)
    is_struck: bool = False
    """Known once the call is judged: a bot that goes round a provider meets none of its faults."""


@dataclass
class Call:
    """One call: what was to fail in it, and what became of it."""

    opening: Cell | None
    """Strikes the greeting or an opening socket."""
    cells: tuple[Cell | None, ...]
    """One per question; none: nothing fails."""
    patience_s: float = NO_PATIENCE_S
    """How long the caller listens for more where nothing was made to fail."""
    opening_ids: list[int] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    sid: str = ""
    outcome: Outcome | None = None
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def is_at_door(self) -> bool:
        """Its fault strikes the next socket that is opened, whoever opens it."""
        return self.opening is not None and self.opening.is_at_door


def deal(cells: Sequence[Cell], *, per_call: int = 4) -> list[Call]:
    """Cells into calls: an opening each while there are any, then questions. After a fault of the
    voice a call may be with the stand-in for good, so nothing else is asked of the voice there."""
    doors = [cell for cell in cells if cell.is_at_door]
    openings = [cell for cell in cells if is_opening(cell) and cell not in doors]
    alone = [cell for cell in cells if cell.place == ALWAYS]
    apart = doors + openings + alone
    voices = [c for c in cells if c.is_of_voice and c not in apart]
    others = _mixed([c for c in cells if c not in voices and c not in apart])
    calls = [Call(cell, ()) for cell in doors]
    calls += [Call(None, (cell,)) for cell in alone]
    while openings or voices or others:
        opening = openings.pop(0) if openings else None
        has_voice = opening is not None and opening.provider == MOUTH
        last = [voices.pop(0)] if voices and not has_voice else []
        mine = [others.pop(0) for _ in range(min(per_call - len(last), len(others)))]
        calls.append(Call(opening, (*mine, *last)))
    return calls


def is_opening(cell: Cell) -> bool:
    """Strikes before a question is asked."""
    return cell.is_at_door or cell.place in (GREETING, EVERYWHERE)


def _mixed(cells: Sequence[Cell]) -> list[Cell]:
    """Ear and mind by turns, so that no call meets three faults of one kind in a row."""
    ears = [cell for cell in cells if cell.provider == EAR]
    minds = [cell for cell in cells if cell.provider == MIND]
    longest = max(len(ears), len(minds))
    return [cell for i in range(longest) for cell in (*ears[i : i + 1], *minds[i : i + 1])]


class Switchboard:
    """Places calls to one house, so many at a time."""

    def __init__(self, house: House, *, at_once: int, seed: int = 1) -> None:
        self._house = house
        self._seed = seed
        clips = Clips()
        self._loaded = {name: clips[name] for name in (*QUESTIONS, AFTERWARDS)}
        self._arms = Arms([self._loaded[name].words for name in (*QUESTIONS, AFTERWARDS)])
        self._free: asyncio.Queue[str] = asyncio.Queue()
        for name in QUESTIONS:
            self._free.put_nowait(name)
        self._room = asyncio.Semaphore(at_once)
        self._dialling = asyncio.Lock()

    async def run(self, calls: Sequence[Call]) -> list[Call]:
        """All calls; those whose door fails first, and alone; then those dialled one by one."""
        ordered = sorted(calls, key=lambda call: call.opening is None)
        doors = [call for call in ordered if call.is_at_door]
        others = [call for call in ordered if not call.is_at_door]
        placed: list[Call] = []
        for together in (doors, others):
            placed += await asyncio.gather(*(self.place(call) for call in together))
        return placed

    async def place(self, call: Call) -> Call:
        """One call from dialling to its record."""
        async with self._room:
            caller = _Asking(call, house=self._house, free=self._free, arm=self._arm)
            try:
                call.outcome = await (await self._dial(call, caller))
            finally:
                await caller.over()
                await self._house.disarm(call.opening_ids)
            call.record = await self._house.record(call.sid)
            await self._house.listen()
            return call

    def words(self, clip: str) -> str:
        """What is said in a clip."""
        return self._loaded[clip].words

    async def _arm(self, turn: Turn) -> None:
        if turn.cell is not None:
            specs = self._arms.of_turn(turn.cell, self._loaded[turn.clip].words)
            turn.ids = await self._house.arm(specs)

    async def _dial(self, call: Call, asking: _Asking) -> asyncio.Task[Outcome]:
        async with self._dialling:
            phone = Phone(auth_token=self._house.auth_token)
            call.sid = phone.ids.call_sid
            if call.opening is not None:
                call.opening_ids = await self._house.arm(self._arms.of_opening(call.opening))
            plan = Plan(
                Script("faults", steps(call, asking.ask), seed=self._seed),
                self._loaded,
                phone=phone,
                max_call_s=TURN_S * (2 + len(call.cells)),
            )
            completed = self._house.completions.of(call.sid)
            task = asyncio.create_task(Caller(plan, completed=completed).call(self._house.url))
            if call.opening is not None:
                await self._until_struck(call.opening_ids)
            await asyncio.sleep(BETWEEN_DIALS_S)
            return task

    async def _until_struck(self, ids: Sequence[int]) -> None:
        """Wait until the fault has found its call, or take it back."""
        deadline = asyncio.get_running_loop().time() + STRIKES_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            if not set(ids[:1]) & await self._house.armed():
                return
            await asyncio.sleep(0.05)
        await self._house.disarm(ids)


class _Asking:
    """What a caller asks next: a question nobody else is asking, once its fault is armed."""

    def __init__(self, call: Call, *, house: House, free: asyncio.Queue[str], arm: Any) -> None:
        self._call = call
        self._house = house
        self._free = free
        self._arm = arm
        self._next: asyncio.Task[str] | None = None

    def ask(self) -> str | None:
        """For the script: the clip as soon as it is known."""
        if self._next is None:
            self._next = asyncio.create_task(self._prepare())
        if not self._next.done():
            return None
        clip, self._next = self._next.result(), None
        return clip

    async def _prepare(self) -> str:
        await self._let_go()
        clip = await self._free.get()
        turn = Turn(self._call.cells[len(self._call.turns)], clip)
        self._call.turns.append(turn)
        await self._arm(turn)
        return clip

    async def _let_go(self) -> None:
        """The turn before is over: its faults go, and others may ask its question."""
        if self._call.turns:
            turn = self._call.turns[-1]
            await self._house.disarm(turn.ids)
            self._free.put_nowait(turn.clip)

    async def over(self) -> None:
        """The call is over."""
        if self._next is not None:
            await asyncio.gather(self._next, return_exceptions=True)
        await self._let_go()


def steps(call: Call, ask: Callable[[], str | None]) -> tuple[Step, ...]:
    """Listen, ask, listen … and ask something else at the end."""
    script: list[Step] = [
        WaitAgent(timeout_s=12.0, quiet_s=PATIENCE_S if call.opening else NO_PATIENCE_S)
    ]
    for cell in call.cells:
        quiet_s = PATIENCE_S if cell else call.patience_s
        script += [Prompted(ask), WaitAgent(timeout_s=12.0, quiet_s=quiet_s)]
    script += [Say(AFTERWARDS, pause_s=0.1), WaitAgent(12.0, call.patience_s), HangUp()]
    return tuple(script)
