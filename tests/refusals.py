"""Refusals over HTTP, held to the one shape that all of them have."""

from typing import Any


def error_of(response: Any) -> tuple[int, str]:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "suggestion"}
    assert error["suggestion"]
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, error["code"]
