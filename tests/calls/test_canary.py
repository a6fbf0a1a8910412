"""Known values are said to the bot; afterwards every byte that left the process is searched.

One run: four callers at once, in English and Arabic, spoken and written, with keys, spelled
letters, a tool that answers with a patient's data and a model that makes up a card. One mutation
takes the guard of every exit out and must be found out at each.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bot.lookup import audit_of, recording_of, story_of
from bot.settings import load
from lab.receptionist import Reply, ToolUse
from telemetry.sealed import MAGIC
from tests.calls.canaries import (
    ARABIC,
    CANARIES,
    ENGLISH,
    FROM,
    OWN,
    RESULT,
    TYPED,
    digits_of,
    kinds_in,
    leaves,
)
from tests.calls.house import ANSWERS_S, ROOT, House, sooner_or_later
from tests.calls.scripted import CLIP, open_scripted, results_of, turns_of

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]

KEY = "canary-key-" + "k" * 32
ARABIC_NUMBER = "+12125550199"
SPOKEN_BACK = {"phone", "email", "birthdate", "address", "name", "account", "policy", "claim",
               "spelled", "phone.ar", "name.ar", "account.ar"}  # fmt: skip
"""kinds that privacy.speak allows by default, of what a caller said"""
PLACES = ("model", "others", "spans", "metrics", "logs", "pages", "files", "told", "recordings")
YES = "Yes, please go on and do that right now."
YES_AR = "نعم من فضلك افعل ذلك الآن لو سمحت."


# ── the world around the bot ─────────────────────────────────────────────────────────
class Ears:
    """An HTTP server that keeps what it is sent: a collector, and a tool's book."""

    def __init__(self, answer: Any = None) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        ears = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                ears.bodies.append((self.path, body))
                told = json.dumps(answer).encode() if answer is not None else b""
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def open(self) -> Iterator[Ears]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)

    def told(self, path: str) -> str:
        """Everything sent to a path, read as what it is."""
        kinds: dict[str, Any] = {
            "traces": ExportTraceServiceRequest,
            "metrics": ExportMetricsServiceRequest,
        }
        texts = []
        for where, body in self.bodies:
            if where.endswith(path):
                kind = kinds.get(path)
                read = kind.FromString(body) if kind else body.decode()
                texts.append(str(read))
        return "\n".join(texts)


@dataclass
class Left:
    """Everything that left the process, by where it went."""

    voice: str = ""
    model: str = ""
    others: str = ""
    spans: str = ""
    metrics: str = ""
    logs: str = ""
    pages: str = ""
    files: str = ""
    told: str = ""
    recordings: str = ""
    sealed: dict[str, bytes] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    is_crowded: bool = False

    def found(self, place: str) -> set[str]:
        """Kinds found in one place; "sound" where a recording can be heard without its key."""
        kinds = kinds_in(getattr(self, place))
        if place == "model":
            kinds -= {"own"}  # what it wrote itself is told to it again
        if place == "recordings" and any(_is_clear(raw) for raw in self.sealed.values()):
            kinds.add("sound")
        return kinds


def mind(body: dict[str, Any]) -> Reply:
    """A model that repeats whatever it is told, to the caller and to tools, and invents a card."""
    turns, results = turns_of(body), results_of(body)
    last = turns[-1] if turns else ""
    told = " ".join(turns)
    if "typed" in last:
        if not any("patient" in result for result in results):
            return Reply("", [ToolUse("toolu_find", "find_slots", {"day": f"Monday {last}"[:80]})])
        stand_ins = " ".join(re.findall(r"\[[A-Z]+_\d+[^\]]*\]", results[-1]))
        return Reply(f"I see {stand_ins}. And your card {OWN} is on file.")
    if "Yes" in last or "نعم" in last:
        if results:
            return Reply("It is done. What else?")
        names = re.findall(r"\[PHONE_\d+[^\]]*\]", told) or [told[:100]]
        arguments = {"day": "Tuesday", "time": "10:30", "phone": names[-1], "reason": told[:200]}
        return Reply("", [ToolUse("toolu_book", "book_appointment", arguments)])
    said = " ".join(re.findall(r"\[[A-Z]+_\d+[^\]]*\]", last)) or last[-80:]
    return Reply(f"So {said}. Is that right?")


def lines(canaries: dict[str, tuple[str, str, str]], column: int, *, yes: str) -> list[str]:
    """What one caller says: every canary as said (0) or as written (1), then a yes."""
    said = [canary[column] for canary in canaries.values()]
    joined = [" ".join(said[i : i + 3]) for i in range(0, len(said), 3)]
    return [*joined, yes]


def talk(turns: int, folder: Path, *, keys: str = "") -> str:
    """A caller who speaks so many times, types, and hangs up, as a script file."""
    steps: list[dict[str, Any]] = [{"do": "wait_agent", "timeout_s": 20}]
    for _ in range(turns):
        steps.append({"do": "say", "clip": CLIP, "pause_s": 0.2})
        steps.append({"do": "wait_agent", "timeout_s": 12})
    if keys:
        steps.append({"do": "key", "digits": f"{keys}#"})
        steps.append({"do": "wait_agent", "timeout_s": 12})
    steps.append({"do": "hang_up"})
    file = folder / f"talk{turns}{keys}.json"
    file.write_text(json.dumps({"name": "talk", "seed": 1, "steps": steps}))
    return str(file)


AGENT = """
[numbers."{number}"]
name = "Layla"
language = "ar"
greeting = "هاربور دنتال، كيف أستطيع مساعدتك؟"
prompt = "أنتِ موظفة الاستقبال."
"""


def what_left(folder: Path, callers: list[Caller], *, module: str = "bot", **more: str) -> Left:
    """All callers at once, in front of everything that listens; what left the process."""
    agent = folder / "agent.toml"
    agent.write_text((ROOT / "agent.toml").read_text() + AGENT.format(number=ARABIC_NUMBER))
    collector, book = Ears(), Ears({"slots": ["10:30"], "patient": RESULT})
    left, watched = Left(), list[bytes]()
    with collector.open(), book.open():
        environ: dict[str, Any] = {
            "OFFHOOK__AGENT__FILE": str(agent),
            "OFFHOOK__TELEMETRY__OTLP_URL": collector.url,
            "OFFHOOK__TOOLS__BASE_URL": book.url,
            "OFFHOOK__RECORDINGS__ENABLED": "true",
            "OFFHOOK__RECORDINGS__FOLDER": str(folder / "sealed"),
            "OFFHOOK_RECORDING_KEY": KEY,
            "OFFHOOK__DEEPGRAM__STALL_S": "20",
            **more,
        }
        scripts = Dealt(caller.lines for caller in callers)
        with open_scripted(
            folder, scripts=scripts, mind=mind, module=module, hurry=5, **environ
        ) as opened:
            house, lab = opened
            watcher = threading.Thread(target=_watch, args=(house, watched), daemon=True)
            watcher.start()
            rung = []
            for number, caller in enumerate(callers):
                script = talk(len(caller.lines), folder, keys=caller.keys)
                called = ["--to", ARABIC_NUMBER] if caller.is_arabic else []
                rung.append(house.dial(script, "--from", FROM, *called))
                scripts.wait(number + 1)  # each caller has to get its own
            sids = [_hung_up(caller) for caller in rung]
            records = _kept(house, sids)
            left.pages = _pages(house, records)
            entries = lab.log.read()
            environ = dict(house.environ)
        watcher.join(10)
    left.is_crowded = scripts.dealt > len(callers)
    left.pages += b"".join(watched).decode()
    _from_lab(left, entries)
    left.others += book.told("find_slots")
    left.spans, left.metrics = collector.told("traces"), collector.told("metrics")
    left.logs = (folder / "house.log").read_text()
    left.files = "".join(f.read_bytes().decode("latin-1") for f in folder.glob("calls.db*"))
    left.told = _asked_afterwards(module, environ, [record["call_id"] for record in records])
    for record, caller in zip(records, callers, strict=True):
        path = folder / "sealed" / f"{record['call_id']}.sealed"
        left.sealed[caller.name] = path.read_bytes()
        if module == "bot":
            left.heard[caller.name] = _bursts(environ, record["call_id"], folder)
    left.recordings = "".join(raw.decode("latin-1") for raw in left.sealed.values())
    return left


@dataclass(frozen=True)
class Caller:
    """One of the callers."""

    name: str
    lines: list[str]
    keys: str = ""
    is_arabic: bool = False


CALLERS = [
    Caller("said", lines(ENGLISH, 0, yes=YES)),
    Caller("written", lines(ENGLISH, 1, yes=YES)),
    Caller(
        "arabic", [*lines(ARABIC, 0, yes=YES_AR), *lines(ARABIC, 1, yes=YES_AR)], is_arabic=True
    ),
    Caller("typed", ["I have a question about my visit."], keys=TYPED),
]


class Dealt(list[list[str]]):
    """Scripts, one for each caller's recogniser; a recogniser that is asked again, as on a crowded
    machine, hears nothing new."""

    dealt = 0

    def __getitem__(self, index: Any) -> Any:
        self.dealt += 1
        return super().__getitem__(index) if self.dealt <= len(self) else []

    def wait(self, count: int) -> None:
        """Until so many were."""
        sooner_or_later(lambda: self.dealt >= count, what="the recogniser was asked")


# The lab's own count and clocks: 1795897604.827 s holds a code that nobody told.
_THE_LABS = {"n", "at", "mono"}


def _from_lab(left: Left, entries: list[dict[str, Any]]) -> None:
    """What the emulated providers were sent; what they said themselves is theirs."""
    theirs = {"deepgram": {"final", "interim", "audio"}, "anthropic": {"answer"}}
    by_provider: dict[str, list[Any]] = {}
    for entry in entries:
        if entry["kind"] not in theirs.get(entry["provider"], set()):
            sent = {name: value for name, value in entry.items() if name not in _THE_LABS}
            by_provider.setdefault(entry["provider"], []).append(sent)
    voice = [*by_provider.pop("elevenlabs", []), *by_provider.pop("cartesia", [])]
    told = "".join(str(entry.get("message", {}).get("text", "")) for entry in voice)
    left.voice = "\n".join([told, *leaves(voice)])
    left.model = "\n".join(leaves(by_provider.pop("anthropic", [])))
    by_provider.pop("twilio", None)  # it knows who calls whom
    left.others = "\n".join(leaves(by_provider))


def _watch(house: House, into: list[bytes]) -> None:
    try:
        with urllib.request.urlopen(f"{house.url}/api/events", timeout=230) as stream:
            while piece := stream.read1(65536):
                into.append(piece)
    except (OSError, HTTPException):
        pass  # the process ended


def _hung_up(caller: Any) -> str:
    """Wait for a caller; which call it was at the carrier."""
    caller.communicate(timeout=200)
    return str(json.loads((caller.folder / "truth.json").read_text())["call_sid"])


def _kept(house: House, sids: list[str]) -> list[dict[str, Any]]:
    """The records of these calls, in this order."""
    return [house.record(sid) for sid in sids]


def _pages(house: House, records: list[dict[str, Any]]) -> str:
    """What an operator can read while the process runs."""
    found = []
    paths = ["/metrics", "/console", "/api/calls"]
    for record in records:
        paths += [f"/api/calls/{record['call_id']}", f"/console/calls/{record['call_id']}"]
    for path in paths:
        try:
            with urllib.request.urlopen(house.url + path, timeout=ANSWERS_S) as answer:
                found.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            assert error.code == 404, path
    return "\n".join([*found, *leaves(records), json.dumps(records, ensure_ascii=False)])


def _asked_afterwards(module: str, environ: dict[str, str], call_ids: list[str]) -> str:
    """What `offhook audit` and `offhook why` tell of the day and of each call."""
    if module != "bot":
        command = [sys.executable, "-m", module, "audit"]
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
    loaded = load(environ)
    told = audit_of(loaded, datetime.now(UTC).date())
    for call_id in call_ids:
        story = story_of(loaded, call_id)
        assert story is not None
        told += [*story.lines, json.dumps(story.document, ensure_ascii=False)]
    return "\n".join(told)


def _is_clear(raw: bytes) -> bool:
    """Whether a file holds the caller's voice as it came in."""
    clip = (ROOT / "lab" / "clips" / f"{CLIP}.ulaw").read_bytes()
    silence = sum(byte in (0x7F, 0xFF) for byte in raw) / max(1, len(raw))
    assert len(clip) > 1000
    return not raw.startswith(MAGIC) or silence > 0.2  # sealed bytes are all alike


def _bursts(environ: dict[str, str], call_id: str, folder: Path) -> int:
    """How often the caller can be heard in a recording, for whoever has the key."""
    out = folder / f"{call_id}.wav"
    recording_of(load(environ), call_id, out)
    with wave.open(str(out)) as wav:
        left = memoryview(wav.readframes(wav.getnframes())).cast("h")[0::2].tolist()
    tenths = [
        max(map(abs, left[at : at + 800]), default=0) > 1500 for at in range(0, len(left), 800)
    ]
    bursts, quiet = 0, 99
    for is_loud in tenths:
        bursts += is_loud and quiet >= 8
        quiet = 0 if is_loud else quiet + 1
    return bursts


# ── what is shown ────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    return what_left(tmp_path_factory.mktemp("canary"), CALLERS)


def test_every_canary_can_be_found_in_every_spelling():
    """The search sees what it has to see."""
    for kind, (said, written, _) in (ENGLISH | ARABIC).items():
        assert kinds_in(said) == {kind}
        assert kinds_in(written) == {kind}
    assert kinds_in(json.dumps(RESULT)) == {"result", "result.numbers"}
    assert kinds_in(f"{OWN} {TYPED} x {FROM}") == {"own", "typed", "from"}
    assert kinds_in("it is 4 1 5, double five five, oh one nine eight") == {"phone"}
    assert kinds_in("4 1 5, triple five, oh one nine eight") == {"phone"}
    assert kinds_in("٤ ١ ٥ ٥٥٥ ٠١٩٨, z, a, b, q, u, i, l, o") == {"phone", "spelled"}
    assert kinds_in('{"text": "four five five"}') == set()
    assert len(CANARIES) == 27
    assert digits_of("صفر خمسة") == " 05"


def test_the_callers_were_heard(left: Left):
    """The stand-ins of all callers reached the model: the talk took place."""
    for kind in ("CARD", "PHONE", "SSN", "EMAIL", "NAME", "PASSPORT", "CODE", "CLAIM"):
        assert f"[{kind}_1]" in left.model
    assert "I typed [CODE_1]" in left.model
    assert "رقم جوالي [PHONE_1]" in left.model
    assert "patient" in left.model
    assert "offhook.end_to_end_s" in left.spans
    assert "offhook" in left.metrics
    assert "DEBUG" in left.logs


def test_a_clock_is_no_canary_and_a_canary_is_found_beside_it():
    """A search of thousands of measured values would find six digits by chance."""
    clocks = "start_time_unix_nano: 1795897604827000000 1795897604.8270001 0.604827 1.7604827e+09"
    assert kinds_in(clocks) == set()
    assert kinds_in(f"{clocks} six oh four, 827.") == {"code"}


@pytest.mark.parametrize("place", PLACES)
def test_no_canary_is_found(left: Left, place: str):
    """Neither in requests nor in spans, metrics, logs at DEBUG, events, pages, records, files, what
    the command line tells, nor in the recordings' files."""
    assert left.found(place) == set()


def test_the_voice_is_told_only_what_may_be_read_back(left: Left):
    """Kinds that privacy.speak does not name never reach it; the others prove that it was asked."""
    found = kinds_in(left.voice)
    assert found <= SPOKEN_BACK | {"result", "result.numbers"}
    assert not {"card", "card.ar", "ssn", "ssn.ar", "code", "code.ar", "typed", "own"} & found
    assert "5105185900224470" not in digits_of(left.voice)
    assert found & {"phone", "account"}
    assert "phone.ar" in found


def test_a_recording_is_silent_where_a_card_or_a_code_was_said(left: Left):
    """Whoever has the key hears the other breaths."""
    silenced = {
        name: sum(any(word in line.lower() for word in _SECRET_WORDS) for line in caller.lines)
        for name, caller in {caller.name: caller for caller in CALLERS}.items()
    }
    assert silenced == {"said": 2, "written": 2, "arabic": 4, "typed": 0}
    for caller in CALLERS:
        audible = len(caller.lines) - silenced[caller.name]
        heard = left.heard[caller.name]
        assert 1 <= heard <= audible
        assert heard == audible or left.is_crowded


_SECRET_WORDS = ("card number", "verification code", "بطاقتي", "رمز التحقق")


def test_the_search_finds_them_when_the_guards_are_taken_out(tmp_path: Path):
    """With the redactor off, and the second guard of each exit with it, such calls leak at every
    one: each of the tests above can fail."""
    said = [f"{ENGLISH['phone'][1]} {ENGLISH['ssn'][1]}", YES]
    callers = [Caller("said", said), Caller("typed", ["I have a question."], keys=TYPED)]
    leaked = what_left(
        tmp_path,
        callers,
        module="tests.calls.leaky_bot",
        OFFHOOK__PRIVACY__KINDS="[]",
        OFFHOOK__RECORDINGS__SILENCE="[]",
    )
    for place in PLACES:
        found = leaked.found(place)
        assert found, f"nothing is found in {place}"
        assert place == "recordings" or "ssn" in found or place == "others", (place, found)
    assert {"phone", "ssn", "own"} <= kinds_in(leaked.voice)
