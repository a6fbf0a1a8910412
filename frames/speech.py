"""What is to be spoken, where the audio of it ends, and how far the caller has heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat.frames.frames import AggregatedTextFrame, DataFrame, SystemFrame

from call.spoken import Spoken


@dataclass
class SpeakNowFrame(SystemFrame):
    """A phrase the agent says on its own account (greeting, filler, apology, goodbye), not written
    by the model.

    A system frame, so that it overtakes a model that is busy, late or stalled; the first-token
    guard, below the model, turns it into a reply of its own: start, clauses, end. With
    `interruptible=False` it is finished even if the caller speaks. `kind` names the phrase in
    records; one of kind "filler" is heard, and no part of the conversation.
    """

    text: str = ""
    kind: str = "phrase"
    interruptible: bool = field(default=True, kw_only=True)

    def __str__(self) -> str:
        return f"{self.name}(kind: {self.kind})"


@dataclass(repr=False)
class ClauseFrame(AggregatedTextFrame):
    """One speakable clause.

    `written` is the model's own words and never changes; `text` is what the voice is to say and is
    rewritten by the spoken form. `reply` numbers the replies of a call from 1 in the order they are
    said, `clause` the clauses of a reply from 1; together they name the clause. `kind` is "reply"
    for the model's words, or the kind of the phrase.
    """

    written: str = ""
    reply: int = 0
    clause: int = 0
    kind: str = "reply"
    form: Spoken | None = None
    """Which spoken words come from where in `written`; None where they are the same."""
    voice: str = ""
    """Whose sound it begins with: a voice's provider, or "shipped"; set when its sound begins."""
    silent_since: float | None = None
    """Since when the caller had heard nothing when it was written, on the monotonic clock; None
    where something was still to be heard."""

    def __str__(self) -> str:
        return f"{self.name}({self.clause_id}, kind: {self.kind})"  # the text may be personal

    __repr__ = __str__

    @property
    def clause_id(self) -> str:
        """Name of the clause on marks: "3.2" is the second clause of the third reply."""
        return f"{self.reply}.{self.clause}"


@dataclass
class PlayheadFrame(DataFrame):
    """Stands in the audio stream right behind the sample where `clause_id` has been spoken up to
    `chars` of its spoken text.

    The voice service puts it there; each wire turns it into its own way of learning when it was
    played (Twilio: a mark). `is_end` is true behind the clause's last sample, `is_within` in a
    word's middle, from where on it counts as heard.
    """

    clause_id: str = ""
    chars: int = 0
    is_end: bool = True
    is_within: bool = False


@dataclass
class VoiceSwitchedFrame(DataFrame):
    """Another voice goes on within `clause_id`, from here in the audio stream."""

    clause_id: str = ""
    voice: str = ""


@dataclass
class ClauseCutFrame(DataFrame):
    """Nobody can say the rest of `clause_id`: its sound ends here in the audio stream, after
    `chars` of its spoken text. Its end follows as a `PlayheadFrame`."""

    clause_id: str = ""
    chars: int = 0


@dataclass
class PlayedToFrame(SystemFrame):
    """The caller has heard `clause_id` up to `chars`; broadcast by the wire's output, `at` on
    the monotonic clock.

    Never sent for a mark that came back because of our own `clear`.
    """

    clause_id: str = ""
    chars: int = 0
    is_end: bool = True
    at: float = 0.0


@dataclass
class ReplyHeardFrame(SystemFrame):
    """The caller has heard reply `reply` to its end, or as much of it as will ever be heard
    (`interrupted`)."""

    reply: int = 0
    kind: str = "reply"
    interrupted: bool = False
    heard: str = field(default="", repr=False)


@dataclass
class FarewellFrame(SystemFrame):
    """The agent ends the call with the words that follow, because nobody is there; `is_meant` false
    takes it back: somebody is."""

    is_meant: bool = True
