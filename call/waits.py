"""How long to wait for what evidence: the table behind the end of a turn, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from call.cues import Cue

Waits = tuple[float, float, float, float]
SPECULATE = ("off", "llm", "llm_and_voice")
_COLUMNS = {Cue.COMPLETE: 0, Cue.OPEN: 1, Cue.BEGUN: 2, Cue.DICTATING: 2, Cue.UNFINISHED: 3}


class Band(StrEnum):
    """How finished the turn sounds."""

    SURE = "sure"
    LIKELY = "likely"
    UNLIKELY = "unlikely"
    NO = "no"
    UNKNOWN = "unknown"  # not scored yet, or not at all


@dataclass(frozen=True)
class Endpoint:
    """When the caller's turn is over.

    Each `*_s` row of four holds the seconds to wait after the VAD stop when the words read as
    complete, open, begun ("hello", or digits and letters one by one), unfinished ("and", "my number
    is", its first three digits).
    """

    sure_from: float = 0.85
    """Probability from which the turn sounds finished for sure, 0 to 1. Below it a fifth of natural
    mid-sentence pauses is found, above it one in ten."""
    likely_from: float = 0.5
    """Probability from which it sounds rather finished than not; the model's own threshold."""
    unlikely_from: float = 0.15
    """Below this the turn sounds unfinished: natural thinking pauses score 0.01 to 0.14."""
    sure_s: Waits = (0.06, 0.2, 0.6, 1.0)
    """Sounds finished: answer as soon as the words are in, unless they contradict it. Words weigh
    more: cut-off sentences often sound finished, but nobody ends on "for"."""
    likely_s: Waits = (0.1, 0.4, 0.7, 1.3)
    """Sounds rather finished: a breath's patience when the words could go on."""
    unlikely_s: Waits = (0.2, 0.55, 0.9, 1.5)
    """Sounds rather unfinished: a whole question is still answered at once."""
    no_s: Waits = (0.5, 0.8, 1.2, 1.7)
    """Sounds unfinished: outlasts most thinking pauses (median 0.6 s) but never 3 s, which callers
    take for a dead line."""
    unknown_s: Waits = (0.2, 0.5, 1.2, 1.5)
    """Not scored yet: by words and silence alone. The score comes 0.05 to 0.15 s after the signal,
    so shorter entries never wait for it; on a busy machine these are what the caller hears."""
    cut_in_s: float = 0.6
    """A caller who speaks again within so many seconds of the decision was cut into."""
    learned: float = 1.5
    """Each time a caller was cut into, the waits for words that could go on grow by this factor,
    at most twice; each turn after that takes a quarter of it back. 1 learns nothing."""
    second_stage_s: float = 0.06
    """No turn is decided before this, whatever the evidence: two windows of the voice detector, in
    which resumed speech still withdraws it."""
    hard_stop_s: float = 3.0
    """Whatever the evidence, the turn ends after this silence if there are words."""
    deaf_stop_s: float = 6.0
    """The same while the recogniser was away and has not told yet all it missed: a dropped one
    needs up to 1.5 s to come back and 4 s to hear 5 s of speech again."""
    final_wait_s: float = 0.35
    """How long a recogniser may take to confirm that its words are complete; past it the words at
    hand count. Its 99th percentile is about 0.3."""
    nothing_s: float = 1.0
    """Speech that yields no words (a cough, noise) is given up after this; the recogniser then had
    its say."""
    words_only_s: float = 0.7
    """Words without a VAD signal (a very quiet caller): the turn ends after this much quiet of the
    recogniser."""
    digits_expected: int = 7
    """A string of digits shorter than this is still being dictated; a local number has seven."""
    score_at_s: tuple[float, ...] = (0.0, 0.2, 0.5, 1.2)
    """Instants after the VAD stop at which the sound is scored (again, while undecided): more
    silence makes the model surer of both answers. Each costs some 50 ms of one core."""
    lead_s: float = 0.5
    """Audio before the first speech that the detector hears too; without it short answers score
    wrong."""
    detector_threads: int = 1
    """Turns scored at the same time, for the whole process. One core scores 10 to 20 a second."""
    detector_waiting: int = 8
    """Turns that may wait to be scored; past it the oldest is decided by words and silence."""
    speculate: str = "llm_and_voice"
    """What begins at the first signal, before the turn is decided: "off" nothing, "llm" the model
    is asked, "llm_and_voice" its first words are also spoken, and held back until the decision."""
    ask_within_s: float = 0.6
    """The model is asked in advance once the decision is at most this far away by the evidence so
    far, about what an answer needs to be ready. Endings that wait longer are mostly none."""
    early_guesses: int = 2
    """Most requests in one turn before the voice detector's stop: when the voice ebbs (`[vad]
    ebbs_below`) behind words that read complete, and when the recogniser has then told its words
    for good. Nothing of it is spoken before the stop. They are not among these:"""
    guesses_per_turn: int = 3
    """Most requests in advance in one turn; the recogniser may correct its words more often."""
    wasted_guesses: int = 40
    """Requests in advance that may be thrown away in one call; past it the rest of the call waits
    for each decision. Each costs about one reply's tokens, mostly read from the prompt cache."""

    def __post_init__(self) -> None:
        if not 0 <= self.unlikely_from <= self.likely_from <= self.sure_from <= 1:
            raise ValueError(
                "unlikely_from, likely_from and sure_from must rise from 0 to 1; they are "
                f"{self.unlikely_from}, {self.likely_from}, {self.sure_from}"
            )
        self._check_table()
        if not 0 <= self.second_stage_s <= self.hard_stop_s:
            raise ValueError(
                f"second_stage_s is {self.second_stage_s}; give 0 seconds up to hard_stop_s"
            )
        if self.speculate not in SPECULATE:
            raise ValueError(f"speculate is {self.speculate!r}; choose {', '.join(SPECULATE)}")
        if self.cut_in_s < 0 or not 1 <= self.learned <= 3:
            raise ValueError(
                f"cut_in_s is {self.cut_in_s} and learned {self.learned}; give 0 seconds or more, "
                "and a factor from 1 to 3"
            )
        if min(self.early_guesses, self.guesses_per_turn, self.wasted_guesses) < 0:
            raise ValueError("early_guesses, guesses_per_turn, wasted_guesses must be 0 or more")
        if self.ask_within_s < 0:
            raise ValueError("ask_within_s must be 0 seconds or more")
        if self.detector_threads < 1 or self.detector_waiting < 1:
            raise ValueError("detector_threads and detector_waiting must be 1 or more")
        if list(self.score_at_s) != sorted(self.score_at_s) or min(self.score_at_s, default=0) < 0:
            raise ValueError(f"score_at_s is {self.score_at_s}; give rising seconds from 0")

    def _check_table(self) -> None:
        for name in ("sure_s", "likely_s", "unlikely_s", "no_s", "unknown_s"):
            row = getattr(self, name)
            if len(row) != 4 or min(row) < 0:
                raise ValueError(f"{name} is {row}; give four waits of 0 seconds or more")
            if max(row) > self.hard_stop_s:
                raise ValueError(f"{name} is {row}; no wait may pass hard_stop_s")

    def band(self, probability: float | None) -> Band:
        """The band of a probability."""
        if probability is None:
            return Band.UNKNOWN
        if probability >= self.sure_from:
            return Band.SURE
        if probability >= self.likely_from:
            return Band.LIKELY
        return Band.UNLIKELY if probability >= self.unlikely_from else Band.NO

    def wait_s(self, band: Band, words: Cue, *, patience: float = 1.0) -> float:
        """Seconds after the VAD stop that this evidence asks for."""
        row: Waits = getattr(self, f"{band.value}_s")
        wait_s = row[_COLUMNS[words]]
        if words is not Cue.COMPLETE:
            wait_s = min(wait_s * patience, self.hard_stop_s)
        return max(wait_s, self.second_stage_s)
