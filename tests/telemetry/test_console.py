"""The console's pages say what the records say: escaped, with n, whole without a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bot.server import build_app
from call.budgets import Budgets
from call.turn import TurnState
from telemetry.console import drawing
from telemetry.console.figures import costs, overview, slowest_turn
from telemetry.console.routes import STATIC, LiveCall, console
from telemetry.console.writing import duration, instant, ms, redacted, usd
from telemetry.events import EventHub
from telemetry.live import STAGE_COLOURS
from telemetry.recorder import CallRecorder
from telemetry.records import Records
from tests.bot.test_server import exchange
from tests.telemetry.made_up_calls import NOW, STORY_ID, a_day, call, story, turn

pytestmark = pytest.mark.wire


def client_over(
    calls: Sequence[dict[str, Any]], living: Sequence[LiveCall] = (), budgets: Budgets | None = None
) -> TestClient:
    records = Records()
    for record in calls:
        records.put(record)
    app = FastAPI()

    async def all_living() -> Sequence[LiveCall]:
        return living

    app.include_router(
        console(
            records,
            budgets=budgets or Budgets(),
            living=all_living,
            clock=lambda: NOW,
        )
    )
    return TestClient(app)


def words_of(html: str) -> str:
    """The text a reader sees, one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def section(html: str, name: str) -> str:
    """The words of one section of a page."""
    found = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    assert found is not None, f"no section {name}"
    return words_of(found[0])


# ── the overview ─────────────────────────────────────────────────────────────────────
def test_percentiles_stand_beside_their_budgets_with_n():
    """Met, missed, or too few turns to say."""
    answers = section(client_over(a_day()).get("/console").text, "answers")
    assert "304 turns of the last 51 calls" in answers
    assert "p50 224 ms budget 220 ms n 304 missed" in answers
    assert "p95 246 ms budget 280 ms n 304 met" in answers
    assert "p99 789 ms budget 360 ms n 304 missed" in answers
    assert "p99.9 1040 ms budget 500 ms n 304 of 1000 wanted too few turns" in answers


def test_budgets_of_the_settings_decide():
    """Another budget, another verdict."""
    html = client_over(a_day(), budgets=Budgets(p50_s=0.25, p95_s=0.3)).get("/console").text
    assert "budget 250 ms n 304 met" in section(html, "answers")


def test_every_row_of_the_numbers_has_its_n():
    """A turn without a number is not counted in it."""
    turns = [turn(n) for n in range(1, 6)]
    turns[0]["llm_first_token_s"] = None
    numbers = section(client_over([call("a", turns)]).get("/console").text, "numbers")
    assert "model first token 60 60 60 60 4 " in numbers
    assert "end to end 200 200 200 200 5" in numbers


def test_the_causes_sum_to_the_tail():
    """Six slow turns by the model, four by the voice, ten in all; the slowest are linked."""
    html = client_over(a_day()).get("/console").text
    tail = section(html, "tail")
    assert "Above 500 ms: 10 of 304 turns" in tail
    assert "llm 6 tts 4 all 10" in tail
    assert 'href="/console/calls/01a1fde8-2258-769c-8ee4-000000000033#turn-2"' in html
    shown = overview(list(reversed(a_day())), Budgets())
    assert sum(cause.turns for cause in shown.tail) == len(shown.slow) == 10


def test_hang_ups_are_counted_by_ending_and_length():
    """Each ending's row sums to its calls."""
    calls = [call(f"a{n}", duration_s=5.0) for n in range(3)]
    calls += [call("b", duration_s=45.0), call("c", ending="fault", fault_party="llm")]
    endings = section(client_over(calls).get("/console").text, "endings")
    assert "caller hung up 3 0 1 0 0 0 0 4" in endings
    assert "fault 0 0 0 1 0 0 0 1" in endings


def test_cost_is_told_a_call_a_minute_and_a_provider():
    """Only calls with a price count."""
    priced: dict[str, Any] = {
        "cost_usd": 0.3,
        "cost_by_provider_usd": {"twilio": 0.1, "anthropic": 0.2},
    }
    calls = [
        call("a", **priced, duration_s=120.0),
        call("b", **priced, duration_s=240.0),
        call("c"),
    ]
    words = section(client_over(calls).get("/console").text, "costs")
    assert "2 calls, 6.0 minutes" in words
    assert "a call $0.3000 a minute $0.1000 together $0.6000" in words
    assert "anthropic $0.4000 twilio $0.2000" in words
    assert costs([call("c")]).per_call is None


def test_what_has_no_price_is_named():
    """A sum that lacks something says what."""
    client = client_over([call("a", [turn(1)], cost_usd=0.1, unpriced=["voice cartesia"])])
    words = section(client.get("/console").text, "costs")
    assert "incomplete No price is set for voice cartesia." in words
    facts = section(client.get("/console/calls/a").text, "facts")
    assert "The cost lacks voice cartesia: no price is set." in facts


def test_newest_calls_come_first_and_lead_to_their_page():
    """Ending, length, turns, slowest answer, cost."""
    html = client_over(a_day()).get("/console").text
    newest = section(html, "newest")
    first = newest.index("02 Mar 2026 11:58:00 agent said goodbye 48 s 4 580 ms tts $0.0312")
    assert first < newest.index("02 Mar 2026 11:54:00")
    assert f'href="/console/calls/{STORY_ID}"' in html


def test_stages_are_measured_against_their_own_budgets():
    """The share of each stage at the 95th percentile."""
    turns = [turn(n, stt=0.3) for n in range(1, 31)]
    stages = section(client_over([call("a", turns)]).get("/console").text, "stages")
    assert "stt 300 300 300 30 150 missed" in stages
    assert "tts 40 40 40 30 200 met" in stages


def test_an_empty_house_says_so_everywhere():
    """No call, no error: each part says what it waits for."""
    client = client_over([])
    page = words_of(client.get("/console").text)
    for words in (
        "Nobody is on the line.",
        "No call is recorded yet.",
        "No turn was slow.",
        "No call has ended yet.",
        "No call has a price yet.",
        "No turn was answered yet.",
        "budget 500 ms n 0 of 1000 wanted too few turns",
    ):
        assert words in page
    assert "No call is recorded yet." in words_of(client.get("/console/calls").text)


# ── live calls ───────────────────────────────────────────────────────────────────────
def test_calls_that_go_on_are_shown_with_who_speaks():
    """How long, how many turns, how fast the last answer was; never their words."""
    live = LiveCall("c-1", "twilio", NOW - timedelta(seconds=75), "speaking", [turn(1), turn(2)])
    client = client_over([], [live])
    for page in ("/console", "/console/live"):
        words = section(client.get(page).text, "live")
        assert "Live now 1" in words
        assert "c-1 twilio agent speaks 1 min 15 s 2 200 ms endpoint" in words
        assert "parking" not in words


def test_the_live_part_asks_nothing_of_the_store():
    """It is fetched with every event, so it must stay cheap."""

    class Closed(Records):
        def newest(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
            raise AssertionError("the store was asked")

    app = FastAPI()

    async def nobody() -> list[LiveCall]:
        return []

    app.include_router(console(Closed(), budgets=Budgets(), living=nobody))
    assert TestClient(app).get("/console/live").status_code == 200


def test_a_running_call_has_a_page():
    """What is recorded of it so far, marked as in progress and followed by the script."""
    live = LiveCall("c-1", "twilio", NOW - timedelta(seconds=20), "thinking")
    client = client_over([], [live])
    html = client.get("/console/calls/c-1").text
    assert 'data-call="c-1"' in html
    assert "in progress" in words_of(html) and "No turn is over yet." in words_of(html)
    recorded = {**call("c-1", [turn(1)]), "ending": None, "duration_s": None}
    html = client_over([recorded], [live]).get("/console/calls/c-1").text
    assert "Turn 1" in words_of(html) and "length 20 s" in words_of(html)


# ── one call ─────────────────────────────────────────────────────────────────────────
def test_a_call_tells_its_turns():
    """Waterfall, five numbers, words, tools, faults, counters."""
    client = client_over([story()])
    html = client.get(f"/console/calls/{STORY_ID}").text
    words = words_of(html)
    assert "580 ms slowest: tts" in words
    assert "stt 40 endpoint 60 llm 60 tts 420 ms" in words
    assert "endpoint 100 recogniser final 40 model first token 60 voice first byte 420" in words
    assert "caller Sorry, wait, do you have parking? confidence 0.97" in words
    assert "voice by clause: elevenlabs, cartesia" in words
    assert "find slots ok 7" in words.replace("find_slots", "find slots")
    assert "Slow elevenlabs at 27.3 s" in section(html, "faults")
    assert "failovers 1" in section(html, "counters")
    assert "agent Harbour Dental, this is Mia." in words
    assert 'data-call="' not in html


def test_words_never_heard_are_marked():
    """The rest of an interrupted answer is struck through, for eyes and for screen readers."""
    html = client_over([story()]).get(f"/console/calls/{STORY_ID}").text
    found = re.search(r'<span class="unheard"><span.*?</span>(.*?)</span>', html)
    assert found is not None
    assert found[1] == "We take most dental plans, and send the claim for you."
    assert "not heard by the caller:" in html


def test_personal_data_taken_out_is_shown_as_such():
    """`[PHONE_1]` is no word of the caller's."""
    html = client_over([story()]).get(f"/console/calls/{STORY_ID}").text
    assert 'My phone number is <span class="token">[PHONE_1]</span>.' in html


def test_faults_and_tools_stand_on_the_time_line():
    """Each at its second, with its name."""
    html = client_over([story()]).get(f"/console/calls/{STORY_ID}").text
    assert "<title>fault elevenlabs: Slow, at 27.3 s</title>" in html
    assert "<title>tool find_slots: ok, at 10.2 s</title>" in html
    assert "<title>turn 3, interrupted, at 27.0 s</title>" in html


def test_an_unknown_call_is_404():
    """With a page that says so, its id escaped."""
    answer = client_over([]).get("/console/calls/%3Cb%3Enobody")
    assert answer.status_code == 404
    assert "&lt;b&gt;nobody" in answer.text and "<b>nobody" not in answer.text


def test_a_record_with_only_an_id_is_shown():
    """What a crash left behind is still a page."""
    client = client_over([{"call_id": "bare", "ending": "fault"}])
    for path in ("/console", "/console/calls", "/console/calls/bare"):
        assert client.get(path).status_code == 200


def test_calls_are_listed_by_ending():
    """`?ending=` shows those alone."""
    client = client_over([call("a"), call("b", ending="fault", fault_party="tts")])
    html = client.get("/console/calls?ending=fault").text
    assert "1 of the last 2 calls" in words_of(html)
    assert "/console/calls/b" in html and "/console/calls/a" not in html
    assert "fault: tts" in words_of(html)
    assert client.get("/console/calls?ending=%3Cscript%3E").status_code == 200


# ── safety ───────────────────────────────────────────────────────────────────────────
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Tags(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    return parser.found


def evil_call() -> dict[str, Any]:
    """Everything a stranger may have said or sent is HTML."""
    said = dict.fromkeys(("caller_text", "agent_text", "slowest"), EVIL)
    bad = turn(1, **said, heard_text="", interrupted=True, models=[EVIL], provider_by_clause=[EVIL])
    bad["critical_path"] = [[EVIL, 0.7]]
    bad["end_to_end_s"] = 0.7
    return call(
        "evil",
        [bad],
        opening_text=EVIL,
        ending=EVIL,
        fault_party=EVIL,
        wire=EVIL,
        language=EVIL,
        counters={EVIL: 1},
        tools=[{"name": EVIL, "outcome": EVIL, "seconds": 0.1, "at_s": 1.0}],
        faults=[{"provider": EVIL, "kind": EVIL, "at_s": 2.0}],
        cost_usd=0.1,
        cost_by_provider_usd={EVIL: 0.1},
    )


@pytest.mark.parametrize("path", ["/console", "/console/calls", "/console/calls/evil"])
def test_what_a_caller_says_is_never_markup(path: str):
    """HTML in words, names and labels arrives as text."""
    live = LiveCall(EVIL, EVIL, NOW, EVIL)
    html = client_over([evil_call()], [live]).get(path).text
    assert "&lt;img src=x onerror=alert(2)&gt;" in html
    tags = tags_of(html)
    assert [attrs.get("src") for tag, attrs in tags if tag == "script"] == [
        "/console/static/console.js"
    ]
    assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]
    assert {attrs["src"] for tag, attrs in tags if tag == "img"} == {"/console/static/icon.svg"}


@pytest.mark.parametrize("path", ["/console", "/console/calls", f"/console/calls/{STORY_ID}"])
def test_pages_load_from_their_own_origin_and_carry_no_inline_code(path: str):
    """No style or script in the page, no address but our own, one h1, a language, a title."""
    html = client_over(a_day()).get(path).text
    tags = tags_of(html)
    assert not [tag for tag, attrs in tags if "style" in attrs or tag == "style"]
    loaded = [a.get("src") or a.get("href") for _, a in tags if a.get("src") or a.get("href")]
    assert all(str(address).startswith(("/console", "#")) for address in loaded)
    names = [tag for tag, _ in tags]
    assert names.count("h1") == 1 and names.count("main") == 1
    assert ("html", {"lang": "en"}) in tags


def test_ids_on_a_page_are_unique():
    """The script replaces parts by their id."""
    for path in ("/console", f"/console/calls/{STORY_ID}"):
        ids = [a["id"] for _, a in tags_of(client_over(a_day()).get(path).text) if "id" in a]
        assert len(ids) == len(set(ids))


def test_pages_stay_out_of_caches_and_files_are_only_the_listed_ones():
    """Transcripts are not kept by browsers; nothing else of the folder is served."""
    client = client_over([story()])
    assert client.get(f"/console/calls/{STORY_ID}").headers["cache-control"] == "no-store"
    for name, kind in STATIC.items():
        answer = client.get(f"/console/static/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text
    for name in ("routes.py", "..%2froutes.py", "%2e%2e/routes.py", "page.html.j2"):
        assert client.get(f"/console/static/{name}").status_code == 404


def test_the_house_serves_the_console_behind_its_guard():
    """Asked for the password, under the strict policy, with the calls that go on."""
    house = exchange(OFFHOOK_CONSOLE_PASSWORD="open-sesame")
    timeline = SimpleNamespace(state=TurnState.THINKING, records=[])
    session: Any = SimpleNamespace(
        caller=SimpleNamespace(wire="webrtc"),
        started=NOW,
        recorder=SimpleNamespace(timeline=timeline),
    )
    house.sessions["c-9"] = session
    house.records.put(story())
    client = TestClient(build_app(house), base_url="https://phone.example")
    for path in ("/console", "/console/live", "/console/static/console.js"):
        assert client.get(path).status_code == 401
    client.auth = ("", "open-sesame")
    answer = client.get("/console")
    assert "c-9 webrtc thinking" in section(answer.text, "live")
    assert f"/console/calls/{STORY_ID}" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy


def test_a_recorded_tool_stands_where_it_began():
    """The recorder gives the time line its instants."""
    now = iter([100.0, 112.5, 130.0])
    recorder = CallRecorder("c", hub=EventHub(), clock=lambda: next(now))
    recorder.tool("find_slots", outcome="ok", seconds=0.5)
    recorder.fault("elevenlabs", "Slow")
    record = {"tools": recorder.tools, "faults": recorder.faults}
    assert [(mark.kind, mark.at_s) for mark in drawing.marks(record, 60.0)] == [
        ("tool", 12.0),
        ("fault", 30.0),
    ]


# ── drawings and writing ─────────────────────────────────────────────────────────────
@given(st.lists(st.tuples(st.sampled_from([*STAGE_COLOURS, "new"]), st.floats(0, 5)), max_size=8))
def test_a_waterfall_tiles_its_turn(path: list[tuple[str, float]]):
    """Each stage begins where the one before it ends, and all of it is on the drawing."""
    one = {"critical_path": path}
    segments = drawing.waterfall(one)
    at_ms = 0.0
    for segment in segments:
        assert segment.start_ms == pytest.approx(at_ms, abs=0.1)
        at_ms = segment.start_ms + segment.width_ms
    assert at_ms <= drawing.scale_ms([one]) + 1
    assert drawing.scale_ms([one]) % drawing.GRID_MS == 0


@given(st.floats(0.1, 20_000))
def test_a_time_line_has_few_ticks_inside_its_width(length_s: float):
    """Never crowded, never outside."""
    ticks = drawing.ticks(length_s)
    assert 1 <= len(ticks) <= drawing.TICKS + 1
    assert all(0 <= x <= drawing.LINE_WIDTH for _, x in ticks)


def test_marks_stand_in_their_order():
    """Turns, tools and faults of a call, by time; without a length there is no line."""
    found = drawing.marks(story(), 48.0)
    assert [mark.kind for mark in found] == ["turn", "tool", "turn", "interrupted", "fault", "turn"]
    assert found[-1].x == 750.0
    assert drawing.marks(story(), 0.0) == [] and drawing.ticks(0.0) == []


@given(st.text())
def test_redacted_text_keeps_every_character(text: str):
    """Nothing is lost, nothing is markup."""
    shown = re.sub(r'<span class="token">|</span>', "", redacted(text))
    assert unescape(shown) == text
    assert "<" not in shown


def test_figures_are_written_as_people_read_them():
    """Milliseconds, minutes, dollars; an en dash where nothing is known."""
    assert (ms(0.2234), ms(None)) == ("223", "–")
    assert (duration(42.4), duration(85.3), duration(3600)) == ("42 s", "1 min 25 s", "60 min 00 s")
    assert (usd(0.0412), usd(12.5), usd(None)) == ("$0.0412", "$12.50", "–")
    assert instant("2026-11-21T13:40:11.22+02:00") == "21 Nov 2026 11:40:11"
    assert (instant(None), instant("soon")) == ("–", "–")
    assert slowest_turn(call("a")) is None
