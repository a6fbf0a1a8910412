"""What `offhook demo` needs before it can call."""

from __future__ import annotations

import socket

import pytest

from bot.demo import free_port

pytestmark = pytest.mark.wire


def test_a_free_port_is_none_that_a_connection_is_given():
    """Systems hand out 32768 and more: none is taken between the choice and the listener. Two that
    choose at the same time hardly ever choose the same."""
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 15
    assert max(ports) < 32_768
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()
