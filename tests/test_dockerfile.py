"""The image, checked by reading: no engine runs here."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from bot.secrets import SECRET_NAMES

pytestmark = pytest.mark.rule

ROOT = Path(__file__).resolve().parents[1]


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) in order, comments gone and continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


def given(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    starts = [i for i, (name, _) in enumerate(found) if name == "FROM"]
    return found[starts[-1] :]


def copied() -> list[str]:
    """Everything taken from the build context."""
    words = [shlex.split(rest) for rest in given("COPY") if not rest.startswith("--from=")]
    return [source for line in words for source in line[:-1]]


def test_the_process_is_not_root_and_stays_so():
    """A number, so that orchestrators can see it; set before the command, never taken back."""
    users = [rest for name, rest in last_stage() if name == "USER"]
    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[0])
    names = [name for name, _ in last_stage()]
    assert "RUN" not in names[names.index("USER") :]


def test_dependencies_come_from_the_lock_by_hash():
    """No name is resolved while the image is built, and the lock has a hash for each."""
    (install,) = [rest for rest in given("RUN") if "pip install" in rest]
    assert "--require-hashes" in install and "-r /tmp/requirements.lock" in install
    assert "requirements.lock" in copied()
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9][\w.-]*)==[^\n]*\\\n\s+--hash=sha256:[0-9a-f]{64}", lock, re.M)
    names = re.findall(r"^([a-z0-9][\w.-]*)==", lock, re.M)
    assert len(names) > 50 and pinned == names


def test_the_image_is_slim_and_its_python_one_that_the_project_runs_on():
    """Both stages the same, or the environment would not fit."""
    bases = {rest.split()[0] for rest in given("FROM")}
    assert len(bases) == 1 and len(given("FROM")) == 2
    found = re.fullmatch(r"python:3\.(\d+)-slim-\w+", bases.pop())
    assert found
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    assert int(low) <= int(found[1]) < int(high)


def test_everything_copied_exists_and_passes_the_ignore_list():
    """The ignore list names what may enter; nothing else can."""
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed or f"!{source}/" in allowed, source
    opened = [line[1:].rstrip("/") for line in allowed if line.startswith("!")]
    assert sorted(opened) == sorted(copied())


def test_every_room_that_serves_is_in_the_image():
    """All that `offhook serve`, `call` and `lab` import."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = set(project["tool"]["importlinter"]["root_packages"])
    assert rooms - set(copied()) == {"bench"}


def test_no_secret_is_in_the_image_or_its_history():
    """Neither as a file, nor as an argument, nor in the environment."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not any(name in text for name in SECRET_NAMES)
    assert not re.search(r"^\s*(ARG|ADD)\b", text, re.M)
    assert not any(".env" in source or source in (".", "./") for source in copied())


def test_the_health_check_asks_the_port_that_is_exposed_and_served():
    """One number in three places."""
    (port,) = given("EXPOSE")
    (health,) = given("HEALTHCHECK")
    assert f":{port}/healthz" in health
    serve = (ROOT / "bot" / "__main__.py").read_text(encoding="utf-8")
    assert re.search(rf"port: .*\n?.*= {port}\b", serve)
    probe = json.loads(health.split("CMD", 1)[1])
    compile(probe[2], "healthcheck", "exec")


def test_the_command_serves_on_all_addresses_and_is_told_of_the_end():
    """Exec form: the signal reaches the process, not a shell around it."""
    (command,) = given("CMD")
    assert json.loads(command) == ["offhook", "serve", "--host", "0.0.0.0"]
    assert given("STOPSIGNAL") == ["SIGTERM"]
    assert given("ENTRYPOINT") == []


def test_a_read_only_file_system_is_enough():
    """What wants to write is pointed to /tmp, byte code is written while the image is built."""
    environment = " ".join(given("ENV"))
    assert "PYTHONDONTWRITEBYTECODE=1" in environment and "HOME=/tmp" in environment
    assert any("compileall" in rest and "/app" in rest for rest in given("RUN"))
    assert given("VOLUME") == []


def test_the_models_travel_inside_the_wheels():
    """So the image needs no download when it starts."""
    from importlib import resources

    from bot.check import MODELS

    for package, file in MODELS.values():
        assert resources.files(package).joinpath(file).is_file()
