"""The dashboard in one file for `streamlit run`: the page, and the server around it."""

if __name__ == "__main__":
    from dashboard.page import show

    show()
else:
    import streamlit as st

    from dashboard.api import middleware, routes
    from dashboard.settings import read_settings

    read_settings()  # a bad value ends the start, with its name
    base = st.get_option("server.baseUrlPath").strip("/")
    prefix = f"/{base}" if base else ""
    app = st.App(__file__, routes=routes(prefix), middleware=middleware(prefix))
