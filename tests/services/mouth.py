"""The station that speaks, built as a call builds it, over the lab's voices; and what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)

from call.first_token import Patience
from frames.recovery import remedy_of
from frames.speech import ClauseCutFrame, ClauseFrame, PlayheadFrame, VoiceSwitchedFrame
from services import Hear, Speak, Think, tts
from services.cartesia import Cartesia
from services.claude_client import Anthropic
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs
from services.failover import FailoverTTS
from services.voices import Voices
from tests.services.stage import CHAR_MS, Lab, Notes, Stage

GREETING = ("Good morning, this is Harbour Dental.", "How can I help you today?")
VOICES = {"elevenlabs": "v", "cartesia": "v"}


@dataclass(frozen=True)
class Settings:
    """The sections that the services read."""

    hear: Hear = Hear()
    think: Think = Think()
    patience: Patience = Patience()
    speak: Speak = Speak()
    deepgram: Deepgram = Deepgram()
    anthropic: Anthropic = Anthropic()
    elevenlabs: ElevenLabs = ElevenLabs()
    cartesia: Cartesia = Cartesia()


@dataclass
class Mouth:
    """Builds stations that speak through the lab."""

    lab: Lab
    notes: Notes

    def build(
        self,
        *names: str,
        budget_s: float = 2.0,
        stall_s: float = 4.0,
        key: str = "k",
        shared: Voices | None = None,
    ) -> FailoverTTS:
        """A station with these voices, the first first; patient, for a machine under load."""
        speak = Speak(
            provider=names[0],
            stand_ins=names[1:],
            first_byte_budget_s=budget_s,
            stall_s=stall_s,
            probe_s=60.0,
        )
        return tts(
            self.settings(speak),
            {"elevenlabs": key, "cartesia": key},
            recorder=self.notes,
            language="en",
            voices=VOICES,
            shared=shared,
        )

    def settings(self, speak: Speak) -> Settings:
        """With the lab's addresses."""
        return Settings(
            speak=speak,
            elevenlabs=ElevenLabs(url=self.lab.ws, connect_timeout_s=5.0),
            cartesia=Cartesia(url=f"{self.lab.ws}/tts/websocket", connect_timeout_s=5.0),
        )

    def asked(self, provider: str) -> list[str]:
        """What a voice was asked to say, clause by clause."""
        entries = [e["message"] for e in self.lab.entries(provider, "message")]
        texts = [str(e.get("text") or e.get("transcript") or "").strip() for e in entries]
        return [text for text in texts if text]


def reply(
    *texts: str, number: int = 1, interruptible: bool = True, kind: str = "reply"
) -> list[Frame]:
    """A reply as the clause chunker sends it."""
    frames: list[Frame] = [LLMFullResponseStartFrame()]
    for clause, text in enumerate(texts or GREETING, start=1):
        frames.append(
            ClauseFrame(text, "sentence", written=text, reply=number, clause=clause, kind=kind)
        )
    frames.append(LLMFullResponseEndFrame())
    for frame in frames:
        frame.interruptible = interruptible
    return frames


def story(frames: Sequence[Frame]) -> list[str]:
    """What came out, in a line a reader can follow; neighbouring audio is one word."""
    told = [word for frame in frames if (word := _word(frame))]
    return [w for i, w in enumerate(told) if w != "audio" or i == 0 or told[i - 1] != "audio"]


_PLAIN: dict[type[Frame], str] = {
    LLMFullResponseStartFrame: "start",
    TTSStartedFrame: "started",
    TTSAudioRawFrame: "audio",
    TTSStoppedFrame: "stopped",
    LLMFullResponseEndFrame: "end",
}


def _word(frame: Frame) -> str:
    """One frame of a story; the ends of words inside a clause are told elsewhere."""
    match frame:
        case ClauseFrame():
            return f"clause {frame.clause_id}"
        case VoiceSwitchedFrame():
            return f"switch {frame.voice}"
        case ClauseCutFrame():
            return f"cut {frame.clause_id}"
        case PlayheadFrame():
            return f"end {frame.clause_id}" if frame.is_end else ""
    return _PLAIN.get(type(frame), "")


def clause_ends(stage: Stage) -> list[PlayheadFrame]:
    """The playheads behind whole clauses."""
    return [head for head in stage.seen(PlayheadFrame) if head.is_end]


def said(stage: Stage) -> list[str]:
    """The clauses that were said to their end, in order."""
    return [head.clause_id for head in clause_ends(stage)]


def faults(stage: Stage) -> list[type[BaseException]]:
    """What went wrong with the voices."""
    return [type(frame.exception) for frame in stage.risen(ErrorFrame) if frame.exception]


def lost(stage: Stage) -> list[ErrorFrame]:
    """The faults by which replies could not be said."""
    return [frame for frame in stage.risen(ErrorFrame) if remedy_of(frame) is not None]


def ends(stage: Stage, count: int = 1) -> Callable[[], object]:
    """Whether so many replies have ended."""
    return lambda: len(stage.seen(LLMFullResponseEndFrame)) >= count


def audio_chars(frames: Sequence[Frame]) -> float:
    """Characters that the audio is long enough for: the lab's tone has an even pace."""
    return sum(len(f.audio) for f in frames if isinstance(f, TTSAudioRawFrame)) / 16 / CHAR_MS
