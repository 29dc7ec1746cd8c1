"""The whole program as people use it: real processes, a real database, real SMTP."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import warm
from rich.cells import cell_len
from servers import Server

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "newsletter")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
READERS = ("ada@example.org", "grace@example.org", "alan@example.org")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user who has set nothing of ours but `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "", **more}


class Place:
    """A folder in which the program is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Call the program, hold its exit code, and return what it printed."""
        done = warm.call(words, cwd=self.folder, env=environment(**more), given=given)
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def lines(self, *words: str, **more: Any) -> list[dict[str, Any]]:
        """Call the program with --json and return the objects that it printed."""
        return [json.loads(line) for line in self.run(*words, "--json", **more).stdout.splitlines()]

    def one(self, *words: str, **more: Any) -> dict[str, Any]:
        """Call the program with --json and return the one object that it printed."""
        (found,) = self.lines(*words, **more)
        return found

    def titles(self, day: date | None = None) -> dict[str, set[str]]:
        """Return the titles that each person got, of one day or of all."""
        dated = ("--date", str(day)) if day else ()
        found: dict[str, set[str]] = {}
        for delivery in self.lines("deliveries", "list", *dated):
            found.setdefault(delivery["email"], set()).update(delivery["papers"])
        return found

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start the program and do not wait for it."""
        return subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.folder,
            env=environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_a_terminal(self, *words: str, columns: int = 80) -> list[str]:
        """Call the program on a terminal and return its lines without colours."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        size = environment(TERM="xterm")
        size.pop("COLUMNS", None)
        with subprocess.Popen([*PROGRAM, *words], cwd=self.folder, env=size, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            text = b"".join(iter(lambda: _read(ours), b"")).decode()
        os.close(ours)
        assert process.returncode == 0, text
        # A progress bar draws its line anew.
        drawn = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        return [ESCAPES.sub("", line).rstrip() for line in drawn]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux tells the end of the other side so.
        return b""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo ran once; for looking only."""
    folder = tmp_path_factory.mktemp("demo")
    Place(folder).run("demo")
    return folder


@pytest.fixture
def place(demo: Path, tmp_path: Path) -> Place:
    """A newsletter of one's own that is as the demo left it, with its settings in config.toml."""
    shutil.copytree(demo / "demo", tmp_path / "place")
    return Place(tmp_path / "place")


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    """A newsletter without papers and people."""
    Place(tmp_path).run("migrate")
    return Place(tmp_path)


@pytest.fixture
def dead_port() -> Iterator[str]:
    """A port on which nobody answers: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


# The demo


def test_the_demo_sends_three_different_mails_by_smtp(demo: Path) -> None:
    folder = demo / "demo"
    deliveries = Place(folder).lines("deliveries", "list")
    assert [delivery["email"] for delivery in deliveries] == list(READERS)
    assert {delivery["state"] for delivery in deliveries} == {"caught"}
    titles = [set(delivery["papers"]) for delivery in deliveries]
    assert all(len(papers) == 10 for papers in titles)
    assert all(len(one & other) <= 3 for one in titles for other in titles if one is not other)
    for reader in READERS:
        assert len(list((folder / "outbox").glob(f"*{reader}.eml"))) == 1
        assert len(list((folder / "outbox").glob(f"*{reader}.html"))) == 1


def test_the_demo_ends_with_who_got_what_and_where_to_go_on(tmp_path: Path) -> None:
    printed = Place(tmp_path).run("demo", "--dir", "papers").stdout
    titles = Place(tmp_path / "papers").titles()
    for reader in READERS:
        row = printed.partition(f"\n{reader}")[2].partition("@example.org")[0]
        assert [title for title in titles[reader] if title in row]
        assert row.count("Matches ") == 3
    assert "caught  went to the built-in catcher, nobody was mailed" in printed
    assert "The mail is in papers/outbox" in printed
    (preview,) = re.findall(r"--config (papers/config.toml preview \S+)", printed)
    Place(tmp_path).run("--config", *preview.split())


def test_the_day_after_brings_only_new_papers(place: Place) -> None:
    today = datetime.now(UTC).date()
    before = place.titles()
    again = place.run("demo", "--dir", ".").stdout
    assert "Nothing new to send" in again
    assert "Nothing new to send" in place.run("send").stdout
    assert place.titles() == before
    place.run("send", "--date", str(today + timedelta(days=1)))
    after = place.titles(today + timedelta(days=1))
    assert sorted(after) == sorted(READERS)
    assert all(after[reader] and not after[reader] & before[reader] for reader in READERS)


def test_the_demo_mails_nobody_whatever_the_environment_says(tmp_path: Path, dead_port: str) -> None:
    told = Place(tmp_path).run("demo", NEWSLETTER_SMTP__HOST="127.0.0.1", NEWSLETTER_SMTP__PORT=dead_port).stdout
    assert "3  caught" in told


def test_the_demo_touches_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# Mine.\n")
    assert "was not made by the demo" in Place(tmp_path).run("demo", "--dir", ".", code=2).stderr
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "newsletter.db").touch()
    assert "was not made by the demo" in Place(tmp_path).run("demo", "--dir", "other", code=2).stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["config.toml", "newsletter.db", "other"]


def test_the_demo_refuses_to_mail_its_people_through_a_real_server(place: Place) -> None:
    config = place.folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace('host = ""', 'host = "relay.example"'))
    assert "names a mail server" in place.run("demo", "--dir", ".", code=2).stderr


# Set up and upkeep


def test_init_writes_a_file_that_loads_and_never_overwrites_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert "config.toml is written" in place.run("init").stdout
    first = (tmp_path / "config.toml").read_text("utf-8")
    assert all(line.startswith(("#", "[")) for line in first.splitlines() if line)
    assert "\n#host = " in first
    (tmp_path / "config.toml").write_text(first.replace('#name = "Papers for you"', 'name = "Mine"'))
    assert "was there and stays as it is" in place.run("init").stdout
    assert 'name = "Mine"' in (tmp_path / "config.toml").read_text("utf-8")
    assert place.one("status")["papers"] == 0


def test_without_a_database_the_next_step_is_told(tmp_path: Path) -> None:
    told = Place(tmp_path).run("status", code=1)
    assert told.stdout == ""
    assert "newsletter migrate`" in told.stderr


def test_a_backup_brings_everything_back_elsewhere(place: Place, tmp_path: Path) -> None:
    place.run("backup", "all.tar.gz")
    other = Place(tmp_path / "other")
    other.folder.mkdir()
    assert "are back" in other.run("restore", str(place.folder / "all.tar.gz")).stdout
    assert other.lines("deliveries", "list") == place.lines("deliveries", "list")
    assert other.lines("subscribers", "list") == place.lines("subscribers", "list")
    assert other.run("restore", str(place.folder / "all.tar.gz"), code=1).stderr.startswith("Error: ")


def test_the_status_has_the_figures(place: Place) -> None:
    status = place.one("status")
    assert (status["subscribers"], status["deliveries"]) == (3, {"caught": 3})
    assert status["papers"] == len(place.lines("papers", "list"))
    assert "caught" in place.run("status").stdout


# Papers


def test_ingest_reports_each_source_and_the_whole(empty: Place) -> None:
    pages = sorted((ROOT / "seeds").glob("*.txt"))
    *sources, total = empty.lines("feeds", "ingest", *map(str, pages))
    assert [Path(source["source"]).name for source in sources] == [page.name for page in pages]
    assert {source["layout"] for source in sources} == {"page"}
    assert total["entries"] == sum(source["entries"] for source in sources) > total["papers"] == total["new"]
    assert empty.one("status")["papers"] == total["papers"]
    again = empty.run("feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))
    assert " 0 new, 0 merged, 0 refused." in again.stdout
    assert again.stderr == ""


def test_a_file_that_is_no_source_fails_and_costs_the_others_nothing(empty: Place) -> None:
    (empty.folder / "noise.bin").write_bytes(bytes(range(256)))
    told = empty.run("feeds", "ingest", "noise.bin", str(ROOT / "seeds" / "daily-papers-1.txt"), code=1)
    assert told.stderr.startswith("Refused in noise.bin:\n")
    assert "  the file: This is not text." in told.stderr
    assert empty.one("status")["papers"] > 0
    assert "There is no file or folder none.txt." in empty.run("feeds", "ingest", "none.txt", code=2).stderr


def test_a_feed_is_added_looked_at_and_forgotten(empty: Place) -> None:
    assert "No feed is on record" in empty.run("feeds", "refresh").stdout
    (empty.folder / "pages").mkdir()
    shutil.copy(ROOT / "seeds" / "daily-papers-1.txt", empty.folder / "pages")
    assert empty.one("feeds", "add", "pages")["new"]
    assert not empty.one("feeds", "add", "pages")["new"]
    assert empty.lines("feeds", "refresh")[-1]["new"] > 0
    feed = empty.one("feeds", "list")
    assert (feed["location"], feed["fault"]) == (str(empty.folder / "pages"), "")
    empty.run("feeds", "remove", "pages")
    assert empty.lines("feeds", "list") == []
    assert "There is no feed pages." in empty.run("feeds", "remove", "pages", code=1).stderr


def test_a_day_with_nothing_is_told_once_and_stands_in_status(empty: Place) -> None:
    (empty.folder / "pages").mkdir()
    empty.run("feeds", "add", "pages")
    now = datetime.now(UTC)
    yesterday = now.date() - timedelta(days=1)
    moment = now.replace(tzinfo=None).isoformat(" ")
    with contextlib.closing(sqlite3.connect(empty.folder / "newsletter.db")) as database, database:
        database.execute("UPDATE feeds SET kind = 'web', next_poll_at = '2999-01-01 00:00:00'")
        for weeks in range(6):
            day, new = yesterday - timedelta(weeks=weeks), 40 if weeks else 0
            database.execute(
                "INSERT INTO arrivals (feed_id, day, entries, new, asked_at, verdict) VALUES (1, ?, ?, ?, ?, ?)",
                (day.isoformat(), new, new, moment, "unknown" if weeks else None),
            )
    assert empty.one("status", "--check")["quiet_feeds"] == []
    told = empty.run("feeds", "refresh", code=1)
    assert f"pages on {yesterday:%A}, {yesterday}; about 40 are usual." in told.stderr
    empty.run("feeds", "refresh")
    [quiet] = empty.one("status")["quiet_feeds"]
    assert (quiet["verdict"], quiet["day"], quiet["number"], quiet["usual"]) == ("nothing", str(yesterday), 0, 40)
    assert "Nothing came from" in " ".join(empty.run("status", "--check", code=1).stdout.split())


def test_feeds_say_when_they_are_asked_and_what_is_wrong(empty: Place) -> None:
    answer = (ROOT / "seeds" / "daily-papers-1.txt").read_bytes()

    class Web(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = {"/feed": 200, "/gone": 410, "/busy": 429}.get(self.path, 500)
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "7200")
            self.send_header("Content-Length", str(len(answer) if status == 200 else 0))
            self.end_headers()
            if status == 200:
                self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    settings = {"NEWSLETTER_FEEDS__ALLOW_HOSTS": '["127.0.0.1"]', "NEWSLETTER_FEEDS__GAP": "0"}
    patient = {**settings, "NEWSLETTER_FEEDS__PATIENCE_HOURS": "0"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}"
        # A host is left alone once it asks for that: the one that does is asked last.
        for path in ("/feed", "/gone", "/broken"):
            empty.run("feeds", "add", "--unseen", home + path)
        told = empty.run("feeds", "refresh", code=1, **settings)
        assert f"{home}/gone is gone for good, says its server (410)" in told.stderr
        assert f"{home}/broken answered 500" in told.stderr
        empty.run("feeds", "add", "--unseen", home + "/busy")
        told = empty.run("feeds", "refresh", code=1, **settings)
        assert f"{home}/feed is not due; it is asked at " in told.stdout
        assert f"{home}/gone is gone." in told.stdout
        assert "answered 429 Too Many Requests and wants to be left alone until" in told.stderr
        # Whoever asks, and whatever they ask for.
        told = empty.run("feeds", "refresh", "--all", **settings)
        assert told.stdout.count("is left alone, as its server wants") >= 1
        server.shutdown()
    listed = {feed["location"].removeprefix(home): feed for feed in empty.lines("feeds", "list")}
    assert listed["/feed"]["last_success_at"]
    assert listed["/feed"]["next_poll_at"] > listed["/feed"]["last_success_at"]
    assert listed["/broken"]["faulty_since"]
    assert listed["/gone"]["gone_at"]
    assert listed["/busy"]["not_before"]
    shown = empty.run("feeds", "list").stdout
    assert "never by itself" in shown
    assert "(Since " in shown
    assert {one["location"].removeprefix(home) for one in empty.one("status", **patient)["broken_feeds"]} == {
        "/gone",
        "/broken",
        "/busy",
    }
    assert f"{home}/gone, since " in empty.run("status", **settings).stdout
    papers = empty.one("status")["papers"]
    *sources, total = empty.lines("feeds", "replay", home + "/feed")
    assert len(sources) == 1
    assert (total["papers"], total["new"]) == (papers, 0)
    assert "No feed has answered anything" in empty.run("feeds", "replay", "--since", "2100-01-01").stdout
    assert "There is no feed none." in empty.run("feeds", "replay", "none", code=1).stderr


def test_a_hidden_paper_is_in_no_further_mail(place: Place) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    first = next(one for one in place.lines("send", "--dry-run", "--date", tomorrow) if one["email"] == READERS[0])
    title = first["papers"][0]
    (number,) = [paper["id"] for paper in place.lines("papers", "list", title) if paper["title"] == title]
    assert place.one("papers", "hide", str(number))["hidden"]
    assert place.one("papers", "show", str(number))["hidden"]
    changed = place.lines("send", "--dry-run", "--date", tomorrow)
    assert all(title not in one["papers"] for one in changed)
    assert not place.one("papers", "unhide", str(number))["hidden"]
    assert "There is no paper 9999." in place.run("papers", "hide", "9999", code=1).stderr


def test_topics_are_searched(place: Place) -> None:
    everything = place.lines("topics", "list")
    assert len(everything) >= 40
    assert {"slug", "name", "parent"} <= set(everything[0])
    assert "quantization" in [topic["slug"] for topic in place.lines("topics", "list", "gptq")]
    assert place.lines("topics", "list", "xyzzy") == []


# People


def test_a_person_comes_changes_and_goes(place: Place) -> None:
    added = place.one(
        *("subscribers", "add", "Käthe@Example.ORG", "--topic", "robotics", "--topic", "game theory: a survey:-0.5"),
        *("--mute", "benchmark", "--author", "A. Author", "--cadence", "weekly:mon", "--hour", "8"),
        *("--timezone", "europe/berlin", "--language", "de"),
    )
    assert added["email"] == "Käthe@example.org"
    assert added["topics"] == [
        {"name": "robotics", "weight": 1.0},
        {"name": "game theory: a survey", "weight": -0.5},
    ]
    assert (added["papers"], added["minutes"], added["bar"]) == (None, None, "normal")
    assert (added["cadence"], added["hour"], added["timezone"]) == ("weekly:mon", 8, "Europe/Berlin")
    again = place.run("subscribers", "add", "käthe@example.org", code=2)
    assert "is on record already" in again.stderr
    edited = place.one("subscribers", "edit", "käthe@example.org", "--hour", "9", "--drop-topic", "robotics")
    assert {**added, "hour": 9, "topics": added["topics"][1:]} == edited
    assert (
        place.one("subscribers", "pause", "käthe@example.org", "--until", "2099-01-01")["paused_until"] == "2099-01-01"
    )
    assert place.one("subscribers", "resume", "käthe@example.org")["paused_until"] is None
    assert place.one("subscribers", "remove", "käthe@example.org")["state"] == "unsubscribed"
    assert "--again" in place.run("subscribers", "add", "käthe@example.org", code=2).stderr
    place.run("subscribers", "add", "käthe@example.org", "--again")
    shown = place.one("subscribers", "show", "käthe@example.org")
    assert [consent["state"] for consent in shown["consents"]] == ["confirmed", "unsubscribed", "confirmed"]
    assert {consent["how"] for consent in shown["consents"]} == {"by the operator"}


def test_a_person_says_how_much_they_want(place: Place) -> None:
    who = "much@example.org"
    added = place.run("subscribers", "add", who, "--papers", "5", "--minutes", "4", "--bar", "few")
    assert "at most 5 papers, at most 4 minutes, only what fits well" in added.stdout
    assert re.search(r"wants +at most 5 papers, at most 4 minutes", place.run("subscribers", "show", who).stdout)
    edited = place.one("subscribers", "edit", who, "--clear", "minutes", "--bar", "many")
    assert (edited["papers"], edited["minutes"], edited["bar"]) == (5, None, "many")
    for wrong in (("--papers", "0"), ("--minutes", "1"), ("--bar", "most")):
        assert wrong[0] in place.run("subscribers", "edit", who, *wrong, code=2).stderr
    assert len(place.one("preview", who)["papers"]) == 5
    place.run("subscribers", "erase", who, "--yes")


def test_erasure_asks_first_and_leaves_a_suppression(place: Place) -> None:
    asked = place.run("subscribers", "erase", READERS[0], code=1, given="n\n")
    assert "What stays is a keyed hash" in asked.stderr
    assert "Nothing was done." in asked.stderr
    place.run("subscribers", "erase", READERS[0], code=1)
    place.run("subscribers", "show", READERS[0])
    place.run("subscribers", "erase", READERS[0], "--yes")
    assert READERS[0] not in [person["email"] for person in place.lines("subscribers", "list")]
    assert "must not be mailed" in place.run("subscribers", "add", READERS[0], code=2).stderr
    assert place.one("subscribers", "unsuppress", READERS[0])["lifted"]
    place.run("subscribers", "add", READERS[0])


def test_an_address_that_was_nearly_typed_is_named(place: Place) -> None:
    for words in (("preview",), ("send", "--only"), ("subscribers", "show"), ("deliveries", "list", "--email")):
        told = place.run(*words, "adda@example.org", code=1)
        assert told.stderr.startswith("Error: Nobody with the address adda@example.org is on record.")
    assert "Did you mean ada@example.org?" in place.run("preview", "adda@example.org", code=1).stderr


def test_a_topic_that_matches_nothing_says_so_at_once(place: Place) -> None:
    told = place.run("subscribers", "add", "new@example.org", "--topic", "quantizaton", "--topic", "robotics")
    assert "'quantizaton' is not in the catalogue and matches no paper on record" in told.stderr
    assert "quantization" in told.stderr
    assert "robotics" not in told.stderr
    assert "new@example.org is on record" in told.stdout
    assert place.run("subscribers", "edit", "new@example.org", "--topic", "diffusion transformers").stderr == ""


def test_people_go_out_and_come_back_as_csv(place: Place, tmp_path: Path) -> None:
    place.run("subscribers", "add", "x@example.org", "--topic", "=1+1", "--topic", "robotics:0.5", "--hour", "9")
    place.run("subscribers", "export", "people.csv")
    assert "'=1+1" in place.run("subscribers", "export").stdout
    other = Place(tmp_path)
    other.run("migrate")
    other.run("subscribers", "import", str(place.folder / "people.csv"))
    fields = ("email", "topics", "cadence", "hour", "timezone", "language")
    there, here = other.lines("subscribers", "list"), place.lines("subscribers", "list")
    assert [[one[name] for name in fields] for one in there] == [[one[name] for name in fields] for one in here]


def test_an_import_lists_the_lines_that_it_refuses_and_takes_the_rest(place: Place) -> None:
    lines = "email,topics,hour\nnew@example.org,robotics;plan,8\nnobody,,\nlate@example.org,,25\nada@example.org,,\n"
    done = place.one("subscribers", "import", "-", code=1, given=lines)
    assert (done["added"], done["known"]) == (1, 1)
    assert [(one["line"], one["email"]) for one in done["refused"]] == [(3, "nobody"), (4, "late@example.org")]
    told = place.run("subscribers", "import", "-", code=1, given=lines)
    assert told.stdout == "0 added, 2 were on record, 2 refused.\n"
    assert "line 3 (nobody): " in told.stderr
    assert place.run("subscribers", "import", "-", code=2, given="name\nAda\n").stderr.startswith("Error: ")


# Mail


def test_preview_shows_what_went_out_and_changes_nothing(place: Place) -> None:
    before = place.one("status")
    shown = place.one("preview", READERS[0])
    assert shown["state"] == "caught"
    assert {paper["title"] for paper in shown["papers"]} == place.titles()[READERS[0]]
    assert all(paper["reason"] for paper in shown["papers"])
    place.run("preview", READERS[0], "--out", "mail.html", "--eml", "mail.eml")
    first = shown["papers"][0]["title"]
    assert first in (place.folder / "mail.html").read_text("utf-8")
    assert shown["message_id"].encode() in (place.folder / "mail.eml").read_bytes()
    assert first in place.run("preview", READERS[0], "--text").stdout
    tomorrow = place.one("preview", READERS[0], "--date", str(datetime.now(UTC).date() + timedelta(days=1)))
    assert tomorrow["state"] is None
    assert not {paper["title"] for paper in tomorrow["papers"]} & place.titles()[READERS[0]]
    assert place.one("status") == before


def test_a_dry_run_tells_what_the_run_then_does(place: Place) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    before = place.one("status")
    would = {one["email"]: set(one["papers"]) for one in place.lines("send", "--dry-run", "--date", str(tomorrow))}
    assert place.one("status") == before
    place.run("send", "--date", str(tomorrow))
    assert place.titles(tomorrow) == would


def test_only_one_person_is_chosen_for_and_mailed(place: Place, dead_port: str) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    dead = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": dead_port}
    place.run("send", "--only", READERS[0], "--date", tomorrow, code=1, **dead)
    place.run("send", "--only", "GRACE@example.org", "--date", tomorrow)
    states = {one["email"]: one["state"] for one in place.lines("deliveries", "list", "--date", tomorrow)}
    assert states == {READERS[0]: "queued", READERS[1]: "caught"}


def test_a_dead_server_stops_the_run_and_the_next_one_goes_on(place: Place, dead_port: str) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    dead = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": dead_port}
    told = place.run("send", "--date", tomorrow, code=1, **dead)
    assert "3 issues composed." in told.stdout
    assert "3 messages left to send" in told.stdout
    assert f"Error: The mail server 127.0.0.1:{dead_port} cannot be reached" in told.stderr
    assert place.one("send", "--date", tomorrow, code=1, **dead)["fault"]
    assert place.one("send", "--date", tomorrow)["deliveries"] == {"caught": 3}


async def test_what_was_caught_goes_out_once_a_host_is_set(place: Place) -> None:
    import asyncio

    ids = {one["email"]: one["message_id"] for one in place.lines("deliveries", "list")}
    told = place.run("deliveries", "retry", "--state", "caught")
    assert "smtp.host is not set" in told.stderr

    def answer(recipient: str) -> str | None:
        return "550 5.1.1 No such \x1b[31mmailbox" if recipient == READERS[2] else None

    async with Server(rules={"RCPT": answer}) as server:
        real = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": str(server.port)}
        report = await asyncio.to_thread(place.run, "send", **real)
        assert sorted(server.recipients) == sorted(READERS[:2])
        for message in server.messages:
            assert f"Message-ID: {ids[message.recipient]}".encode() in message.content
    assert "2  sent" in report.stdout
    assert "1  failed" in report.stdout
    (failed,) = place.lines("deliveries", "list", "--state", "failed")
    assert (failed["email"], failed["code"], failed["enhanced"]) == (READERS[2], 550, "5.1.1")
    assert "\x1b" not in place.run("deliveries", "show", str(failed["id"])).stdout
    assert place.run("deliveries", "retry", "--state", "sent", code=2).stderr.startswith("Error: ")


def test_deliveries_are_listed_as_programs_expect_them(place: Place) -> None:
    fields = {"email", "edition", "state", "message_id", "papers", "attempts", "code", "text", "at"}
    listed = place.lines("deliveries", "list", "--email", READERS[1])
    assert fields <= set(listed[0])
    assert listed[0]["edition"] == str(datetime.fromisoformat(listed[0]["at"]).date())
    shown = place.one("deliveries", "show", str(listed[0]["id"]))
    assert {name: shown[name] for name in fields} == {name: listed[0][name] for name in fields}
    assert place.lines("deliveries", "list", "--state", "failed") == []


def test_a_retry_wants_to_know_which(place: Place) -> None:
    assert "--state, --date or --email" in place.run("deliveries", "retry", code=2).stderr
    first, *_ = place.lines("deliveries", "list")
    assert place.one("deliveries", "retry", str(first["id"]))["queued"] == 1
    assert place.one("status")["deliveries"] == {"queued": 1, "caught": 2}


def test_the_note_of_the_editor_is_in_the_mail(place: Place) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    told = place.run("editions", "note", "-", "--date", tomorrow, given="![A map](p.png), [a](/b) and [c](/d)").stdout
    assert told.startswith("1 image and 2 links will be shown as plain words: ")
    place.run("editions", "note", "-", "--date", tomorrow, given="Read *this* <script>x</script>first.")
    assert place.one("editions", "show", tomorrow)["note"].startswith("Read *this*")
    place.run("preview", READERS[0], "--date", tomorrow, "--out", "mail.html")
    page = (place.folder / "mail.html").read_text("utf-8")
    assert re.search(r"Read <em[^>]*>this</em>", page)
    assert "<script" not in page
    assert "larger than 20,000 bytes" in place.run("editions", "note", "-", code=2, given="x" * 20_001).stderr
    rows = "a|b\n-|-\n" + "1|2\n" * 4000
    assert "bytes of every mail" in place.run("editions", "note", "-", code=2, given=rows).stderr
    assert "bytes of every mail" not in place.run("editions", "note", "-", code=0, given="纸" * 6600).stderr
    assert place.lines("editions", "list")[0]["date"] == tomorrow
    assert "There is no edition of 1999-01-01" in place.run("editions", "show", "1999-01-01", code=1).stderr
    assert (
        "no edition on 2026-11-21"
        in place.run(
            "editions", "note", "-", "--date", "2026-11-21", "--cadence", "weekly:mon", code=2, given="x"
        ).stderr
    )


def test_where_there_is_nothing_to_do_it_is_said_why(empty: Place) -> None:
    assert "There is nobody to send to" in empty.run("send").stdout
    empty.run("subscribers", "add", "ada@example.org", "--topic", "robotics")
    assert "There are no papers yet" in empty.run("send").stdout
    empty.run("feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))
    empty.run("subscribers", "edit", "ada@example.org", "--topic", "xyzzy")
    assert "Nothing to send for 1 (ada@example.org)" in empty.run("send").stdout


# As a good citizen of the shell


def test_quiet_says_nothing_when_all_is_well(place: Place) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    for words in (("send", "--date", tomorrow), ("feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))):
        done = place.run("--quiet", *words)
        assert (done.stdout, done.stderr) == ("", "")


def test_in_a_pipe_there_is_no_colour_and_nothing_is_cut(place: Place) -> None:
    done = place.run("papers", "list")
    assert "\x1b" not in done.stdout + done.stderr
    titles = [paper["title"] for paper in place.lines("papers", "list", "--limit", "50")]
    assert [title for title in titles if title not in done.stdout] == []


@pytest.mark.parametrize(
    "words",
    [
        ("papers", "list"),
        ("topics", "list"),
        ("subscribers", "list"),
        ("subscribers", "show", READERS[0]),
        ("deliveries", "list"),
        ("deliveries", "show", "1"),
        ("editions", "list"),
        ("preview", READERS[0]),
        ("status",),
        ("--help",),
    ],
)
def test_on_a_terminal_everything_fits_its_80_columns(demo: Path, words: tuple[str, ...]) -> None:
    lines = Place(demo / "demo").on_a_terminal(*words)
    assert len(lines) > 1
    # A command is never broken, and here the program has a long path.
    assert [line for line in lines if cell_len(line) > 80 and "-m newsletter" not in line] == []


def test_a_reader_who_went_away_is_no_fault(place: Place) -> None:
    process = place.start("deliveries", "list", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


def test_the_scheduler_ends_gently(place: Place) -> None:
    process = place.start("run")
    assert process.stderr is not None
    first = json.loads(process.stderr.readline())
    assert first["event"] == "running"
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate()
    assert process.returncode == 0
    events = [json.loads(line) for line in rest.splitlines()]
    assert events[-1]["event"] == "ended"
    assert {event["level"] for event in events} == {"info"}
    assert "@" not in rest


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_in_the_middle_loses_nothing(place: Place, sign: signal.Signals, code: int) -> None:
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        real = {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": str(silent.getsockname()[1])}
        # A stop waits for the server to answer, for so long at most.
        process = place.start("send", "--date", tomorrow, NEWSLETTER_SMTP__TIMEOUT="2", **real)
        connection, _ = silent.accept()
        process.send_signal(sign)
        _, told = process.communicate()
        connection.close()
    assert told.strip() == "Stopped; nothing is lost, run it again to go on."
    assert process.returncode == code
    assert place.one("status")["deliveries"] == {"caught": 3, "queued": 3}
    assert place.one("send", "--date", tomorrow)["deliveries"] == {"caught": 3}


def test_bash_completes_commands_and_topics(place: Place) -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        done = place.run(_NEWSLETTER_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
        return [one.partition(",")[2] for one in done.stdout.splitlines()]

    assert completed("newsletter subs") == ["subscribers"]
    assert "--topic" in completed("newsletter subscribers add ada@example.org --to")
    assert "quantization" in completed("newsletter subscribers add ada@example.org --topic quan")
    assert completed("newsletter deliveries list --state unk") == ["unknown"]
    for shell in ("bash", "zsh", "fish"):
        assert "_NEWSLETTER_COMPLETE" in place.run("completion", shell).stdout
