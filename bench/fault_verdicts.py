"""What the caller heard of each fault: silence, words, and whether the call went on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.fault_calls import AFTERWARDS, QUESTIONS, Call, Switchboard, Turn, deal
from bench.fault_cells import ALWAYS, EAR, MOUTH, Cell
from bench.fault_house import GREETING as GREETING_WORDS
from bench.fault_house import House
from lab.caller import Outcome
from lab.measures import longest_silence
from lab.mouth import Clips
from lab.played import Account, PlayedWord, account, played_words
from lab.reciter import is_made_up, words_of
from lab.timeline import Timeline

LONGEST_SILENCE_S = 2.0
FAILOVER_S = 0.3
BACK_S = 0.5
EAR_GONE_S = 1.7  # an ear that is gone is waited for, before the caller is told
SORRY = {"sorry", "trouble", "wrong", "apologise", "again", "message"}
"""Words of the agent's own phrases for what it did not hear or could not do."""
WITH_A_WAY_OUT = ("voicemail", "handed_off")


@dataclass
class Seen:
    """What came of one cell."""

    cell: Cell | None
    question: str
    struck: bool = False
    silence_s: float = 0.0
    """Longest in the agent's turn, from the end of the caller's speech."""
    decided_s: float | None = None
    """The same from the moment the turn was decided, as the bot's record says."""
    failover_s: float | None = None
    """Fault felt by the bot → first audio of another voice (or the same, asked again)."""
    back_s: float | None = None
    """A recogniser's fault → its next socket that heard the question."""
    account: Account = field(default_factory=lambda: Account((), (), True))
    heard_question: bool = True
    """The bot's record has the caller's words."""
    goes_on: bool = False
    ending: str = ""
    verbs: tuple[str, ...] = ()
    apologised: bool = False
    faults: tuple[str, ...] = ()
    problem: str = ""

    @property
    def ends_well(self) -> bool:
        """The call went on, or it ended with words and a way out."""
        return self.goes_on or (self.apologised and self.ending in WITH_A_WAY_OUT)


@dataclass(frozen=True)
class Answered:
    """What came of a turn in a call whose faults were bound to nobody."""

    clip: str
    is_answered: bool
    is_understood: bool
    """The answer is to the words that were said, and not to others that were heard in them."""
    is_apologised: bool
    silence_s: float


async def try_all(
    house: House,
    board: Switchboard,
    calls: Sequence[Call],
    *,
    is_to_repeat: Callable[[Seen], object] = lambda seen: not seen.struck,
) -> list[Seen]:
    """Place the calls and judge them; what is to be repeated is tried once more in a call of its
    own: a fault that met nobody, because the bot was going round that provider or the call was
    over."""
    verdicts = Verdicts(house)
    seen = verdicts.of(await board.run(calls))
    missed = [one for one in seen if one.cell is not None and is_to_repeat(one)]
    if missed:
        seen = [one for one in seen if one not in missed]
        cells = [one.cell for one in missed if one.cell is not None]
        seen += verdicts.of(await board.run(deal(cells, per_call=1)))
    return seen


class Verdicts:
    """Judges calls by the carrier's bytes, the bot's record and the lab's log."""

    def __init__(self, house: House) -> None:
        clips = Clips()
        self._house = house
        self._texts = {name: clips[name].words for name in (*QUESTIONS, AFTERWARDS)}
        self._made_up = {w for text in self._texts.values() for w in words_of(text)}

    def of(self, calls: Iterable[Call]) -> list[Seen]:
        """Every cell of every call."""
        return [seen for call in calls for seen in self._call(call)]

    def _call(self, call: Call) -> list[Seen]:
        outcome = call.outcome
        assert outcome is not None
        heard = self._heard(call, outcome)
        spans = _turn_spans(outcome.timeline)
        found = []
        if call.opening is not None:
            seen = self._judge(call, call.opening, call.opening_ids, spans[0], heard)
            seen.account = account(GREETING_WORDS, _within(heard, *spans[0]))
            seen.goes_on = self._is_answered(call, 0, heard)
            found.append(seen)
        for place, cell in enumerate(call.cells):
            if place < len(call.turns) and place + 1 < len(spans):
                found.append(self._turn(call, place, heard, spans))
            elif cell is not None:
                found.append(self._never(call, cell))
        return found

    def answers(self, call: Call) -> list[Answered]:
        """Each question of a call: was it answered, or apologised for?

        An answer to what was misheard is one; the rest of an answer to something else is none.
        """
        assert call.outcome is not None
        timeline = call.outcome.timeline
        heard = self._heard(call, call.outcome)
        clips = [*(turn.clip for turn in call.turns), AFTERWARDS]
        led_out = call.record.get("ending") in WITH_A_WAY_OUT
        found = []
        for clip, span in zip(clips, _turn_spans(timeline)[1:], strict=False):
            words = words_of(self._texts[clip])
            said = _within(heard, *span)
            spoken = {word.word for word in said}
            others = {
                word for other in clips if other != clip for word in words_of(self._texts[other])
            }
            found.append(
                Answered(
                    clip,
                    is_answered=is_answer(spoken, not_of=others),
                    is_understood=any(word in spoken for word in words),
                    is_apologised=bool(spoken & SORRY) or led_out,
                    silence_s=self._silence(call, *span, words, said),
                )
            )
        return found

    def _never(self, call: Call, cell: Cell) -> Seen:
        """The call was over before this could be tried."""
        assert call.outcome is not None
        seen = Seen(cell, "", problem=call.outcome.problem or "the call was over before")
        seen.ending = self._ending(call, call.outcome)
        return seen

    def _turn(
        self, call: Call, place: int, heard: list[PlayedWord], spans: list[tuple[float, float]]
    ) -> Seen:
        turn = call.turns[place]
        words = words_of(self._texts[turn.clip])
        from_s, until_s = spans[place + 1]
        said = _within(heard, from_s, until_s)
        seen = self._judge(call, turn.cell, turn.ids, spans[place + 1], heard, turn=turn)
        seen.question, turn.is_struck = turn.clip, seen.struck
        seen.account = account(words, said)
        seen.goes_on = self._is_answered(call, place + 1, heard)
        short = turn.cell is not None and turn.cell.may_garble
        seen.silence_s = self._silence(call, from_s, until_s, words, said, cut_short=short)
        if call.record:
            record = _record_of(call.record, self._texts[turn.clip])
            seen.heard_question = record is not None
            later_s = max(from_s, (decided_s(call, record) if record else None) or from_s)
            seen.decided_s = self._silence(call, later_s, until_s, words, said, cut_short=short)
        return seen

    def _silence(
        self,
        call: Call,
        from_s: float,
        until_s: float,
        words: Sequence[str],
        said: Sequence[PlayedWord],
        *,
        cut_short: bool = False,
    ) -> float:
        """The longest silence in a span; one word of an answer's end may be lost, and an answer
        that its own model cut short is complete as it stands."""
        assert call.outcome is not None
        spoken = {word.word for word in said}
        complete = cut_short or any(word in spoken for word in words[-2:])
        timeline = call.outcome.timeline
        return longest_silence(timeline, from_s, until_s, is_complete=complete)

    def _judge(
        self,
        call: Call,
        cell: Cell | None,
        ids: Sequence[int],
        span: tuple[float, float],
        heard: list[PlayedWord],
        *,
        turn: Turn | None = None,
    ) -> Seen:
        """What is judged alike for openings and turns."""
        outcome = call.outcome
        assert outcome is not None
        timeline = outcome.timeline
        seen = Seen(cell, "", problem=outcome.problem)
        seen.ending = self._ending(call, outcome)
        seen.verbs = tuple(verb.name for verb in outcome.verbs)
        said = _within(heard, span[0], timeline.duration_s)
        seen.apologised = any(word.word not in self._made_up for word in said) or _more_than(
            timeline, span, said
        )
        seen.faults = tuple(_fault_text(fault) for fault in call.record.get("faults") or ())
        if turn is None:
            greeted = _within(heard, *span)
            seen.silence_s = self._silence(call, *span, GREETING_WORDS, greeted)
            seen.decided_s = seen.silence_s if call.record else None
        words = set(GREETING_WORDS if turn is None else words_of(self._texts[turn.clip]))
        until = timeline.began_at + span[1]
        self._time(seen, ids, words, question=turn.clip if turn else "", until=until)
        return seen

    def _ending(self, call: Call, outcome: Outcome) -> str:
        return str(call.record.get("ending") or f"by {outcome.timeline.ended_by}")

    def _is_answered(self, call: Call, place: int, heard: list[PlayedWord]) -> bool:
        """The question after was answered, however much of it was understood."""
        assert call.outcome is not None
        spans = _turn_spans(call.outcome.timeline)
        if place + 1 >= len(spans):
            return False
        return any(is_made_up(word.word) for word in _within(heard, *spans[place + 1]))

    def _heard(self, call: Call, outcome: Outcome) -> list[PlayedWord]:
        """The words played, of all that was said to this caller or to nobody in particular."""
        asked = [self._texts[turn.clip] for turn in call.turns] + [self._texts[AFTERWARDS]]
        mine = {word for text in asked for word in words_of(text)} | set(GREETING_WORDS)
        texts = {str(e["text"]) for e in self._house.entries if e["kind"] == "speech"}
        others = {text for text in texts if (w := _words(text)) & self._made_up and not w & mine}
        return played_words(outcome.recording.played, texts - others)

    def _time(
        self, seen: Seen, ids: Sequence[int], words: set[str], *, question: str, until: float
    ) -> None:
        """When the fault was felt, and when another voice or ear took over."""
        entries = self._house.entries
        felt = [e for e in entries if e["kind"] == "felt" and e["id"] in ids]
        seen.struck = bool(felt) or any(e["kind"] == "fault" and e["id"] in ids for e in entries)
        if not felt or seen.cell is None:
            return
        at = min(float(entry["mono"]) for entry in felt)
        later = [e for e in entries if at < e["mono"] < until]
        if seen.cell.provider == MOUTH:
            line = felt[0].get("line")
            again = [
                e["mono"]
                for e in later
                if e["kind"] == "first_audio" and e["line"] != line and _words(e["text"]) & words
            ]
            seen.failover_s = min(again) - at if again else None
        elif seen.cell.provider == EAR and question:
            text = bare(self._texts[question])
            lines = {
                e["line"]
                for e in later
                if e["kind"] == "final" and bare(str(e.get("text"))) == text
            }
            opened = [e["mono"] for e in later if e["kind"] == "open" and e["line"] in lines]
            seen.back_s = min(opened) - at if opened else None


def misses(seen: Seen, *, allowed_s: float = LONGEST_SILENCE_S) -> list[str]:
    """Which promises were broken."""
    found: list[str] = []
    cell = seen.cell
    if cell is None:
        return found
    if not seen.struck:
        found.append(f"not struck ({seen.problem})" if seen.problem else "not struck")
    silence_s = seen.silence_s if seen.decided_s is None else seen.decided_s
    if not seen.heard_question and cell.provider == EAR:
        allowed_s += EAR_GONE_S  # no turn is decided without words
    if silence_s > allowed_s:
        found.append(f"silence {silence_s:.2f} s")
    # who was not understood is answered in other words; only a fault of the ear may not do that
    is_understood = seen.heard_question or cell.provider == EAR
    if is_understood and not cell.may_garble and not cell.may_end:
        if seen.goes_on and seen.account.off_by > 1:
            found.append(f"lost {seen.account.lost}, twice {seen.account.repeated}")
        if not seen.account.is_in_order:
            found.append("words out of order")
    if not (seen.ends_well if cell.may_end else seen.goes_on):
        found.append(f"ends: {ending(seen)}")
    if not seen.heard_question and cell.provider == EAR and cell.place != ALWAYS:
        found.append("a final was lost")
    return found


def ending(seen: Seen) -> str:
    """How the call came out, in a few words."""
    text = "goes on" if seen.goes_on else seen.ending
    if seen.apologised and not seen.goes_on:
        text += ", apologised"
    if seen.cell is not None and not seen.struck:
        text += ", not struck"
    if not seen.heard_question:
        text += ", question lost"
    return text + (f" ({seen.problem})" if seen.problem else "")


def is_answer(spoken: Iterable[str], *, not_of: Iterable[str]) -> bool:
    """Words of an answer are among them, and not only of the greeting or of those answers."""
    return any(map(is_made_up, set(spoken) - set(GREETING_WORDS) - set(not_of)))


def bare(text: str) -> str:
    """Words only, lower case."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def _words(text: object) -> set[str]:
    return set(re.findall(r"[a-z']+", str(text).lower()))


def _turn_spans(timeline: Timeline) -> list[tuple[float, float]]:
    """The greeting's span, then each turn from the end of the caller's speech to the next."""
    said = timeline.utterances
    starts = [*(one.speech_start_s for one in said), timeline.duration_s]
    ends = [0.0, *(one.speech_end_s for one in said)]
    return list(zip(ends, starts, strict=True))


def _within(heard: Sequence[PlayedWord], from_s: float, until_s: float) -> list[PlayedWord]:
    return [word for word in heard if from_s - 0.3 <= word.at_s < until_s]


def _more_than(timeline: Timeline, span: tuple[float, float], said: Sequence[PlayedWord]) -> bool:
    """Sound that is none of the known words: a phrase that is kept ready as sound."""
    sound_s = sum(end - max(start, span[0]) for start, end in timeline.agent_spans if end > span[0])
    return sound_s > 0.5 * len(said) + 1.0


def _record_of(record: Mapping[str, Any], question: str) -> Mapping[str, Any] | None:
    """The turn with the caller's words, as the bot understood them."""
    wanted = bare(question)
    for turn in record.get("turns") or ():
        if wanted in bare(str(turn.get("caller_text", ""))):
            found: Mapping[str, Any] = turn
            return found
    return None


def decided_s(call: Call, turn: Mapping[str, Any]) -> float | None:
    """When the turn was the agent's, in seconds of the caller's time line. The bot's record has it
    by the wall clock; both processes run on one machine."""
    at_s, endpoint_s = turn.get("at_s"), turn.get("endpoint_s")
    if call.outcome is None or at_s is None or endpoint_s is None:
        return None
    wall = datetime.fromisoformat(call.record["started_at"]).timestamp()
    began_at = wall - (time.time() - time.monotonic())
    return float(began_at + at_s + endpoint_s - call.outcome.timeline.began_at)


def _fault_text(fault: Any) -> str:
    if isinstance(fault, Mapping):
        return f"{fault.get('provider')}:{fault.get('kind')}"
    return str(fault)
