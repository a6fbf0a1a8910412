"""A list of records is the same JSON, however it is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.listing import listed

pytestmark = pytest.mark.rule

texts = st.text(alphabet=st.characters(codec="utf-8"))
documents = st.lists(st.dictionaries(texts, texts | st.integers() | st.none(), max_size=4))


@given(documents)
def test_it_is_one_array_of_them_all(some: list[dict[str, object]]):
    """None too, and whatever callers are called."""
    assert json.loads(listed(some)) == some


def test_what_is_no_number_is_refused():
    """As JSON has no word for it."""
    with pytest.raises(ValueError):
        listed([{"cost_usd": float("nan")}])
