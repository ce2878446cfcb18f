"""The HTTP side: translates requests and answers, and decides nothing itself."""

from dashboard.api.routes import answer_fault, middleware, routes
from dashboard.api.server import set_up_server

__all__ = ["answer_fault", "middleware", "routes", "set_up_server"]
