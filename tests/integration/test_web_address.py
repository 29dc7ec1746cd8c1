"""A reader's mail goes to another address: confirmed there, told at the old one, the record kept."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from newsroom import Newsroom, address
from webroom import Site, filled, open_site

from newsletter.errors import NotFoundError
from newsletter.models import Consent
from newsletter.pipeline import subscribers
from newsletter.store import suppressions

NEW = "ada@new.example"


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada and Bob."""
    async with open_site(await filled(room)) as opened:
        yield opened


async def asking(site: Site) -> str:
    """Return the path of the page on which Ada asks for another address."""
    return (await site.changing(own=True)).replace("/settings/", "/address/")


async def mails(site: Site, kind: str) -> list[tuple[str, str]]:
    """Return the mails of a kind: to whom, and in which state."""
    found = [one for one in await site.room.records() if one.kind == kind]
    return [(one.delivery.address, str(one.delivery.state)) for one in found]


async def confirming(site: Site, email: str = NEW) -> str:
    """Return where the mail to the new address leads."""
    text = (await site.room.preview(email, kind="confirmation")).written.rendered.text
    [page] = re.findall(r"https://papers\.example\.org(/letters/moved/\S+)", text)
    assert "a•••@example.org" in text
    assert "ada@example.org" not in text
    return str(page)


async def test_confirmed_at_the_new_one_told_at_the_old_one_and_the_record_kept(site: Site) -> None:
    await site.press(await site.saying("more", 1), act="more")
    settings = await site.changing()
    before = await subscribers.find(site.room.database, address("ada"))
    answer = await site.press(await asking(site), email=f" {NEW} ")
    assert "Look into the mail of the new address" in answer.text
    assert await mails(site, "confirmation") == [(NEW, "queued")]
    assert await subscribers.find(site.room.database, address("ada")) == before
    page = await confirming(site)
    held = await site.everything()
    for _ in range(3):
        looked = await site.get(page)
        assert "Get it at this address?" in looked.text
    assert await site.everything() == held
    answer = await site.press(page, act="move")
    assert "It comes to this address now" in answer.text
    assert "a•••@new.example" in answer.text
    after = await subscribers.find(site.room.database, NEW)
    assert (after.id, after.state, after.links) == (before.id, Consent.CONFIRMED, 1)
    assert len(await site.room.rows("SELECT * FROM feedback")) == 1
    assert (await subscribers.find(site.room.database, address("ada"))).state is Consent.UNSUBSCRIBED
    assert await mails(site, "goodbye") == [("ada@example.org", "queued")]
    goodbye = (await site.room.preview("ada", kind="goodbye")).written.rendered.text
    assert "a•••@new.example" in goodbye
    assert "Come back" not in goodbye
    # What waited goes to the new address, and the links of before open nothing.
    assert ("issue", NEW) in [(one.kind, one.delivery.address) for one in await site.room.records()]
    assert (await site.get(settings)).status_code == 410
    await site.room.deliver()
    assert await mails(site, "goodbye") == [("ada@example.org", "caught")]
    assert [state for _, state in await mails(site, "confirmation")] == ["suppressed"]
    evidence = await subscribers.details(site.room.database, NEW)
    assert evidence.consents[-1].how == "by the button of the mail to their new address"
    # What they had is theirs as before.
    received = await site.room.rows("SELECT * FROM received WHERE subscriber_id = :id", id=before.id)
    assert len(received) == 3


async def test_pressed_twice_or_at_once_it_is_done_once(site: Site) -> None:
    await site.press(await asking(site), email=NEW)
    page = await confirming(site)
    answers = await asyncio.gather(*(site.press(page, act="move") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await subscribers.find(site.room.database, NEW)).links == 1
    assert "It comes to this address now" in (await site.press(page, act="move")).text
    assert len(await mails(site, "goodbye")) == 1


async def test_of_two_new_addresses_one_is_it(site: Site) -> None:
    for email in (NEW, "ada@other.example"):
        await site.press(await asking(site), email=email)
    pages = [await confirming(site, email) for email in (NEW, "ada@other.example")]
    answers = await asyncio.gather(*(site.press(page, act="move") for page in pages))
    assert sorted(answer.status_code for answer in answers) == [200, 410]


async def test_the_address_of_somebody_else_or_one_that_must_not_be_mailed_gets_nothing(site: Site) -> None:
    async with site.room.database.begin() as connection:
        await suppressions.add(connection, "dead@example.org", "a hard bounce", site.room.clock.now())
    before = await site.everything()
    answers = {(await site.press(await asking(site), email=email)).text for email in ("bob@example.org",
                                                                                      "dead@example.org")}  # fmt: skip
    assert len(answers) == 1
    assert "Look into the mail" in answers.pop()
    assert await site.everything() == before
    for email in ("ada@example.org", "ADA@example.org", "ada", ""):
        assert (await site.press(await asking(site), email=email)).status_code == 422


async def test_who_was_taken_meanwhile_stays_theirs(site: Site) -> None:
    await site.press(await asking(site), email=NEW)
    page = await confirming(site)
    await site.room.app.notices.confirm(
        site.room.database,
        site.signer,
        _confirm_token(site, (await subscribers.find(site.room.database, NEW)).id),
        how="x",
    )
    assert (await site.press(page, act="move")).status_code == 410
    assert (await subscribers.find(site.room.database, address("ada"))).state is Consent.CONFIRMED


def _confirm_token(site: Site, number: int) -> str:
    from newsletter.pipeline.notices import token_of

    return token_of(site.signer, number, NEW)


async def test_the_links_act_for_their_time_and_their_purpose(site: Site) -> None:
    settings = await site.changing()
    for wrong in (settings.rpartition("/")[2], "x", (await site.leaving()).rpartition("/")[2]):
        assert (await site.get(f"/letters/address/{wrong}")).status_code == 404
        assert (await site.get(f"/letters/moved/{wrong}")).status_code == 404
    await site.press(await asking(site), email=NEW)
    page = await confirming(site)
    assert (await site.press(page)).status_code == 400
    assert (await site.get(page[:-1])).status_code == 404
    site.room.clock.step(days=1)
    assert (await site.press(page, act="move")).status_code == 410
    site.room.clock.step(hours=-1)
    await site.press(await site.changing(), act="renew")
    assert (await site.press(page, act="move")).status_code == 410
    await subscribers.erase(site.room.database, site.room.clock, NEW)
    assert (await site.press(page, act="move")).status_code == 410


async def test_a_move_that_is_killed_moves_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.press(await asking(site), email=NEW)
    page, before = await confirming(site), await site.everything()

    async def killed(*_given: Any, **_named: Any) -> bool:
        raise RuntimeError("killed")

    monkeypatch.setattr(type(site.room.app.notices), "tell", killed)
    assert (await site.press(page, act="move")).status_code == 500
    assert await site.everything() == before
    with pytest.raises(NotFoundError):
        await subscribers.find(site.room.database, "nobody@new.example")
