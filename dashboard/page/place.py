"""Where on a page its visitor is: at the top of a new one, and after Back where it was left."""

from pathlib import Path

import streamlit as st

# Streamlit keeps the place of the page before, whatever takes its place.
SCRIPT = Path(__file__).with_name("place.js").read_text()
# What makes a page another one; other parameters change what is on it.
PARAMETERS = ("job", "compare", "review", "at", "show", "page")
# Pages that are opened from a list, and lead back to it.
INNER = {"job", "compare"}

_place = st.components.v2.component("recon_dashboard.place", js=SCRIPT)


def keep_place() -> None:
    """Let the browser begin at the top wherever the address names another page than before."""
    place = "&".join(f"{name}={st.query_params.get(name, '')}" for name in PARAMETERS)
    is_inner = not INNER.isdisjoint(st.query_params)
    with st.container(key="unseen-place"):
        _place(key="place", data={"place": place, "isInner": is_inner})
