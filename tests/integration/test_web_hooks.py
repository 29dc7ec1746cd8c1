"""What relays report over the web, through a real server: each proven, each counted once, and nothing else believed."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import relays
import web_server
from newsroom import NOW, Newsroom, address, papers
from reports import dsn
from sqlalchemy.ext.asyncio import AsyncConnection
from webroom import Site, open_site

from newsletter.delivery.incoming import Arrival
from newsletter.errors import SettingsError, StoreError
from newsletter.models import Consent, Delivery
from newsletter.pipeline import subscribers
from newsletter.pipeline.readers import BY_RELAY
from newsletter.store import bounces, suppressions
from newsletter.web.site import pages

BOX = "bounces@newsletter.example"
GONE = {"ada": "a hard bounce 5.1.1"}


@pytest.fixture
async def room_with_mail(room: Newsroom, tmp_path: Path) -> Newsroom:
    """A newsletter whose relay took a mail to Ada and one to Bob, with the keys of all relays, on both engines."""
    for name, content in (("password", relays.PASSWORD), ("secret", relays.SECRET), ("key", relays.sendgrid_public())):
        (tmp_path / name).write_text(f"{content}\n")
    room.set("bounces", address=BOX)
    room.set(
        "hooks",
        ses_topics=(relays.TOPIC,),
        postmark_password_file=Path("password"),
        sendgrid_key_file=Path("key"),
        signed_secret_file=Path("secret"),
    )
    await room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await send(room)
    return room


async def send(room: Newsroom, answer: str = "Kept as 4F") -> None:
    """Choose, and put on record that the relay took it all."""
    await room.compose()
    await room.say(
        "UPDATE deliveries SET state = 'sent', attempts = 1, code = 250, enhanced = '2.0.0', text = :answer "
        "WHERE state = 'queued'",
        answer=answer,
    )


@pytest.fixture
async def site(room_with_mail: Newsroom) -> AsyncIterator[Site]:
    """Its pages."""
    async with open_site(room_with_mail) as opened:
        yield opened


@pytest.fixture
async def amazon(
    room_with_mail: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Site, web_server.WebServer]]:
    """The same, with an SNS on loopback that can be asked."""
    async with relays.amazon(monkeypatch, tmp_path) as (server, proxy):
        room_with_mail.set("feeds", proxy=proxy)
        async with open_site(room_with_mail) as opened:
            yield opened, server


async def post(site: Site, relay: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a body to a page."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await site.client.post(f"/letters/hooks/{relay}", content=content, headers=headers or {})


async def postmark(site: Site, body: Any, password: str = relays.PASSWORD) -> httpx.Response:
    """Post as Postmark does, with a password in the address."""
    return await site.client.post("/hooks/postmark", json=body, auth=("postmark", password))


async def sendgrid(site: Site, *events: Any, **signing: Any) -> httpx.Response:
    """Post as SendGrid does."""
    return await post(site, "sendgrid", *relays.sendgrid_post(list(events), **signing))


async def signed(site: Site, events: Any, **signing: Any) -> httpx.Response:
    """Post in the program's own form."""
    return await post(site, "signed", *relays.signed(events, **signing))


async def delivery(site: Site, name: str = "ada") -> Delivery:
    """Return someone's latest delivery."""
    return (await site.room.record(name)).delivery


async def path(site: Site, name: str = "ada") -> str:
    """Return the return path of someone's latest delivery."""
    return (await site.room.app.return_path())((await delivery(site, name)).id)


async def suppressed(site: Site) -> dict[str, str]:
    """Return who is suppressed, and why."""
    async with site.room.database.connect() as connection:
        found = await suppressions.among(connection, [address("ada"), address("bob")])
    return {email.partition("@")[0]: why for email, why in found.items()}


async def consent(site: Site, name: str = "ada") -> Consent:
    """Return the state of someone's consent."""
    return (await subscribers.find(site.room.database, address(name))).state


async def reports(site: Site) -> int:
    """Return how many reports are on record."""
    return len(await site.room.rows("SELECT * FROM bounces"))


async def nothing_followed(site: Site) -> None:
    """Hold that nobody was harmed and nothing was kept."""
    assert await suppressed(site) == {}
    assert await site.room.states() == {"ada": "sent", "bob": "sent"}
    assert (await consent(site), await reports(site)) == (Consent.CONFIRMED, 0)


# A bounce and a complaint, by each relay


async def tell(site: Site, relay: str, kind: str, *, email: str = address("ada")) -> httpx.Response:
    """Let a relay report a hard bounce, a complaint, or that someone left."""
    found = await delivery(site)
    if relay == "ses":
        about = {"source": await path(site), **relays.headers_of(found.message_id)}
        name = "Bounce" if kind == "hard" else "Complaint"
        return await post(site, "ses", relays.sns(relays.ses(name, email, about=about)))
    if relay == "postmark":
        if kind == "unsubscribe":
            return await postmark(site, relays.postmark_change(email))
        return await postmark(site, relays.postmark("HardBounce" if kind == "hard" else "SpamComplaint", email))
    if relay == "sendgrid":
        event = {"hard": "bounce", "complaint": "spamreport", "unsubscribe": "group_unsubscribe"}[kind]
        about = {"smtp-id": found.message_id, "timestamp": int(NOW.timestamp()) + 20}
        return await sendgrid(site, relays.sendgrid(event, email, **about))
    told = {
        "id": f"{kind} 1",
        "event": kind,
        "recipient": email,
        "status": "5.1.1",
        "message_id": found.message_id,
        "at": "2026-03-02T10:00:20+01:00",
    }
    return await signed(site, told, at=site.room.clock.now())


@pytest.mark.parametrize("relay", ["ses", "postmark", "sendgrid", "signed"])
async def test_a_hard_bounce_ends_the_address_once(amazon: tuple[Site, Any], relay: str) -> None:
    site, _ = amazon
    answers = [await tell(site, relay, "hard") for _ in range(3)]
    assert [(one.status_code, one.text) for one in answers] == [(200, "Taken: 1 of 1.\n")] * 3
    assert await suppressed(site) == GONE
    assert await site.room.states() == {"ada": "bounced", "bob": "sent"}
    assert await consent(site) is Consent.CONFIRMED
    ((kind, status),) = await site.room.rows("SELECT kind, status FROM bounces")
    assert (kind, status) == ("hard", "5.1.1")


@pytest.mark.parametrize("relay", ["ses", "postmark", "sendgrid", "signed"])
async def test_who_complains_is_unsubscribed_and_never_mailed_again(amazon: tuple[Site, Any], relay: str) -> None:
    site, _ = amazon
    for _ in range(2):
        assert (await tell(site, relay, "complaint")).status_code == 200
    assert await suppressed(site) == {"ada": "a complaint"}
    assert await site.room.states() == {"ada": "complained", "bob": "sent"}
    assert (await consent(site), await reports(site)) == (Consent.UNSUBSCRIBED, 1)


@pytest.mark.parametrize("relay", ["postmark", "sendgrid", "signed"])
async def test_who_leaves_at_the_relay_is_unsubscribed_and_told(site: Site, relay: str) -> None:
    for _ in range(2):
        assert (await tell(site, relay, "unsubscribe")).status_code == 200
    assert await suppressed(site) == {}
    last = (await site.evidence())[-1]
    assert (last.state, last.how) == (Consent.UNSUBSCRIBED, BY_RELAY)
    assert last.source == f"told by {relay}, about delivery {(await site.room.records('ada'))[0].delivery.id}"
    assert len(await site.evidence()) == 2
    # The mail that says so waits, with a link that takes it back.
    assert (await delivery(site)).state == "queued"
    site.room.clock.step(hours=1)
    page = await site.press(await site.leaving(), act="return")
    assert (page.status_code, await consent(site)) == (200, Consent.CONFIRMED)
    # What is told once more is older than that.
    assert (await tell(site, relay, "unsubscribe")).status_code == 200
    assert await consent(site) is Consent.CONFIRMED


@pytest.mark.parametrize("first", ["hard", "complaint"])
@pytest.mark.parametrize("relay", ["ses", "postmark", "sendgrid", "signed"])
async def test_events_out_of_order_end_the_same(amazon: tuple[Site, Any], relay: str, first: str) -> None:
    site, _ = amazon
    for kind in (first, "complaint" if first == "hard" else "hard"):
        if relay == "sendgrid":
            name = "bounce" if kind == "hard" else "spamreport"
            known = {"smtp-id": (await delivery(site)).message_id, "sg_event_id": kind}
            answer = await sendgrid(site, relays.sendgrid(name, address("ada"), **known))
        elif relay == "ses":
            name = "Bounce" if kind == "hard" else "Complaint"
            about = {"source": await path(site)}
            told = relays.ses(name, address("ada"), about=about, feedbackId=f"feedback of {kind}")
            answer = await post(site, "ses", relays.sns(told))
        else:
            answer = await tell(site, relay, kind)
        assert answer.status_code == 200
    assert await site.room.states() == {"ada": "complained", "bob": "sent"}
    assert await consent(site) is Consent.UNSUBSCRIBED
    assert list(await suppressed(site)) == ["ada"]
    assert await reports(site) == 2


async def test_an_event_that_comes_before_the_relays_answer_is_on_record_counts(site: Site) -> None:
    await site.room.say("UPDATE deliveries SET state = 'sending', code = NULL")
    assert (await tell(site, "sendgrid", "hard")).text == "Taken: 1 of 1.\n"
    assert (await delivery(site)).state == "bounced"


async def test_copies_that_come_at_once_count_once(site: Site) -> None:
    answers = await asyncio.gather(*(tell(site, "sendgrid", "hard") for _ in range(6)))
    assert {one.status_code for one in answers} == {200}
    assert (await suppressed(site), await reports(site)) == (GONE, 1)


# What is soft, about us, or nothing


async def test_a_list_of_events_counts_one_by_one(site: Site) -> None:
    told = [
        relays.sendgrid("processed", address("ada"), sg_event_id="1"),
        relays.sendgrid("delivered", address("ada"), sg_event_id="2", response="250 OK"),
        relays.sendgrid("open", address("ada"), sg_event_id="3"),
        relays.sendgrid("click", address("ada"), sg_event_id="4", url="https://example.org"),
        relays.sendgrid("deferred", address("ada"), sg_event_id="5", response="400 try again later"),
        relays.sendgrid("group_resubscribe", address("ada"), sg_event_id="6"),
        {"event": "account_status_change", "type": "compliance_suspend"},
        "no event",
        relays.sendgrid("bounce", address("ada"), sg_event_id="7"),
        relays.sendgrid("spamreport", address("bob"), sg_event_id="8"),
        relays.sendgrid("bounce", address("stranger"), sg_event_id="9"),
    ]
    assert (await sendgrid(site, *told)).text == "Taken: 2 of 3.\n"
    assert await suppressed(site) == {"ada": "a hard bounce 5.1.1", "bob": "a complaint"}


async def test_what_is_about_us_harms_no_reader(site: Site) -> None:
    ada = address("ada")
    told = [
        relays.postmark("Blocked", ada, Details=""),
        relays.postmark("SpamNotification", ada, Details="554 go away"),
        relays.postmark("DMARCPolicy", ada, Details=""),
        relays.postmark("HardBounce", ada, Details="550 5.7.1 Blocked, see our list"),
        relays.sendgrid("bounce", ada, type="blocked", status="5.7.1", reason="550 5.7.1 Blocked"),
        relays.sendgrid("bounce", ada, bounce_classification="Reputation", status="", reason="550 No"),
        relays.sendgrid("bounce", ada, bounce_classification="Content", status="", reason="550 No"),
        relays.sendgrid("bounce", ada, bounce_classification="Frequency or Volume Too High", reason="552 Mailbox busy"),
    ]
    site.room.set("bounces", soft_limit=1)
    async with open_site(site.room) as strict:
        for number, one in enumerate(told):
            if "RecordType" in one:
                answer = await postmark(strict, {**one, "ID": number})
            else:
                answer = await sendgrid(strict, {**one, "sg_event_id": str(number)})
            assert (answer.text, await suppressed(site)) == ("Taken: 1 of 1.\n", {}), one
    assert (await reports(site), (await delivery(site)).state) == (len(told), "bounced")


async def test_soft_bounces_count_until_the_limit(amazon: tuple[Site, Any]) -> None:
    site, _ = amazon
    site.room.set("bounces", soft_limit=2)
    full = {
        "bounceType": "Transient",
        "bounceSubType": "MailboxFull",
        "bouncedRecipients": [
            {"emailAddress": address("ada"), "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 Mailbox full"}
        ],
    }
    async with open_site(site.room) as strict:
        for day in range(2):
            about = {"source": await path(site)}
            told = relays.ses("Bounce", address("ada"), about=about, feedbackId=f"feedback {day}", **full)
            for _ in range(2):
                answer = await post(strict, "ses", relays.sns(told, at=site.room.clock.now()))
                assert answer.status_code == 200
            assert await suppressed(site) == ({"ada": "2 bounces within 30 days"} if day else {})
            await site.room.take_in(*papers(10 + day))
            site.room.clock.step(days=1)
            await send(site.room)


async def test_what_comes_by_mail_and_over_the_web_is_counted_together(site: Site) -> None:
    site.room.set("bounces", soft_limit=2)
    full = dsn(await path(site), address("ada"), status="4.2.2", words="452 4.2.2 Mailbox full")
    told = {"event": "soft", "recipient": address("ada"), "status": "4.2.2", "reason": "Mailbox full"}
    async with open_site(site.room) as strict:
        await (await site.room.app.intake()).take(Arrival("a mail", full))
        # Of one mail, it is one failure.
        assert (await signed(strict, {**told, "id": "1"})).text == "Taken: 1 of 1.\n"
        assert (await suppressed(site), await reports(site)) == ({}, 2)
        await site.room.take_in(*papers(4))
        site.room.clock.step(days=1)
        await send(site.room)
        answer = await signed(strict, {**told, "id": "2"}, at=site.room.clock.now())
        assert answer.text == "Taken: 1 of 1.\n"
    assert await suppressed(site) == {"ada": "2 bounces within 30 days"}


async def test_what_is_no_failure_changes_nothing(site: Site) -> None:
    ada = address("ada")
    types = ("Transient", "AutoResponder", "Subscribe", "ManuallyDeactivated", "SMTPApiError", "Unconfirmed", "Later")
    for told in (
        *(relays.postmark(type_, ada) for type_ in types),
        relays.postmark_change(ada, SuppressSending=False, SuppressionReason=None),
        relays.postmark_change(ada, Origin="Customer", MessageID=None),
        relays.postmark_change(ada, Origin="Admin", MessageID=None),
        {"RecordType": "Delivery", "Recipient": ada},
        {"RecordType": "Open", "Recipient": ada},
        relays.postmark("HardBounce", "no address"),
    ):
        answer = await postmark(site, told)
        assert (answer.status_code, answer.text) == (200, "Taken: 0 of 0.\n"), told
    await nothing_followed(site)


async def test_what_ses_tells_beside_failures_changes_nothing(amazon: tuple[Site, Any]) -> None:
    site, _ = amazon
    message_id = (await delivery(site)).message_id
    for told in (
        {"eventType": "Delivery", "delivery": {"recipients": [address("ada")]}, "mail": {}},
        {"eventType": "Open", "open": {}, "mail": relays.headers_of(message_id)},
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed."},
        relays.ses("Complaint", address("ada"), complaintFeedbackType="not-spam"),
        {"bounce": {"bouncedRecipients": "none"}},
        {},
    ):
        answer = await post(site, "ses", relays.sns(told))
        assert (answer.status_code, answer.text) == (200, "Taken: 0 of 0.\n")
    assert (await post(site, "ses", relays.sns("[1]"))).status_code == 400
    await nothing_followed(site)


# Whom


async def test_the_return_path_decides_whom_whatever_the_event_names(amazon: tuple[Site, Any]) -> None:
    site, _ = amazon
    about = {"source": await path(site)}
    assert (await post(site, "ses", relays.sns(relays.ses("Bounce", address("bob"), about=about)))).status_code == 200
    assert await suppressed(site) == GONE
    told = {"id": "1", "event": "complaint", "return_path": await path(site, "bob")}
    assert (await signed(site, told)).text == "Taken: 1 of 1.\n"
    assert await consent(site, "bob") is Consent.UNSUBSCRIBED


async def test_a_message_id_of_another_mail_is_about_that_mail(site: Site) -> None:
    ours = (await delivery(site)).message_id
    for number, (message_id, recipient) in enumerate(
        [("<shop-4711@shop.example>", address("ada")), (ours, address("bob")), (ours, "ada@elsewhere.example")]
    ):
        told = relays.sendgrid("bounce", recipient, sg_event_id=str(number), **{"smtp-id": message_id})
        assert (await sendgrid(site, told)).text == "Taken: 0 of 1.\n"
    await nothing_followed(site)
    spelled = {"smtp-id": ours.strip("<>"), "sg_event_id": "4"}
    assert (await sendgrid(site, relays.sendgrid("bounce", "ADA@example.org", **spelled))).text == "Taken: 1 of 1.\n"
    assert await suppressed(site) == GONE


async def test_the_relays_own_name_for_a_mail_finds_it_among_others(site: Site) -> None:
    first = await delivery(site)
    name = "5jWMFtRwTbOXuS4dD3_cUA"
    await site.room.say("UPDATE deliveries SET text = :text", text=f"Ok: queued as {name}")
    await site.room.take_in(*papers(4))
    site.room.clock.step(days=1)
    await send(site.room)
    told = relays.sendgrid("bounce", address("ada"), timestamp=int(site.room.clock.now().timestamp()))
    assert (await sendgrid(site, told, at=site.room.clock.now())).text == "Taken: 1 of 1.\n"
    assert [one.delivery.state for one in await site.room.records("ada")] == ["bounced", "sent"]
    # What the relay answered is kept among the attempts by now.
    told = relays.sendgrid("spamreport", address("ada"), sg_event_id="2")
    assert (await sendgrid(site, told, at=site.room.clock.now())).text == "Taken: 1 of 1.\n"
    assert [one.delivery.state for one in await site.room.records("ada")] == ["complained", "sent"]
    assert first.id == (await site.room.records("ada"))[0].delivery.id


async def test_an_address_alone_counts_for_the_latest_mail_that_went_there(site: Site) -> None:
    await site.room.take_in(*papers(4))
    site.room.clock.step(days=1)
    await send(site.room)
    # Of the day before the second mail.
    early = {"timestamp": int(NOW.timestamp()) + 60, "sg_message_id": "unknown", "sg_event_id": "1"}
    assert (await sendgrid(site, relays.sendgrid("bounce", address("ada"), **early))).text == "Taken: 1 of 1.\n"
    assert [one.delivery.state for one in await site.room.records("ada")] == ["bounced", "sent"]
    late = {"timestamp": int(site.room.clock.now().timestamp()) + 60, "smtp-id": "<1.2.3@geopod-ismtpd-8-2>"}
    told = relays.sendgrid("bounce", address("bob"), sg_event_id="2", **late)
    assert (await sendgrid(site, told, at=site.room.clock.now())).text == "Taken: 1 of 1.\n"
    assert [one.delivery.state for one in await site.room.records("bob")] == ["sent", "bounced"]


async def test_an_address_alone_counts_for_nothing_if_no_mail_went_there(site: Site) -> None:
    for state in ("queued", "deferred", "failed", "suppressed", "caught"):
        await site.room.say("UPDATE deliveries SET state = :state", state=state)
        told = relays.sendgrid("bounce", address("ada"))
        assert (await sendgrid(site, told)).text == "Taken: 0 of 1.\n", state
    assert (await suppressed(site), await reports(site)) == ({}, 0)


async def test_an_address_alone_counts_for_nothing_long_after_its_mail(site: Site) -> None:
    site.room.clock.step(days=31)
    told = relays.sendgrid("bounce", address("ada"), timestamp=int(site.room.clock.now().timestamp()))
    assert (await sendgrid(site, told, at=site.room.clock.now())).text == "Taken: 0 of 1.\n"
    await nothing_followed(site)


async def test_who_moved_or_was_erased_is_left_alone(site: Site) -> None:
    moved = await path(site)
    await subscribers.edit(
        site.room.database, address("ada"), lambda person: person.model_copy(update={"email": "new@example.org"})
    )
    told = {"id": "1", "event": "unsubscribe", "return_path": moved}
    assert (await signed(site, told)).text == "Taken: 1 of 1.\n"
    assert (await subscribers.find(site.room.database, "new@example.org")).state is Consent.CONFIRMED
    assert (await signed(site, {"id": "2", "event": "hard", "recipient": address("ada")})).text == "Taken: 0 of 1.\n"
    erased = await path(site, "bob")
    await subscribers.erase(site.room.database, site.room.clock, address("bob"))
    told = {"id": "3", "event": "hard", "recipient": address("bob"), "return_path": erased}
    assert (await signed(site, told)).text == "Taken: 0 of 1.\n"


# Forged, stale, malformed, oversized


async def test_postmark_without_its_password_is_refused(site: Site) -> None:
    told = relays.postmark("SpamComplaint", address("ada"))
    for headers in (
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic %%%"},
        {"Authorization": f"Bearer {relays.PASSWORD}"},
        {"Authorization": "Basic cG9zdG1hcms6"},
        {"Authorization": "Basic cG9zdG1hcms6d3Jvbmc="},
        {"X-Newsletter-Password": ""},
        {"X-Newsletter-Password": relays.PASSWORD[:-1]},
        {"X-Newsletter-Password": f"{relays.PASSWORD}x"},
    ):
        answer = await post(site, "postmark", told, headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="reports"'), headers
    await nothing_followed(site)
    assert (await post(site, "postmark", told, {"X-Newsletter-Password": relays.PASSWORD})).status_code == 200


async def test_sendgrid_without_its_signature_is_refused(site: Site) -> None:
    told = [relays.sendgrid("bounce", address("ada"))]
    body, headers = relays.sendgrid_post(told)
    stamp, signature = headers
    forger = relays.ec.generate_private_key(relays.ec.SECP256R1())
    later = str(int(NOW.timestamp()) + 1)
    for wrong_body, wrong_headers in (
        (body, {}),
        (body, {stamp: headers[stamp]}),
        (body, {signature: headers[signature]}),
        (body.replace(b"ada@", b"bob@"), headers),
        (body + b" ", headers),
        (body, {**headers, stamp: later}),
        (body, {**headers, stamp: f"{headers[stamp]}x"}),
        (body, {**headers, stamp: "١٧٧٢٤٤٢٠٠٠".encode()}),
        (body, {**headers, signature: "AAAA"}),
        (body, {**headers, signature: "no base64"}),
        (body, {**headers, signature: headers[signature][:-8]}),
        relays.sendgrid_post(told, key=forger),
        relays.sendgrid_post(told, at=NOW - timedelta(hours=26)),
        relays.sendgrid_post(told, at=NOW + timedelta(minutes=6)),
    ):
        assert (await post(site, "sendgrid", wrong_body, wrong_headers)).status_code == 403
    await nothing_followed(site)
    # What could not be taken for a day is taken then.
    assert (await post(site, "sendgrid", *relays.sendgrid_post(told, at=NOW - timedelta(hours=24)))).status_code == 200


async def test_our_own_form_without_its_signature_is_refused(site: Site) -> None:
    told = {"id": "1", "event": "complaint", "recipient": address("ada")}
    body, headers = relays.signed(told)
    for wrong_body, wrong_headers in (
        (body, {}),
        (body, {**headers, "Newsletter-Signature": ""}),
        (body, {**headers, "Newsletter-Signature": "v1=" + "0" * 64}),
        (body, {**headers, "Newsletter-Signature": "v1=é".encode()}),
        (body, {**headers, "Newsletter-Timestamp": str(int(NOW.timestamp()) + 1)}),
        (body.replace(b"ada@", b"bob@"), headers),
        relays.signed(told, secret="another secret"),
        relays.signed(told, at=NOW - timedelta(minutes=5, seconds=1)),
        relays.signed(told, at=NOW + timedelta(minutes=5, seconds=1)),
    ):
        assert (await post(site, "signed", wrong_body, wrong_headers)).status_code == 403
    await nothing_followed(site)
    # A sender that changes its secret signs with both.
    both = {**headers, "Newsletter-Signature": f"v1={'0' * 64}, {headers['Newsletter-Signature']}"}
    assert (await post(site, "signed", body, both)).status_code == 200
    # Caught on its way and sent again: within the window it counts once, and then it is refused.
    assert (await post(site, "signed", body, headers)).text == "Taken: 1 of 1.\n"
    assert await reports(site) == 1
    site.room.clock.step(minutes=5, seconds=1)
    assert (await post(site, "signed", body, headers)).status_code == 403


async def test_a_proof_of_one_relay_is_none_for_another(site: Site) -> None:
    body, headers = relays.signed([relays.sendgrid("bounce", address("ada"))])
    assert (await post(site, "sendgrid", body, headers)).status_code == 403
    body, headers = relays.sendgrid_post({"id": "1", "event": "hard", "recipient": address("ada")})
    assert (await post(site, "signed", body, headers)).status_code == 403
    assert (await post(site, "postmark", body, headers)).status_code == 401
    await nothing_followed(site)


async def test_both_secrets_hold_while_one_is_exchanged(room_with_mail: Newsroom, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"the-next-secret-of-the-tests\n{relays.SECRET}\n")
    other = relays.ec.generate_private_key(relays.ec.SECP256R1())
    (tmp_path / "key").write_text(f"{relays.sendgrid_public(other)}\n{relays.sendgrid_public()}\n")
    async with open_site(room_with_mail) as site:
        for secret in (relays.SECRET, "the-next-secret-of-the-tests"):
            told = {"id": "1", "event": "soft", "recipient": address("ada")}
            assert (await signed(site, told, secret=secret)).status_code == 200
        for key in (None, other):
            assert (await sendgrid(site, relays.sendgrid("bounce", address("bob")), key=key)).status_code == 200
    assert await reports(site) == 2


async def test_what_is_no_report_is_refused(site: Site) -> None:
    password = {"X-Newsletter-Password": relays.PASSWORD}
    stamp = str(int(NOW.timestamp()))
    deep = (b'{"a":' * 5_000, b"[" * 100_000)
    for body in (b"", b"nonsense", b"{", *deep, b"null", b"12", b'"text"', b"\xff\xfe", b"1" * 5_000):
        assert (await post(site, "postmark", body, password)).status_code == 400, body[:20]
        assert (await post(site, "ses", body)).status_code == 400, body[:20]
        made = hmac.digest(relays.SECRET.encode(), stamp.encode() + b"." + body, "sha256").hex()
        headers = {"Newsletter-Timestamp": stamp, "Newsletter-Signature": made}
        assert (await post(site, "signed", body, headers)).status_code == 400, body[:20]
    await nothing_followed(site)


async def test_a_signed_report_that_is_not_whole_is_refused_whole(site: Site) -> None:
    whole = {"id": "1", "event": "hard", "recipient": address("ada")}
    for told in (
        {},
        [[]],
        {"id": "1", "event": "hard"},
        {**whole, "event": "bounce"},
        {**whole, "event": ["hard"]},
        {**whole, "id": ""},
        {"event": "hard", "recipient": address("ada")},
        {**whole, "recipient": [address("ada")]},
        [whole, {}],
    ):
        answer = await signed(site, told)
        assert (answer.status_code, answer.text[:6]) == (400, "Event "), told
    await nothing_followed(site)


async def test_odd_signs_in_an_event_are_kept_from_the_record(site: Site) -> None:
    told = {
        "id": "a\x00b\ud800",
        "event": "soft",
        "recipient": address("ada"),
        "reason": "full\x00\r\n\x1b[31m " + "x" * 10_000,
        "status": "4.2.2; DROP TABLE",
        "at": "yesterday",
        "message_id": 7,
        "relay_id": "%" * 50,
    }
    assert (await signed(site, told)).text == "Taken: 1 of 1.\n"
    ((reason, status),) = await site.room.rows("SELECT reason, status FROM bounces")
    assert reason.isprintable()
    assert (len(reason), status) == (300, "")


async def answered(site: Site, *parts: bytes) -> bytes:
    """Write what may be half a request, and return the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        async with asyncio.timeout(20):
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await reader.readline()
    finally:
        writer.close()


async def test_a_body_that_is_too_large_is_refused_unread(site: Site) -> None:
    head = b"POST /hooks/ses HTTP/1.1\r\nHost: x\r\n"
    assert (await answered(site, head + b"Content-Length: 600001\r\n\r\n{")).startswith(b"HTTP/1.1 413 ")
    # Of what is not declared, no more is read than fits.
    chunks = (b"%x\r\n" % 60_001 + b" " * 60_001 + b"\r\n" for _ in range(10))
    said = await answered(site, head + b"Transfer-Encoding: chunked\r\n\r\n", *chunks)
    assert said.startswith(b"HTTP/1.1 413 ")
    many = [{"id": "1", "event": "hard", "recipient": "a@b.example"}] * 5_001
    assert (await signed(site, many)).status_code == 413
    await nothing_followed(site)


async def test_a_body_that_does_not_come_is_not_waited_for_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.forms.SECONDS", 0.2)
    said = await answered(site, b"POST /hooks/ses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert said.startswith(b"HTTP/1.1 408 ")


async def test_what_took_too_long_is_told_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [relays.sendgrid("bounce", address(name), sg_event_id=name) for name in ("ada", "bob")]
    with monkeypatch.context() as hasty:
        hasty.setattr("newsletter.pipeline.hooks.SECONDS", -1)
        answer = await sendgrid(site, *told)
    assert (answer.status_code, await reports(site)) == (503, 0)
    assert (await sendgrid(site, told[0])).status_code == 200
    # What counted before takes no time: the list goes on where it ended.
    with monkeypatch.context() as hasty:
        hasty.setattr("newsletter.pipeline.events.Events.take", lambda _self, event: pytest.fail(event.recipient))
        assert (await sendgrid(site, told[0])).text == "Taken: 1 of 1.\n"
    assert (await sendgrid(site, *told)).text == "Taken: 2 of 2.\n"
    assert await reports(site) == 2


@pytest.mark.parametrize(("fault", "status"), [(StoreError("Away."), 503), (ValueError("a bug"), 500)])
async def test_what_could_not_be_recorded_is_told_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    note = bounces.note

    async def broken(connection: AsyncConnection, delivery: Delivery, *rest: Any) -> bool:
        if delivery.address == address("ada"):
            raise fault
        return await note(connection, delivery, *rest)

    told = [relays.sendgrid("bounce", address(name), sg_event_id=name) for name in ("bob", "ada")]
    with monkeypatch.context() as failing:
        failing.setattr(bounces, "note", broken)
        assert (await sendgrid(site, *told)).status_code == status
    assert await site.room.states() == {"ada": "sent", "bob": "bounced"}
    assert (await sendgrid(site, *told)).text == "Taken: 2 of 2.\n"
    assert await reports(site) == 2


# Which pages there are


async def test_a_relay_that_is_not_configured_has_no_page(small_room: Newsroom) -> None:
    async with open_site(small_room) as site:
        for relay in ("ses", "postmark", "sendgrid", "signed", "other", "SES", ""):
            for method in ("GET", "HEAD", "POST"):
                assert (await site.client.request(method, f"/hooks/{relay}", content=b"{}")).status_code == 404


async def test_a_page_is_posted_to_and_nothing_else(site: Site) -> None:
    for relay in ("ses", "postmark", "sendgrid", "signed"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert (await site.client.request(method, f"/hooks/{relay}")).status_code == 405


@pytest.mark.parametrize("content", ["", "\n\n", "short", "long-enough-for-a-secret\nshort", None])
async def test_a_secret_that_is_missing_or_short_is_told(
    small_room: Newsroom, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    for name in ("postmark_password_file", "signed_secret_file", "sendgrid_key_file"):
        small_room.set(
            "hooks", **{key: None for key in type(small_room.app.settings.hooks).model_fields if key != "ses_topics"}
        )
        small_room.set("hooks", **{name: Path("secret")})
        with pytest.raises(SettingsError, match=f"hooks.{name}") as told:
            await pages(small_room.app)
        assert "short" not in str(told.value)


async def test_no_key_but_of_ecdsa_is_taken(small_room: Newsroom, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    small_room.set("hooks", sendgrid_key_file=Path("key"))
    for key in (ed25519.Ed25519PrivateKey.generate(), relays.sns_key()):
        (tmp_path / "key").write_text(relays.sendgrid_public(key))
        with pytest.raises(SettingsError, match="no key of ECDSA"):
            await pages(small_room.app)


async def test_no_log_has_an_address_or_a_secret(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    await tell(site, "sendgrid", "hard")
    await postmark(site, relays.postmark("HardBounce", address("bob")), "wrong-password")
    with contextlib.suppress(httpx.HTTPError):
        await post(site, "signed", b"{}", {"Newsletter-Signature": "v1=ab"})
    said = "".join(capsys.readouterr())
    assert "a report was refused" in said
    for word in ("example.org", "wrong-password", relays.SECRET, relays.PASSWORD):
        assert word not in said
