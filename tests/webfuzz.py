"""Requests that nobody sends by mistake alone, for every page that there is, and what each answer has to keep to."""

import hashlib
import hmac
import html
import json
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes
from xml.etree import ElementTree

import relays
from hypothesis import strategies as st
from newsroom import NOW
from webworld import PASSWORD, PREFIX, SECRETS, Answer, World

Texts = st.SearchStrategy[str]

# Before all else: what trips programs.
NASTY = (
    "", " ", "\0", "a\0b", "\ud800", "\ufffe", "\u202e", "ß", "İ", "é" * 300, "x" * 3000, "9" * 5000, "-1", "0", "1",
    "1e999", "nan", "0x10", "٣", "true", "null", "None", "../../etc/passwd", "..\\..", "' OR 1=1 --", '"', "%", "%00",
    "%s%n", "${7*7}", "{{7*7}}", "{% raw %}", "<pwn>", '"><pwn a="', "</title><pwn>", "]]><pwn>", "javascript:alert(1)",
    "a\r\nSet-Cookie: pwned=1", "2026-02-30", "2026-03-09", "9999-12-31", "0001-01-01", "2026-W10-1", "Europe/Berlin",
    "Europe", "daily", "weekly:mon", "de", "de-1996-x", "en-XA", "ar-XB", "eve@new.example", "a@b", "@",
    "a" * 70 + "@x.example",
    "eve@" + "a." * 130 + "example", "eve@ex\u0000ample.org", "eve@[127.0.0.1]", "eve@\U0001f600.example", "\u200b",
    ";;;", "a\nb\nc",
    "abs:" * 50, "(" * 500, "*", "_", "a.b.c",
)  # fmt: skip
TEXT: Texts = st.sampled_from(NASTY) | st.text(st.characters(), max_size=30)
NUMBER: Texts = (
    st.integers(1, 3).map(str)
    | st.integers(-5, 10**20).map(str)
    | st.sampled_from(("1", "2", "3", "4", "0", "9" * 9, "9" * 5000))
)

# That of the first paper, whose place alone is right, and what is none.
MARK: Texts = (
    st.just("{mark}") | st.just("{mark}") | st.integers(0, 1000).map("{}-00000000".format) | st.just("1-") | NUMBER
)


def of(*words: str) -> Texts:
    """Return what a page knows, and now and then what it does not."""
    return st.sampled_from((*words * (2 * len(NASTY) // len(words)), *NASTY)) | st.sampled_from(words) | TEXT


class Page(NamedTuple):
    """What a page takes: for what its token is made, other words of its path, its fields, and its query.

    {form}, {operator}, {mark} and {paper} stand for what is made or is on record when it is asked.
    """

    token: str = ""
    words: Mapping[str, Texts] = {}
    fields: Mapping[str, Texts] = {}
    query: Mapping[str, Texts] = {}


VERDICT = of("more", "less", "saved", "seen")
FORM = {"form": st.just("{form}") | TEXT}
SUBSCRIBING = FORM | {
    "act": of("subscribe", "search", "example"), "email": of("eve@new.example", "eve@example.net"), "words": TEXT,
    "cadence": of("daily", "weekdays", "weekly:mon"), "hour": of("7", "23"), "timezone": of("Europe/Berlin", "UTC"),
    "language": of("en", "de"), "search": TEXT, "topic": of("reasoning"), "website": st.just("") | TEXT,
}  # fmt: skip
SETTINGS = {
    "act": of("save", "next", "renew", "pause", "resume"), "group": of("topics", "names", "when", "amount", "searches"),
    "topic.0": TEXT, "weight.0": of("1", "-0.5"), "drop.0": TEXT, "topic.": TEXT, "drop.": TEXT, "weight.": TEXT,
    "add.0": of("reasoning"), "new": TEXT, "weight": of("1", "-1"), "authors": TEXT, "muted_authors": TEXT,
    "muted_words": TEXT, "searches": TEXT, "cadence": of("daily", "weekly:mon"), "hour": of("7"),
    "timezone": of("Europe/Berlin"), "papers": NUMBER, "minutes": NUMBER, "bar": of("low", "high"),
    "language": of("de", "en"), "take": of("{paper}"), "until": of("2026-04-01", "9999-12-31"),
}  # fmt: skip
PAPERS = {"q": TEXT, "said": VERDICT, "issue": NUMBER, "paper": of("{paper}"), "after": of("9-1", "1-1", "0-0")}
SAYING = {"act": VERDICT, "before": VERDICT, "mute": of("Ada Lovelace"), "hear": of("Bo Li"), "paper": of("{paper}")}
FILE = {"form": of("bib", "ris")}
FEED = {"form": of("atom", "json")}

PAGES: dict[str, Page] = {
    "/unsubscribe/{token}": Page(
        "person",
        fields={"act": of("leave", "return", "reason"), "reason": TEXT, "List-Unsubscribe": of("One-Click")},
    ),
    "/pause/{token}": Page("person", fields={"act": of("resume"), "for": of("week", "month", "return")}),
    "/f/{token}/{mark}/paper.{form}": Page("issue", {"mark": MARK, **FILE}),
    "/f/{token}/{mark}/{verdict}": Page("issue", {"mark": MARK, "verdict": VERDICT}, SAYING),
    "/operator": Page(
        fields={"act": of("enter", "leave"), "form": st.just("{operator}") | TEXT, "password": of(PASSWORD)},
        query={"days": of("30", "90", "365")},
    ),
    "/operator/plots/{name}.svg": Page(words={"name": of("people", "mail", "places")}, query={"days": of("30")}),
    "/operator/mail": Page(
        fields={
            "form": st.just("{operator}") | TEXT,
            "kind": st.just("") | of("issue", "welcome"),
            "of": TEXT,
            "email": of("eve@new.example", "nobody"),
            "look": of("compact", "plain"),
            "language": of("de", "ar-XB"),
        }
    ),
    "/operator/mail/{shown}": Page(words={"shown": st.just("{operator mail}") | TEXT}),
    "/papers/{token}": Page("settings", fields=SAYING, query=PAPERS),
    "/papers/{token}/papers.{form}": Page("settings", FILE, query=PAPERS),
    "/feed/{token}/{form}": Page("feed", FEED),
    "/data/{token}": Page("own", fields={"act": of("erase"), "sure": of("yes")}),
    "/data/{token}/data.json": Page("own"),
    "/archive": Page(query={"before": of("2026-03-02")}),
    "/archive/feed.{form}": Page(words=FEED),
    "/archive/{day}": Page(words={"day": of("2026-03-01", "2026-03-02")}),
    "/settings/{token}": Page("settings", fields=SETTINGS),
    "/settings.js": Page(),
    "/next/{token}": Page("settings", fields=SETTINGS),
    "/mail/{token}/{issue}": Page("settings", {"issue": st.just("{issue}") | NUMBER}),
    "/address/{token}": Page("own", fields={"email": of("eve@new.example")}),
    "/moved/{token}": Page("move", fields={"act": of("move")}),
    "/lost": Page(fields={"email": of("eve@new.example"), "form": st.just("{lost}") | TEXT}),
    "/hooks/{relay}": Page(words={"relay": of("ses", "postmark", "signed", "sendgrid")}, fields={"RecordType": TEXT}),
    "/robots.txt": Page(),
    "/confirm/{token}": Page("confirm", fields={"act": of("confirm")}),
    "/subscribe": Page(fields=SUBSCRIBING, query={"search": TEXT, "topic": TEXT, "words": TEXT}),
    "/subscribe.js": Page(),
    "/example/{token}": Page("example"),
}
PURPOSES = (
    "person", "person of before", "issue", "settings", "own", "feed", "move", "confirm", "form", "operator", "example",
)  # fmt: skip

# What happens to tokens on their way.
DAMAGES: dict[str, Callable[[str, int], str]] = {
    "none": lambda token, _: token,
    "cut": lambda token, place: token[: place % len(token)],
    "longer": lambda token, place: token + "0aZ=-._~"[place % 8],
    "another case": lambda token, _: token.swapcase(),
    "another letter": lambda token, place: (
        token[: (at := place % len(token))] + ("1" if token[at] == "0" else "0") + token[at + 1 :]
    ),
    "bytes behind": lambda token, place: token + ("\0", "\n", " ", "\xff", "é", "%", "\r\n", "\ud800")[place % 8],
    "twice": lambda token, _: token + token,
    "others": lambda _, place: NASTY[place % len(NASTY)],
}


class Ask(NamedTuple):
    """A request before it is made: whose token it has and what became of that, and all else as it is sent."""

    route: str
    method: str
    purpose: str
    name: str
    damage: str
    place: int
    words: Mapping[str, str]
    ending: str
    behind_prefix: bool
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, bytes], ...]
    fields: tuple[tuple[str, str], ...]
    encoding: str
    noise: bytes
    pieces: int
    cut: bool
    healed: bool


_VALUES = st.binary(max_size=20).map(lambda raw: bytes(one for one in raw if one >= 32 and one != 127))
HEADERS: dict[str, st.SearchStrategy[bytes]] = {
    "host": st.sampled_from((b"papers.example.org", b"[", b"evil.example", b"a/b?c#d", b"", b"x:99999", b"[::1]:80"))
    | _VALUES,
    "x-forwarded-for": st.sampled_from((b"192.0.2.1", b"::1", b",,,", b"unknown", b"1.2.3.4, " * 500)) | _VALUES,
    "x-forwarded-host": st.just(b"evil.example") | _VALUES,
    "x-forwarded-proto": st.just(b"javascript") | _VALUES,
    "x-forwarded-prefix": st.just(b"//evil.example") | _VALUES,
    "x-original-url": st.just(b"/operator") | _VALUES,
    "x-http-method-override": st.just(b"POST") | _VALUES,
    "forwarded": st.just(b"for=1.2.3.4;host=evil") | _VALUES,
    "accept-language": st.sampled_from((b"de", b"de;q=nan,en;q=inf", b"en-XA", b"*", b"de-" * 300, b"d" * 9000))
    | _VALUES,
    "accept": st.just(b"application/json") | _VALUES,
    "range": st.sampled_from((b"bytes=0-0", b"bytes=-1", b"bytes=9-1,1-9")) | _VALUES,
    "if-none-match": st.sampled_from((b"*", b'"x"', b'W/"' * 500)) | _VALUES,
    "cookie": st.sampled_from((b"{session}",) * 4 + (b"__Secure-operator=x", b"=;=;", b"a=" + b"b" * 9000)) | _VALUES,
    "content-length": st.sampled_from((b"0", b"-1", b"999999999999999999999999", b"1e3", b"x")) | _VALUES,
    "content-type": st.sampled_from(
        (
            b"application/x-www-form-urlencoded; charset=utf-16",
            b"application/json",
            b"text/plain",
            b"",
            b"multipart/",
            b"multipart/form-data",
            b"multipart/form-data; boundary=" + b"x" * 90,
            b'multipart/mixed; boundary="b"',
            b"application/x-www-form-urlencoded; charset=nonsense",
            b"MULTIPART/FORM-DATA; BOUNDARY=b",
        )
    )
    | _VALUES,
    "authorization": st.sampled_from((b"Basic x", b"Basic eDpwYXNzd29yZC1vZi10aGUtdGVzdHM=", b"Bearer")) | _VALUES,
    "sec-fetch-site": st.sampled_from((b"cross-site", b"same-origin")) | _VALUES,
    "origin": st.sampled_from((b"null", b"https://evil.example")) | _VALUES,
    "referer": st.just(b"https://evil.example") | _VALUES,
    "user-agent": _VALUES,
    "newsletter-timestamp": st.sampled_from((b"{now}", b"0", b"9" * 11, b"9" * 30)) | _VALUES,
    "newsletter-signature": st.sampled_from((b"{signature}", b"v1=", b"v1=\xff")) | _VALUES,
    "x-newsletter-password": st.just(relays.PASSWORD.encode()) | _VALUES,
    "x-amz-sns-rawdelivery": st.just(b"true") | _VALUES,
}
_LEAVES = TEXT | st.integers() | st.floats() | st.booleans() | st.none()
_KEYS = st.sampled_from(
    ("event", "id", "recipient", "at", "reason", "status", "RecordType", "Type", "Email", "ID", "Message", "TopicArn",
     "Timestamp", "SigningCertURL", "SignatureVersion", "Signature", "mail", "bounce")
)  # fmt: skip
JSON = st.recursive(
    _LEAVES | st.sampled_from((relays.TOPIC, "Notification", "hard", "Bounce", "SpamComplaint", "1", NOW.isoformat())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | TEXT, inner, max_size=6),
    max_leaves=12,
)
NOISE = st.binary(max_size=60) | st.sampled_from(
    (b"&" * 2000, b"=" * 2000, b"a" * 20_000, b"a" * 140_000, b"[" * 50_000, b"--b\r\n" * 300, b"\xff" * 50, b"%" * 99)
)
_METHODS = ("POST",) * 20 + ("GET",) * 20 + ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW")
_ENDINGS = ("",) * 60 + ("/", "//", "%00", "%2F", "/..", "/%2e%2e/", ";x", "%ED%A0%80", "%", "%FF", "?", "#", "\\")


# What no page knows.
MORE = st.lists(st.tuples(TEXT, TEXT), max_size=1)


@st.composite
def asks(draw: st.DrawFn, routes: tuple[str, ...] = tuple(PAGES)) -> Ask:
    """Draw a request of one of the pages; shrinks to a good GET of a page."""
    route = draw(st.sampled_from(routes))
    page = PAGES[route]
    encoding = draw(st.sampled_from(("form", "form", "form", "multipart", "json", "noise")))
    # A form as it is sent, or some of its fields in any order.
    whole = draw(st.booleans())
    names = list(page.fields) if whole else draw(st.lists(st.sampled_from(tuple(page.fields) or ("act",)), max_size=8))
    headers = draw(st.lists(st.sampled_from(tuple(HEADERS)), max_size=4))
    within = (("cookie", b"{session}"),) if route.startswith("/operator") and draw(st.booleans()) else ()
    asked = draw(st.lists(st.sampled_from(tuple(page.query)), max_size=4)) if page.query else []
    noise = json.dumps(draw(JSON)).encode() if encoding == "json" else b""
    return Ask(
        route,
        draw(st.sampled_from(_METHODS if page.fields else [one for one in _METHODS if one != "POST"])),
        draw(st.just(page.token) | st.just(page.token) | st.sampled_from(PURPOSES)) if page.token else "",
        draw(st.sampled_from(("ada", "ada", "bob"))),
        draw(st.sampled_from(("none",) * len(DAMAGES) + tuple(DAMAGES))),
        draw(st.integers(0, 200)),
        {name: draw(drawn) for name, drawn in page.words.items()},
        draw(st.sampled_from(_ENDINGS)),
        draw(st.booleans()),
        (*((name, draw(page.query[name])) for name in asked), *draw(MORE)),
        (*((name, draw(HEADERS[name])) for name in headers), *within),
        (*((name, draw(page.fields.get(name, TEXT))) for name in names), *draw(MORE)),
        encoding,
        draw(NOISE) if encoding == "noise" else noise,
        draw(st.integers(1, 3)),
        draw(st.sampled_from((False,) * 15 + (True,))),
        draw(st.sampled_from((True, True, False))),
    )


def plain(route: str, **given: Any) -> Ask:
    """Return a request as a reader's browser makes it."""
    page = PAGES[route]
    words = {"mark": "{mark}", "form": "bib", "verdict": "more", "name": "mail", "day": "2026-03-01", "relay": "signed",
             "issue": "{issue}", "shown": "{operator mail}"}  # fmt: skip
    ask = Ask(
        route, "GET", page.token, "ada", "none", 0, {name: words[name] for name in page.words}, "", True, (), (), (),
        "form", b"", 1, False, False,
    )  # fmt: skip
    return ask._replace(**given)


def path_of(world: World, ask: Ask, token: str) -> bytes:
    """Return the path of a request, encoded as it goes over the wire."""
    issue = str(world.issue(ask.name))
    path = ask.route.replace("{token}", quote(token, safe="", errors="surrogatepass"))
    for name, drawn in ask.words.items():
        word = drawn.replace("{issue}", issue).replace("{mark}", world.mark(ask.name))
        word = word.replace("{operator mail}", world.token("operator mail", ask.name))
        path = path.replace(f"{{{name}}}", quote(word, safe="", errors="surrogatepass"))
    query = "&".join("=".join(quote(part, safe="", errors="surrogatepass") for part in pair) for pair in ask.query)
    return f"{PREFIX * ask.behind_prefix}{path}{ask.ending.replace('#', '%23')}{'?' * bool(query)}{query}".encode()


def body_of(ask: Ask, fields: list[tuple[str, str]]) -> tuple[bytes, bytes]:
    """Return the media type and the body of a request."""
    raw = [tuple(part.encode("utf-8", "surrogatepass") for part in pair) for pair in fields]
    if ask.encoding == "multipart":
        parts = [b'--b\r\nContent-Disposition: form-data; name="' + a + b'"\r\n\r\n' + b + b"\r\n" for a, b in raw]
        return b"multipart/form-data; boundary=b", b"".join(parts) + b"--b--\r\n"
    if ask.encoding == "form":
        coded = [quote_from_bytes(a).encode() + b"=" + quote_from_bytes(b).encode() for a, b in raw]
        return b"application/x-www-form-urlencoded", b"&".join(coded)
    return b"application/json", ask.noise


async def answered(world: World, ask: Ask) -> Answer:
    """Make a request out of what was drawn, with tokens as they are now, and return its answer."""
    token = DAMAGES[ask.damage](world.token(ask.purpose, ask.name), ask.place) if ask.purpose else ""
    papers = await world.room.rows("SELECT id FROM papers ORDER BY id LIMIT 1")
    made = {"{form}": world.token("form", "ada"), "{lost}": world.token("lost", "ada"),
            "{operator}": world.token("operator", "ada"), "{paper}": str(papers[0][0])}  # fmt: skip
    made_ask = ask._replace(query=tuple((name, made.get(value, value)) for name, value in ask.query))
    kind, body = body_of(ask, [(name, made.get(value, value)) for name, value in ask.fields])
    stamp = str(int(NOW.timestamp())).encode()
    signature = hmac.new(relays.SECRET.encode(), stamp + b"." + body, hashlib.sha256).hexdigest().encode()
    special = {b"{session}": b"__Secure-operator=" + world.session.encode(), b"{now}": stamp,
               b"{signature}": b"v1=" + signature}  # fmt: skip
    headers = {b"host": b"papers.example.org", b"content-type": kind, b"content-length": str(len(body)).encode()}
    headers |= {name.encode(): special.get(value, value) for name, value in ask.headers}
    size = max(1, -(-len(body) // ask.pieces))
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    return await world.ask(
        ask.method, path_of(world, made_ask, token), headers.items(), parts, cut=ask.cut and ask.method == "POST"
    )


# What an answer keeps to


_HEADERS = {
    "content-security-policy", "cache-control", "cross-origin-opener-policy", "cross-origin-resource-policy",
    "referrer-policy", "x-content-type-options", "strict-transport-security",
}  # fmt: skip
_PUBLIC = ("/archive", "/archive/{day}")
_INSIDE = (
    "Traceback",
    "sqlalchemy",
    "psycopg",
    "sqlite3",
    "aiosqlite",
    'File "',
    " object at 0x",
    "newsletter.pipeline",
)
_VOID = {"meta", "link", "br", "hr", "img", "input", "area", "base", "col", "embed", "source", "track", "wbr"}


class _Reader(HTMLParser):
    """Reads a page as strictly as XML: every element ends, and what people write makes none."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute of <{tag}> stands twice"
        assert tag != "pwn", "what people write becomes an element"
        assert not any(name.startswith("on") for name in given), f"a script in an attribute of <{tag}>"
        assert not str(given.get("href") or "").strip().lower().startswith("javascript:"), "a script in a link"
        action = given.get("action")
        assert action is None or (action.startswith("/") and not action.startswith("//")), f"a form goes to {action}"
        if (name := given.get("id")) is not None:
            assert name not in self.ids, f"the id {name} stands twice"
            self.ids.add(name)
        self.seen.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag, f"</{tag}> ends another element"


def check(ask: Ask, answer: Answer) -> None:
    """Raise AssertionError where an answer is not as all are."""
    assert answer.status < 500, f"status {answer.status}"
    missing = _HEADERS - answer.headers.keys()
    assert not missing, f"no {', '.join(sorted(missing))}"
    if answer.status != 200 or ask.route not in _PUBLIC:
        assert answer.headers.get("x-robots-tag") == "noindex, nofollow", "it may be found"
    for name, value in answer.headers.items():
        assert "\r" not in value + name, "a header has two lines"
        assert "\n" not in value + name, "a header has two lines"
    assert answer.headers.get("location", f"{PREFIX}/operator") == f"{PREFIX}/operator", "it leads elsewhere"
    assert "pwned" not in answer.headers.get("set-cookie", ""), "a cookie of others"
    if answer.status == 405:
        assert answer.headers.get("allow"), "RFC 9110 section 15.5.6 wants to hear what is allowed"
    if answer.status not in (204, 304) and "content-length" in answer.headers:
        assert int(answer.headers["content-length"]) == len(answer.body), "a length that is not that of the body"
    text = html.unescape(answer.text)
    for word in _INSIDE:
        assert word not in text, f"it tells of the inside: {word}"
    for name, (email, wish) in SECRETS.items():
        if name != ask.name or ask.purpose == "":
            assert email not in text, f"it tells the address of {name}"
            # The operator sees the mail of readers, which says why a paper is in it.
            assert wish not in text or ask.route == "/operator/mail/{shown}", f"it tells a wish of {name}"
    if ask.route != "/data/{token}/data.json" and ask.purpose:
        assert SECRETS[ask.name][0] not in text, "an address is not masked"
    _parsed(answer)


def _parsed(answer: Answer) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.status == 304 or not answer.body:
        return
    if kind == "text/html":
        reader = _Reader()
        reader.feed(answer.text)
        reader.close()
        assert not reader.open, f"{reader.open} never end"
        assert {"html", "title", "body"} <= reader.seen, "no whole page"
    elif kind.endswith("json"):
        json.loads(answer.body)
    elif kind.endswith("xml"):
        ElementTree.fromstring(answer.body)  # noqa: S314 - it is ours


async def tried(world: World, ask: Ask, known: dict[str, list[str]] | None = None) -> dict[str, list[str]] | None:
    """Ask and check, the record too where nothing may change; return the record if it is as it was, else None.

    `known` is what was returned before, which spares reading it.
    """
    quiet = ask.method != "POST"
    before = (known or await world.dump()) if quiet else None
    answer = await answered(world, ask)
    check(ask, answer)
    if quiet:
        after = await world.dump()
        assert after == before, f"{ask.method} changes {[name for name in after if after[name] != before[name]]}"
        return after
    if ask.healed and answer.status < 400:
        await world.heal()
    return None
