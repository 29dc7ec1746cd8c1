"""Welcome, confirmation, goodbye and nothing-today: who gets which, once, by the same way as an issue."""

import asyncio
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from newsroom import DAY, TODAY, Newsroom, address, papers, titles
from reports import mail
from servers import Cut, Server

from newsletter.delivery.incoming import Arrival
from newsletter.errors import UsageError
from newsletter.models import Consent, Subscriber
from newsletter.pipeline import record, standing, subscribers
from newsletter.pipeline.due import due_now
from newsletter.pipeline.intake import Followed
from newsletter.pipeline.notices import token_of
from newsletter.pipeline.readers import BY_ONE_CLICK, BY_PAGE
from newsletter.store import editions, suppressions
from newsletter.store.deliveries import claim
from newsletter.tokens import Signer, TokenError


async def send(room: Newsroom) -> list[EmailMessage]:
    """Send what waits to a real server and return what it took."""
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    return [message_from_bytes(message.content, policy=default) for message in server.messages]


async def leave(room: Newsroom, name: str) -> Followed:
    """Unsubscribe someone by a mail of theirs."""
    written = mail(address(name), subject="unsubscribe")
    return await (await room.app.intake()).take(Arrival("a mail", written, ""))


async def come_back(room: Newsroom, name: str) -> Subscriber:
    """Take someone back at their wish."""
    new = subscribers.new(room.app.settings.newsletter, room.clock, address(name))
    return await subscribers.add(room.database, room.clock, new, source="test", again=True)


async def welcomed(room: Newsroom, name: str, **wishes: object) -> Subscriber:
    """Put someone on record with a welcome."""
    new = subscribers.new(room.app.settings.newsletter, room.clock, address(name), **wishes)
    return await subscribers.add(room.database, room.clock, new, source="test", welcome=room.app.notices)


async def ask(room: Newsroom, name: str, **wishes: object) -> Consent:
    """Let someone ask for the newsletter on a page."""
    new = subscribers.new(room.app.settings.newsletter, room.clock, address(name), **wishes)
    return await room.app.notices.ask(room.database, new, how="on the page to subscribe", source="192.0.2.1")


async def signer(room: Newsroom) -> Signer:
    """Return what signs links here."""
    return await room.app.signer()


async def states(room: Newsroom, kind: str) -> list[str]:
    """Return the states of the mail of a kind."""
    return [str(one.delivery.state) for one in await room.records() if one.kind == kind]


def body(message: EmailMessage, kind: str = "plain") -> str:
    """Return a part as one line."""
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(part.get_content().split())


# Who gets which


async def test_who_leaves_by_mail_gets_one_goodbye_however_often_they_say_it(room: Newsroom) -> None:
    await room.subscribe("ada")
    assert (await leave(room, "ada")).what == "unsubscribed"
    assert (await leave(room, "ada")).what == "they had unsubscribed before"
    (message,) = await send(room)
    assert (message["To"], message["Subject"]) == (address("ada"), "You are unsubscribed: Papers for you")
    assert await send(room) == []
    assert await states(room, "goodbye") == ["sent"]
    assert [one.kind for one in await room.records("ada")] == ["goodbye"]


async def test_who_leaves_at_the_hand_of_the_operator_or_complains_gets_no_goodbye(room: Newsroom) -> None:
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("bob"), "a complaint", room.clock.now())
    await leave(room, "bob")
    assert await room.records() == []


async def test_by_setting_nobody_is_told_goodbye(small_room: Newsroom) -> None:
    small_room.set("notices", goodbye=False)
    await small_room.subscribe("ada")
    await leave(small_room, "ada")
    assert await small_room.records() == []


async def test_whoever_returns_at_once_gets_no_goodbye_that_waits(room: Newsroom) -> None:
    await room.subscribe("ada")
    await leave(room, "ada")
    await come_back(room, "ada")
    assert await send(room) == []
    (one,) = await room.records("ada")
    assert (one.delivery.state, one.delivery.text) == ("suppressed", "They are confirmed.")


async def test_a_goodbye_that_was_claimed_before_they_returned_is_not_begun(room: Newsroom) -> None:
    """The dot is written only once `sending` is on record, and that is refused by then."""
    await room.subscribe("ada")
    await leave(room, "ada")
    returned = asyncio.Event()
    async with Server() as server:
        room.relay(server)
        sending = await room.sending()
        halves = sending._messages

        async def meanwhile(*given: object):
            async for message in halves(*given):
                await come_back(room, "ada")
                returned.set()
                yield message

        sending._messages = meanwhile
        async with room.courier() as courier:
            await sending.run(courier)
    assert returned.is_set()
    assert server.messages == []
    # The same run may have judged it anew already.
    assert await send(room) == []
    assert await states(room, "goodbye") == ["suppressed"]


async def test_who_leaves_for_good_after_all_is_told_so(room: Newsroom) -> None:
    await room.subscribe("ada")
    await leave(room, "ada")
    await come_back(room, "ada")
    assert await send(room) == []
    await leave(room, "ada")
    assert [message["Subject"] for message in await send(room)] == ["You are unsubscribed: Papers for you"]
    # Whoever comes back is told again if they are made to leave again, up to five times a day.
    for _ in range(4):
        await come_back(room, "ada")
        await leave(room, "ada")
        assert len(await send(room)) == 1
    await come_back(room, "ada")
    await leave(room, "ada")
    assert await send(room) == []
    room.clock.step(days=1)
    await come_back(room, "ada")
    await leave(room, "ada")
    assert len(await send(room)) == 1


async def test_a_goodbye_and_the_issue_that_waits_do_not_mix(room: Newsroom) -> None:
    await room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await room.compose()
    await leave(room, "ada")
    subjects = {message["To"]: message["Subject"] for message in await send(room)}
    assert subjects == {address("ada"): "You are unsubscribed: Papers for you", address("bob"): "The glacier"}
    assert [(one.kind, str(one.delivery.state)) for one in await room.records("ada")] == [
        ("issue", "suppressed"),
        ("goodbye", "sent"),
    ]


async def test_a_welcome_comes_when_it_is_asked_for_and_says_what_comes_when(room: Newsroom) -> None:
    await room.subscribe("bob")
    topics = tuple(subscribers.Topic(name=name, weight=weight) for name, weight in (("game theory", 1), ("war", -1)))
    await welcomed(room, "ada", topics=topics, cadence="weekly:wed", hour=6, timezone="Europe/Berlin")
    (message,) = await send(room)
    assert (message["To"], message["Subject"]) == (address("ada"), "Welcome to Papers for you")
    for kind in ("plain", "html"):
        said = body(message, kind).replace("\u202f", " ")
        assert "New papers come every Wednesday at 6:00 AM (Europe/Berlin)." in said
        assert "The first ones come on Wednesday, March 4, 2026." in said
        assert "by your topics: game theory." in said


async def test_who_was_taken_back_or_is_there_is_not_welcomed_twice_on_a_day(room: Newsroom) -> None:
    await welcomed(room, "ada")
    with pytest.raises(UsageError, match="is on record already"):
        await welcomed(room, "ada")
    await leave(room, "ada")
    new = subscribers.new(room.app.settings.newsletter, room.clock, address("ada"))
    told = {"source": "test", "again": True, "welcome": room.app.notices}
    await subscribers.add(room.database, room.clock, new, **told)
    assert [message["Subject"] for message in await send(room)] == ["Welcome to Papers for you"]


async def test_who_pauses_or_leaves_before_the_welcome_gets_none(room: Newsroom) -> None:
    for name in ("ada", "bob"):
        await welcomed(room, name)
    await subscribers.pause(room.database, address("ada"), None)
    await subscribers.remove(room.database, room.clock, address("bob"), source="test")
    assert await send(room) == []
    assert await states(room, "welcome") == ["suppressed", "suppressed"]


# Asking and confirming


async def test_who_asks_gets_a_confirmation_whose_link_makes_them_a_subscriber(room: Newsroom) -> None:
    room.set("web", base_url="https://papers.example.org")
    assert await ask(room, "ada") is Consent.UNCONFIRMED
    assert await ask(room, "ada") is Consent.UNCONFIRMED
    (message,) = await send(room)
    assert (message["To"], message["Subject"]) == (address("ada"), "Please confirm: Papers for you")
    assert "Monday, March 2, 2026" in body(message)
    (token,) = set(re.findall(r"https://papers\.example\.org/confirm/(\S+)", body(message)))
    assert f'href="https://papers.example.org/confirm/{token}"' in body(message, "html")
    with pytest.raises(TokenError):
        await room.app.notices.confirm(room.database, await signer(room), token[:-2] + "xx", how="by the link")
    for _ in range(2):
        person = await room.app.notices.confirm(room.database, await signer(room), token, how="by the link")
        assert (person.state, person.subscribed_at) == (Consent.CONFIRMED, room.clock.now())
    assert [message["Subject"] for message in await send(room)] == ["Welcome to Papers for you"]
    told = (await subscribers.details(room.database, address("ada"))).consents
    assert [(one.state, one.how) for one in told] == [
        (Consent.UNCONFIRMED, "on the page to subscribe"),
        (Consent.CONFIRMED, "by the link"),
    ]


async def test_an_unconfirmed_person_gets_nothing_else(room: Newsroom) -> None:
    await room.take_in(*papers(1, 2, 3))
    await ask(room, "ada")
    composed, _ = await room.send()
    assert composed.composed == 0
    assert await due_now(room.database, room.clock.now() + DAY, DAY) == []
    assert [one.kind for one in await room.records()] == ["confirmation"]


async def test_a_confirmation_that_waits_while_they_confirm_is_not_sent(room: Newsroom) -> None:
    await ask(room, "ada")
    async with room.database.begin() as connection:
        (one,) = await claim(connection, owner="x", limit=9, now=room.clock.now(), until=room.clock.now() + DAY / 24)
    person = await subscribers.find(room.database, address("ada"))
    token = token_of(await signer(room), person.id, person.email)
    room.set("notices", welcome=False)
    await room.app.notices.confirm(room.database, await signer(room), token, how="by the link")
    assert await room.rows("SELECT id FROM deliveries WHERE lease_owner IS NOT NULL") == []
    assert await send(room) == []
    assert await states(room, "confirmation") == ["suppressed"]
    assert one.address == address("ada")


async def test_a_subscriber_is_not_asked_to_confirm(room: Newsroom) -> None:
    await room.subscribe("ada")
    assert await ask(room, "ada") is Consent.CONFIRMED
    assert await room.records() == []


async def test_who_left_may_ask_again_and_the_link_of_before_is_dead_meanwhile(room: Newsroom) -> None:
    await ask(room, "ada")
    person = await subscribers.find(room.database, address("ada"))
    token = token_of(await signer(room), person.id, person.email)
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    with pytest.raises(TokenError, match="no longer there"):
        await room.app.notices.confirm(room.database, await signer(room), token, how="by the link")
    assert await send(room) == []
    assert await ask(room, "ada") is Consent.UNCONFIRMED
    assert [message["Subject"] for message in await send(room)] == ["Please confirm: Papers for you"]
    # The address that it went to is the one that was confirmed.
    await subscribers.edit(room.database, address("ada"), lambda one: one.model_copy(update={"email": address("eve")}))
    with pytest.raises(TokenError):
        await room.app.notices.confirm(room.database, await signer(room), token, how="by the link")


async def test_an_address_that_must_not_be_mailed_gets_no_confirmation(room: Newsroom) -> None:
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("ada"), "erased at their wish", room.clock.now())
    await ask(room, "ada")
    assert await room.records() == []


# A day without papers


async def test_a_day_without_papers_is_told_only_where_that_is_set(room: Newsroom) -> None:
    await room.subscribe("ada")
    assert (await room.send())[0].empty == (address("ada"),)
    assert await room.records() == []
    room.set("notices", nothing_today=True)
    await room.compose()
    (message,) = await send(room)
    assert message["Subject"] == "No paper for you today: Papers for you"
    assert "No new paper has come in." in body(message)
    assert "looked at" not in body(message)
    ((day, state, number),) = (await subscribers.details(room.database, address("ada"))).issues
    assert (day, state, number) == (TODAY, "sent", 0)


async def test_it_says_why_and_how_many_were_looked_at(room: Newsroom) -> None:
    room.set("notices", nothing_today=True)
    await room.take_in(*papers(1, 2, 3))
    await room.subscribe("ada", "no such thing", muted_words=("glacier", "harbour", "pepper"))
    await room.compose()
    (message,) = await send(room)
    assert "We looked at 3 papers." in body(message)
    assert "that you muted" in body(message)


async def test_who_was_told_has_their_day_however_often_it_is_run(room: Newsroom) -> None:
    room.set("notices", nothing_today=True)
    await room.subscribe("ada")
    await room.compose()
    assert len(await send(room)) == 1
    await room.take_in(*papers(1, 2, 3))
    for _ in range(2):
        await room.compose()
        assert await send(room) == []
    room.clock.step(days=1)
    await room.compose()
    assert [message["Subject"] for message in await send(room)] == ["The glacier"]


async def test_papers_that_come_before_it_left_take_its_place(room: Newsroom) -> None:
    room.set("notices", nothing_today=True)
    await room.subscribe("ada")
    await room.compose()
    await room.compose()
    assert len(await room.records("ada")) == 1
    await room.take_in(*papers(1, 2, 3))
    await room.compose()
    assert [message["Subject"] for message in await send(room)] == ["The glacier"]
    assert await room.got("ada") == [titles(1, 2, 3)]


async def test_what_somebody_has_at_hand_is_not_taken_from_them(room: Newsroom) -> None:
    room.set("notices", nothing_today=True)
    await room.subscribe("ada")
    await room.compose()
    async with room.database.begin() as connection:
        await claim(connection, owner="x", limit=9, now=room.clock.now(), until=room.clock.now() + DAY / 24)
    await room.take_in(*papers(1, 2, 3))
    await room.compose()
    ((state,),) = await room.rows("SELECT state FROM deliveries")
    assert state == "queued"
    assert await room.got("ada") == [()]


# The machinery that is proven


async def test_a_notice_that_was_cut_is_unknown_as_any_delivery(room: Newsroom) -> None:
    await room.subscribe("ada")
    await leave(room, "ada")
    async with Server(rules={"end": Cut()}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"unknown": 1}
    assert await send(room) == []
    assert await states(room, "goodbye") == ["unknown"]
    (one,) = await room.records("ada")
    await record.retry(room.database, room.clock, state=one.delivery.state)
    (message,) = await send(room)
    assert message["Message-ID"] == one.delivery.message_id


async def test_a_notice_that_is_put_off_comes_later_under_its_message_id(room: Newsroom) -> None:
    await welcomed(room, "ada")
    async with Server(rules={"RCPT": "450 4.2.1 Later"}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"deferred": 1}
    room.clock.step(hours=6)
    (message,) = await send(room)
    assert message["Message-ID"] == (await room.record("ada")).delivery.message_id


async def test_what_waits_tells_what_keeps_it(room: Newsroom) -> None:
    await room.subscribe("ada")
    await leave(room, "ada")
    await ask(room, "bob")
    found = [one async for one in standing.waiting(room.database, room.clock.now())]
    assert [(one.record.kind, one.obstacle) for one in found] == [("goodbye", ""), ("confirmation", "")]
    await come_back(room, "ada")
    found = [one async for one in standing.waiting(room.database, room.clock.now())]
    assert found[0].obstacle == "they are confirmed"


async def test_notices_are_no_issues_for_whoever_asks_about_issues(room: Newsroom) -> None:
    await room.take_in(*papers(1, 2, 3))
    person = await welcomed(room, "ada", hour=7)
    now = room.clock.now() + DAY
    assert [one.id for one, _ in await due_now(room.database, now, DAY)] == [person.id]
    async with room.database.connect() as connection:
        assert await editions.latest_dates(connection, [person.id], TODAY, room.clock.now()) == {}
        assert await editions.issue_of(connection, person.id, TODAY) is None
        assert await editions.summaries(connection) == []
        assert await editions.overview(connection, person.id) == []
        assert await editions.settled(connection, TODAY, "daily", empty_counts=True) == set()
    composed, _ = await room.send()
    assert composed.composed == 1
    assert [one.kind for one in await room.records("ada")] == ["welcome", "issue"]
    await record.set_note(room.database, room.clock, "A note.", TODAY, ["daily"])
    assert {tuple(row) for row in await room.rows("SELECT kind, note FROM editions")} == {
        ("welcome", ""),
        ("issue", "A note."),
    }


# Fields


async def one_of_each(room: Newsroom) -> dict[str, EmailMessage]:
    """Send one notice of each kind and return them."""
    room.set("notices", nothing_today=True, from_address="hello@newsletter.example")
    room.set("web", base_url="https://papers.example.org")
    room.set("newsletter", precedence="bulk", complaints_address="fbl@newsletter.example")
    await room.subscribe("goodbye")
    await leave(room, "goodbye")
    await ask(room, "confirmation")
    await room.subscribe("nothing")
    await room.compose()
    await welcomed(room, "welcome")
    return {message["To"].partition("@")[0]: message for message in await send(room)}


async def test_who_is_on_no_list_gets_no_field_of_one(small_room: Newsroom) -> None:
    found = await one_of_each(small_room)
    fields = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence")
    assert {kind: [len(message.get_all(name, [])) for name in fields] for kind, message in found.items()} == {
        "welcome": [1] * 4,
        "nothing": [1] * 4,
        "confirmation": [0] * 4,
        "goodbye": [0] * 4,
    }
    for kind, message in found.items():
        assert message.defects == []
        assert "List-Post" not in message
        assert message.get_all("Auto-Submitted") == ["auto-generated"]
        assert message["Feedback-ID"] == f"2026-03-02:{kind}:notices:newsletterexamp"
        assert message["Content-Language"] == "en"


async def test_confirmations_and_goodbyes_come_from_an_address_of_their_own(small_room: Newsroom) -> None:
    found = await one_of_each(small_room)
    sender = {kind: message["From"].addresses[0].addr_spec for kind, message in found.items()}
    assert sender == {
        "confirmation": "hello@newsletter.example",
        "goodbye": "hello@newsletter.example",
        "welcome": "papers@newsletter.example",
        "nothing": "papers@newsletter.example",
    }
    assert found["goodbye"]["Reply-To"] == "papers@newsletter.example"


async def test_no_mail_asks_somebody_to_unsubscribe_who_is_on_no_list(small_room: Newsroom) -> None:
    for kind, message in (await one_of_each(small_room)).items():
        for part in ("plain", "html"):
            assert ("Unsubscribe" in body(message, part)) == (kind in ("welcome", "nothing"))
            assert address(kind) in body(message, part)


async def test_without_pages_a_mail_does_the_same(small_room: Newsroom) -> None:
    await small_room.subscribe("ada")
    await leave(small_room, "ada")
    await ask(small_room, "bob")
    goodbye, confirmation = await send(small_room)
    assert "mailto:papers@newsletter.example?subject=subscribe" in body(goodbye)
    asks = r"mailto:papers@newsletter\.example\?subject=confirm%20[0-9a-f]+-[0-9a-f]{16}\b"
    assert re.search(asks, body(confirmation))
    assert "This opens a mail to us" in body(confirmation)


async def test_a_preview_shows_each_before_and_the_one_that_was_sent_after(room: Newsroom) -> None:
    await room.subscribe("ada", language="de")
    for kind in ("welcome", "confirmation", "goodbye", "known", "answer", "nothing"):
        shown = await room.preview("ada", kind=kind)
        assert shown.delivery is None
        assert shown.issue.notice == kind
    assert await room.records() == []
    await leave(room, "ada")
    (sent,) = await send(room)
    shown = await room.preview("ada", kind="goodbye")
    assert shown.delivery is not None
    again = message_from_bytes(shown.written.content, policy=default)
    assert (sent["Subject"], sent["Message-ID"]) == ("Sie sind abgemeldet: Papers for you", again["Message-ID"])
    assert body(sent) == body(again)


async def test_who_leaves_by_page_or_by_one_click_is_told_once_and_the_mail_leads_back(room: Newsroom) -> None:
    room.set("web", base_url="https://papers.example.org")
    token = (await signer(room)).tag("unsubscribe", (await room.subscribe("ada")).id)
    readers = await room.app.readers()
    for how in (BY_ONE_CLICK, BY_PAGE):
        await readers.leave(token, how=how)
    (message,) = await send(room)
    assert message["Subject"] == "You are unsubscribed: Papers for you"
    assert f"https://papers.example.org/unsubscribe/{token}" in body(message)
    assert (await readers.come_back(token)).person.state is Consent.CONFIRMED


async def test_who_takes_it_back_on_the_page_gets_no_goodbye(room: Newsroom) -> None:
    token = (await signer(room)).tag("unsubscribe", (await room.subscribe("ada")).id)
    readers = await room.app.readers()
    await readers.leave(token, how=BY_PAGE)
    await readers.come_back(token)
    assert await send(room) == []
    assert await states(room, "goodbye") == ["suppressed"]
