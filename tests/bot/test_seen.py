"""A token used on one host is used on all of them: against a real Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.lines import LinesInRedis
from bot.seen import REST_S, Rest, SeenInRedis, check_redis, open_tickets
from bot.settings import load
from call.errors import SettingsError
from call.measures import STORE_AWAY, NullRecorder
from tests.needs import need
from transports.twilio.tickets import SeenHere, Ticket

pytestmark = [pytest.mark.wire, pytest.mark.timeout(60)]


class Counts(NullRecorder):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def count(self, measure, amount=1, **labels):
        self.seen.append(measure.name)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of the test's own, on a Unix socket."""
    server = need("redis-server", package="redis-server")
    folder = Path(tempfile.mkdtemp(prefix="offhook-redis-", dir="/tmp"))
    running = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(400):
            if (folder / "s").exists():
                break
            time.sleep(0.025)
        yield f"unix://{folder}/s"
    finally:
        running.terminate()
        running.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["gone", "hangs"])
def away_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where no Redis is, or one that takes connections and never says a word."""
    folder = Path(tempfile.mkdtemp(prefix="offhook-away-", dir="/tmp"))
    with socket.socket(socket.AF_UNIX) as listener:
        if request.param == "hangs":
            listener.bind(str(folder / "s"))
            listener.listen()
        yield f"unix://{folder}/s"
    shutil.rmtree(folder, ignore_errors=True)


def loaded(**environ: str):
    """Settings of a host."""
    return load({"TWILIO_AUTH_TOKEN": "of-the-carrier", **environ})


async def test_two_hosts_let_one_token_in_once(redis_url: str):
    """Issued by one, redeemed on the other, refused on both from then on."""
    first, second = loaded(REDIS_URL=redis_url), loaded(REDIS_URL=redis_url)
    async with open_tickets(first, Counts()) as here, open_tickets(second, Counts()) as there:
        token = here.issue("CA1", caller="+1", called="+2", now=100.0)
        assert await there.redeem(token, call_id="CA1", now=101.0) == Ticket("CA1", "+1", "+2")
        assert await here.redeem(token, call_id="CA1", now=101.0) is None
        assert await there.redeem(token, call_id="CA1", now=101.0) is None


async def test_many_sockets_at_once_one_comes_in(redis_url: str):
    """From two hosts, twenty of them."""
    async with (
        open_tickets(loaded(REDIS_URL=redis_url), Counts()) as here,
        open_tickets(loaded(REDIS_URL=redis_url), Counts()) as there,
    ):
        token = here.issue("CA2", caller="", called="", now=100.0)
        redeemed = await asyncio.gather(
            *(host.redeem(token, call_id="CA2", now=100.0) for host in [here, there] * 10)
        )
        assert sum(ticket is not None for ticket in redeemed) == 1


async def test_what_is_kept_says_nothing_and_goes_by_itself(redis_url: str):
    """A hash for a little longer than the token's life."""
    seen = SeenInRedis(redis_url, recorder=Counts())
    assert await seen.first("a token", life_s=30.0, now=0.0)
    names = [key async for key in seen._redis.scan_iter("offhook:seen:*")]
    assert not any(b"token" in name for name in names)
    (name,) = [name for name in names if await seen._redis.pttl(name) <= 30_000]
    assert 0 < await seen._redis.pttl(name)
    await seen.close()


async def test_while_redis_is_away_this_host_remembers_for_itself(away_url: str):
    """The caller is answered; that one host decided alone is counted."""
    counts = Counts()
    async with open_tickets(loaded(REDIS_URL=away_url), counts) as desk:
        token = desk.issue("CA1", caller="+1", called="+2", now=0.0)
        assert await desk.redeem(token, call_id="CA1", now=1.0) is not None
        assert await desk.redeem(token, call_id="CA1", now=1.0) is None
    assert counts.seen == [STORE_AWAY.name]


async def test_a_redis_that_hangs_and_comes_back_is_asked_again(redis_url: str):
    """Stopped between two calls: the one meanwhile is answered within its time."""
    counts = Counts()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(redis_url.removeprefix("unix://"))
        asking.sendall(b"INFO server\r\n")
        pid = int(asking.recv(10_000).split(b"process_id:")[1].split(b"\r")[0])
    now = 0.0
    rest = Rest(lambda: now)
    async with open_tickets(loaded(REDIS_URL=redis_url), counts, rest=rest) as desk:
        for call, is_stopped in (("CA1", False), ("CA2", True), ("CA3", False)):
            now += REST_S
            os.kill(pid, signal.SIGSTOP if is_stopped else signal.SIGCONT)
            try:
                token = desk.issue(call, caller="+1", called="+2", now=0.0)
                assert await desk.redeem(token, call_id=call, now=1.0) is not None
            finally:
                os.kill(pid, signal.SIGCONT)
            assert counts.seen == ([] if call == "CA1" else [STORE_AWAY.name])


async def test_one_caller_waits_for_a_redis_that_hangs_and_not_each():
    """It is asked once, whoever asks; after a while once more. Each decides alone meanwhile, and
    that is counted."""
    now, asked, counts = 0.0, 0, Counts()

    async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answers, "127.0.0.1")
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    rest = Rest(lambda: now)
    seen = SeenInRedis(url, recorder=counts, rest=rest)
    lines = LinesInRedis(url, {"deepgram": 9}, recorder=counts, rest=rest)
    for number in range(5):
        assert await lines.take(f"call {number}") is None
        assert await seen.first(f"token {number}", life_s=30.0, now=0.0)
    assert asked == 1
    assert len(counts.seen) == 10
    now = REST_S
    assert await lines.take("the next") is None
    assert asked == 2
    await seen.close()
    await lines.close()
    server.close()


async def test_what_remembers_for_a_host_is_asked_from_the_first_token_on(away_url: str):
    """Two processes of one host, while the Redis is away."""
    here = SeenHere()
    first, second = (SeenInRedis(away_url, recorder=Counts(), here=here) for _ in range(2))
    assert await first.first("a token", life_s=30.0, now=0.0)
    assert not await second.first("a token", life_s=30.0, now=0.0)
    await first.close()
    await second.close()


async def test_the_check_asks_it(redis_url: str, tmp_path: Path):
    """It answers, it does not, it is none, it is not used."""
    assert [finding.is_problem for finding in await check_redis(redis_url)] == [False]
    (away,) = await check_redis(f"unix://{tmp_path}/nobody")
    assert away.is_problem and "does not answer" in str(away)
    (wrong,) = await check_redis("http://redis")
    assert wrong.is_problem and "REDIS_URL is no Redis URL" in str(wrong)
    assert await check_redis("") == []


def test_a_wrong_url_is_one_line():
    """Which does not repeat it: it may hold a password."""
    with pytest.raises(SettingsError) as refused:
        SeenInRedis("http://:secret@redis", recorder=Counts())
    assert "secret" not in str(refused.value)
