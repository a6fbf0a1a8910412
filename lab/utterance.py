"""The mouth of a recogniser for one utterance that grows word by word: a fault strikes at its first
words, or as soon as the words it waits for have been understood."""

from __future__ import annotations

from lab.faults import REQUEST
from lab.outlet import Ended, Outlet
from lab.world import Line, World


class UtteranceMouth:
    """What the recogniser says of one utterance goes through here; `over` begins the next."""

    def __init__(self, world: World, line: Line, *, idle: tuple[int, str]) -> None:
        self._world = world
        self._line = line
        self._idle = idle  # how the vendor closes a socket that waited for too long
        self._outlet = line.outlet
        self._met: set[int] | None = None  # faults that struck it; none: nothing was said yet

    async def outlet(self, words: str) -> Outlet:
        """Where to say what is known now; Ended when a fault closes the connection instead."""
        if not words:
            return self._outlet
        faults = self._world.strike(self._line, REQUEST, words=words, met=self._met)
        self._met = (self._met or set()) | {fault.id for fault in faults}
        for fault in faults:
            if fault.shape == "expire":
                self._line.outlet.feel(fault)
                await self._line.outlet.close(*self._idle)
                raise Ended
            if fault.shape in ("stall", "black_hole"):
                self._line.outlet.afflict(fault)  # a deaf stream stays deaf
        if faults:
            self._outlet = self._outlet.within(faults)
        return self._outlet

    def over(self) -> None:
        """The utterance is final."""
        self._outlet = self._line.outlet
        self._met = None
