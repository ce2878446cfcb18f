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


def tell_exposure(address: str | None, port: int, *, needs_login: bool) -> None:
    """Say where the server listens and who is let in; warn where that is whoever comes along."""
    where = f"{address or 'every address'}, port {port}"
    if needs_login:
        log.info("Listening on %s. AUTH=oidc: everybody is asked for a login or a token.", where)
    elif is_loopback(address):
        log.info("Listening on %s: for this machine only. AUTH=none: nobody is asked.", where)
    else:
        log.warning(
            "Listening on %s with AUTH=none: whoever reaches it sees and downloads every job, and "
            "nobody can tell who it was. Set AUTH=oidc (docs/login.md), or bind to loopback "
            "(STREAMLIT_SERVER_ADDRESS=127.0.0.1) behind a proxy that asks who they are.",
            where,
        )
