"""What must be settled before Streamlit's own layers see a request for one of our paths."""

from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.api.answers import refuse_decided
from dashboard.status import not_a_job_id

# Streamlit refuses some of these too, but as plain text; a route's pattern takes no line break.
FORBIDDEN = ("..", "\\", "\0", "//", "\n", "\r")

# Compressing a GLB on the way out would drop its Content-Length and break its ranges.
AS_THEY_ARE = ("/files/", "/view/")


class GuardPaths:
    """Refuse crooked paths below /jobs as JSON, and keep gzip off the files there."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self.app = app
        self.prefixes = tuple(f"{prefix}/jobs/" for prefix in dict.fromkeys(("", base)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.prefixes):
            if any(part in scope["path"] for part in FORBIDDEN):
                await refuse_decided(not_a_job_id())(scope, receive, send)
                return
            if any(part in scope["path"] for part in AS_THEY_ARE):
                scope["headers"] = [
                    (name, value)
                    for name, value in scope["headers"]
                    if name.lower() != b"accept-encoding"
                ]
        await self.app(scope, receive, send)
