"""The dashboard in one file for `streamlit run`: the page, and the server around it."""

if __name__ == "__main__":
    from dashboard.page import show

    show()
else:
    import gc

    import streamlit as st

    from dashboard.settings import SettingError, read_settings

    try:
        settings = read_settings()
    except SettingError as exc:
        raise SystemExit(f"The dashboard does not start. {exc}") from None

    import dashboard.page  # noqa: F401  loaded with the server, so that the first visit is quick
    from dashboard.api import answer_fault, middleware, routes, set_up_server
    from dashboard.audit import check_audit_log
    from dashboard.exposure import tell_exposure
    from dashboard.live import live
    from dashboard.logs import log_to_stderr
    from dashboard.memory import share_arenas
    from dashboard.page.login_cookie import LoginSetupError, check_login, read_login
    from dashboard.zip_cache import remove_unfinished

    log_to_stderr()
    share_arenas()
    base = st.get_option("server.baseUrlPath").strip("/")
    prefix = f"/{base}" if base else ""
    try:
        if settings.needs_login:
            check_login(prefix)
        check_audit_log()
    except (SettingError, LoginSetupError) as exc:
        raise SystemExit(f"The dashboard does not start. {exc}") from None
    address, port = st.get_option("server.address"), st.get_option("server.port")
    tell_exposure(address, port, needs_login=settings.needs_login)
    remove_unfinished()
    live()  # the catalog is filled from now on, not from the first visit on
    # Streamlit collects garbage after each run of a page, polls included. With all that is loaded
    # by now left out of it, an open tab takes a hundredth of a core instead of a fifth.
    gc.collect()
    gc.freeze()
    app = st.App(
        __file__,
        routes=routes(prefix),
        middleware=middleware(prefix, read_login),
        exception_handlers={Exception: answer_fault},
        lifespan=set_up_server,
    )
