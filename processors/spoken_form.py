"""Reword each clause as it is to be said: digits, money, dates and addresses become words.

This is also the door through which personal values reach the voice: stand-ins such as `[PHONE_1]`
are read back here, digit by digit, if the vault allows their kind.
"""

from __future__ import annotations

from loguru import logger
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.pardon import LastWords
from call.privacy import Privacy
from call.privacy_vault import Vault
from call.privacy_veil import Veil
from call.spoken import Spoken, language_of, spoken_with_map
from frames.speech import ClauseFrame


class SpokenForm(FrameProcessor):
    """Rewrites `ClauseFrame.text`; `written` stays as the model wrote it, and is remembered."""

    def __init__(
        self,
        language: str,
        vault: Vault | None = None,
        *,
        veil: Veil | None = None,
        last_words: LastWords | None = None,
    ) -> None:
        super().__init__()
        self._last_words = last_words or LastWords()
        self._language = language
        self._vault = vault or Vault()
        self._veil = veil or Veil(Privacy(kinds=()), self._vault)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Reword a clause; pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ClauseFrame):
            self._last_words.written(frame.reply, frame.clause, frame.written, kind=frame.kind)
            frame.form = self._spoken(frame)
            if frame.form is not None:
                frame.text = frame.form.text
        await self.push_frame(frame, direction)

    def _spoken(self, clause: ClauseFrame) -> Spoken | None:
        """How the clause is said; None when that cannot be found out."""
        written = clause.text
        language = language_of(written, otherwise=self._language)
        try:
            text = self._veil.sayable(written, language=language)
            text = self._vault.read_back(text, language=language)
            said = spoken_with_map(text, language=language)
        except Exception as exc:  # protects the reply: a clause said as written, never lost
            logger.error(f"clause {clause.clause_id} is said as written: {type(exc).__name__}")
            return None
        if text == written:
            return said
        # a value stands for its token: which words of the clause were said is known by proportion
        return Spoken(said.text, ((0, len(written), 0, len(said.text)),))
