"""`offhook serve`: what is asked wrongly is said before anything is started."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.serve import serve_forever

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("count", ["0", "-1", "abc", "257"])
def test_a_number_of_workers_that_is_none_is_wrong_usage(count: str) -> None:
    """Exit 2, and the option is named."""
    done = CliRunner().invoke(app, ["serve", "--workers", count], env={"TERM": "dumb"})
    assert done.exit_code == 2
    assert "--workers" in done.output


async def test_a_port_that_is_taken_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1; it says which, and what to do."""
    monkeypatch.setattr("bot.serve.configure", lambda _logs: None)
    monkeypatch.setattr("bot.drain.Orders.listen", lambda _orders: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await serve_forever(host="127.0.0.1", port=port) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said


def test_a_process_that_has_closed_everything_goes_at_once() -> None:
    """Its last words are not lost, and nothing is taken down piece by piece."""
    story = (
        "import atexit, sys, bot.__main__ as command;"
        "atexit.register(print, 'taken down piece by piece');"
        "sys.stdout.write('the last words');"
        "command._leave(3)"
    )
    gone = subprocess.run(
        [sys.executable, "-c", story], capture_output=True, text=True, check=False
    )
    assert (gone.returncode, gone.stdout) == (3, "the last words")
