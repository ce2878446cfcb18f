"""Short texts that the browser remembers from one visit to the next."""

from pathlib import Path
from urllib.parse import unquote

import streamlit as st

SCRIPT = Path(__file__).with_name("cookie.js").read_text()

_cookie = st.components.v2.component("recon_dashboard.cookie", js=SCRIPT)


def remembered(name: str) -> str:
    """What the browser said when the page was opened; "" is nothing."""
    return unquote(st.context.cookies.get(name, ""))


def remember(name: str, text: str, age_s: int) -> None:
    """Let the browser keep a text for some time; "" takes it away."""
    with st.container(key=f"unseen-{name}"):
        _cookie(key=f"cookie-{name}", data={"cookie": name, "text": text, "age": age_s})
