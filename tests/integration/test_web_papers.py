"""What readers received, on a page of their own: found, spoken of, taken along, and read as a feed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import feedparser
import jsonschema
import pytest
import rispy
from json_feed import SCHEMA
from newsroom import DAY, Newsroom, address, papers, titles
from pybtex.database import parse_string
from webroom import Site, open_site

from newsletter.models import Paper
from newsletter.pipeline import subscribers
from newsletter.pipeline.doors import SETTINGS_DAYS
from newsletter.pipeline.library import PAGE

VERDICTS = ("more", "less", "saved", "seen")
ODD = Paper(
    title="Ångström & <Sons>: 100% of $x_1$",
    abstract="It bakes PIES.",
    arxiv_id="2603.00009",
    authors=("Märta Öberg", "Bo Berg"),
    votes=500,
)


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter of which Ada and Bob had two mails, on both engines."""
    async with open_site(await read(room)) as opened:
        yield opened


@pytest.fixture
async def small_site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The same on SQLite alone."""
    async with open_site(await read(small_room)) as opened:
        yield opened


async def read(room: Newsroom) -> Newsroom:
    """Let Ada and Bob have two mails: of three papers, and a day later of one."""
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await room.take_in(*papers(1, 2, 3))
    await room.send()
    room.clock.moment += DAY
    await room.take_in(ODD)
    await room.send()
    return room


async def path(site: Site, name: str = "ada", purpose: str = "settings") -> str:
    """Return the path of someone's papers."""
    return f"/papers/{await site.door(purpose, name)}"


async def feed(site: Site, form: str, name: str = "ada") -> str:
    """Return the path of someone's feed."""
    return f"/feed/{await site.door('feed', name)}/{form}"


async def number(site: Site, title: str) -> int:
    """Return the number of a paper."""
    ((found,),) = await site.room.rows("SELECT id FROM papers WHERE title = :title", title=title)
    return int(found)


async def said(site: Site) -> list[tuple[str, str, str]]:
    """Return who said what of which paper."""
    found = await site.room.rows(
        "SELECT s.email, p.title, f.verdict FROM feedback f JOIN subscribers s ON s.id = f.subscriber_id "
        "JOIN papers p ON p.id = f.paper_id ORDER BY 1, 2"
    )
    return [(email.partition("@")[0], title, verdict) for email, title, verdict in found]


def shown(page: Any) -> list[str]:
    """Return the titles on a page, in order."""
    found = page.text.split("</a></h3>")[:-1]
    return [part.rpartition(">")[2] for part in found]


async def test_the_newest_mail_comes_first_and_nothing_that_waits(site: Site) -> None:
    page = await site.get(await path(site))
    assert page.status_code == 200
    assert "<h1>My papers</h1>" in page.text
    assert shown(page) == ["Ångström &amp; &lt;Sons&gt;: 100% of x₁", *titles(1, 2, 3)]
    assert page.text.index("Tuesday, March 3, 2026") < page.text.index("Monday, March 2, 2026")
    assert "This page is for a•••@example.org." in page.text
    assert "ada@" not in page.text
    await site.room.take_in(*papers(4))
    site.room.clock.moment += DAY
    await site.room.compose()
    assert titles(4)[0] not in (await site.get(await path(site))).text
    await site.room.deliver()
    assert shown(await site.get(await path(site)))[0] == titles(4)[0]


async def test_words_are_found_in_titles_abstracts_and_names(site: Site) -> None:
    here = await path(site)
    for words, found in (
        ("glacier", titles(1)),
        ("GLACIERS", titles(1)),
        ("öberg", ("Ångström",)),
        ("ÅNGSTRÖM pies", ("Ångström",)),
        ("märta bo", ("Ångström",)),
        ("100%", ("Ångström",)),
        ("the", titles(1, 2, 3)),
        ("_", ("Ångström",)),
        ("glacier öberg", ()),
        ("'\"\\[]", ()),
        ("\x00\u2028 glacier", titles(1)),
    ):
        page = await site.get(here, params={"q": words})
        assert page.status_code == 200, words
        assert [title.partition(" &amp;")[0] for title in shown(page)] == list(found), words


async def test_verdicts_are_kept_filtered_and_taken_back(site: Site) -> None:
    here = await path(site)
    for title, verdict in zip(titles(1, 2, 3), ("more", "less", "saved"), strict=True):
        page = await site.press(here, paper=str(await number(site, title)), act=verdict)
        assert page.status_code == 200
    await site.press(here, paper=str(await number(site, ODD.title)), act="seen")
    for title, verdict in zip(titles(1, 2, 3), ("more", "less", "saved"), strict=True):
        page = await site.get(here, params={"said": verdict})
        assert shown(page) == [title]
        assert page.text.count('aria-pressed="true"') == 1
    assert shown(await site.get(here, params={"said": "nonsense"})) == shown(await site.get(here))
    # Taken back within the filter, it still stands there once, to be said again.
    page = await site.press(f"{here}?said=saved", paper=str(await number(site, titles(3)[0])), act="undo")
    assert "<strong>Taken back</strong>" in page.text
    assert shown(page) == [titles(3)[0]]
    assert shown(await site.get(here, params={"said": "saved"})) == []
    assert {(name, verdict) for name, _, verdict in await said(site)} == {
        ("ada", "more"), ("ada", "less"), ("ada", "seen"),
    }  # fmt: skip


async def test_presses_at_once_leave_one_verdict(site: Site) -> None:
    here, paper = await path(site), str(await number(site, titles(1)[0]))
    answers = await asyncio.gather(*(site.press(here, paper=paper, act=VERDICTS[n % 4]) for n in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await said(site)) == 1


async def test_an_author_is_muted_and_heard_again(site: Site) -> None:
    here, paper = await path(site), str(await number(site, ODD.title))

    async def muted() -> tuple[str, ...]:
        return (await subscribers.find(site.room.database, address("ada"))).muted_authors

    page = await site.press(here, paper=paper, mute="Märta Öberg")
    assert "Märta Öberg is muted: hear again" in page.text
    await asyncio.gather(*(site.press(here, paper=paper, mute="Märta Öberg") for _ in range(4)))
    assert await muted() == ("Märta Öberg",)
    answer = await site.press(here, paper=paper, mute="Somebody Else")
    assert answer.status_code == 404
    # Both at once lose neither.
    await asyncio.gather(
        site.press(here, paper=paper, mute="Bo Berg"), site.press(here, paper=paper, hear="Märta Öberg")
    )
    assert await muted() == ("Bo Berg",)
    assert (await subscribers.find(site.room.database, address("bob"))).muted_authors == ()


async def test_the_next_mail_leaves_a_muted_author_out(small_site: Site) -> None:
    await small_site.press(await path(small_site), paper=str(await number(small_site, ODD.title)), mute="Bo Berg")
    await small_site.room.take_in(*papers(5, authors=("Bo Berg",)), *papers(6, authors=("Cy Clark",)))
    small_site.room.clock.moment += DAY
    await small_site.room.send()
    assert (await small_site.room.got("ada"))[-1] == titles(6)
    assert (await small_site.room.got("bob"))[-1] == titles(5, 6)


async def test_looking_changes_nothing(site: Site) -> None:
    before = await site.everything()
    here, paper = await path(site), await number(site, titles(1)[0])
    for end in ("", "?q=x", f"?paper={paper}", "?act=more&paper=1", "/papers.bib", "/papers.ris"):
        for ask in (site.client.get, site.client.head):
            assert (await ask(here + end)).status_code == 200
    for form in ("atom", "json"):
        assert (await site.client.head(await feed(site, form))).status_code == 200
    assert await site.everything() == before


async def test_a_paper_of_another_is_not_to_be_had(site: Site) -> None:
    await site.room.subscribe("cy")
    strange = str(await number(site, titles(1)[0]))
    here = await path(site, "cy")
    for fields in ({"act": "more"}, {"mute": "Bo Berg"}):
        assert (await site.press(here, paper=strange, **fields)).status_code == 404
    assert (await site.get(f"{here}/papers.bib?paper={strange}")).status_code == 404
    assert shown(await site.get(f"{here}?paper={strange}")) == []
    assert "There is nothing so far" in (await site.get(here)).text
    ((issue,),) = await site.room.rows(
        "SELECT max(i.id) FROM issues i JOIN subscribers s ON s.id = i.subscriber_id WHERE s.email LIKE 'ada%'"
    )
    assert (await site.get(f"{here}/papers.ris?issue={issue}")).status_code == 404
    assert await said(site) == []


@pytest.mark.parametrize(
    "fields", [{}, {"act": "more"}, {"paper": "x", "act": "more"}, {"paper": "1"}, {"paper": "1", "act": "nonsense"}]
)
async def test_what_is_no_wish_is_refused(small_site: Site, fields: dict[str, str]) -> None:
    assert (await small_site.press(await path(small_site), **fields)).status_code == 400


@pytest.mark.parametrize("query", ["issue=x", "paper=-1", "issue=" + "9" * 30, "paper="])
async def test_what_is_no_number_is_no_page(small_site: Site, query: str) -> None:
    assert (await small_site.get(f"{await path(small_site)}?{query}")).status_code == 404


async def test_tokens_that_are_not_theirs_open_nothing(site: Site) -> None:
    here = await path(site)
    person = await subscribers.find(site.room.database, address("ada"))
    for wrong in (here[:-1], here + "0", "/papers/x", f"/papers/{site.signer.tag('unsubscribe', person.id)}"):
        assert (await site.get(wrong)).status_code == 404
    feed_token = (await feed(site, "atom")).split("/")[2]
    assert (await site.get(f"/papers/{feed_token}")).status_code == 404
    assert (await site.get(f"/feed/{here.rpartition('/')[2]}/atom")).status_code == 404
    assert (await site.get(await path(site, purpose="own"))).status_code == 200
    site.room.clock.moment += timedelta(days=SETTINGS_DAYS + 2)
    assert (await site.get(here)).status_code == 410
    assert (await site.press(here, paper="1", act="more")).status_code == 410
    # A feed lasts until it is revoked.
    theirs = await feed(site, "atom")
    assert (await site.get(theirs)).status_code == 200
    await site.room.say("UPDATE subscribers SET links = links + 1")
    assert (await site.get(theirs)).status_code == 410
    fresh = await feed(site, "atom")
    await subscribers.erase(site.room.database, site.room.clock, address("ada"))
    assert (await site.get(fresh)).status_code == 410


async def test_long_lists_come_in_parts_without_a_gap(site: Site) -> None:
    many = [Paper(title=f"Number {n:03} of {n * 7919}", arxiv_id=f"2604.{n:05}", votes=1000 - n) for n in range(45)]
    site.room.set("newsletter", papers=30)
    for part in (many[:23], many[23:]):
        site.room.clock.moment += DAY
        await site.room.take_in(*part)
        await site.room.send()
    here, found = await path(site), []
    page = await site.get(here)
    while True:
        found += shown(page)
        assert len(shown(page)) <= PAGE
        if "Older papers" not in page.text:
            break
        older = page.text.split('">Older papers')[0].rpartition('href="')[2].replace("&amp;", "&")
        page = await site.get(older.removeprefix("/letters"))
    got = await site.room.got("ada")
    assert [title.partition(" &amp;")[0] for title in found] == [
        title.partition(" &")[0] for issue in reversed(got) for title in issue
    ]
    entries = rispy.loads((await site.get(f"{here}/papers.ris")).text)
    assert len(entries) == sum(map(len, got))


async def test_a_paper_is_found_by_its_arxiv_id_and_its_doi(site: Site) -> None:
    site.room.clock.moment += DAY
    await site.room.take_in(Paper(title="Harps of glass", abstract="They sing.", doi="10.5555/Harps.1", votes=900))
    await site.room.send()
    here, odd, harps = await path(site), "bakes PIES", "They sing"
    for words, found in {
        "2603.00009": odd,
        "2603.00009v2": odd,
        "arXiv:2603.00009": odd,
        "https://arxiv.org/abs/2603.00009v1": odd,
        "10.48550/arXiv.2603.00009": odd,
        "2603.00009 pies": odd,
        "10.5555/harps.1": harps,
        "https://doi.org/10.5555/HARPS.1": harps,
        "2603.0000": "",
        "2603.00010": "",
        "10.5555/harps": "",
        "2603.00009 glass": "",
    }.items():
        answer = await site.client.get(f"{here}/papers.bib", params={"q": words})
        titles_found = [entry.fields["title"] for entry in parse_string(answer.text, "bibtex").entries.values()]
        assert len(titles_found) == bool(found), words
        page = await site.client.get(here, params={"q": words})
        for text, title in ((odd, "Ångström"), (harps, "Harps of glass")):
            assert (f"{title}" in page.text.partition("<main")[2]) == (text == found), words


async def test_files_are_of_one_paper_a_mail_or_what_fits(small_site: Site) -> None:
    here = await path(small_site)
    ((issue,),) = await small_site.room.rows(
        "SELECT min(i.id) FROM issues i JOIN subscribers s ON s.id = i.subscriber_id WHERE s.email LIKE 'ada%'"
    )
    number_of_odd = await number(small_site, ODD.title)
    for query, count in (("", 4), (f"?issue={issue}", 3), (f"?paper={number_of_odd}", 1), ("?q=pies", 1), ("?q=zz", 0)):
        bib, ris = [await small_site.get(f"{here}/papers.{form}{query}") for form in ("bib", "ris")]
        assert bib.status_code == ris.status_code == 200
        assert len(parse_string(bib.text, "bibtex").entries) == count
        assert len(rispy.loads(ris.text)) == count
        assert bib.headers["Content-Disposition"] == 'attachment; filename="papers.bib"'
        assert ris.headers["Content-Type"].startswith("application/x-research-info-systems")
        assert bib.headers["Cache-Control"] == "no-store"
    (entry,) = parse_string((await small_site.get(f"{here}/papers.bib?q=pies")).text, "bibtex").entries.values()
    assert [str(person) for person in entry.persons["author"]] == ["Öberg, Märta", "Berg, Bo"]
    assert (await small_site.get(f"{here}/papers.txt")).status_code == 404


async def test_the_own_feed_is_valid_and_names_nobody(small_site: Site) -> None:
    atom, other = (
        await small_site.get(await feed(small_site, "atom")),
        await small_site.get(await feed(small_site, "json")),
    )
    parsed = feedparser.parse(atom.content)
    assert not parsed.bozo
    assert parsed.version == "atom10"
    assert [entry.title for entry in parsed.entries] == ["Ångström & <Sons>: 100% of x₁", *titles(1, 2, 3)]
    assert len({entry.id for entry in parsed.entries}) == 4
    assert parsed.entries[0].link == "https://arxiv.org/abs/2603.00009"
    assert [author.name for author in parsed.entries[0].authors] == ["Märta Öberg", "Bo Berg"]
    assert "It bakes PIES." in parsed.entries[0].content[0].value
    assert atom.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert other.headers["Content-Type"] == "application/feed+json; charset=utf-8"
    document = json.loads(other.content)
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [item["id"] for item in document["items"]] == [entry.id for entry in parsed.entries]
    token = (await feed(small_site, "atom")).split("/")[2]
    for text in (atom.text, other.text):
        for secret in (
            token,
            "ada@",
            "example.org",
            (await subscribers.find(small_site.room.database, address("ada"))).key,
        ):
            assert secret not in text


async def test_what_did_not_change_is_not_sent_again(small_site: Site) -> None:
    for form in ("atom", "json"):
        here = await feed(small_site, form)
        first = await small_site.get(here)
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        # Nothing of it depends on when it is asked for.
        small_site.room.clock.step(hours=1)
        for asked in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = await small_site.get(here, headers={"If-None-Match": asked})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["ETag"] == tag
        for asked in ('"x"', tag.strip('"'), ""):
            assert (await small_site.get(here, headers={"If-None-Match": asked})).content == first.content
    assert (await small_site.get(await feed(small_site, "rss"))).status_code == 404
    tag = (await small_site.get(await feed(small_site, "atom"))).headers["ETag"]
    small_site.room.clock.moment += DAY
    await small_site.room.take_in(*papers(7))
    await small_site.room.send()
    answer = await small_site.get(await feed(small_site, "atom"), headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert feedparser.parse(answer.content).entries[0].title == titles(7)[0]


async def test_a_feed_that_shows_something_else_is_sent_again(small_site: Site) -> None:
    here = await feed(small_site, "atom")
    tags = [(await small_site.get(here)).headers["ETag"]]
    for change in (
        "UPDATE papers SET votes = votes + 1",
        "UPDATE papers SET title = title || '!'",
        "UPDATE papers SET abstract = abstract || ' More.'",
        'UPDATE picks SET reason = \'{"kind": "new", "subject": "", "words": []}\'',
        "UPDATE subscribers SET language = 'de'",
    ):
        before = await small_site.get(here)
        await small_site.room.say(change)
        answer = await small_site.get(here, headers={"If-None-Match": tags[-1]})
        assert answer.status_code == 200, change
        assert answer.content != before.content
        tags.append(answer.headers["ETag"])
    assert len(set(tags)) == len(tags)
    # The other form, and another reader's of the same papers.
    for other in (await feed(small_site, "json"), await feed(small_site, "atom", "bob")):
        assert (await small_site.get(other)).headers["ETag"] not in tags


async def test_a_paper_stands_there_as_it_is_known_now_however_often_it_was_shown(small_site: Site) -> None:
    here = await path(small_site)
    assert shown(await small_site.get(here)) == shown(await small_site.get(here))
    await small_site.room.say(
        "UPDATE papers SET title = 'Another title', votes = 7 WHERE title = :old", old=titles(1)[0]
    )
    page = await small_site.get(here)
    assert "Another title" in shown(page)
    assert titles(1)[0] not in page.text
    assert "7 votes" in page.text
    english = (await small_site.get(await path(small_site, "bob"), headers={"Accept-Language": "de"})).text
    await small_site.room.say("UPDATE subscribers SET language = 'de'")
    assert "7 Stimmen" in (await small_site.get(here)).text
    assert "7 Stimmen" not in english


async def test_two_that_are_one_work_stand_there_as_it_is_known_now(site: Site) -> None:
    double, kept = [await number(site, title) for title in titles(1, 2)]
    await site.room.say("UPDATE papers SET merged_into = :kept WHERE id = :double", kept=kept, double=double)
    here = await path(site)
    assert shown(await site.get(here))[1:] == [titles(2)[0], titles(2)[0], titles(3)[0]]
    await site.press(here, paper=str(kept), act="saved")
    assert await said(site) == [("ada", titles(2)[0], "saved")]
    assert len(parse_string((await site.get(f"{here}/papers.bib")).text, "bibtex").entries) == 3


async def test_nothing_of_it_gets_into_the_log(small_site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    here = await path(small_site)
    await small_site.get(here, params={"q": "secretword"})
    await small_site.press(here, paper=str(await number(small_site, ODD.title)), mute="Bo Berg")
    printed = "".join(capsys.readouterr())
    for secret in (here.rpartition("/")[2], "secretword", "ada@", "Bo Berg"):
        assert secret not in printed
