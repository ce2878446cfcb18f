"""What every answer says to the browser about itself, Streamlit's own answers included."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def inline_scripts() -> str:
    """Return the hashes of what Streamlit's index.html runs by itself, whichever version it is."""
    package = find_spec("streamlit")
    if package is None or package.origin is None:
        raise ImportError("Streamlit is not installed")
    page = Path(package.origin).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)


# Only ourselves, and of that only what Streamlit's page cannot do without.
PAGE_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    # The one inline script is that of Streamlit's index.html, known by its hash; blob: is how
    # Streamlit loads the script of a component of ours (swipe, keys, reviewer's name);
    # WebAssembly is in deck.gl and in how Streamlit reads large numbers. No eval.
    "script-src": f"'self' blob: 'wasm-unsafe-eval' {inline_scripts()}",
    # Streamlit's styles are made in the browser; charts and st.html bring their own.
    "style-src": "'self' 'unsafe-inline'",
    # data: are the fonts of formulas, which lie in Streamlit's styles.
    "font-src": "'self' data:",
    # data: are icons in styles and of the page; blob: the textures that deck.gl finds in a mesh.
    "img-src": "'self' data: blob:",
    "media-src": "'none'",
    # blob: is how deck.gl reads a texture that lies in a mesh.
    "connect-src": "'self' blob:",
    # deck.gl decodes in workers that it makes itself.
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
PAGE = "; ".join(f"{name} {sources}" for name, sources in PAGE_POLICY.items())
# What is no page loads nothing, wherever it is opened.
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
# A script has a policy of its own where it is run as a worker: then it is that of the page.
AS_PAGE = ("text/html", "text/javascript", "application/javascript")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Without a login, nothing else keeps another site's page from showing a job's pictures.
    "Cross-Origin-Resource-Policy": "same-origin",
}
CORS = "access-control-"
NOT_MODIFIED = 304


class SecurityHeaders:
    """Add the headers to every answer; what an answer says of its own policy stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                guard(headers, message["status"])
                if scope["scheme"] == "https":
                    keep_cookies_off_http(headers)
            await send(message)

        await self.app(scope, receive, send_guarded)


def guard(headers: MutableHeaders, status: int) -> None:
    """Set the headers, and take away whatever would let another site read the answer."""
    for name in [each for each in headers if each.startswith(CORS)]:
        del headers[name]
    for name, value in HEADERS.items():
        headers[name] = value
    if status == NOT_MODIFIED:
        return  # it tells no type, and its headers would take the place of those that are kept
    is_page = headers.get("content-type", "").startswith(AS_PAGE)
    headers.setdefault("Content-Security-Policy", PAGE if is_page else NO_PAGE)


def keep_cookies_off_http(headers: MutableHeaders) -> None:
    """Mark what came over TLS: Streamlit leaves its login's cookies without the word."""
    cookies = [each for each in headers.getlist("set-cookie") if "; secure" not in each.lower()]
    if cookies:
        others = [each for each in headers.getlist("set-cookie") if each not in cookies]
        del headers["set-cookie"]
        for cookie in (*others, *(f"{each}; Secure" for each in cookies)):
            headers.append("set-cookie", cookie)
