"""Log lines: the call's id on each, one line per event, nothing of what was said."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from call.errors import ProviderBusy
from telemetry.logs import Logs, configure

pytestmark = pytest.mark.rule


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave loguru and the standard library's root as they were found."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for name in list(root.manager.loggerDict):  # a server started by another test quietened some
        logging.getLogger(name).setLevel(logging.NOTSET)
    yield
    logger.remove()
    logger.configure(extra={})
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(sink: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def json_sink(level: str = "INFO") -> io.StringIO:
    sink = io.StringIO()
    configure(Logs(level=level, json=True), sink=sink)
    return sink


def own(message: str, *, level: str = "INFO", room: str = "bot.session") -> None:
    """A line as if one of our rooms (or another package) had written it."""
    logger.patch(lambda record: record.update(name=room)).log(level, message)  # type: ignore[call-arg]


async def test_every_line_of_a_call_carries_its_id_also_from_its_tasks():
    """Two calls at once do not mix; outside a call there is a dash."""
    sink = json_sink()

    async def call(call_id: str) -> None:
        with logger.contextualize(call_id=call_id):
            own(f"begins {call_id}")
            await asyncio.create_task(part(call_id))

    async def part(call_id: str) -> None:
        await asyncio.sleep(0)
        own(f"goes on {call_id}")
        logging.getLogger("uvicorn.error").info("standard %s", call_id)

    await asyncio.gather(call("one"), call("two"))
    own("outside")
    for line in lines_of(sink):
        expected = "-" if line["message"] == "outside" else line["message"].split()[-1]
        assert line["call_id"] == expected
    assert len(lines_of(sink)) == 7


def test_a_json_line_is_one_line_whatever_the_message_holds():
    """Machines read line by line."""
    sink = json_sink()
    own('two\nlines "quoted" ü 🦷')
    (line,) = lines_of(sink)
    assert line["message"] == 'two\nlines "quoted" ü 🦷'
    assert line["level"] == "INFO"
    assert line["time"].endswith("+00:00") or "T" in line["time"]


def test_a_readable_line_cannot_be_forged_with_a_line_break():
    """What a peer sent must not look like a line of ours."""
    sink = io.StringIO()
    configure(Logs(), sink=sink)
    own("peer said\n12:00:00 ERROR - bot: all is lost\r")
    assert len(sink.getvalue().splitlines()) == 1
    assert " - bot.session: peer said" in sink.getvalue()


def test_the_standard_librarys_loggers_come_through_with_their_name():
    """uvicorn, twilio, aiohttp: one sink, one format."""
    uvicorn = logging.getLogger("uvicorn.access")
    uvicorn.addHandler(logging.StreamHandler(io.StringIO()))
    uvicorn.propagate = False
    sink = json_sink()
    uvicorn.warning("GET %s", "/healthz")
    (line,) = lines_of(sink)
    assert (line["message"], line["level"]) == ("GET /healthz", "WARNING")
    assert line["where"].startswith("uvicorn.access:")


def test_braces_in_a_foreign_message_do_no_harm():
    """loguru formats with braces; other people's text may hold some."""
    sink = json_sink()
    logging.getLogger("twilio").warning("{not} {0} a format")
    assert lines_of(sink)[0]["message"] == "{not} {0} a format"


@pytest.mark.parametrize("room", ["pipecat.services.llm_service", "anthropic", "elevenlabs.x"])
def test_what_the_framework_says_below_info_is_never_written(room):
    """There it prints transcripts, prompts and tool arguments, also when we debug."""
    sink = json_sink("DEBUG")
    own("Generating TTS [my card is 4111]", level="DEBUG", room=room)
    own("connected", level="INFO", room=room)
    own("our own detail", level="DEBUG", room="call.turn")
    assert [line["message"] for line in lines_of(sink)] == ["connected", "our own detail"]


def test_a_foreign_logger_of_the_standard_library_is_held_at_info_too():
    """The vendors' packages log request bodies at DEBUG."""
    sink = json_sink("DEBUG")
    logging.getLogger("anthropic._base_client").debug("Request options: my card is 4111")
    assert sink.getvalue() == ""


def test_the_one_warning_in_which_the_framework_quotes_speech_is_cut():
    """The warning stays, the quotation goes."""
    sink = json_sink()
    own(
        "tts: service is no longer usable, not speaking [my card is 4111]",
        level="WARNING",
        room="pipecat.services.tts_service",
    )
    assert lines_of(sink)[0]["message"].endswith("not speaking […]")


def test_a_traceback_says_where_and_what_kind_but_not_what_was_said():
    """The text of a foreign exception may quote a caller."""
    sink = json_sink()
    try:
        raise ValueError(f"my card is {4000 + 111}")
    except ValueError:
        logger.patch(lambda r: r.update(name="bot.session")).exception("a call failed")  # type: ignore[call-arg]
    (line,) = lines_of(sink)
    assert "ValueError" in line["exception"] and "test_logs.py" in line["exception"]
    assert "4111" not in line["exception"]
    assert "a call failed" in line["message"]


def test_the_text_of_our_own_errors_is_kept():
    """They are built without speech, digits or payload."""
    sink = json_sink()
    try:
        raise ProviderBusy("think", provider="anthropic", request_id="req_1")
    except ProviderBusy:
        logger.exception("asked again")
    assert "anthropic: ProviderBusy at think (request req_1)" in lines_of(sink)[0]["exception"]


def test_a_sink_that_breaks_does_not_end_a_call(capfd):
    """A closed pipe costs the line, nothing else."""

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    configure(Logs(), sink=Broken())
    own("into the void")
    capfd.readouterr()


def test_an_unknown_level_is_refused():
    """With the levels that exist."""
    with pytest.raises(ValueError, match="level is 'LOUD'; use one of"):
        Logs(level="LOUD")
