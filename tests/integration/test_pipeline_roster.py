"""The list of people goes out as CSV and comes back the same; a bad line is told and costs the others nothing."""

import asyncio
import csv
import io
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newsroom import NOW, Newsroom, address, open_newsroom

from newsletter.errors import UsageError
from newsletter.models import Consent, Subscriber, Topic
from newsletter.pipeline import roster, subscribers
from newsletter.pipeline.roster import ImportReport
from newsletter.store import suppressions


async def take(room: Newsroom, content: str) -> ImportReport:
    return await roster.import_csv(
        room.database, room.clock, room.app.settings.newsletter, content, source="import of people.csv"
    )


async def people(room: Newsroom) -> Sequence[Subscriber]:
    return await subscribers.everyone(room.database)


async def emails(room: Newsroom) -> list[str]:
    return [one.email for one in await people(room)]


async def test_a_list_comes_in_with_all_that_people_wish(room: Newsroom) -> None:
    report = await take(
        room,
        "email,topics,cadence,hour,timezone,language\n"
        "ada@example.org,agents;game theory:0.5;vision:-1,weekly:mon,8,Europe/Berlin,de\n"
        "bob@example.org,,,,,\n",
    )
    assert (report.added, report.known, report.refused) == (2, 0, ())
    assert report.topics == {"agents", "game theory", "vision"}
    ada, bob = await people(room)
    assert ada.topics == (
        Topic(name="agents"),
        Topic(name="game theory", weight=0.5),
        Topic(name="vision", weight=-1),
    )
    assert (ada.cadence, ada.hour, ada.timezone, ada.language) == ("weekly:mon", 8, "Europe/Berlin", "de")
    defaults = room.app.settings.newsletter
    assert (bob.cadence, bob.hour, bob.timezone, bob.language) == (
        defaults.cadence,
        defaults.hour,
        defaults.timezone,
        defaults.language,
    )
    (evidence,) = (await subscribers.details(room.database, "ada@example.org")).consents
    assert (evidence.state, evidence.how, evidence.source, evidence.at) == (
        Consent.CONFIRMED,
        "by the operator",
        "import of people.csv",
        NOW,
    )


async def test_people_on_record_stay_as_they_are(small_room: Newsroom) -> None:
    await small_room.subscribe("ada", "agents")
    await small_room.subscribe("bob")
    await subscribers.remove(small_room.database, small_room.clock, address("bob"), source="test")
    content = "email,topics\nADA@example.org,vision\nbob@example.org,vision\ncyd@example.org,vision\n"
    report = await take(small_room, content)
    assert (report.added, report.known, report.refused) == (1, 2, ())
    assert (await take(small_room, content))[:3] == (0, 3, ())
    assert [(one.email, one.state, [topic.name for topic in one.topics]) for one in await people(small_room)] == [
        (address("ada"), Consent.CONFIRMED, ["agents"]),
        (address("bob"), Consent.UNSUBSCRIBED, []),
        (address("cyd"), Consent.CONFIRMED, ["vision"]),
    ]


async def test_bad_lines_are_told_by_their_number_and_the_rest_comes_in(room: Newsroom) -> None:
    async with room.database.begin() as connection:
        await suppressions.add(connection, "eve@example.org", "complaint", NOW)
    bad = {
        3: ("nowhere", "not a mail address"),
        4: ("bob@example.org", "hour 25"),
        5: ("cyd@example.org", "Europe/Atlantis"),
        6: ("dan@example.org", "cadence"),
        7: ("eve@example.org", "must not be mailed: complaint"),
        8: ("fay@example.org", "weight 7"),
        9: ("ADA@example.org", "twice"),
        10: ("gil@example.org", "language"),
        11: ("hal@example.org", "unsubscribed"),
        12: ("", "not a mail address"),
        13: ("ian@example.org", "character"),
        14: ("jan@example.org", "hour"),
        15: ("kim@example.org", "200 characters"),
    }
    content = (
        "email,topics,cadence,hour,timezone,language,state\n"
        "ada@example.org,agents,daily,7,UTC,en,confirmed\n"
        "nowhere,,,,,,\n"
        "bob@example.org,,,25,,,\n"
        "cyd@example.org,,,,Europe/Atlantis,,\n"
        "dan@example.org,,hourly,,,,\n"
        "eve@example.org,,,,,,\n"
        "fay@example.org,agents:7,,,,,\n"
        "ADA@example.org,,,,,,\n"
        "gil@example.org,,,,,in English please,\n"
        "hal@example.org,,,,,,unsubscribed\n"
        ",agents,,,,,\n"
        "ian@example.org,a\x00b,,,,,\n"
        f"jan@example.org,,,{'9' * 5000},,,\n"
        f"kim@example.org,{'x' * 201},,,,,\n"
        "\n"
        "zoe@example.org,,,,,,\n"
    )
    report = await take(room, content)
    assert {refused.line: refused.email for refused in report.refused} == {
        line: email for line, (email, _) in bad.items()
    }
    for refused in report.refused:
        assert bad[refused.line][1] in refused.why, refused
    assert report.added == 2
    assert await emails(room) == ["ada@example.org", "zoe@example.org"]


async def test_a_mark_at_the_start_line_ends_of_windows_and_quotes_are_understood(small_room: Newsroom) -> None:
    report = await take(
        small_room,
        '\ufeffEmail , TOPICS,Name\r\n"ada@example.org","agents; game\r\ntheory:0.5",Ada\r\n'
        "bob@example.org,vision\r\n"
        "bad,,\r\n",
    )
    assert report.added == 2
    assert [refused.line for refused in report.refused] == [5]
    ada, bob = await people(small_room)
    assert ada.topics == (Topic(name="agents"), Topic(name="game theory", weight=0.5))
    assert bob.topics == (Topic(name="vision"),)


async def test_a_line_is_counted_where_it_begins(small_room: Newsroom) -> None:
    report = await take(small_room, 'email,topics\nada@example.org,"a\nb\nc"\nbad,"x\ny"\nbob@example.org,\n')
    assert [refused.line for refused in report.refused] == [5]


async def test_a_quote_that_is_never_closed_is_told_and_swallows_nobody_silently(small_room: Newsroom) -> None:
    report = await take(
        small_room,
        'email,topics\nada@example.org,agents\nbob@example.org,"vision\ncyd@example.org,agents\ndan@example.org,\n',
    )
    assert await emails(small_room) == ["ada@example.org"]
    assert [refused.line for refused in report.refused] == [3]
    assert "quote" in report.refused[0].why


async def test_a_cell_without_an_end_costs_the_others_nothing(small_room: Newsroom) -> None:
    report = await take(small_room, f"email,topics\nada@example.org,{'x' * 200_000}\nbob@example.org,agents\n")
    assert [refused.line for refused in report.refused] == [2]
    assert await emails(small_room) == ["bob@example.org"]


@pytest.mark.parametrize("content", ["", "\n", "name,topics\nada,agents\n", "email;topics\nada@example.org;agents\n"])
async def test_a_file_without_the_column_is_refused_whole(small_room: Newsroom, content: str) -> None:
    with pytest.raises(UsageError, match="no column `email`") as raised:
        await take(small_room, content)
    assert "email,topics,cadence" in raised.value.next_step
    assert await emails(small_room) == []


async def test_ten_thousand_lines_come_in_with_progress(small_room: Newsroom) -> None:
    lines = [f"reader{n}@example.org,agents;vision:0.5,daily,{n % 24},Europe/Berlin,en" for n in range(10_000)]
    told: list[int] = []
    report = await roster.import_csv(
        small_room.database,
        small_room.clock,
        small_room.app.settings.newsletter,
        "email,topics,cadence,hour,timezone,language\n" + "\n".join(lines),
        source="test",
        progress=told.append,
    )
    assert (report.added, report.refused) == (10_000, ())
    assert told == sorted(told)
    assert len(told) == 10
    assert (await small_room.rows("SELECT count(*) FROM preferences"))[0][0] == 20_000


@pytest.mark.parametrize(("slip", "meant"), [("topic", "topics"), ("time zone", "timezone"), ("author", "authors")])
async def test_a_slip_in_the_name_of_a_column_is_told_before_anyone_is_taken_in(
    small_room: Newsroom, slip: str, meant: str
) -> None:
    with pytest.raises(UsageError, match=f"a column {slip}, and {meant} is what is read"):
        await take(small_room, f"email,{slip}\nada@example.org,agents\n")
    assert await emails(small_room) == []


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("papers", "0", "The number of papers 0 is not one from 1 to 100."),
        ("papers", "1e1", "The number of papers 1e1 is not one from 1 to 100."),
        ("minutes", "1", "The number of minutes 1 is not one from 2 to 600."),
        ("minutes", "٣", "The number of minutes ٣ is not one from 2 to 600."),
        ("bar", "some", "The bar some is none of few, normal and many."),
    ],
)
async def test_an_amount_that_cannot_be_is_refused_in_a_sentence(
    small_room: Newsroom, column: str, cell: str, why: str
) -> None:
    report = await take(small_room, f"email,{column}\nada@example.org,{cell}\nbob@example.org,\n")
    assert [one.why for one in report.refused] == [why]
    assert report.added == 1


async def test_an_export_is_safe_in_a_spreadsheet(small_room: Newsroom) -> None:
    await small_room.subscribe("=cmd@example.org", '=HYPERLINK("http://example.net")', "@sum")
    await small_room.subscribe("+44@example.org", "-1+1", "'=quoted")
    exported = await roster.export_csv(small_room.database)
    for row in csv.reader(io.StringIO(exported)):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
    before = await people(small_room)
    for person in before:
        await subscribers.erase(small_room.database, small_room.clock, person.email)
        await subscribers.unsuppress(small_room.database, person.email)
    assert (await take(small_room, exported)).refused == ()
    assert [(one.email, one.topics) for one in await people(small_room)] == [(one.email, one.topics) for one in before]


async def test_an_export_tells_who_left_and_does_not_bring_them_back(
    small_room: Newsroom, tmp_path: Path, new_database: Any
) -> None:
    await small_room.subscribe("ada")
    await small_room.subscribe("bob")
    await subscribers.remove(small_room.database, small_room.clock, address("bob"), source="test")
    exported = await roster.export_csv(small_room.database)
    assert exported.splitlines()[0] == (
        "email,topics,cadence,hour,timezone,language,muted_words,authors,muted_authors,searches,paused_until,"
        "papers,minutes,bar,look,best_missed,state"
    )
    assert [line.rpartition(",")[2] for line in exported.splitlines()[1:]] == ["confirmed", "unsubscribed"]
    async with open_newsroom(new_database("sqlite"), tmp_path) as other:
        report = await take(other, exported)
        assert report.added == 1
        assert [(refused.email, refused.line) for refused in report.refused] == [(address("bob"), 3)]
        assert "unsubscribed" in report.refused[0].why


# Out and in again

names = (
    st.one_of(
        st.sampled_from(
            ["=1+1", "+x", "-y", "@z", "'=1", "''@a", "a:b", "a:0.5", ":", "x:", "a,b", 'say "hi"', "ünï", "1"]
        ),
        st.text(
            st.characters(codec="utf-8", exclude_characters=";", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
            max_size=30,
        ),
    )
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
topics = st.lists(
    st.builds(Topic, name=names, weight=st.one_of(st.just(1.0), st.floats(-1, 1))),
    max_size=4,
    unique_by=lambda topic: topic.name,
).map(tuple)
wishes = st.lists(names, max_size=3, unique=True).map(tuple)
wanted = st.lists(
    st.fixed_dictionaries(
        {
            "topics": topics,
            "cadence": st.sampled_from(["daily", "weekdays", "weekly:sun"]),
            "hour": st.integers(0, 23),
            "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
            "language": st.sampled_from(["en", "de", "pt-BR"]),
            "muted_words": wishes,
            "authors": wishes,
            "muted_authors": wishes,
            "paused_until": st.none() | st.dates(date(2026, 3, 3)),
            "papers": st.none() | st.integers(1, 100),
            "minutes": st.none() | st.integers(2, 600),
            "bar": st.sampled_from(["few", "normal", "many"]),
            "look": st.sampled_from([None, "comfortable", "compact", "plain"]),
            "best_missed": st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15)
@given(wanted)
def test_what_goes_out_comes_back_the_same(migrated_file: Path, asked: list[dict[str, Any]]) -> None:
    async def out_and_in() -> tuple[list[Any], list[Any]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = []
            exported = ""
            for turn in ("out", "in"):
                shutil.copyfile(migrated_file, folder / f"{turn}.db")
                async with open_newsroom(f"sqlite:///{folder / turn}.db", folder) as small_room:
                    if turn == "out":
                        for number, wishes in enumerate(asked):
                            await small_room.subscribe(f"reader{number}", **wishes)
                    else:
                        assert (await take(small_room, exported)).refused == ()
                    exported = await roster.export_csv(small_room.database)
                    kept = [
                        one.model_dump(exclude={"id", "key", "created_at", "subscribed_at"})
                        for one in await people(small_room)
                    ]
                    found.append(kept)
        return found[0], found[1]

    before, after = asyncio.run(out_and_in())
    assert before == after
