"""Who lost their mail has a link sent; nobody learns by it who is subscribed."""

import re
from collections.abc import AsyncIterator

import pytest
from newsroom import Newsroom, address, until
from webroom import HIDDEN, Site, filled, open_site

from newsletter.models import Consent
from newsletter.pipeline import subscribers
from newsletter.pipeline.lost import Lost
from newsletter.pipeline.subscribers import erase

LOST = "/letters/lost"


_done: list[str] = []


@pytest.fixture
async def site(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada and Bob; what follows an answer is noted when it is done."""
    _done.clear()
    send = Lost.send

    async def noted(lost: Lost, email: str) -> None:
        await send(lost, email)
        _done.append(email)

    monkeypatch.setattr(Lost, "send", noted)
    async with open_site(await filled(room)) as opened:
        yield opened


async def form(site: Site) -> str:
    """Return the token of a new form, as a person has filled it in."""
    found = dict(HIDDEN.findall((await site.get(LOST)).text))["form"]
    site.room.clock.step(seconds=20)
    return str(found)


async def ask(site: Site, email: str) -> tuple[int, str]:
    """Ask for a link, and return the answer without what is new in each form."""
    before = len(_done)
    answer = await site.press(LOST, form=await form(site), email=email)
    await until(lambda: len(_done) > before)
    return answer.status_code, answer.text


async def links(site: Site) -> list[str]:
    """Return the addresses that links wait for or went to."""
    return [one.delivery.address for one in await site.room.records() if one.kind == "link"]


async def test_the_answer_is_the_same_whoever_asks_and_the_mail_opens_all(site: Site) -> None:
    await site.room.subscribe("gone")
    await erase(site.room.database, site.room.clock, address("gone"))
    await site.press(await site.leaving("bob"), act="leave")
    answers = {await ask(site, email) for email in ("ada@example.org", "bob@example.org", "gone@example.org",
                                                    "nobody@example.org", " ADA@Example.ORG ")}  # fmt: skip
    assert len(answers) == 1
    assert await links(site) == ["ada@example.org"]
    await site.room.deliver()
    [file] = [one for one in (site.room.app.settings.smtp.outbox).glob("*.eml") if b"Your link" in one.read_bytes()]
    said = file.read_text()
    assert "List-Unsubscribe" not in said
    assert "Auto-Submitted: auto-generated" in said
    text = (await site.room.preview("ada", kind="link")).written.rendered.text
    [page] = re.findall(r"https://papers\.example\.org(/letters/settings/\S+)", text)
    answer = await site.get(page)
    assert answer.status_code == 200
    assert "Get it at another address" in answer.text
    site.room.clock.step(hours=1)
    assert (await site.get(page)).status_code == 410


async def test_looking_sends_nothing(site: Site) -> None:
    before = await site.everything()
    for _ in range(3):
        assert (await site.get(LOST)).status_code == 200
        assert (await site.client.head(LOST)).status_code == 200
    assert await site.everything() == before


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.org", "a b@example.org", "a\n@example.org", "x" * 400])
async def test_what_is_no_address_is_told(site: Site, email: str) -> None:
    answer = await site.press(LOST, form=await form(site), email=email)
    assert answer.status_code == 422
    assert 'aria-describedby="fault-email"' in answer.text
    assert await links(site) == []


async def test_a_form_that_is_forged_too_fast_or_too_old_sends_nothing(site: Site) -> None:
    given = await form(site)
    for wrong in ("", "x", given[:-1], given + "a", (await site.leaving()).rpartition("/")[2]):
        assert (await site.press(LOST, form=wrong, email="ada@example.org")).status_code == 422
    site.room.clock.step(hours=1)
    assert (await site.press(LOST, form=given, email="ada@example.org")).status_code == 422
    fresh = dict(HIDDEN.findall((await site.get(LOST)).text))["form"]
    site.room.clock.step(seconds=1)
    assert (await site.press(LOST, form=fresh, email="ada@example.org")).status_code == 422
    assert await links(site) == []


async def test_a_mailbox_gets_three_a_day_and_never_two_at_once(site: Site) -> None:
    for waiting in range(1, 5):
        await ask(site, "ada@example.org")
        await ask(site, "ada@example.org")
        assert len(await links(site)) == min(waiting, 3)
        await site.room.deliver()
    site.room.clock.step(days=1)
    await ask(site, "ada@example.org")
    assert len(await links(site)) == 4


async def test_a_pause_keeps_no_link_back_but_a_suppression_does(site: Site) -> None:
    await subscribers.pause(site.room.database, address("ada"), None)
    await ask(site, "ada@example.org")
    await site.room.deliver()
    kept = {one.delivery.address: str(one.delivery.state) for one in await site.room.records() if one.kind == "link"}
    assert kept == {"ada@example.org": "caught"}
    async with site.room.database.begin() as connection:
        from newsletter.store import suppressions

        await suppressions.add(connection, address("bob"), "a hard bounce", site.room.clock.now())
    await ask(site, "bob@example.org")
    assert await links(site) == ["ada@example.org"]
    assert (await subscribers.find(site.room.database, address("bob"))).state is Consent.CONFIRMED
