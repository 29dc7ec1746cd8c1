"""Papers as an Atom feed (RFC 4287) and as a JSON Feed (version 1.1); knows no reader and no server."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree import ElementTree as Xml

from markupsafe import Markup, escape

from newsletter.rendering.language import Language
from newsletter.rendering.paper import Entry
from newsletter.rendering.prose import clean

ATOM = "application/atom+xml; charset=utf-8"
JSON_FEED = "application/feed+json; charset=utf-8"

_NAMESPACE = "http://www.w3.org/2005/Atom"
_VERSION = "https://jsonfeed.org/version/1.1"


class Item(NamedTuple):
    """One entry: what it leads to, and its text as HTML; `identity` tells it from all others of the newsletter."""

    identity: str
    title: str
    url: str
    html: str
    at: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Channel(NamedTuple):
    """A feed: `identity` tells it from all others, `by` names the newsletter, and `began` is when it is from if empty.

    `url` is the page that shows the same, and `feed_url` where it is itself; both are empty where that is a secret.
    """

    identity: str
    title: str
    by: str
    language: str
    began: datetime
    url: str = ""
    feed_url: str = ""


def atom(channel: Channel, items: Sequence[Item]) -> bytes:
    """Return the feed as a document of RFC 4287."""
    Xml.register_namespace("", _NAMESPACE)
    root = Xml.Element(f"{{{_NAMESPACE}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": channel.language})

    def add(parent: Xml.Element, name: str, text: str = "", **attributes: str) -> Xml.Element:
        element = Xml.SubElement(parent, f"{{{_NAMESPACE}}}{name}", attributes)
        element.text = text or None
        return element

    add(root, "id", _urn(channel.identity))
    add(root, "title", clean(channel.title))
    # RFC 4287 section 4.2.15: of what changed last, so that the same feed has the same bytes.
    add(root, "updated", _moment(max((item.at for item in items), default=channel.began)))
    add(add(root, "author"), "name", clean(channel.by))
    for relation, url in (("alternate", channel.url), ("self", channel.feed_url)):
        if url:
            add(root, "link", rel=relation, href=url)
    for item in items:
        entry = add(root, "entry")
        add(entry, "id", _urn(item.identity))
        add(entry, "title", clean(item.title))
        add(entry, "updated", _moment(item.at))
        add(entry, "link", rel="alternate", href=item.url)
        for name in item.authors:
            add(add(entry, "author"), "name", name)
        for tag in item.tags:
            add(entry, "category", term=tag)
        add(entry, "content", item.html, type="html")
    written: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def json_feed(channel: Channel, items: Sequence[Item]) -> bytes:
    """Return the feed as a document of JSON Feed 1.1 (https://jsonfeed.org/version/1.1)."""
    document: dict[str, Any] = {
        "version": _VERSION,
        "title": clean(channel.title),
        **({"home_page_url": channel.url} if channel.url else {}),
        **({"feed_url": channel.feed_url} if channel.feed_url else {}),
        "authors": [{"name": clean(channel.by)}],
        "language": channel.language,
        "items": [
            {
                "id": _urn(item.identity),
                "url": item.url,
                "title": clean(item.title),
                "content_html": item.html,
                "date_published": _moment(item.at),
                **({"authors": [{"name": name} for name in item.authors]} if item.authors else {}),
                **({"tags": list(item.tags)} if item.tags else {}),
            }
            for item in items
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def own_title(name: str, language: Language) -> str:
    """Return what the feed of what somebody received is called."""
    return language.gettext("%(name)s: my papers") % {"name": name}


def public_title(name: str, language: Language) -> str:
    """Return what the feed of the archive is called."""
    return language.gettext("%(name)s: popular papers") % {"name": name}


# Many readers have the same papers for the same reasons, and a program asks again and again for the last ones.
@lru_cache(maxsize=5000)
def html_of(entry: Entry, reason: str = "") -> str:
    """Return what an entry tells of a paper, as HTML."""
    parts = [Markup("<p>{}</p>").format(entry.summary)] if entry.summary else []
    told = " · ".join(filter(None, (reason, entry.organization, *entry.facts)))
    if told:
        parts.append(Markup("<p>{}</p>").format(told))
    if entry.links:
        parts.append(Markup("<p>{}</p>").format(Markup(" · ").join(map(_link, entry.links))))
    return str(Markup("").join(parts))


def list_of(entries: Iterable[Entry]) -> str:
    """Return papers as a list, as HTML."""
    rows = (Markup("<li>{}{}</li>").format(_link((one.title, one.url)), _by(one)) for one in entries)
    return str(Markup("<ol>{}</ol>").format(Markup("").join(rows)))


def _by(entry: Entry) -> Markup:
    told = " · ".join(filter(None, (entry.authors, *entry.facts)))
    return Markup("<br>{}").format(told) if told else Markup("")


def _link(pair: tuple[str, str]) -> Markup:
    words, url = pair
    return Markup('<a href="{}">{}</a>').format(escape(url), words)


def _urn(identity: str) -> str:
    # RFC 4287 section 4.2.6 wants an IRI that never changes; nothing can be read from this one.
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}"


def _moment(at: datetime) -> str:
    # RFC 3339, whole seconds.
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
