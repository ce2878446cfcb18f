"""What the address asks of a comparison: whose models, which pictures, and how they are laid."""

from dataclasses import dataclass

import streamlit as st

from dashboard.job_ids import is_job_id
from dashboard.job_query import InvalidParameterError
from dashboard.preview_pairs import KINDS, TEXTURED

SWIPE, BLINK, BESIDE = "swipe", "blink", "beside"
WAYS = (SWIPE, BLINK, BESIDE)


@dataclass(frozen=True)
class ComparisonAddress:
    """One job or two; `models` and `angle` are as asked, and may be none of the jobs' own."""

    job_ids: tuple[str, ...]
    models: tuple[str | None, str | None]
    kind: str
    angle: str | None
    way: str


def read_comparison() -> ComparisonAddress:
    """Read the comparison's address. Raises InvalidParameterError if it names no jobs."""
    asked = st.query_params
    kind, way = asked.get("kind"), asked.get("way")
    return ComparisonAddress(
        job_ids=_job_ids(",".join(asked.get_all("compare"))),
        models=(asked.get("left"), asked.get("right")),
        kind=kind if kind in KINDS else TEXTURED,
        angle=asked.get("angle"),
        way=way if way in WAYS else SWIPE,
    )


def _job_ids(text: str) -> tuple[str, ...]:
    job_ids = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if len(job_ids) > 2 or not all(map(is_job_id, job_ids)):
        raise InvalidParameterError("compare", text, "one job id, or two with a comma between them")
    return job_ids
