"""The socket that the pages are served on; knows no page and no server."""

import socket

from newsletter.config import Web
from newsletter.errors import NewsletterError


def listener(web: Web) -> socket.socket | None:
    """Return a socket that listens where the settings have it; None where they want no pages.

    Raises NewsletterError if nothing can listen there.
    """
    if not web.base_url or not web.listen:
        return None
    host, _, wanted = web.listen.rpartition(":")
    try:
        return listening(host.strip("[]"), int(wanted))
    except OSError as error:
        raise NewsletterError(
            f"The pages cannot be served on {host}, port {wanted}: {error.strerror or error}.",
            next_step="Set web.listen to another host:port; or to nothing, if another program serves them.",
        ) from error


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free. Raises OSError if nothing can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)
