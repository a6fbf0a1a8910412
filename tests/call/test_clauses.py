"""Clauses are cut where a voice may pause, and nowhere else."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sentencex import segment  # type: ignore[attr-defined]

from call.clauses import ClauseCutter, Clauses
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule

ENGLISH = [text for text, _ in vectors("sentences_english")]
ARABIC = [text for text, _ in vectors("sentences_arabic")]
UNBREAKABLE = [
    *(written for name in ("telephone", "money", "date", "time", "cardinal", "electronic")
      for written, _ in vectors(f"english_{name}") if not re.search(r"[.,!?] |\s[-–] ", written)),
    "March 3, 2025", "Tuesday, March 3, 2025", "9 - 5", "3:30 p.m.", "Dr. Smith", "e.g. Monday",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from([*ENGLISH, *UNBREAKABLE]), min_size=1, max_size=5).map(" ".join),
    st.text('ab. ,-—;!?"()1239 A\n:$', max_size=120),
    st.text(max_size=80),
)


def cut(text: str, *, language: str = "en", seed: int | None = None, **knobs: int) -> list[str]:
    """Clauses of a whole text, fed as tokens of random sizes (one by one without a seed)."""
    cutter = ClauseCutter(Clauses(**knobs), language=language)
    sizes = random.Random(seed)
    clauses, at = [], 0
    while at < len(text):
        size = 1 if seed is None else sizes.randint(1, 9)
        clauses += cutter.feed(text[at : at + size], 0.0)
        at += size
    return clauses + cutter.flush()


def flat(text: str) -> str:
    """Without white space, in which clauses and text may differ."""
    return "".join(text.split())


def sentence_cuts(clauses: list[str]) -> set[int]:
    """Where clauses end that end as sentences do, counted without white space."""
    ends, size = set(), 0
    for clause in clauses:
        size += len(flat(clause))
        if re.search(r"[.!?…؟][\"'”’»)\]*_]*$", clause):
            ends.add(size)
    return ends


# ── what callers hear ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Sure, I can help with that.", ["Sure,", "I can help with that."]),
        ("Of course, let me look.", ["Of course,", "let me look."]),
        ("No, we are closed.", ["No, we are closed."]),
        ("Oh, I see.", ["Oh, I see."]),
        ("Yes. We open at nine.", ["Yes.", "We open at nine."]),
        ("Sure—let me check.", ["Sure—", "let me check."]),
        ("Great; anything else?", ["Great;", "anything else?"]),
    ],
)
def test_the_first_clause_is_short(text: str, clauses: list[str]) -> None:
    """It leaves at the first pause that is long enough to be heard."""
    assert cut(text) == clauses


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (
            "A cleaning is 90 dollars and a check-up with X-rays 120.",
            ["A cleaning", "is 90 dollars and a check-up", "with X-rays 120."],
        ),
        (
            "Yes, there is a free car park behind the building and it is on the left.",
            ["Yes,", "there is a free car park", "behind the building and it is on the left."],
        ),
        ("I have it for you.", ["I have it", "for you."]),
        ("It is for you and for all of us.", ["It is for you", "and for all of us."]),
    ],
)
def test_the_first_two_clauses_may_end_at_a_breath(text: str, clauses: list[str]) -> None:
    """Before "and", "for", "behind": the first as soon as it stands by itself, the second once
    enough waits, the others not at all."""
    assert cut(text) == clauses


def test_a_breath_waits_for_the_whole_word_behind_it() -> None:
    """ "and" may become "Andrew"."""
    cutter = ClauseCutter(Clauses())
    assert cutter.feed("You can see Tom and", 0.0) == []
    assert cutter.feed("rew", 0.0) == []
    assert cutter.feed(" and", 0.0) == []
    assert cutter.feed(" me", 0.0) == ["You can see Tom andrew"]


def test_breaths_can_be_left_out() -> None:
    """With `first_words` 0 only punctuation counts, with more the first clause is longer."""
    text = "I have it for you and for me."
    assert cut(text, first_words=0) == [text]
    assert cut(text, first_words=5)[0] == "I have it for you"


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (
            "Fine. One, two, three and then some more of it, and so on.",
            ["Fine.", "One, two, three and then some more of it,", "and so on."],
        ),
        (
            "Fine. The doctor is in today; he can see you at ten.",
            ["Fine.", "The doctor is in today;", "he can see you at ten."],
        ),
        (
            "Fine. We can move you to noon - if that suits you.",
            ["Fine.", "We can move you to noon -", "if that suits you."],
        ),
        (
            "Fine. We can move you to noon – if that suits you.",
            ["Fine.", "We can move you to noon –", "if that suits you."],
        ),
        (
            "Fine. We can move you to noon—if that suits you.",
            ["Fine.", "We can move you to noon—", "if that suits you."],
        ),
        (
            "Ours:\nMonday to Friday, all day\nSunday",
            ["Ours:", "Monday to Friday, all day", "Sunday"],
        ),
        ("Hello\n\nthere", ["Hello", "there"]),
    ],
)
def test_later_clauses_end_at_a_pause_once_enough_waits(text: str, clauses: list[str]) -> None:
    """Comma, semicolon and dashes from twenty characters on; a paragraph always."""
    assert cut(text) == clauses


def test_arabic_pauses() -> None:
    """The Arabic comma, semicolon and question mark end clauses."""
    text = (
        "بالتأكيد، يمكنني مساعدتك في ذلك اليوم، هل يناسبك الصباح؟ العيادة مفتوحة من التاسعة؛ تفضل."
    )
    assert cut(text, language="ar-EG") == [
        "بالتأكيد،",
        "يمكنني مساعدتك في ذلك اليوم،",
        "هل يناسبك الصباح؟",
        "العيادة مفتوحة من التاسعة؛",
        "تفضل.",
    ]


@pytest.mark.parametrize("thing", UNBREAKABLE)
def test_nothing_that_is_one_thing_is_torn(thing: str) -> None:
    """Numbers, dates, times, sums, addresses and abbreviations stay in one clause."""
    for text in (
        f"{thing} is what I have written down here.",
        f"What I have written down here is {thing} and that is all.",
        f"Well now, what I have written down here is {thing}, and that is all.",
    ):
        assert any(thing in clause for clause in cut(text, seed=1, first_words=0))
        for number in re.findall(r"\S*\d\S*(?: \S*\d\S*)*", thing):
            assert any(number in clause for clause in cut(text, seed=1))


@pytest.mark.parametrize("first", ["Sure, ", "Let me look. ", "Let me look! "])
def test_a_clause_leaves_one_token_behind_its_boundary(first: str) -> None:
    """The first letter of what follows decides."""
    cutter = ClauseCutter(Clauses())
    assert cutter.feed(first.rstrip(), 0.0) == []
    assert cutter.feed(" We", 0.0) == [first.strip()]


@pytest.mark.parametrize(
    ("text", "least"), [("Is it the U.S. How are you?", 1), ("Is it p. 55 or 56?", 0)]
)
def test_behind_an_abbreviation_the_next_word_decides(text: str, least: int) -> None:
    """It is waited for, no longer."""
    cutter = ClauseCutter(Clauses())
    at = text.index(". ") + 1
    assert cutter.feed(text[:at] + " " + text[at + 1], 0.0) == []
    assert len(cutter.feed(text[at + 2 :], 0.0)) == least


# ── sentences ────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("language", "text"), [("en", text) for text in ENGLISH] + [("ar", text) for text in ARABIC]
)
def test_sentence_ends_are_those_of_the_whole_text(language: str, text: str) -> None:
    """Streamed, every sentence ends where sentencex ends it knowing the whole, and only there."""
    for seed in range(4):
        found = sentence_cuts(cut(text, language=language, seed=seed)[:-1])
        size, whole = 0, set()
        for sentence in segment(language, text)[:-1]:
            size += len(flat(sentence))
            whole.add(size)
        assert found == whole


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It is open Mon. through Fri. all year."),
        ("en", "It was approx. 5 miles by car."),
        ("ar", "موعدك مع د. أحمد غدا."),
    ],
)
def test_abbreviations_that_sentencex_does_not_know(language: str, text: str) -> None:
    """Weekdays, months and titles do not end a sentence either."""
    assert len(segment(language, text)) > 1
    assert cut(text, language=language, first_words=0) == [text]


# ── for every text ───────────────────────────────────────────────────────────────────
@given(TEXTS, st.integers(0, 1000), st.sampled_from(["en", "ar"]))
@example("a.\n\n b, " * 30, 1, "en")
def test_the_cuts_do_not_depend_on_the_tokens(text: str, seed: int, language: str) -> None:
    """Only the text decides."""
    assert cut(text, language=language, seed=seed) == cut(text, language=language)


@given(TEXTS)
def test_no_word_is_lost(text: str) -> None:
    """Clauses together are the text, and each has something to say."""
    clauses = cut(text)
    assert all(any(char.isalnum() for char in clause) for clause in clauses)
    if any(char.isalnum() for char in text):
        assert flat("".join(clauses)) == flat(text)
    else:
        assert clauses == []


@given(st.lists(st.text("abcdefg", min_size=1, max_size=12), max_size=200).map(" ".join))
def test_no_clause_is_longer_than_allowed(text: str) -> None:
    """Without any punctuation a clause ends at a word boundary."""
    assert all(len(clause) <= 60 for clause in cut(text, max_chars=60))


def test_an_endless_word_is_cut_hard() -> None:
    """Nothing grows without bound."""
    assert {len(clause) for clause in cut("x" * 1000, max_chars=60)} <= {120, 1000 % 120}
    assert cut("." * 300 + " ok", max_chars=60)[-1].endswith("ok")
    numbers = "850 687 4000 " * 30
    assert all(len(clause) <= 120 for clause in cut(numbers, max_chars=60))
    assert flat("".join(cut(numbers, max_chars=60))) == flat(numbers)


def test_an_open_quotation_holds_its_sentences_together_but_not_for_ever() -> None:
    """A sentence inside a quotation does not end the one outside; a slip is forgiven."""
    assert cut('He said "Stop. Now." and left.') == ['He said "Stop. Now." and left.']
    slip = 'He said "stop. ' + "Then he went on and on. " * 20
    assert len(cut(slip)) > 3


# ── time ─────────────────────────────────────────────────────────────────────────────
def test_a_dribbling_stream_leaves_in_whole_words() -> None:
    """After `flush_s` the last whole words go; the piece of a word stays."""
    cutter = ClauseCutter(Clauses(flush_s=1.0))
    assert cutter.next_deadline() is None
    assert cutter.feed("We are ", 10.0) == []
    assert cutter.feed("ope", 10.5) == []
    assert cutter.next_deadline() == 11.0
    assert cutter.on_deadline(10.9) == []
    assert cutter.on_deadline(11.0) == ["We are"]
    assert cutter.next_deadline() == 12.0
    assert cutter.feed("n today.", 11.1) == []
    assert cutter.flush() == ["open today."]


def test_a_finished_sentence_does_not_wait() -> None:
    """When the stream falls silent behind it, as before a tool call, it leaves sooner."""
    cutter = ClauseCutter(Clauses(flush_s=1.0, settle_s=0.1))
    cutter.feed("Let me check that.", 5.0)
    assert cutter.next_deadline() == 5.1
    assert cutter.on_deadline(5.1) == ["Let me check that."]
    assert cutter.next_deadline() is None
    assert cutter.feed(" Done", 6.0) == []
    assert cutter.flush() == ["Done"]


def test_a_number_is_not_torn_by_time_unless_it_must() -> None:
    """The first deadline looks for a safe place; much later any two words may part; one word
    never."""
    cutter = ClauseCutter(Clauses(flush_s=1.0))
    cutter.feed("850 687 4", 0.0)
    assert cutter.on_deadline(1.0) == []
    assert cutter.next_deadline() == 3.0
    assert cutter.on_deadline(3.0) == ["850 687"]
    assert cutter.on_deadline(4.0) == []
    assert cutter.on_deadline(6.0) == []
    assert cutter.next_deadline() is None
    assert cutter.feed("000 we", 7.0) == []
    assert cutter.next_deadline() == 8.0
    assert cutter.flush() == ["4000 we"]


def test_a_boundary_forgets_how_long_the_words_before_it_waited() -> None:
    """The clock of what waits starts anew with each clause."""
    cutter = ClauseCutter(Clauses(flush_s=1.0))
    cutter.feed("Hello.", 0.0)
    assert cutter.feed(" How are", 0.9) == ["Hello."]
    assert cutter.next_deadline() == 1.9


def test_reset_forgets_everything() -> None:
    """Nothing of an interrupted reply appears in the next."""
    cutter = ClauseCutter(Clauses())
    cutter.feed('He said "we are open, and', 0.0)
    cutter.reset()
    assert cutter.next_deadline() is None
    assert cutter.flush() == []
    assert cutter.feed("Sure, I", 0.0) == ["Sure,"]


@given(TEXTS, st.lists(st.floats(0, 2), max_size=30), st.integers(0, 99))
def test_time_tears_no_word_and_loses_none(text: str, gaps: list[float], seed: int) -> None:
    """However the stream dribbles, the words arrive whole and in order."""
    cutter, sizes, now, at = ClauseCutter(Clauses()), random.Random(seed), 0.0, 0
    clauses: list[str] = []
    for gap in gaps:
        size = sizes.randint(1, 9)
        clauses += cutter.feed(text[at : at + size], now)
        at += size
        now += gap
        clauses += cutter.on_deadline(now)
    clauses += [*cutter.feed(text[at:], now), *cutter.flush()]
    assert all(any(char.isalnum() for char in clause) for clause in clauses)
    said = flat("".join(clauses))
    assert [char for char in said if char.isalnum()] == [char for char in text if char.isalnum()]


# ── knobs ────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "knobs",
    [
        {"first_min_chars": 0},
        {"first_words": -1},
        {"first_min_chars": 30},
        {"min_chars": 200},
        {"max_chars": 30, "min_chars": 10},
        {"settle_s": 0.0},
        {"settle_s": 2.0},
    ],
)
def test_impossible_knobs_are_refused(knobs: dict[str, float]) -> None:
    """The message names the value."""
    with pytest.raises(ValueError, match=str(next(iter(knobs.values())))):
        Clauses(**knobs)  # type: ignore[arg-type]
