"""The console in a real browser: live without reloading, at home on a phone, quiet, self-contained.

`OFFHOOK_SCREENSHOTS=docs/img pytest tests/telemetry/test_console_browser.py` also renews the
pictures of `docs/console.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from playwright.async_api import BrowserContext, Page, Request, async_playwright

from call.budgets import Budgets
from telemetry.console.routes import LiveCall, console
from telemetry.events import EventHub
from telemetry.records import Records
from tests.conftest import eventually
from tests.needs import need
from tests.telemetry.made_up_calls import NOW, STORY_ID, a_day, call, turn

pytestmark = [pytest.mark.call, pytest.mark.timeout(120)]

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# As strict as a page can be served: nothing inline, nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LIVE_ID = "01a1fded-0b77-7c52-9d1e-5f0a8c2b6e31"


@dataclass
class House:
    """A console over made-up calls, served on loopback."""

    records: Records = field(default_factory=Records)
    living: list[LiveCall] = field(default_factory=list)
    hub: EventHub = field(default_factory=EventHub)
    base: str = ""

    async def _all_living(self) -> list[LiveCall]:
        return list(self.living)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(
            console(
                self.records,
                budgets=Budgets(),
                living=self._all_living,
                clock=lambda: NOW,
            )
        )

        @app.middleware("http")
        async def policy(request: Any, answer: Any) -> Response:
            response: Response = await answer(request)
            response.headers["content-security-policy"] = POLICY
            return response

        @app.get("/api/events")
        async def events() -> StreamingResponse:
            return StreamingResponse(self._events(), media_type="text/event-stream")

        return app

    async def _events(self) -> AsyncIterator[str]:
        with self.hub.reading() as reader:
            yield ": hello\n\n"
            async for event in reader:
                yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"

    def happen(self, kind: str, **fields: Any) -> None:
        """Publish one event of the live call."""
        self.hub.publish({"type": kind, "call_id": LIVE_ID, "t": 1.0, **fields})


class _Server(uvicorn.Server):
    """Uvicorn that leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[House]:
    """The house with its doors open."""
    listener = socket.create_server(("127.0.0.1", 0))
    house.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = _Server(
        uvicorn.Config(house.app(), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started or task.done(), what="the house is open")
    try:
        yield house
    finally:
        house.hub.close()
        server.should_exit = True
        await task
        listener.close()


@dataclass
class Visit:
    """One browser, and everything it asked for or complained about."""

    context: BrowserContext
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def failed(self, request: Request) -> None:
        """A request without an answer; who leaves a page takes back what it still waits for."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    async def open(self, url: str) -> Page:
        page = self.context.pages[0] if self.context.pages else await self.context.new_page()
        await page.goto(url, wait_until="load")
        return page


@asynccontextmanager
async def visiting(folder: Path, **about: Any) -> AsyncIterator[Visit]:
    """Chromium with an empty profile of its own; `about` is the screen it has."""
    if os.environ.get("CI") and shutil.which("chromium") is None:
        pytest.fail("chromium is not installed, and here it has to be")
    chromium = need("chromium", package="chromium")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(folder), executable_path=chromium, args=QUIET, headless=True, **about
        )
        context.set_default_timeout(90_000)
        visit = Visit(context)
        context.on("request", lambda request: visit.asked.append(request.url))
        context.on("requestfailed", visit.failed)
        context.on(
            "console",
            lambda message: (
                visit.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        context.on("weberror", lambda error: visit.complaints.append(str(error.error)))
        try:
            yield visit
        finally:
            await context.close()


def full_house() -> House:
    house = House()
    for record in a_day():
        house.records.put(record)
    answered = [turn(1), turn(2, llm=0.11)]
    house.living.append(
        LiveCall(LIVE_ID, "twilio", NOW - timedelta(seconds=34), "speaking", answered)
    )
    return house


async def width_beyond(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    found = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return int(found)


async def background(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def picture(page: Page, name: str) -> None:
    """Keep a picture for the docs, when asked for."""
    folder = os.environ.get("OFFHOOK_SCREENSHOTS")
    if folder:
        await page.screenshot(path=f"{folder}/console-{name}.png", animations="disabled")


async def test_a_live_call_appears_changes_and_leaves_without_a_reload(tmp_path: Path):
    """Events of the stream change the row; its end moves the call to the newest."""
    house = House()
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        page = await visit.open(f"{house.base}/console")
        await page.evaluate("window.isTheSamePage = true")
        assert "Nobody is on the line." in await page.inner_text("#live")
        await page.locator("#stream[data-state=open]").wait_for()

        house.living.append(LiveCall(LIVE_ID, "twilio", NOW, "listening"))
        house.happen("call.started")
        row = page.locator(f'tr[data-live-call="{LIVE_ID}"]')
        await row.wait_for()
        house.happen("caller.speaking")
        await row.get_by_text("caller speaks", exact=True).wait_for()
        house.happen("agent.speaking")
        await row.get_by_text("agent speaks", exact=True).wait_for()

        house.living[0] = LiveCall(LIVE_ID, "twilio", NOW, "speaking", [turn(1, llm=0.25)])
        house.happen("turn", turn=turn(1, llm=0.25))
        await row.get_by_text("390 ms").wait_for()

        house.living.clear()
        house.records.put(call(LIVE_ID, [turn(1, llm=0.25)]))
        house.happen("call.ended")
        await page.locator("#live .empty").wait_for()
        await page.locator(f'#newest a[href="/console/calls/{LIVE_ID}"]').wait_for()
        assert await page.evaluate("window.isTheSamePage")
        assert visit.complaints == []


async def test_the_page_of_a_running_call_grows(tmp_path: Path):
    """A turn that is over appears below the others."""
    house = House()
    house.living.append(LiveCall(LIVE_ID, "twilio", NOW, "listening"))
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        page = await visit.open(f"{house.base}/console/calls/{LIVE_ID}")
        await page.locator("#stream[data-state=open]").wait_for()
        assert "No turn is over yet." in await page.inner_text("#turns")
        house.records.put({**call(LIVE_ID, [turn(1)]), "ending": None})
        house.happen("turn", turn=turn(1))
        await page.locator("#turn-1 svg.fall").wait_for()
        assert visit.complaints == []


async def test_pages_are_quiet_and_ask_nobody_else(tmp_path: Path):
    """No complaint under the strictest policy, no request that leaves the host."""
    house = full_house()
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        for path in ("", "/calls", "/calls?ending=fault", f"/calls/{STORY_ID}"):
            page = await visit.open(f"{house.base}/console{path}")
            await page.locator("#stream[data-state=open]").wait_for()
            assert await width_beyond(page) == 0
        assert visit.complaints == []
        assert visit.asked and all(url.startswith(house.base + "/") for url in visit.asked)


async def test_words_with_markup_stay_words(tmp_path: Path):
    """What a caller says becomes text in the browser too, and runs nothing."""
    evil = "<img src=x onerror='window.wasHere = 1'><script>window.wasHere = 1</script>"
    house = House()
    house.records.put(call("evil", [turn(1, caller_text=evil)], ending=evil))
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        for path in ("", "/calls", "/calls/evil"):
            page = await visit.open(f"{house.base}/console{path}")
            assert "<img src=x" in await page.inner_text("main")
            assert await page.evaluate("window.wasHere") is None
        assert visit.complaints == []


async def test_everything_can_be_read_without_a_script(tmp_path: Path):
    """Pages are whole as they are served."""
    house = full_house()
    about: dict[str, Any] = {"viewport": DESKTOP, "java_script_enabled": False}
    async with serving(house), visiting(tmp_path / "profile", **about) as visit:
        page = await visit.open(f"{house.base}/console")
        words = await page.inner_text("body")
        for part in ("Live now", "agent speaks", "Time to answer", "1040", "Cost", "Reload the"):
            assert part in words
        await page.locator("#newest a").first.click()
        await page.locator("#turn-3 .unheard").wait_for()
        assert not await page.locator("#stream").is_visible()


async def test_a_phone_needs_no_sideways_scrolling(tmp_path: Path):
    """390 pixels hold every page."""
    house = full_house()
    about: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True}
    async with serving(house), visiting(tmp_path / "profile", **about) as visit:
        for path in ("/calls", f"/calls/{STORY_ID}", ""):
            page = await visit.open(f"{house.base}/console{path}")
            assert await width_beyond(page) == 0, path
        await page.locator("#stream[data-state=open]").wait_for()
        await picture(page, "phone")


async def test_dark_and_light_follow_the_reader(tmp_path: Path):
    """The system's preference decides, and both are readable."""
    house = full_house()
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        page = await visit.open(f"{house.base}/console")
        await page.locator("#stream[data-state=open]").wait_for()
        light = await background(page)
        assert await least_contrast(page) >= 4.5
        await picture(page, "desktop")
        await page.emulate_media(color_scheme="dark")
        assert await background(page) != light
        assert await least_contrast(page) >= 4.5
        await page.goto(f"{house.base}/console/calls/{STORY_ID}")
        assert await least_contrast(page) >= 4.5
        await page.locator("#stream[data-state=open]").wait_for()
        await picture(page, "dark")


async def test_the_keyboard_reaches_everything(tmp_path: Path):
    """First a way past the head, then each link, with a ring around it."""
    house = full_house()
    async with serving(house), visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        page = await visit.open(f"{house.base}/console")
        names = []
        for _ in range(5):
            await page.keyboard.press("Tab")
            names.append(await page.evaluate("document.activeElement.textContent.trim()"))
            ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid"
        assert names == ["Skip to the page", "offhook", "Overview", "Calls", LIVE_ID]


async def test_a_stream_that_breaks_is_said(tmp_path: Path):
    """The reader is told that the page no longer follows."""
    house = full_house()
    async with visiting(tmp_path / "profile", viewport=DESKTOP) as visit:
        async with serving(house):
            page = await visit.open(f"{house.base}/console")
            await page.locator("#stream[data-state=open]").wait_for()
        await page.locator("#stream[data-state=lost]").wait_for()
        assert await page.inner_text("#stream") == "reconnecting"


async def least_contrast(page: Page) -> float:
    """The lowest contrast (WCAG 2) of any text on the page with what is behind it."""
    found: Sequence[float] = await page.evaluate(CONTRASTS)
    assert found, "no text on the page"
    return min(found)


CONTRASTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest("svg, noscript") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const alpha = Number(style.opacity);
    const ink = parse(style.color).slice(0, 3).map((c, i) => c * alpha + back[i] * (1 - alpha));
    const [low, high] = [light(ink), light(back)].sort((a, b) => a - b);
    found.push((high + 0.05) / (low + 0.05));
  }
  return found;
}"""
