"""Secrets: read from the environment only, shown as stars, asked for before the first call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, SecretStr

from bot.addresses import is_loopback
from call.errors import SettingsError
from transports.twilio.hangup import Account

if TYPE_CHECKING:
    from bot.settings import Loaded

NO_KEY = "no-key-on-loopback"
"""What a provider on this machine is told when its key is not set."""


class Secrets(BaseModel):
    """What only the environment may carry; prints as stars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deepgram_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    stand_in_api_key: SecretStr | None = None
    elevenlabs_api_key: SecretStr | None = None
    cartesia_api_key: SecretStr | None = None
    twilio_account_sid: SecretStr | None = None
    twilio_auth_token: SecretStr | None = None
    daily_api_key: SecretStr | None = None
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    offhook_console_password: SecretStr | None = None
    offhook_recording_key: SecretStr | None = None
    offhook_notify_secret: SecretStr | None = None

    def value(self, name: str) -> str:
        """The secret under its usual name (`DEEPGRAM_API_KEY`), or "" when it is not set."""
        secret: SecretStr | None = getattr(self, name.lower())
        return secret.get_secret_value() if secret else ""


SECRET_NAMES = tuple(name.upper() for name in Secrets.model_fields)


def read_secrets(environ: Mapping[str, str]) -> Secrets:
    """The secrets of an environment; white space around them is a copying accident and dropped."""
    found: dict[str, SecretStr] = {}
    for name in SECRET_NAMES:
        value = environ.get(name, "").strip()
        if any(character.isspace() or not character.isprintable() for character in value):
            raise SettingsError(
                name,
                "contains white space or control characters",
                source="environment",
                remedy="copy it again",
            )
        if value:
            found[name.lower()] = SecretStr(value)
    return Secrets(**found)


def account_of(loaded: Loaded) -> Account | None:
    """Our account at the carrier, where it is known."""
    secret = loaded.secrets.value
    account = Account(secret("TWILIO_ACCOUNT_SID"), secret("TWILIO_AUTH_TOKEN"))
    return account if account.account_id and account.secret else None


def missing_keys(loaded: Loaded) -> dict[str, str]:
    """Secrets the chosen providers and wire need and the environment lacks: name → who asks."""
    settings, needed = loaded.settings, dict[str, str]()
    chosen = [
        ("hear.provider", settings.hear.provider),
        ("think.provider", settings.think.provider),
        ("speak.provider", settings.speak.provider),
        *(("speak.stand_ins", name) for name in settings.speak.stand_ins),
    ]
    for knob, provider in chosen:
        vendor = provider.partition("_")[0]  # deepgram_flux asks with Deepgram's key
        section = getattr(settings, vendor, None)
        if section is not None and not is_loopback(section.url):
            needed[f"{vendor.upper()}_API_KEY"] = f"{knob} ({provider})"
    elsewhere = settings.think.stand_in_url
    if elsewhere and settings.think.stand_in_model and not is_loopback(elsewhere):
        needed["STAND_IN_API_KEY"] = "think.stand_in_url"
    if settings.wire.kind == "twilio":
        if settings.wire.verify_signature or not is_loopback(settings.twilio.api_url):
            needed["TWILIO_AUTH_TOKEN"] = "wire.kind (twilio)"
        if not is_loopback(settings.twilio.api_url):
            needed["TWILIO_ACCOUNT_SID"] = "wire.kind (twilio)"
    if settings.wire.kind == "daily":
        needed["DAILY_API_KEY"] = "wire.kind (daily)"
    return {name: why for name, why in needed.items() if not loaded.secrets.value(name)}


def require_keys(loaded: Loaded) -> None:
    """Refuse to start without the keys that the chosen providers need."""
    missing = missing_keys(loaded)
    if missing:
        why = ", ".join(dict.fromkeys(missing.values()))
        raise SettingsError(
            ", ".join(missing),
            f"not set, needed for {why}",
            source="environment",
            remedy="set it in the environment, or add --lab to try without keys",
        )
