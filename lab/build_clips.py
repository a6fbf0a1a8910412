"""Makes the caller's clips: synthetic telephone utterances with their words, kept as data.

    python -m lab.build_clips             # needs libflite; writes lab/clips/*.ulaw and clips.json

Each line is said at several speeds and pitches; the take that the turn detector inside the
Pipecat wheel is surest of is kept, because a synthetic voice often does not end like a person.
"""

from __future__ import annotations

import argparse
import audioop
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab import flite, speaking

FOLDER = Path(__file__).parent / "clips"

# What the detector is asked at: the silence after the speech when voice activity detection stops.
_SILENCES_S = (0.2, 0.23, 0.26)
_STRETCHES = (1.0, 0.95, 1.05, 0.9, 1.1, 0.85, 1.15)
_PITCHES = (1.0, 0.96, 1.04, 0.92, 1.08)
_GOOD_ENOUGH = 0.97
_PAUSE = re.compile(r"\s*\[(\d+)\]\s*")

Judge = Callable[[NDArray[np.float32]], float]


@dataclass(frozen=True)
class Line:
    """One thing a caller says; "[700]" in the text is a pause of 700 ms."""

    id: str
    kind: str
    voice: str
    text: str


LINES = tuple(
    Line(*(part.strip() for part in row.split("|")))
    for row in """
    hours          | say | rms | Hello, what are your opening hours?
    book_tuesday   | say | rms | Can I book an appointment for Tuesday morning, please?
    ten_thirty     | say | rms | Ten thirty is fine.
    phone          | say | rms | My phone number is five five five, zero one four two.
    yes_right      | say | rms | Yes, that's correct.
    price          | say | rms | How much does a cleaning cost, and do you take insurance?
    goodbye        | say | rms | That's all, thank you very much.
    hello          | say | slt | Hello?
    hours_saturday | say | slt | Are you open on Saturday?
    hours_close    | say | awb | What time do you close today?
    where          | say | slt | Where are you located?
    book_checkup   | say | awb | I'd like to book an appointment for a checkup.
    book_friday    | say | slt | Do you have anything free on Friday afternoon?
    book_tomorrow  | say | awb | Can I come in tomorrow morning?
    nine_oclock    | say | slt | Nine o'clock works for me.
    two_thirty     | say | rms | Two thirty, please.
    cancel         | say | awb | I need to cancel my appointment.
    move           | say | rms | Can I move my appointment to Thursday?
    insurance      | say | slt | Do you take insurance?
    cleaning       | say | rms | How much is a cleaning?
    whitening      | say | slt | Do you do teeth whitening?
    person         | say | rms | I'd like to speak to a real person please.
    toothache      | say | awb | I have a toothache.
    new_patient    | say | slt | Are you taking new patients?
    name           | say | rms | My name is Robert Miller.
    phone_other    | say | awb | My number is five five five, zero one nine eight.
    yes            | say | slt | Yes.
    yes_please     | say | awb | Yes please.
    no             | say | rms | No.
    repeat         | say | rms | Could you repeat that please?
    children       | say | slt | Do you see children?
    parking        | say | awb | Do you have parking?
    thanks         | say | slt | Thank you very much.
    bye            | say | slt | Goodbye.
    pause_book     | pause | rms | I want to book an appointment [700] for Tuesday morning, please.
    pause_phone    | pause | rms | My phone number is [600] five five five, zero one four two.
    pause_move     | pause | awb | I need to move my [800] my appointment to Friday.
    pause_day      | pause | rms | Do you have anything free on [900] Friday afternoon?
    pause_cost     | pause | rms | How much is [700] a cleaning?
    pause_person   | pause | slt | Could I speak to a [600] real person please?
    pause_open     | pause | slt | What time do you [500] open on Saturday?
    uh_huh         | backchannel | rms | uh huh
    mm_hmm         | backchannel | slt | mm hmm
    yeah           | backchannel | rms | yeah
    right          | backchannel | awb | right
    okay           | backchannel | slt | okay
    i_see          | backchannel | rms | I see
    sure           | backchannel | slt | sure
    got_it         | backchannel | awb | got it
    wait_parking   | interruption | rms | Sorry, wait, do you have parking?
    stop           | interruption | slt | Stop.
    hold_on        | interruption | rms | Hold on a second.
    wait_cost      | interruption | slt | Wait, how much does it cost?
    actually       | interruption | awb | Actually, can I ask something else?
    excuse_me      | interruption | rms | Excuse me, one question.
    """.strip().splitlines()
)


@dataclass(frozen=True)
class Clip:
    """One candidate take of a line, and how the turn detector took it."""

    samples: NDArray[np.float32]
    words: list[dict[str, Any]]
    onset_s: float
    end_s: float
    stretch: float
    pitch: float
    complete: float
    in_pause: float | None


def main() -> None:
    """Build every clip, report how complete each sounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="ids to build again, separated by commas")
    only = set(filter(None, parser.parse_args().only.split(",")))
    if not flite.is_available():
        sys.exit("The clips are made with flite: apt-get install libflite1")
    judge = _judge()
    index = FOLDER / "clips.json"
    known = json.loads(index.read_text()) if index.exists() and only else {}
    for line in LINES:
        if not only or line.id in only:
            known[line.id] = _build(line, judge=judge)
    ordered = {line.id: known[line.id] for line in LINES}
    rows = ",\n".join(f"{json.dumps(id_)}: {json.dumps(entry)}" for id_, entry in ordered.items())
    index.write_text("{\n" + rows + "\n}\n")


def _build(line: Line, *, judge: Judge) -> dict[str, Any]:
    best = max(_candidates(line, judge=judge), key=_merit)
    name = f"{line.id}.ulaw"
    pcm = (best.samples * 32767).round().astype("<i2").tobytes()
    (FOLDER / name).write_bytes(audioop.lin2ulaw(pcm, 2))
    pause = "" if best.in_pause is None else f"  in the pause {best.in_pause:.2f}"
    sys.stdout.write(
        f"{line.id:15} {line.voice:4} x{best.stretch:.2f} ^{best.pitch:.2f}"
        f"  complete {best.complete:.2f}{pause}\n"
    )
    sys.stdout.flush()
    return {
        "file": name,
        "text": _PAUSE.sub(" ", line.text),
        "kind": line.kind,
        "speaker": line.voice,
        "engine": "flite",
        "onset_s": best.onset_s,
        "end_s": best.end_s,
        "complete": round(best.complete, 2),
        "words": best.words,
    }


def _merit(clip: Clip) -> float:
    """Complete at the end; for a thinking caller also clearly not complete in the pause."""
    return clip.complete - (clip.in_pause or 0.0)


def _candidates(line: Line, *, judge: Judge) -> Iterator[Clip]:
    """Takes from the plainest on, until one is surely complete; short signals need only one."""
    for pitch in _PITCHES:
        for stretch in _STRETCHES:
            clip = _take(line, stretch=stretch, pitch=pitch, judge=judge)
            yield clip
            if line.kind == "backchannel" or _merit(clip) > _GOOD_ENOUGH - (
                0.05 if clip.in_pause is not None else 0.0
            ):
                return


def _take(line: Line, *, stretch: float, pitch: float, judge: Judge) -> Clip:
    parts = _PAUSE.split(line.text)
    samples = np.zeros(0, np.float32)
    words: list[dict[str, Any]] = []
    in_pause: float | None = None
    for index, part in enumerate(parts):
        if index % 2:
            in_pause = max(in_pause or 0.0, judge(samples))
            samples = np.concatenate((samples, np.zeros(int(part) * 8, np.float32)))
            continue
        take = flite.synthesise(part, voice=line.voice, stretch=stretch, pitch=pitch)
        speech = speaking.finished(part, take=take, engine="flite")
        pcm = np.frombuffer(speech.pcm8k, "<i2").astype(np.float32) * np.float32(2**-15)
        first, last = speaking.speech_span(pcm)
        at_s = (len(samples) - first) / speaking.RATE_HZ if index else 0.0
        words += [_word(*word, at_s=at_s) for word in speech.words]
        samples = np.concatenate((samples, pcm[first if index else 0 : last]))
    first, last = speaking.speech_span(samples)
    complete = judge(samples)
    samples = np.concatenate((samples, np.zeros(800, np.float32)))
    times = (round(first / speaking.RATE_HZ, 3), round(last / speaking.RATE_HZ, 3))
    return Clip(samples, words, *times, stretch, pitch, complete, in_pause)


def _word(written: str, start_s: float, end_s: float, *, at_s: float) -> dict[str, Any]:
    return {
        "text": re.sub(r"[^a-z' ]", "", written.lower()),
        "written": written,
        "start_s": round(at_s + start_s, 3),
        "end_s": round(at_s + end_s, 3),
    }


def _judge() -> Judge:
    """How complete Pipecat's own turn model finds telephone audio; the lowest over the silences."""
    from loguru import logger
    from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

    logger.remove()
    analyzer = LocalSmartTurnAnalyzerV3()
    analyzer.set_sample_rate(speaking.RATE_HZ)

    def judge(samples: NDArray[np.float32]) -> float:
        pcm = (samples * 32767).round().astype("<i2").tobytes()
        heard = audioop.ulaw2lin(audioop.lin2ulaw(pcm, 2), 2)
        speech = np.frombuffer(heard, "<i2").astype(np.float32) / 32768
        padded = (np.pad(speech, (0, int(s * speaking.RATE_HZ))) for s in _SILENCES_S)
        return min(float(analyzer._predict_endpoint(audio)["probability"]) for audio in padded)

    return judge


if __name__ == "__main__":
    main()
