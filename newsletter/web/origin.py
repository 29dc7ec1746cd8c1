"""Where a form was sent from, as browsers tell it: what comes from a page of others is refused, unread."""

from urllib.parse import urlsplit

from starlette.requests import Request


def foreign(request: Request, base_url: str) -> bool:
    """Tell whether a browser says that a page of others sent a form.

    Ours is the host of `base_url`, and the one that was asked, as on loopback; a proxy may have another port. Relays
    prove themselves otherwise, and to leave never fails: webmail may send the one click itself (RFC 8058 section 3.2).
    """
    if request.method != "POST" or request.scope["path"].startswith(("/hooks/", "/unsubscribe/")):
        return False
    if request.headers.get("sec-fetch-site", "").strip().lower() == "cross-site":
        return True
    origin = request.headers.get("origin", "").strip()
    # Our own pages send none: by "no-referrer" an origin is "null" (Fetch Standard, section 3.2).
    if origin in ("", "null"):
        return False
    return _host(origin) not in {_host(base_url), _host(f"//{request.headers.get('host', '')}")} - {None}


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
