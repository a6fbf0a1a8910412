"""Who can reach us: `offhook serve` does not start where strangers could call at our cost."""

from __future__ import annotations

from bot.addresses import is_loopback, is_loopback_host
from bot.settings import Loaded
from call.errors import SettingsError

LEAST_PASSWORD_CHARS = 12
"""A shorter one is guessed in days by whoever may try it over the network."""


def is_reachable(loaded: Loaded, *, host: str) -> bool:
    """Whether anybody but this machine can reach a process that listens on `host`: directly, or
    through the tunnel or proxy that `wire.public_url` names."""
    url = loaded.settings.wire.public_url
    return not is_loopback_host(host) or bool(url and not is_loopback(url))


def require_guarded(loaded: Loaded, *, host: str) -> None:
    """Refuse to start on a public address without what keeps strangers out."""
    if not is_reachable(loaded, host=host):
        return
    missing = unguarded(loaded)
    if missing:
        address = host if not is_loopback_host(host) else loaded.settings.wire.public_url
        raise SettingsError(
            ", ".join(missing),
            f"needed on a public address ({address})",
            source="settings and environment",
            remedy=f"set {' and '.join(missing.values())}, or listen on 127.0.0.1",
        )


def unguarded(loaded: Loaded) -> dict[str, str]:
    """What a public address still lacks: setting → what to set."""
    wire, secret = loaded.settings.wire, loaded.secrets.value
    missing = {}
    if wire.kind == "twilio":
        if not wire.verify_signature:
            missing["wire.verify_signature"] = "wire.verify_signature = true"
        if not secret("TWILIO_AUTH_TOKEN"):
            missing["TWILIO_AUTH_TOKEN"] = "TWILIO_AUTH_TOKEN"
        if not wire.public_url or is_loopback(wire.public_url):
            missing["wire.public_url"] = "wire.public_url to the https address callers' carrier has"
    elif not secret("OFFHOOK_CONSOLE_PASSWORD"):  # a browser's only key
        missing["OFFHOOK_CONSOLE_PASSWORD"] = "OFFHOOK_CONSOLE_PASSWORD"
    return missing
