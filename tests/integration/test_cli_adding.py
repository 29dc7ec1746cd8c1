"""`newsletter feeds add` finds out what an address is, shows what it would bring, and says when it is no feed."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import warm
from newsroom import Newsroom

from newsletter.config import Feeds
from newsletter.errors import FeedError, NewsletterError
from newsletter.pipeline import adding

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "unit" / "feeds" / "samples"
# Loopback may be asked only where the settings say so, once they do.
LOOPBACK = {"NEWSLETTER_FEEDS__ALLOW_HOSTS": '["127.0.0.1"]'}

ANNOUNCED = """<rss version="2.0" xmlns:arxiv="http://arxiv.org/schemas/atom"><channel>
<title>cs.CL updates on arXiv.org</title><skipDays><day>Saturday</day><day>Sunday</day></skipDays><ttl>720</ttl>
<item><title>A new one</title><link>https://arxiv.org/abs/2611.00001</link><arxiv:announce_type>new</arxiv:announce_type></item>
<item><title>An old one</title><link>https://arxiv.org/abs/2601.00001</link><arxiv:announce_type>replace</arxiv:announce_type></item>
</channel></rss>"""
ONE_FEED = '<!DOCTYPE html><html><head><link rel="alternate" type="application/atom+xml" href="/feed"></head></html>'
TWO_FEEDS = (
    '<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml" title="Papers" href="/announced">'
    '<link rel="alternate" type="application/feed+json" title="Notes" href="/notes.json"></head></html>'
)
PAGES = {
    "/feed": (SAMPLES / "open-access.atom").read_bytes(),
    "/notes.json": (SAMPLES / "blog.json").read_bytes(),
    "/announced": ANNOUNCED.encode(),
    "/blog": ONE_FEED.encode(),
    "/many": TWO_FEEDS.encode(),
    "/plain": b"<!DOCTYPE html><html><head><title>Hello</title></head><body>Hello</body></html>",
    "/round": ONE_FEED.replace("/feed", "/round2").encode(),
    "/round2": ONE_FEED.replace("/feed", "/round").encode(),
    "/picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "/limited": b"Rate exceeded.",
    "/evil": b"<rss version='2.0'><channel><title>&#155;2JRed</title><item><title>A</title></item></channel></rss>",
    "/api/query": (SAMPLES / "query-error.atom").read_bytes(),
}


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = urlsplit(self.path)
        body = PAGES.get(parts.path)
        if parts.path == "/api/daily_papers":
            # As at a weekend: the first two days have nothing.
            is_empty = len([path for path in self.server.asked if "/api/daily_papers" in path]) <= 2
            day = parse_qs(parts.query)["date"][0]
            paper = {"paper": {"id": "2611.00009", "title": f"Of {day}", "summary": "It is so."}}
            body = json.dumps([] if is_empty else [paper]).encode()
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Desk:
    """A folder with a newsletter, in which the program is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Call the program, hold its exit code, and return what it printed on both channels."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        env = {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **LOOPBACK}
        done = warm.call(words, cwd=self.folder, env=env)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    def one(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Call the program with --json and return the one object that it printed."""
        (line,) = self.run(*words, "--json", code=code)[0].splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    def on_record(self) -> list[str]:
        return [json.loads(line)["location"] for line in self.run("feeds", "list", "--json")[0].splitlines()]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    Desk(folder).run("migrate")
    return folder / "newsletter.db"


@pytest.fixture
def desk(migrated: Path, tmp_path: Path) -> Desk:
    (tmp_path / "newsletter.db").write_bytes(migrated.read_bytes())
    return Desk(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_what_a_feed_would_bring_is_shown_before_it_is_on_record(desk: Desk, server: Server) -> None:
    address = server.url("/announced")
    shown, _ = desk.run("feeds", "add", "--dry-run", address)
    for words in (
        "cs.CL updates on arXiv.org",
        "announcements of arXiv (RSS)",
        "1, and 1 update of papers",
        "A new one",
        "every 12 h, but not on Saturdays and Sundays",
        "Nothing was put on record.",
    ):
        assert words in shown
    assert "An old one" not in shown
    assert desk.on_record() == []
    added = desk.one("feeds", "add", address)
    assert (added["new"], added["kind"], added["papers"], added["newest"]) == (True, "arxiv", 1, ["A new one"])
    assert desk.on_record() == [address]
    asked = len(server.asked)
    assert desk.one("feeds", "add", address) == {"location": address, "new": False}
    assert "is on record already" in desk.run("feeds", "add", "--dry-run", address)[0]
    assert len(server.asked) == asked


def test_a_page_leads_to_the_feed_that_it_names(desk: Desk, server: Server) -> None:
    added = desk.one("feeds", "add", server.url("/blog"))
    assert (added["location"], added["title"]) == (server.url("/feed"), "An Open Journal: New Articles")
    assert desk.on_record() == [server.url("/feed")]
    assert not desk.one("feeds", "add", server.url("/blog"))["new"]


def test_a_page_with_several_feeds_offers_them(desk: Desk, server: Server) -> None:
    out, err = desk.run("feeds", "add", server.url("/many"), code=1)
    assert server.url("/announced") in out
    assert "Notes" in out
    assert "names 2 feeds" in err
    offered = desk.one("feeds", "add", server.url("/many"), code=1)["offers"]
    assert [offer["url"] for offer in offered] == [server.url("/announced"), server.url("/notes.json")]
    assert desk.on_record() == []
    assert desk.one("feeds", "add", offered[1]["url"])["layout"] == "json-feed"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/plain", "is no feed. This is HTML"),
        ("/round", "is no feed. This is HTML"),
        ("/picture", "is no feed. This is not text."),
        ("/limited", "it says: 'Rate exceeded.'"),
        ("/nothing", "404"),
        ("/api/query?id_list=1234.12345", "arXiv answers: incorrect id format for 1234.12345."),
    ],
)
async def test_what_is_no_feed_is_told(small_room: Newsroom, server: Server, path: str, words: str) -> None:
    settings = Feeds.model_validate({"allow_hosts": ["127.0.0.1"]})
    with pytest.raises(FeedError) as refused:
        await adding.look(small_room.database, small_room.clock, settings, server.url(path))
    assert words in str(refused.value)
    assert len(server.asked) <= 2


def test_what_is_no_feed_is_not_added(desk: Desk, server: Server) -> None:
    _, err = desk.run("feeds", "add", server.url("/plain"), code=1)
    assert "is no feed" in err
    assert desk.on_record() == []


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://x.example/feed", "no address of the web"),
        ("https://arxiv.org/abs/2611.00001", "is one paper and no source"),
        ("pages", "There is no file or folder pages."),
        ("http://127.0.0.1:1/x", "cannot be reached"),
    ],
)
async def test_what_cannot_be_a_source_is_refused(small_room: Newsroom, location: str, words: str) -> None:
    settings = Feeds.model_validate({"allow_hosts": ["127.0.0.1"]})
    with pytest.raises(NewsletterError) as refused:
        await adding.look(small_room.database, small_room.clock, settings, location)
    assert words in str(refused.value)
    assert refused.value.exit_code == (1 if "reached" in words else 2)


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--unseen",)])
@pytest.mark.parametrize("location", ["", " ", "\t"])
def test_what_is_blank_is_no_folder(desk: Desk, location: str, words: tuple[str, ...]) -> None:
    _, err = desk.run("feeds", "add", location, *words, code=2)
    assert "No source is named." in err
    assert "Give an address" in err
    assert desk.on_record() == []


def test_of_a_folder_it_is_told_what_will_be_read(desk: Desk) -> None:
    inside = desk.folder / "pages"
    inside.mkdir()
    (inside / "one.rss").write_bytes(PAGES["/announced"])
    (inside / ".hidden").mkdir()
    (inside / ".hidden" / "old.rss").write_bytes(PAGES["/announced"])
    out, _ = desk.run("feeds", "add", "--dry-run", "pages")
    assert f"{inside}" in out
    assert "1 file so far" in out
    assert desk.one("feeds", "add", "pages")["files"] == 1


def test_the_hub_is_shown_by_its_last_day_with_papers(desk: Desk, server: Server) -> None:
    shown = desk.one("feeds", "add", server.url("/api/daily_papers"))
    assert (shown["kind"], shown["layout"], shown["papers"]) == ("hub", "hub-json", 1)
    assert len(server.asked) == 3
    assert desk.on_record() == [server.url("/api/daily_papers")]


def test_a_source_is_added_unseen(desk: Desk) -> None:
    assert desk.one("feeds", "add", "--unseen", "cs.cl") == {
        "location": "https://rss.arxiv.org/atom/cs.CL",
        "new": True,
    }
    desk.run("feeds", "add", "--unseen", "huggingface.co/papers")
    desk.run("feeds", "add", "--unseen", "@neuroscience")
    assert len(desk.on_record()) == 4
    assert "exclude each other" in desk.run("feeds", "add", "--unseen", "--dry-run", "cs.CL", code=2)[1]


def test_a_folder_with_the_name_of_a_category_is_a_folder(desk: Desk) -> None:
    (desk.folder / "cs.CL").mkdir()
    assert desk.one("feeds", "add", "cs.CL") == {"location": "cs.CL", "new": True, "files": 0}
    assert desk.on_record() == [str(desk.folder / "cs.CL")]


def test_nothing_that_a_feed_says_reaches_the_terminal_as_a_command(desk: Desk, server: Server) -> None:
    out, err = desk.run("feeds", "add", "--dry-run", server.url("/evil"))
    assert "\x1b" not in out + err
    assert "\x9b" not in out + err
    assert "Red" in out


def test_the_catalogue_is_searched_by_words(desk: Desk) -> None:
    whole, _ = desk.run("feeds", "catalogue")
    assert "@machine-learning" in whole
    brains = [json.loads(line) for line in desk.run("feeds", "catalogue", "brain", "--json")[0].splitlines()]
    assert [field["name"] for field in brains] == ["neuroscience"]
    assert "No field of the catalogue" in desk.run("feeds", "catalogue", "xyzzy")[0]
    _, err = desk.run("feeds", "add", "@machine", code=1)
    assert "Did you mean @machine-learning?" in err
