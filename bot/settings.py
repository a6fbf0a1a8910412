"""Every knob of the process in one frozen object: defaults, then `pipecat.toml`, then environment.

A knob lives beside the rule it turns, as a frozen dataclass of its room; this file gathers them
into sections, loads them, and refuses to start on anything it does not know. After adding a knob:
`python -m bot.settings > pipecat.toml`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from bot.addresses import check_public_url, check_url, is_loopback
from bot.environment import process_environment
from bot.guard import Doors
from bot.notify import Voicemail
from bot.secrets import NO_KEY, SECRET_NAMES, Secrets, read_secrets
from bot.sources import Knob, Sources
from bot.tools import Tools
from call.admission import Capacity
from call.budgets import Budgets
from call.clauses import Clauses
from call.cost import Prices
from call.dtmf import Dtmf
from call.errors import SettingsError
from call.first_token import Patience
from call.heard import Goodbye, Heard
from call.idle import Idle
from call.interruption import BargeIn
from call.lines import Limits
from call.noise import Noise
from call.pardon import Pardon
from call.privacy import Privacy
from call.waits import Endpoint
from call.warmth import Warmth
from processors.vad import Vad
from services import Hear, Speak, Think
from services.cartesia import Cartesia
from services.claude_client import Anthropic
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs
from telemetry.logs import Logs
from telemetry.recordings import RecordingSettings
from telemetry.store import Store
from telemetry.traces import Telemetry
from transports.daily import Daily
from transports.twilio.webhook import Twilio
from transports.wire import Wire

CONFIG_NAME = "pipecat.toml"
CONFIG_VARIABLE = "OFFHOOK_CONFIG"
HOME = Path(__file__).resolve().parents[1]
"""Where the application lives; its own pipecat.toml and agent.toml serve when no other is found."""


@dataclass(frozen=True)
class Agent:
    """What the agent is stands in a file of its own."""

    file: str = "agent.toml"
    """Path of the agent's description (prompt, greeting, voices, tools), beside this file."""

    def __post_init__(self) -> None:
        if not self.file.strip():
            raise ValueError('file is empty; name the agent\'s file, such as "agent.toml"')


class Settings(BaseModel):
    """All sections; each room receives its own and never the whole."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    agent: Agent = Agent()
    wire: Wire = Wire()
    twilio: Twilio = Twilio()
    daily: Daily = Daily()
    hear: Hear = Hear()
    think: Think = Think()
    speak: Speak = Speak()
    deepgram: Deepgram = Deepgram()
    anthropic: Anthropic = Anthropic()
    elevenlabs: ElevenLabs = ElevenLabs()
    cartesia: Cartesia = Cartesia()
    pool: Warmth = Warmth()
    vad: Vad = Vad()
    turn: Endpoint = Endpoint()
    patience: Patience = Patience()
    clauses: Clauses = Clauses()
    barge_in: BargeIn = BargeIn()
    noise: Noise = Noise()
    dtmf: Dtmf = Dtmf()
    idle: Idle = Idle()
    pardon: Pardon = Pardon()
    heard: Heard = Heard()
    goodbye: Goodbye = Goodbye()
    voicemail: Voicemail = Voicemail()
    tools: Tools = Tools()
    privacy: Privacy = Privacy()
    capacity: Capacity = Capacity()
    limits: Limits = Limits()
    doors: Doors = Doors()
    budgets: Budgets = Budgets()
    store: Store = Store()
    recordings: RecordingSettings = RecordingSettings()
    prices: Prices = Prices()
    telemetry: Telemetry = Telemetry()
    logs: Logs = Logs()

    @model_validator(mode="after")
    def _across_sections(self) -> Settings:
        """Rules that no section can check alone."""
        check_public_url(self.wire.public_url)
        self._check_recordings()
        for key, schemes in _URL_SCHEMES.items():
            section, name = key.split(".")
            check_url(key, getattr(getattr(self, section), name), schemes)
        if self.think.stand_in_url:
            check_url("think.stand_in_url", self.think.stand_in_url, ("https", "http"))
        return self

    def _check_recordings(self) -> None:
        """What is to be silenced has to be found, and may not be read back by the agent."""
        if not self.recordings.enabled:
            return
        for kind in self.recordings.silence:
            if kind not in self.privacy.kinds:
                raise ValueError(f"recordings.silence: {kind} is not among privacy.kinds")
            if kind in self.privacy.speak:
                raise ValueError(f"privacy.speak reads back {kind}, which recordings.silence hides")


_URL_SCHEMES = {
    "deepgram.url": ("wss", "ws"),
    "anthropic.url": ("https", "http"),
    "elevenlabs.url": ("wss", "ws"),
    "cartesia.url": ("wss", "ws"),
    "twilio.api_url": ("https", "http"),
}


@dataclass(frozen=True)
class Loaded:
    """Settings, where each value came from, the secrets, and the file that was read."""

    settings: Settings
    sources: Mapping[str, str]
    secrets: Secrets
    config_path: Path | None

    @property
    def agent_path(self) -> Path:
        """The agent's file: beside the settings file that names it."""
        path = Path(self.settings.agent.file).expanduser()
        if path.is_absolute():
            return path
        if self.config_path is None or self.config_path.parent == HOME:
            # no settings file of the operator's own: where the command was called comes first
            here = Path.cwd() / path
            return here if here.is_file() else HOME / path
        return self.config_path.parent / path


# ── the table of knobs ───────────────────────────────────────────────────────────────
def _gather() -> tuple[Knob, ...]:
    """Every knob in the order of the file; its meaning is the sentence under the field."""
    definitions = Settings.model_json_schema()["$defs"]
    knobs = []
    for section, field in Settings.model_fields.items():
        properties = definitions[type(field.default).__name__]["properties"]
        for knob in dataclasses.fields(field.default):
            meaning = " ".join(properties[knob.name].get("description", "").split())
            knobs.append(Knob(f"{section}.{knob.name}", getattr(field.default, knob.name), meaning))
    return tuple(knobs)


KNOBS = _gather()


# ── loading ──────────────────────────────────────────────────────────────────────────
def load(environ: Mapping[str, str], *, path: Path | None = None) -> Loaded:
    """Read settings and secrets; raise `SettingsError` (one line) for anything wrong."""
    sources = Sources(KNOBS)
    config_path = _find(environ, path)
    if config_path is not None:
        sources.read_file(config_path)
    sources.read_environment(environ)
    try:
        settings = Settings.model_validate(sources.values)
    except ValidationError as error:
        raise sources.translate(error) from None
    origins = {knob.key: sources.origin(knob.key) for knob in KNOBS}
    return Loaded(settings, origins, read_secrets(environ), config_path)


def load_process() -> Loaded:
    """`load` for this process."""
    return load(process_environment())


def provider_keys(loaded: Loaded) -> dict[str, str]:
    """Key per provider, for `services`; a provider on loopback needs none."""
    keys = {}
    for provider in ("deepgram", "anthropic", "elevenlabs", "cartesia"):
        key = loaded.secrets.value(f"{provider}_API_KEY")
        local = is_loopback(getattr(loaded.settings, provider).url)
        keys[provider] = key or (NO_KEY if local else "")
    if elsewhere := loaded.settings.think.stand_in_url:
        key = loaded.secrets.value("STAND_IN_API_KEY")
        keys["stand_in"] = key or (NO_KEY if is_loopback(elsewhere) else "")
    return keys


def _find(environ: Mapping[str, str], path: Path | None) -> Path | None:
    """The settings file: the one named, or the one here, or the application's own."""
    named = path or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        candidates = (folder / CONFIG_NAME for folder in (Path.cwd(), HOME))
        return next((file for file in candidates if file.is_file()), None)
    named = named.expanduser().absolute()
    if not named.is_file():
        source = "environment" if path is None else "argument"
        remedy = f"give the path of a {CONFIG_NAME}, or unset it"
        raise SettingsError(CONFIG_VARIABLE, f"{named} is not a file", source=source, remedy=remedy)
    return named


# ── showing ──────────────────────────────────────────────────────────────────────────
def describe(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Rows (key, value, source) of everything; secrets as stars."""
    rows = []
    for knob in KNOBS:
        value = getattr(getattr(loaded.settings, knob.section), knob.name)
        rows.append((knob.key, _as_value(value), loaded.sources[knob.key]))
    for name in SECRET_NAMES:
        is_set = bool(loaded.secrets.value(name))
        rows.append((name, "********" if is_set else "", "environment" if is_set else "not set"))
    return rows


def toml() -> str:
    """`pipecat.toml` as it has to be: every key at its default, its meaning above it."""
    lines = [
        "# Every setting that is not a secret, at its default. Change a value here, or override it",
        "# with OFFHOOK__SECTION__KEY in the environment. Seconds end in _s. API keys come from",
        "# the environment only. What the agent says and knows stands in agent.toml.",
    ]
    section = ""
    for knob in KNOBS:
        if knob.section != section:
            section = knob.section
            about = str(Settings.model_fields[section].default.__doc__).split("\n\n")[0]
            lines += ["", *_comment(about), f"[{section}]"]
        lines += [*_comment(knob.meaning), f"{knob.name} = {_as_value(knob.default)}"]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    joined = " ".join(text.split())
    return textwrap.wrap(joined, 98, initial_indent="# ", subsequent_indent="#   ")


def _as_value(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_as_value(item) for item in value) + "]"
    # JSON's strings, numbers and booleans are TOML's, when DEL is kept out of strings
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


if __name__ == "__main__":
    sys.stdout.write(toml())
