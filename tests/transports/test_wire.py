"""The knobs of the wire."""

from __future__ import annotations

import pytest

from transports.wire import Wire

pytestmark = pytest.mark.wire


def test_defaults_are_accepted() -> None:
    """What the file ships with is valid."""
    assert Wire().kind == "twilio"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "fax"), ("public_url", "example.com"), ("inbound_backlog_s", 0),
        ("start_timeout_s", 0), ("silence_timeout_s", -1), ("send_timeout_s", 0), ("lead_s", -0.1),
        ("lead_s", 2), ("lead_least_s", 0.5), ("lead_most_s", 0.01),
        ("teardown_s", 0.1), ("browser_buffer_s", -1), ("max_message_bytes", 10),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_name(name: str, value: object) -> None:
    """The sentence names the key and the value."""
    with pytest.raises(ValueError, match=rf"wire\.{name} is '?{value}"):
        Wire(**{name: value})  # type: ignore[arg-type]
