"""The HTTP side: translates requests and answers, and decides nothing itself."""

from dashboard.api.routes import answer_fault, middleware, routes

__all__ = ["answer_fault", "middleware", "routes"]
