"""Who can reach the server, told once at its start."""

import logging
from ipaddress import ip_address

log = logging.getLogger(__name__)


def is_loopback(address: str | None) -> bool:
    """Tell whether only this machine's users reach the address; None is every interface."""
    if address is None:
        return False
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:  # a name: nobody knows what it stands for tomorrow
        return False


def tell_exposure(address: str | None, *, needs_login: bool) -> None:
    """Say who is let in, and warn where that is whoever comes along."""
    if needs_login:
        log.info("AUTH=oidc: every page and download asks for a login or an API token.")
    elif is_loopback(address):
        log.info("AUTH=none: the server listens on %s only and asks nobody who they are.", address)
    else:
        log.warning(
            "AUTH=none, but the server listens on %s: whoever reaches it sees and downloads every "
            "job, and nobody can tell who it was. Set AUTH=oidc (docs/login.md), or bind to "
            "loopback (STREAMLIT_SERVER_ADDRESS=127.0.0.1) behind a proxy that asks who they are.",
            address or "every address",
        )
