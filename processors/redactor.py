"""Swap what is personal in the caller's words for stand-ins; below this station nobody sees it.

Where calls are recorded it also says which breaths of the caller are to be silenced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.mixdown import Breath, NoRecording, Recording
from call.privacy import Masked, Masking, Privacy
from call.privacy_free_names import Spot
from call.privacy_vault import Vault
from frames.speech import ReplyHeardFrame
from frames.turns import STTFinalizedFrame
from processors.name_model import NameModel

_UNREADABLE = "[unreadable]"
_OF_WORDS = (TranscriptionFrame, InterimTranscriptionFrame, STTFinalizedFrame)


class Redactor(FrameProcessor):
    """Rewrites text and result of transcriptions; learns from the agent's words what is asked."""

    def __init__(
        self,
        privacy: Privacy,
        vault: Vault,
        *,
        masking: Masking | None = None,
        recording: Recording | None = None,
        silence: Collection[str] = (),
        names: NameModel | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`recording` is told where values of the kinds `silence` are said; `names` reads what was
        said for good."""
        super().__init__(enable_direct_mode=True)
        self._masking = masking or Masking(privacy, vault)
        self._most_chars = privacy.max_chars
        self._breath = Breath(recording or NoRecording(), silence)
        self._clock = clock
        self._names = names
        self._in_order = asyncio.Lock()  # nothing of the recogniser overtakes words being read

    async def cleanup(self) -> None:
        """Forget the caller's last words with the call."""
        await super().cleanup()
        self._masking.forget()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Rewrite in place, then pass."""
        await super().process_frame(frame, direction)
        if self._names is not None and isinstance(frame, _OF_WORDS):
            async with self._in_order:
                await self._pass(frame, direction, self._names)
        else:
            await self._pass(frame, direction)

    async def _pass(
        self, frame: Frame, direction: FrameDirection, names: NameModel | None = None
    ) -> None:
        match frame:
            case VADUserStartedSpeakingFrame() if direction is FrameDirection.DOWNSTREAM:
                self._breath.began(self._clock())
            case VADUserStoppedSpeakingFrame() if direction is FrameDirection.DOWNSTREAM:
                self._breath.ended(self._clock())
            case TranscriptionFrame() | InterimTranscriptionFrame():
                self._shorten(frame)
                is_read = names is not None and isinstance(frame, TranscriptionFrame)
                spots = await names.spot(frame.text) if names and is_read else ()
                self._redact(frame, spots)
            case ReplyHeardFrame() if frame.heard and direction is FrameDirection.UPSTREAM:
                self._masking.agent_said(frame.heard)
        await self.push_frame(frame, direction)

    def _shorten(self, frame: TranscriptionFrame | InterimTranscriptionFrame) -> None:
        """No caller says so much in one breath."""
        if len(frame.text) > self._most_chars:
            cut = frame.text[: self._most_chars]
            frame.text, frame.result = cut.rpartition(" ")[0] or cut, None

    def _redact(
        self, frame: TranscriptionFrame | InterimTranscriptionFrame, spots: Sequence[Spot]
    ) -> None:
        """In doubt nothing is shown: words that cannot be judged do not pass."""
        raw, is_final = frame.text, isinstance(frame, TranscriptionFrame)
        try:
            masked = self._masking.hear(raw, final=is_final, spots=spots)
        except Exception as error:  # the caller's data: a bug of ours may cost words, never a leak
            logger.error("words withheld, they cannot be judged: {}", type(error).__name__)
            frame.text, frame.result = _UNREADABLE, None
            self._breath.withheld(self._clock())
            return
        self._breath.heard(masked.kinds, self._clock(), is_final=is_final, goes_on=masked.goes_on)
        frame.text = masked.text
        if masked.stretches:
            frame.result = _without(frame.result, raw, masked)


def _without(result: Any, raw: str, masked: Masked) -> Any:
    """The recogniser's own result, as far as it tells nothing but confidences and kept words."""
    try:
        best = result.channel.alternatives[0]
    except (AttributeError, IndexError, TypeError):
        return None
    words = [_word(word, place, masked) for word, place in _places(getattr(best, "words", ()), raw)]
    alternative = SimpleNamespace(
        transcript=masked.text, confidence=getattr(best, "confidence", None), words=words
    )
    return SimpleNamespace(
        is_final=getattr(result, "is_final", None),
        start=getattr(result, "start", None),
        duration=getattr(result, "duration", None),
        channel=SimpleNamespace(alternatives=[alternative]),
    )


def _places(words: Any, raw: str) -> list[tuple[Any, int]]:
    """Each word with its place in the text; -1 where it is not found."""
    low, at, placed = raw.lower(), 0, []
    for word in words or ():
        found = low.find(str(getattr(word, "word", "")).lower() or "\0", at)
        if found >= 0:
            at = found + 1
        placed.append((word, found))
    return placed


def _word(word: Any, place: int, masked: Masked) -> SimpleNamespace:
    is_hidden = place < 0 or any(start <= place < end for start, end in masked.stretches)
    return SimpleNamespace(
        word="…" if is_hidden else word.word,
        punctuated_word="…" if is_hidden else getattr(word, "punctuated_word", word.word),
        start=getattr(word, "start", None),
        end=getattr(word, "end", None),
        confidence=getattr(word, "confidence", None),
    )
