"""What each kind of source is asked and where it goes on, and which kind an address or a body is."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.feeds import sources
from newsletter.feeds.sources import Request, Source, arxiv
from newsletter.feeds.sources.asking import query_of
from newsletter.models import Feed, Paper, ParsedFeed

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"
HUB = "http://127.0.0.1:1/api/daily_papers"
SEARCH = "http://127.0.0.1:1/api/query"


def feed(kind: str, location: str, seen: datetime | None = None) -> Feed:
    # The record may call all of the web one kind; what is asked follows from the kind that is handed to `of_kind`.
    return Feed.model_construct(id=1, kind=kind, location=location, added_at=NOW, last_success_at=seen)


def first(kind: str, location: str, seen: datetime | None = None, **settings: Any) -> list[Request]:
    return sources.of_kind(kind, **settings).first(feed(kind, location, seen), NOW)


def page(*days: date | None, entries: int | None = None, **fields: Any) -> ParsedFeed:
    papers = tuple(Paper(title="x", published_on=day) for day in days)
    return ParsedFeed(layout="atom", papers=papers, entries=len(papers) if entries is None else entries, **fields)


def follow(source: Source, request: Request | None, *pages: ParsedFeed) -> list[Request]:
    """Return what is asked after each page, until nothing is."""
    asked = []
    for parsed in pages:
        assert request is not None
        request = source.following(request, parsed)
        if request is None:
            break
        asked.append(request)
    return asked


# The hub


def test_the_hub_is_asked_for_today_and_the_days_before() -> None:
    asked = first("hub", HUB)
    assert [request.day for request in asked] == [date(2026, 11, 21) - timedelta(days=ago) for ago in range(4)]
    assert asked[0].url == f"{HUB}?date=2026-11-21&limit=100&p=0"
    assert not any(request.conditional for request in asked)
    assert len(first("hub", HUB, follow_days=0)) == 1


def test_the_hubs_days_are_those_of_utc() -> None:
    late = datetime(2026, 11, 21, 1, tzinfo=datetime.strptime("+0900", "%z").tzinfo)
    assert sources.of_kind("hub").first(feed("hub", HUB), late)[0].day == date(2026, 11, 20)


def test_days_that_were_missed_are_asked_for_and_not_without_an_end() -> None:
    assert len(first("hub", HUB, NOW - timedelta(days=9))) == 10
    assert len(first("hub", HUB, NOW - timedelta(days=900))) == 32
    assert len(first("hub", HUB, NOW + timedelta(days=900))) == 4


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("date=2026-06-01", ["date=2026-06-01&limit=100&p=0"]),
        ("week=2026-W30", ["week=2026-W30&limit=100&p=0"]),
        ("week=current", ["week=2026-W47&limit=100&p=0"]),
        ("month=current", ["month=2026-11&limit=100&p=0"]),
        ("sort=trending&limit=30", ["sort=trending&limit=30&p=0"]),
        ("sort=trending&limit=5000", ["sort=trending&limit=100&p=0"]),
    ],
)
def test_the_hubs_weeks_months_and_trend(query: str, asked: list[str]) -> None:
    assert [request.url.partition("?")[2] for request in first("hub", f"{HUB}?{query}")] == asked


def test_a_new_week_still_follows_the_last_one() -> None:
    monday = datetime(2027, 1, 4, tzinfo=UTC)
    asked = sources.of_kind("hub").first(feed("hub", f"{HUB}?week=current"), monday)
    assert [query_of(request.url)["week"] for request in asked] == ["2027-W01", "2026-W53"]


def test_the_hub_is_paged_until_a_page_is_not_full() -> None:
    source = sources.of_kind("hub")
    asked = follow(source, first("hub", HUB)[0], page(entries=100), page(entries=100), page(entries=99))
    assert [query_of(request.url)["p"] for request in asked] == ["1", "2"]
    assert {request.day for request in asked} == {date(2026, 11, 21)}
    assert follow(source, first("hub", HUB)[0], page(entries=0)) == []
    assert len(follow(source, first("hub", HUB)[0], *[page(entries=100)] * 99)) == 19
    assert follow(source, first("hub", f"{HUB}?sort=trending")[0], page(entries=100)) == []


# arXiv


def test_announcements_are_one_request_with_validators() -> None:
    location = "https://rss.arxiv.org/atom/cs.CL+cs.AI"
    (asked,) = first("arxiv", location)
    assert asked == Request(location, conditional=True)
    assert sources.of_kind("arxiv").following(asked, page(None)) is None


def test_a_search_asks_for_the_newest_first() -> None:
    (asked,) = first("search", f"{SEARCH}?search_query=cat:cs.CL+AND+abs:%22large+model%22&max_results=7&start=3")
    fields = query_of(asked.url)
    assert fields["search_query"] == 'cat:cs.CL AND abs:"large model"'
    assert (fields["sortBy"], fields["sortOrder"], fields["start"]) == ("submittedDate", "descending", "0")
    assert first("search", f"{SEARCH}?id_list=2611.00001") == [Request(f"{SEARCH}?id_list=2611.00001")]


def test_a_search_is_paged_back_to_what_was_seen() -> None:
    source, (asked,) = sources.of_kind("search"), first("search", f"{SEARCH}?search_query=x", NOW - timedelta(days=1))
    new, old = page(date(2026, 11, 20), total=5000), page(date(2026, 11, 20), date(2026, 11, 11), total=5000)
    found = follow(source, asked, new, new, old, new)
    assert [query_of(request.url)["start"] for request in found] == ["100", "200"]
    assert query_of(found[0].url)["search_query"] == "x"
    # Handed in before the weekend, announced after it: what is a few days older may be new.
    assert follow(source, asked, page(date(2026, 11, 13), total=5000))
    assert follow(source, asked, page(date(2026, 11, 20), total=100)) == []
    assert follow(source, asked, page(total=5000)) == []
    assert len(follow(source, asked, *[new] * 99)) == 19


def test_the_first_poll_of_a_search_takes_one_page() -> None:
    (asked,) = first("search", f"{SEARCH}?search_query=x")
    assert follow(sources.of_kind("search"), asked, page(date(2026, 11, 20), total=5000)) == []


# The web


def test_a_paged_feed_is_followed_while_all_is_new() -> None:
    (asked,) = first("web", "https://x.example/feed", NOW - timedelta(days=2))
    assert asked.conditional
    new = page(date(2026, 11, 20), next_page="https://x.example/feed?page=2")
    found = follow(
        sources.of_kind("web"), asked, new, page(date(2026, 11, 1), next_page="https://x.example/feed?page=3")
    )
    assert [request.url for request in found] == ["https://x.example/feed?page=2"]
    assert not found[0].conditional
    elsewhere = page(date(2026, 11, 20), next_page="https://y.example/feed?page=2")
    itself = page(date(2026, 11, 20), next_page="https://x.example/feed")
    for ending in (elsewhere, itself, page(date(2026, 11, 20)), page(None, next_page="https://x.example/feed?page=2")):
        assert follow(sources.of_kind("web"), asked, ending) == []
    assert follow(sources.of_kind("web"), first("web", "https://x.example/feed")[0], new) == []


# Which kind it is


@pytest.mark.parametrize(
    ("given_", "kind", "location"),
    [
        ("huggingface.co/papers", "hub", "https://huggingface.co/api/daily_papers"),
        ("https://huggingface.co/papers/", "hub", "https://huggingface.co/api/daily_papers"),
        ("https://huggingface.co/papers?q=x", "hub", "https://huggingface.co/api/daily_papers"),
        ("https://hf.co/papers/date/2026-06-01", "hub", "https://huggingface.co/api/daily_papers?date=2026-06-01"),
        ("https://huggingface.co/papers/week/2026-W30", "hub", "https://huggingface.co/api/daily_papers?week=2026-W30"),
        ("https://huggingface.co/papers/month", "hub", "https://huggingface.co/api/daily_papers?month=current"),
        ("https://huggingface.co/papers/trending", "hub", "https://huggingface.co/api/daily_papers?sort=trending"),
        ("http://127.0.0.1:80/api/daily_papers", "hub", "http://127.0.0.1:80/api/daily_papers"),
        ("cs.CL", "arxiv", "https://rss.arxiv.org/atom/cs.CL"),
        ("cs.cl+STAT.ml", "arxiv", "https://rss.arxiv.org/atom/cs.CL+stat.ML"),
        ("cond-mat.mes-hall", "arxiv", "https://rss.arxiv.org/atom/cond-mat.mes-hall"),
        ("hep-th", "arxiv", "https://rss.arxiv.org/atom/hep-th"),
        ("arxiv.org/list/cs.CL/recent", "arxiv", "https://rss.arxiv.org/atom/cs.CL"),
        ("https://arxiv.org/list/math.AG/new", "arxiv", "https://rss.arxiv.org/atom/math.AG"),
        ("https://arxiv.org/archive/q-bio", "arxiv", "https://rss.arxiv.org/atom/q-bio"),
        ("http://export.arxiv.org/rss/cs.AI", "arxiv", "https://rss.arxiv.org/rss/cs.AI"),
        ("https://rss.arxiv.org/atom/cs.AI", "arxiv", "https://rss.arxiv.org/atom/cs.AI"),
        ("https://arxiv.org/a/warner_s_1", "web", "https://arxiv.org/a/warner_s_1.atom2"),
        ("https://arxiv.org/a/warner_s_1.atom", "web", "https://arxiv.org/a/warner_s_1.atom2"),
        ("http://export.arxiv.org/api/query?search_query=all:x", "search", "https://export.arxiv.org/api/query?search_query=all:x"),
        ("https://arxiv.org/search/?query=tree+frogs&searchtype=title", "search", "https://export.arxiv.org/api/query?search_query=ti:tree+AND+ti:frogs"),
        ("http://127.0.0.1:80/api/query?search_query=x", "search", "http://127.0.0.1:80/api/query?search_query=x"),
        ("https://blog.example/feed.xml", "web", "https://blog.example/feed.xml"),
    ],
)  # fmt: skip
def test_what_an_address_is(given_: str, kind: str, location: str) -> None:
    assert sources.recognise(given_)[:2] == (kind, location)
    # The right address is its own right address.
    assert sources.recognise(location)[:2] == (kind, location)
    assert sources.is_address(given_)


@pytest.mark.parametrize(
    "given_", ["ftp://x.example/", "file:///etc/passwd", "https://", "pages", "http://[x", "gopher://cs.CL", ""]
)
def test_what_is_no_address(given_: str) -> None:
    with pytest.raises(UsageError, match="no address of the web"):
        sources.recognise(given_)


@pytest.mark.parametrize(
    "given_", ["https://arxiv.org/abs/2611.00001", "arxiv.org/pdf/2611.00001v2", "https://huggingface.co/papers/2611.1"]
)
def test_one_paper_is_no_source(given_: str) -> None:
    with pytest.raises(UsageError, match="one paper"):
        sources.recognise(given_)


@pytest.mark.parametrize("path", ["pages", "pages/one.txt", "./cs.CL", "cs.XYZ.txt", "maths", "cs", "stat.ML/x", ""])
def test_what_may_be_a_path(path: str) -> None:
    assert sources.is_address(path) == (path == "cs")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for location in (text, f"https://{text}", f"https://arxiv.org/{text}", f"huggingface.co/papers/{text}"):
        try:
            found = sources.recognise(location)
        except UsageError:
            continue
        assert found.location.lower().startswith(("http://", "https://"))


PAGE = """<!DOCTYPE html><html><head><base href="https://blog.example/en/">
<LINK REL="alternate" TYPE="application/rss+xml" TITLE="Papers &amp; Notes" HREF="feed.xml?a=1&amp;b=2">
<link rel='alternate' type='application/rss+xml' title='Papers again' href='/en/feed.xml?a=1&amp;b=2'>
<link rel="alternate" type="application/rss+xml" title="Comments Feed" href="/comments">
<link rel="alternate" hreflang="de" href="/de/"><link rel=alternate type=application/atom+xml href=//other.example/atom>
<link rel="alternate" type="application/atom+xml" href="javascript:alert(1)">
<link rel="stylesheet" type="text/xml" href="/style"></head><body></body></html>"""


def test_the_feeds_that_a_page_names() -> None:
    found = sources.recognise("https://blog.example/", PAGE.encode())
    assert found.parsed is not None
    assert found.parsed.layout == "unknown"
    assert [tuple(offer) for offer in found.offers] == [
        ("https://blog.example/en/feed.xml?a=1&b=2", "Papers & Notes"),
        ("https://other.example/atom", ""),
    ]


def test_what_stands_in_a_comment_names_no_feed_and_a_title_may_have_a_bracket() -> None:
    page = """<!doctype html><html><head><title>A <link rel=alternate type=text/xml href=/title></title>
<!-- <link rel="alternate" type="application/rss+xml" href="/old.rss" title="Old"> -->
<script>let made = '<link rel="alternate" type="application/rss+xml" href="/script">'</script>
<link rel="alternate" type="application/atom+xml" href="/new.atom" title="New > old"><link rel=stylesheet href=/x>
<!-- never closed <link rel="alternate" type="application/rss+xml" href="/open">"""
    offers = sources.recognise("https://x.example/", page.encode()).offers
    assert [tuple(offer) for offer in offers] == [("https://x.example/new.atom", "New > old")]


@given(st.text(alphabet="<link base rel=alternate type=text/xml href='\">&x:/", max_size=400))
def test_no_page_upsets_the_search_for_feeds(markup: str) -> None:
    for offer in sources.recognise("https://x.example/", f"<html>{markup}".encode()).offers:
        assert offer.url.startswith(("http://", "https://"))


def test_what_a_body_is() -> None:
    parsed = sources.recognise("https://lab.example/feed.json", (SAMPLES / "blog.json").read_bytes()).parsed
    assert parsed is not None
    assert (parsed.layout, len(parsed.papers)) == ("json-feed", 2)
    nothing = sources.recognise("https://lab.example/", b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert nothing.parsed is not None
    assert (nothing.parsed.layout, nothing.offers) == ("unknown", ())


def test_a_mirror_of_announcements_is_known_by_its_body() -> None:
    body = "<rss version='2.0'><channel><title>cs.CL updates on arXiv.org</title></channel></rss>"
    assert sources.recognise("https://mirror.example/cs.CL", body.encode()).kind == "arxiv"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://rss.arxiv.org/atom/cs+hep-th+math.AG", "(cat:cs.* OR cat:hep-th OR cat:math.AG)"),
        ("https://rss.arxiv.org/rss/cs.CL", "(cat:cs.CL)"),
        ("https://rss.arxiv.org/atom/no-category", None),
    ],
)
def test_what_was_missed_is_searched_for_in_the_categories_of_the_feed(location: str, expected: str | None) -> None:
    asked = arxiv.missed(feed("arxiv", location), [date(2026, 11, 20)])
    found = [query_of(one.url)["search_query"].partition(" AND ")[0] for one in asked]
    assert found == ([expected] if expected else [])
    assert all(one.url.startswith("https://export.arxiv.org/api/query?") for one in asked)
    assert arxiv.missed(feed("arxiv", location), []) == []
