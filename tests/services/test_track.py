"""Where clauses end in shared audio: plain calls, and properties over all ways audio is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.track import ClauseEnd, Track

pytestmark = pytest.mark.rule

LETTER_S = 0.05
LETTER_SAMPLES = 400
texts = st.lists(
    st.text(alphabet="ab c.,1é", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=5
)


def letters(text: str) -> str:
    return "".join(text.split())


def played(track: Track, pieces: list[bytes | ClauseEnd]) -> list[tuple[str, int]]:
    """(clause, samples in front of its end) for each end."""
    found, samples = [], 0
    for piece in pieces:
        if isinstance(piece, ClauseEnd):
            if piece.is_end:
                found.append((piece.clause_id, samples))
        else:
            samples += len(piece)
    return found


@settings(deadline=None)  # a machine under load is slow, not wrong
@given(
    texts=texts, cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=40), ahead=st.booleans()
)
def test_ends_stand_where_the_next_clause_begins_however_the_audio_is_cut(
    texts: list[str], cuts: list[int], ahead: bool
) -> None:
    """With all times known first, or each message's only with its audio."""
    track = Track()
    for number, text in enumerate(texts):
        track.add(str(number), text)
    all_letters = "".join(map(letters, texts))
    audio = bytes(len(all_letters) * LETTER_SAMPLES)
    if ahead:
        starts = [i * LETTER_S for i in range(len(all_letters))]
        track.time(list(all_letters), starts, [s + LETTER_S for s in starts])
    pieces: list[bytes | ClauseEnd] = []
    at, turn = 0, 0
    while at < len(audio):
        size = cuts[turn % len(cuts)]
        turn += 1
        chunk = audio[at : at + size]
        if not ahead:  # the letters that begin within the chunk, timed from its start
            first = -(-at // LETTER_SAMPLES)
            last = min(len(all_letters), -(-(at + len(chunk)) // LETTER_SAMPLES))
            begins = [(i * LETTER_SAMPLES - at) / 8000 for i in range(first, last)]
            track.time_next(list(all_letters[first:last]), begins, [b + LETTER_S for b in begins])
        pieces += track.hear(chunk)
        at += size
    pieces += track.finish()
    assert b"".join(p for p in pieces if isinstance(p, bytes)) == audio
    want, samples = [], 0
    for number, text in enumerate(texts):
        samples += len(letters(text)) * LETTER_SAMPLES
        want.append((str(number), samples))
    found = played(track, pieces)
    assert [name for name, _ in found] == [name for name, _ in want]
    assert all(abs(a - b) <= 1 for (_, a), (_, b) in zip(found, want, strict=True))
    assert track.is_spoken


@settings(deadline=None)
@given(
    texts=texts,
    words=st.lists(st.tuples(st.text(max_size=8), st.floats(0, 60), st.floats(0, 60)), max_size=30),
    sizes=st.lists(st.integers(0, 9000), max_size=20),
)
def test_nonsense_from_a_provider_loses_no_audio_and_no_end(
    texts: list[str], words: list[tuple[str, float, float]], sizes: list[int]
) -> None:
    """Whatever it says of times: every sample once, every end once, in order; what does not end
    is known to have had no sound."""
    track = Track()
    for number, text in enumerate(texts):
        track.add(str(number), text)
    pieces: list[bytes | ClauseEnd] = []
    for index, size in enumerate(sizes):
        said = words[index::7]
        track.time([w for w, _, _ in said], [s for _, s, _ in said], [e for _, _, e in said])
        pieces += [*track.hear(bytes(size)), *track.settle()]
    pieces += [*track.rest(), *track.hear(b"\x00"), *track.finish()]
    assert sum(len(p) for p in pieces if isinstance(p, bytes)) == sum(sizes) + 1
    ends = [p.clause_id for p in pieces if isinstance(p, ClauseEnd) and p.is_end]
    assert ends == [str(number) for number in range(len(ends))]
    assert track.is_spoken or track.owes


def test_letters_left_out_by_the_provider_are_passed_over() -> None:
    """It spoke "b" of "a b" only; the next clause still starts where it says so."""
    track = Track()
    track.add("1", "(laughs) Hello.")
    track.add("2", "Next.")
    track.time(["Hello.", "Next."], [0.0, 1.0], [0.5, 1.5])
    pieces = track.hear(bytes(16000))
    assert played(track, pieces) == [("1", 8000)]


def test_a_clause_without_news_of_the_next_ends_after_a_silence() -> None:
    """Not with its last letter: its own tail may still come."""
    track = Track()
    track.add("1", "Hi.")
    track.time(["Hi."], [0.0], [0.4])
    assert not [p for p in track.hear(bytes(3200)) if isinstance(p, ClauseEnd) and p.is_end]
    assert track.rest() == [ClauseEnd("1", 3)]


def test_a_flush_ends_one_clause_each() -> None:
    """Also when timing ended it before."""
    track = Track()
    track.add("1", "One.")
    track.add("2", "Two.")
    track.time(["One.", "Two."], [0.0, 0.5], [0.4, 0.9])
    assert ClauseEnd("1", 4) in track.hear(bytes(4800))
    assert track.flush() == []
    assert track.flush() == [ClauseEnd("2", 4)]


def test_what_no_audio_came_for_is_known() -> None:
    """It can be said again elsewhere, and does not count as spoken."""
    track = Track()
    track.add("1", "One.")
    track.hear(bytes(100))
    track.add("2", "Two.")
    assert track.owes
    assert track.finish() == [ClauseEnd("1", 4)]
    assert not track.is_spoken
    assert track.place() == ("2", 0)


def test_a_clause_that_only_others_audio_came_for_is_not_spoken() -> None:
    """Both were sent together; the provider told when the first is spoken, and stopped there."""
    track = Track()
    track.add("1", "One.")
    track.add("2", "Two and three.")
    track.time(["One."], [0.0], [0.4])
    track.hear(bytes(3400))
    assert track.finish() == [ClauseEnd("1", 4)]
    assert track.owes


def test_audio_without_times_is_taken_for_the_clauses_it_can_be_of() -> None:
    """A provider that stopped telling times goes on speaking."""
    track = Track()
    track.add("1", "One.")
    track.add("2", "Two and three.")
    track.time(["One."], [0.0], [0.4])
    track.hear(bytes(12000))
    assert track.finish() == [ClauseEnd("1", 4), ClauseEnd("2", 14)]


def test_a_flush_of_a_clause_without_audio_does_not_end_it() -> None:
    """Complete, says the provider; but there was no sound of it."""
    track = Track()
    track.add("1", "One.")
    track.add("2", "Two.")
    track.hear(bytes(3200))
    assert track.flush() == [ClauseEnd("1", 4)]
    assert track.flush() == []
    assert track.owes
    assert not track.is_spoken
    assert Track().flush() == []


def test_the_place_to_go_on_at_is_the_last_word_that_lies_in_the_audio() -> None:
    """In characters of the clause's text: blanks count there, though providers do not count
    them."""
    track = Track()
    track.add("1", "One two three")
    track.time(["One", "two", "three"], [0.0, 0.5, 1.0], [0.4, 0.9, 1.4])
    assert track.place() == ("1", 0)
    track.hear(bytes(7000))
    assert track.place() == ("1", len("One two"))
    track.hear(bytes(2000))
    assert track.place() == ("1", len("One two"))  # within "three"
    track.rest()
    assert track.place() == ("1", len("One two"))
    track.hear(bytes(2200))
    track.rest()
    assert track.place() is None


def test_the_rest_of_a_clause_counts_from_where_it_was_left() -> None:
    """What another voice said of it comes first."""
    track = Track()
    track.add("4", " two three", said=3)
    track.add("5", "four")
    assert track.place() == ("4", 3)
    track.time(["two", "three", "four"], [0.0, 0.5, 1.0], [0.4, 0.9, 1.4])
    pieces = track.hear(bytes(11000))
    assert [p for p in pieces if isinstance(p, ClauseEnd)] == [
        ClauseEnd("4", len("One tw"), is_end=False, is_within=True),
        ClauseEnd("4", len("One two"), is_end=False),
        ClauseEnd("4", len("One two thr"), is_end=False, is_within=True),
        ClauseEnd("4", len("One two three")),
        ClauseEnd("5", 2, is_end=False, is_within=True),
    ]


@pytest.mark.parametrize("is_by_letter", [True, False])
def test_the_half_of_a_word_has_a_place(is_by_letter: bool) -> None:
    """Where its middle letter ends, or its share of the word's time; none in a single letter."""
    track = Track()
    track.add("1", "a five fiver")
    pieces = list("afivefiver") if is_by_letter else ["a", "five", "fiver"]
    ends, at = [], 0.0
    for piece in pieces:
        at += LETTER_S * len(piece)
        ends.append(at)
    track.time(pieces, [0.0, *ends[:-1]], ends)
    samples, found = 0, []
    for place in track.hear(bytes(12 * LETTER_SAMPLES)):
        if isinstance(place, bytes):
            samples += len(place)
        elif place.is_within:
            found.append((place.chars, samples / LETTER_SAMPLES))
    assert found == [(len("a fi"), 3), (len("a five fiv"), 8)]


def test_beyond_the_known_times_an_even_pace_is_assumed() -> None:
    """Times may come behind their audio. The last word of the clause is rather said twice."""
    track = Track()
    track.add("1", "abcde fghij klmno pqrst")
    track.time(["abcde", "fghij"], [0.0, 0.5], [0.5, 1.0])
    track.hear(bytes(8000 + 8000))
    assert track.place() == ("1", len("abcde fghij klmno"))
    untimed = Track()
    untimed.add("1", "abcde fghij")
    untimed.hear(bytes(400))
    assert untimed.place() == ("1", 0)
    untimed.hear(bytes(16000))
    assert untimed.place() == ("1", len("abcde"))
    single = Track()
    single.add("1", "abcde")
    single.hear(bytes(16000))
    assert single.place() == ("1", 0)


@settings(deadline=None)
@given(texts=texts, at=st.integers(0, 40000))
def test_no_place_is_further_than_a_word_from_what_was_played(texts: list[str], at: int) -> None:
    """At most the word that the audio stops in is said again, and none is left out."""
    track = Track()
    for number, text in enumerate(texts):
        track.add(str(number), text)
    all_letters = "".join(map(letters, texts))
    starts = [i * LETTER_S for i in range(len(all_letters))]
    track.time(list(all_letters), starts, [s + LETTER_S for s in starts])
    track.hear(bytes(at))
    track.rest()
    place = track.place()
    if place is None:
        assert at + LETTER_SAMPLES >= len(all_letters) * LETTER_SAMPLES
        return
    clause, chars = int(place[0]), place[1]
    said = sum(len(letters(text)) for text in texts[:clause])
    said += len(letters(texts[clause][:chars]))
    rest = texts[clause][chars:].split()
    heard = at / LETTER_SAMPLES
    assert said <= heard + 1  # the slack is one letter of this voice
    assert heard < said + (len(rest[0]) if rest else 0) + 1
