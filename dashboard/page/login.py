"""The way in and out: the screen that asks for a login, and who is logged in."""

import re
from urllib.parse import parse_qs, urlencode

import streamlit as st

from dashboard.page.cookies import remember, remembered
from dashboard.page.login_cookie import read_login
from dashboard.page.pieces import facts
from dashboard.page.wording import plain
from dashboard.settings import read_settings
from dashboard.verdict import clean_name

COOKIE = "recon_asked"
ASKED_MAX_CHARS, ASKED_S = 2000, 600
WELCOME = "Log in with your organisation's account to see the reconstructions."
PLAIN_NAME = re.compile(r"[\w .,'@+-]+")


def may_enter() -> bool:
    """Tell whether the page may be shown to whom it talks to.

    Streamlit asks when a page is opened, and forgets at a logout; the cookie must be genuine too.
    """
    if not read_settings().needs_login:
        return True
    return st.user.get("is_logged_in") is True and read_login(st.context.cookies) is not None


def show_login() -> None:
    """Ask for a login, and tell nothing else."""
    with (
        st.container(horizontal_alignment="center", key="login"),
        st.container(border=True, width=440, gap="small", key="login-card"),
    ):
        st.html('<i class="mark" aria-hidden="true"></i>')
        st.title("Recon Dashboard", anchor=False, text_alignment="center")
        st.text(WELCOME, text_alignment="center")
        st.button(
            "Log in",
            icon=":material/login:",
            type="primary",
            width="stretch",
            on_click=st.login,
        )
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    asked = urlencode(given, doseq=True)
    remember(COOKIE, asked if len(asked) <= ASKED_MAX_CHARS else "", ASKED_S)


def go_where_asked() -> None:
    """After a login, show the page that was asked for before it; once."""
    asked = remembered(COOKIE)
    if not asked:
        return
    remember(COOKIE, "", ASKED_S)
    if not st.session_state.get(COOKIE):
        st.session_state[COOKIE] = True
        if not st.query_params:
            st.query_params.from_dict(parse_qs(asked[:ASKED_MAX_CHARS]))


def show_visitor() -> None:
    """Show who is logged in, in the corner, and the way out."""
    who = read_login(st.context.cookies) or ""
    name = clean_name(st.user.get("name")) or who
    # A label reads markdown, and the name comes from elsewhere.
    label = plain(name) if PLAIN_NAME.fullmatch(name) else "Account"
    with (
        st.container(key="visitor", width="content"),
        st.popover(label, icon=":material/account_circle:", type="tertiary"),
    ):
        facts(f"Logged in as {who}", quiet=True)
        st.button("Log out", icon=":material/logout:", width="stretch", on_click=st.logout)
