"""Subscribers, their consent, what they asked for, and what stays when they are erased; addresses not to be mailed."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from newsletter import bounds
from newsletter.errors import ConflictError, StoreError
from newsletter.models import FOREVER, Consent, DeliveryState, Feedback, Reason, Subscription, Topic
from newsletter.store import deliveries, editions, history, outcomes, papers, schema, subscribers, suppressions, tables
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import CONFIRMED, MINUTE, NOW, TODAY, add_papers, add_people, compose, draft, known, person, rows

WISHES = {
    "topics": (
        Topic(name="zero-shot", weight=1),
        Topic(name="attention, and more", weight=-0.25),
        Topic(name="lora", weight=0.1),
    ),
    "muted_words": ("survey", "blockchain"),
    "authors": ("Émilie du Châtelet",),
    "muted_authors": ("A. Nonymous", "Ada"),
    "paused_until": date(2026, 4, 1),
    "language": "pt-BR",
    "cadence": "weekly:mon",
    "hour": 0,
    "look": "compact",
    "away": True,
    "best_missed": False,
}


async def test_a_person_comes_back_as_they_were_taken_in(database: Database) -> None:
    one, key = person(1, **WISHES)
    async with database.begin() as connection:
        added = await subscribers.add(connection, [(one, key)], CONFIRMED)
        known_as = one.model_copy(update={"id": added[key]})
        assert await subscribers.by_email(connection, key) == known_as
        assert await subscribers.by_key(connection, one.key) == known_as
        assert await subscribers.by_ids(connection, [added[key]]) == {added[key]: known_as}
        assert await subscribers.by_email(connection, "nobody@example.org") is None
        assert await subscribers.by_key(connection, "nobody") is None
        assert await subscribers.evidence(connection, added[key]) == [CONFIRMED]


async def test_many_people_come_in_at_once(database: Database) -> None:
    new = [person(number, topics=(Topic(name=f"topic {number}"), Topic(name="b"))) for number in range(1100)]
    async with database.begin() as connection:
        added = await subscribers.add(connection, new, CONFIRMED)
        everyone = await subscribers.by_ids(connection, added.values())
    assert len(everyone) == 1100
    for one, key in new:
        assert everyone[added[key]] == one.model_copy(update={"id": added[key]})
    assert len(await rows(database, tables.subscriptions)) == 1100


async def test_an_address_is_found_by_a_part_of_it(database: Database) -> None:
    names = ("zoe", "Ada.L", "ada_b", "adamb", "a%a")
    people = [person(number, email=f"{name}@example.org") for number, name in enumerate(names, 1)]
    async with database.begin() as connection:
        await subscribers.add(connection, people, CONFIRMED)

        async def found(part: str, limit: int = 9) -> set[str]:
            some = await subscribers.emails_with(connection, part, limit=limit)
            return {email.partition("@")[0] for email in some}

        assert await found("ADA") == {"Ada.L", "ada_b", "adamb"}
        # What means any character to a database means itself.
        assert await found("ada_") == {"ada_b"}
        assert await found("%") == {"a%a"}
        assert await found("") == set(names)
        assert len(await found("a", limit=2)) == 2


async def test_an_address_that_is_on_record_is_passed_over_whatever_else_comes_with_it(database: Database) -> None:
    first, key = person(1, topics=(Topic(name="kept"),))
    second, _ = person(2, email=first.email, topics=(Topic(name="not kept"),))
    other, other_key = person(3)
    async with database.begin() as connection:
        assert list(await subscribers.add(connection, [(first, key)], CONFIRMED)) == [key]
    async with database.begin() as connection:
        assert list(await subscribers.add(connection, [(second, key), (other, other_key)], CONFIRMED)) == [other_key]
        assert await subscribers.add(connection, [(second, key)], CONFIRMED) == {}
        found = await subscribers.by_email(connection, key)
        assert found is not None
        assert found.topics == first.topics
        assert await subscribers.evidence(connection, found.id) == [CONFIRMED]


async def test_of_an_address_that_comes_twice_in_one_list_the_first_counts(database: Database) -> None:
    first, key = person(1, topics=(Topic(name="kept"),))
    second, _ = person(2, topics=(Topic(name="not kept"),))
    async with database.begin() as connection:
        added = await subscribers.add(connection, [(first, key), (second, key)], CONFIRMED)
        found = await subscribers.by_email(connection, key)
        assert found == first.model_copy(update={"id": added[key]})
        assert await subscribers.evidence(connection, added[key]) == [CONFIRMED]


@pytest.mark.parametrize(
    ("column", "allowed", "refused"),
    [
        ("hour", bounds.HOURS, (bounds.HOURS[0] - 1, bounds.HOURS[1] + 1)),
        ("papers", bounds.PAPERS, (bounds.PAPERS[0] - 1, bounds.PAPERS[1] + 1)),
        ("minutes", bounds.MINUTES, (bounds.MINUTES[0] - 1, bounds.MINUTES[1] + 1)),
        ("bar", bounds.BARS, ("most", "")),
    ],
)
async def test_the_database_holds_the_bounds_of_what_people_ask_for(
    database: Database, column: str, allowed: tuple[object, ...], refused: tuple[object, ...]
) -> None:
    one, key = person(1)
    async with database.begin() as connection:
        await subscribers.add(connection, [(one, key)], CONFIRMED)
    for value in allowed:
        async with database.begin() as connection:
            await connection.execute(update(tables.subscribers).values({column: value}))
    for value in refused:
        with pytest.raises(StoreError):
            async with database.begin() as connection:
                await connection.execute(update(tables.subscribers).values({column: value}))


async def test_a_topic_that_is_named_twice_is_kept_once(database: Database) -> None:
    one, key = person(1, topics=(Topic(name="a", weight=1), Topic(name="b"), Topic(name="a", weight=0.5)))
    async with database.begin() as connection:
        await subscribers.add(connection, [(one, key)], CONFIRMED)
        found = await subscribers.by_email(connection, key)
    assert found is not None
    assert found.topics == (Topic(name="a", weight=0.5), Topic(name="b"))


async def test_a_change_writes_everything_anew_but_the_consent(database: Database) -> None:
    one, key = person(1, **WISHES)
    other, other_key = person(2)
    async with database.begin() as connection:
        added = await subscribers.add(connection, [(one, key), (other, other_key)], CONFIRMED)
        changed, changed_key = person(
            7, id=added[key], state=Consent.UNSUBSCRIBED, topics=(Topic(name="new"), Topic(name="lora"))
        )
        await subscribers.change(connection, changed, changed_key)
        found = await subscribers.by_email(connection, changed_key)
        assert found == changed.model_copy(update={"state": Consent.CONFIRMED, "key": one.key, "away": True})
        assert await subscribers.by_email(connection, key) is None
        assert await subscribers.by_email(connection, other_key) == other.model_copy(update={"id": added[other_key]})
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await subscribers.change(connection, changed, other_key)


async def test_every_change_of_a_consent_is_kept_with_its_evidence(database: Database) -> None:
    gone = Subscription(state=Consent.UNSUBSCRIBED, how="one click", source="mail", at=NOW + MINUTE)
    back = Subscription(state=Consent.CONFIRMED, how="by the operator", source="letter", at=NOW + 2 * MINUTE)
    async with database.begin() as connection:
        (number,) = await add_people(connection, 1)
        await subscribers.consent(connection, number, gone)
        left = (await subscribers.by_ids(connection, [number]))[number]
        assert (left.state, left.subscribed_at) == (Consent.UNSUBSCRIBED, NOW)
        assert await subscribers.counts(connection) == {"unsubscribed": 1}
        await subscribers.consent(connection, number, back)
        returned = (await subscribers.by_ids(connection, [number]))[number]
        assert (returned.state, returned.subscribed_at) == (Consent.CONFIRMED, NOW + 2 * MINUTE)
        assert await subscribers.evidence(connection, number) == [CONFIRMED, gone, back]


async def test_a_long_list_is_read_in_parts(database: Database) -> None:
    async with database.begin() as connection:
        ids = await add_people(connection, 7)
        await subscribers.consent(
            connection, ids[2], Subscription(state=Consent.UNSUBSCRIBED, how="x", source="", at=NOW)
        )
        first = await subscribers.page(connection, limit=3)
        rest = await subscribers.page(connection, after=first[-1].id, limit=10)
        assert [one.id for one in [*first, *rest]] == ids
        confirmed = await subscribers.page(connection, state=Consent.CONFIRMED)
        assert [one.id for one in confirmed] == [number for number in ids if number != ids[2]]
        assert len(await subscribers.some_emails(connection, limit=4)) == 4


async def test_the_cadences_of_a_day_are_those_of_people_who_get_mail(database: Database) -> None:
    people = [person(1, cadence="daily"), person(2, cadence="weekly:mon"), person(3, cadence="weekly:tue")]
    gone = Subscription(state=Consent.UNSUBSCRIBED, how="x", source="", at=NOW)
    async with database.begin() as connection:
        added = await subscribers.add(connection, people, CONFIRMED)
        assert await subscribers.cadences_on(connection, TODAY) == ["daily", "weekly:mon"]
        await subscribers.consent(connection, added[people[0][1]], gone)
        assert await subscribers.cadences_on(connection, TODAY) == ["weekly:mon"]


async def test_a_pause_lasts_to_its_day_for_ever_or_not_at_all(database: Database) -> None:
    async with database.begin() as connection:
        (number,) = await add_people(connection, 1)
        for until in (TODAY, FOREVER, None):
            await subscribers.pause(connection, number, until)
            assert (await subscribers.by_ids(connection, [number]))[number].paused_until == until


async def test_an_erased_person_leaves_nothing_but_a_suppression(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        one, key = person(1, **WISHES)
        added = await subscribers.add(connection, [(one, key)], CONFIRMED)
        number = added[key]
        (other,) = await add_people(connection, 1, start=2)
        for reader in (number, other):
            said = Feedback(subscriber_id=reader, paper_id=paper.id, verdict="more", at=NOW)
            await subscribers.say(connection, said)
        await compose(connection, draft(number, paper), draft(other, paper))
        claimed = await deliveries.claim(connection, owner="one", limit=9, now=NOW, until=NOW + MINUTE)
        later = [Settled(delivery.id, DeliveryState.DEFERRED, NOW, "deferred", 450) for delivery in claimed]
        await outcomes.note(connection, "one", later, (), NOW)
    before = await _sizes(database)
    async with database.begin() as connection:
        await subscribers.erase(connection, number)
        await suppressions.add(connection, key, "erased at their wish", NOW)
    after = await _sizes(database)
    theirs = ("subscribers", "subscriptions", "feedback", "issues", "picks", "received", "deliveries", "attempts")
    assert {name: before[name] for name in theirs} == dict.fromkeys(theirs, 2)
    assert {name: after[name] for name in theirs} == dict.fromkeys(theirs, 1)
    assert (after["preferences"], after["suppressions"], after["papers"]) == (0, 1, 1)
    for table in tables.metadata.sorted_tables:
        told = str([tuple(row) for row in await rows(database, table)])
        for trace in (one.email, key, one.key, f"reader{number}@example.org"):
            assert trace not in told, table.name


async def test_the_file_forgets_an_erased_person_too(new_database, tmp_path: Path) -> None:
    database = Database.at(new_database("sqlite"))
    assert database.file is not None
    one, key = person(1, email="an.address.like.no.other@example.org")
    async with database.begin() as connection:
        added = await subscribers.add(connection, [(one, key), person(2)], CONFIRMED)
    async with database.connect() as connection:
        pass
    await database.close()
    assert b"an.address.like.no.other" in database.file.read_bytes()
    async with database.begin() as connection:
        await subscribers.erase(connection, added[key])
    await database.close()
    assert b"an.address.like.no.other" not in database.file.read_bytes()


async def test_the_number_of_an_erased_person_is_given_to_nobody_else(database: Database) -> None:
    async with database.begin() as connection:
        (number,) = await add_people(connection, 1)
        (paper,) = await add_papers(connection, known(1))
        await compose(connection, draft(number, paper))
        (first,) = await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
        await subscribers.erase(connection, number)
        (next_one,) = await add_people(connection, 1, start=2)
        await compose(connection, draft(next_one, paper))
        (second,) = await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
    assert next_one != number
    assert (second.id, second.issue_id) != (first.id, first.issue_id)
    with pytest.raises(ConflictError):
        async with database.begin() as connection:
            await compose(connection, draft(number, paper), day=TODAY + timedelta(days=1))


async def test_suppressions_hold_until_they_are_lifted_and_keep_their_first_reason(database: Database) -> None:
    async with database.begin() as connection:
        await suppressions.add(connection, "ada@example.org", "it bounced", NOW)
        await suppressions.add(connection, "ada@example.org", "another reason", NOW)
        await suppressions.add(connection, "bob@example.org", "a complaint", NOW)
        asked = ["ada@example.org", "Ada@example.org", "eve@example.org"]
        assert await suppressions.among(connection, asked) == {"ada@example.org": "it bounced"}
        assert await suppressions.among(connection, []) == {}
        assert await suppressions.count(connection) == 2
        assert await suppressions.lift(connection, "ada@example.org")
        assert not await suppressions.lift(connection, "ada@example.org")
        assert await suppressions.among(connection, asked) == {}


async def test_a_suppression_holds_no_address_and_is_worth_nothing_without_its_key(database: Database) -> None:
    async with database.begin() as connection:
        await suppressions.add(connection, "ada@example.org", "it bounced", NOW)
    told = str([tuple(row) for row in await rows(database, tables.suppressions)])
    # A digest in hexadecimal may well spell a short name, but no "@" and no "example".
    assert "@" not in told
    assert "example" not in told
    async with database.begin() as connection:
        await connection.execute(
            tables.keys.update().where(tables.keys.c.name == "suppressions").values(secret=b"x" * 32)
        )
        assert await suppressions.among(connection, ["ada@example.org"]) == {}


async def test_a_missing_key_is_told_with_the_command_that_makes_it(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(tables.keys.delete())
        with pytest.raises(StoreError, match="newsletter migrate"):
            await schema.key(connection, "tokens")


async def test_what_a_person_was_sent_is_listed_latest_first(database: Database) -> None:
    async with database.begin() as connection:
        one, other = await add_papers(connection, known(1), known(2))
        (reader,) = await add_people(connection, 1)
        days = [TODAY + timedelta(days=number) for number in range(3)]
        await compose(connection, draft(reader, one, other), day=days[0])
        await compose(connection, draft(reader), day=days[1])
        assert await editions.overview(connection, reader) == [(days[1], "empty", 0), (days[0], "queued", 2)]
        assert await editions.overview(connection, reader, limit=1) == [(days[1], "empty", 0)]
        assert await papers.count(connection) == 2


async def _sizes(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in tables.metadata.sorted_tables
        }


# How picks fared


async def test_picks_from_outside_are_counted_beside_the_others_where_readers_ever_said_anything(
    database: Database,
) -> None:
    later = NOW + MINUTE
    async with database.begin() as connection:
        inside, outside, saved = await add_papers(connection, known(1), known(2), known(3))
        ada, bob, silent = await add_people(connection, 3)
        for who in (ada, bob, silent):
            one = draft(who, inside, saved, outside)
            last = one.picks[2]._replace(reason=Reason(kind="outside"))
            await compose(connection, one._replace(picks=(*one.picks[:2], last)))
        assert await history.success(connection) == (history.Success(0, 0), history.Success(0, 0))
        await connection.execute(update(tables.deliveries).values(state="sent"))
        for who, paper, verdict, at in (
            (ada, outside, "saved", later),
            (ada, saved, "saved", later),
            (ada, inside, "less", later),
            (bob, outside, "less", later),
            (bob, saved, "more", NOW - MINUTE),
        ):
            values = {"subscriber_id": who, "paper_id": paper.id, "verdict": verdict, "at": at}
            await connection.execute(insert(tables.feedback).values(values))
        assert await history.success(connection) == (history.Success(2, 1), history.Success(4, 1))


async def test_how_much_a_person_wants_is_kept(database: Database) -> None:
    async with database.begin() as connection:
        wanted = {"papers": 5, "minutes": 7, "bar": "few"}
        added = await subscribers.add(connection, [person(1, **wanted), person(2)], CONFIRMED)
        found = await subscribers.by_ids(connection, added.values())
    one, other = (found[number] for number in added.values())
    assert {name: getattr(one, name) for name in wanted} == wanted
    assert (other.papers, other.minutes, other.bar) == (None, None, "normal")
