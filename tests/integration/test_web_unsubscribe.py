"""The page that unsubscribes and its one-click endpoint, asked through a real server."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx
import pytest
from newsroom import NOW, TODAY, Newsroom, address, papers
from servers import Server
from webroom import BASE, Site, filled, open_site

from newsletter.models import FOREVER, Consent, Subscription
from newsletter.pipeline import subscribers
from newsletter.pipeline.notices import LONGEST_UNTOLD, MOST_ANSWERS, MOST_GOODBYES
from newsletter.pipeline.readers import LONGEST_REASON, RETURN_DAYS
from newsletter.store import subscribers as rows
from newsletter.store import suppressions

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada and one to Bob."""
    async with open_site(await filled(small_room)) as opened:
        yield opened


async def state(site: Site, name: str = "ada") -> Consent:
    """Return the state of someone's consent."""
    return (await subscribers.find(site.room.database, address(name))).state


# One click


async def test_the_header_of_a_mail_unsubscribes_its_reader_with_one_post(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(1))
    async with open_site(small_room) as site, Server() as relay:
        small_room.relay(relay)
        for name in ("ada", "bob"):
            await small_room.subscribe(name)
        await small_room.send()
        message = next(
            found
            for found in (message_from_bytes(one.content, policy=default) for one in relay.messages)
            if found["To"] == address("ada")
        )
        assert message["List-Unsubscribe-Post"] == ONE_CLICK
        (link,) = re.findall(r"<(https:[^>]+)>", message["List-Unsubscribe"])
        assert link.startswith(f"{BASE}/unsubscribe/")
        answer = await site.client.post(site.here(link), content=ONE_CLICK, headers=FORM)
        assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
        assert (await state(site), await state(site, "bob")) == (Consent.UNSUBSCRIBED, Consent.CONFIRMED)
        last = (await site.evidence())[-1]
        assert (last.how, last.at) == ("by one click in their mail program", NOW)


def multipart(end: str, boundary: str = "x") -> str:
    field = 'Content-Disposition: form-data; name="List-Unsubscribe"'
    return end.join([f"--{boundary}", field, "", "One-Click", f"--{boundary}--", ""])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", ONE_CLICK),
        ("application/x-www-form-urlencoded; charset=UTF-8", "list-unsubscribe=one-click"),
        ("text/plain", ONE_CLICK + "\r\n"),
        ("", ONE_CLICK),
        ("multipart/form-data; boundary=x", multipart("\r\n")),
        ('Multipart/Form-Data; boundary="- y"', multipart("\r\n", "- y")),
        ("multipart/form-data; boundary=x", multipart("\n")),
    ],
)
async def test_one_click_is_understood_in_every_encoding(site: Site, kind: str, body: str) -> None:
    answer = await site.client.post(await site.leaving(), content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200
    assert await state(site) is Consent.UNSUBSCRIBED


async def test_a_form_of_httpx_is_understood(site: Site) -> None:
    answer = await site.client.post(await site.leaving(), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.request.headers["content-type"].startswith("multipart/form-data")
    assert (answer.status_code, await state(site)) == (200, Consent.UNSUBSCRIBED)


async def test_unsubscribing_again_changes_nothing(site: Site) -> None:
    path = await site.leaving()
    for _ in range(2):
        assert (await site.client.post(path, content=ONE_CLICK, headers=FORM)).status_code == 200
    assert (await site.press(path, act="leave")).status_code == 200
    assert [one.state for one in await site.evidence()] == [Consent.CONFIRMED, Consent.UNSUBSCRIBED]


async def test_posts_at_once_leave_one_piece_of_evidence(room: Newsroom) -> None:
    """On both engines."""
    async with open_site(await filled(room)) as site:
        path = await site.leaving()
        answers = await asyncio.gather(
            *(site.client.post(path, content=ONE_CLICK, headers=FORM) for _ in range(6)),
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len(await site.evidence()) == 2


async def test_each_leaving_is_told_however_soon_it_follows_another(site: Site) -> None:
    # Whoever has a mail that was passed on may undo what its reader saw, and leave again unseen.
    path = await site.leaving()
    for number in range(1, MOST_GOODBYES + 2):
        await site.press(path, act="leave")
        await site.press(path, act="return")
        await site.client.post(path, content=ONE_CLICK, headers=FORM)
        await site.room.deliver()
        assert await state(site) is Consent.UNSUBSCRIBED
        told = [one for one in await site.room.records("ada") if one.kind == "goodbye"]
        assert [str(one.delivery.state) for one in told] == ["caught"] * min(number, MOST_GOODBYES)
        await site.press(path, act="return")


async def test_a_long_pause_by_a_link_is_told_with_the_way_back(site: Site) -> None:
    paused = await site.pausing()
    changing = await site.changing()
    day = LONGEST_UNTOLD.days
    for path, fields, told in (
        (paused, {"for": "week"}, 0),
        (paused, {"for": "month"}, 0),
        (changing, {"act": "pause", "until": str(TODAY + timedelta(days=day))}, 0),
        (changing, {"act": "pause", "until": str(TODAY + timedelta(days=day + 1))}, 1),
        (paused, {"for": "return"}, 2),
        # It is so already.
        (paused, {"for": "return"}, 2),
        (changing, {"act": "pause", "until": str(FOREVER)}, 2),
        (paused, {"act": "resume"}, 2),
        (changing, {"act": "pause", "until": str(FOREVER)}, 3),
    ):
        assert (await site.press(path, **fields)).status_code == 200
        assert len([one for one in await site.room.records("ada") if one.kind == "answer"]) == told, fields
    await site.room.deliver()
    found = [
        message_from_bytes(one.read_bytes(), policy=default)
        for one in Path(site.room.app.settings.smtp.outbox).rglob("*.eml")
    ]
    told = [one for one in found if one["To"] == address("ada") and one["Subject"].startswith("You are on a break")]
    assert len(told) == 3
    for message in told:
        assert message["In-Reply-To"] is None
        assert message["Auto-Submitted"] == "auto-generated"
        text = message.get_body(("plain",)).get_content()
        assert "Done: paused until" in text
        back = re.search(r"End the break:\s+(\S+)", text)
        assert back is not None
        assert back[1] in message.get_body(("html",)).get_content()
    assert (await site.press(site.here(back[1]), act="resume")).status_code == 200
    assert (await subscribers.find(site.room.database, address("ada"))).paused_until is None
    for _ in range(MOST_ANSWERS + 2):
        await site.press(paused, **{"for": "return"})
        await site.press(paused, act="resume")
    assert len([one for one in await site.room.records("ada") if one.kind == "answer"]) == MOST_ANSWERS


async def test_a_token_of_the_first_version_unsubscribes(site: Site) -> None:
    person = await subscribers.find(site.room.database, address("ada"))
    path = f"/unsubscribe/{site.signer.sign('unsubscribe', person.key)}"
    assert (await site.client.post(path, content=ONE_CLICK, headers=FORM)).status_code == 200
    assert await state(site) is Consent.UNSUBSCRIBED


async def test_mail_that_waits_does_not_go_to_who_left(site: Site) -> None:
    await site.client.post(await site.leaving(), content=ONE_CLICK, headers=FORM)
    # What is caught is the mail of another, and the goodbye.
    assert (await site.room.deliver()).states == {"suppressed": 1, "caught": 2}


# The page


async def test_looking_changes_nothing(site: Site) -> None:
    before = await site.everything()
    paths = [
        await site.leaving(),
        await site.pausing(),
        await site.saying("more"),
        await site.saying("less", 3),
        "/robots.txt",
        "/",
    ]
    for path in paths:
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            for query in ("", "?List-Unsubscribe=One-Click", "?act=leave&for=week"):
                answer = await site.client.request(method, path + query)
                assert answer.status_code in (200, 404, 405), (method, path)
    assert await site.everything() == before


async def test_the_button_unsubscribes_and_may_be_undone_with_evidence(site: Site) -> None:
    path = await site.leaving()
    asked = await site.get(path)
    assert "<h1>Unsubscribe?</h1>" in asked.text
    assert "a•••@example.org" in asked.text
    assert address("ada") not in asked.text
    left = await site.press(path, act="leave")
    assert "<h1>You are unsubscribed</h1>" in left.text
    assert 'value="return"' in left.text
    assert await state(site) is Consent.UNSUBSCRIBED
    site.room.clock.step(minutes=5)
    back = await site.press(path, act="return")
    assert "<h1>You are subscribed again</h1>" in back.text
    assert await state(site) is Consent.CONFIRMED
    evidence = await site.evidence()
    assert [(one.state, one.how) for one in evidence[1:]] == [
        (Consent.UNSUBSCRIBED, "on the page that their mail leads to"),
        (Consent.CONFIRMED, "they took it back on the page that their mail leads to"),
    ]
    assert evidence[-1].source == "they had left 2026-03-02 09:00 UTC, on the page that their mail leads to"
    assert evidence[-1].at == NOW + timedelta(minutes=5)
    # Who is subscribed has nothing to take back, and gives no reason.
    again = await site.press(path, act="return")
    assert "<h1>You are subscribed again</h1>" in again.text
    assert "<h1>Unsubscribe?</h1>" in (await site.press(path, act="reason", reason="None")).text
    assert await site.evidence() == evidence


async def test_a_reason_is_kept_with_the_consent_once(site: Site) -> None:
    path = await site.leaving()
    await site.press(path, act="leave")
    assert 'value="reason"' in (await site.press(path, act="reason", reason=" \r\n ")).text
    thanks = await site.press(path, act="reason", reason="Too\r\nmany\x00 papers\u202e " + "x" * 900)
    assert "<h1>Thank you</h1>" in thanks.text
    kept = (await site.evidence())[-1]
    assert (kept.state, kept.how) == (Consent.UNSUBSCRIBED, "the reason that they gave")
    assert kept.source.startswith("Too many papers xxx")
    assert len(kept.source) == LONGEST_REASON
    await site.press(path, act="reason", reason="Another one")
    assert (await site.evidence())[-1] == kept
    page = await site.get(path)
    assert 'value="reason"' not in page.text
    # The reason does not keep them from coming back.
    assert "subscribed again" in (await site.press(path, act="return")).text


async def test_coming_back_is_possible_for_a_while(site: Site) -> None:
    path = await site.leaving()
    await site.client.post(path, content=ONE_CLICK, headers=FORM)
    site.room.clock.step(days=RETURN_DAYS)
    assert 'value="return"' in (await site.get(path)).text
    site.room.clock.step(days=1)
    page = await site.get(path)
    assert 'value="return"' not in page.text
    assert "mailto:papers@newsletter.example" in page.text
    assert "<h1>You are unsubscribed</h1>" in (await site.press(path, act="return")).text
    assert await state(site) is Consent.UNSUBSCRIBED


@pytest.mark.parametrize("why", ["operator", "complaint", "suppressed", "never confirmed"])
async def test_who_did_not_leave_by_themselves_does_not_come_back_by_a_link(site: Site, why: str) -> None:
    database, path = site.room.database, await site.leaving()
    if why == "operator":
        await subscribers.remove(database, site.room.clock, address("ada"), source="test")
    elif why == "complaint":
        evidence = Subscription(state=Consent.UNSUBSCRIBED, how="by a complaint", at=NOW)
        async with database.begin() as connection:
            await rows.consent(connection, await site.number("ada"), evidence)
    else:
        if why == "never confirmed":
            await site.room.say("UPDATE subscribers SET state = 'unconfirmed', subscribed_at = NULL")
        await site.press(path, act="leave")
        if why == "suppressed":
            async with database.begin() as connection:
                await suppressions.add(connection, address("ada"), "a hard bounce", NOW)
    before = await site.everything()
    assert 'value="return"' not in (await site.get(path)).text
    assert "<h1>You are unsubscribed</h1>" in (await site.press(path, act="return")).text
    assert await site.everything() == before


# What is wrong


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_wrong_token_has_a_clear_page(site: Site, method: str) -> None:
    number = await site.number("ada")
    good = site.signer.tag("unsubscribe", number)
    wrong = [
        "x",
        good[:-1],
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        site.signer.tag("feedback", number),
        site.signer.sign("other", "key"),
        site.signer.sign("unsubscribe", "a", "b"),
        "é%00%ff",
        "9" * 3000,
    ]
    before = await site.everything()
    for token in wrong:
        for page in ("unsubscribe", "pause"):
            body = ONE_CLICK if page == "unsubscribe" else "for=week"
            content = body if method == "POST" else None
            answer = await site.client.request(method, f"/{page}/{token}", content=content, headers=FORM)
            assert answer.status_code in (404, 410), token
            assert method == "HEAD" or "<h1>This link" in answer.text
    assert await site.everything() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_erased_person_is_gone(site: Site, method: str) -> None:
    paths = [await site.leaving(), await site.pausing(), await site.saying("more")]
    await subscribers.erase(site.room.database, site.room.clock, address("ada"))
    for path, body in zip(paths, (ONE_CLICK, "for=week", "act=more"), strict=True):
        content = body if method == "POST" else None
        answer = await site.client.request(method, path, content=content, headers=FORM)
        assert answer.status_code == 410
        assert "Nobody is on record for it" in answer.text


@pytest.mark.parametrize("body", ["", "act=", "act=other", "List-Unsubscribe=", "a=1&" * 50, "\xff\x00"])
async def test_a_post_that_says_nothing_changes_nothing(site: Site, body: str) -> None:
    before = await site.everything()
    for path in (await site.leaving(), await site.pausing(), await site.saying("less")):
        answer = await site.client.post(path, content=body.encode("latin-1"), headers=FORM)
        assert answer.status_code == 400
        assert "Nothing was changed" in answer.text
    assert await site.everything() == before


async def test_a_huge_body_is_refused_and_not_waited_for(site: Site) -> None:
    path = await site.leaving()
    before = await site.everything()

    written = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal written
        while True:
            written += 1
            yield b"List-Unsubscribe=One-Click&" * 100

    try:
        assert (await site.client.post(path, content=endless(), headers=FORM)).status_code == 413
    except httpx.TransportError:
        # The connection was closed before the client had the answer, as who does not stop writing risks it.
        assert written < 100_000
    # Nothing of the body is sent, and the answer is there all the same.
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
    writer.write(head.encode())
    assert b"413" in await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    await writer.wait_closed()
    assert await site.everything() == before


async def test_a_database_that_fails_is_told_without_its_words(site: Site) -> None:
    path = await site.leaving()
    await site.room.say("ALTER TABLE subscribers RENAME TO elsewhere")
    answer = await site.client.post(path, content=ONE_CLICK, headers=FORM)
    assert answer.status_code == 503
    assert "try again" in answer.text
    assert "subscribers" not in answer.text
