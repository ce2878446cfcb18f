"""Build .venv out of requirements.lock: whole, or not at all.

A finished .venv carries a record of what it was built from, written last. One without that record,
or with another, is built from scratch, so an interrupted setup is never taken for a whole one. Only
the standard library is at hand here.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
RECORD = VENV / "built-from"
LOCK_FILE = ROOT / "requirements.lock"

# The user's own pip settings stay in force (a company's index, say), but for those that ask
# questions or install elsewhere. uv finds .venv by VIRTUAL_ENV.
ENVIRONMENT = os.environ | {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_USER": "0",
    "VIRTUAL_ENV": str(VENV),
}

# Errors only; and modules are compiled when first imported, which halves the time of setup.
PIP_INSTALL = ("install", "-qq", "--no-compile")

Command = list[str | Path]


class SetupError(Exception):
    """Setup cannot go on; the message says why and what to do."""


def python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def what_to_build_from() -> str:
    """Digest all that .venv is made of; its path too, for a moved .venv does not work."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = (ROOT, LOCK_FILE.read_text(), pyproject["build-system"], pyproject["tool"]["hatch"])
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_whole() -> bool:
    """Tell whether .venv can stay; with PYTHON given, it must be of that version too."""
    version = python_version() if os.environ.get("PYTHON") else ""
    return (
        VENV_PYTHON.exists()
        and RECORD.exists()
        and RECORD.read_text().startswith(f"{what_to_build_from()} {version}")
    )


def succeeds(*command: str | Path, folder: Path = ROOT) -> bool:
    """Run a command that may fail, without a word."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)
    return done.returncode == 0


def fetch_debian_pip(folder: Path) -> None:
    """Unpack Debian's package of pip into a folder; this takes no root and installs nothing."""
    # Package lists of our own: the machine's may be missing or old, and belong to root.
    (folder / "lists" / "partial").mkdir(parents=True)
    places = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}")
    succeeds("apt-get", *places, "update")
    succeeds("apt-get", *places, "download", "python3-pip-whl", folder=folder)
    for package in folder.glob("python3-pip-whl_*.deb"):
        succeeds("dpkg-deb", "--extract", package, folder)


def install_commands(scratch: Path) -> Iterator[Command]:
    """Yield the ways to install into a new .venv, the usual one first.

    Debian without python3-venv has the module venv, but no pip to put into a .venv: then the
    machine's own pip or uv does it, or pip's wheel out of Debian's package.
    """
    if succeeds(sys.executable, "-m", "venv", "--clear", VENV):
        yield [VENV_PYTHON, "-m", "pip", *PIP_INSTALL]
    if not succeeds(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV):
        return
    if succeeds(sys.executable, "-m", "pip", "--python", VENV_PYTHON, "--version"):
        yield [sys.executable, "-m", "pip", "--python", VENV_PYTHON, *PIP_INSTALL]
    if shutil.which("uv"):
        yield ["uv", "pip", "install", "--quiet"]
    if shutil.which("apt-get"):
        fetch_debian_pip(scratch)
    for root in (Path("/"), scratch):
        for wheel in root.glob("usr/share/python-wheels/pip-*.whl"):
            yield [VENV_PYTHON, wheel / "pip", *PIP_INSTALL]


def build() -> None:
    """Build .venv from scratch; raises SetupError if it cannot be built."""
    built_from = what_to_build_from()
    RECORD.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="recon-dashboard-setup-") as scratch:
        install = next(install_commands(Path(scratch)), None)
        if install is None:
            raise SetupError(
                "This Python comes without pip, no pip or uv is installed, and Debian's package "
                "of pip could not be fetched.\n"
                "Install it once, then run make again:  sudo apt install python3-venv"
            )
        locked: Command = ["--require-hashes", "--only-binary", ":all:", "-r", LOCK_FILE]
        ourselves: Command = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
        for what in (locked, ourselves):
            if subprocess.run([*install, *what], env=ENVIRONMENT, check=False).returncode:
                raise SetupError("Setting up .venv failed (see above). make starts it afresh.")
    RECORD.write_text(f"{built_from} {python_version()}\n")


def main() -> int:
    """Set .venv up unless it is whole already; a second make meanwhile waits for the first."""
    if is_whole():
        return 0
    with (ROOT / ".setup.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if is_whole():
            return 0
        print(f"Setting up .venv with Python {python_version()} (about a minute, once)", flush=True)
        started = time.monotonic()
        try:
            build()
        except SetupError as problem:
            print(problem, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nSetup interrupted; make starts it afresh.", file=sys.stderr)
            return 130
        print(f".venv is ready ({time.monotonic() - started:.0f} s).", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
