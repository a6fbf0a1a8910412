"""The agent's own phrases follow the language of its answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.phrases import Phrases, phrases_of
from call.tongue import Tongue, tongue_of

pytestmark = pytest.mark.rule

HOME = Phrases(goodbye="Bye from Harbour Dental.")
ARABIC = Phrases(**phrases_of("ar"))  # type: ignore[arg-type]
SAID = "نفتح من التاسعة حتى الخامسة."


def bilingual(language: str = "en") -> Tongue:
    """An agent whose phrases are known in both languages."""
    mine, others = (ARABIC, {"en": HOME}) if language == "ar" else (HOME, {"ar": ARABIC})
    return Tongue(language, mine, others)


def test_phrases_go_with_the_answers_and_come_back_with_them() -> None:
    """In an English call and in an Arabic one."""
    for home, there, back in (("en", SAID, "We open at nine."), ("ar", "We open at nine.", SAID)):
        tongue = bilingual(home)
        mine = tongue.phrases
        tongue.answered(there)
        assert not tongue.is_home and tongue.phrases is not mine
        tongue.answered(back)
        assert tongue.is_home and tongue.phrases is mine


@pytest.mark.parametrize("clause", ["", "OK.", "12:30", "[PHONE_1]", "[PHONE_1] نعم", "نعم."])
def test_a_word_or_a_number_tells_nothing(clause: str) -> None:
    """Nor does what stands for the caller's data, whose letters are ours."""
    tongue = bilingual()
    tongue.answered(clause)
    assert tongue.language == "en"
    tongue.answered(SAID)
    tongue.answered(clause)
    assert tongue.language == "ar"


def test_a_name_inside_a_sentence_does_not_change_its_language() -> None:
    """Most of the letters do."""
    tongue = bilingual()
    tongue.answered("عيادة Harbour في شارع الميناء الجديد")
    assert tongue.language == "ar"
    tongue.answered("Harbour Dental is called عيادة in Arabic.")
    assert tongue.language == "en"


def test_without_phrases_in_a_language_the_agents_own_are_said() -> None:
    """A language with a country, or a third one, is the agent's own by its letters."""
    tongue = Tongue("en-GB", HOME)
    tongue.answered(SAID)
    assert tongue.is_home and tongue.phrases is HOME
    french = Tongue("fr", HOME, {"ar": ARABIC, "en": Phrases()})
    french.answered("We open at nine.")
    assert french.is_home and french.phrases is HOME


def test_plain_phrases_stay_what_they_are() -> None:
    """Where nobody tells of answers, or nobody wrote any."""
    assert tongue_of(HOME).phrases is HOME
    assert tongue_of(None).phrases == Phrases()
    tongue = bilingual()
    assert tongue_of(tongue) is tongue


@given(st.lists(st.text(max_size=30), max_size=8))
def test_there_are_always_phrases(clauses: list[str]) -> None:
    """Whatever the model writes."""
    tongue = bilingual()
    for clause in clauses:
        tongue.answered(clause)
        assert tongue.phrases in (HOME, ARABIC)
