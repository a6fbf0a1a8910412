"""Arabic number words: gender, number, scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.arabic_numbers import Noun, cardinal, counted, hour, number, ordinal, year

pytestmark = pytest.mark.rule

BOOK = Noun("كتاب", "كتابان", "كتب", "كتابا")
CAR = Noun("سيارة", "سيارتان", "سيارات", "سيارة", is_feminine=True)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "كتاب واحد"),
        (2, "كتابان"),
        (3, "ثلاثة كتب"),
        (11, "أحد عشر كتابا"),
        (100, "مئة كتاب"),
        (103, "مئة وثلاثة كتب"),
        (200, "مئتا كتاب"),
        (2000, "ألفا كتاب"),
        (12000, "اثنا عشر ألف كتاب"),
    ],
)
def test_the_noun_follows_its_number(count: int, said: str) -> None:
    """Singular, dual, plural, accusative: as the number asks."""
    assert counted(count, BOOK) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "سيارة واحدة"),
        (3, "ثلاث سيارات"),
        (11, "إحدى عشرة سيارة"),
        (12, "اثنتا عشرة سيارة"),
        (13, "ثلاث عشرة سيارة"),
        (20, "عشرون سيارة"),
        (21, "إحدى وعشرون سيارة"),
        (25, "خمس وعشرون سيارة"),
    ],
)
def test_a_feminine_noun_turns_its_number(count: int, said: str) -> None:
    """Three to ten lose their ending before a feminine noun."""
    assert counted(count, CAR) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (1, "الأول"),
        (11, "الحادي عشر"),
        (12, "الثاني عشر"),
        (20, "العشرون"),
        (31, "الحادي والثلاثون"),
    ],
)
def test_days_are_ordinals(day: int, said: str) -> None:
    """Days of a month have an article and a rank."""
    assert ordinal(day) == said


def test_scales() -> None:
    """Thousands to trillions; beyond them, digit by digit."""
    assert cardinal(2_000_000_000) == "ملياران"
    assert cardinal(3 * 10**12) == "ثلاثة تريليونات"
    assert cardinal(-(10**6)) == "سالب مليون"
    assert cardinal(10**15).startswith("واحد صفر صفر")


def test_years_hours_and_written_numbers() -> None:
    """Years stand in the genitive; noon and midnight are both twelve; leading zeros are said."""
    assert year(2025) == "ألفين وخمسة وعشرين"
    assert hour(0) == hour(12) == "الثانية عشرة"
    assert number("007") == "صفر صفر سبعة"
    assert number("1.250") == "واحد فاصلة اثنان خمسة صفر"


@given(st.integers(0, 10**15 - 1), st.booleans())
def test_every_number_has_words_only(value: int, is_feminine: bool) -> None:
    """No digit, no double space, no dangling conjunction."""
    words = cardinal(value, is_feminine=is_feminine)
    assert not any(char.isdigit() for char in words)
    assert "  " not in words
    assert not words.startswith("و ")
    assert words == words.strip()
