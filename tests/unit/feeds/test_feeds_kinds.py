"""Feeds of journals, preprint servers and blogs, as they write them; the samples are made up, their forms are not."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import creators, dois, frame, parse
from newsletter.models import ParsedFeed

TODAY = date(2026, 11, 21)
SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> ParsedFeed:
    parsed = parse((SAMPLES / name).read_bytes(), name=name, today=TODAY)
    assert parsed.problems == ()
    return parsed


def test_a_preprint_server() -> None:
    parsed = sample("biorxiv.rdf")
    first, second = parsed.papers
    assert first.title == "Sharp-wave ripples of sleeping finches rehearse tomorrow's song"
    assert first.abstract.endswith("ripples at p < 0.01 predict the next day's song.")
    assert first.authors == ("N. Okafor", "A. B. Lindqvist", "J. van der Berg")
    assert [paper.doi for paper in parsed.papers] == ["10.1101/2026.11.18.700001", "10.1101/2026.11.17.700002"]
    assert (first.published_on, second.authors) == (date(2026, 11, 18), ("K. Sato",))
    assert (parsed.layout, parsed.ttl, parsed.entries) == ("rss", timedelta(hours=12), 2)


def test_a_journal_with_prism() -> None:
    (paper,) = sample("journal.rdf").papers
    assert paper.abstract == "Patience, and a cold mirror, weigh a photon."
    assert paper.authors == ("Ada Øst", "Bo Li", "Carmen Díaz")
    assert (paper.doi, paper.published_on) == ("10.1038/s41000-026-00011-2", date(2026, 11, 19))


def test_a_journal_that_names_all_authors_in_one_text() -> None:
    (paper,) = sample("physics.rdf").papers
    assert paper.authors == ("María Pérez", "Jun Ito", "Lev Orlov")
    assert paper.abstract == "Two bosons in one box avoid each other below a temperature that we compute."
    assert (paper.doi, paper.keywords) == ("10.1103/abcd-wxyz", ("Atoms",))


def test_an_open_journal_whose_entries_are_dois_and_that_goes_on() -> None:
    parsed = sample("open-access.atom")
    (paper,) = parsed.papers
    assert (paper.doi, paper.abstract) == ("10.1371/journal.zone.0300001", "Leaves bend before it rains.")
    assert paper.authors == ("Ines Rocha", "Tom Weir")
    assert [link.kind for link in paper.links] == ["pdf"]
    assert parsed.next_page == "https://journals.open.example/one/feed/atom?page=2"


def test_a_feed_that_has_titles_only() -> None:
    parsed = sample("titles.rss")
    assert [paper.title for paper in parsed.papers] == [
        "Signing with a broken pen",
        "Lattices for the lazy",
        "Nonces, once",
    ]
    assert [paper.url for paper in parsed.papers[:2]] == [f"https://eprint.example/2026/{n}" for n in (2001, 2002)]
    assert parsed.papers[2].doi == "10.5555/nonces.once"
    assert {paper.abstract for paper in parsed.papers} == {""}
    assert (parsed.ttl, parsed.skip_hours) == (timedelta(hours=12), frozenset({0, 1}))


def test_rss_of_the_nineties() -> None:
    parsed = sample("old.rss")
    assert (parsed.papers[0].title, parsed.papers[0].abstract) == ("On being old", "We are of 1999, R&D.")
    assert parsed.skip_days == frozenset({5, 6})
    assert sample("netscape.rdf").papers[0].url == "https://openreview.net/forum?id=aB3dE5fG7h"


def test_answers_of_arxiv_to_a_query() -> None:
    parsed = sample("query.atom")
    first, second = parsed.papers
    assert (parsed.total, parsed.entries) == (81234, 2)
    assert (first.arxiv_id, first.version, first.published_on) == ("2611.09001", 2, date(2026, 11, 18))
    assert first.keywords == ("cs.CL", "cs.AI", "cs.IR")
    assert (first.doi, first.organization) == ("10.1162/coli_a_00999", "University of Somewhere")
    assert [(link.kind, link.url) for link in first.links] == [
        ("pdf", "http://arxiv.org/pdf/2611.09001v2"),
        ("code", "https://github.com/forget/me-not"),
    ]
    assert second.doi is None


def test_arxivs_error_is_a_fault_in_its_own_words() -> None:
    parsed = parse((SAMPLES / "query-error.atom").read_bytes(), today=TODAY)
    assert (parsed.layout, parsed.papers) == ("unknown", ())
    assert parsed.said == "incorrect id format for 1234.12345."
    assert [problem.what for problem in parsed.problems] == ["arXiv answers: incorrect id format for 1234.12345."]


def test_an_empty_page_of_arxiv_within_its_results_is_named() -> None:
    text = (SAMPLES / "query.atom").read_text()
    head = text[: text.index("<entry>")]
    parsed = parse(f"{head}</feed>".encode(), today=TODAY)
    assert (parsed.papers, parsed.total) == ((), 81234)
    assert "empty page though it has 81,234 results" in parsed.problems[0].what
    beyond = head.replace(">0</opensearch:start", ">90000</opensearch:start") + "</feed>"
    assert parse(beyond.encode(), today=TODAY).problems == ()


def test_a_json_feed() -> None:
    parsed = sample("blog.json")
    first, second = parsed.papers
    assert (parsed.layout, parsed.title, parsed.entries) == ("json-feed", "Notes from a Lab", 2)
    assert parsed.next_page == "https://lab.example/feed.json?page=2"
    assert (first.arxiv_id, first.version, first.url) == ("2611.00007", 3, "https://arxiv.org/abs/2611.00007")
    assert first.abstract == "We train small models. Code: https://github.com/lab/slow"
    assert (first.summary, first.keywords) == ("Small models, trained slowly.", ("small models", "training"))
    assert [link.kind for link in first.links] == ["pdf", "code"]
    assert (second.doi, second.authors, second.published_on) == ("10.5555/lab.8", ("Carl Cee",), date(2026, 11, 18))


def test_a_cut_json_feed_gives_its_whole_items() -> None:
    text = (SAMPLES / "blog.json").read_text()
    parsed = parse(text[: text.index('"A measurement"')].encode(), today=TODAY)
    assert (parsed.layout, [paper.title for paper in parsed.papers]) == ("json-feed", ["Small models, slowly"])
    assert parsed.problems
    slashed = text.replace("/", r"\/").replace('1.1"', '1"')
    assert len(parse(slashed.encode(), today=TODAY).papers) == 2


@pytest.mark.parametrize(
    "item", ["null", "5", '"x"', "{}", '{"title": ["x"]}', '{"title": 5, "authors": {"name": 1}}', '{"tags": [1]}']
)
def test_one_bad_item_of_a_json_feed_costs_no_other(item: str) -> None:
    text = f'{{"items": [{item}, {{"id": 7, "title": "Good"}}], "version": "https://jsonfeed.org/version/1"}}'
    parsed = parse(text.encode(), name="feed", today=TODAY)
    assert [paper.title for paper in parsed.papers] == ["Good"]
    assert any(problem.where == "feed, entry 1" for problem in parsed.problems)


def test_words_in_place_of_a_feed_are_told() -> None:
    parsed = parse(b"Rate exceeded.", today=TODAY)
    assert "it says: 'Rate exceeded.'" in parsed.problems[0].what
    assert parsed.said == "Rate exceeded."
    assert parse(b"{}!?;" * 20, today=TODAY).said == ""


CHANNEL = '<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>{}</channel></rss>'


@pytest.mark.parametrize(
    ("inside", "ttl"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl> 60 </ttl><sy:updatePeriod>daily</sy:updatePeriod>", timedelta(days=1)),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", timedelta(minutes=15)),
        ("<sy:updateFrequency>2</sy:updateFrequency>", timedelta(hours=12)),
        ("<ttl>9999999</ttl>", timedelta(days=365)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>" + "9" * 5000 + "</ttl>", None),
        ("<sy:updatePeriod>now and then</sy:updatePeriod>", None),
        ("<item><title>x</title><ttl>60</ttl></item>", None),
    ],
)
def test_how_long_a_feed_may_be_kept(inside: str, ttl: timedelta | None) -> None:
    assert frame.read(CHANNEL.format(inside)).ttl == ttl


def test_the_frame_is_read_behind_the_entries_and_in_damaged_feeds_too() -> None:
    inside = "<item><title>x</title></item><skipDays><day>sunday</day><day>Someday</day></skipDays>"
    assert parse(CHANNEL.format(inside).encode(), today=TODAY).skip_days == frozenset({6})
    damaged = CHANNEL.format("<skipDays><day>Friday</day></skipDays><item><title>x</item><item><title>y</title></item>")
    parsed = parse(damaged.encode(), today=TODAY)
    assert (parsed.skip_days, [paper.title for paper in parsed.papers]) == (frozenset({4}), ["y"])


@given(st.text(alphabet="<>/ \"'=tlrsday:&;0129-", max_size=200))
def test_no_frame_raises(text: str) -> None:
    frame.read(text)
    frame.read(CHANNEL.format(text))


@pytest.mark.parametrize(
    ("written", "doi"),
    [
        ("doi:10.1101/2026.11.18.700001", "10.1101/2026.11.18.700001"),
        ("DOI: 10.1000/a(b)c", "10.1000/a(b)c"),
        ("info:doi/10.1000/x", "10.1000/x"),
        ("https://doi.org/10.1000/x.y-z_1", "10.1000/x.y-z_1"),
        ("10.1000/x.", "10.1000/x"),
        ("10.1000/", None),
        ("https://journal.example/10.1000/x", None),
        ("see doi:10.1000/x", None),
        ("urn:uuid:10.1000", None),
    ],
)
def test_the_doi_of_an_identifier(written: str, doi: str | None) -> None:
    assert dois.in_identifier(written) == doi


@pytest.mark.parametrize(
    ("address", "doi"),
    [
        ("https://www.biorxiv.org/content/10.1101/2026.11.18.700001v2?rss=1", "10.1101/2026.11.18.700001"),
        ("https://www.biorxiv.org/content/10.1101/2026.11.18.700001v2.full.pdf", "10.1101/2026.11.18.700001"),
        ("https://www.medrxiv.org/content/10.64898/2026.11.18.26340001v1.abstract", "10.64898/2026.11.18.26340001"),
        ("https://journals.open.example/one/article?id=10.1371/journal.zone.0300001", "10.1371/journal.zone.0300001"),
        ("https://pubs.house.example/doi/10.1021/jacs.6c00001", "10.1021/jacs.6c00001"),
        ("https://pubs.house.example/doi/abs/10.1002/(SICI)1097-0010%28199601%2970:1%3C1::X%3E3?af=R", None),
        ("https://iop.example/article/10.1088/1361-6382/ab0001/meta", "10.1088/1361-6382/ab0001"),
        ("https://link.example/article/10.1007/s00000-026-1v1", "10.1007/s00000-026-1v1"),
        ("https://journal.example/v10.1/2026", None),
        ("https://journal.example/10.1/2026", None),
        ("http://[10.1000/x", None),
    ],
)  # fmt: skip
def test_the_doi_in_the_address_of_a_page(address: str, doi: str | None) -> None:
    assert dois.in_address(address) == doi


@given(st.text(max_size=80))
def test_no_text_upsets_the_search_for_a_doi(text: str) -> None:
    in_addresses = (dois.in_address(text), dois.in_address(f"https://x/10.1000/{text}"))
    for found in (dois.in_identifier(text), dois.in_text(text), *in_addresses):
        assert found is None or (found.startswith("10.") and found == found.strip())


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Okafor, N., Lindqvist, A. B., van der Berg, J.-P.", ["N. Okafor", "A. B. Lindqvist", "J.-P. van der Berg"]),
        ("Okafor, Ngozi; Lindqvist, Anna", ["Okafor, Ngozi", "Lindqvist, Anna"]),
        ("Ngozi Okafor, Anna Lindqvist, and Bo Li", ["Ngozi Okafor", "Anna Lindqvist", "Bo Li"]),
        ("Ngozi Okafor and Anna Lindqvist", ["Ngozi Okafor", "Anna Lindqvist"]),
        ("Smith, Ada", ["Smith, Ada"]),
        ("de Castro, Paulo André", ["de Castro, Paulo André"]),
        ("The ALICE Collaboration", ["The ALICE Collaboration"]),
        ("Institute of Rock and Roll", ["Institute of Rock and Roll"]),
        ("Plato", ["Plato"]),
        ("", []),
    ],
)
def test_several_authors_in_one_text(written: str, names: list[str]) -> None:
    assert list(creators.apart([written])) == names


@given(st.text(alphabet="Aa b.,;and&Ü-1", max_size=300))
def test_taking_names_apart_loses_no_letter(text: str) -> None:
    found = "".join(creators.apart([text]))
    letters = {character for character in found if character.isalnum()}
    assert letters <= set(text)
    assert bool(found.strip()) == bool(text.strip()) or not any(map(str.isalnum, text))
