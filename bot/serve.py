"""`offhook serve`: bind, open the exchange, answer calls until told to stop, drain, exit."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from loguru import logger

from bot import garbage
from bot.acceptor import Acceptor
from bot.children import running
from bot.demo import DEMO_KEY, lab_environment
from bot.door import Door, OneRequest, uvicorn_config
from bot.drain import Orders, drain
from bot.environment import process_environment
from bot.exchange import open_exchange
from bot.exposure import require_guarded
from bot.front import open_front
from bot.secrets import require_keys
from bot.server import build_app
from bot.settings import Loaded, load, provider_keys
from bot.zygote import Zygote
from telemetry.logs import configure

LAB_PORT = 7900
# Records are read, pages and figures written off the loop of the calls, so many at a time. More
# would only take turns at the interpreter, and each holds the memory of the most it ever wrote.
ASIDE = 3


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: `drain` owns them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve_forever(*, host: str, port: int, with_lab: bool = False) -> int:
    """Serve alone until SIGTERM or SIGINT; the exit code."""
    orders = Orders()
    orders.listen()
    opening = _open(host, port, with_lab=with_lab)
    return await orders.obeyed_by(_serve_alone(opening, orders=orders))


async def _serve_alone(opening: _Opening, *, orders: Orders) -> int:
    async with opening as opened:
        if opened is None:
            return 1
        async with open_exchange(opened.loaded, provider_keys(opened.loaded)) as exchange:
            server = _Server(uvicorn_config(build_app(exchange), opened.loaded.settings))
            serving = asyncio.create_task(server.serve(sockets=[opened.listener]))
            garbage.settle()
            opened.say_ready()
            await drain(exchange, server, serving, orders=orders)
    return 0


async def serve_workers(
    *, host: str, port: int, zygote: Zygote, count: int, with_lab: bool = False
) -> int:
    """Serve through so many worker processes until SIGTERM or SIGINT; the exit code."""
    orders = Orders()
    orders.listen()
    opening = _open(host, port, with_lab=with_lab)
    return await orders.obeyed_by(_serve_through(zygote, count, opening, orders=orders))


async def _serve_through(zygote: Zygote, count: int, opening: _Opening, *, orders: Orders) -> int:
    async with opening as opened:
        if opened is None:
            return 1
        loaded, secret = opened.loaded, secrets.token_hex(32)
        async with open_front(
            loaded,
            zygote=zygote,
            environ=opened.environ,
            secret=secret,
            count=count,
        ) as front:
            door = Door(OneRequest(build_app(front)), loaded.settings)
            acceptor = Acceptor(opened.listener, crew=front.crew, door=door)
            serving = asyncio.create_task(acceptor.serve())
            opened.say_ready()
            await drain(front, acceptor, serving, orders=orders)
            return 1 if front.is_lost.is_set() else 0


@dataclass(frozen=True)
class _Opened:
    """What both ways to serve begin with."""

    loaded: Loaded
    environ: Mapping[str, str]
    listener: socket.socket
    host: str

    def say_ready(self) -> None:
        """The line that whoever started us waits for."""
        port = self.listener.getsockname()[1]
        print(f"offhook answers on http://{self.host}:{port}", flush=True)  # noqa: T201 - read by whoever started us


_Opening = AbstractAsyncContextManager[_Opened | None]


@asynccontextmanager
async def _open(host: str, port: int, *, with_lab: bool) -> AsyncIterator[_Opened | None]:
    """Settings read, port bound, the lab beside; None when the port cannot be had."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(ASIDE, "aside"))
    environ: Mapping[str, str] = process_environment()
    loaded = load(environ)
    configure(loaded.settings.logs)
    listener = _bind(host, port)
    if listener is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        if with_lab:
            environ = await stack.enter_async_context(_lab_beside(listener.getsockname()[1]))
            loaded = load(environ)
        require_guarded(loaded, host=host)
        require_keys(loaded)
        yield _Opened(loaded, environ, listener, host)


def _bind(host: str, port: int) -> socket.socket | None:
    """The listening socket, or None with one line said."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        sys.stderr.write(
            f"offhook: cannot listen on {host}:{port}: {error.strerror or error}; "
            "choose another with --port\n"
        )
        return None
    return listener


@asynccontextmanager
async def _lab_beside(port: int) -> AsyncIterator[Mapping[str, str]]:
    """The emulated providers as a process of their own, and an environment that points at them."""
    environ = lab_environment(process_environment(), lab_port=LAB_PORT, port=port)
    environ["OFFHOOK__WIRE__VERIFY_SIGNATURE"] = "false"
    log = Path("runs") / "lab.log"
    log.parent.mkdir(exist_ok=True)
    lab = running("lab", "--port", str(LAB_PORT), environ=environ, log=log, ready="lab ready on ")
    async with lab as ready:
        logger.info("{}; every key is {!r}", ready, DEMO_KEY)
        yield environ
