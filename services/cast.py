"""The voices of one call: who speaks next, who was at fault, and what the phrases sound like."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence

from call.errors import ProviderFault, ProviderSlow
from call.measures import FAILOVERS, PROVIDER_FAULTS, TTS_CHARACTERS, TTS_WASTE, Recorder
from services.bilingual import Bilingual
from services.fault import kind
from services.health import VoiceHealth
from services.phrases import Excerpt, Repertoire
from services.voice import Voice

_UNTOLD = 16  # a voice that fails faster than that is told about seldom enough
MOST_FAULTS = 2  # times a voice may fail within a reply before it is not asked again for it


class Member:
    """A voice of the call and how well it is."""

    def __init__(self, voice: Voice | Bilingual, health: VoiceHealth) -> None:
        self.voice = voice
        self.health = health
        self.provider = voice.provider


class Cast:
    """Chooses voices for replies. A call stays with the voice that took over: one that changes
    back and forth is harder to listen to than the other one."""

    def __init__(
        self,
        members: Sequence[Member],
        *,
        recorder: Recorder,
        repertoire: Repertoire,
    ) -> None:
        """`members` in order of preference."""
        self.members = tuple(members)
        self.recorder = recorder
        self.repertoire = repertoire
        self.faults: deque[ProviderFault] = deque(maxlen=_UNTOLD)  # to be told upstream
        self._lead = self.members[0]
        self._heard = ""  # the voice the caller heard last
        self._contexts = 0

    @property
    def lead(self) -> Member:
        """Who speaks the next reply."""
        return min(self.members, key=lambda m: (m.health.is_open, m is not self._lead))

    @property
    def is_silent(self) -> bool:
        """Every voice is gone round; asking one is a last resort."""
        return all(member.health.is_open for member in self.members)

    def next(self, faults: Counter[Member], *, busy: Collection[Member]) -> Member | None:
        """Who goes on with a reply in which the voices have failed so often; `busy` ones are at
        it already."""
        able = [m for m in self.members if m not in busy and faults[m] < MOST_FAULTS]
        if not able:
            return None
        return min(able, key=lambda m: (faults[m], m.health.is_open, m is not self._lead))

    def open_context(self) -> str:
        """A name no voice of the call has been given before."""
        self._contexts += 1
        return f"r{self._contexts}"

    def excerpt(self, text: str, *, kind: str) -> Excerpt | None:
        """The sound of a clause of a phrase, if it is kept; rather of the voice heard last."""
        return self.repertoire.find(text, kind=kind, first=self._heard or self.lead.provider)

    # ── what the voices did ──────────────────────────────────────────────────────────

    def sounded(self, voice: str) -> None:
        """The caller will hear this voice."""
        self._heard = voice

    def sent(self, member: Member, characters: int) -> None:
        """Text was handed to a voice."""
        self.recorder.count(TTS_CHARACTERS, characters, provider=member.provider)

    def wasted(self, member: Member, characters: int) -> None:
        """Another voice sounded first: these were paid for and not heard."""
        self.recorder.count(TTS_WASTE, characters, provider=member.provider)

    def blame(self, member: Member, fault: ProviderFault, *, is_unwell: bool = True) -> None:
        """A voice is at fault. One that is only late may still be the first to sound; one that had
        less time than it is given as a rule may be well."""
        self.recorder.count(PROVIDER_FAULTS, provider=fault.provider, kind=kind(fault))
        if is_unwell:
            member.health.failed(fault)
        self.faults.append(fault)
        if member is self._lead and not isinstance(fault, ProviderSlow):
            self._lead = min(self.members, key=lambda m: (m is member, m.health.is_open))

    def took_over(self, member: Member) -> None:
        """A voice sounds that was asked in another's place."""
        self._lead = member
        self.recorder.count(FAILOVERS)
