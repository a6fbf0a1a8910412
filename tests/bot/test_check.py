"""The doctor finds what would spoil a call, says it in one line, and knows the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import bot.check
from bot.check import run_check
from bot.demo import free_port
from bot.finding import Finding, good, note, problem
from bot.settings import HOME, Loaded, load

pytestmark = pytest.mark.provider

READY = {
    "DEEPGRAM_API_KEY": "k",
    "ANTHROPIC_API_KEY": "k",
    "ELEVENLABS_API_KEY": "k",
    "CARTESIA_API_KEY": "k",
    "TWILIO_ACCOUNT_SID": "AC0",
    "TWILIO_AUTH_TOKEN": "t",
    "OFFHOOK__WIRE__PUBLIC_URL": "https://agent.example",
}


async def check(
    environ: dict[str, str], *, path: Path | None = None, port: int = 0
) -> list[Finding]:
    loaded: Loaded = load(READY | environ, path=path or HOME / "pipecat.toml")
    findings = await run_check(loaded, online=False, port=port or free_port())
    assert all("\n" not in str(finding) for finding in findings)
    assert all(finding.remedy for finding in findings if finding.is_problem)
    return findings


async def problems(environ: dict[str, str], **where: object) -> list[str]:
    return [str(f) for f in await check(environ, **where) if f.is_problem]  # type: ignore[arg-type]


async def test_a_set_up_that_is_complete_has_no_problem():
    """Offline: keys, agent, wire, sound, models, port."""
    findings = await check({})
    assert [str(f) for f in findings if f.is_problem] == []
    areas = {finding.area for finding in findings}
    assert {"settings", "keys", "agent", "wire", "sound", "models", "port"} <= areas


@pytest.mark.parametrize(
    ("environ", "hints"),
    [
        ({"DEEPGRAM_API_KEY": ""}, ["DEEPGRAM_API_KEY is not set", "hear.provider (deepgram)"]),
        ({"CARTESIA_API_KEY": ""}, ["CARTESIA_API_KEY", "speak.stand_ins (cartesia)"]),
        ({"TWILIO_AUTH_TOKEN": ""}, ["TWILIO_AUTH_TOKEN"]),
        ({"OFFHOOK__WIRE__PUBLIC_URL": ""}, ["wire.public_url is not set", "first-call.md"]),
        ({"OFFHOOK__WIRE__PUBLIC_URL": "https://a.example/x"}, ["has a path"]),
        ({"OFFHOOK__WIRE__VERIFY_SIGNATURE": "false"}, ["anybody can place calls"]),
        ({"OFFHOOK__WIRE__KIND": "daily", "DAILY_API_KEY": "k"}, ["daily.room_url"]),
        ({"OFFHOOK__WIRE__KIND": "daily"}, ["daily.room_url", "DAILY_API_KEY"]),
        ({"OFFHOOK__AGENT__FILE": "nowhere.toml"}, ["nowhere.toml does not exist"]),
    ],
)
async def test_each_shortcoming_is_a_problem_with_its_remedy(environ, hints):
    """And nothing else is complained about."""
    text = "\n".join(await problems(environ))
    assert len(text.splitlines()) == len(hints) or len(hints) > 1
    for hint in hints:
        assert hint in text


async def test_a_voice_that_the_agent_lacks_is_a_problem(tmp_path):
    """Also the voice of a stand-in, which is needed when things go wrong already."""
    (tmp_path / "pipecat.toml").write_text("")
    (tmp_path / "agent.toml").write_text(
        'name = "Mia"\nprompt = "p"\ngreeting = "g"\n[voices]\nelevenlabs = "x"\n'
    )
    (line,) = await problems({}, path=tmp_path / "pipecat.toml")
    assert "Mia has no voice at cartesia, which is to go on when elevenlabs falters" in line
    assert "set voices.cartesia" in line


async def test_what_is_only_worth_knowing_is_a_note(tmp_path):
    """No tools, nobody to transfer to, no disclosure, no stand-in, and a language without spelled
    numbers and phrases."""
    (tmp_path / "pipecat.toml").write_text("")
    (tmp_path / "agent.toml").write_text(
        'name = "Mia"\nprompt = "p"\ngreeting = "g"\nlanguage = "de"\n'
        '[disclosure]\nenabled = false\n[voices]\nelevenlabs = "x"\ncartesia = "y"\n'
    )
    environ = {"OFFHOOK__SPEAK__STAND_INS": ""}
    findings = await check(environ, path=tmp_path / "pipecat.toml")
    notes = "\n".join(str(f) for f in findings if f.remedy and not f.is_problem)
    for hint in ("speaks 'de'", "machine is speaking", "hand callers to nobody", "no tool"):
        assert hint in notes
    assert "nobody goes on when elevenlabs falters" in notes
    assert "no phrases in 'de' come with the program" in notes


async def test_a_taken_port_is_a_problem_unless_it_is_offhook_itself():
    """`serve` would say the same, but later."""
    async with TestServer(web.Application(), host="127.0.0.1") as stranger:
        (line,) = await problems({}, port=stranger.port)
        assert f"port {stranger.port} is taken" in line
    app = web.Application()
    app.router.add_get("/healthz", _alive)
    async with TestServer(app, host="127.0.0.1") as offhook:
        assert await problems({}, port=offhook.port) == []


async def _alive(request: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def test_a_missing_model_file_is_a_problem(monkeypatch):
    """The first call would fail, not the start."""
    monkeypatch.setitem(bot.check.MODELS, "turn model", ("pipecat.audio.vad.data", "gone.onnx"))
    (line,) = await problems({})
    assert "turn model (gone.onnx) is not on this disk" in line


async def test_the_models_that_are_looked_for_are_the_ones_that_are_loaded():
    """The doctor must not look at another file than the stations do."""
    text = "".join((HOME / "processors" / name).read_text() for name in ("vad.py", "smart_turn.py"))
    assert all(package in text and file in text for package, file in bot.check.MODELS.values())


async def test_a_voice_that_would_not_speak_the_telephones_format_is_a_problem(monkeypatch):
    """Wideband sound sent as µ-law is noise in the caller's ear."""
    monkeypatch.setattr(bot.check, "RATE_HZ", 16000)
    (line,) = await problems({})
    assert "deepgram, elevenlabs, cartesia would not get µ-law at 16000 Hz" in line


def test_a_finding_is_one_line_for_people_and_a_document_for_machines():
    """`offhook check` and `offhook check --json`."""
    assert str(good("a", "b")) == "good    a: b"
    assert str(note("a", "b", "c")) == "note    a: b; c"
    assert str(problem("a", "b", "c")) == "problem a: b; c"
    assert problem("a", "b", "c").document() == {
        "area": "a",
        "text": "b",
        "remedy": "c",
        "is_problem": True,
    }


async def test_problems_come_first_and_no_secret_is_shown():
    """The end of a long list is what people read; the beginning is what they see."""
    findings = await check({"TWILIO_AUTH_TOKEN": "", "DEEPGRAM_API_KEY": "verysecret"})
    assert findings[0].is_problem and not findings[-1].is_problem
    assert "verysecret" not in "".join(map(str, findings))


async def test_who_may_look_in_is_said():
    """A public address without a password is closed to everybody; a short one can be guessed."""
    (closed,) = [f for f in await check({}) if f.area == "console"]
    assert not closed.is_problem and "OFFHOOK_CONSOLE_PASSWORD" in closed.remedy
    (line,) = await problems({"OFFHOOK_CONSOLE_PASSWORD": "short"})
    assert "fewer than 12 characters" in line and "short;" not in line
    assert await problems({"OFFHOOK_CONSOLE_PASSWORD": "long-enough-a-password"}) == []
