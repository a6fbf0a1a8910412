"""How long the caller may hear nothing."""

from __future__ import annotations

import pytest

from call.first_token import Patience

pytestmark = pytest.mark.rule


@pytest.mark.parametrize("name", ["first_clause_s", "stall_s"])
def test_no_patience_is_no_time(name: str) -> None:
    """Every span is above 0."""
    with pytest.raises(ValueError, match=f"{name} is 0"):
        Patience(**{name: 0.0})
