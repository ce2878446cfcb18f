"""A refusal on the page: the same code, words and suggestion as over HTTP."""

import streamlit as st

from dashboard.errors import ErrorCode, Refusal, Severity, refusal_for, suggestion_for
from dashboard.page.wording import plain
from dashboard.status import Decision
from dashboard.wording import STATUS_LOOKS

ICONS = {
    Severity.INFO: ":material/hourglass_top:",
    Severity.WARNING: ":material/info:",
    Severity.ERROR: ":material/error:",
}


def show_refusal(decision: Decision) -> None:
    """Say why there is no download, what to do, and what the pipeline said."""
    if decision.code is None or decision.refusal is None:
        return
    suggestion = suggestion_for(decision.code, decision.details)
    icon = STATUS_LOOKS[decision.status].icon if decision.status else None
    _show(decision.code, decision.refusal, suggestion, icon)
    # May quote the pipeline: never through markdown.
    st.text(decision.message)


def show_code(code: ErrorCode, reason: str = "") -> None:
    """Show a refusal that concerns no single job, and what more is known of its reason."""
    _show(code, refusal_for(code), suggestion_for(code, {}))
    if reason:
        st.text(reason)


def _show(code: ErrorCode, row: Refusal, suggestion: str, icon: str | None = None) -> None:
    box = {Severity.INFO: st.info, Severity.WARNING: st.warning, Severity.ERROR: st.error}
    body = f"{row.text} {plain(suggestion)}  \n`{code}` · HTTP {row.http_status}"
    box[row.severity](body, title=row.title, icon=icon or ICONS[row.severity])
