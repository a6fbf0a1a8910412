"""One stream's words: who explains what is being said, a known clip or the decoder.

Audio is looked at every 100 ms. Speech that resembles a known clip from its first sound on is that
clip, word for word, as long as it goes on resembling it. Speech that resembles none within 0.6 s
goes to the decoder, from its first sound on.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lab.hearing import Word
from lab.known_clips import (
    FOUND,
    HOP,
    KEPT,
    RATE_HZ,
    ROWS,
    SPAN,
    KnownClips,
    Match,
    Rows,
    has_speech,
    rows,
)
from lab.known_clips import as_floats as floats
from lab.speech_gate import SpeechGate
from lab.sphinx import Found

STEP_BYTES = 1600  # 100 ms
_BYTES_PER_S = RATE_HZ * 2
_RECENT = (ROWS - 1) * HOP + SPAN  # samples of one patch
_UNKNOWN_S = 0.6  # speech that is no clip by then is the decoder's
_ALIGNED_S = 0.3  # a clip begins where the speech begins, give or take
_SURE = 0.94  # likeness that needs no second look
_SAME_S = 0.06  # two looks mean the same place in a clip when they differ by less
_LOOKS = 4  # looks that agree before a clip is believed to have begun unheard
_MISSES = 6  # looks without likeness, 0.6 s, before a clip that was followed is given up
_JUMP_S = 2.0  # audio lost at most within a clip that is still the same clip
_ENDED_S = 0.5  # silence that ends a stretch of speech
_BEFORE_S = 0.3  # audio before the first sound that the decoder needs
_RINGS_S = 0.15  # a clip's last sound is heard a little longer than the clip lasts
_KEPT_S = 20.0  # audio kept for decoding a stretch from its start
_PIECE_BYTES = 640  # 40 ms: how long the decoder may hold the GIL


class Decoder(Protocol):
    """What makes words of unknown speech; pocketsphinx, or something cheaper for load runs."""

    def begin(self) -> None:
        """Start an utterance."""

    def take(self, pcm8k: bytes) -> None:
        """More of it."""

    def words(self) -> list[Found]:
        """Its words so far."""

    def end(self) -> list[Found]:
        """Its words for good."""


class Following:
    """A clip being followed: where it began in the stream, and how many words are behind us."""

    def __init__(self, match: Match, *, now_s: float) -> None:
        self.match = match
        self.zero_s = now_s - match.at_s
        self.at_s = match.at_s
        self.next_word = 0
        self.placed: list[Word] = []
        self.misses = 0

    def place(self, *, until_s: float, after_s: float) -> None:
        """Say the words that end before `until_s` of the clip, but for those before `after_s`."""
        words = self.match.clip.words
        while self.next_word < len(words) and words[self.next_word].end_s <= until_s:
            word = words[self.next_word]
            self.next_word += 1
            start_s, end_s = self.zero_s + word.start_s, self.zero_s + word.end_s
            if (start_s + end_s) / 2 > after_s:
                self.placed.append(Word(word.text, start_s, end_s, 0.99, word.written))

    def place_halves(self, *, after_s: float) -> None:
        """Say also the word under way when half of it was heard."""
        halves = [w.end_s for w in self.match.clip.words if (w.start_s + w.end_s) / 2 <= self.at_s]
        self.place(until_s=max(halves, default=0.0), after_s=after_s)

    def moved(self, match: Match, *, now_s: float) -> None:
        """The same clip, further on: audio was lost, the words were not."""
        self.match, self.at_s, self.zero_s = match, match.at_s, now_s - match.at_s
        self.misses = 0


class Listening:
    """Takes a stream step by step; synchronous, without clock or thread."""

    def __init__(self, *, clips: KnownClips, decoder: Decoder) -> None:
        self._clips = clips
        self._decoder = decoder
        self._gate = SpeechGate()
        self._now_s = 0.0
        self._recent = np.zeros(_RECENT, np.float32)
        self._kept = bytearray()  # audio of the present stretch and a little before it
        self._done: list[Word] = []  # settled since the last finish()
        self._explained_s = 0.0  # sound before this was a clip's, with what rings after it
        self._final_s = 0.0  # words before this were handed out for good
        self._stretch_s: float | None = None  # where the present speech began
        self._following: Following | None = None
        self._seen: list[Match] = []  # looks that agree on a place, not yet believed
        self._seen_s: list[float] = []
        self._decoding_s: float | None = None  # the decoder's second zero
        self._fed_s = 0.0

    def take(self, pcm8k: bytes) -> None:
        """The next audio, at most one step of it."""
        samples = floats(pcm8k)
        self._gate.take(samples)
        self._now_s += len(samples) / RATE_HZ
        self._recent = np.concatenate((self._recent, samples))[-_RECENT:]
        self._keep(pcm8k)
        loud_s = self._now_s - self._gate.silent_s
        if self._stretch_s is None and self._gate.is_speech and loud_s > self._explained_s:
            self._stretch_s = max(self._gate.onset_s, self._final_s, self._explained_s)
        if self._following:
            self._follow(self._following)
        elif self._stretch_s is not None:
            self._look()
        if self._decoding_s is not None:
            self._decode()
        if self._stretch_s is not None and self._gate.silent_s >= _ENDED_S:
            self._end_stretch()

    def words(self) -> list[Word]:
        """Everything since the last finish(), as known now."""
        words = list(self._done)
        if self._following:
            words += self._following.placed
        if self._decoding_s is not None:
            words += self._shifted(self._decoder.words())
        return words

    def finish(self) -> list[Word]:
        """Settle what is open, hand it out, and start over with nothing."""
        if self._following:
            self._following.place_halves(after_s=self._after_s)
            self._done += self._following.placed
            self._following.placed = []
        elif self._stretch_s is not None:
            self._end_stretch()
        words, self._done = self._done, []
        self._final_s = self._now_s
        return words

    # ── clips ────────────────────────────────────────────────────────────────────────
    def _look(self) -> None:
        """Is this one of the clips?"""
        stretch_s = self._stretch_s or 0.0
        seen = rows(self._recent)
        match = self._search(seen)
        if match and self._is_believed(match, stretch_s=stretch_s):
            self._begin_following(match)
        elif self._decoding_s is None and self._now_s - stretch_s >= _UNKNOWN_S:
            self._begin_decoding()

    def _is_believed(self, match: Match, *, stretch_s: float) -> bool:
        """From the first sound on, or seen in the same place several times."""
        zero_s = self._now_s - match.at_s
        if self._seen and abs(self._seen_s[-1] - zero_s) < _SAME_S:
            self._seen.append(match)
        else:
            self._seen, self._seen_s = [match], []
        self._seen_s.append(zero_s)
        is_aligned = abs(zero_s + match.clip.onset_s - stretch_s) < _ALIGNED_S
        if is_aligned:
            return match.likeness >= _SURE or len(self._seen) > 1
        return len(self._seen) >= _LOOKS

    def _begin_following(self, match: Match) -> None:
        following = Following(match, now_s=self._now_s)
        began_s = following.zero_s + match.clip.onset_s
        self._stop_decoding(before_s=began_s - _ALIGNED_S)
        if self._stretch_s is not None and began_s < self._stretch_s - _ALIGNED_S:
            began_s = self._stretch_s  # its beginning was lost
        self._seen, self._seen_s = [], []
        self._following = following
        self._place(following)

    def _place(self, following: Following) -> None:
        following.place(until_s=following.at_s, after_s=self._after_s)

    @property
    def _after_s(self) -> float:
        return max(self._final_s, self._done[-1].end_s - 0.1 if self._done else 0.0)

    def _follow(self, following: Following) -> None:
        """Still there? Say the words that went by."""
        step_s = STEP_BYTES / _BYTES_PER_S
        expected_s = min(self._now_s - following.zero_s, following.at_s + step_s)
        clip = following.match.clip
        if expected_s >= clip.end_s + 0.1 and not following.misses:
            self._end_clip(following)
            return
        seen = rows(self._recent)
        match = self._clips.follow(seen, clip, expected_s=expected_s)
        if match.likeness < FOUND:
            match = self._better(following, match, other=self._search(seen))
        if match.likeness < KEPT:
            self._missed(following, expected_s=expected_s)
        elif match.clip is not clip:
            self._begin_following(match)
        else:
            following.moved(match, now_s=self._now_s)
            self._place(following)

    def _better(self, following: Following, match: Match, *, other: Match | None) -> Match:
        """Another place that fits: further on where audio was lost, or a clip that began alike."""
        if other is None or other.likeness < match.likeness + 0.05:
            return match
        zero_s = self._now_s - other.at_s
        if other.clip is match.clip:
            return other if -_ALIGNED_S < following.zero_s - zero_s < _JUMP_S else match
        return other if abs(following.zero_s - zero_s) < _ALIGNED_S else match

    def _missed(self, following: Following, *, expected_s: float) -> None:
        """It does not sound like the clip; after a while it never was."""
        following.misses += 1
        following.at_s = expected_s
        if following.misses >= _MISSES:
            self._following = None
            if self._stretch_s is None:
                self._stretch_s = max(following.zero_s, self._final_s)
            self._begin_decoding()

    def _search(self, seen: Rows) -> Match | None:
        return self._clips.search(seen) if has_speech(seen) else None

    def _end_clip(self, following: Following) -> None:
        following.place(until_s=float("inf"), after_s=self._after_s)
        self._done += following.placed
        self._following = None
        ended_s = following.zero_s + following.match.clip.end_s
        self._explained_s = ended_s + _RINGS_S
        self._stretch_s = None
        self._forget_audio()

    # ── the decoder ──────────────────────────────────────────────────────────────────
    def _begin_decoding(self) -> None:
        """From the first sound of the stretch, as far back as audio was kept."""
        wanted_s = max((self._stretch_s or 0.0) - _BEFORE_S, self._final_s, 0.0)
        self._decoding_s = self._fed_s = max(wanted_s, self._now_s - len(self._kept) / _BYTES_PER_S)
        self._decoder.begin()

    def _decode(self) -> None:
        """Everything kept that the decoder has not had."""
        size = round((self._now_s - self._fed_s) * RATE_HZ) * 2
        self._fed_s = self._now_s
        audio = bytes(self._kept[len(self._kept) - size :]) if size else b""
        for at in range(0, len(audio), _PIECE_BYTES):
            self._decoder.take(audio[at : at + _PIECE_BYTES])

    def _stop_decoding(self, *, before_s: float = float("inf")) -> None:
        """Settle the decoder's words; those from `before_s` on are somebody else's."""
        if self._decoding_s is None:
            return
        found = self._shifted(self._decoder.end())
        self._done += [word for word in found if word.end_s <= before_s]
        self._decoding_s = None

    def _shifted(self, found: list[Found]) -> list[Word]:
        zero_s = self._decoding_s or 0.0
        return [
            Word(word.text, zero_s + word.start_s, zero_s + word.end_s, word.confidence)
            for word in found
        ]

    # ── stretches of speech ──────────────────────────────────────────────────────────
    def _end_stretch(self) -> None:
        """Silence, or finish(): what nobody explained is decoded now."""
        if self._following:
            return
        if self._decoding_s is None:
            self._begin_decoding()
            self._decode()
        self._stop_decoding()
        self._stretch_s = None
        self._seen, self._seen_s = [], []
        self._forget_audio()

    def _keep(self, pcm8k: bytes) -> None:
        self._kept += pcm8k
        is_idle = self._stretch_s is None and self._following is None
        limit = round((_BEFORE_S + 0.3 if is_idle else _KEPT_S) * RATE_HZ) * 2
        if len(self._kept) > limit:
            del self._kept[: len(self._kept) - limit]

    def _forget_audio(self) -> None:
        limit = round(_BEFORE_S * RATE_HZ) * 2
        del self._kept[: max(0, len(self._kept) - limit)]


class Syllables:
    """A decoder for load runs: some fixed words, one for every 0.3 s of unknown speech."""

    _WORDS = ("what", "are", "your", "opening", "hours", "please")

    def __init__(self) -> None:
        self._taken_s = 0.0

    def begin(self) -> None:
        """Start an utterance."""
        self._taken_s = 0.0

    def take(self, pcm8k: bytes) -> None:
        """Only its length counts."""
        self._taken_s += len(pcm8k) / _BYTES_PER_S

    def words(self) -> list[Found]:
        """As many as fit."""
        count = max(1, int((self._taken_s - _BEFORE_S) / 0.3))
        return [
            Found(self._WORDS[index % len(self._WORDS)], index * 0.3, index * 0.3 + 0.25, 0.9)
            for index in range(count)
        ]

    def end(self) -> list[Found]:
        """The same."""
        return self.words()


class Wordless:
    """A decoder that makes nothing of unknown sound: to good recognisers, noise has no words."""

    def begin(self) -> None:
        """Nothing."""

    def take(self, pcm8k: bytes) -> None:
        """Nothing."""

    def words(self) -> list[Found]:
        """None."""
        return []

    def end(self) -> list[Found]:
        """None."""
        return []
