"""Short utterances about the talk itself, told from everything that only begins like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.asides import asks_again, asks_to_wait

pytestmark = pytest.mark.rule

PARDON = (
    "Sorry?", "Pardon?", "pardon me", "I'm sorry?", "I beg your pardon?", "What?",
    "What was that?", "Sorry, what was that?", "What did you say?", "Can you repeat that?",
    "Repeat that, please.", "Could you say that again, please?", "Say that again?",
    "Oh, sorry, come again?", "Excuse me, can you repeat it?", "I didn't catch that.",
    "Sorry, I didn't hear you.", "I couldn't quite hear that, could you repeat it?",
    "Once more, please.", "Sorry, I missed that.",
    "I'm so sorry, I didn't catch that, could you say that again, please?", "I can't hear you.",
    "عفواً؟", "ماذا قلت؟", "ممكن تعيد من فضلك؟", "لم أسمع", "ما سمعتك، ممكن تكرر؟",
    "مرة ثانية لو سمحت", "آسف، شو قلت؟", "إيش؟",
)  # fmt: skip
NO_PARDON = (
    "", "Sorry, I meant Tuesday.", "Sorry, no.", "No, sorry.", "Sorry about that.", "Excuse me.",
    "Can you repeat the price?", "What was that price?", "What did you say the price was?",
    "What's that?", "Can you say that in Spanish?", "Sorry, can I have Wednesday?", "What time?",
    "I didn't get that job.", "Pardon my French.", "Can I come again on Friday?",
    "Again on Monday.", "I didn't hear back from you.", "What about ten?",
    "Could you repeat the appointment?", "Sorry sorry, what are your opening hours?",
    "I don't understand.", "Yes.", "[PHONE_1]", "عفوا أقصد الثلاثاء", "ماذا عن الأربعاء؟", "نعم",
    "لم أسمع عن هذا العرض",
)  # fmt: skip
WAIT = (
    "Hold on a second.", "Hold on.", "Hang on, please.", "One moment.", "Just a minute.",
    "Okay, give me a second.", "Can you hold on for a minute?", "Wait a moment, please.",
    "Let me check my calendar.", "Hold on, let me get a pen.",
    "One second, I need to find my card.", "Bear with me.", "Sorry, one sec.",
    "Hang on while I look.", "I'll be right back.", "Just a second, my son is calling.",
    "Um, I'm looking for my insurance card.", "لحظة من فضلك", "ثانية واحدة", "استنى دقيقة",
    "خليني أشوف", "انتظر لحظة خليني اتأكد",
)  # fmt: skip
NO_WAIT = (
    "", "Hold on, I want Tuesday.", "A second opinion.", "I waited for a minute.",
    "Wait, no, ten.", "How long do I have to wait?", "One appointment.",
    "Let me have ten thirty.", "Yes.", "At ten in a minute's walk.",
    "My second choice is Friday.", "I'm calling about a bill.", "لحظة، أريد الثلاثاء",
    "كم دقيقة؟",
)  # fmt: skip


@pytest.mark.parametrize("text", PARDON)
def test_who_did_not_catch_it_asks_again(text: str) -> None:
    """However politely, in whatever words."""
    assert asks_again(text)


@pytest.mark.parametrize("text", NO_PARDON)
def test_who_says_anything_else_does_not(text: str) -> None:
    """Corrections, real questions, an apology for something."""
    assert not asks_again(text)


@pytest.mark.parametrize("text", WAIT)
def test_who_needs_a_moment_says_so(text: str) -> None:
    """With or without a reason."""
    assert asks_to_wait(text)


@pytest.mark.parametrize("text", NO_WAIT)
def test_who_goes_on_does_not_want_to_wait(text: str) -> None:
    """Nor does who only uses the words."""
    assert not asks_to_wait(text)


@given(st.sampled_from((*PARDON, *WAIT)), st.sampled_from(("Tuesday at ten", "the blue one")))
def test_words_with_a_content_of_their_own_are_neither(aside: str, content: str) -> None:
    """What is asked for behind "sorry" is what is meant."""
    assert not asks_again(f"{aside} {content}")
    assert not asks_again(f"{content} {aside}")
    assert not asks_to_wait(f"{content} {aside}")


@given(st.sampled_from((*PARDON, *WAIT)))
def test_case_and_punctuation_say_nothing(text: str) -> None:
    """Recognisers disagree on both."""
    bare = " ".join(text.replace("?", " ").replace("؟", " ").replace(",", " ").split())
    assert asks_again(bare.upper()) == asks_again(text)
    assert asks_to_wait(bare.upper()) == asks_to_wait(text)


@given(st.text(alphabet="aholdwsryn tic'", max_size=400))
def test_any_text_is_judged_quickly(text: str) -> None:
    """No text makes the patterns run away (the suite's timeout is the judge)."""
    asks_again(text * 5)
    asks_to_wait(f"hold on {text * 5}")
