"""Phrases kept as sound: found by their words, in the voice that speaks or as shipped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.persona import Disclosure
from call.clauses import ClauseCutter, Clauses
from call.phrases import Phrases, phrases_in, phrases_of
from call.spoken import spoken
from services.phrases import (
    SHIPPED,
    PhraseStore,
    Recording,
    Repertoire,
    VoiceKey,
    shipped,
    word_places,
    words_of,
)

pytestmark = pytest.mark.rule


def recording(text: str, *, letter: int = 10, mark: int = 1) -> Recording:
    """A phrase whose every letter lasts as long, and whose n-th word sounds like the byte n."""
    audio, ends = b"", []
    for number, word in enumerate(text.split(), start=mark):
        audio += bytes([number]) * letter * len(word)
        ends.append(len(audio))
    return Recording(text, audio, tuple(ends))


def kept(**texts: str) -> PhraseStore:
    """What each provider's voice has recorded."""
    store = PhraseStore()
    for number, (provider, text) in enumerate(texts.items()):
        store.keep(VoiceKey(provider, "v", "en"), recording(text, mark=1 + 100 * number))
    return store


def repertoire(store: PhraseStore, language: str = "en") -> Repertoire:
    """Of a call with two voices."""
    return Repertoire(store, language=language, voices={"a": "v", "b": "v"})


def test_a_clause_is_found_inside_its_phrase() -> None:
    """However the phrase was cut, without regard to case and marks; its sound is cut by words."""
    phrases = repertoire(kept(a="Good morning, how are you?"))
    found = phrases.find("How are you", kind="greeting", first="a")
    assert found is not None
    assert found.mulaw == b"\x03" * 30 + b"\x04" * 30 + b"\x05" * 40
    assert found.ends == (30, 60, 100)
    assert found.source == "a"
    whole = phrases.find("good morning how are you", kind="greeting", first="a")
    assert whole is not None
    assert len(whole.ends) == 5
    assert phrases.find("how you", kind="greeting", first="a") is None
    assert phrases.find("–", kind="greeting", first="a") is None


def test_the_voice_that_speaks_is_asked_first() -> None:
    """Then another one of the call."""
    phrases = repertoire(kept(a="Hello there.", b="Hello there."))
    for first in ("a", "b"):
        found = phrases.find("Hello there.", kind="greeting", first=first)
        assert found is not None
        assert found.source == first
    alone = repertoire(kept(b="Hello there.")).find("Hello there.", kind="greeting", first="a")
    assert alone is not None
    assert alone.source == "b"


def test_another_voice_or_language_of_the_same_provider_is_somebody_else() -> None:
    """Its recordings are not used."""
    store = PhraseStore()
    store.keep(VoiceKey("a", "other", "en"), recording("Hello there."))
    store.keep(VoiceKey("a", "v", "ar"), recording("Hello there."))
    assert repertoire(store).find("Hello there.", kind="greeting", first="a") is None
    assert store.has(VoiceKey("a", "v", "ar"), "Hello there.")
    assert not store.has(VoiceKey("a", "v", "en"), "Hello there.")


def test_what_breaks_a_silence_does_not_wait_for_a_voice() -> None:
    """The shipped phrase is said until a voice has recorded its own; other kinds wait."""
    text = Phrases().fillers[0]
    phrases = repertoire(PhraseStore())
    found = phrases.find(text, kind="filler", first="a")
    assert found is not None
    assert found.source == SHIPPED
    assert phrases.find(text, kind="greeting", first="a") is None
    assert phrases.spare(text) == found
    own = repertoire(kept(a=text)).find(text, kind="filler", first="a")
    assert own is not None
    assert own.source == "a"


@pytest.mark.parametrize("kind", ["apology", "way_out", "filler", "goodbye", "disclosure"])
@pytest.mark.parametrize("language", ["en", "en-GB", "ar", "ar-EG"])
def test_there_is_always_something_to_say_of_a_kind(kind: str, language: str) -> None:
    """And it has sound for each of its words."""
    generic = repertoire(PhraseStore(), language).generic(kind)
    assert generic is not None
    text, excerpt = generic
    assert len(excerpt.ends) == len(word_places(text))
    assert excerpt.ends[-1] == len(excerpt.mulaw) > 4000
    assert repertoire(PhraseStore(), language).generic("greeting") is None


def test_a_language_that_nothing_was_shipped_for_has_nothing() -> None:
    """Silence is honest; another language is not."""
    assert shipped("de") == ()
    assert repertoire(PhraseStore(), "de").generic("apology") is None


def test_a_phrase_in_another_language_is_found_word_for_word() -> None:
    """The agent has changed to it; what stands in for any phrase is in its own."""
    said = repertoire(PhraseStore(), "en")
    arabic = phrases_in("ar").fillers[0]
    assert said.find(arabic, kind="filler", first="x") is not None
    generic = said.generic("filler")
    assert generic is not None and generic[0].isascii()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_shipped_texts_are_the_defaults_of_the_agent(language: str) -> None:
    """So that an agent whose phrases nobody has changed is never without them; as they are cut
    into clauses and said."""
    phrases = Phrases(**phrases_of(language))  # type: ignore[arg-type]
    texts = [phrases.apology, phrases.goodbye, phrases.transfer, phrases.hard_of_hearing]
    texts += [phrases.cut_short, phrases.say_again, *phrases.fillers, *phrases.tool_fillers]
    if language == "en":
        texts.append(Disclosure().text)
    mine = repertoire(PhraseStore(), language)
    for text in texts:
        cutter = ClauseCutter(Clauses(), language=language)
        for clause in [*cutter.feed(text, 0.0), *cutter.flush()]:
            assert mine.spare(spoken(clause, language=language)) is not None, text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_shipped_sound_is_whole(language: str) -> None:
    """Every phrase has audio that is neither silent nor clipped, ends in order, and a speech pace
    that can be followed; together they are small."""
    recordings = shipped(language)
    assert sum(len(r.mulaw) for r in recordings) < 300_000
    for r in recordings:
        assert list(r.ends) == sorted(set(r.ends))
        assert len(r.ends) == len(words_of(r.text))
        assert len(set(r.mulaw)) > 50
        assert 0.04 < len(r.mulaw) / 8000 / len("".join(r.text.split())) < 0.2


@given(st.lists(st.text("ab,–' ", max_size=6), max_size=8).map(" ".join))
def test_words_and_their_places_agree(text: str) -> None:
    """Each word that is compared has one place, in order, behind its letters."""
    places = word_places(text)
    assert len(places) == len(words_of(text))
    assert places == sorted(places)
    assert all(not text[place - 1].isspace() for place in places)


@given(
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=6),
    st.data(),
)
def test_any_run_of_words_is_cut_to_the_sample(words: list[str], data: st.DataObject) -> None:
    """The excerpt is a piece of the recording as long as its words."""
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    whole = recording(" ".join(words))
    run = words[first : last + 1]
    found = whole.excerpt(run, source="a")
    assert found is not None
    assert len(found.mulaw) == 10 * sum(map(len, run)) == found.ends[-1]
    assert found.mulaw in whole.mulaw
