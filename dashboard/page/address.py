"""The page's address is its state: what is filtered, sorted, paged and open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.job_query import JobQuery, parse_query
from dashboard.verdict import UNREVIEWED

CARDS, TABLE = "cards", "table"
JOBS_PER_PAGE = (12, 24, 48)
LIST_PARAMETERS = ("q", "status", "model", "quality", "verdict", "sort", "view", "page", "per")
COMPARISON_PARAMETERS = ("compare", "left", "right", "kind", "angle", "way")
QUALITY_PARAMETERS = ("show", "metric", "box")

REVIEW_PARAMETERS = ("review", "at")
# What a review takes over from the list, and what it asks for where the list does not say.
WALKED = {"q": "", "status": "ready", "model": "", "quality": "", "verdict": UNREVIEWED, "sort": ""}


@dataclass(frozen=True)
class ListAddress:
    """What the address asks of the list. `page` counts from 1."""

    query: JobQuery
    view: str
    page: int


def read_address() -> ListAddress:
    """Read the list's address. Raises InvalidParameterError as the API does."""
    return _read(_current())


def _read(address: Mapping[str, list[str]]) -> ListAddress:
    given = dict(address)
    page = given.pop("page")[-1:] or ["1"]
    number = int(page[0]) if page[0].isascii() and page[0].isdigit() and len(page[0]) < 7 else 1
    number = max(number, 1)
    per = next((n for n in JOBS_PER_PAGE if given["per"][-1:] == [str(n)]), JOBS_PER_PAGE[0])
    del given["per"]
    window = {"limit": [str(per)], "offset": [str((number - 1) * per)]}
    view = TABLE if given.pop("view")[-1:] == [TABLE] else CARDS
    return ListAddress(parse_query(given | window), view, number)


def note_shown() -> None:
    """Remember which address the widgets on the page are set to."""
    st.session_state["shown_address"] = _current()


def has_moved() -> bool:
    """Tell whether the address is another than the one shown: Back may come between two runs."""
    current = _current()
    return bool(current != st.session_state.get("shown_address", current))


def go_to_list(**changes: str | Iterable[str]) -> None:
    """Change parameters of the list's address."""
    change_address(changes)


def choose(parameter: str, values: list[str]) -> None:
    """Filter, sort or show the list in another way, from its first page on.

    A run that is cut short forgets the widgets it has not come to, and Streamlit then calls the
    value that it finds there a change: what the address already says is none.
    """
    current = _current()
    if not has_moved() and _read(current) != _read(current | {parameter: values}):
        change_address({parameter: values, "page": ""})


def change_address(changes: Mapping[str, str | Iterable[str]]) -> None:
    """Change parameters of the address, as one step of the browser's history; empty ones go.

    Back and Forward bring an address that is not the one shown, and with it widgets' values of the
    page before: those are no change that somebody made, and a step for them would cut off Forward.
    """
    if has_moved():
        return
    current = _current()
    wanted = current | {
        name: [value] if isinstance(value, str) else list(value) for name, value in changes.items()
    }
    wanted = {name: [value for value in values if value] for name, values in wanted.items()}
    if wanted != current:
        st.query_params.from_dict({name: values for name, values in wanted.items() if values})
        note_shown()


def _current() -> dict[str, list[str]]:
    names = (
        *LIST_PARAMETERS,
        *COMPARISON_PARAMETERS,
        *QUALITY_PARAMETERS,
        *REVIEW_PARAMETERS,
    )
    return {name: st.query_params.get_all(name) for name in names}


def go_to_job(job_id: str) -> None:
    """Open a job."""
    _leave({"job": job_id})


def go_to_comparison(*job_ids: str) -> None:
    """Compare the models of one job, or two jobs."""
    _leave({"compare": ",".join(job_ids)})


def _leave(address: Mapping[str, str]) -> None:
    """Open another page, and remember the list or review where it is opened from one."""
    if st.query_params.keys().isdisjoint({"job", "compare"}):
        st.session_state["opened_from"] = _current()
    st.query_params.from_dict(address)


def back_text() -> str:
    """Where going back leads."""
    remembered = st.session_state.get("opened_from", {})
    if remembered.get("review"):
        return "Review"
    return "Quality" if remembered.get("show") else "All jobs"


def go_back() -> None:
    """Return to the list or review that the page was opened from, or to the whole list."""
    _return_to("opened_from")


def go_to_review() -> None:
    """Walk along the list's jobs; those that are ready and unreviewed where it names no others."""
    current = _current()
    st.session_state["list_address"] = current
    asked = {name: current[name] or [value] for name, value in WALKED.items()}
    asked = {name: values for name, values in asked.items() if any(values)}
    st.query_params.from_dict({"review": "1", **asked})


def leave_review() -> None:
    """Return to the list that the review was begun from, or to the whole list."""
    _return_to("list_address")


def _return_to(remembered: str) -> None:
    address = st.session_state.get(remembered, {})
    st.query_params.from_dict({name: values for name, values in address.items() if values})
