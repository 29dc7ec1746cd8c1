"""What readers ask for by mail, as the links of their mail write it where there are no pages."""

import re
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from newsroom import NOW, TODAY, Newsroom, address
from reports import mail
from servers import Server
from webroom import feedback_of, filled

from newsletter.delivery.incoming import Arrival
from newsletter.models import FOREVER
from newsletter.pipeline import subscribers
from newsletter.pipeline.intake import Followed
from newsletter.pipeline.reader_links import Addresses
from newsletter.pipeline.readers import FEEDBACK_DAYS
from newsletter.store import schema
from newsletter.tokens import Signer


@pytest.fixture
async def desk(room: Newsroom) -> Newsroom:
    """A newsletter without pages, with a mail for Ada and one for Bob, on both engines."""
    return await filled(room)


@pytest.fixture
async def small_desk(small_room: Newsroom) -> Newsroom:
    """The same on SQLite alone."""
    return await filled(small_room)


async def links(desk: Newsroom) -> Addresses:
    """Return what makes the links of the mail."""
    async with desk.database.connect() as connection:
        return Addresses(desk.app.settings, Signer(await schema.key(connection, "tokens")))


async def command(desk: Newsroom, verb: str, name: str = "ada", position: int = 2) -> str:
    """Return the subject that the link of someone's mail writes."""
    record = await desk.record(name)
    if verb in ("more", "less"):
        return await command_of(desk, verb, record.delivery.issue_id, position)
    link = (await links(desk)).of(record.delivery.subscriber_id).pause.removesuffix("%201%20month")
    return _subject(link).replace("pause", verb)


async def command_of(desk: Newsroom, verb: str, issue_id: int, position: int = 2) -> str:
    """Return the subject that a link of a mail with papers writes."""
    feedback = await feedback_of(desk, await links(desk), issue_id)
    before, behind = feedback.more if verb == "more" else feedback.less
    return _subject(f"{before}{feedback.marks[position - 1]}{behind}")


def _subject(link: str) -> str:
    found = urlsplit(link)
    assert (found.scheme, found.path) == ("mailto", "papers@newsletter.example")
    return parse_qs(found.query)["subject"][0]


async def take(desk: Newsroom, subject: str, sender: str = "ada@example.org", **fields: str) -> Followed:
    """Take in a mail."""
    return await (await desk.app.intake()).take(Arrival("a mail", mail(sender, subject=subject, **fields)))


async def said(desk: Newsroom) -> list[tuple[str, str]]:
    """Return what was said of which paper."""
    found = await desk.rows("SELECT p.title, f.verdict FROM feedback f JOIN papers p ON p.id = f.paper_id")
    return [(title, verdict) for title, verdict in found]


async def paused(desk: Newsroom) -> date | None:
    """Return until when Ada has paused."""
    return (await subscribers.find(desk.database, address("ada"))).paused_until


@pytest.mark.parametrize("spell", ["{}", "Re: {}", "AW: RE: {}", "  {} "])
@pytest.mark.parametrize("case", [str, str.upper])
async def test_more_and_less_by_mail(desk: Newsroom, spell: str, case: type[str]) -> None:
    title = (await desk.record("ada")).titles[1]
    followed = await take(desk, case(spell.format(await command(desk, "more"))), "Ada <ADA@example.org>")
    assert (followed.kind, followed.email, followed.by, followed.taken) == ("wish", address("ada"), "token", True)
    assert followed.what.startswith("noted: more like paper ")
    assert await said(desk) == [(title, "more")]
    assert (await take(desk, await command(desk, "less"))).taken
    assert await said(desk) == [(title, "less")]


async def test_the_first_line_counts_as_the_subject_does(small_desk: Newsroom) -> None:
    written = mail("ada@example.org", subject="Re: Papers", body=f"\n{await command(small_desk, 'less')}\n\n> quoted")
    assert (await (await small_desk.app.intake()).take(Arrival("a mail", written))).taken
    assert [verdict for _, verdict in await said(small_desk)] == ["less"]


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("", FOREVER),
        (" until 2026-04-05", date(2026, 4, 5)),
        (" 2026-04-05", date(2026, 4, 5)),
        (" 1 week", TODAY + timedelta(days=7)),
        (" for 10 days", TODAY + timedelta(days=10)),
        (" A MONTH.", TODAY + timedelta(days=30)),
        (" until I say so", None),
        (" until 2026-02-30", None),
        (" until 2026-03-02", None),
    ],
)
async def test_a_pause_by_mail(desk: Newsroom, end: str, until: date | None) -> None:
    asked = await command(desk, "pause")
    followed = await take(desk, asked + end)
    assert await paused(desk) == until
    assert (followed.what.startswith("paused until")) is (until is not None)
    assert (await take(desk, asked.replace("pause", "resume"))).what == "their pause ends"
    assert await paused(desk) is None


async def test_a_mail_offers_by_mail_what_pages_would_do(small_desk: Newsroom) -> None:
    async with Server() as relay:
        small_desk.relay(relay)
        await small_desk.deliver()
    message = next(
        found
        for found in (message_from_bytes(one.content, policy=default) for one in relay.messages)
        if found["To"] == address("ada")
    )
    assert "List-Unsubscribe-Post" not in message
    assert "https:" not in message["List-Unsubscribe"]
    for subtype in ("html", "plain"):
        part = message.get_body((subtype,))
        assert part is not None
        (subject,) = re.findall(r"mailto:papers@newsletter.example\?subject=(pause%20[^\s\"&]+)", part.get_content())
    assert (await take(small_desk, unquote(subject))).what == "paused until 2026-04-01"


async def test_the_mark_of_another_paper_mail_or_reader_says_nothing(desk: Newsroom) -> None:
    asked = {name: [await command(desk, "more", name, place) for place in (1, 2, 3)] for name in ("ada", "bob")}
    ours, others = asked["ada"][1], [*asked["ada"][::2], *asked["bob"]]
    begun, bits = ours.rpartition("-")[0], ours[-8:]
    wrong = [f"{begun}-{other[-8:]}" for other in others]
    wrong += [f"{begun.rpartition('-')[0]}-{place}-{bits}" for place in (1, 3, 4, 999)]
    wrong += [ours[:-1] + ("1" if ours[-1] == "0" else "0")]
    # As for a tag that was changed.
    cut = await take(desk, f"more 1-0123456789abcdef-1-{bits}")
    for subject in wrong:
        followed = await take(desk, subject)
        assert (followed.what, followed.taken) == (cut.what, False), subject
    assert await said(desk) == []
    assert (await take(desk, ours)).taken


@pytest.mark.parametrize("lines", [("subject",), ("body",), ("subject", "body")])
async def test_a_link_without_its_whole_mark_is_a_letter(small_desk: Newsroom, lines: tuple[str, ...]) -> None:
    whole = await command(small_desk, "less")
    for length in range(1, 9):
        cut = whole[:-length]
        subject, body = (cut if part in lines else "Papers" for part in ("subject", "body"))
        written = mail("ada@example.org", subject=subject, body=f"{body}\n")
        followed = await (await small_desk.app.intake()).take(Arrival("a mail", written))
        assert followed == Followed("a mail", "other"), cut
    assert await said(small_desk) == []


@pytest.mark.parametrize("sender", ["eve@example.org", "ada@elsewhere.example", "", "ada@example.org, eve@example.org"])
async def test_a_mail_that_was_forwarded_lets_nobody_else_act(desk: Newsroom, sender: str) -> None:
    for verb in ("more", "less", "pause", "resume"):
        followed = await take(desk, await command(desk, verb), sender or "Nobody")
        assert (followed.kind, followed.taken) == ("wish", False)
        assert "another address" in followed.what
    assert await said(desk) == []
    assert await paused(desk) is None


async def test_a_detail_of_the_address_is_no_other_person(small_desk: Newsroom) -> None:
    assert (await take(small_desk, await command(small_desk, "more"), "ada+lists@example.org")).taken


@pytest.mark.parametrize("fields", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.y>"}])
async def test_a_program_is_never_obeyed(desk: Newsroom, fields: dict[str, str]) -> None:
    for verb in ("more", "pause"):
        followed = await take(desk, f"Re: {await command(desk, verb)}", **fields)
        assert (followed.taken, followed.what) == (False, "a program wrote it, so nothing followed")
    assert await said(desk) == []
    assert await paused(desk) is None


async def test_tokens_of_others_and_of_nothing(desk: Newsroom) -> None:
    theirs = await command(desk, "more", "bob")
    assert "another address" in (await take(desk, theirs)).what
    forged = theirs.replace(theirs.split("-")[0], f"more {(await desk.record('ada')).delivery.issue_id:x}")
    numbered = "more 1-0123456789abcdef-1-01234567"
    for subject in (forged, "pause 1-0123456789abcdef", numbered, "resume ffff-0123456789abcdef"):
        followed = await take(desk, subject)
        assert (followed.kind, followed.taken) == ("wish", False)
        assert "nobody is known" in followed.what
    asked = {verb: await command(desk, verb) for verb in ("more", "pause")}
    await subscribers.erase(desk.database, desk.clock, address("ada"))
    for subject in asked.values():
        assert "nobody is known" in (await take(desk, subject)).what
    assert await said(desk) == []


async def test_what_cannot_be_done_is_told(small_desk: Newsroom) -> None:
    more, pause = await command(small_desk, "more"), await command(small_desk, "pause")
    small_desk.clock.moment = NOW + timedelta(days=FEEDBACK_DAYS + 1)
    assert (await take(small_desk, more)).what == "that mail is too old, so nothing followed"
    await subscribers.remove(small_desk.database, small_desk.clock, address("ada"), source="test")
    assert (await take(small_desk, pause)).what == "they have unsubscribed, so nothing followed"
    assert await paused(small_desk) is None
    assert await said(small_desk) == []


@pytest.mark.parametrize(
    "subject",
    [
        "more",
        "less papers please",
        "pause",
        "more 12",
        "saved 1-0123456789abcdef-1-01234567",
        "more 1-0123456789abcdef-1",
        "more 1-0123456789abcdef-1-01234567 now",
    ],
)
async def test_unknown_commands_cost_nothing(small_desk: Newsroom, subject: str) -> None:
    assert await take(small_desk, subject) == Followed("a mail", "other")
