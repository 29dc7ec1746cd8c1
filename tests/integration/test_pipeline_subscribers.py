"""People come, change what they want, and go, each with the evidence of their consent."""

import asyncio
from datetime import date
from typing import Any

import pytest
from newsroom import NOW, Newsroom, address, papers
from sqlalchemy import func, insert, select

from newsletter.errors import NewsletterError, NotFoundError, SettingsError, UsageError
from newsletter.models import FOREVER, Consent, Feedback, Subscriber, Topic
from newsletter.pipeline import subscribers
from newsletter.store import searches as search_rows
from newsletter.store import subscribers as rows
from newsletter.store import suppressions
from newsletter.store.tables import metadata


def wishes(**changes: Any) -> Any:
    return lambda one: one.model_copy(update=changes)


async def add(room: Newsroom, email: str, *, again: bool = False, **asked: Any) -> Subscriber:
    new = subscribers.new(room.app.settings.newsletter, room.clock, email, **asked)
    return await subscribers.add(room.database, room.clock, new, source="a list on paper", again=again)


async def suppress(room: Newsroom, email: str, reason: str) -> None:
    async with room.database.begin() as connection:
        await suppressions.add(connection, email, reason, NOW)


async def test_someone_new_is_on_record_with_the_evidence_of_their_consent(room: Newsroom) -> None:
    room.set("newsletter", hour=6, timezone="Europe/Berlin", cadence="weekdays", language="de")
    added = await add(room, " Ada@Example.ORG ", topics=(Topic(name="reasoning", weight=0.5),), muted_words=("survey",))
    assert added.email == "Ada@example.org"
    assert (added.hour, added.timezone, added.cadence, added.language) == (6, "Europe/Berlin", "weekdays", "de")
    assert added.topics == (Topic(name="reasoning", weight=0.5),)
    assert added.state is Consent.CONFIRMED
    found = await subscribers.details(room.database, "ada@example.org")
    assert found.subscriber == added
    assert [(one.state, one.how, one.source, one.at) for one in found.consents] == [
        (Consent.CONFIRMED, "by the operator", "a list on paper", NOW)
    ]
    assert found.suppressed is None
    assert found.issues == []


async def test_a_second_add_of_the_same_person_has_a_plain_answer(room: Newsroom) -> None:
    await add(room, "ada@example.org", hour=8)
    for spelling in ("ada@example.org", "ADA@EXAMPLE.ORG"):
        with pytest.raises(UsageError, match=r"ada@example\.org is on record already") as raised:
            await add(room, spelling, hour=9)
        assert "edit" in raised.value.next_step
    assert (await subscribers.find(room.database, "ada@example.org")).hour == 8
    assert len((await subscribers.details(room.database, "ada@example.org")).consents) == 1


async def test_two_who_add_the_same_person_at_once_are_told(room: Newsroom) -> None:
    answers = await asyncio.gather(*(add(room, "ada@example.org") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, Subscriber) for answer in answers) == 1
    assert sum(isinstance(answer, UsageError) for answer in answers) == 3
    assert len((await subscribers.details(room.database, "ada@example.org")).consents) == 1


async def test_an_international_address_is_welcome_in_each_of_its_spellings(small_room: Newsroom) -> None:
    added = await add(small_room, "用户@例え.jp")
    # U+0301 after an e, and é as one character, are the same.
    await add(small_room, "rene\u0301@example.org")
    assert added.email == "用户@例え.jp"
    assert (await subscribers.find(small_room.database, "用户@例え.jp")).id == added.id
    assert (await subscribers.find(small_room.database, "REN\u00c9@example.org")).email == "ren\u00e9@example.org"
    with pytest.raises(UsageError, match="on record already"):
        await add(small_room, "ren\u00e9@example.org")


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\r\nBcc: x@y.z"]
)
async def test_what_is_no_address_is_told(small_room: Newsroom, email: str) -> None:
    with pytest.raises(UsageError, match="is not a mail address"):
        await add(small_room, email)
    assert await subscribers.everyone(small_room.database) == []


CANNOT_BE_KEPT: list[tuple[dict[str, Any], str]] = [
    ({"timezone": "Europe/Atlantis"}, "Atlantis"),
    ({"language": "English please"}, "English please"),
    ({"language": "en\r\nX: y"}, "language"),
    ({"muted_words": ("a\x00b",)}, "character"),
    ({"topics": (Topic(name="a\ud800"),)}, "character"),
    ({"authors": ("  ",)}, "empty"),
    ({"muted_authors": ("x" * 201,)}, "200 characters"),
]


async def test_what_cannot_be_kept_is_told_at_once(room: Newsroom) -> None:
    before = await add(room, "ada@example.org")
    for asked, word in CANNOT_BE_KEPT:
        with pytest.raises(UsageError, match=word):
            await add(room, "bob@example.org", **asked)
        with pytest.raises(UsageError, match=word):
            await subscribers.edit(room.database, "ada@example.org", wishes(**asked))
    assert await subscribers.everyone(room.database) == [before]


async def test_a_wish_that_is_named_twice_counts_once(small_room: Newsroom) -> None:
    added = await add(
        small_room,
        "ada@example.org",
        topics=(Topic(name="agents", weight=0.5), Topic(name="agents", weight=1.0), Topic(name="reasoning")),
        muted_words=("survey", "survey "),
        authors=("Grace  Hopper", "Grace Hopper"),
    )
    assert added.topics == (Topic(name="agents", weight=1.0), Topic(name="reasoning"))
    assert added.muted_words == ("survey",)
    assert added.authors == ("Grace Hopper",)


async def test_who_unsubscribed_comes_back_only_by_a_word(room: Newsroom) -> None:
    first = await add(room, "ada@example.org", hour=8)
    gone = await subscribers.remove(room.database, room.clock, "ada@example.org", source="a letter")
    assert gone.state is Consent.UNSUBSCRIBED
    with pytest.raises(UsageError, match="has unsubscribed") as raised:
        await add(room, "ada@example.org", hour=9)
    assert "--again" in raised.value.next_step
    room.clock.step(days=1)
    back = await add(room, "ada@example.org", hour=9, again=True)
    assert (back.id, back.key, back.hour, back.state) == (first.id, first.key, 9, Consent.CONFIRMED)
    assert back.subscribed_at == room.clock.now()
    evidence = (await subscribers.details(room.database, "ada@example.org")).consents
    assert [(one.state, one.source) for one in evidence] == [
        (Consent.CONFIRMED, "a list on paper"),
        (Consent.UNSUBSCRIBED, "a letter"),
        (Consent.CONFIRMED, "a list on paper"),
    ]


async def test_again_is_no_way_around_the_first_answer(small_room: Newsroom) -> None:
    await add(small_room, "ada@example.org")
    with pytest.raises(UsageError, match="on record already"):
        await add(small_room, "ada@example.org", again=True)
    assert (await add(small_room, "bob@example.org", again=True)).email == "bob@example.org"


async def test_a_suppressed_address_is_refused_until_that_is_lifted(room: Newsroom) -> None:
    await suppress(room, "ada@example.org", "hard bounce")
    for again in (False, True):
        with pytest.raises(UsageError, match="must not be mailed: hard bounce"):
            await add(room, "Ada@example.org", again=again)
    assert await subscribers.unsuppress(room.database, "ADA@example.org")
    assert not await subscribers.unsuppress(room.database, "ada@example.org")
    await add(room, "ada@example.org")


async def test_who_unsubscribed_and_is_suppressed_does_not_come_back(room: Newsroom) -> None:
    await add(room, "ada@example.org")
    await subscribers.remove(room.database, room.clock, "ada@example.org", source="test")
    await suppress(room, "ada@example.org", "complaint")
    with pytest.raises(UsageError, match="must not be mailed: complaint"):
        await add(room, "ada@example.org", again=True)
    assert (await subscribers.find(room.database, "ada@example.org")).state is Consent.UNSUBSCRIBED


async def test_removing_twice_keeps_the_first_evidence(small_room: Newsroom) -> None:
    await add(small_room, "ada@example.org")
    await subscribers.remove(small_room.database, small_room.clock, "ada@example.org", source="one")
    await subscribers.remove(small_room.database, small_room.clock, "ada@example.org", source="two")
    evidence = (await subscribers.details(small_room.database, "ada@example.org")).consents
    assert [one.source for one in evidence] == ["a list on paper", "one"]


async def test_the_nearest_address_is_named_where_one_is_not_on_record(small_room: Newsroom) -> None:
    await add(small_room, "ada.lovelace@example.org")
    with pytest.raises(NotFoundError) as raised:
        await subscribers.find(small_room.database, "ada.lovelance@example.org")
    assert raised.value.next_step == "Did you mean ada.lovelace@example.org?"
    with pytest.raises(NotFoundError) as raised:
        await subscribers.find(small_room.database, "zoe@elsewhere.net")
    assert "ada" not in raised.value.next_step
    with pytest.raises(UsageError, match="is not a mail address"):
        await subscribers.find(small_room.database, "zoe")


async def test_an_edit_changes_what_is_named_and_keeps_the_rest(small_room: Newsroom) -> None:
    before = await add(small_room, "ada@example.org", topics=(Topic(name="agents"),), authors=("Grace Hopper",))
    await subscribers.edit(
        small_room.database, "ada@example.org", wishes(hour=21, topics=(Topic(name="vision", weight=-1),))
    )
    after = await subscribers.find(small_room.database, "ada@example.org")
    assert after == before.model_copy(update={"hour": 21, "topics": (Topic(name="vision", weight=-1),)})
    moved = await subscribers.edit(small_room.database, "ada@example.org", wishes(email=" Ada@Example.NET"))
    assert moved.email == "Ada@example.net"
    assert (await subscribers.find(small_room.database, "ada@example.net")).key == before.key
    with pytest.raises(NotFoundError):
        await subscribers.find(small_room.database, "ada@example.org")


async def test_an_edit_to_anothers_or_a_suppressed_address_is_refused(room: Newsroom) -> None:
    await add(room, "ada@example.org")
    await add(room, "bob@example.org")
    await suppress(room, "eve@example.org", "complaint")
    with pytest.raises(UsageError, match="another subscriber"):
        await subscribers.edit(room.database, "ada@example.org", wishes(email="BOB@example.org"))
    with pytest.raises(UsageError, match="must not be mailed"):
        await subscribers.edit(room.database, "ada@example.org", wishes(email="eve@example.org"))
    with pytest.raises(UsageError, match="is not a mail address"):
        await subscribers.edit(room.database, "ada@example.org", wishes(email="nowhere"))
    # The same address in another spelling is one's own.
    assert (await subscribers.edit(room.database, "ada@example.org", wishes(email="ADA@example.org"))).email == (
        "ADA@example.org"
    )


async def test_a_pause_has_an_end_or_none(small_room: Newsroom) -> None:
    await add(small_room, "ada@example.org")
    until = date(2026, 4, 1)
    assert (await subscribers.pause(small_room.database, "ada@example.org", until)).paused_until == until
    assert (await subscribers.pause(small_room.database, "ada@example.org", None)).paused_until == FOREVER
    assert (await subscribers.resume(small_room.database, "ada@example.org")).paused_until is None
    assert (await subscribers.resume(small_room.database, "ada@example.org")).paused_until is None


# All that is kept of a person, by reference to them.
TABLES = [name for name, table in metadata.tables.items() if "subscriber_id" in table.c or "delivery_id" in table.c] + [
    "subscribers",
    "picks",
    "found_for",
]


async def count(room: Newsroom, table: str) -> int:
    async with room.database.connect() as connection:
        statement = select(func.count()).select_from(metadata.tables[table])
        return int((await connection.execute(statement)).scalar_one())


async def test_who_is_erased_leaves_only_a_suppression(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    ada = await room.subscribe(
        "ada", "violin", muted_words=("survey",), authors=("Grace Hopper",), searches=("all:violin",)
    )
    await room.compose()
    async with room.database.begin() as connection:
        await search_rows.note(connection, [1], [1], NOW)
        await rows.say(connection, Feedback(subscriber_id=ada.id, paper_id=1, verdict="more", at=NOW))
        await connection.execute(
            insert(metadata.tables["bounces"]).values(
                report="r", subscriber_id=ada.id, delivery_id=1, kind="soft", status="4.2.2", reason="full", at=NOW
            )
        )
        await connection.execute(
            insert(metadata.tables["revisions"]).values(subscriber_id=ada.id, paper_id=1, version=2, issue_id=1)
        )
    for table in TABLES:
        if table != "attempts":
            assert await count(room, table), table
    await subscribers.erase(room.database, room.clock, "ADA@example.org")
    for table in TABLES:
        assert await count(room, table) == 0, table
    (kept,) = await room.rows("SELECT * FROM suppressions")
    # A digest in hexadecimal may well spell a short name; it never spells an "@".
    assert "@" not in str(kept)
    with pytest.raises(NotFoundError):
        await subscribers.find(room.database, "ada@example.org")
    with pytest.raises(UsageError, match="must not be mailed: erased"):
        await room.subscribe("ada")
    assert await subscribers.unsuppress(room.database, address("ada"))
    assert (await room.subscribe("ada")).id != ada.id


async def test_everyone_is_listed_in_the_order_they_came(small_room: Newsroom) -> None:
    for name in ("cyd", "ada", "bob"):
        await small_room.subscribe(name)
    await subscribers.remove(small_room.database, small_room.clock, address("ada"), source="test")
    everyone = await subscribers.everyone(small_room.database)
    assert [one.email for one in everyone] == [address("cyd"), address("ada"), address("bob")]
    left = await subscribers.everyone(small_room.database, state=Consent.UNSUBSCRIBED)
    assert [one.email for one in left] == [address("ada")]


async def test_faults_are_sentences_of_ours(small_room: Newsroom) -> None:
    for act in (subscribers.find, subscribers.details, subscribers.resume):
        with pytest.raises(NewsletterError):
            await act(small_room.database, "nobody@example.org")


async def test_resuming_someone_who_left_is_refused(small_room: Newsroom) -> None:
    await small_room.subscribe("ada")
    await subscribers.remove(small_room.database, small_room.clock, address("ada"), source="a test")
    with pytest.raises(UsageError, match="has unsubscribed"):
        await subscribers.resume(small_room.database, address("ada"))


async def test_no_real_server_gets_mail_from_the_address_of_the_example(small_room: Newsroom) -> None:
    small_room.set("newsletter", from_address="papers@newsletter.example")
    small_room.set("smtp", host="relay.example.org")
    with pytest.raises(SettingsError, match="from_address"):
        async with small_room.app.courier():
            raise AssertionError("it was let through")


async def test_an_erased_person_leaves_the_files_while_others_hold_them_open(small_room: Newsroom) -> None:
    await small_room.subscribe("an-address-like-no-other")
    file = small_room.database.file
    # As `newsletter run` does.
    async with small_room.database.engine.connect():
        assert any(b"an-address-like-no-other" in one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
        await subscribers.erase(small_room.database, small_room.clock, address("an-address-like-no-other"))
        for one in file.parent.glob(f"{file.name}*"):
            assert b"an-address-like-no-other" not in one.read_bytes(), one.name


async def test_who_left_and_is_suppressed_is_told_apart(small_room: Newsroom) -> None:
    await small_room.subscribe("ada")
    assert not await subscribers.left(small_room.database, address("ada"))
    await subscribers.remove(small_room.database, small_room.clock, address("ada"), source="test")
    assert await subscribers.left(small_room.database, address("ada"))
    assert not await subscribers.left(small_room.database, address("eve"))
