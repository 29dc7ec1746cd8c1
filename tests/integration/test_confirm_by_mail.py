"""Somebody confirms by mail, where there are no pages: asked by mail, answered by mail, and kept as proof."""

import re
from email import message_from_bytes
from email.policy import default
from urllib.parse import unquote

import pytest
from newsroom import Newsroom, address
from reports import mail
from servers import Server

from newsletter.delivery.incoming import Arrival
from newsletter.models import Consent, Subscriber
from newsletter.pipeline import secrets, subscribers
from newsletter.pipeline.intake import Followed
from newsletter.pipeline.signups import CONFIRMED_BY_MAIL


async def asked(room: Newsroom, name: str = "ada") -> str:
    """Put somebody on record who has to confirm, and return the subject that the mail which asks them writes."""
    new = subscribers.new(room.app.settings.newsletter, room.clock, address(name))
    await subscribers.ask(room.database, room.app.notices, new, source="test")
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    (message,) = [message_from_bytes(one.content, policy=default) for one in server.messages]
    found = set()
    for part in ("plain", "html"):
        body = message.get_body((part,))
        assert body is not None
        found |= set(
            re.findall(r"mailto:papers@newsletter\.example\?subject=(confirm%20[0-9a-f-]+)", body.get_content())
        )
    (subject,) = found
    assert address(name) not in subject
    return unquote(subject)


async def take(
    room: Newsroom, subject: str, sender: str = "ada@example.org", body: str = "", **fields: str
) -> Followed:
    """Take in a mail."""
    return await (await room.app.intake()).take(Arrival("a mail", mail(sender, subject=subject, body=body, **fields)))


async def person(room: Newsroom, name: str = "ada") -> Subscriber:
    return await subscribers.find(room.database, address(name))


@pytest.mark.parametrize("spell", ["{}", "Re: {}", " AW: {}. "])
@pytest.mark.parametrize("case", [str, str.upper])
async def test_the_answer_makes_them_a_subscriber_once(room: Newsroom, spell: str, case: type[str]) -> None:
    subject = await asked(room)
    assert (await person(room)).state is Consent.UNCONFIRMED
    for _ in range(2):
        followed = await take(room, case(spell.format(subject)))
        assert (followed.kind, followed.email, followed.by, followed.taken) == ("wish", address("ada"), "token", True)
        assert followed.what == "confirmed: they are a subscriber"
    assert ((await person(room)).state, (await person(room)).subscribed_at) == (Consent.CONFIRMED, room.clock.now())
    # The welcome, as by the page.
    assert sorted(one.kind for one in await room.records()) == ["confirmation", "welcome"]


async def test_the_proof_names_the_mail_that_asked_and_a_hash_of_who_answered(room: Newsroom) -> None:
    subject = await asked(room)
    room.clock.step(minutes=3)
    await take(room, subject, "Ada <ada@elsewhere.example>")
    first, last = (await subscribers.details(room.database, address("ada"))).consents
    assert (first.state, last.state, last.how) == (Consent.UNCONFIRMED, Consent.CONFIRMED, CONFIRMED_BY_MAIL)
    assert last.at > first.at
    (question,) = [one for one in await room.records() if one.kind == "confirmation"]
    found = re.fullmatch(r"mail (<\S+>), from [0-9a-f]{16}", last.source)
    assert found is not None
    assert found[1] == question.delivery.message_id
    shown = await room.preview("ada", kind="confirmation")
    assert "Do you want this newsletter?" in shown.written.rendered.text


async def test_the_first_line_counts_as_the_subject_does(small_room: Newsroom) -> None:
    subject = await asked(small_room)
    assert (await take(small_room, "Re: Please confirm", body=f"\n{subject}\n\n> quoted")).taken
    assert (await person(small_room)).state is Consent.CONFIRMED


@pytest.mark.parametrize("fields", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}])
async def test_a_program_is_never_believed(small_room: Newsroom, fields: dict[str, str]) -> None:
    followed = await take(small_room, await asked(small_room), **fields)
    assert (followed.what, followed.taken) == ("a program wrote it, so nothing followed", False)
    assert (await person(small_room)).state is Consent.UNCONFIRMED


async def test_no_other_token_confirms_and_this_one_does_nothing_else(room: Newsroom) -> None:
    subject = await asked(room)
    bob = (await asked(room, "bob")).removeprefix("confirm ")
    tag = subject.removeprefix("confirm ")
    number, digest = tag.split("-")
    signer, ada = await room.app.signer(), await person(room)
    for wrong in (
        f"{number}-{bob.split('-')[1]}",
        f"{number}-{'0' * 16}",
        f"ff-{digest}",
        signer.tag("unsubscribe", ada.id),
        signer.tag("feedback", ada.id),
        signer.tag("confirm", ada.id),
    ):
        followed = await take(room, f"confirm {wrong}")
        assert (followed.what, followed.taken) == ("nobody is known by that token: look at it yourself", False)
    for verb in ("unsubscribe", "pause", "resume"):
        assert not (await take(room, f"{verb} {tag}", "eve@example.org")).taken
    assert {(await person(room, name)).state for name in ("ada", "bob")} == {Consent.UNCONFIRMED}


async def test_with_another_address_it_is_worth_nothing(room: Newsroom) -> None:
    subject = await asked(room)
    await subscribers.edit(room.database, address("ada"), lambda one: one.model_copy(update={"email": address("eve")}))
    assert not (await take(room, subject)).taken
    assert (await person(room, "eve")).state is Consent.UNCONFIRMED


async def test_who_left_since_is_not_taken_back_and_who_was_erased_is_nobody(room: Newsroom) -> None:
    subject = await asked(room)
    await take(room, subject)
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    followed = await take(room, subject)
    assert followed.what == "they are no longer waited for, so nothing followed"
    assert (await person(room)).state is Consent.UNSUBSCRIBED
    await subscribers.erase(room.database, room.clock, address("ada"))
    assert (await take(room, subject)).what == "nobody is known by that token: look at it yourself"


async def test_a_secret_of_before_is_read_for_its_time(room: Newsroom) -> None:
    subject = await asked(room)
    await secrets.rotate(room.database, room.clock, 5)
    room.clock.step(days=6)
    assert not (await take(room, subject)).taken
    room.clock.step(days=-3)
    assert (await take(room, subject)).taken
