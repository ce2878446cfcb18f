"""Container, compose file and service: as far as can be told without building an image."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.served import ROOT
from dashboard.settings import SETTINGS

COMPOSE = ROOT / "compose.yaml"
UNIT = ROOT / "deploy" / "recon-dashboard.service"
PINNED = re.compile(r"[a-z/]+:\d+\.\d+\.?\d*-[a-z-]+")
VARIABLES = {setting.variable for setting in SETTINGS.values()}


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with what follows it."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_image_is_set_up_and_started_by_make_as_nobody_special(
    dockerfile: list[tuple[str, str]],
) -> None:
    names = [name for name, _ in dockerfile]
    told = dict(dockerfile)
    assert PINNED.fullmatch(told["FROM"])
    assert told["USER"] == "10001"
    setup = dockerfile.index(("RUN", "make setup"))
    assert names.index("USER") < setup
    assert told["CMD"] == '["make", "run"]'
    assert {"setup", "run"} <= make_targets()
    assert "HEALTHCHECK" in names


def test_what_setup_needs_is_not_kept_out_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", ".demo", ".env"} <= set(ignored)
    needed = "Makefile README.md LICENSE pyproject.toml requirements.lock streamlit_app.py"
    needed += " tools dashboard packaging .streamlit"
    for name in needed.split():
        assert (ROOT / name).exists()
        assert not any(Path(name).match(pattern) for pattern in ignored)


def test_every_image_is_pinned_and_every_mounted_file_exists(services: dict[str, Any]) -> None:
    assert set(services) == {"dashboard", "nginx", "redis", "postgres"}
    assert services["dashboard"]["build"] == "."
    for name, service in services.items():
        assert name == "dashboard" or PINNED.fullmatch(service["image"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists()


def test_the_dashboard_is_reached_through_nginx_alone(services: dict[str, Any]) -> None:
    """It listens on loopback, as without a container, and nginx shares that with it."""
    assert services["nginx"]["network_mode"] == "service:dashboard"
    [port] = services["dashboard"]["ports"]
    assert port.endswith(":80")
    assert "HTTP_ADDRESS:-127.0.0.1" in port
    published = [name for name, service in services.items() if "ports" in service]
    assert published == ["dashboard"]


def test_settings_of_image_and_compose_exist(
    services: dict[str, Any], dockerfile: list[tuple[str, str]]
) -> None:
    in_image = re.findall(r"([A-Z_]+)=", dict(dockerfile)["ENV"])
    assert {*in_image, *services["dashboard"]["environment"]} <= VARIABLES


def test_the_service_starts_by_make() -> None:
    unit = UNIT.read_text()
    assert "ExecStart=/usr/bin/make --silent run\n" in unit
    assert set(re.findall(r"^Environment=([A-Z_]+)=", unit, re.MULTILINE)) <= VARIABLES
    if shutil.which("systemd-analyze"):
        told = run("systemd-analyze", "verify", str(UNIT))
        assert "recon-dashboard.service" not in told.stderr


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("profile", ["", "postgres"])
def test_docker_compose_takes_the_file(
    profile: str, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_PROFILES", profile)
    asked = (("docker", "compose"), ("docker-compose",))
    compose = next((each for each in asked if run_ok(*each, "version")), None)
    if compose is None:
        pytest.skip("docker compose is not installed")
    told = run(*compose, "--file", str(COMPOSE), "config")
    assert told.returncode == 0, told.stderr
    assert "postgres" in services
    assert "127.0.0.1" in told.stdout


def run_ok(*command: str) -> bool:
    return shutil.which(command[0]) is not None and run(*command).returncode == 0


def test_hadolint_finds_nothing() -> None:
    if not shutil.which("hadolint"):
        pytest.skip("hadolint is not installed")
    told = run("hadolint", "Dockerfile")
    assert (told.returncode, told.stdout) == (0, "")
