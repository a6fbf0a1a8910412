"""No process starts where strangers could place calls at somebody's cost."""

from __future__ import annotations

import pytest

from bot.exposure import require_guarded, unguarded
from bot.settings import Loaded, load
from call.errors import SettingsError

pytestmark = pytest.mark.rule

GUARDED = {"TWILIO_AUTH_TOKEN": "t", "OFFHOOK__WIRE__PUBLIC_URL": "https://phone.example"}


def loaded(**environ: str) -> Loaded:
    return load({"OFFHOOK_CONFIG": "pipecat.toml", **environ})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_on_loopback_nothing_is_asked_for(host: str):
    """Trying it out needs no key."""
    require_guarded(loaded(OFFHOOK__WIRE__VERIFY_SIGNATURE="false"), host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "phone.example"])
def test_a_public_address_needs_key_signature_and_url(host: str):
    """All that is missing stands in one line, with what to set."""
    with pytest.raises(SettingsError) as refused:
        require_guarded(loaded(OFFHOOK__WIRE__VERIFY_SIGNATURE="false"), host=host)
    line = str(refused.value)
    assert "\n" not in line
    for name in ("wire.verify_signature = true", "TWILIO_AUTH_TOKEN", "wire.public_url"):
        assert name in line
    require_guarded(loaded(**GUARDED), host=host)


@pytest.mark.parametrize("name", list(GUARDED))
def test_each_of_them_is_needed(name: str):
    """One missing is enough."""
    rest = {key: value for key, value in GUARDED.items() if key != name}
    with pytest.raises(
        SettingsError, match=name.removeprefix("OFFHOOK__WIRE__").lower()[:10] + "|" + name
    ):
        require_guarded(loaded(**rest), host="0.0.0.0")


def test_a_tunnel_to_loopback_is_a_public_address():
    """With a public URL the world comes in through loopback."""
    unsigned = {**GUARDED, "OFFHOOK__WIRE__VERIFY_SIGNATURE": "false"}
    with pytest.raises(SettingsError, match="https://phone.example"):
        require_guarded(loaded(**unsigned), host="127.0.0.1")
    require_guarded(loaded(**GUARDED), host="127.0.0.1")


@pytest.mark.parametrize("kind", ["webrtc", "daily"])
def test_a_browser_on_a_public_address_needs_the_password(kind: str):
    """Where no carrier signs, the password is the only lock."""
    missing = unguarded(loaded(OFFHOOK__WIRE__KIND=kind))
    assert list(missing) == ["OFFHOOK_CONSOLE_PASSWORD"]
    assert unguarded(loaded(OFFHOOK__WIRE__KIND=kind, OFFHOOK_CONSOLE_PASSWORD="p" * 12)) == {}
