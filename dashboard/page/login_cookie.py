"""Whose login a request's cookies prove; asked by the page and, through the server, by HTTP.

Streamlit signs its cookie with `cookie_secret` and takes it for 30 days, and a day of grace. The id
token's own end is not looked at: it bounds the moment of the login, not the visit after it.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.auth_util import (
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
    get_secrets_auth_section,
)
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
CALLBACK = "/oauth2callback"
# Whoever guesses the secret is everybody.
SECRET_MIN_CHARS = 32


class LoginSetupError(Exception):
    """AUTH=oidc lacks something; the text names it and says where it goes."""


def read_login(cookies: Mapping[str, str]) -> str | None:
    """Return the e-mail address, or else the subject, of a genuine login here; or None.

    A cookie of another server, of another name, changed or too old is none.
    """
    claims = _claims(cookies)
    origin = get_origin_from_redirect_uri()
    if claims.get("is_logged_in") is not True or not origin or claims.get("origin") != origin:
        return None
    email = claims.get("email") if claims.get("email_verified") is not False else None
    found = (each for each in (email, claims.get("sub")) if isinstance(each, str) and each.strip())
    return next(found, None)


def check_login(base: str) -> None:
    """Make sure that people will be able to log in. Raises LoginSetupError.

    `base` is the server's path prefix, "" or "/name".
    """
    section = _section()
    missing = [name for name in NEEDED if not _text(section.get(name))]
    if missing:
        raise LoginSetupError(_told(f"{', '.join(missing)} {_is(missing)} missing"))
    if len(section["cookie_secret"]) < SECRET_MIN_CHARS:
        raise LoginSetupError(_told(f"cookie_secret has less than {SECRET_MIN_CHARS} characters"))
    if urlsplit(section["redirect_uri"]).path != base + CALLBACK:
        raise LoginSetupError(_told(f"redirect_uri does not end in {base}{CALLBACK}"))
    for name in ("redirect_uri", "server_metadata_url"):
        if urlsplit(section[name]).scheme not in {"http", "https"}:
            raise LoginSetupError(_told(f"{name} begins neither with https:// nor with http://"))


def _claims(cookies: Mapping[str, str]) -> Mapping[str, Any]:
    signed = get_cookie_with_chunks(partial(_verified, cookies), USER_COOKIE_NAME)
    try:
        claims = json.loads(signed or b"{}")
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _verified(cookies: Mapping[str, str], name: str) -> bytes | None:
    value = cookies.get(name, "")
    return decode_signed_value(get_cookie_secret(), name, value) if value.isascii() else None


def _section() -> Mapping[str, Any]:
    try:
        section = get_secrets_auth_section()
    except OSError as exc:
        raise LoginSetupError(_told(f"the file cannot be read ({exc.strerror})")) from exc
    return section if isinstance(section, Mapping) else {}


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _told(problem: str) -> str:
    files = " or ".join(map(str, st.get_option("secrets.files") or ()))
    return (
        f"AUTH=oidc: {problem}. This belongs into the section [auth] of {files}; "
        "docs/login.md has an example."
    )
