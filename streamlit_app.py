"""The dashboard in one file for `streamlit run`: the page, and the server around it."""

if __name__ == "__main__":
    from dashboard.page import show

    show()
else:
    import gc

    import streamlit as st

    import dashboard.page  # noqa: F401  loaded with the server, so that the first visit is quick
    from dashboard.api import middleware, routes
    from dashboard.live import live
    from dashboard.logs import log_to_stderr
    from dashboard.settings import read_settings
    from dashboard.zip_cache import remove_unfinished

    log_to_stderr()
    read_settings()  # a bad value ends the start, with its name
    remove_unfinished()
    live()  # the catalog is filled from now on, not from the first visit on
    # Streamlit collects garbage after each run of a page, polls included. With all that is loaded
    # by now left out of it, an open tab takes a hundredth of a core instead of a fifth.
    gc.collect()
    gc.freeze()
    base = st.get_option("server.baseUrlPath").strip("/")
    prefix = f"/{base}" if base else ""
    app = st.App(__file__, routes=routes(prefix), middleware=middleware(prefix))
