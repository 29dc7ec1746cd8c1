"""More and less of a paper of a mail, and a break, by the pages that the mail leads to."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta

import pytest
from newsroom import NOW, TODAY, Newsroom, address, papers
from webroom import HIDDEN, Site, filled, open_site

from newsletter.models import FOREVER, Paper
from newsletter.pipeline import subscribers
from newsletter.pipeline.readers import FEEDBACK_DAYS


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada and one to Bob, on both engines."""
    async with open_site(await filled(room)) as opened:
        yield opened


@pytest.fixture
async def small_site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The same on SQLite alone."""
    async with open_site(await filled(small_room)) as opened:
        yield opened


async def said(site: Site) -> list[tuple[str, str, str]]:
    """Return who said what of which paper."""
    found = await site.room.rows(
        "SELECT s.email, p.title, f.verdict FROM feedback f JOIN subscribers s ON s.id = f.subscriber_id "
        "JOIN papers p ON p.id = f.paper_id ORDER BY 1, 2"
    )
    return [(email.partition("@")[0], title, verdict) for email, title, verdict in found]


async def paused(site: Site) -> date | None:
    """Return until when Ada has paused."""
    return (await subscribers.find(site.room.database, address("ada"))).paused_until


async def test_the_page_shows_the_paper_of_that_place_with_the_button_chosen(small_site: Site) -> None:
    titles = (await small_site.room.record("ada")).titles
    for position, title in enumerate(titles, 1):
        for verdict, words in (("more", "More like this?"), ("less", "Less like this?")):
            page = await small_site.get(await small_site.saying(verdict, position))
            assert page.status_code == 200
            assert f"<h1>{words}</h1>" in page.text
            assert f"{title}</a></h2>" in page.text
            assert 'href="https://arxiv.org/abs/2603.' in page.text
            assert page.text.count('class="chosen"') == 1
            # The text part of a mail links one of them alone.
            assert all(f'name="act" value="{act}"' in page.text for act in ("more", "less"))
            assert f'class="chosen" name="act" value="{verdict}"' in page.text
    assert await said(small_site) == []


async def test_a_verdict_is_kept_changed_and_taken_back(site: Site) -> None:
    title = (await site.room.record("ada")).titles[1]
    path = await site.saying("more", 2)
    page = await site.press(path, act="more")
    assert "<h1>Noted: more like this</h1>" in page.text
    assert await said(site) == [("ada", title, "more")]
    page = await site.press(path, act="less")
    assert "<h1>Noted: less like this</h1>" in page.text
    assert await said(site) == [("ada", title, "less")]
    assert "You said so far: less like this." in (await site.get(path)).text
    # Undone is the last step, not all of them.
    fields = dict(HIDDEN.findall(page.text))
    assert fields == {"before": "more"}
    page = await site.press(path, act="undo", **fields)
    assert "<h1>Taken back</h1>" in page.text
    assert await said(site) == [("ada", title, "more")]
    # A page that is loaded again says the same twice; then all of it is taken back.
    page = await site.press(path, act="more")
    await site.press(path, act="undo", **dict(HIDDEN.findall(page.text)))
    assert await said(site) == []


async def test_what_was_saved_is_saved_again_by_undo(small_site: Site) -> None:
    path = await small_site.saying("less")
    await small_site.press(path, act="less")
    await small_site.room.say("UPDATE feedback SET verdict = 'saved'")
    assert "You saved this paper." in (await small_site.get(path)).text
    page = await small_site.press(path, act="less")
    await small_site.press(path, act="undo", **dict(HIDDEN.findall(page.text)))
    assert [verdict for _, _, verdict in await said(small_site)] == ["saved"]
    assert (await small_site.press(path, act="undo", before="nonsense")).status_code == 200
    assert await said(small_site) == []


async def test_presses_at_once_leave_one_verdict(site: Site) -> None:
    path = await site.saying("more", 1)
    answers = await asyncio.gather(*(site.press(path, act=("more", "less")[n % 2]) for n in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await said(site)) == 1


async def test_a_token_is_of_one_mail_of_one_reader(small_site: Site) -> None:
    issue = (await small_site.room.record("ada")).delivery.issue_id
    other = small_site.signer.tag("feedback", issue).partition("-")[2]
    forged = f"{(await small_site.room.record('bob')).delivery.issue_id:x}-{other}"
    mark = (await small_site.saying("more")).split("/")[-2]
    for token in (forged, small_site.signer.tag("unsubscribe", issue), "x"):
        answer = await small_site.press(f"/f/{token}/{mark}/more", act="more")
        assert answer.status_code == 404
        assert "This link is not complete" in answer.text
    await small_site.press(await small_site.saying("more", 1, "bob"), act="more")
    assert [name for name, _, _ in await said(small_site)] == ["bob"]


async def broken(site: Site, paths: Iterable[str]) -> None:
    """Hold that links are refused as one that was cut is, whatever is asked of them, and that nothing changes."""
    before = await site.everything()
    cut = await site.get("/f/1-0123456789abcde/1-01234567/more")
    assert (cut.status_code, "This link is not complete" in cut.text) == (404, True)
    for path in paths:
        pressed = [await site.press(path, **{name: said}) for name, said in (("act", "more"), ("mute", "Ada Lovelace"))]
        file = await site.get(f"{path.rpartition('/')[0]}/paper.bib")
        for answer in (await site.get(path), *pressed, await site.press(path, act="undo"), file):
            assert (answer.status_code, answer.text) == (404, cut.text), path
    assert await site.everything() == before


async def test_the_mark_of_another_paper_mail_or_reader_says_nothing(site: Site) -> None:
    mine = [(await site.saying("more", place)).split("/") for place in (1, 2, 3)]
    bobs = [(await site.saying("more", place, "bob")).split("/") for place in (1, 2, 3)]
    site.room.clock.step(days=1)
    await site.room.take_in(*papers(4, 5, 6))
    await site.room.send()
    newer = [(await site.saying("more", place)).split("/") for place in (1, 2, 3)]
    others = [*bobs, *newer, *mine]
    for at, path in enumerate(mine):
        place = path[-2].partition("-")[0]
        bits = {one[-2].partition("-")[2] for one in others} - {path[-2].partition("-")[2]}
        assert len(bits) == 8
        marks = [*(f"{place}-{one}" for one in bits), *(one[-2] for one in (*bobs, *newer)), f"{place}-00000000"]
        marks += [f"{place % 3 + 1}-{path[-2].partition('-')[2]}" for place in (int(place), int(place) + 1)]
        await broken(site, ["/".join([*path[:-2], mark, "more"]) for mark in marks])
        assert (await site.get("/".join(mine[at]))).status_code == 200


@pytest.mark.parametrize("end", ["{place}", "{place}-", "{mark}0", "{bits}", "x", "0-{bits}", "4-{bits}", "9-{bits}",
                                 "999-{bits}", "-{mark}", "{place}--{bits}", "1" + "0" * 30 + "-{bits}"])  # fmt: skip
async def test_a_link_without_its_whole_mark_is_one_that_was_cut(small_site: Site, end: str) -> None:
    *begun, mark, verdict = (await small_site.saying("more", 2)).split("/")
    place, _, bits = mark.partition("-")
    wrong = end.format(place=place, bits=bits, mark=mark)
    await broken(small_site, ["/".join([*begun, wrong, verdict])])


async def test_a_mark_is_cut_at_no_length(small_site: Site) -> None:
    *begun, mark, verdict = (await small_site.saying("less", 3)).split("/")
    await broken(small_site, ["/".join([*begun, mark[:length], verdict]) for length in range(1, len(mark))])
    assert (await small_site.get("/".join([*begun, mark.upper(), verdict]))).status_code == 200


async def test_a_paper_that_was_taken_out_leaves_no_link_to_what_stands_there(site: Site) -> None:
    paths = [await site.saying("more", place) for place in (1, 2, 3)]
    issue = (await site.room.record("ada")).delivery.issue_id
    await site.room.say("DELETE FROM picks WHERE issue_id = :issue AND position = 2", issue=issue)
    await broken(site, [paths[1]])
    # Those of the others say what they said.
    title = (await site.room.record("ada")).titles[1]
    await site.press(paths[2], act="more")
    assert await said(site) == [("ada", title, "more")]
    await site.room.say("UPDATE picks SET position = 2 WHERE issue_id = :issue AND position = 3", issue=issue)
    await broken(site, paths[1:])


async def test_a_link_of_before_papers_had_marks_says_nothing(small_site: Site) -> None:
    *begun, mark, verdict = (await small_site.saying("more")).split("/")
    await broken(small_site, ["/".join([*begun, mark.partition("-")[0], verdict])])


@pytest.mark.parametrize("end", ["{mark}/loved", "{mark}/", "{mark}", "{mark}/more/"])
async def test_what_is_no_wish_is_no_page(small_site: Site, end: str) -> None:
    *begun, mark, _ = (await small_site.saying("more")).split("/")
    path = "/".join([*begun, end.format(mark=mark)])
    for answer in (await small_site.get(path), await small_site.press(path, act="more")):
        assert answer.status_code == 404
        assert "There is no such page" in answer.text


async def test_links_act_until_the_mail_is_old(small_site: Site) -> None:
    path = await small_site.saying("less")
    small_site.room.clock.moment = NOW + timedelta(days=FEEDBACK_DAYS)
    assert (await small_site.press(path, act="less")).status_code == 200
    small_site.room.clock.step(days=1)
    for answer in (await small_site.get(path), await small_site.press(path, act="more")):
        assert answer.status_code == 410
        assert f"{FEEDBACK_DAYS} days" in answer.text
    assert [verdict for _, _, verdict in await said(small_site)] == ["less"]


async def test_of_two_papers_that_are_one_the_one_that_counts_is_shown_and_kept(site: Site) -> None:
    await site.room.say(
        "UPDATE papers SET merged_into = (SELECT max(id) FROM papers) WHERE id = "
        "(SELECT paper_id FROM picks WHERE position = 1 AND issue_id = :issue) AND id <> (SELECT max(id) FROM papers)",
        issue=(await site.room.record("ada")).delivery.issue_id,
    )
    ((title,),) = await site.room.rows("SELECT title FROM papers WHERE id = (SELECT max(id) FROM papers)")
    path = await site.saying("more", 1)
    assert f"{title}</a>" in (await site.get(path)).text
    await site.press(path, act="more")
    assert await said(site) == [("ada", title, "more")]
    await site.press(path, act="undo")
    assert await said(site) == []


async def test_titles_are_readable_and_a_paper_without_an_address_leads_to_a_search(small_room: Newsroom) -> None:
    await small_room.take_in(Paper(title=r"The $\alpha$ of it", authors=("Ada", "Bo", "Cy", "Di", "Ed")))
    await small_room.subscribe("ada")
    await small_room.compose()
    async with open_site(small_room) as site:
        page = await site.get(await site.saying("more"))
    assert "The α of it</a>" in page.text
    assert 'href="https://huggingface.co/papers?q=' in page.text
    assert "Ada, Bo, Cy and 2 others" in page.text


# A break


@pytest.mark.parametrize(
    ("length", "until", "words"),
    [
        ("week", TODAY + timedelta(days=7), "Nothing comes before Monday, March 9, 2026."),
        ("month", TODAY + timedelta(days=30), "Nothing comes before Wednesday, April 1, 2026."),
        ("return", FOREVER, "Nothing comes until you return."),
    ],
)
async def test_a_break_begins_and_ends_on_its_page(site: Site, length: str, until: date, words: str) -> None:
    path = await site.pausing()
    assert "<h1>Take a break</h1>" in (await site.get(path)).text
    assert await paused(site) is None
    page = await site.press(path, **{"for": length})
    assert "<h1>You are on a break</h1>" in page.text
    assert words in page.text
    assert await paused(site) == until
    await site.room.take_in(*papers(4))
    site.room.clock.step(days=1)
    assert (await site.room.compose()).composed == 1
    page = await site.press(path, act="resume")
    assert "<h1>Your break is over</h1>" in page.text
    assert await paused(site) is None


async def test_a_break_counts_from_the_day_where_they_are_and_ends_by_itself(small_site: Site) -> None:
    await subscribers.edit(
        small_site.room.database,
        address("ada"),
        lambda person: person.model_copy(update={"timezone": "Pacific/Kiritimati"}),
    )
    small_site.room.clock.step(hours=3)
    path = await small_site.pausing()
    await small_site.press(path, **{"for": "week"})
    assert await paused(small_site) == TODAY + timedelta(days=8)
    small_site.room.clock.step(days=7)
    assert "<h1>Take a break</h1>" in (await small_site.get(path)).text


async def test_who_left_has_nothing_to_pause(small_site: Site) -> None:
    await small_site.press(await small_site.leaving(), act="leave")
    path = await small_site.pausing()
    for answer in (
        await small_site.get(path),
        await small_site.press(path, **{"for": "week"}),
        await small_site.press(path, act="resume"),
    ):
        assert answer.status_code == 200
        assert "nothing to pause" in answer.text
    assert await paused(small_site) is None


@pytest.mark.parametrize(
    ("verdict", "asks", "notes"),
    [
        ("saved", "Save this paper?", "Noted: saved"),
        ("seen", "Had you seen this paper?", "Noted: you had seen it"),
    ],
)
async def test_a_paper_is_saved_or_seen_from_a_mail(site: Site, verdict: str, asks: str, notes: str) -> None:
    title = (await site.room.record("ada")).titles[0]
    path = (await site.saying("more", 1)).removesuffix("more") + verdict
    page = await site.get(path)
    assert f"<h1>{asks}</h1>" in page.text
    assert f'class="chosen" name="act" value="{verdict}"' in page.text
    page = await site.press(path, act=verdict)
    assert f"<h1>{notes}</h1>" in page.text
    assert await said(site) == [("ada", title, verdict)]
    await site.press(path, act="undo", **dict(HIDDEN.findall(page.text)))
    assert await said(site) == []


async def test_what_they_had_seen_moves_no_choice(small_site: Site) -> None:
    await small_site.press(await small_site.saying("more", 1), act="seen")
    small_site.room.clock.step(days=1)
    await small_site.room.take_in(*papers(4, 5, 6))
    await small_site.room.send()
    ada, bob = [(await small_site.room.records(name))[-1] for name in ("ada", "bob")]
    assert ada.titles == bob.titles
    picks = await small_site.room.rows("SELECT score FROM picks ORDER BY position, score")
    assert len({score for (score,) in picks}) == len(picks) // 2


async def test_an_author_is_muted_from_a_mail(room: Newsroom) -> None:
    names = ("Ada Ångström", "X; Y", "N" * 300, "Bo Berg")
    await room.take_in(*papers(1, authors=names))
    await room.subscribe("ada")
    await room.compose()
    async with open_site(room) as site:
        path = await site.saying("less")

        async def muted() -> tuple[str, ...]:
            return (await subscribers.find(room.database, address("ada"))).muted_authors

        page = await site.get(path)
        assert "Mute Ada Ångström" in page.text
        # What could not stand in a profile is not offered.
        assert page.text.count('name="mute"') == 2
        page = await site.press(path, mute="Ada Ångström")
        assert "<h1>Noted: muted</h1>" in page.text
        assert "Ada Ångström is muted: hear again" in page.text
        await asyncio.gather(*(site.press(path, mute=name) for name in ("Bo Berg", "Ada Ångström", "Bo Berg")))
        assert sorted(await muted()) == ["Ada Ångström", "Bo Berg"]
        page = await site.press(path, hear="Ada Ångström")
        assert "<h1>Noted: no longer muted</h1>" in page.text
        assert await muted() == ("Bo Berg",)
        for name in ("Cy Clark", "X; Y", "<b>"):
            assert (await site.press(path, mute=name)).status_code == 404
        assert await muted() == ("Bo Berg",)
        room.clock.step(days=FEEDBACK_DAYS + 1)
        assert (await site.press(path, mute="Ada Ångström")).status_code == 410


async def test_a_paper_of_a_mail_is_cited(small_site: Site) -> None:
    start = (await small_site.saying("more", 2)).removesuffix("more")
    page = await small_site.get(f"{start}more")
    assert f'href="/letters{start.removeprefix("/letters")}paper.bib"' in page.text
    bib, ris = [await small_site.get(f"{start}paper.{form}") for form in ("bib", "ris")]
    title = (await small_site.room.record("ada")).titles[1]
    assert f"title = {{{{{title}}}}}" in bib.text
    assert f"TI  - {title}\r\n" in ris.text
    assert bib.headers["Content-Disposition"] == 'attachment; filename="paper.bib"'
    for end in ("paper.txt", "paper.bib/"):
        assert (await small_site.get(start + end)).status_code == 404
    assert (await small_site.client.post(f"{start}paper.bib")).status_code == 404
