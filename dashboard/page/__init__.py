"""The page: lays out what it is given, and decides nothing itself."""

from pathlib import Path

import streamlit as st

from dashboard.page.compare import show_comparison
from dashboard.page.job_detail import show_job
from dashboard.page.job_list import show_list
from dashboard.page.login import go_where_asked, may_enter, show_login, show_visitor
from dashboard.page.place import keep_place
from dashboard.page.quality_address import QUALITY
from dashboard.page.quality_page import show_quality
from dashboard.page.review import show_review
from dashboard.settings import read_settings

STYLE = Path(__file__).with_name("style.css")
# Previews on a white ground melt into their frame; on a dark one they would turn black.
BLEND = "<style>.picture :is(img, .half) { mix-blend-mode: multiply; }</style>"
# An emoji: a material icon would be fetched from a foreign font host.
ICON = "🧊"


def show() -> None:
    """Show the job, comparison or review that the address names, all quality, or else the list."""
    st.set_page_config(page_title="Recon Dashboard", page_icon=ICON, layout="wide")
    st.html(STYLE)
    if st.context.theme.type == "light":
        st.html(BLEND)
    if not may_enter():
        show_login()
        return
    if read_settings().needs_login:
        go_where_asked()
        show_visitor()
    keep_place()
    job_id = st.query_params.get("job")
    if job_id is not None:
        show_job(job_id)
    elif "compare" in st.query_params:
        show_comparison()
    elif "review" in st.query_params:
        show_review()
    elif st.query_params.get("show") == QUALITY:
        show_quality()
    else:
        show_list()
