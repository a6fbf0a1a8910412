"""Settings: three sources in order, nothing unknown, one clear line for whatever is wrong."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.addresses import is_loopback
from bot.secrets import NO_KEY, SECRET_NAMES, missing_keys, require_keys
from bot.settings import HOME, KNOBS, Settings, describe, load, provider_keys, toml
from call.errors import SettingsError

pytestmark = pytest.mark.rule

LAB = {
    "OFFHOOK__DEEPGRAM__URL": "ws://127.0.0.1:7900",
    "OFFHOOK__ANTHROPIC__URL": "http://127.0.0.1:7900",
    "OFFHOOK__ELEVENLABS__URL": "ws://127.0.0.1:7900",
    "OFFHOOK__CARTESIA__URL": "ws://127.0.0.1:7900/tts/websocket",
    "OFFHOOK__TWILIO__API_URL": "http://127.0.0.1:7900",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file of the operator's own, still empty."""
    path = tmp_path / "pipecat.toml"
    path.write_text("")
    return path


def refused(environ: dict[str, str], *, path: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(environ, path=path)
    assert "\n" not in str(caught.value)
    return caught.value


# ── the manual ───────────────────────────────────────────────────────────────────────
def test_pipecat_toml_lists_every_key_at_its_default_and_no_other():
    """The file is the manual; regenerate it with `python -m bot.settings > pipecat.toml`."""
    assert (HOME / "pipecat.toml").read_text(encoding="utf-8") == toml()


def test_the_manual_says_something_about_every_knob():
    """A knob without a sentence (unit, reason) is not finished."""
    assert [knob.key for knob in KNOBS if len(knob.meaning) < 8] == []


def test_loading_the_manual_changes_nothing(config):
    """Every value of the file is its default."""
    config.write_text(toml())
    assert load({}, path=config).settings == Settings()


# ── order of sources ─────────────────────────────────────────────────────────────────
def test_the_file_beats_the_default_and_the_environment_beats_the_file(config):
    """defaults < pipecat.toml < OFFHOOK__SECTION__KEY."""
    config.write_text("[wire]\nlead_s = 0.1\nteardown_s = 3.0\n")
    loaded = load({"OFFHOOK__WIRE__LEAD_S": "0.12"}, path=config)
    wire = loaded.settings.wire
    assert (wire.lead_s, wire.teardown_s, wire.start_timeout_s) == (0.12, 3.0, 5.0)
    assert loaded.sources["wire.lead_s"] == "OFFHOOK__WIRE__LEAD_S"
    assert loaded.sources["wire.teardown_s"] == "pipecat.toml"
    assert loaded.sources["wire.start_timeout_s"] == "default"


def test_the_path_of_the_file_can_come_from_the_environment(config):
    """OFFHOOK_CONFIG names the file."""
    config.write_text("[wire]\nlead_s = 0.1\n")
    assert load({"OFFHOOK_CONFIG": str(config)}).settings.wire.lead_s == 0.1


def test_a_file_in_the_current_directory_comes_before_the_applications_own(config, monkeypatch):
    """The operator's file is found where the command is called."""
    monkeypatch.chdir(config.parent)
    assert load({}).config_path == config


def test_without_any_file_the_applications_own_is_found(tmp_path, monkeypatch):
    """An installed application brings its pipecat.toml and agent.toml."""
    monkeypatch.chdir(tmp_path)
    loaded = load({})
    assert loaded.config_path == HOME / "pipecat.toml"
    assert loaded.agent_path == HOME / "agent.toml"


def test_the_agents_file_is_sought_beside_the_settings_that_name_it(config):
    """A deployment keeps both in one folder; the sample agent never slips in."""
    assert load({}, path=config).agent_path == config.parent / "agent.toml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [('["a", "b"]', ("a", "b")), ("a, b", ("a", "b")), ("a", ("a",)), ("", ()), ("[]", ())],
)
def test_a_list_from_the_environment_is_json_or_words_with_commas(text, expected):
    """OFFHOOK__TOOLS__ALLOW and its like."""
    text = text.replace("a", "https://a.example").replace("b", "https://b.example")
    allow = load({"OFFHOOK__TOOLS__ALLOW": text}).settings.tools.allow
    assert allow == tuple(f"https://{name}.example" for name in expected)


# ── refusals ─────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[wire]\nled_s = 0.1\n", "wire.led_s", "did you mean lead_s?"),
        ("[wier]\nlead_s = 0.1\n", "wier", "did you mean wire?"),
        ("[wire]\nzzzzzz = 1\n", "wire.zzzzzz", "known: kind"),
        ("lead_s = 0.1\n", "lead_s", "is not a section"),
        ("wire = 3\n", "wire", "write [wire]"),
        ("[wire]\nlead_s = true\n", "wire.lead_s", "give a number"),
        ("[wire]\nlead_s = 'soon'\n", "wire.lead_s", "it is 'soon'"),
        ("[wire]\nlead_s = nan\n", "wire.lead_s", "finite"),
        ("[wire]\nlead_s = -1\n", "wire.lead_s", "-1"),
        ("[wire]\nkind = 3\n", "wire.kind", "valid string"),
        ("[logs]\nlevel = 'LOUD'\n", "logs.level", "use one of"),
        ("[secrets]\nx = 'y'\n", "secrets", "environment"),
        ("[deepgram]\napi_key = 'y'\n", "deepgram.api_key", "DEEPGRAM_API_KEY"),
        ("[wire\n", "pipecat.toml", "cannot be read as TOML"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_key_source_and_remedy(config, text, key, hint):
    """Whatever is wrong, the process refuses to start and says where."""
    config.write_text(text)
    error = refused({}, path=config)
    assert error.key.endswith(key)
    assert hint in str(error)
    assert "pipecat.toml" in str(error)


@pytest.mark.parametrize(
    ("variable", "value", "key", "hint"),
    [
        ("OFFHOOK__WIRE__LED_S", "0.1", "wire.led_s", "did you mean lead_s?"),
        ("OFFHOOK__WIRE", "0.1", "wire.", "known: kind"),
        ("OFFHOOK__", "0.1", "", "known: agent"),
        ("OFFHOOK__WIRE__LEAD_S", "soon", "wire.lead_s", "it is 'soon'"),
        ("OFFHOOK__TOOLS__ALLOW", "[1", "tools.allow", 'write ["a", "b"]'),
        ("OFFHOOK_WIRE_LEAD_S", "0.1", "OFFHOOK_WIRE_LEAD_S", "OFFHOOK__WIRE__LEAD_S"),
        ("OFFHOOK_CONFIG", "/nowhere/pipecat.toml", "OFFHOOK_CONFIG", "is not a file"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable, value, key, hint):
    """Also a single underscore where two belong, which would do nothing and never be noticed."""
    error = refused({variable: value})
    assert error.key == key
    assert hint in str(error)


def test_a_file_that_is_no_text_is_one_line(config):
    """Binary by accident."""
    config.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as TOML" in str(refused({}, path=config))


@pytest.mark.parametrize(
    ("environ", "key", "hint"),
    [
        ({"OFFHOOK__SPEAK__STAND_INS": "elevenlabs"}, "speak", "own stand-in"),
        ({"OFFHOOK__WIRE__PUBLIC_URL": "http://a.example"}, "wire.public_url", "https"),
        ({"OFFHOOK__WIRE__PUBLIC_URL": "wss://a.example"}, "wire.public_url", "https://"),
        ({"OFFHOOK__WIRE__PUBLIC_URL": "a.example"}, "wire.public_url", "https://"),
        ({"OFFHOOK__WIRE__PUBLIC_URL": "https://a.example/?x=1"}, "wire.public_url", "leave out"),
        ({"OFFHOOK__DEEPGRAM__URL": "https://a.example"}, "deepgram.url", "wss://"),
        ({"OFFHOOK__ANTHROPIC__URL": "http://a:port"}, "anthropic.url", "https://"),
    ],
)
def test_rules_across_sections_name_the_key_at_fault(environ, key, hint):
    """A provider as its own stand-in, an address no carrier can use."""
    error = refused(environ)
    assert error.key == key
    assert hint in str(error)
    assert next(iter(environ)) in str(error)


def test_http_is_fine_on_loopback():
    """The lab and a developer's browser need no certificate."""
    environ = {"OFFHOOK__WIRE__PUBLIC_URL": "http://127.0.0.1:7860"}
    assert load(environ).settings.wire.public_url == "http://127.0.0.1:7860"


@given(
    st.dictionaries(
        st.sampled_from([knob.variable for knob in KNOBS])
        | st.text(string.ascii_uppercase + "_", max_size=12).map("OFFHOOK__".__add__),
        st.text(max_size=20),
        max_size=3,
    )
)
def test_no_environment_brings_anything_but_settings_or_one_line(environ):
    """Any text in any variable is either accepted or refused politely."""
    try:
        load(environ, path=HOME / "pipecat.toml")
    except SettingsError as error:
        assert str(error)


# ── secrets ──────────────────────────────────────────────────────────────────────────
def test_secrets_show_as_stars_everywhere():
    """Neither a repr, nor the rows of `offhook settings`, nor an error shows a key."""
    loaded = load({"DEEPGRAM_API_KEY": " verysecret\n"})
    assert loaded.secrets.value("DEEPGRAM_API_KEY") == "verysecret"
    rows = {key: (value, source) for key, value, source in describe(loaded)}
    assert rows["DEEPGRAM_API_KEY"] == ("********", "environment")
    assert rows["CARTESIA_API_KEY"] == ("", "not set")
    assert "verysecret" not in repr(loaded) + repr(rows) + str(loaded.secrets.model_dump())


def test_a_secret_that_was_copied_badly_is_refused_without_being_shown():
    """White space inside a key is a copying accident."""
    error = refused({"CARTESIA_API_KEY": "very secret"})
    assert error.key == "CARTESIA_API_KEY"
    assert "very" not in str(error)


def test_rows_cover_every_knob_and_every_secret():
    """`offhook settings` leaves nothing out."""
    keys = [key for key, _, _ in describe(load({}))]
    assert keys == [knob.key for knob in KNOBS] + list(SECRET_NAMES)


def test_missing_keys_are_one_line_that_names_them():
    """Before the first call, not in the middle of it."""
    with pytest.raises(SettingsError) as caught:
        require_keys(load({"DEEPGRAM_API_KEY": "x", "ELEVENLABS_API_KEY": "x"}))
    line = str(caught.value)
    assert "ANTHROPIC_API_KEY" in line and "TWILIO_AUTH_TOKEN" in line and "\n" not in line
    assert "DEEPGRAM_API_KEY" not in line and "ELEVENLABS_API_KEY" not in line


def test_every_stand_in_needs_its_key():
    """A stand-in without a key would fail when it is needed most."""
    assert "CARTESIA_API_KEY" in missing_keys(load({}))
    assert "CARTESIA_API_KEY" not in missing_keys(load({"OFFHOOK__SPEAK__STAND_INS": ""}))


def test_providers_on_this_machine_need_no_keys():
    """The emulated providers ask for none; the carrier's token is still asked for."""
    loaded = load(LAB)
    assert set(missing_keys(loaded)) == {"TWILIO_AUTH_TOKEN"}
    assert all(provider_keys(loaded).values())
    require_keys(load(LAB | {"OFFHOOK__WIRE__VERIFY_SIGNATURE": "false"}))


def test_a_stand_in_elsewhere_has_a_key_of_its_own():
    """The first vendor's key is never sent there; on this machine it needs none."""
    away = LAB | {"OFFHOOK__THINK__STAND_IN_URL": "https://elsewhere.example"}
    assert "STAND_IN_API_KEY" in missing_keys(load(away))
    assert provider_keys(load(away | {"ANTHROPIC_API_KEY": "a"}))["stand_in"] == ""
    assert provider_keys(load(away | {"STAND_IN_API_KEY": "s"}))["stand_in"] == "s"
    near = LAB | {"OFFHOOK__THINK__STAND_IN_URL": "http://127.0.0.1:9"}
    assert "STAND_IN_API_KEY" not in missing_keys(load(near))
    assert provider_keys(load(near))["stand_in"] == NO_KEY
    with pytest.raises(SettingsError, match="stand_in_url"):
        load(LAB | {"OFFHOOK__THINK__STAND_IN_URL": "elsewhere"})


def test_keys_reach_the_provider_they_are_for():
    """`services` receives provider → key."""
    environ = {f"{name.upper()}_API_KEY": f"key-{name}" for name in ("deepgram", "cartesia")}
    keys = provider_keys(load(environ))
    assert keys["deepgram"] == "key-deepgram"
    assert keys["cartesia"] == "key-cartesia"
    assert keys["anthropic"] == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:7900", True),
        ("http://localhost:1", True),
        ("http://[::1]:1/x", True),
        ("http://127.0.0.1.example.com", False),
        ("https://api.deepgram.com", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_world(url, expected):
    """A name that only looks like loopback is not."""
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("OFFHOOK__PRIVACY__KINDS", '["phone", "code"]', "recordings.silence"),
        ("OFFHOOK__PRIVACY__SPEAK", '["card"]', "privacy.speak"),
    ],
)
def test_a_recording_silences_only_what_is_found_and_never_said_by_the_agent(name, value, key):
    """While nothing is recorded, both may be."""
    on = {"OFFHOOK__RECORDINGS__ENABLED": "true"}
    assert refused({**on, name: value}).key == key
    assert load({name: value}).settings.recordings.enabled is False
    assert load(on).settings.recordings.enabled is True
