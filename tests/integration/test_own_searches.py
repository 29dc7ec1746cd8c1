"""A search of a person's own: what it brings is theirs alone until any other source brings it, and it is asked once."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from newsroom import DAY, NOW, TODAY, Newsroom, address, papers, titles
from sqlalchemy import text
from web_server import Page, WebServer, serving

from newsletter import searches
from newsletter.errors import UsageError
from newsletter.feeds import sources
from newsletter.models import Feed, Feedback, Paper, ParsedFeed
from newsletter.pipeline import evaluate, learning, polls, refresh, replay, roster, subscribers, taking
from newsletter.pipeline.explain import why
from newsletter.pipeline.taking import Owners
from newsletter.rendering.reasons import reason_sentence
from newsletter.store import feeds as feed_rows
from newsletter.store import merging
from newsletter.store import papers as paper_rows
from newsletter.store import searches as search_rows
from newsletter.store import subscribers as people

ARXIV = "cat:cs.CL AND abs:violin"
HOUR = timedelta(hours=1)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WebServer]:
    async with serving() as running:
        monkeypatch.setattr(searches, "QUERY", running.url("/api/query"))
        yield running


def atom(*found: Paper) -> bytes:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{paper.arxiv_id}v1</id><title>{paper.title}</title>"
        f"<summary>{paper.abstract}</summary><published>2026-03-01T00:00:00Z</published>"
        "<updated>2026-03-01T00:00:00Z</updated><author><name>Ann Other</name></author>"
        '<category term="cs.CL"/></entry>'
        for paper in found
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"<title>ArXiv Query</title><opensearch:totalResults>{len(found)}</opensearch:totalResults>{entries}</feed>"
    ).encode()


def answer(server: WebServer, query: str, *found: Paper, **page: str) -> None:
    (asked,) = sources.of_kind("search").first(
        Feed(id=1, kind="search", location=searches.address(query), added_at=NOW), NOW
    )
    path = asked.url.removeprefix(server.url(""))
    server.pages[path] = Page(atom(*found), **page) if found else Page(**page)


async def look(room: Newsroom) -> None:
    await refresh.refresh(room.database, room.clock, room.app.settings.feeds, chance=lambda: 0.0)


async def own(room: Newsroom, name: str) -> list[Feed]:
    person = await subscribers.find(room.database, address(name))
    async with room.database.connect() as connection:
        return await search_rows.of(connection, person.id)


async def found_by(room: Newsroom, names: str, *found: Paper, everybody: bool = False) -> None:
    """Let the searches of people bring papers."""
    ids = [feed.id for name in names.split() for feed in await own(room, name)]
    parsed = ParsedFeed(layout="atom", papers=found)
    await taking.take_in(room.database, room.clock, parsed, "search", Owners(everybody=everybody, searches=tuple(ids)))


async def would_get(room: Newsroom, name: str) -> set[str]:
    """Return what someone would get if everything was sent that they may see."""
    person = await subscribers.find(room.database, address(name))
    (content,) = await (await room.app.composer()).pick([person], TODAY)
    return {pick.paper.title for pick in content.picks}


async def body(room: Newsroom, name: str) -> str:
    """Return the text of someone's mail in one line."""
    message = message_from_bytes((await room.preview(name)).written.content, policy=default)
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


async def ask(room: Newsroom, name: str, paper: str) -> list[str]:
    ranking = room.app.settings.ranking
    told = await why(room.database, room.clock, ranking, room.app.rehearsing, address(name), paper)
    return [one.kind for one in told.because]


# Asked


async def test_one_request_serves_all_who_have_a_search_and_nobody_else(room: Newsroom, server: WebServer) -> None:
    answer(server, ARXIV, *papers(0, 1))
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("bob", searches=(ARXIV,))
    await room.subscribe("eve")
    await look(room)
    assert len(server.asked) == 1
    assert await would_get(room, "ada") == await would_get(room, "bob") == set(titles(0, 1))
    assert await would_get(room, "eve") == set()
    # It changes once a day, and whoever comes later is served by the next answer too.
    room.clock.moment += 22 * HOUR
    await look(room)
    assert len(server.asked) == 1
    await room.subscribe("dan", searches=(ARXIV,))
    await look(room)
    assert len(server.asked) == 2
    assert await would_get(room, "dan") == set(titles(0, 1))
    assert len({feed.next_poll_at for name in ("ada", "bob", "dan") for feed in await own(room, name)}) == 1


async def test_what_was_kept_is_taken_in_again_for_the_same_people(room: Newsroom, server: WebServer) -> None:
    answer(server, ARXIV, *papers(0))
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("bob", searches=(ARXIV,))
    await room.subscribe("eve")
    await look(room)
    await room.say("DELETE FROM found_for")
    assert (await replay.replay(room.database)).new == 0
    assert await would_get(room, "ada") == await would_get(room, "bob") == set(titles(0))
    assert await would_get(room, "eve") == set()


async def test_a_search_that_everybody_has_too_is_everybodys(room: Newsroom, server: WebServer) -> None:
    answer(server, ARXIV, *papers(0))
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("eve")
    async with room.database.begin() as connection:
        assert await feed_rows.add(connection, "search", searches.address(ARXIV), NOW)
        assert not await feed_rows.add(connection, "search", searches.address(ARXIV), NOW)
    await look(room)
    assert len(server.asked) == 1
    assert await would_get(room, "ada") == await would_get(room, "eve") == set(titles(0))


async def test_who_left_is_asked_for_no_more(room: Newsroom, server: WebServer) -> None:
    answer(server, ARXIV, *papers(0))
    await room.subscribe("ada", searches=(ARXIV,))
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    await look(room)
    assert server.asked == []
    assert len(await own(room, "ada")) == 1


async def test_a_fault_is_theirs_to_be_seen_and_costs_the_others_nothing(room: Newsroom, server: WebServer) -> None:
    answer(server, ARXIV, status="500 Oh")
    answer(server, "all:b", *papers(3))
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("bob", searches=("all:b",))
    await look(room)
    (search,) = await own(room, "ada")
    assert "answered 500" in search.last_fault
    assert await would_get(room, "bob") == set(titles(3))
    assert await refresh.list_feeds(room.database) == []
    room.clock.moment += 10 * DAY
    assert await refresh.lasting_faults(room.database, room.clock, room.app.settings.feeds) == [search]


async def test_so_many_are_asked_at_one_look_that_it_ends_within_the_lease(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert polls.LEASE.total_seconds() > 3 * feed_rows.MOST_SEARCHES
    monkeypatch.setattr(feed_rows, "MOST_SEARCHES", 2)
    for number in range(5):
        await room.subscribe(f"p{number}", searches=(f"all:q{number // 2}", "all:common"))
    asked = []
    for _ in range(3):
        async with room.database.begin() as connection:
            claimed = await feed_rows.claim(connection, NOW, NOW + 10 * HOUR)
        asked.append(sorted(searches.query_at(feed.location) for feed in claimed))
    assert asked == [["all:common"] * 5 + ["all:q0"] * 2, ["all:q1"] * 2 + ["all:q2"], []]


# Whose


async def test_any_other_source_makes_it_everybodys_and_never_back(room: Newsroom) -> None:
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("eve")
    await found_by(room, "ada", *papers(0))
    room.clock.moment += DAY
    await room.take_in(*papers(0))
    room.clock.moment += DAY
    await found_by(room, "ada", *papers(0))
    assert (await room.rows("SELECT shared FROM papers"))[0].shared
    assert await would_get(room, "eve") == set(titles(0))
    # For all others it came in when it became theirs.
    async with room.database.connect() as connection:
        (paper,) = await paper_rows.candidates(connection, since=NOW, until=NOW + 9 * DAY)
    assert paper.first_seen_at == NOW + DAY


async def test_news_of_a_version_makes_nothing_everybodys(room: Newsroom) -> None:
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("eve")
    await found_by(room, "ada", *papers(0))
    newer = papers(0, version=2)
    parsed = ParsedFeed(layout="atom", updates=tuple(newer))
    await taking.take_in(room.database, room.clock, parsed, "announcements")
    assert await would_get(room, "eve") == set()
    assert await would_get(room, "ada") == set(titles(0))


@pytest.mark.parametrize("private_first", [True, False])
async def test_a_merge_carries_whose_it_is(room: Newsroom, private_first: bool) -> None:
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("bob", searches=("all:b",))
    await room.subscribe("eve")
    known_by_title = Paper(title="The violin", abstract="Violin violins.")
    # Of one title, and two works as far as is known: an editor of another time may have left them so.
    if private_first:
        await found_by(room, "ada", known_by_title)
        await found_by(room, "bob", *papers(1))
    else:
        await found_by(room, "bob", *papers(1))
        await room.take_in(known_by_title)
    (kept,) = await room.rows("SELECT id FROM papers WHERE title <> 'The violin'")
    (double,) = await room.rows("SELECT id FROM papers WHERE title = 'The violin'")
    async with room.database.begin() as connection:
        await merging.merge(connection, kept.id, double.id)
    got = {name: len(await would_get(room, name)) for name in ("ada", "bob", "eve")}
    assert got == ({"ada": 1, "bob": 1, "eve": 0} if private_first else {"ada": 1, "bob": 1, "eve": 1})


async def test_who_is_erased_takes_their_searches_and_what_was_found_with_them(
    room: Newsroom, server: WebServer
) -> None:
    answer(server, ARXIV, *papers(0))
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("bob", searches=(ARXIV,))
    await look(room)
    await subscribers.erase(room.database, room.clock, address("ada"))
    assert len(await room.rows("SELECT * FROM feeds")) == 1
    assert len(await room.rows("SELECT * FROM found_for")) == 1
    assert await would_get(room, "bob") == set(titles(0))
    await subscribers.erase(room.database, room.clock, address("bob"))
    for select in ("SELECT * FROM feeds", "SELECT * FROM found_for", "SELECT * FROM responses"):
        assert await room.rows(select) == []


async def test_what_a_search_finds_after_its_person_went_is_nobodys(room: Newsroom) -> None:
    parsed = ParsedFeed(layout="atom", papers=tuple(papers(0)))
    taken = await taking.take_in(room.database, room.clock, parsed, "x", Owners(everybody=False, searches=(77,)))
    assert (taken.new, await room.rows("SELECT id FROM papers")) == (0, [])


# Told


async def test_the_mail_says_that_it_was_their_search(room: Newsroom) -> None:
    await room.subscribe("ada", "glacier", searches=(ARXIV,))
    await room.subscribe("eva", searches=(ARXIV,), language="de")
    await room.take_in(*papers(1))
    await found_by(room, "ada eva", *papers(0))
    await room.compose()
    shown = (await room.preview("ada")).issue.picks
    assert {pick.paper.title: (pick.reason.kind, pick.reason.subject) for pick in shown} == {
        "The violin": ("search", ARXIV),
        "The glacier": ("topic", "glacier"),
    }
    assert f"Found by your search: {ARXIV}" in await body(room, "ada")
    assert f"Gefunden von Ihrer Suche: {ARXIV}" in await body(room, "eva")
    assert reason_sentence(shown[0].reason, "en") in {f"Found by your search: {ARXIV}", "Matches glacier"}


async def test_why_says_what_is_so_and_not_whose_it_is(room: Newsroom) -> None:
    await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("eve", "violin")
    await found_by(room, "ada", *papers(0))
    assert await ask(room, "ada", "The violin") == ["chosen"]
    assert (await ask(room, "eve", "The violin"))[0] == "not theirs"
    told = await why(
        room.database, room.clock, room.app.settings.ranking, room.app.rehearsing, address("eve"), "The violin"
    )
    assert "ada" not in " ".join(one.sentence for one in told.because)
    await room.compose()
    assert await ask(room, "ada", "The violin") == ["waiting"]
    # What is found later had no part in it.
    room.clock.step(hours=1)
    await found_by(room, "ada", *papers(1))
    assert (await ask(room, "ada", "The glacier"))[0] == "not theirs"


async def test_nothing_is_learned_from_what_is_not_everybodys(room: Newsroom) -> None:
    ada = await room.subscribe("ada", searches=(ARXIV,))
    await found_by(room, "ada", *papers(0))
    await room.take_in(*papers(1))
    async with room.database.begin() as connection:
        for number in (1, 2):
            await people.say(connection, Feedback(subscriber_id=ada.id, paper_id=number, verdict="more", at=NOW))
    lesson = await learning.lesson_of(room.database)
    assert [paper.title for paper in lesson.archive] == ["The glacier"]
    assert [[paper.title for paper in likes] for likes in lesson.likes] == [["The glacier"]]
    # Their own taste is their own: what they said of it counts for them.
    (asked,) = (await (await room.app.composer()).asked([ada], TODAY)).profiles
    assert {paper.title for paper, _ in asked.likes} == {"The violin", "The glacier"}


async def test_the_past_is_replayed_with_what_was_theirs(room: Newsroom) -> None:
    ada = await room.subscribe("ada", searches=(ARXIV,))
    await room.subscribe("eve")
    await found_by(room, "ada", *papers(0))
    await room.take_in(*papers(1))
    room.clock.step(hours=1)
    await room.compose()
    room.clock.step(hours=1)
    async with room.database.begin() as connection:
        await people.say(connection, Feedback(subscriber_id=ada.id, paper_id=1, verdict="more", at=room.clock.now()))
    ways = {"now": room.app.settings.ranking}
    found = await evaluate.evaluate(room.database, room.clock, ways, room.app.blank_ranker, room.app.placing, days=3)
    assert [(one.papers, one.caught, one.likes) for one in found.scores] == [(3, 1, 1), (3, 1, 1)]


# Wished


async def test_searches_are_wishes_that_an_edit_changes_and_a_list_carries(room: Newsroom) -> None:
    await room.subscribe("ada", searches=("dense  retrieval", ARXIV, ARXIV))
    await room.subscribe("bob", searches=(ARXIV,))
    first, second = await own(room, "ada")
    ada = await subscribers.edit(
        room.database,
        address("ada"),
        lambda one: one.model_copy(update={"searches": (ARXIV, "ti:new")}),
        clock=room.clock,
    )
    assert ada.searches == (ARXIV, "ti:new")
    kept, new = await own(room, "ada")
    assert (kept, new.location) == (second, searches.address("ti:new"))
    assert (first.kind, first.location) == ("search", searches.address("all:dense AND all:retrieval"))
    content = await roster.export_csv(room.database)
    for name in ("ada", "bob"):
        await subscribers.erase(room.database, room.clock, address(name))
        await subscribers.unsuppress(room.database, address(name))
    report = await roster.import_csv(room.database, room.clock, room.app.settings.newsletter, content, source="a list")
    assert report.added == 2
    assert (await subscribers.find(room.database, address("ada"))).searches == (ARXIV, "ti:new")
    assert (await subscribers.find(room.database, address("bob"))).searches == (ARXIV,)
    refused = await roster.import_csv(
        room.database,
        room.clock,
        room.app.settings.newsletter,
        "email,searches\ndan@example.org,title:x\n",
        source="a list",
    )
    assert "title:, and arXiv knows only" in refused.refused[0].why
    with pytest.raises(UsageError, match="more than the 10"):
        await room.subscribe("dan", searches=tuple(f"all:q{number}" for number in range(11)))


# Nobody else ever


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_sources_bring_nobody_sees_what_only_others_searched_for(room: Newsroom, seed: int) -> None:
    """Random sources bring random papers, in any order, to random people; a model of sets says who may see what."""
    chance = random.Random(seed)
    room.set("ranking", papers=100, window_days=30)
    names = ["ada", "bob", "dan", "eve"]
    queries = {name: chance.choice(["all:one", "all:two", "all:three"]) for name in names if chance.random() < 0.8}
    for name in names:
        topics = chance.sample(["violin", "glacier", "harbour", "pepper"], chance.randrange(3))
        wishes = {"searches": (queries[name],)} if name in queries else {}
        await room.subscribe(name, *topics, bar=chance.choice(["few", "normal", "many"]), **wishes)
    everybodys: set[str] = set()
    theirs: dict[str, set[str]] = {name: set() for name in names}
    sent: dict[str, set[str]] = {name: set() for name in names}
    for _ in range(12):
        found = papers(*chance.sample(range(12), chance.randrange(1, 5)), votes=chance.randrange(1000))
        if chance.random() < 0.3 or not queries:
            await room.take_in(*found)
            everybodys |= {paper.title for paper in found}
        else:
            query = chance.choice(sorted(queries.values()))
            having = [name for name, own_query in queries.items() if own_query == query]
            await found_by(room, " ".join(having), *found)
            for name in having:
                theirs[name] |= {paper.title for paper in found}
        room.clock.step(hours=7)
        composer = await room.app.composer()
        day = room.clock.now().date()
        everyone = [await subscribers.find(room.database, address(name)) for name in names]
        together = await composer.pick(everyone, day)
        for name, person, content in zip(names, everyone, together, strict=True):
            got = {pick.paper.title for pick in content.picks}
            told = {one.title for one in content.beside.told} | {one.paper.title for one in content.beside.revised}
            assert got | told <= everybodys | theirs[name] | sent[name]
            if not person.topics and person.bar != "few":
                # Whoever asked for nothing gets all that they may see.
                assert got == (everybodys | theirs[name]) - sent[name]
            # What others search for has no part in what they get.
            (alone,) = await composer.pick([person], day)
            assert alone == content
        if chance.random() < 0.3:
            await room.compose(day)
            for name in names:
                sent[name] = {title for issue in await room.got(name) for title in issue}
                assert sent[name] <= everybodys | theirs[name]
    async with room.database.connect() as connection:
        shared = set((await connection.execute(text("SELECT title FROM papers WHERE shared"))).scalars())
    assert shared == everybodys
