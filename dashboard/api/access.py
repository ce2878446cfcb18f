"""Who is let in: with a login, nobody comes past here who does not prove who they are."""

from collections.abc import Callable, Mapping

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.api.answers import refuse
from dashboard.api.threads import run
from dashboard.errors import ErrorCode
from dashboard.settings import read_settings
from dashboard.token_file import find_token

# What the login screen itself needs: Streamlit's own, without anything of jobs. All else is closed,
# whoever adds it and whatever it is. Over the stream, the page asks again who is there.
OPEN_PATHS = (
    "",
    "/",
    "/favicon.png",
    "/manifest.json",
    "/_stcore/health",  # for liveness probes: "ok" and nothing else
    "/_stcore/host-config",
    "/_stcore/stream",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
)
OPEN_FOLDER = "/static/"

ReadLogin = Callable[[Mapping[str, str]], str | None]


class RequireLogin:
    """Refuse everybody unknown before anything else happens: no Redis, no job's file.

    `read_login` takes a request's cookies and returns whose login they prove, None if nobody's.
    Those who are let in are known as `scope["who"]` and `scope["known_by"]`, "login" or "token".
    """

    def __init__(self, app: ASGIApp, base: str, read_login: ReadLogin) -> None:
        prefixes = tuple(dict.fromkeys(("", base)))
        self.app, self.read_login = app, read_login
        self.open_paths = {prefix + path for prefix in prefixes for path in OPEN_PATHS}
        self.open_folders = tuple(prefix + OPEN_FOLDER for prefix in prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or await self._may_enter(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = {"WWW-Authenticate": "Bearer"}
            await refuse(ErrorCode.NOT_AUTHENTICATED, headers=headers)(scope, receive, send)

    async def _may_enter(self, scope: Scope) -> bool:
        is_open = scope["path"] in self.open_paths or scope["path"].startswith(self.open_folders)
        return is_open or not read_settings().needs_login or await self._is_known(scope)

    async def _is_known(self, scope: Scope) -> bool:
        """Look at the token where there is one, else at the cookies."""
        asked = HTTPConnection(scope)
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            scope["who"], scope["known_by"] = await run(find_token, token.strip()), "token"
        else:
            scope["who"], scope["known_by"] = self.read_login(asked.cookies), "login"
        return scope["who"] is not None
