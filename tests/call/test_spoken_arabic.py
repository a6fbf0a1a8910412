"""Arabic words for what is written."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("written", "said"),
    vectors("arabic_cardinal") + vectors("arabic_money") + vectors("arabic_other"),
)
def test_spoken_arabic_is_said_as_people_say_it(written: str, said: str) -> None:
    """Gender and number of the noun, digits one by one, dates, hours, addresses."""
    assert spoken(written, language="ar") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5000000", "خمسة ملايين"),
        ("1 ساعة", "ساعة واحدة"),
        ("$3.125", "ثلاثة فاصلة واحد اثنان خمسة دولار"),
        ("1.250 د.ك", "دينار كويتي واحد ومئتان وخمسون فلسا"),
        ("2.5 كم", "اثنان فاصلة خمسة كيلومتر"),
        ("5 & 6", "خمسة و ستة"),
        ("10:00", "العاشرة"),
        ("31/31/2025", "واحد وثلاثون/واحد وثلاثون/ألفان وخمسة وعشرون"),
        ("10:45", "الحادية عشرة إلا ربعا"),
        ("8:05 PM", "الثامنة وخمس دقائق مساء"),
        ("**** 4242", "تنتهي بـ أربعة اثنان أربعة اثنان"),
        ("0 دولار", "صفر دولار"),
        ("https://example.com/x", "example دوت com سلاش x"),
        ("السعر 5 ج.م.", "السعر خمسة جنيهات مصرية."),
    ],
)
def test_unusual_arabic(written: str, said: str) -> None:
    """What is rare is still said in words."""
    assert spoken(written, language="ar") == said
