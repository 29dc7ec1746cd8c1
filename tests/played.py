"""Two months of sources, played day by day from the real days of ../shared/feeds: each answer depends on the day.

The real days are of June and July; here they are 18 weeks later, so that Europe and America end their summer time
among them, and Thanksgiving comes. Everything changes at midnight UTC and at no other moment.
"""

import asyncio
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from web_server import Page, Talk, moved

from newsletter.clock import Clock

LATER = timedelta(weeks=18)
FIRST, LAST = date(2026, 6, 1) + LATER, date(2026, 7, 31) + LATER
THANKSGIVING = date(2026, 11, 26)
DAY = timedelta(days=1)
# Which part of its votes a paper has on its day and on the days after it.
GROWTH = (0.4, 0.7, 0.9, 1.0)
# Of the days, from the first: what the hub serves damaged while it is today, and healed or readable after that.
AS_PYTHON, IN_AN_OBJECT, CUT_IN_THE_MIDDLE, NO_JSON = 8, 15, 22, 29
# The days on which one feed answers with something else than a feed.
BROKEN = range(10, 17)
MOVED_FROM, GONE_FROM = 10, 20

# Random trouble ends early enough that all feeds are read before anybody's hour comes.
TROUBLE_ENDS = 3

HUB, ARXIV, WEB = "127.0.0.1", "127.0.0.2", "127.0.0.3"
FEEDS = (
    ("hub", HUB, "/api/daily_papers?limit=20"),
    ("arxiv", ARXIV, "/atom/cs.CL"),
    ("arxiv", ARXIV, "/rss/cs.LG"),
    ("arxiv", ARXIV, "/atom/cs.AI"),
    ("web", WEB, "/blog.rss"),
    ("web", WEB, "/old-notes.json"),
    ("web", "127.0.0.5", "/broken.rss"),
    ("web", WEB, "/slow.rss"),
    ("web", WEB, "/gone.rss"),
    ("web", "127.0.0.4", "/busy.rss"),
)

Entry = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """A paper of a real day: its entry at the hub, the day from the first, and its place on it."""

    entry: Entry
    day: int
    place: int

    @property
    def id(self) -> str:
        """Its arXiv id."""
        return str(self.entry["paper"]["id"])


class Days:
    """The sources as they are by a clock; `trouble` may answer in the place of any of them."""

    def __init__(self, feeds: Path, clock: Clock) -> None:
        self._clock = clock
        self._days = {
            date.fromisoformat(file.stem) + LATER: json.loads(file.read_text(encoding="utf-8"))
            for file in sorted((feeds / "hf-daily-papers").glob("*.json"))
        }
        self._real = (feeds / "arxiv" / "cs.AI-2025-08-20.atom").read_bytes()
        self._works = [
            [Work(entry, (day - FIRST).days, place) for place, entry in enumerate(entries)]
            for day, entries in self._days.items()
        ]
        self._asked: Counter[tuple[str, date]] = Counter()
        self.trouble: Callable[[str, Page], Page | Talk | None] = lambda _path, _page: None

    @property
    def count(self) -> int:
        """How many real days there are."""
        return len(self._days)

    @property
    def today(self) -> date:
        """The day that it is."""
        return self._clock.now().date()

    def get(self, path: str, default: Page) -> Page | Talk:
        """Return what a path is answered with now."""
        number = (self.today - FIRST).days
        self._asked[path, self.today] += 1
        first = self._asked[path, self.today] == 1
        answer = self._answer(path, number, first=first)
        if answer is None:
            return default
        if not isinstance(answer, Page) or self._clock.now().hour >= TROUBLE_ENDS:
            return answer
        return self.trouble(path, answer) or answer

    def _answer(self, path: str, number: int, *, first: bool) -> Page | Talk | None:
        fields = dict(parse_qsl(urlsplit(path).query))
        makers: dict[str, Callable[[], Page | Talk]] = {
            "/api/daily_papers": lambda: self._hub(fields, number),
            # All that was announced was read, or lost for good.
            "/api/query": lambda: self._page(_NOTHING_FOUND),
            "/atom/cs.CL": lambda: self._page(atom("cs.CL", self._announced(0, number), self.today), packed=True),
            "/rss/cs.LG": lambda: self._page(rss("cs.LG", self._announced(1, number), self.today)),
            "/atom/cs.AI": lambda: self._page(self._real if number == 0 else atom("cs.AI", [], self.today)),
            "/blog.rss": lambda: self._blog("Bench notes", range(0, number + 1, 3)),
            "/old-notes.json": lambda: self._notes(number) if number < MOVED_FROM else _MOVED,
            "/notes.json": lambda: self._notes(number),
            "/broken.rss": lambda: self._broken(number),
            "/slow.rss": lambda: slowly(
                self._blog("Slow letters", range(2, number + 1, 4)), dead=first and number % 9 == 4
            ),
            "/gone.rss": lambda: self._blog("Last words", range(0, number + 1, 5)) if number < GONE_FROM else _GONE,
            "/busy.rss": lambda: (
                _BUSY if first and number % 7 == 3 else self._blog("Busy desk", range(1, number + 1, 3))
            ),
        }
        make = makers.get(urlsplit(path).path)
        return make() if make else None

    def _blog(self, name: str, numbers: Sequence[int]) -> Page:
        return self._page(self._posts(name, numbers))

    def _page(self, body: bytes, *, packed: bool = False, **headers: str) -> Page:
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        now = self._clock.now()
        midnight = datetime.combine(now.date() + DAY, time(), UTC)
        known = {"Cache-Control": f"max-age={(midnight - now).seconds}", **headers}
        if packed:
            return Page(gzip.compress(body), headers={**known, "Content-Encoding": "gzip"}, etag=etag)
        return Page(body, headers=known, etag=etag)

    def _hub(self, fields: Mapping[str, str], number: int) -> Page:
        day = date.fromisoformat(fields["date"])
        age = (self.today - day).days
        entries = [_aged(entry, age) for entry in self._days.get(day, [])] if age >= 0 else []
        size, page = int(fields["limit"]), int(fields["p"])
        part = entries[size * page : size * (page + 1)]
        body = json.dumps(part).encode()
        if age == 0 and number == AS_PYTHON:
            body = repr(part).encode()
        elif age == 0 and number == IN_AN_OBJECT:
            body = json.dumps({"status": "success", "data": part}).encode()
        elif age == 0 and number == CUT_IN_THE_MIDDLE:
            body = body[: len(body) // 2]
        elif age == 0 and number == NO_JSON:
            body = LOGIN
        limit = {"RateLimit": '"default";r=493;t=212', "RateLimit-Policy": '"default";q=500;w=300'}
        return self._page(body, **limit)

    def _announced(self, archive: int, number: int) -> list[tuple[str, Work, int]]:
        """Return what arXiv announces in an archive today: kind, work and version."""
        today = FIRST + timedelta(days=number)
        if today.weekday() >= 5 or today == THANKSGIVING:
            return []
        found = []
        days = sorted(self._days)
        # The hub has them a day later, or two.
        coming = [place for place, day in enumerate(days) if day > today][:1]
        for work in (work for place in coming for work in self._works[place]):
            kinds = (("new", None), (None, "new"), ("new", "cross"), (None, None))[work.place % 4]
            if (kind := kinds[archive]) is not None:
                found.append((kind, work, 1))
        past = [place for place, day in enumerate(days) if day <= today - timedelta(days=4)][-1:]
        kind = ("replace", "replace-cross")[archive]
        return found + [(kind, work, 2) for place in past for work in self._works[place] if work.place % 5 == 0]

    def _posts(self, name: str, numbers: Sequence[int]) -> bytes:
        """Return a blog: the last posts of these days, the newest first."""
        items = []
        for number in reversed(numbers[-8:]):
            day = FIRST + timedelta(days=number)
            items.append(_item(*_own(name, number), f"https://blog.example/{name[:4].lower()}/{number}", day))
            if near := [works for works in self._works if works[0].day == number]:
                # The same work as at the hub, by its page at arXiv.
                work = near[0][len(name) % len(near[0])]
                link = f"http://arxiv.org/abs/{work.id}v1"
                items.append(_item(work.entry["title"], work.entry["paper"]["summary"], link, day))
        return _channel(name, "".join(items), self.today, "<ttl>180</ttl>")

    def _notes(self, number: int) -> Page:
        items = []
        for back in range(0, min(number + 1, 30), 6):
            title, abstract = _own("Field notes", number - number % 6 - back)
            day = FIRST + timedelta(days=number - number % 6 - back)
            url = f"https://notes.example/{day}"
            items.append(
                {"id": url, "url": url, "title": title, "content_text": abstract, "date_published": f"{day}T00:00:00Z"}
            )
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Field notes", "items": items}
        return self._page(json.dumps(feed).encode())

    def _broken(self, number: int) -> Page | Talk:
        whole = self._posts("Broken wheel", range(0, number + 1, 2))
        if number not in BROKEN:
            return self._page(whole)
        packed = gzip.compress(whole)
        return (
            Page(status="500 Internal Server Error"),
            self._page(LOGIN),
            Page(packed[: len(packed) // 2], headers={"Content-Encoding": "gzip"}),
            Page(status="404 Not Found"),
            cut(Page(whole)),
            Page(b"", status="503 Service Unavailable", headers={"Retry-After": "7200"}),
            Page(status="302 Found", headers={"Location": "/broken.rss"}),
        )[number - BROKEN.start]


LOGIN = b"<!doctype html><html><head><title>Log in</title></head><body><form>Password</form></body></html>"

_NOTHING_FOUND = (
    b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
    b"<title>arXiv Query</title><opensearch:totalResults>0</opensearch:totalResults></feed>"
)
_MOVED = moved("/notes.json", "301 Moved Permanently")
_GONE = Page(status="410 Gone")
_BUSY = Page(status="429 Too Many Requests", headers={"Retry-After": "5400"})

_PLAIN = ("model", "data", "of", "for", "with", "training", "scale", "vision", "code", "memory", "search")
_ALPHABET = "b d f g k l m n p r s t v z ch st tr pl".split()  # noqa: SIM905 - eighteen quotes more


def _own(name: str, number: int) -> tuple[str, str]:
    """Return title and abstract of a work that only one place has."""
    chance = Random(f"{name} {number}")

    def word() -> str:
        return "".join(chance.choice(_ALPHABET) + chance.choice("aeiou") for _ in range(3))

    topic = chance.choice(("Language agents", "Retrieval", "Image generation", "Reasoning", "Speech", "Evaluation"))
    title = f"{topic} with {word()} {word()} and {word()}"
    text = " ".join(f"{word()} {word()} {chance.choice(_PLAIN)}" for _ in range(8))
    return title, f"We look at {topic.lower()} by {text}."


def _aged(entry: Entry, age: int) -> Entry:
    """Return an entry as it is so many days after its own."""
    paper = dict(entry["paper"])
    paper["upvotes"] = int(paper.get("upvotes", 0) * GROWTH[min(age, len(GROWTH) - 1)])
    found = {**entry, "paper": paper}
    for record, name in ((found, "publishedAt"), (paper, "publishedAt"), (paper, "submittedOnDailyAt")):
        if record.get(name):
            record[name] = f"{date.fromisoformat(record[name][:10]) + LATER}{record[name][10:]}"
    return found


def _names(work: Work) -> str:
    return ", ".join(str(one["name"]) for one in work.entry["paper"].get("authors", []))


def atom(category: str, announced: Sequence[tuple[str, Work, int]], today: date) -> bytes:
    """Return an announcement in the form of rss.arxiv.org/atom."""
    entries = "".join(
        f"<entry><id>oai:arXiv.org:{work.id}v{version}</id><title>{escape(work.entry['title'])}</title>"
        f'<link href="https://arxiv.org/abs/{work.id}" rel="alternate" type="text/html"/>'
        f"<summary>arXiv:{work.id}v{version} Announce Type: {kind} \nAbstract: "
        f"{escape(work.entry['paper'].get('summary', ''))}</summary>"
        f'<category term="{category}"/><published>{today}T00:00:00-05:00</published>'
        f"<arxiv:announce_type>{kind}</arxiv:announce_type><dc:creator>{escape(_names(work))}</dc:creator></entry>"
        for kind, work, version in announced
    )
    spaces = (
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us"'
    )
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<feed {spaces}><id>http://rss.arxiv.org/atom/{category}</id>"
        f"<title>{category} updates on arXiv.org</title><updated>{today}T04:00:19+00:00</updated>{entries}</feed>"
    ).encode()


def rss(category: str, announced: Sequence[tuple[str, Work, int]], today: date) -> bytes:
    """Return an announcement in the form of rss.arxiv.org/rss."""
    items = "".join(
        f"<item><title>{escape(work.entry['title'])}</title><link>https://arxiv.org/abs/{work.id}</link>"
        f"<description>arXiv:{work.id}v{version} Announce Type: {kind} \nAbstract: "
        f"{escape(work.entry['paper'].get('summary', ''))}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{work.id}v{version}</guid><category>{category}</category>'
        f"<pubDate>{_rfc(today)}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>{escape(_names(work))}</dc:creator></item>"
        for kind, work, version in announced
    )
    return _channel(
        f"{category} updates on arXiv.org", items, today, "<skipDays><day>Saturday</day><day>Sunday</day></skipDays>"
    )


def _channel(title: str, items: str, today: date, more: str) -> bytes:
    spaces = 'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<rss {spaces} version=\"2.0\"><channel><title>{title}</title>"
        f"<link>https://example.org/</link><description>{title}</description>{more}"
        f"{items}</channel></rss>"
    ).encode()


def _item(title: str, text: str, link: str, day: date) -> str:
    return (
        f"<item><title>{escape(title)}</title><link>{link}</link><description>{escape(text)}</description>"
        f"<guid>{link}</guid><pubDate>{_rfc(day)}</pubDate></item>"
    )


def _rfc(day: date) -> str:
    return format_datetime(datetime.combine(day, time(4), UTC))


def cut(page: Page) -> Talk:
    """Return an answer that breaks off in the middle of its body."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(page.body)}\r\n\r\n".encode()
        writer.write(head + page.body[: len(page.body) // 2])

    return talk


def slowly(page: Page, *, dead: bool = False) -> Talk:
    """Return an answer that comes piece by piece; a dead one stops after its head."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in page.headers.items())
        writer.write(f"HTTP/1.1 {page.status}\r\n{lines}Content-Length: {len(page.body)}\r\n\r\n".encode())
        if dead:
            await asyncio.sleep(60)
        for place in range(0, len(page.body), 4_000):
            writer.write(page.body[place : place + 4_000])
            await writer.drain()
            await asyncio.sleep(0.005)

    return talk


class Trouble:
    """Faults of servers at random: each question fails by chance, but no address more than twice in a row."""

    def __init__(self, chance: Random, part: float = 0.2) -> None:
        self._chance = chance
        self._part = part
        self._row: Counter[str] = Counter()
        self.count = 0

    def __call__(self, path: str, page: Page) -> Page | Talk | None:
        """Return a fault, or None where the page is served."""
        if self._row[path] >= 2 or self._chance.random() >= self._part:
            self._row[path] = 0
            return None
        self._row[path] += 1
        self.count += 1
        return self._chance.choice(
            (
                Page(status="500 Internal Server Error"),
                Page(status="503 Service Unavailable", headers={"Retry-After": "900"}),
                Page(status="429 Too Many Requests", headers={"Retry-After": "1200"}),
                Page(status="404 Not Found"),
                Page(LOGIN),
                Page(b"[{'title': ", headers={"Cache-Control": "max-age=0"}),
                Page(gzip.compress(page.body)[:-20], headers={"Content-Encoding": "gzip"}),
                cut(page),
                slowly(page, dead=True),
            )
        )
