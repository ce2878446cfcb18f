"""Pages through Streamlit's own test harness: opened, read and clicked."""

from streamlit.testing.v1 import AppTest

from benchmarks.served import ROOT

APP = ROOT / "streamlit_app.py"


def page_at(**parameters: object) -> AppTest:
    """A page at an address, before its first run."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in parameters.items():
        page.query_params[name] = value
    return page


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def open_page(**parameters: object) -> AppTest:
    return run(page_at(**parameters))


def words(page: AppTest) -> str:
    """All that is said in HTML of ours."""
    return "\n".join(str(html.value) for html in page.get("html"))


def press(page: AppTest, label: str) -> None:
    """Press the first button of this label."""
    next(button for button in page.button if button.label == label).click()
    run(page)
