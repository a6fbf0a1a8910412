"""The newest calls are kept, whole, and no more than a bound."""

from __future__ import annotations

import pytest

from telemetry.records import Records

pytestmark = pytest.mark.rule


def test_a_call_written_again_is_one_call():
    """A record grows; it does not multiply."""
    records = Records()
    records.put({"call_id": "1", "ending": None})
    records.put({"call_id": "1", "ending": "caller_hung_up"})
    assert records.newest() == [{"call_id": "1", "ending": "caller_hung_up"}]


def test_the_oldest_call_goes_first():
    """Memory has a bound."""
    records = Records(limit=2)
    for call_id in "123":
        records.put({"call_id": call_id})
    assert [document["call_id"] for document in records.newest()] == ["3", "2"]
    assert records.get("1") is None
    assert records.get("3") == {"call_id": "3"}
