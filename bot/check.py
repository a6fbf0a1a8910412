"""`offhook check`: the doctor. Looks at everything a call needs and names what has to be mended.

Every problem is one line with its remedy. Offline it looks at keys, the agent's file, the wire, the
sound formats, the models on disk and the port; online it also asks the vendors and the carrier.
"""

from __future__ import annotations

import socket
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import aiohttp

from bot.addresses import is_loopback
from bot.agent_file import load_personas
from bot.check_privacy import check_privacy, check_recordings
from bot.check_vendors import ask_vendors
from bot.check_way_out import check_way_out
from bot.exposure import LEAST_PASSWORD_CHARS, is_reachable
from bot.finding import Finding, good, note, problem
from bot.persona import Persona, Personas
from bot.secrets import missing_keys
from bot.seen import check_redis
from bot.settings import KNOBS, Loaded
from call.audio import RATE_HZ
from call.errors import SettingsError
from services import Speak
from services.phrases import shipped

PORT = 7860
SPELLED = ("en", "ar")
"""languages whose numbers, dates and money are spelled out for the voice"""
MODELS = {
    "voice detector": ("pipecat.audio.vad.data", "silero_vad.onnx"),
    "turn model": ("pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx"),
}


async def run_check(loaded: Loaded, *, online: bool = True, port: int = PORT) -> list[Finding]:
    """Everything that was looked at, problems first."""
    findings = [good("settings", _where(loaded)), *_keys(loaded)]
    personas = _load(loaded, findings)
    findings += [*_wire(loaded), *_formats(loaded), *_models(), await _port(port)]
    if personas is not None:
        people = [personas.default, *personas.numbers.values()]
        findings += [*_agent(loaded, people), *check_privacy(loaded.settings, people)]
        key = loaded.secrets.value("OFFHOOK_RECORDING_KEY")
        findings += check_recordings(loaded.settings, key)
        findings += check_way_out(loaded)
        if online:
            findings += await _ask(loaded, people)
            findings += await check_redis(loaded.secrets.value("REDIS_URL"))
    return sorted(findings, key=lambda finding: (not finding.is_problem, not finding.remedy))


def _where(loaded: Loaded) -> str:
    mine = sum(
        getattr(getattr(loaded.settings, knob.section), knob.name) != knob.default for knob in KNOBS
    )
    return f"{loaded.config_path or 'no file'}, {mine} values differ from their defaults"


def _keys(loaded: Loaded) -> list[Finding]:
    missing = missing_keys(loaded)
    if not missing:
        return [good("keys", "every key that is needed is set")]
    return [
        problem("keys", f"{name} is not set, needed for {why}", "set it in the environment")
        for name, why in missing.items()
    ]


async def _ask(loaded: Loaded, people: list[Persona]) -> list[Finding]:
    """Nobody is asked with an empty key: that is said already."""
    if missing_keys(loaded):
        remedy = "set the keys and check again"
        return [note("vendors", "not asked, because keys are missing", remedy)]
    return await ask_vendors(loaded, people)


# ── the agent ────────────────────────────────────────────────────────────────────────
def _load(loaded: Loaded, findings: list[Finding]) -> Personas | None:
    try:
        return load_personas(loaded)
    except SettingsError as error:
        remedy = error.remedy or "mend it there"
        findings.append(problem("agent", f"{error.key} ({error.source}): {error.problem}", remedy))
        return None


def _agent(loaded: Loaded, people: list[Persona]) -> list[Finding]:
    settings = loaded.settings
    found = [good("agent", f"{loaded.agent_path}: {', '.join(p.name for p in people)}")]
    found += _voices(settings.speak, people)
    for persona in people:
        if persona.language.partition("-")[0] not in SPELLED:
            text = f"{persona.name} speaks {persona.language!r}, where numbers are left as digits"
            found.append(note("agent", text, f"numbers are spelled out in {', '.join(SPELLED)}"))
        if not persona.disclosure.enabled:
            text = f"{persona.name} does not say that a machine is speaking"
            found.append(note("agent", text, "make sure that you may (disclosure.enabled)"))
        if not persona.handoff_number:
            text = f"{persona.name} can hand callers to nobody"
            found.append(note("agent", text, "set handoff_number"))
    if not settings.tools.base_url and not any(persona.tools for persona in people):
        text = "no tool is offered to the model"
        found.append(note("tools", text, "set tools.base_url if the agent's file names tools"))
    return found


def _voices(speak: Speak, people: list[Persona]) -> list[Finding]:
    """Who speaks for each agent, and who goes on when that voice falters."""
    found = []
    for provider in speak.voices:
        for persona in people:
            if persona.voices.get(provider):
                continue
            text = f"{persona.name} has no voice at {provider}"
            if provider in speak.stand_ins:
                text += f", which is to go on when {speak.provider} falters"
            found.append(problem("agent", text, f"set voices.{provider} in the agent's file"))
    if not speak.stand_ins:
        text = f"nobody goes on when {speak.provider} falters"
        found.append(note("voices", text, "name a second voice in speak.stand_ins"))
    for language in dict.fromkeys(persona.language for persona in people):
        if not shipped(language):
            text = f"no phrases in {language!r} come with the program"
            found.append(note("voices", text, "callers hear nothing when no voice can speak"))
    return found


# ── the wire ─────────────────────────────────────────────────────────────────────────
def _wire(loaded: Loaded) -> list[Finding]:
    settings = loaded.settings
    if settings.wire.kind == "daily" and not settings.daily.room_url:
        return [problem("wire", "daily.room_url is not set", "set it to the room's address")]
    if settings.wire.kind != "twilio":
        return [good("wire", settings.wire.kind)]
    url = settings.wire.public_url
    if not url:
        remedy = "set it to the https address of your tunnel or host (docs/first-call.md)"
        return [problem("wire", "wire.public_url is not set, so no call can arrive", remedy)]
    if urlsplit(url).path not in ("", "/"):
        text, remedy = f"wire.public_url has a path: {url}", "give scheme and host only"
        return [problem("wire", text, remedy)]
    found = [good("wire", f"the number's Voice URL has to be {url.rstrip('/')}/twilio/voice")]
    found += _console(loaded)
    if is_loopback(url):
        remedy = "set wire.public_url for real calls"
        found.append(note("wire", "only this machine can call", remedy))
    if not settings.wire.verify_signature and not is_loopback(url):
        text = "anybody can place calls at your cost: wire.verify_signature is off"
        found.append(problem("wire", text, "set wire.verify_signature = true"))
    return found


def _console(loaded: Loaded) -> list[Finding]:
    """Who may look in, where more than this machine can reach us."""
    password = loaded.secrets.value("OFFHOOK_CONSOLE_PASSWORD")
    if not password and is_reachable(loaded, host="127.0.0.1"):
        text = "console, API and metrics are closed to everybody: no password is set"
        return [note("console", text, "set OFFHOOK_CONSOLE_PASSWORD to open them")]
    if password and len(password) < LEAST_PASSWORD_CHARS:
        text = f"OFFHOOK_CONSOLE_PASSWORD has fewer than {LEAST_PASSWORD_CHARS} characters"
        return [problem("console", text, "choose a longer one: it can be tried from outside")]
    return []


# ── sound ────────────────────────────────────────────────────────────────────────────
def _formats(loaded: Loaded) -> list[Finding]:
    """The telephone's µ-law at 8 kHz, with nobody on the way who resamples."""
    from services.cartesia import CartesiaDialect
    from services.elevenlabs import ElevenLabsDialect

    settings = loaded.settings
    query = parse_qs(settings.deepgram.query("en", ()))
    eleven = ElevenLabsDialect(settings.elevenlabs, "", voice="v", language="en").address().url
    cartesia = "".join(
        CartesiaDialect(settings.cartesia, "", voice="v", language="en").speak(
            "c", "t", is_first=True
        )
    )
    told: dict[str, bool] = {
        "deepgram": (query["encoding"], query["sample_rate"]) == (["mulaw"], [str(RATE_HZ)]),
        "elevenlabs": f"output_format=ulaw_{RATE_HZ}" in eleven,
        "cartesia": f'"sample_rate": {RATE_HZ}' in cartesia and "pcm_mulaw" in cartesia,
    }
    wrong = [name for name, is_right in told.items() if not is_right]
    if wrong:
        text = f"{', '.join(wrong)} would not get µ-law at {RATE_HZ} Hz"
        return [problem("sound", text, "install the release again; a file was changed")]
    return [good("sound", f"µ-law at {RATE_HZ} Hz from end to end, nothing is resampled")]


def _models() -> list[Finding]:
    found = []
    for name, (package, file) in MODELS.items():
        path = resources.files(package).joinpath(file)
        if not path.is_file() or len(path.read_bytes()) < 100_000:
            remedy = "install pipecat-ai from the lock again"
            found.append(problem("models", f"the {name} ({file}) is not on this disk", remedy))
        else:
            found.append(good("models", f"{name}: {file}"))
    return found


async def _port(port: int) -> Finding:
    """Free, or taken by an offhook that is well."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if await _is_offhook(port):
                return good("port", f"offhook is running on {port}")
            text = f"port {port} is taken ({error.strerror})"
            return problem("port", text, "stop what is there, or give serve another --port")
    return good("port", f"{port} is free")


async def _is_offhook(port: int) -> bool:
    timeout = aiohttp.ClientTimeout(1)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            async with http.get(f"http://127.0.0.1:{port}/healthz") as response:
                return bool(await response.json() == {"status": "alive"})
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
        return False
