"""Log lines for people and machines: one per event, the call's id on each, no word of a caller.

loguru is the one sink, as in Pipecat; the standard library's loggers (uvicorn, twilio, aiohttp) are
routed into it. The framework and the providers' packages write transcripts, prompts and tool
arguments below INFO, so their lines never pass below INFO, whatever our own level is.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from call.errors import AgentError

if TYPE_CHECKING:
    from loguru import Record

LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
OUR_ROOMS = ("bot", "call", "frames", "processors", "services", "telemetry", "transports", "bench")
NO_CALL = "-"
"""What stands for the call's id on lines that belong to no call."""


@dataclass(frozen=True)
class Logs:
    """How the process logs, to standard error."""

    level: str = "INFO"
    """Lowest level written: DEBUG, INFO, WARNING or ERROR; other packages never go below INFO: they
    print what callers say."""
    json: bool = False
    """True: one JSON object a line, for machines. False: readable lines, for people."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; use one of {', '.join(LEVELS)}")


def configure(logs: Logs, *, sink: TextIO | None = None) -> None:
    """Replace every sink by ours; call it once, before the first call is answered."""
    stream = sys.stderr if sink is None else sink

    def write(message: Any) -> None:
        record: Record = message.record
        stream.write((_json_line(record) if logs.json else _readable_line(record)) + "\n")
        stream.flush()

    # a file can lose its reader (a closed pipe): loguru's `catch` keeps that from ending a call
    logger.configure(
        handlers=[{"sink": write, "level": logs.level, "filter": _is_wanted, "catch": True}],
        extra={"call_id": NO_CALL},
    )
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    for name in list(logging.Logger.manager.loggerDict):
        adopted = logging.getLogger(name)
        adopted.handlers.clear()
        adopted.propagate = True


class _ToLoguru(logging.Handler):
    """Carries the standard library's records over, with their own logger's name."""

    def emit(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelname if record.levelname in LEVELS else record.levelno

        def from_its_logger(line: Record) -> None:
            line["name"], line["line"] = record.name, record.lineno

        adopted = logger.patch(from_its_logger)
        adopted.opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def _is_wanted(record: Record) -> bool:
    """Foreign lines below INFO may hold what a caller said; they are dropped."""
    room = (record["name"] or "").partition(".")[0]
    return room in OUR_ROOMS or record["level"].no >= logging.INFO


def _json_line(record: Record) -> str:
    line: dict[str, object] = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "call_id": record["extra"].get("call_id", NO_CALL),
        "where": f"{record['name']}:{record['line']}",
        "message": _spoken_masked(record["message"]),
    }
    line |= {key: value for key, value in record["extra"].items() if key not in line}
    if record["exception"] is not None:
        line["exception"] = _traceback(record)
    return json.dumps(line, ensure_ascii=False, default=str)


def _readable_line(record: Record) -> str:
    call_id = record["extra"].get("call_id", NO_CALL)
    extras = {k: v for k, v in record["extra"].items() if k != "call_id"}
    tail = "".join(f" {key}={value}" for key, value in extras.items())
    head = f"{record['time']:HH:mm:ss.SSS} {record['level'].name:<7} {call_id}"
    message = _spoken_masked(record["message"]).replace("\r", "\\r").replace("\n", "\\n")
    line = f"{head} {record['name']}: {message}{tail}"
    return line if record["exception"] is None else f"{line}\n{_traceback(record)}"


def _traceback(record: Record) -> str:
    """Where it happened and what kind of error it was.

    Its text only where that is known to hold no speech: our own errors and the system's.
    """
    exception = record["exception"]
    assert exception is not None
    stack = "".join(traceback.format_tb(exception.traceback)) if exception.traceback else ""
    kind = exception.type.__name__ if exception.type else "Exception"
    is_plain = isinstance(exception.value, AgentError | OSError)
    return f"{stack}{kind}: {exception.value}" if is_plain else f"{stack}{kind}"


def _spoken_masked(message: str) -> str:
    """Pipecat quotes the text it was about to speak in one warning; keep the warning alone."""
    head, quote, _ = message.partition("not speaking [")
    return f"{head}{quote}…]" if quote else message
