"""What readers ask for when they answer a mail: who may, what follows, and the one line that goes back."""

from datetime import date, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from mail_programs import HTML, PLAIN, answer
from newsroom import NOW, TODAY, Newsroom, address, papers
from servers import Server
from test_web_by_mail import command, command_of, paused, said
from webroom import filled

from newsletter.delivery.incoming import Arrival
from newsletter.models import FOREVER, Subscriber
from newsletter.pipeline import subscribers
from newsletter.pipeline.counting import Followed
from newsletter.pipeline.notices import MOST_ANSWERS
from newsletter.pipeline.readers import FEEDBACK_DAYS

MONDAY = TODAY + timedelta(days=7)


@pytest.fixture
async def desk(room: Newsroom) -> Newsroom:
    """A newsletter with a mail for Ada and one for Bob, which they got, on both engines."""
    return await _got(await filled(room))


@pytest.fixture
async def small_desk(small_room: Newsroom) -> Newsroom:
    """The same on SQLite alone."""
    return await _got(await filled(small_room))


async def _got(desk: Newsroom) -> Newsroom:
    await sent(desk)
    return desk


async def sent(desk: Newsroom) -> list[EmailMessage]:
    """Send what waits, and return what came to people."""
    async with Server() as relay:
        desk.relay(relay)
        await desk.deliver()
    return [message_from_bytes(one.content, policy=default) for one in relay.messages]  # type: ignore[misc]


async def issue_of(desk: Newsroom, name: str) -> Any:
    """Return the delivery of someone's mail with papers."""
    return next(one for one in await desk.records(name) if one.titles)


async def reply(desk: Newsroom, body: str, name: str = "ada", **fields: Any) -> Followed:
    """Answer someone's mail as Ada does."""
    to = (await issue_of(desk, name)).delivery.message_id
    written = answer(to, body, **{"Message_ID": f"<{abs(hash((body, *fields)))}@reader.example>", **fields})
    return await (await desk.app.intake()).take(Arrival("a mail", written))


async def ada(desk: Newsroom) -> Subscriber:
    return await subscribers.find(desk.database, address("ada"))


async def topics(desk: Newsroom) -> dict[str, float]:
    return {topic.name: topic.weight for topic in (await ada(desk)).topics}


async def line(desk: Newsroom) -> str:
    """Return what one mail tells whoever wrote, above its footer."""
    (message,) = await sent(desk)
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().partition("-----")[0].split())


async def test_several_wishes_are_done_and_answered_in_one_line(desk: Newsroom) -> None:
    first, second, _ = (await issue_of(desk, "ada")).titles
    followed = await reply(desk, "+2 -1 less diffusion, pause till Monday\n\nThanks\nAda\n")
    assert (followed.kind, followed.email, followed.by, followed.taken) == ("wish", address("ada"), "message id", True)
    assert followed.what == "4 done, answered"
    assert dict(await said(desk)) == {second: "more", first: "less"}
    person = await ada(desk)
    assert [(topic.name, topic.weight) for topic in person.topics] == [("diffusion", -0.5)]
    assert person.paused_until == MONDAY
    (message,) = await sent(desk)
    part = message.get_body(("plain",))
    assert part is not None
    told = " ".join(part.get_content().partition("-----")[0].split())
    assert told == "Done: more like 2, less like 1, less of diffusion, paused until Monday, March 9, 2026."
    assert message["To"] == address("ada")
    assert message["Subject"] == "Re: The violin"
    assert message["In-Reply-To"] == message["References"]
    assert message["In-Reply-To"].endswith("@reader.example>")
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["List-Unsubscribe"] is None
    assert await sent(desk) == []


async def test_in_german(small_desk: Newsroom) -> None:
    person = await ada(small_desk)
    await subscribers.edit(
        small_desk.database, person.email, lambda one: one.model_copy(update={"language": "de", "cadence": "daily"})
    )
    await reply(small_desk, "Bitte mehr wie 2, wöchentlich am Freitag, 5 Artikel, Pause bis 1. Dezember, wuff\n")
    assert await line(small_desk) == (
        "Erledigt: mehr wie 2, Mail jeden Freitag, höchstens so viele Arbeiten in einer Mail: 5, Pause bis Dienstag, "
        "1. Dezember 2026. Nicht verstanden: „wuff“."
    )
    person = await ada(small_desk)
    assert (person.cadence, person.papers, person.paused_until) == ("weekly:fri", 5, date(2026, 12, 1))


@pytest.mark.parametrize("name", PLAIN)
async def test_programs_that_answer_in_plain_text(small_desk: Newsroom, name: str) -> None:
    assert (await reply(small_desk, PLAIN[name].replace("%s", "+2, pause for two weeks"))).what == "2 done, answered"
    assert [verdict for _, verdict in await said(small_desk)] == ["more"]
    assert await paused(small_desk) == TODAY + timedelta(days=14)


@pytest.mark.parametrize("name", PLAIN)
async def test_what_a_program_quotes_is_no_wish(small_desk: Newsroom, name: str) -> None:
    body = PLAIN[name].replace("%s", "Thank you, I enjoy this.")
    assert await reply(small_desk, body) == Followed("a mail", "other")
    assert await reply(small_desk, PLAIN[name].replace("%s", "")) == Followed("a mail", "other")
    assert await sent(small_desk) == []
    assert await said(small_desk) == []


@pytest.mark.parametrize("name", HTML)
async def test_programs_that_answer_in_html(small_desk: Newsroom, name: str) -> None:
    body = HTML[name].replace("%s", "+2<br>&#43;3, pause&nbsp;for two weeks")
    assert (await reply(small_desk, body, html=True)).what == "3 done, answered"
    assert await paused(small_desk) == TODAY + timedelta(days=14)


async def test_the_subject_counts_where_the_text_says_nothing(small_desk: Newsroom) -> None:
    assert (await reply(small_desk, "", Subject="Re: +2 -1")).what == "2 done, answered"


@pytest.mark.parametrize(
    "sender",
    [
        "eve@example.org",
        "ada@elsewhere.example",
        "ada@example.org, eve@example.org",
        "Ada <ada@example.org.evil.example>",
    ],
)
async def test_nobody_else_acts_with_a_mail_that_was_passed_on(desk: Newsroom, sender: str) -> None:
    followed = await reply(desk, "+2, pause", sender=sender)
    assert (followed.kind, followed.taken) == ("wish", False)
    assert "another address" in followed.what
    # Nor does Ada with Bob's.
    assert "another address" in (await reply(desk, "+2", "bob")).what
    assert (await said(desk), await paused(desk), await sent(desk)) == ([], None, [])


@pytest.mark.parametrize("to", ["", "<unknown@newsletter.example>", "<>", "x", "<a@b>" * 2000])
async def test_what_answers_no_mail_of_ours_is_a_letter(small_desk: Newsroom, to: str) -> None:
    fields = {"In_Reply_To": to, "References": to}
    assert await reply(small_desk, "+2, pause", **fields) == Followed("a mail", "other")
    assert await paused(small_desk) is None


async def test_a_quoted_message_id_in_the_text_proves_nothing(small_desk: Newsroom) -> None:
    ours = (await issue_of(small_desk, "ada")).delivery.message_id
    followed = await reply(small_desk, f"+2\n\n> Message-ID: {ours}", In_Reply_To="", References="")
    assert followed == Followed("a mail", "other")


async def test_references_do_as_well(small_desk: Newsroom) -> None:
    ours = (await issue_of(small_desk, "ada")).delivery.message_id
    followed = await reply(small_desk, "+2", In_Reply_To="<x@y.example>", References=f"{ours} <x@y.example>")
    assert followed.what == "1 done, answered"


async def test_tags_of_links_do_as_well_several_in_a_mail(small_desk: Newsroom) -> None:
    more = await command(small_desk, "more", position=2)
    less = await command(small_desk, "less", position=1)
    nothing = {"In_Reply_To": "", "References": "", "Subject": "Papers"}
    assert (await reply(small_desk, f"{more}, {less}", **nothing)).what == "2 done, answered"
    assert sorted(verdict for _, verdict in await said(small_desk)) == ["less", "more"]
    pause = await command(small_desk, "pause")
    assert (await reply(small_desk, f"please {pause} for two weeks", **nothing)).what == "1 done, answered"
    # Of two mails nobody knows which paper is meant, and one that was changed proves nothing.
    for body in (f"{more}, {pause}", f"{more[:-14]}ffff{more[-11:]}, thanks"):
        assert (await reply(small_desk, body, **nothing)).taken is False
    assert "another address" in (await reply(small_desk, more, sender="eve@example.org", **nothing)).what


async def test_a_tag_lets_speak_of_no_paper_but_those_whose_marks_are_there(desk: Newsroom) -> None:
    more, less, third = [await command(desk, "more", position=place) for place in (2, 1, 3)]
    tag = more.removeprefix("more ").rsplit("-", 2)[0]
    nothing = {"In_Reply_To": "", "References": "", "Subject": "Papers"}
    changed = f"{more[:-8]}{third[-8:]}"
    bobs = f"{more[:-8]}{(await command(desk, 'more', 'bob'))[-8:]}"
    for body in (
        f"{more}, -1",
        f"{more}, +1 {tag}",
        f"+2 {tag}",
        f"{tag}: save 3",
        changed,
        bobs,
        f"{less}, {changed}",
    ):
        followed = await reply(desk, body, **nothing)
        assert followed.taken is False, body
    assert await said(desk) == []
    # What is of no paper needs none.
    assert (await reply(desk, f"{more}, {third}, weekdays", **nothing)).what == "3 done, answered"
    assert len(await said(desk)) == 2


async def test_who_answers_one_mail_with_the_mark_of_another_says_nothing_of_either(desk: Newsroom) -> None:
    older, bobs = await command(desk, "more"), await command(desk, "more", "bob")
    desk.clock.step(days=1)
    await desk.take_in(*papers(4, 5, 6))
    await desk.send()
    newest = [one for one in await desk.records("ada") if one.titles][-1].delivery
    newer = await command_of(desk, "more", newest.issue_id)
    for wrong in (older, bobs, f"{newer[:-8]}{older[-8:]}"):
        written = answer(newest.message_id, f"{wrong}, save 1", Message_ID=f"<{abs(hash(wrong))}@reader.example>")
        assert (await (await desk.app.intake()).take(Arrival("a mail", written))).what.startswith("1 done, 1 not")
        assert [verdict for _, verdict in await said(desk)] == ["saved"]
    written = answer(newest.message_id, f"{newer}, thanks", Message_ID="<right@reader.example>")
    assert (await (await desk.app.intake()).take(Arrival("a mail", written))).what == "1 done, answered"
    assert sorted(verdict for _, verdict in await said(desk)) == ["more", "saved"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"}, {"List_Id": "<x.y>"},
        {"Return_Path": "<>"}, {"Subject": "Automatic reply: The violin"}, {"Subject": "Abwesenheitsnotiz: The violin"},
    ],
)  # fmt: skip
async def test_a_program_is_neither_obeyed_nor_answered(desk: Newsroom, fields: dict[str, str]) -> None:
    followed = await reply(desk, "Pause until Monday.", **fields)
    assert (followed.taken, followed.what) == (False, "a program wrote it, so nothing followed")
    assert (await paused(desk), await sent(desk)) == (None, [])


async def test_what_comes_to_a_return_path_came_by_itself(small_desk: Newsroom) -> None:
    from newsletter.delivery.verp import ReturnPath

    delivery = (await issue_of(small_desk, "ada")).delivery
    path = ReturnPath("bounces@newsletter.example", await small_desk.app.signer()).of(delivery.id)
    written = answer(delivery.message_id, "Pause until Monday.")
    followed = await (await small_desk.app.intake()).take(Arrival("a mail", written, path))
    assert followed.what == "a program wrote it, so nothing followed"


async def test_our_answer_to_an_answer_is_obeyed_by_nobody(small_desk: Newsroom) -> None:
    await reply(small_desk, "+2")
    (message,) = await sent(small_desk)
    back = answer(message["Message-ID"], "Done: more 2. Pause until Monday.", Auto_Submitted=message["Auto-Submitted"])
    assert (await (await small_desk.app.intake()).take(Arrival("a mail", back))).taken is False
    assert await sent(small_desk) == []


async def test_a_mail_that_comes_twice_counts_once(desk: Newsroom) -> None:
    for what in ("1 done, answered", "read before", "read before"):
        followed = await reply(desk, "less diffusion")
        assert (followed.what, followed.taken) == (what, True)
    assert [topic.weight for topic in (await ada(desk)).topics] == [-0.5]
    assert len(await sent(desk)) == 1


async def test_so_many_are_answered_in_a_day_and_all_are_done(desk: Newsroom) -> None:
    for number in range(MOST_ANSWERS + 2):
        followed = await reply(desk, f"more topic{number}")
        told = "answered" if number < MOST_ANSWERS else "not answered: they had as many answers today as there may be"
        assert followed.what == f"1 done, {told}"
    assert len((await ada(desk)).topics) == MOST_ANSWERS + 2
    assert len(await sent(desk)) == MOST_ANSWERS
    desk.clock.step(days=1)
    assert (await reply(desk, "more chess")).what.endswith("answered")


async def test_who_answers_our_answer_speaks_of_the_papers_before_it(small_desk: Newsroom) -> None:
    first = (await issue_of(small_desk, "ada")).delivery.message_id
    await reply(small_desk, "+2")
    (message,) = await sent(small_desk)
    written = answer(message["Message-ID"], "-1", References=f"{first} <x@y.example> {message['Message-ID']}")
    assert (await (await small_desk.app.intake()).take(Arrival("a mail", written))).what == "1 done, answered"
    assert len(await said(small_desk)) == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("+7 +2", "Done: more like 2. Not done: that mail has no paper 7."),
        ("pause till 2026-01-01", "Not done: Thursday, January 1, 2026 is over."),
        ("pause till 30 February", "Not done: there is no such day."),
        ("500 papers", "Not done: so many papers cannot be had: 500."),
        ("+2, wrr", "Done: more like 2. Not understood: “wrr”."),
        ("+2 -2 +2", "Done: more like 2."),
        ("+1 +2, save 3", "Done: more like 1 and 2, saved 3."),
        ("pause", "Done: paused until you resume."),
        ("resume, weekdays", "Done: your pause is over, mail from Monday to Friday."),
        ("mute hype, unmute hype", "Done: muted hype, no longer muted hype."),
    ],
)
async def test_what_the_line_says(small_desk: Newsroom, body: str, told: str) -> None:
    assert (await reply(small_desk, body)).taken
    shown = await line(small_desk)
    if "resume" in body:
        told = "Done: mail from Monday to Friday, your pause is over."
    assert shown == told


async def test_a_pause_without_an_end_and_its_end(small_desk: Newsroom) -> None:
    await reply(small_desk, "pause")
    assert await paused(small_desk) == FOREVER
    # It is answered though they have paused.
    assert len(await sent(small_desk)) == 1
    await reply(small_desk, "resume")
    assert await paused(small_desk) is None


async def test_monday_is_that_of_who_wrote_when_they_wrote(small_desk: Newsroom) -> None:
    await subscribers.edit(
        small_desk.database, address("ada"), lambda one: one.model_copy(update={"timezone": "Pacific/Auckland"})
    )
    # Sunday evening in London is Monday in Auckland; it is read days later.
    small_desk.clock.moment = NOW + timedelta(days=2)
    await reply(small_desk, "pause till Monday", Date="Sun, 01 Mar 2026 20:00:00 +0000")
    assert await paused(small_desk) == MONDAY
    await reply(small_desk, "pause till Tuesday", Date="Sat, 28 Feb 2026 20:00:00 +0000")
    assert (await ada(small_desk)).paused_until == MONDAY
    assert "is over" in (await sent(small_desk))[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_a_name_of_that_mail_is_an_author_and_another_a_word(small_room: Newsroom) -> None:
    from newsroom import papers

    await small_room.take_in(*papers(1, 2, authors=("Ada J. Lovelace", "Eve Doe")))
    await small_room.subscribe("ada")
    await small_room.compose()
    await sent(small_room)
    assert (await reply(small_room, "mute Lovelace, mute hype, mute author Max Ernst")).what == "3 done, answered"
    person = await ada(small_room)
    assert (person.muted_authors, person.muted_words) == (("Ada J. Lovelace", "Max Ernst"), ("hype",))
    await reply(small_room, "unmute Lovelace, unmute word hype")
    person = await ada(small_room)
    assert (person.muted_authors, person.muted_words) == (("Max Ernst",), ())


async def test_a_topic_is_the_one_that_they_have_or_that_has_the_name(small_desk: Newsroom) -> None:
    catalogue = small_desk.app.catalogue
    slug = next(iter(catalogue))
    for words in ("more kitchen models", f"more {catalogue[slug].name}", "less kitchen"):
        await reply(small_desk, words)
    assert {topic.name: topic.weight for topic in (await ada(small_desk)).topics} == {
        slug: 1.0,
        "kitchen models": 0.3,
    }
    await reply(small_desk, "less kitchen models")
    await reply(small_desk, "less of kitchen")
    assert {topic.name: topic.weight for topic in (await ada(small_desk)).topics}["kitchen models"] == -1.0


async def test_old_mail_says_nothing_of_its_papers_and_who_left_nothing_at_all(small_desk: Newsroom) -> None:
    small_desk.clock.moment = NOW + timedelta(days=FEEDBACK_DAYS + 1)
    await reply(small_desk, "+2, daily")
    assert await line(small_desk) == (
        "Done: mail every day. Not done: that mail is too old to say anything of its papers."
    )
    await subscribers.remove(small_desk.database, small_desk.clock, address("ada"), source="test")
    followed = await reply(small_desk, "+2, pause")
    assert (followed.what, followed.taken) == ("they are unsubscribed, so nothing followed", True)
    assert await sent(small_desk) == []


async def test_who_moved_is_not_spoken_for_from_the_old_address(small_desk: Newsroom) -> None:
    to = (await issue_of(small_desk, "ada")).delivery.message_id
    await subscribers.edit(
        small_desk.database, address("ada"), lambda one: one.model_copy(update={"email": "ada@new.example"})
    )
    intake = await small_desk.app.intake()
    for sender in ("ada@example.org", "ada@new.example"):
        assert "another address" in (await intake.take(Arrival("a mail", answer(to, "+2", sender=sender)))).what


async def test_papers_that_are_hidden_or_one_since_count(small_desk: Newsroom) -> None:
    from newsletter.pipeline import library

    assert library
    numbers = dict(await small_desk.rows("SELECT position, paper_id FROM picks WHERE issue_id = 1"))
    async with small_desk.database.begin() as connection:
        from sqlalchemy import text

        await connection.execute(text(f"UPDATE papers SET hidden = true WHERE id = {numbers[1]}"))  # noqa: S608
        await connection.execute(text(f"UPDATE papers SET merged_into = {numbers[3]} WHERE id = {numbers[2]}"))  # noqa: S608
    await reply(small_desk, "+1 -2")
    found = dict(await small_desk.rows("SELECT paper_id, verdict FROM feedback"))
    assert found == {numbers[1]: "more", numbers[3]: "less"}


async def test_a_mail_whose_first_paper_was_taken_out_is_still_the_one_that_is_answered(desk: Newsroom) -> None:
    numbers = dict(await desk.rows("SELECT position, paper_id FROM picks WHERE issue_id = 1"))
    await desk.say("DELETE FROM picks WHERE issue_id = :issue AND position = 1", issue=1)
    await reply(desk, "+2 -1")
    assert dict(await desk.rows("SELECT paper_id, verdict FROM feedback")) == {numbers[2]: "more"}
    assert await line(desk) == "Done: more like 2. Not done: that mail has no paper 1."


async def test_who_wrote_what_stands_behind_a_paper_that_was_taken_out_is_known(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(1), *papers(2, authors=("Eve Doe",)))
    await small_room.subscribe("ada")
    await small_room.compose()
    await sent(small_room)
    await small_room.say("DELETE FROM picks WHERE paper_id NOT IN (SELECT id FROM papers WHERE authors LIKE '%Doe%')")
    await small_room.say("UPDATE picks SET position = 2")
    await reply(small_room, "mute Doe")
    assert (await ada(small_room)).muted_authors == ("Eve Doe",)


async def test_a_forged_subject_puts_no_address_into_our_mail(small_desk: Newsroom) -> None:
    await reply(small_desk, "+2, visit evil.example", Subject="Re: https://evil.example/login")
    (message,) = await sent(small_desk)
    assert message["Subject"] == "Re: Papers for you"
    assert "evil" not in message.as_string()


async def test_answers_come_to_where_they_are_read(small_room: Newsroom) -> None:
    await small_room.take_in()
    for values, leads in (
        ({"address": "back@newsletter.example", "maildir": "x"}, "back@newsletter.example"),
        ({"address": "back@newsletter.example", "maildir": None, "lmtp_port": 8024}, None),
    ):
        small_room.set("bounces", **values)
        writer = await small_room.writer()
        assert writer.settings.newsletter.reply_to == leads
    small_room.set("bounces", maildir="x")
    small_room.set("newsletter", reply_to="lab@example.org")
    assert (await small_room.writer()).settings.newsletter.reply_to == "lab@example.org"
