"""Which previews of two models show the same: paired by the kind and number in their names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TEXTURED, WIREFRAME, OTHER = "textured", "wireframe", "other"
KINDS = (TEXTURED, WIREFRAME, OTHER)
NUMBERED = re.compile(r"previews/(textured|wireframe)_([0-9]+)\.png")


@dataclass(frozen=True)
class Pair:
    """One angle: the file names of both sides as in `Member.name`; None is a gap.

    `angle` is the number with at least two digits, or a file's bare name where there is no number.
    """

    kind: str
    angle: str
    names: tuple[str | None, str | None]


def pair_previews(left: Iterable[str], right: Iterable[str]) -> tuple[Pair, ...]:
    """Pair two models' previews in the order of kind and angle; every name is in one pair."""
    first, second = _by_angle(left), _by_angle(right)
    return tuple(
        Pair(KINDS[kind], name or f"{number:02}", (first.get(key), second.get(key)))
        for key in sorted(first.keys() | second.keys())
        for kind, number, name in [key]
    )


def _by_angle(names: Iterable[str]) -> dict[tuple[int, int, str], str]:
    found: dict[tuple[int, int, str], str] = {}
    for name in sorted(names):
        match = NUMBERED.fullmatch(name)
        key = (KINDS.index(match[1]), int(match[2]), "") if match else None
        if key is None or key in found:  # textured_3 beside textured_03
            key = (KINDS.index(OTHER), 0, name.removeprefix("previews/"))
        found[key] = name
    return found
