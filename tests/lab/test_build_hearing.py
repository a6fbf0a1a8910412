"""The recogniser's model fits the sentences it was built from."""

from __future__ import annotations

import re

import pytest

from lab import build_hearing
from lab.sphinx import FOLDER
from tests.lab.audio import CLIPS, said

pytestmark = pytest.mark.provider


def _dictionary() -> set[str]:
    lines = (FOLDER / "domain.dict").read_text("utf-8").splitlines()
    return {re.sub(r"\(\d+\)$", "", line.split()[0]) for line in lines}


def test_sentences_are_drawn_the_same_way_every_time() -> None:
    """One seed, one sample; all brackets resolved, nothing empty."""
    drawn = build_hearing.sample(500, seed=3)
    assert drawn == build_hearing.sample(500, seed=3) != build_hearing.sample(500, seed=4)
    assert all(re.fullmatch(r"[a-z' ]+", sentence) for sentence in drawn)


def test_the_model_was_built_from_this_grammar() -> None:
    """Every word of the grammar has a pronunciation and a place in the language model."""
    sentences = build_hearing.sample(build_hearing.SENTENCES, seed=1)
    words = {word for sentence in sentences for word in sentence.split()}
    assert words == _dictionary()
    model = (FOLDER / "domain.arpa").read_text("utf-8")
    unigrams = model.split("\\1-grams:")[1].split("\\2-grams:")[0]
    assert words <= {line.split()[1] for line in unigrams.splitlines() if line}


def test_the_clips_use_words_the_model_knows() -> None:
    """What the demo's caller says can be decoded too."""
    known = _dictionary()
    missing = {word for name in CLIPS for word in said(name).split()} - known
    assert not missing


def test_the_transform_has_the_shape_the_decoder_reads() -> None:
    """One class, three streams of thirteen: a matrix, an offset and a variance factor each."""
    values = (FOLDER / "phone.mllr").read_text("utf-8").split()
    assert values[:2] == ["1", "3"] and len(values) == 2 + 3 * (1 + 13 * 13 + 13 + 13)
    assert len((FOLDER / "cmninit.txt").read_text("utf-8").split(",")) == 13
