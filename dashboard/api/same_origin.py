"""Only our own page opens the stream through which Streamlit's page is sent."""

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

POLICY_VIOLATION = 1008
# Neither browsers nor all proxies name these.
USUAL_PORTS = {"http": 80, "https": 443}


class SameOriginStream:
    """Refuse a websocket that another site's page opens, before Streamlit looks at it.

    Streamlit lets in every page of this machine, whatever its port, and to know the machine's
    addresses asks a foreign host. Who sends no origin is no page, and has no cookies to abuse.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not _is_own(Headers(scope=scope)):
            log.warning("refused a stream: asked for by another site, or a proxy hides our host")
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await self.app(scope, receive, send)


def _is_own(headers: Headers) -> bool:
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None:
        return True
    try:
        asking, asked = urlsplit(origin), urlsplit(f"//{host}")
        usual = USUAL_PORTS.get(asking.scheme)
        return bool(asked.hostname) and (asking.hostname, asking.port or usual) == (
            asked.hostname,
            asked.port or usual,
        )
    except ValueError:
        return False
