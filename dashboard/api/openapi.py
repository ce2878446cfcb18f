"""GET /openapi.json: the routes as an OpenAPI 3.1 document, made of the tables under them."""

import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import __version__
from dashboard.api.answers import answer
from dashboard.api.operations import OPERATIONS, Operation, Parameter
from dashboard.api.schemas import SCHEMAS, TEXT, Schema, exactly, one_of, ref
from dashboard.errors import REFUSALS, ErrorCode
from dashboard.settings import read_settings

# How a script says who it is where AUTH=oidc asks; a browser's login is a cookie of its own.
SECURITY_SCHEMES: dict[str, Schema] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "an API token: `python -m dashboard.tokens create`",
    }
}

# Whoever asks, whatever is asked for: a fault of ours, what is no request, and not being let in.
EVERYWHERE = tuple(
    code
    for code, row in REFUSALS.items()
    if code is ErrorCode.INTERNAL_ERROR or row.http_status in {400, 401, 403}
)
ETAG_HEADERS = {"If-None-Match": "the ETag of what is there already: 304 where it has not changed"}
PARTS_HEADERS = {
    "Range": "one range of bytes: 206, or 416",
    "If-Range": "the ETag that the range is to be of; else all is sent",
}
METHODS = ("get", "head")


async def show_openapi(request: Request) -> Response:
    """Send the document, with the address below which the routes are served."""
    needs_login = read_settings().needs_login
    return answer(openapi_document(request.scope["url_base"], needs_login=needs_login))


def openapi_document(base: str, *, needs_login: bool) -> dict[str, Any]:
    """Describe every route; `base` is the server's path prefix, "" or "/name"."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Recon Dashboard",
            "version": __version__,
            "description": "\n".join(_code_table()),
        },
        "servers": [{"url": base or "/"}],
        "paths": {public_path(path): _path_item(path) for path in OPERATIONS},
        "components": {"schemas": SCHEMAS, "securitySchemes": SECURITY_SCHEMES},
    }
    if needs_login:
        document["security"] = [{name: []} for name in SECURITY_SCHEMES]
    return document


def public_path(path: str) -> str:
    """A route's path as OpenAPI writes it, which knows no kinds of parameters."""
    return re.sub(r":\w+}", "}", path)


def codes_of(operation: Operation) -> list[ErrorCode]:
    """Every code by which an operation may be refused."""
    codes = [*operation.codes, *EVERYWHERE]
    if operation.parts:
        codes.append(ErrorCode.RANGE_NOT_SATISFIABLE)
    if any(parameter.place == "path" for parameter in operation.parameters.values()):
        # What is put into a path may lead it elsewhere.
        codes += [ErrorCode.PATH_NOT_FOUND, ErrorCode.JOB_NOT_FOUND]
    return list(dict.fromkeys(codes))


def _code_table() -> Iterator[str]:
    yield "Every refusal has one of these codes in `error.code`:"
    yield ""
    for code, row in REFUSALS.items():
        yield f"- `{code}` ({row.http_status}): {row.text}"


def _path_item(path: str) -> dict[str, Any]:
    operation = OPERATIONS[path]
    name = "_".join(re.findall(r"[a-z_]+", public_path(path)))
    shared = {
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
    }
    return {
        method: {
            "operationId": f"{method}_{name}",
            **shared,
            "responses": dict(_responses(operation, has_body=method == "get")),
        }
        for method in METHODS
    }


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    headers = ETAG_HEADERS if operation.etag else {}
    headers |= PARTS_HEADERS if operation.parts else {}
    described = operation.parameters | {
        name: Parameter(place="header", schema=TEXT, meaning=meaning)
        for name, meaning in headers.items()
    }
    for name, parameter in described.items():
        yield {
            "name": name,
            "in": parameter.place,
            "required": parameter.place == "path",
            "description": parameter.meaning,
            "schema": parameter.schema,
        }


def _responses(operation: Operation, *, has_body: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    content = {kind: {"schema": operation.answer} for kind in operation.media_types}
    for status in (200, *operation.also):
        yield str(status), _response(operation.summary, content if has_body else {})
    if operation.parts:
        part = {kind: {"schema": TEXT} for kind in operation.media_types}
        yield "206", _response("the range that was asked for", part if has_body else {})
    if operation.etag:
        yield "304", _response("what If-None-Match names has not changed", {})
    codes = codes_of(operation)
    for status in dict.fromkeys(REFUSALS[code].http_status for code in codes):
        if status not in operation.also:
            own = [code for code in codes if REFUSALS[code].http_status == status]
            yield str(status), _refusal(own, has_body=has_body)


def _refusal(codes: list[ErrorCode], *, has_body: bool) -> dict[str, Any]:
    told = "; ".join(f"{code}: {REFUSALS[code].title}" for code in codes)
    narrowed = exactly({"error": {"properties": {"code": one_of(codes)}}})
    content = {"application/json": {"schema": {"allOf": [ref("Error"), narrowed]}}}
    headers: dict[str, Any] = {}
    if all(REFUSALS[code].retry_after_s for code in codes):
        meaning = "after how many seconds to ask again"
        headers["Retry-After"] = {
            "description": meaning,
            "required": True,
            "schema": {"type": "integer"},
        }
    return _response(told, content if has_body else {}, headers)


def _response(
    description: str, content: dict[str, Any], headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    response: dict[str, Any] = {"description": description}
    if content:
        response["content"] = content
    if headers:
        response["headers"] = headers
    return response
