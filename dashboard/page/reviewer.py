"""Who reviews: from the login where there is one, else typed once and remembered."""

from html import escape

import streamlit as st

from dashboard.page.cookies import remember, remembered
from dashboard.page.login_cookie import read_login
from dashboard.page.pieces import facts
from dashboard.verdict import NAME_MAX_CHARS, clean_name

NAME, FIELD, CHANGING = "reviewer", "reviewer-field", "reviewer-changing"
COOKIE = "recon_reviewer"
REMEMBERED_S = 365 * 24 * 3600


def show_reviewer() -> str:
    """Show who reviews, ask where nobody knows, and return the name; "" is none."""
    if name := _login():
        facts(f"Reviewing as {name}", quiet=True)
        return name
    name = _typed()
    if not name or st.session_state.get(CHANGING):
        st.text_input(
            "Your name",
            name,
            key=FIELD,
            placeholder="Your name, once",
            icon=":material/person:",
            max_chars=NAME_MAX_CHARS,
            label_visibility="collapsed",
            on_change=_named,
        )
        return name
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="reviewer"):
        st.html(f'<p class="facts quiet">Reviewing as {escape(name)}</p>', width="content")
        st.button("Change", key="change-reviewer", type="tertiary", on_click=_change)
        if name != _known():
            remember(COOKIE, name, REMEMBERED_S)
    return name


def _login() -> str:
    """The name that the login vouches for."""
    try:
        if not st.user.get("is_logged_in"):
            return ""
    except OSError:  # Streamlit looks for its secrets, and may not read them
        return ""
    return clean_name(st.user.get("name")) or clean_name(read_login(st.context.cookies))


def _typed() -> str:
    return clean_name(st.session_state.get(NAME)) or _known()


def _known() -> str:
    """What the browser said when the page was opened."""
    return clean_name(remembered(COOKIE))


def _named() -> None:
    if name := clean_name(st.session_state[FIELD]):
        st.session_state[NAME] = name
        st.session_state[CHANGING] = False


def _change() -> None:
    st.session_state[CHANGING] = True
