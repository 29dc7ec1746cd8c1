"""The operator looks at mail: the next one of a reader, or a sample; for nobody else, and nothing is kept of it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from newsroom import DAY, TODAY, Newsroom, address, papers
from test_web_operator import FORM, KEPT, enter
from webroom import Site, open_site

from newsletter.pipeline import operator_mail, subscribers
from newsletter.pipeline.samples import kinds

MAIL = "/letters/operator/mail"
FRAME = re.compile(r'<iframe [^>]*src="([^"]+)"')


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """Ada and Bob had a mail with two papers; three more have come."""
    room = small_room
    await room.take_in(*papers(1, 2))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await room.send()
    room.clock.step(days=1)
    await room.take_in(*papers(3, 4, 5))
    room.set("operator", password_hash=KEPT)
    async with open_site(room) as opened:
        yield opened


async def looked(site: Site, cookie: dict[str, str], **fields: str) -> httpx.Response:
    """Ask for a mail as the form does."""
    form = FORM.search((await site.get(MAIL, headers=cookie)).text)
    assert form is not None
    return await site.client.post(MAIL, data={"form": form[1], **fields}, headers=cookie)


async def framed(site: Site, cookie: dict[str, str], page: httpx.Response) -> httpx.Response:
    """Return the mail in the frames of a page, which is the same one in both."""
    (one,) = set(FRAME.findall(page.text))
    return await site.get(one, headers=cookie)


async def test_what_comes_next_for_a_reader_is_seen_and_nothing_is_kept(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    before = await everything(site)
    page = await looked(site, cookie, email=address("ada"))
    assert page.status_code == 200
    # Who looks over a shoulder learns no address, nor does a history of pages.
    assert address("ada") not in page.text
    assert "a•••@example.org" in page.text
    mail = await framed(site, cookie, page)
    for paper, there in zip(papers(1, 2, 3, 4, 5), (False, False, True, True, True), strict=True):
        assert (paper.title in mail.text) is there
    assert await everything(site) == before


async def everything(site: Site) -> Any:
    """Return all that the database holds, and how much mail there is."""
    return (
        await site.everything(),
        await site.room.rows("SELECT * FROM editions"),
        await site.room.rows("SELECT * FROM received ORDER BY paper_id, subscriber_id"),
    )


async def test_a_mail_is_seen_in_another_look_and_language_without_its_address_again(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    page = await looked(site, cookie, email=address("ada"))
    of = re.search(r'name="of" value="([^"]+)"', page.text)
    assert of is not None
    german = await framed(site, cookie, await looked(site, cookie, of=of[1], language="de", look="compact"))
    assert '<html lang="de"' in german.text
    text = await framed(site, cookie, await looked(site, cookie, of=of[1], look="plain"))
    assert "<table" not in text.text
    assert "<pre>" in text.text


async def test_links_in_it_lead_nowhere_and_nothing_in_it_runs(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    mail = await framed(site, cookie, await looked(site, cookie, email=address("ada")))
    policy = mail.headers["content-security-policy"]
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'self'"} <= set(policy.split("; "))
    assert mail.headers["cache-control"] == "no-store"
    for link in (await site.leaving(), await site.changing(), await site.saying("more")):
        assert link.partition("?")[0] not in mail.text
    dead = re.findall(r"https://papers\.example\.org(/letters/(?:unsubscribe|settings|f|pause)/[^\"]+)", mail.text)
    assert dead
    for link in dead:
        assert (await site.get(link)).status_code in (404, 410)


@pytest.mark.parametrize("kind", kinds())
async def test_every_kind_of_mail_has_a_sample(site: Site, kind: str) -> None:
    cookie = {"cookie": await enter(site)}
    page = await looked(site, cookie, kind=kind, language="en")
    assert page.status_code == 200
    assert f'<option value="{kind}" selected>' in page.text
    assert "<body" in (await framed(site, cookie, page)).text


async def test_who_is_named_is_meant_also_beside_the_sample_with_which_the_form_begins(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    begun = re.search(r'<option value="([a-z-]+)" selected>', (await site.get(MAIL, headers=cookie)).text)
    assert begun is not None
    page = await looked(site, cookie, kind=begun[1], email=address("ada"))
    assert papers(3)[0].title in (await framed(site, cookie, page)).text
    assert f'<option value="{begun[1]}" selected>' not in page.text


async def test_nobody_sees_mail_without_the_password(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    page = await looked(site, cookie, email=address("ada"))
    (frame,) = set(FRAME.findall(page.text))
    door = await site.get(MAIL)
    assert "Password" in door.text
    assert "<iframe" not in door.text
    form = FORM.search(door.text)
    assert form is not None
    asked = await site.press(MAIL, form=form[1], email=address("ada"))
    assert "<iframe" not in asked.text
    assert (await site.get(frame)).status_code == 404
    forged = await site.client.post(MAIL, data={"form": "x", "email": address("ada")}, headers=cookie)
    assert (forged.status_code, "<iframe" in forged.text) == (403, False)
    other = {**cookie, "sec-fetch-site": "cross-site"}
    across = await site.client.post(MAIL, data={"form": form[1], "email": address("ada")}, headers=other)
    assert (across.status_code, "<iframe" in across.text) == (403, False)


async def test_without_a_way_in_there_is_no_mail_to_see(small_room: Newsroom) -> None:
    async with open_site(small_room) as site:
        for path in (MAIL, f"{MAIL}/x"):
            assert (await site.get(path)).status_code == 404
        assert (await site.press(MAIL, email=address("ada"))).status_code == 404


@pytest.mark.parametrize(("email", "words"), [("", "Whose mail"), ("kim@example.org", "Nobody with this"), ("@", "No")])
async def test_who_is_not_on_record_is_told_without_naming_others(site: Site, email: str, words: str) -> None:
    cookie = {"cookie": await enter(site)}
    page = await looked(site, cookie, email=email)
    assert page.status_code == 422
    assert words in page.text
    assert "<iframe" not in page.text
    assert "@example.org" not in page.text


async def test_what_keeps_mail_from_them_is_said(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    page = await looked(site, cookie, email=address("ada"))
    assert 'class="notice"' not in page.text
    await subscribers.pause(site.room.database, address("ada"), TODAY + 9 * DAY)
    site.room.clock.step(seconds=2)
    assert "They have paused" in (await looked(site, cookie, email=address("ada"))).text
    await subscribers.remove(site.room.database, site.room.clock, address("bob"), source="test")
    assert "have left" in (await looked(site, cookie, email=address("bob"))).text


async def test_a_reader_for_whom_nothing_is_left_gets_nothing(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    await site.room.send()
    page = await looked(site, cookie, email=address("ada"))
    assert "There is no paper for them now." in page.text
    assert "They have their issue of today." in page.text
    assert "<iframe" not in page.text


async def test_a_mail_that_was_seen_is_gone_after_an_hour_and_with_its_reader(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    frames = [FRAME.findall((await looked(site, cookie, email=address(name))).text)[0] for name in ("ada", "bob")]
    await subscribers.erase(site.room.database, site.room.clock, address("bob"))
    assert [(await site.get(one, headers=cookie)).status_code for one in frames] == [200, 404]
    site.room.clock.moment += operator_mail.LASTS + timedelta(seconds=1)
    assert (await site.get(frames[0], headers=cookie)).status_code == 404
    assert (await site.get(f"{frames[0][:-2]}xx", headers=cookie)).status_code == 404


async def test_figures_lead_there(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    assert f'href="{MAIL}"' in (await site.get("/letters/operator", headers=cookie)).text
