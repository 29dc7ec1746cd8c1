"""Addresses: which are safe, which stand in a text, and what each leads to."""

import re
from urllib.parse import urljoin, urlsplit

from newsletter.feeds.text import clean
from newsletter.models import Link

LONGEST = 2000
MOST_LINKS = 20

_CODE_HOSTS = (
    "github.com",
    "gitlab.com",
    "huggingface.co",
    "hf.co",
    "bitbucket.org",
    "codeberg.org",
    "anonymous.4open.science",
)
# A scheme, or a host that everybody knows without one; braces, quotes and backslashes are TeX's and the sentence's.
_IN_TEXT = re.compile(
    r"https?://[^\s<>{}\\\"`|^“”‘’«»]+"
    r"|(?<![\w./@-])(?:www\.[a-z0-9-]+\.[a-z]|(?:github\.com|gitlab\.com|huggingface\.co|hf\.co)/\w"
    r"|[a-z0-9-]{1,63}\.github\.io\b)[^\s<>{}\\\"`|^“”‘’«»]*",
    re.IGNORECASE,
)
# One of these is in all that the pattern finds, and is soon looked for.
_SIGNS = ("://", "www.", ".co", "hub.")
_NEXT_SCHEME = re.compile(r"(?<![/=])https?://", re.IGNORECASE)
# A sentence glued to the address: `.../name.Our code` has a capital and lower-case letters after the stop.
_NEXT_SENTENCE = re.compile(r"(?<=[\w/])[.;,](?:[A-Z][a-z]+|[AI])$")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_HOST = re.compile(r"[\w.-]+\Z")


def safe(address: object) -> str | None:
    """Return an http(s) address without anything that could break out of an attribute or a header, or None."""
    if not isinstance(address, str) or len(address) > LONGEST:
        return None
    address = clean(address)
    if any(character in address for character in " <>\"'`\\{}|^"):
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or port == 0:
        return None
    # User names in an address only serve to deceive readers.
    return address if "@" not in parts.netloc and (_HOST.match(host) or ":" in host) else None


def absolute(base: str, address: object) -> str | None:
    """Return a safe address that may be given relative to a base (RFC 3986 section 5), or None where it is none."""
    if not isinstance(address, str) or not address.strip() or len(address) > LONGEST:
        return None
    try:
        return safe(urljoin(base, clean(address)))
    except ValueError:
        return None


def kind(address: str) -> str:
    """Return what an address leads to: `code`, `pdf`, `paper` or `project`."""
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    if parts.path.lower().endswith(".pdf") or (host == "arxiv.org" and parts.path.startswith("/pdf/")):
        return "pdf"
    if host in ("arxiv.org", "doi.org") or (host in ("huggingface.co", "hf.co") and parts.path.startswith("/papers/")):
        return "paper"
    return "code" if host in _CODE_HOSTS else "project"


def link(address: object, kind_: str = "") -> Link | None:
    """Return a link to an address, or None where it is not a safe one."""
    good = safe(address)
    return Link.model_validate({"kind": kind_ or kind(good), "url": good}) if good else None


def union(*groups: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return the links of all groups in order, each address as it came first, so many and no more."""
    found: dict[str, Link] = {}
    for group in groups:
        for one in group:
            found.setdefault(_same(one.url), one)
    return tuple(found.values())[:MOST_LINKS]


def together(one: tuple[Link, ...], other: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return the links of two accounts of a work, each address once, the same whichever account came first.

    What a source gave goes before what a text said. Where they differ the shortest addresses of a kind stand first:
    they lead to the whole of a thing.
    """
    if one == other:
        return one
    return union(tuple(sorted({*one, *other}, key=lambda link: (link.said, link.kind, len(link.url), link.url))))


def in_text(text: str) -> tuple[Link, ...]:
    """Return the links that a text says, without the punctuation, brackets and words that belong to the sentence."""
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS):
        return ()
    found = []
    for match in _IN_TEXT.finditer(text):
        if match.end() - match.start() > LONGEST:
            continue
        for address in _apart(match.group()):
            address = _trimmed(address, sentence_follows=text[match.end() : match.end() + 1] == " ")
            if not address.lower().startswith(("http://", "https://")):
                address = f"https://{address}"
            if one := link(address):
                found.append(one.model_copy(update={"said": True}))
    return union(tuple(found))


def _apart(run: str) -> list[str]:
    """Return the addresses of a run in which several are glued together."""
    starts = [match.start() for match in _NEXT_SCHEME.finditer(run)]
    if not starts or starts[0] > 0:
        starts.insert(0, 0)
    return [run[start:end] for start, end in zip(starts, [*starts[1:], len(run)], strict=True)]


def _trimmed(address: str, *, sentence_follows: bool) -> str:
    if sentence_follows:
        address = _NEXT_SENTENCE.sub("", address)
    while address:
        last = address[-1]
        if last in ".,;:!?'*_~-$" or (last in _PAIRS and address.count(last) > address.count(_PAIRS[last])):
            address = address[:-1]
        else:
            break
    return address


def _same(address: str) -> str:
    """Return what two spellings of one address have in common."""
    parts = urlsplit(address)
    host = parts.netloc.lower().removeprefix("www.")
    path = parts.path.rstrip("/").removesuffix(".git")
    # These hosts fold case; others may not.
    if host in _CODE_HOSTS:
        path = path.lower()
    return f"{host}{path}?{parts.query}#{parts.fragment}"
