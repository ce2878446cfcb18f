"""The HTTP side: translates requests and answers, and decides nothing itself."""

from dashboard.api.routes import middleware, routes

__all__ = ["middleware", "routes"]
