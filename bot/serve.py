"""`offhook serve`: bind, open the exchange, answer calls until told to stop, drain, exit."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from loguru import logger

from bot.children import running
from bot.demo import DEMO_KEY, lab_environment
from bot.drain import drain
from bot.environment import process_environment
from bot.exchange import open_exchange
from bot.exposure import require_guarded
from bot.secrets import require_keys
from bot.server import build_app
from bot.settings import Loaded, load, load_process, provider_keys
from telemetry.logs import configure

LAB_PORT = 7900


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: `drain` owns them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve_forever(*, host: str, port: int, with_lab: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    loaded = load_process()
    configure(loaded.settings.logs)
    listener = _bind(host, port)
    if listener is None:
        return 1
    port = listener.getsockname()[1]
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        if with_lab:
            loaded = await stack.enter_async_context(_lab_beside(port))
        require_guarded(loaded, host=host)
        require_keys(loaded)
        exchange = await stack.enter_async_context(open_exchange(loaded, provider_keys(loaded)))
        server = _Server(
            uvicorn.Config(
                build_app(exchange),
                log_config=None,
                ws_max_size=loaded.settings.wire.max_message_bytes,
                ws_per_message_deflate=False,  # audio does not shrink, and trying costs CPU a frame
                proxy_headers=False,  # whoever connected; the rest is wire.public_url
                server_header=False,
                ws_ping_interval=None,  # Twilio's sockets are watched by their own audio
                timeout_graceful_shutdown=5,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        print(f"offhook answers on http://{host}:{port}", flush=True)  # noqa: T201 - read by whoever started us
        await drain(exchange, server, serving)
    return 0


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
async def _lab_beside(port: int) -> AsyncIterator[Loaded]:
    """The emulated providers as a process of their own, and settings that point at them."""
    environ = lab_environment(process_environment(), lab_port=LAB_PORT, port=port)
    environ["OFFHOOK__WIRE__VERIFY_SIGNATURE"] = "false"
    log = Path("runs") / "lab.log"
    log.parent.mkdir(exist_ok=True)
    lab = running("lab", "--port", str(LAB_PORT), environ=environ, log=log, ready="lab ready on ")
    async with lab as ready:
        logger.info("{}; every key is {!r}", ready, DEMO_KEY)
        yield load(environ)
