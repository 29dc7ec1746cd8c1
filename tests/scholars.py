"""A server on loopback that plays arXiv's search, the hub and Crossref over one catalogue, with faults on demand."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Work:
    """A work as it stands in the catalogue; `key` is its arXiv id, or its DOI."""

    key: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    day: date = date(2026, 1, 5)
    category: str = "cs.CL"


@dataclass(frozen=True)
class Fault:
    """In place of an answer: a status, headers, a body; `cut` sends half of what it says, `seconds` comes late."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    seconds: float = 0.0


# As they are in the world, each service is a host of its own: what one of them wants says nothing of the others.
HOSTS = {"arxiv": "127.0.0.1", "hub": "127.0.0.2", "crossref": "127.0.0.3"}


class Scholars:
    """The three services, each at its host and with all works; `faults` maps a service to what fails when.

    A rule gets the number of the request to that service, from 1, and returns a fault or None.
    """

    def __init__(self, works: Iterable[Work] = ()) -> None:
        handler = type("Handler", (_Handler,), {"scholars": self})
        self.listeners = {name: _Listener((host, 0), handler) for name, host in HOSTS.items()}
        self.works: list[Work] = []
        self._words: dict[str, set[int]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.agents: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, Callable[[int], Fault | None]] = {}
        self.add(works)

    def add(self, works: Iterable[Work]) -> None:
        """Put works into the catalogue."""
        for work in works:
            for word in set(_WORD.findall(work.title.lower())):
                self._words.setdefault(word, set()).add(len(self.works))
            self.works.append(work)

    def close(self) -> None:
        """Give the ports back."""
        for one in self.listeners.values():
            one.server_close()

    @property
    def bases(self) -> dict[str, str]:
        """Where the services are, for those who look papers up."""
        return {name: f"http://{host}:{self.listeners[name].server_port}/{name}" for name, host in HOSTS.items()}

    @property
    def past(self) -> dict[str, str]:
        """Where the services are, for those who ask for the past."""
        return {"arxiv": self.bases["arxiv"], "hub": self.bases["hub"].removesuffix("hub") + "daily"}

    def body(self, service: str, query: dict[str, str]) -> bytes:
        """Return what a service answers."""
        answers = {"arxiv": _arxiv, "hub": _hub, "crossref": _crossref, "daily": _daily}
        return answers[service](self, query)

    def near(self, service: str, words: str, most: int = 10) -> list[Work]:
        """Return the works whose titles have most of the words; of equals any comes first."""
        score: Counter[int] = Counter()
        # The rarest words alone: the others only cost time.
        listed = sorted((self._words.get(word, set()) for word in set(_WORD.findall(words.lower()))), key=len)
        for numbers in listed[-1:] if len(listed) == 1 else [each for each in listed if each][:5]:
            score.update(numbers)
        with_doi = service == "crossref"
        fits = [number for number in score if self.works[number].key.startswith("10.") is with_doi]
        length = len(words)
        fits.sort(key=lambda number: (-score[number], abs(len(self.works[number].title) - length), hash((17, number))))
        return [self.works[number] for number in fits[:most]]


@contextmanager
def serving(server: Scholars) -> Iterator[Scholars]:
    """Serve meanwhile."""
    listeners = server.listeners.values()
    threads = [
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True) for one in listeners
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        for one in listeners:
            one.shutdown()
        server.close()
        for thread in threads:
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    scholars: Scholars
    protocol_version = "HTTP/1.1"
    # Head and body leave in two pieces, and the second would wait for word of the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        service = parts.path.strip("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.scholars.asked.append((service, query))
        self.scholars.agents.add(self.headers["User-Agent"])
        self.scholars.counts[service] += 1
        rule = self.scholars.faults.get(service)
        fault = rule(self.scholars.counts[service]) if rule else None
        if fault is not None and fault.seconds:
            time.sleep(fault.seconds)
        if fault is not None and (fault.status != 200 or fault.body):
            self._say(fault.status, fault.body, fault.headers)
            return
        self._say(200, self.scholars.body(service, query), (), cut=fault is not None and fault.cut)

    def _say(self, status: int, body: bytes, headers: Iterable[tuple[str, str]], *, cut: bool = False) -> None:
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
        except OSError:
            cut = True
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: Any) -> None:
        pass


def _arxiv(server: Scholars, query: dict[str, str]) -> bytes:
    asked = query["search_query"]
    start, most = int(query.get("start", 0)), int(query["max_results"])
    if found := re.fullmatch(r'ti:"(.*)"', asked):
        works = server.near("arxiv", found[1])
    else:
        span = re.search(r"submittedDate:\[(\d{8})0000 TO (\d{8})2359\]", asked)
        assert span is not None, asked
        categories = re.findall(r"cat:([\w.-]+)", asked)
        works = [
            work
            for work in server.works
            if span[1] <= f"{work.day:%Y%m%d}" <= span[2] and work.category in categories and work.key[:3] != "10."
        ]
    return atom(works[start : start + most], total=len(works))


def atom(works: Iterable[Work], *, total: int = 0) -> bytes:
    """Return works in the layout of arXiv's API."""
    shown = "".join(
        f"<entry><id>http://arxiv.org/abs/{work.key}v1</id><published>{work.day}T12:00:00Z</published>"
        f"<updated>{work.day}T12:00:00Z</updated><title>{escape(work.title)}</title>"
        f"<summary>{escape(work.abstract)}</summary>"
        + "".join(f"<author><name>{escape(name)}</name></author>" for name in work.authors)
        + f'<link href="http://arxiv.org/abs/{work.key}v1" rel="alternate" type="text/html"/>'
        f'<category term="{work.category}" scheme="http://arxiv.org/schemas/atom"/></entry>'
        for work in works
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        "<title>ArXiv Query</title><id>http://arxiv.org/api/x</id>"
        '<opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"{total}</opensearch:totalResults>{shown}</feed>"
    ).encode()


def _entry(work: Work) -> dict[str, Any]:
    return {
        "title": work.title,
        "publishedAt": f"{work.day}T00:00:00.000Z",
        "paper": {
            "id": work.key,
            "title": work.title,
            "summary": work.abstract,
            "publishedAt": f"{work.day}T00:00:00.000Z",
            "authors": [{"name": name, "hidden": False} for name in work.authors],
            "upvotes": 3,
        },
    }


def _hub(server: Scholars, query: dict[str, str]) -> bytes:
    return json.dumps([_entry(work) for work in server.near("hub", query["q"])]).encode()


def _daily(server: Scholars, query: dict[str, str]) -> bytes:
    works = [work for work in server.works if work.day.isoformat() == query["date"]]
    page, size = int(query["p"]), int(query["limit"])
    return json.dumps([_entry(work) for work in works[page * size : (page + 1) * size]]).encode()


def _crossref(server: Scholars, query: dict[str, str]) -> bytes:
    works = server.near("crossref", query["query.bibliographic"])
    items = [
        {
            "DOI": work.key,
            "type": "journal-article",
            "title": [work.title],
            "author": [{"given": name.rpartition(" ")[0], "family": name.rpartition(" ")[2]} for name in work.authors],
            "issued": {"date-parts": [[work.day.year, work.day.month, work.day.day]]},
        }
        | ({"abstract": f"<jats:p>{escape(work.abstract)}</jats:p>"} if work.abstract else {})
        for work in works
    ]
    return json.dumps({"status": "ok", "message": {"items": items}}).encode()
