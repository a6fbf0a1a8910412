"""The one list: everything a caller's voice passes through, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipecat.processors.frame_processor import FrameProcessor

from bot.untying import weakly
from processors.clause_chunker import ClauseChunker
from processors.confidence_gate import ConfidenceGate
from processors.first_token_guard import FirstTokenGuard
from processors.heard_ledger import HeardLedger
from processors.idle_guard import IdleGuard
from processors.keypad import Keypad
from processors.noise_guard import NoiseGuard
from processors.pardon_gate import PardonGate
from processors.recovery_desk import RecoveryDesk
from processors.redactor import Redactor
from processors.speech_gate import SpeechGate
from processors.spoken_form import SpokenForm
from processors.turn_detector import TurnDetector
from processors.turn_tap import TurnTap

if TYPE_CHECKING:
    from bot.session import Session


def stations(session: Session) -> list[FrameProcessor]:
    """The stations of one call; `bot/session.py` has opened what they need."""
    s, report, say = session.settings, session.recorder, session.tongue
    floor, last_words = session.floor, session.last_words
    return [
        # ── ears ────────────────────────────────────────────────────────────────
        session.wire.input(),  # 20 ms of µ-law from the caller; oldest shed when late
        RecoveryDesk(
            s.patience,
            phrases=say,
            recovery=session.recovery,
            on_fault=weakly(session.fault_met),
        ),  # faults travel upstream and end here; one table says what the caller hears
        session.vad,  # speech or silence; ahead of stt, so a stalled recogniser never delays it
        TurnDetector(
            session.smart_turn, s.turn, recorder=report
        ),  # the semantic detector: does that sound finished?
        session.stt,  # words while they are spoken: interim, then final; caller audio ends here
        Keypad(s.dtmf, floor=floor),  # typed keys become one entry, words like spoken ones
        session.emergency,  # "911": the emergency line is said at once, whatever goes on
        Redactor(
            s.privacy,
            session.vault,
            recording=session.recording,
            silence=s.recordings.silence,
            names=session.names,
        ),  # below this line nobody sees a card number
        NoiseGuard(s.noise, report),  # a sound without words is nobody's turn
        IdleGuard(
            s.idle, report, phrases=say, floor=floor, last_words=last_words
        ),  # "are you still there?"
        # ── mind ────────────────────────────────────────────────────────────────
        session.listener,  # whose turn? start and stop strategies; the turn enters the conversation
        ConfidenceGate(session.doubt, report),  # unsure words: "Did I hear that right?"
        PardonGate(last_words, report, speculation=session.speculation),  # "pardon?": once more
        TurnTap(report),  # zero of the five numbers
        session.llm,  # Claude, streaming
        # ── mouth ───────────────────────────────────────────────────────────────
        ClauseChunker(s.clauses, language=session.language),  # the first clause leaves early
        FirstTokenGuard(
            s.patience,
            s.clauses,
            language=session.language,
            holding=session.holding,
            recovery=session.recovery,
            recorder=report,
        ),  # no clause in time: break the silence; the agent's own phrases are said here, at once
        SpokenForm(
            session.language, session.vault, veil=session.veil, last_words=last_words
        ),  # 4111 → "four one one one"
        session.tts,  # ElevenLabs; Cartesia from the first word not said yet when it falters
        SpeechGate(),  # holds the sound of an answer begun early until the turn is decided
        session.wire.output(),  # µ-law to the caller; marks; hold, resume, clear on barge-in
        HeardLedger(
            session.heard, report, floor=floor, last_words=last_words, tongue=say
        ),  # which words reached the ear
        session.speaker,  # only those enter the conversation
    ]
