"""Links of readers' own pages, against the record: revoked, erased, and under secrets that are made new."""

import pytest
from newsroom import DAY, Newsroom, address
from sqlalchemy import text

from newsletter.pipeline import secrets, subscribers
from newsletter.pipeline.doors import Doors, RevokedError
from newsletter.pipeline.readers import GoneError, OldError
from newsletter.store import subscribers as rows
from newsletter.tokens import TokenError


async def doors(room: Newsroom) -> Doors:
    """Return what makes and opens links, as a process has it that starts now."""
    return await room.app.doors()


async def test_a_link_opens_for_its_person_until_they_have_theirs_made_new(room: Newsroom) -> None:
    ada, bob = await room.subscribe("ada"), await room.subscribe("bob")
    made = await doors(room)
    old = {purpose: getattr(made, purpose)(ada) for purpose in ("settings", "own", "feed")}
    bobs = made.settings(bob)
    async with room.database.connect() as connection:
        for purpose, token in old.items():
            assert await made.open(connection, purpose, token) == ada
    async with room.database.begin() as connection:
        assert await made.hold(connection, "own", old["own"]) == ada
        await rows.renew(connection, ada.id)
    async with room.database.connect() as connection:
        for purpose, token in old.items():
            with pytest.raises(RevokedError):
                await made.open(connection, purpose, token)
        assert await made.open(connection, "settings", bobs) == bob
        now = await subscribers.find(room.database, address("ada"))
        assert now.links == 1
        for purpose in old:
            assert await made.open(connection, purpose, getattr(made, purpose)(now)) == now
    # What changes their wishes leaves the number as it is, even with what was read before.
    await subscribers.edit(room.database, address("ada"), lambda _: ada.model_copy(update={"hour": 9}))
    assert (await subscribers.find(room.database, address("ada"))).links == 1


async def test_who_was_erased_has_no_page(room: Newsroom) -> None:
    made, ada = await doors(room), await room.subscribe("ada")
    await subscribers.erase(room.database, room.clock, address("ada"))
    async with room.database.connect() as connection:
        with pytest.raises(GoneError):
            await made.open(connection, "settings", made.settings(ada))


async def test_an_older_secret_is_read_for_its_time(room: Newsroom) -> None:
    ada = await room.subscribe("ada")
    before = await doors(room)
    token, feed = before.settings(ada), before.feed(ada)
    until, older = await secrets.rotate(room.database, room.clock, 30)
    assert (until, older) == (room.clock.now() + 30 * DAY, 1)
    after = await doors(room)
    assert after.settings(ada) != token
    assert after.read("settings", token).person == ada.id
    # A process that has been there for a while goes on with the new one.
    signer = before._signer
    await secrets.turn(room.database, room.clock, signer)
    assert before.settings(ada) == after.settings(ada)
    middle, its_feed = after.settings(ada), after.feed(ada)
    assert await secrets.rotate(room.database, room.clock, 10) == (room.clock.now() + 10 * DAY, 2)
    newest = await doors(room)
    assert newest.read("settings", token).person == newest.read("settings", middle).person == ada.id
    room.clock.step(days=10)
    with pytest.raises(TokenError):
        (await doors(room)).read("feed", its_feed)
    assert (await doors(room)).read("feed", feed).person == ada.id
    room.clock.step(days=20)
    with pytest.raises(TokenError):
        (await doors(room)).read("feed", feed)
    # Those whose time is over are kept no longer than to the next.
    assert (await secrets.rotate(room.database, room.clock, 0))[1] == 0
    assert len(await room.rows("SELECT name FROM keys")) == 3


async def test_a_leaked_secret_is_read_no_more_at_once(room: Newsroom) -> None:
    ada = await room.subscribe("ada")
    token = (await doors(room)).own(ada)
    await secrets.rotate(room.database, room.clock, 0)
    with pytest.raises(TokenError):
        (await doors(room)).read("own", token)


async def test_the_key_of_suppressions_never_changes(room: Newsroom) -> None:
    await room.subscribe("ada")
    await subscribers.erase(room.database, room.clock, address("ada"))
    kept = await room.rows("SELECT secret FROM keys WHERE name = 'suppressions'")
    for _ in range(3):
        await secrets.rotate(room.database, room.clock, 5)
    assert await room.rows("SELECT secret FROM keys WHERE name = 'suppressions'") == kept
    with pytest.raises(Exception, match="must not be mailed"):
        await room.subscribe("ada")


async def test_a_rotation_that_is_killed_leaves_the_secret_in_use(room: Newsroom) -> None:
    from newsletter.store import secrets as kept

    before = await room.rows("SELECT name, secret, until FROM keys ORDER BY name")

    class KilledError(Exception):
        """What a kill is to a transaction."""

    async def killed() -> None:
        async with room.database.begin() as connection:
            await kept.rotate(connection, room.clock.now(), room.clock.now() + DAY)
            assert (await connection.execute(text("SELECT count(*) FROM keys"))).scalar() == 4
            raise KilledError

    with pytest.raises(KilledError):
        await killed()
    assert await room.rows("SELECT name, secret, until FROM keys ORDER BY name") == before


async def test_a_link_of_before_acts_for_its_time_alone(room: Newsroom) -> None:
    made, ada = await doors(room), await room.subscribe("ada")
    token = made.own(ada)
    room.clock.step(hours=1)
    async with room.database.connect() as connection:
        with pytest.raises(OldError):
            await made.open(connection, "own", token)
