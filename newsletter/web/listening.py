"""The socket that the pages are served on, and room for those who connect to it; knows no page and no server."""

import socket

import structlog

from newsletter.config import Web
from newsletter.errors import NewsletterError

log = structlog.get_logger()

# Files that are open beside the connections: the database's, the mail's, what pages are made of.
OTHER_FILES = 200


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
    return socket.create_server((host, port), family=family, backlog=1024)


def room_for(connections: int) -> int:
    """Let this process have so many connections open, as far as it is allowed to, and return how many those are.

    A log line tells it if they are fewer.
    """
    try:
        import resource
    except ModuleNotFoundError:  # No limit of that kind on this system.
        return connections
    unlimited, wanted = resource.RLIM_INFINITY, connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == unlimited or soft >= wanted:
        return connections
    allowed = wanted if hard == unlimited else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == wanted:
        return connections
    # A process that may open few files keeps half of them for itself.
    found = max(allowed - OTHER_FILES, allowed // 2)
    log.warning(
        "the pages hold fewer connections than they could: raise the limit of open files (ulimit -n, LimitNOFILE)",
        connections=found,
        wanted=connections,
        open_files=allowed,
    )
    return found
