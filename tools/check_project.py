"""Hold the project's files to one another: what no linter or type checker looks at."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import packaging.version
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

Table = dict[str, Any]


def requirements(lines: list[str]) -> Iterator[Requirement]:
    """Read requirement lines, without comments, options and hashes."""
    for line in lines:
        text = line.split("#")[0].strip().removesuffix("\\")
        if text and not text.startswith("-"):
            yield Requirement(text)


def packaging_is_the_library() -> Iterator[str]:
    if (ROOT / "packaging" / "__init__.py").exists():
        yield "packaging/__init__.py shadows the library `packaging`: remove it"
    if Path(packaging.version.__file__).is_relative_to(ROOT / "packaging"):
        yield "`import packaging` finds our folder instead of the library"


def requirements_txt_names_all(project: Table, groups: Table) -> Iterator[str]:
    """What runs the dashboard, demo and tests is in requirements.txt too, and nothing else."""
    lines = project["dependencies"] + project["optional-dependencies"]["demo"] + groups["test"]
    wanted = {wish.name for wish in requirements(lines)}
    listed = {
        wish.name for wish in requirements((ROOT / "requirements.txt").read_text().splitlines())
    }
    for name in sorted(wanted - listed):
        yield f"requirements.txt lacks {name}"
    for name in sorted(listed - wanted):
        yield f"requirements.txt lists {name}, which pyproject.toml does not"


def lock_fits(project: Table, groups: Table) -> Iterator[str]:
    """Every direct dependency is pinned in the lock file to a version that its range takes."""
    pins = {
        pin.name: next(iter(pin.specifier)).version
        for pin in requirements((ROOT / "requirements.lock").read_text().splitlines())
    }
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    for wish in requirements([line for lines in lists for line in lines]):
        if wish.name not in pins:
            yield f"requirements.lock lacks {wish.name}: make lock"
        elif not wish.specifier.contains(pins[wish.name], prereleases=True):
            yield f"requirements.lock has {wish.name} {pins[wish.name]}, not {wish}: make lock"


def main() -> int:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tables = pyproject["project"], pyproject["dependency-groups"]
    problems = [
        *packaging_is_the_library(),
        *requirements_txt_names_all(*tables),
        *lock_fits(*tables),
    ]
    print("\n".join(problems) or "Project files agree.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
