"""The page on which readers change what they get: each form for itself, checked as on the command line."""

import asyncio
import re
from datetime import date
from typing import Any

import pytest
from newsroom import TODAY, Newsroom, address, papers
from webroom import Site, filled, open_site

from newsletter.models import Subscriber
from newsletter.pipeline import secrets, subscribers
from newsletter.store import subscribers as rows


@pytest.fixture
async def site(room: Newsroom) -> Any:
    """The pages of a newsletter with a mail for Ada and Bob."""
    async with open_site(await filled(room)) as opened:
        yield opened


async def ada(site: Site) -> Subscriber:
    """Return Ada as she is on record."""
    return await subscribers.find(site.room.database, address("ada"))


async def test_looking_changes_nothing(site: Site) -> None:
    before = await site.everything()
    for own in (False, True):
        answer = await site.get(await site.changing(own=own))
        assert answer.status_code == 200
        assert "ada@example.org" not in answer.text
        assert "a•••@example.org" in answer.text
        assert ("Get it at another address" in answer.text) is own
        assert (await site.client.head(await site.changing(own=own))).status_code in (200, 405)
    script = await site.get("/letters/settings.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert await site.everything() == before


async def test_the_link_stands_in_the_mail(site: Site) -> None:
    message = (await site.room.preview("ada")).written.rendered
    link = f"https://papers.example.org{await site.changing()}"
    assert link in message.html
    assert link in message.text
    assert (await site.get(await site.changing())).status_code == 200


async def test_each_form_is_saved_for_itself_and_says_what_changed(site: Site) -> None:
    page = await site.changing()
    fields = {"new": "violin making\n\n  pepper  trade ", "weight": "0.5", "add.reasoning": "reasoning"}
    answer = await site.press(page, group="topics", act="save", **fields)
    assert answer.status_code == 200
    assert "now with pepper trade 0.5, reasoning 0.5, violin making 0.5" in answer.text
    answer = await site.press(page, group="when", act="save", cadence="weekly:fri", hour="18", timezone="Asia/Tokyo")
    assert "Every week, on Friday (it was Every day)" in answer.text
    await site.press(page, group="names", act="save", authors="Ada Ångström\nBo Berg", muted_words="survey")
    await site.press(page, group="amount", act="save", papers="4", minutes="", bar="many", language="de")
    await site.press(page, group="searches", act="save", searches="cat:cs.CL AND abs:retrieval\nglass harp")
    found = await ada(site)
    assert {topic.name: topic.weight for topic in found.topics} == {
        "reasoning": 0.5, "violin making": 0.5, "pepper trade": 0.5
    }  # fmt: skip
    assert (found.cadence, found.hour, found.timezone) == ("weekly:fri", 18, "Asia/Tokyo")
    assert (found.authors, found.muted_words) == (("Ada Ångström", "Bo Berg"), ("survey",))
    assert (found.papers, found.minutes, found.bar, found.language) == (4, None, "many", "de")
    assert found.searches == ("cat:cs.CL AND abs:retrieval", "all:glass AND all:harp")
    answer = await site.press(page, group="when", act="save", cadence="weekly:fri", hour="18", timezone="Asia/Tokyo")
    assert "es gab nichts zu ändern" in answer.text
    # Weights move, and what is to be left out goes.
    moved = {"topic.1": "reasoning", "weight.1": "-0.4", "topic.2": "violin making", "weight.2": "0.5", "drop.2": "1"}
    await site.press(page, group="topics", act="save", **moved)
    assert {topic.name: topic.weight for topic in (await ada(site)).topics} == {"reasoning": -0.4, "pepper trade": 0.5}


@pytest.mark.parametrize(
    ("group", "fields", "field"),
    [
        ("topics", {"new": "a; b"}, "topics"),
        ("topics", {"new": "x" * 201}, "topics"),
        ("topics", {"new": "fine", "weight": "7"}, "topics"),
        ("topics", {"new": "fine", "weight": "nan"}, "topics"),
        ("topics", {"new": "\n".join(map(str, range(120)))}, "topics"),
        ("names", {"authors": "fine", "muted_words": "a\x00b"}, "muted_words"),
        ("when", {"cadence": "hourly"}, "cadence"),
        ("when", {"hour": "24"}, "hour"),
        ("when", {"hour": ""}, "hour"),
        ("when", {"timezone": "Mars/Base"}, "timezone"),
        ("amount", {"papers": "0"}, "papers"),
        ("amount", {"papers": "many"}, "papers"),
        ("amount", {"minutes": "100000"}, "minutes"),
        ("amount", {"bar": "high"}, "bar"),
        ("amount", {"language": "<b>"}, "language"),
        ("searches", {"searches": "cat:"}, "searches"),
        ("searches", {"searches": "\n".join(f"word{n}" for n in range(11))}, "searches"),
    ],
)
async def test_what_cannot_be_kept_is_told_beside_its_field_and_nothing_changes(
    site: Site, group: str, fields: dict[str, str], field: str
) -> None:
    before = await ada(site)
    answer = await site.press(await site.changing(), group=group, act="save", **fields)
    assert answer.status_code == 422
    assert f'id="fault-{field}"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert await ada(site) == before
    for text in fields.values():
        if text in ("many", "100000", "cat:", "a; b"):
            assert text in answer.text


async def test_the_next_mail_is_shown_and_nothing_is_saved(site: Site) -> None:
    await site.room.take_in(*papers(7, title="Glass harps for everyone"), *papers(8))
    before, page = await site.everything(), await site.changing()
    answer = await site.press(page, group="topics", act="next", new="glass harps", weight="1")
    assert answer.status_code == 200
    assert "Glass harps for everyone" in answer.text
    assert "Nothing is saved so far" in answer.text
    assert 'value="glass harps"' in answer.text
    assert await site.everything() == before
    assert (await ada(site)).topics == ()
    answer = await site.press(page, group="names", act="next", muted_words="glass")
    assert "Glass harps for everyone" not in answer.text
    # Saved from there, it is what was shown.
    await site.press(page, group="topics", act="save", **{"topic.1": "glass harps", "weight.1": "1"})
    assert [topic.name for topic in (await ada(site)).topics] == ["glass harps"]


async def test_what_was_said_is_told_as_it_was_said(site: Site) -> None:
    for verdict, words in (("seen", "Seen it"), ("saved", "You saved this paper."), ("less", "Less like this")):
        await site.press(await site.saying("more", 1), act=verdict)
        told = re.findall(r'<span class="soft why">([^<]*)</span>', (await site.get(await site.changing())).text)
        assert told == [words]


async def test_what_was_said_is_taken_back(site: Site) -> None:
    await site.press(await site.saying("more", 1), act="more")
    await site.press(await site.saying("less", 2), act="less")
    page = await site.changing()
    answer = await site.get(page)
    assert answer.text.count('name="take"') == 2
    (number,) = (await site.room.rows("SELECT paper_id FROM feedback WHERE verdict = 'less'"))[0]
    answer = await site.press(page, take=str(number))
    assert answer.text.count('name="take"') == 1
    # Bob's stays his.
    await site.press(await site.saying("more", 1, "bob"), act="more")
    (number,) = (await site.room.rows("SELECT paper_id FROM feedback WHERE verdict = 'more'"))[0]
    await site.press(page, take=str(number))
    assert len(await site.room.rows("SELECT * FROM feedback")) == 1


async def test_a_break_until_a_day(site: Site) -> None:
    page = await site.changing()
    for day in ("", "yesterday", TODAY.isoformat(), "2026-03-01"):
        assert (await site.press(page, act="pause", until=day)).status_code == 422
    answer = await site.press(page, act="pause", until="2026-03-20")
    assert "Friday, March 20, 2026" in answer.text
    assert (await ada(site)).paused_until == date(2026, 3, 20)
    await site.press(page, act="resume")
    assert (await ada(site)).paused_until is None


async def test_new_links_shut_those_of_before_but_to_leave(site: Site) -> None:
    page, own, leaving = await site.changing(), await site.changing(own=True), await site.leaving()
    answer = await site.press(page, act="renew")
    assert "made new" in answer.text
    for old in (page, own):
        answer = await site.get(old)
        assert answer.status_code == 410
        assert "replaced by a new one" in answer.text
        assert (await site.press(old, group="when", act="save", hour="3")).status_code == 410
    assert (await ada(site)).hour == 7
    assert (await site.get(await site.changing())).status_code == 200
    assert (await site.get(leaving)).status_code == 200
    assert (await site.get(await site.changing("bob"))).status_code == 200
    assert (
        f"https://papers.example.org{await site.changing()}" in (await site.room.preview("ada")).written.rendered.html
    )


async def test_forged_old_swapped_and_strange_links(site: Site) -> None:
    page, bobs = await site.changing(), await site.changing("bob")
    token, other = page.rpartition("/")[2], bobs.rpartition("/")[2]
    mixed = f"{token.rpartition('-')[0]}-{other.rpartition('-')[2]}"
    feed = (await site.room.app.doors()).feed(await ada(site))
    for wrong in (
        mixed,
        token[:-1],
        token + "0",
        "x",
        feed,
        (await site.leaving()).rpartition("/")[2],
        "%00",
        "0" * 5000,
    ):
        answer = await site.get(f"/letters/settings/{wrong}")
        assert answer.status_code == 404
        assert "http" in answer.text or "mailto" in answer.text
    own = await site.changing(own=True)
    site.room.clock.step(hours=2)
    assert (await site.get(own)).status_code == 410
    assert (await site.get(page)).status_code == 200
    site.room.clock.step(days=61)
    answer = await site.get(page)
    assert answer.status_code == 410
    assert "Send me my link" in answer.text
    await subscribers.erase(site.room.database, site.room.clock, address("ada"))
    site.room.clock.step(days=-61)
    assert (await site.get(page)).status_code == 410


async def test_pages_follow_a_secret_that_was_made_new(site: Site) -> None:
    page = await site.changing()
    await secrets.rotate(site.room.database, site.room.clock, 0)
    site.room.clock.step(seconds=59)
    assert (await site.get(page)).status_code == 200
    site.room.clock.step(seconds=1)
    assert (await site.get(page)).status_code == 404
    # The press of the mail that is written next signs with it too.
    text = (await site.room.preview("ada")).written.rendered.text
    [link] = re.findall(r"https://papers\.example\.org(/letters/settings/\S+)", text)
    assert (await site.get(link)).status_code == 200


@pytest.mark.parametrize("form", [{}, {"act": "save"}, {"act": "save", "group": "none"}, {"take": "x"}, {"act": "own"}])
async def test_what_no_button_sends_is_refused(site: Site, form: dict[str, str]) -> None:
    answer = await site.press(await site.changing(), **form)
    assert answer.status_code == 400


async def test_two_forms_at_once_lose_nothing(site: Site) -> None:
    page = await site.changing()
    forms = [
        {"group": "topics", "act": "save", "new": "glass"},
        {"group": "topics", "act": "save", "new": "harps"},
        {"group": "names", "act": "save", "authors": "Bo Berg"},
        {"group": "when", "act": "save", "hour": "9"},
        {"group": "amount", "act": "save", "papers": "3"},
    ]
    answers = await asyncio.gather(*(site.press(page, **form) for form in forms))
    assert {answer.status_code for answer in answers} == {200}
    found = await ada(site)
    assert {topic.name for topic in found.topics} == {"glass", "harps"}
    assert (found.authors, found.hour, found.papers) == (("Bo Berg",), 9, 3)


async def test_a_change_that_is_killed_leaves_all_as_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole = await site.everything(), rows.change

    async def killed(*given: Any) -> None:
        await whole(*given)
        raise RuntimeError("killed")

    monkeypatch.setattr(rows, "change", killed)
    answer = await site.press(await site.changing(), group="topics", act="save", new="glass")
    assert answer.status_code == 500
    assert await site.everything() == before


async def test_who_left_has_nothing_to_change(site: Site) -> None:
    await site.press(await site.leaving(), act="leave")
    answer = await site.get(await site.changing())
    assert "nothing to change" in answer.text
    assert "<form" not in answer.text


# The look, the best of a pause, and the whole mail


async def test_a_look_of_their_own_and_back_to_the_usual(site: Site) -> None:
    page = await site.changing()
    answer = await site.press(page, group="amount", act="save", look="plain")
    assert "How it looks: Text alone (it was no wish)" in answer.text
    assert (await ada(site)).look == "plain"
    await site.press(page, group="amount", act="save", look="")
    assert (await ada(site)).look is None
    assert (await site.press(page, group="amount", act="save", look="loud")).status_code == 422


async def test_whether_the_best_of_a_pause_come_is_their_choice(site: Site) -> None:
    page, pausing = await site.changing(), await site.pausing()
    answer = await site.press(page, group="break", act="save", **{"best.asked": "1"})
    assert "The ten best of a break: no (it was yes)" in answer.text
    assert not (await ada(site)).best_missed
    # A form that does not ask leaves it as it is.
    await site.press(page, act="pause", until="2026-03-20")
    assert not (await ada(site)).best_missed
    await site.press(page, group="break", act="pause", until="2026-03-20", best="1", **{"best.asked": "1"})
    assert (await ada(site)).best_missed
    assert (await ada(site)).away
    for given, wanted in (({"best.asked": "1"}, False), ({}, False), ({"best.asked": "1", "best": "1"}, True)):
        answer = await site.press(pausing, **{"for": "week"}, **given)
        assert (await ada(site)).best_missed is wanted
        assert ('value="1" checked' in answer.text) is wanted


async def test_the_whole_next_mail_is_shown_as_it_would_be(site: Site) -> None:
    await site.room.take_in(*papers(7, title="Glass harps for everyone"), *papers(8))
    before, page = await site.everything(), await site.changing()
    mail = page.replace("/settings/", "/next/")
    answer = await site.get(mail)
    assert answer.status_code == 200
    assert "Glass harps for everyone" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self'; sandbox")
    assert "script-src" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-src 'self'" in (await site.get(page)).headers["content-security-policy"]
    assert "ada@example.org" not in answer.text
    assert "a•••@example.org" in answer.text
    # A link of it acts for nobody.
    links = re.findall(r"https://papers\.example\.org(/letters/\w+/[^\"'<>\s]+)", answer.text)
    assert links
    for link in set(links):
        assert (await site.get(link)).status_code in (404, 410)
    answer = await site.press(mail, group="names", muted_words="glass")
    assert "Glass harps for everyone" not in answer.text
    answer = await site.press(mail, group="amount", look="plain", language="de")
    assert '<html lang="de"' in answer.text
    assert "<pre>" in answer.text
    assert (await site.press(mail, group="amount", papers="none")).status_code == 422
    answer = await site.press(mail, group="names", muted_words="glass\npepper\nharbour")
    assert answer.status_code == 200
    assert await site.everything() == before
    # The form that stands on the page has what was thought of.
    answer = await site.press(page, group="names", act="next", muted_words="glass\nviolin")
    assert 'name="muted_words" value="glass\nviolin"' in answer.text.replace("\r", "")


async def test_the_whole_mail_is_shown_to_its_reader_alone(site: Site) -> None:
    page = await site.changing()
    assert (await site.get(f"{page.replace('/settings/', '/next/')[:-1]}x")).status_code == 404
    assert (await site.get("/letters/next/x")).status_code == 404
    await site.press(page, act="renew")
    assert (await site.get(page.replace("/settings/", "/next/"))).status_code == 410
    await subscribers.remove(site.room.database, site.room.clock, address("bob"), source="test")
    answer = await site.get((await site.changing("bob")).replace("/settings/", "/next/"))
    assert "The " not in re.sub(r"<style>.*?</style>", "", answer.text, flags=re.DOTALL).replace("There", "")
