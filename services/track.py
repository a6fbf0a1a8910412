"""Where each clause ends in the audio of a context that several clauses share.

A provider says when letters or words are spoken, before or after it sends their audio; they are
counted here without regard to blanks. From that, the samples are cut: a clause ends where the next
one's first letter starts, where the provider says that it is complete or, after a silence, behind
the audio that carries its last letter. A doubt makes the end later, never earlier: a clause must
not count as heard before it was.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from call.audio import RATE_HZ
from call.heard import letters_to_count

_SLACK_SAMPLES = 400  # 50 ms: providers round the end of the last letter beyond their own audio
_SAMPLES_A_LETTER = 640  # 80 ms: an even voice, where a provider has told no times yet
_ENOUGH_LETTERS = 10  # fewer do not show a voice's pace
_UNTOLD_LETTERS = 3  # a provider may leave out the times of a full stop and the like
_LEAST_SAMPLES = 160  # 20 ms a letter: nobody speaks faster
_SEARCH = 80  # letters to look ahead when the provider left some out


@dataclass(frozen=True)
class ClauseEnd:
    """Stands behind the last sample of a clause, or (`is_end` false) of a word in it, or
    (`is_within`) of the half of a word; `chars` is the length of its spoken text up to there."""

    clause_id: str
    chars: int
    is_end: bool = True
    is_within: bool = False


@dataclass
class _Clause:
    clause_id: str
    text: str
    said: int  # characters of the clause before `text`, said elsewhere
    first: int  # letters of the track before it
    last: int  # letters of the track up to its end
    sent_at: int  # samples that had come when it was sent
    is_hollow: bool = False  # complete, says the provider, and no sound came
    ends_s: float | None = None
    next_s: float | None = None


class Track:
    """The audio of one context, and the clauses in it."""

    def __init__(self) -> None:
        self._clauses: list[_Clause] = []
        self._ended = 0  # clauses, from the front, whose end has been passed
        self._flushed = 0  # clauses, from the front, the provider says are complete
        self._flushed_at = 0  # samples that had come by then
        self._letters = ""  # of all clauses
        self._timed = 0  # letters whose time is known
        self._times: list[tuple[float, int]] = []  # (end in seconds, letters up to there)
        self._samples = 0
        self._word_ends: list[int] = []  # letters of the track up to the end of each word
        self._halves: list[int] = []  # the same up to where a word counts as heard
        self._words: deque[tuple[int, int]] = deque()  # (sample, letters) of those not yet passed

    @property
    def is_spoken(self) -> bool:
        """Every clause has ended."""
        return self._ended == len(self._clauses)

    @property
    def has_sound(self) -> bool:
        """Any audio came at all."""
        return self._samples > 0

    @property
    def sound_s(self) -> float:
        """How much audio came."""
        return self._samples / RATE_HZ

    def add(self, clause_id: str, text: str, *, said: int = 0) -> None:
        """A clause was sent to the provider; its first `said` characters were said elsewhere, and
        `text` is the rest."""
        before = at = len(self._letters)
        for word in text.split():
            self._halves.append(at + letters_to_count(len(word)))
            at += len(word)
            self._word_ends.append(at)
        self._letters += _letters(text)
        self._clauses.append(
            _Clause(clause_id, text, said, before, len(self._letters), sent_at=self._samples)
        )

    @property
    def owes(self) -> bool:
        """Clauses with words in them have been sent that the provider has made no sound for."""
        return any(self._is_unheard(clause) for clause in self._clauses[self._ended :])

    @property
    def is_hollow(self) -> bool:
        """The provider called a clause complete that it made no sound for."""
        return any(clause.is_hollow for clause in self._clauses[self._ended :])

    @property
    def seems_complete(self) -> bool:
        """No times are told, and the audio is long enough for all that was sent."""
        letters = sum(c.last - c.first for c in self._clauses[self._ended :])
        since = min((c.sent_at for c in self._clauses[self._ended :]), default=0)
        return not self._times and self._samples - since >= 2 * letters * _LEAST_SAMPLES

    def place(self) -> tuple[str, int] | None:
        """Where another voice would go on: (clause_id, characters of it that were said), at the
        last end of a word that is known to lie in the audio that came; None when all is spoken."""
        if self.is_spoken:
            return None
        clause = self._clauses[self._ended]
        letters = min(self._letters_said(), clause.last)
        word = bisect_right(self._word_ends, letters)
        letters = (self._word_ends[word - 1] if word else 0) - clause.first
        if letters <= 0:
            return clause.clause_id, clause.said
        return clause.clause_id, clause.said + _chars(clause.text, letters)

    def time(
        self, pieces: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]
    ) -> None:
        """Letters or words, in order, with their times from the start of the context."""
        known = [
            (letters, start, end)
            for piece, start, end in zip(pieces, starts_s, ends_s, strict=False)
            if (letters := _letters(piece))
        ]
        self._timed += self._skipped("".join(letters for letters, _, _ in known))
        for letters, start, end in known:
            self._place(len(letters), start, end)

    def time_next(
        self, pieces: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]
    ) -> None:
        """As `time`, with times from the start of the audio that comes next."""
        base_s = self._samples / RATE_HZ
        self.time(pieces, [base_s + s for s in starts_s], [base_s + s for s in ends_s])

    def hear(self, mulaw: bytes) -> list[bytes | ClauseEnd]:
        """The audio, cut where words and clauses end."""
        pieces: list[bytes | ClauseEnd] = []
        while (place := self._next_place()) is not None and place[0] < self._samples + len(mulaw):
            cut, letters = place
            size = max(0, cut - self._samples)
            if size:
                pieces.append(mulaw[:size])
                mulaw = mulaw[size:]
                self._samples += size
            pieces.append(self._pass_end() if letters is None else self._pass_word(letters))
        if mulaw:
            pieces.append(mulaw)
            self._samples += len(mulaw)
        return [*pieces, *self.settle()]

    def settle(self) -> list[bytes | ClauseEnd]:
        """Ends that certainly lie behind the audio that has come."""
        return self._pass_ends(self._is_over)

    def rest(self) -> list[bytes | ClauseEnd]:
        """As `settle`, after a silence of the provider: a last letter's audio ends its clause."""
        return self._pass_ends(lambda clause: self._is_over(clause) or self._is_said(clause))

    def flush(self) -> list[bytes | ClauseEnd]:
        """The provider says that one more clause is complete; one without any audio is not."""
        if self._flushed == len(self._clauses):
            return []
        clause = self._clauses[self._flushed]
        is_silent = self._samples == self._flushed_at and self._timed < clause.last
        clause.is_hollow = is_silent and clause.last > clause.first
        if not clause.is_hollow:
            self._flushed += 1
            self._flushed_at = self._samples
        return self.settle()

    def finish(self) -> list[bytes | ClauseEnd]:
        """The provider says that all is complete; what no audio came for is not."""
        unheard = next((i for i, c in enumerate(self._clauses) if self._is_unheard(c)), None)
        done = len(self._clauses) if unheard is None else max(unheard, self._ended)
        self._flushed = max(self._flushed, done)
        return self.settle()

    # ── inside ───────────────────────────────────────────────────────────────────────

    def _is_unheard(self, clause: _Clause) -> bool:
        """A clause with words, and no sound of them, or of the end of them."""
        if clause.last == clause.first:
            return False
        if clause.is_hollow or clause.sent_at == self._samples:
            return True
        if not self._timed:
            return False
        # Letters before these were told when they are spoken: is there audio left for these?
        missing = clause.last - max(clause.first, self._timed) - _UNTOLD_LETTERS
        left = self._samples - max(end for end, _ in self._times) * RATE_HZ
        return missing > 0 and left < missing * _LEAST_SAMPLES

    def _letters_said(self) -> int:
        """Letters that lie in the audio that came; beyond the last known time by an even pace,
        which never takes the last word of a clause for said."""
        at = self._samples + _SLACK_SAMPLES
        index = bisect_right(self._times, (at / RATE_HZ, len(self._letters)))
        end_s, letters = self._times[index - 1] if index else (0.0, 0)
        if index < len(self._times):
            return letters
        pace = end_s * RATE_HZ / letters if letters >= _ENOUGH_LETTERS else _SAMPLES_A_LETTER
        guessed = letters + round((self._samples - end_s * RATE_HZ) / max(_LEAST_SAMPLES, pace))
        clause = self._clauses[self._ended]
        words = bisect_left(self._word_ends, clause.last)  # up to its last word, exclusive
        most = max(clause.first, self._word_ends[words - 1]) if words else clause.first
        return max(letters, min(guessed, most))

    def _pass_end(self) -> ClauseEnd:
        clause = self._clauses[self._ended]
        self._ended += 1
        return ClauseEnd(clause.clause_id, clause.said + len(clause.text))

    def _pass_word(self, letters: int) -> ClauseEnd:
        clause = self._clauses[self._ended]
        self._words.popleft()
        chars = clause.said + _chars(clause.text, letters - clause.first)
        word = bisect_left(self._word_ends, letters)
        is_within = self._word_ends[word] != letters
        return ClauseEnd(clause.clause_id, chars, is_end=False, is_within=is_within)

    def _pass_ends(self, is_over: Callable[[_Clause], bool]) -> list[bytes | ClauseEnd]:
        ends: list[bytes | ClauseEnd] = []
        while not self.is_spoken and is_over(self._clauses[self._ended]):
            ends.append(self._pass_end())
        return ends

    def _is_over(self, clause: _Clause) -> bool:
        return (
            self._ended < self._flushed
            or clause.last == clause.first
            or (clause.next_s is not None and self._samples >= clause.next_s * RATE_HZ)
        )

    def _is_said(self, clause: _Clause) -> bool:
        end_s = clause.ends_s
        return end_s is not None and self._samples + _SLACK_SAMPLES >= end_s * RATE_HZ

    def _next_place(self) -> tuple[int, int | None] | None:
        """Sample of the next end: of a word or its half (with the letters) or of the clause."""
        cut = self._next_cut()
        if self.is_spoken:
            return None
        clause = self._clauses[self._ended]
        while self._words and self._words[0][1] <= clause.first:
            self._words.popleft()  # of a clause that was over before its time came
        if self._words and self._words[0][1] < clause.last:
            word = self._words[0]
            if cut is None or word[0] <= cut:
                return word
        return None if cut is None else (cut, None)

    def _next_cut(self) -> int | None:
        if self.is_spoken:
            return None
        next_s = self._clauses[self._ended].next_s
        return None if next_s is None else round(next_s * RATE_HZ)

    def _place(self, count: int, start: float, end: float) -> None:
        first = self._timed
        self._timed = min(first + count, len(self._letters))
        self._times.append((end, self._timed))
        self._place_halves(first, start, end)
        word = bisect_left(self._word_ends, self._timed)
        if word < len(self._word_ends) and self._word_ends[word] == self._timed:
            self._words.append((round(end * RATE_HZ), self._timed))
        for clause in self._clauses[self._ended :]:
            if clause.ends_s is None and self._timed >= clause.last:
                clause.ends_s = end
            if clause.next_s is None and first >= clause.last:
                clause.next_s = start

    def _place_halves(self, first: int, start: float, end: float) -> None:
        """Where words count as heard among the letters from `first` on: a letter's own time, or
        its share of a whole word's."""
        halves = self._halves
        for index in range(bisect_right(halves, first), bisect_right(halves, self._timed)):
            if halves[index] != self._word_ends[index]:
                share = (halves[index] - first) / (self._timed - first)
                at_s = start + (end - start) * share
                self._words.append((round(at_s * RATE_HZ), halves[index]))

    def _skipped(self, letters: str) -> int:
        """Letters the provider passed over, found by looking for what it speaks of."""
        if not letters or self._letters.startswith(letters, self._timed):
            return 0
        found = self._letters.find(letters, self._timed, self._timed + len(letters) + _SEARCH)
        return max(0, found - self._timed)


def _letters(text: str) -> str:
    return "".join(text.split())


def _chars(text: str, letters: int) -> int:
    """Characters of `text` up to and with its so-many-eth letter."""
    for index, char in enumerate(text):
        letters -= not char.isspace()
        if letters <= 0:
            return index + 1
    return len(text)
