"""What went out can be shown again, to the byte, whatever changed since; and it is said where it cannot."""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import warm
from newsroom import DAY, TODAY, Newsroom, address, open_newsroom, papers
from servers import Server

from newsletter import app as apps
from newsletter.delivery import dkim_keys, message
from newsletter.models import Consent, Paper
from newsletter.pipeline import record, reprint, subscribers
from newsletter.pipeline.preview import Preview
from newsletter.rendering.reprint import Reprint
from newsletter.store import backup, deliveries, outcomes, presses, recall
from newsletter.store.aside import Aside
from newsletter.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
NEXT = TODAY + 3 * DAY
KINDS = ("ed25519", "rsa", "both", "none")


def signed(room: Newsroom, folder: Path, kind: str, *, name: str = "key") -> None:
    """Let mail be signed with one key, or with two."""
    values: dict[str, Any] = {}
    for prefix, one in zip(("", "second_"), ("rsa", "ed25519") if kind == "both" else (kind,), strict=False):
        if one == "none":
            continue
        key = dkim_keys.make(one, f"{name}{prefix.strip('_')}")
        file = folder / f"{key.selector}.pem"
        file.write_bytes(dkim_keys.pem(key))
        file.chmod(0o600)
        values |= {"domain": "newsletter.example", f"{prefix}selector": key.selector, f"{prefix}key_file": file}
    if values:
        room.set("dkim", **values)
        vars(room.app).pop("seal", None)


def outbox(room: Newsroom) -> dict[str, bytes]:
    """Return the latest mail of everyone in the folder of the catcher."""
    folder = room.app.settings.path(room.app.settings.smtp.outbox)
    return {file.stem.partition("-")[2].partition("@")[0]: file.read_bytes() for file in sorted(folder.glob("*.eml"))}


async def say(room: Newsroom, name: str, number: int) -> None:
    """Let someone like a paper."""
    at = room.clock.now()
    await room.say(
        "INSERT INTO feedback (subscriber_id, paper_id, verdict, at) SELECT s.id, p.id, 'more', :at "
        "FROM subscribers s, papers p WHERE s.email = :email AND p.arxiv_id = :paper",
        at=at.replace(tzinfo=None) if room.database.on_sqlite else at,
        email=address(name),
        paper=f"2603.{number:05}",
    )


async def two_days(room: Newsroom) -> dict[str, bytes]:
    """Send a first issue and, after a day without mail, a rich second one; return what the catcher got of that."""
    room.set("newsletter", postal_address="1 Example Street", reply_to="editor@newsletter.example")
    room.set("web", base_url="https://papers.example.org")
    (room.app.settings.folder / "logo.png").write_bytes(PNG)
    room.set("brand", logo=Path("logo.png"), accent="#a01020")
    room.set("ranking", outside=1)
    await room.take_in(*papers(0, version=1), *papers(1))
    await room.subscribe("ada", "violin", "pepper")
    await room.subscribe("bob", "anchor", "copper", language="de")
    await room.subscribe("eve", language="fr")
    await room.send()
    room.clock.step(hours=2)
    await say(room, "ada", 0)
    await room.take_in(papers(0, version=2)[0])
    room.clock.step(hours=24)
    await room.take_in(*papers(2, 3))
    room.clock.step(hours=46)
    alike = [paper.model_copy(update={"title": f"A violin of {paper.title}"}) for paper in papers(5, 6)]
    await room.take_in(*alike, *papers(7, 8, 9, 12, authors=("Ann", "Zoë Ünal")), *papers(11, arxiv_id=None))
    await record.set_note(room.database, room.clock, "Hello, **all**: [here](https://arxiv.org).", NEXT, ["daily"])
    await room.send(NEXT)
    assert set((await room.states()).values()) == {"caught"}
    return outbox(room)


async def change_everything(room: Newsroom, folder: Path) -> None:
    """Change all that mail is made of."""
    own = folder / "own" / "email"
    own.mkdir(parents=True)
    built_in = Path(apps.resources.templates())
    for name in ("paper.mjml.j2", "footer.mjml.j2", "told.mjml.j2"):
        shutil.copyfile(built_in / "email" / name, own / name)
        (own / name).write_text("<!-- mine -->\n" + (own / name).read_text())
    room.set("rendering", templates=own.parent, look="compact", abstract_characters=80)
    room.set(
        "newsletter", name="Änother Näme", from_address="other@newsletter.example", postal_address="", reply_to=None
    )
    room.set("web", base_url="https://elsewhere.example.net/x")
    room.set("brand", accent="#104020", logo=None)
    signed(room, folder, "ed25519", name="later")
    await room.take_in(
        *papers(5, 7, version=3, abstract="Something else."),
        # What was two papers is one.
        Paper(title="The copper", arxiv_id="2603.00012", version=2),
    )
    await room.say("UPDATE papers SET title = 'Called otherwise', abstract = 'Short.', votes = 1")
    await record.mark_paper(room.database, 2, hidden=True)
    await room.say("UPDATE papers SET merged_into = 1 WHERE id = 3")
    await room.say("UPDATE subscribers SET language = 'en' WHERE email = :bob", bob=address("bob"))
    await room.say("UPDATE subscribers SET language = 'de' WHERE email <> :bob", bob=address("bob"))
    await record.set_note(room.database, room.clock, "Another note.", NEXT, ["daily"])
    room.clock.step(days=40)


async def exactly(room: Newsroom, name: str, content: bytes, day: date = NEXT) -> Preview:
    """Hold what is shown of someone's mail against what the catcher got."""
    shown = await room.preview(name, day)
    assert shown.doubt == ""
    assert shown.as_sent
    assert shown.written.content == content
    return shown


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mail_is_shown_as_it_went_out_whatever_changed(room: Newsroom, tmp_path: Path, kind: str) -> None:
    signed(room, tmp_path, kind)
    got = await two_days(room)
    assert got["ada"].count(b"DKIM-Signature:") == {"none": 0, "both": 2}.get(kind, 1)
    for name in ("ada", "bob", "eve"):
        await exactly(room, name, got[name])
    text = (await room.preview("ada", NEXT)).written.rendered.text
    for words in ("From the days you missed", "because you liked", "Hello, ALL", "(version 2)", "For you"):
        assert words.casefold() in " ".join(text.split()).casefold()
    await change_everything(room, tmp_path)
    for name in ("ada", "bob", "eve"):
        await exactly(room, name, got[name])
    german = (await room.preview("bob", NEXT)).written
    assert german.rendered.language == "de"
    assert german.rendered.subject in german.rendered.text


@pytest.mark.parametrize("look", ["compact", "plain"])
async def test_every_look_and_mail_that_shortened_itself(small_room: Newsroom, tmp_path: Path, look: str) -> None:
    room = small_room
    room.set("rendering", look=look, abstract_characters=2000)
    room.set("ranking", papers=30, least_score=0.0)
    long = [
        Paper(title=f"Paper {number} of {'many words ' * 20}", abstract=f"Sentence {number}. " * 200, votes=number)
        for number in range(120)
    ]
    room.set("ranking", papers=100, same=1.0)
    await room.take_in(*long)
    await room.subscribe("ada", papers=100)
    await room.send()
    got = outbox(room)["ada"]
    assert (b"text/html" in got) == (look != "plain")
    await change_everything(room, tmp_path)
    await exactly(room, "ada", got, TODAY)


async def test_a_paper_that_changes_during_a_run_is_shown_to_each_as_they_got_it(room: Newsroom) -> None:
    room.set("delivery", batch=2)
    room.set("smtp", connections=1)
    await room.take_in(*papers(0, 1))
    names = [f"reader{number}" for number in range(8)]
    for name in names:
        await room.subscribe(name)
    await room.compose()
    sending = await room.sending()
    keeper = sending._keeper
    made = keeper.content
    calls = []

    def content(delivery_id: int, issue: Any, **values: Any) -> Any:
        calls.append(delivery_id)
        if len(calls) % 3 == 0:
            # The paper came in anew, and some who wait still have the old one.
            new = issue.picks[0].paper.model_copy(update={"title": f"Title {len(calls)}"})
            issue = issue._replace(picks=(issue.picks[0]._replace(paper=new), *issue.picks[1:]))
        return made(delivery_id, issue, **values)

    keeper.content = content
    async with room.courier() as courier:
        report = await sending.run(courier)
    assert report.states == {"caught": len(names)}
    assert len(await room.rows("SELECT id FROM presses")) == 5
    got = outbox(room)
    assert len({content.partition(b"Subject: ")[2].partition(b"\r\n")[0] for content in got.values()}) == 3
    for name in names:
        await exactly(room, name, got[name], TODAY)


async def test_notices_too(room: Newsroom, tmp_path: Path) -> None:
    signed(room, tmp_path, "ed25519")
    room.set("web", base_url="https://papers.example.org")
    new = [subscribers.new(room.app.settings.newsletter, room.clock, address(name)) for name in ("ada", "bob")]
    await subscribers.add(room.database, room.clock, new[0], source="test", welcome=room.app.notices)
    assert await room.app.notices.ask(room.database, new[1], how="page") is Consent.UNCONFIRMED
    room.set("notices", nothing_today=True)
    await room.deliver()
    got = outbox(room)
    await room.send()
    nothing = outbox(room)["ada"]
    assert nothing != got["ada"]
    await change_everything(room, tmp_path)
    for name, kind, content in (
        ("ada", "welcome", got["ada"]),
        ("bob", "confirmation", got["bob"]),
        ("ada", "nothing", nothing),
    ):
        shown = await room.preview(name, TODAY, kind=kind)
        assert (shown.doubt, shown.as_sent) == ("", True)
        assert shown.written.content == content
    # What is one person's own goes with them; what is shared says nothing of them.
    for name in ("ada", "bob"):
        await subscribers.erase(room.database, room.clock, address(name))
    contents = [zlib.decompress(row.content) for row in await room.rows("SELECT content FROM pieces")]
    assert contents
    assert not [content for content in contents if b"@example.org" in content]
    assert await room.rows("SELECT made_of FROM deliveries") == []


async def test_what_is_sent_twice_is_shown_as_it_went_the_second_time(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.send()
    first = outbox(room)["ada"]
    room.set("newsletter", name="Another name")
    room.clock.step(hours=3)
    await record.retry(room.database, room.clock, email=address("ada"))
    waiting = await room.preview("ada", TODAY)
    assert (waiting.as_sent, waiting.doubt) == (False, "")
    await room.deliver()
    second = outbox(room)["ada"]
    assert second != first
    await exactly(room, "ada", second, TODAY)


async def test_an_address_that_changed_before_mail_was_barred_is_the_old_one(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.send()
    first = outbox(room)["ada"]
    await record.retry(room.database, room.clock, email=address("ada"))
    async with room.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE subscribers SET email = 'eve@example.org', email_key = 'eve@example.org'"
        )
        await recall.move(connection, (await connection.exec_driver_sql("SELECT id FROM subscribers")).scalar() or 0)
    await subscribers.pause(room.database, address("eve"), None)
    await room.deliver()
    assert (await room.record("eve")).delivery.state == "suppressed"
    await exactly(room, "eve", first, TODAY)


async def test_what_was_put_back_before_its_end_never_went_out(room: Newsroom) -> None:
    await room.take_in(*papers(0, 1))
    await room.subscribe("ada")
    await room.compose()
    [row] = await room.rows("SELECT id FROM deliveries")
    async with room.database.begin() as connection:
        await deliveries.claim(
            connection, owner="one", limit=9, now=room.clock.now(), until=room.clock.now() + timedelta(minutes=5)
        )
        await outcomes.note(connection, "one", (), [row.id], room.clock.now(), {row.id: (7, "en 1 2 3 -")})
    assert await room.rows("SELECT press_id, made_of FROM deliveries") == [(7, "en 1 2 3 -")]
    async with room.database.begin() as connection:
        await deliveries.release(connection, "one", [row.id])
    assert await room.rows("SELECT press_id, made_of FROM deliveries") == [(None, None)]


@pytest.mark.parametrize("kind", ["ed25519", "none"])
async def test_code_that_changed_is_told(
    small_room: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    room = small_room
    signed(room, tmp_path, kind)
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await room.send()
    got = outbox(room)["ada"]
    joined = message._ended
    with monkeypatch.context() as changed:
        changed.setattr(message, "_ended", lambda parts: joined(list(parts)[::-1]))
        shown = await room.preview("ada", TODAY)
    assert (shown.as_sent, shown.doubt) == (False, reprint.CHANGED)
    assert shown.written.content != got
    assert b"Message-ID" in shown.written.content
    with monkeypatch.context() as changed:
        # One letter of a reason, which no sample need see.
        sentence = Reprint._render_reason
        changed.setattr(
            Reprint,
            "_render_reason",
            lambda self, *values: tuple(part.swapcase() for part in sentence(self, *values)),
        )
        shown = await room.preview("ada", TODAY)
    assert shown.doubt
    with monkeypatch.context() as changed:
        changed.setattr(reprint, "program", lambda: "another")
        shown = await room.preview("ada", TODAY)
    # A signature holds the whole body; without one a sample has to do.
    assert shown.doubt == ("" if kind == "ed25519" else reprint.LIKELY)
    assert shown.written.content == got
    await exactly(room, "ada", got, TODAY)


async def test_a_piece_that_is_lost_is_told(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await room.send()
    await room.say("DELETE FROM press_pieces WHERE name LIKE 'paper %'")
    shown = await room.preview("ada", TODAY)
    assert (shown.as_sent, shown.doubt) == (False, reprint.LOST)
    assert shown.written.rendered.subject == "The violin"
    await room.say("UPDATE deliveries SET press_id = NULL, made_of = NULL")
    assert (await room.preview("ada", TODAY)).doubt == reprint.NEVER


async def test_who_ends_between_the_pieces_and_the_sending_refers_to_nothing(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        """What a kill is to a transaction: it never ends."""

    async def killed(*_: object) -> None:
        raise KilledError

    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await room.compose()
    with monkeypatch.context() as dying:
        dying.setattr(outcomes, "_move", killed)
        with pytest.raises(KilledError):
            await room.deliver()
    assert await room.rows("SELECT press_id FROM deliveries") == [(None,)]
    assert await room.rows("SELECT * FROM press_pieces") == []
    room.clock.step(hours=1)
    await room.deliver()
    assert await room.rows(
        "SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM presses p WHERE p.id = d.press_id)"
    ) == [(0,)]
    await exactly(room, "ada", outbox(room)["ada"], TODAY)


async def test_two_runs_that_write_the_same_pieces_do_not_wait_for_each_other(room: Newsroom) -> None:
    contents = [bytes([number]) * 100 for number in range(200)]

    async def write(number: int) -> None:
        order = contents if number % 2 else contents[::-1]
        new = [presses.New(number, str(at), presses.digest(one), zlib.compress(one)) for at, one in enumerate(order)]
        async with Aside(room.database, writes=True) as store:
            await store.run(
                lambda connection: presses.keep(connection, [presses.Begun(number, room.clock.now(), "")], new)
            )

    await asyncio.gather(*(write(number) for number in range(1, 5)))
    [(count,)] = await room.rows("SELECT count(*) FROM pieces")
    assert count == len(contents)
    [(named,)] = await room.rows("SELECT count(*) FROM press_pieces")
    assert named == 4 * len(contents)


async def test_a_backup_on_the_other_engine_shows_the_same_mail(
    room: Newsroom, new_database: Any, tmp_path: Path
) -> None:
    signed(room, tmp_path, "ed25519")
    await room.take_in(*papers(0, 1, 2))
    await room.subscribe("ada")
    await room.send()
    got = outbox(room)["ada"]
    await backup.write(room.database, tmp_path / "backup")
    other = new_database("postgresql" if room.database.on_sqlite else "sqlite", migrated=False)
    database = Database.at(other)
    await backup.restore(database, tmp_path / "backup", room.clock.now())
    await database.close()
    async with open_newsroom(other, tmp_path / "there", now=room.clock.now()) as there:
        await exactly(there, "ada", got, TODAY)


async def test_a_delivery_keeps_a_few_hundred_bytes(small_room: Newsroom, tmp_path: Path) -> None:
    room = small_room
    signed(room, tmp_path, "ed25519")
    await room.take_in(*papers(*range(12)))
    for number in range(30):
        await room.subscribe(f"reader{number}")
    await room.send()
    lengths = [len(row.made_of) for row in await room.rows("SELECT made_of FROM deliveries")]
    assert max(lengths) < 150
    # What all share is there once.
    names = [row.name for row in await room.rows("SELECT name FROM press_pieces")]
    assert len(names) == len(set(names))
    assert sum(name.startswith("shell ") for name in names) == 1


async def test_a_server_gets_what_is_shown(small_room: Newsroom, tmp_path: Path) -> None:
    room = small_room
    signed(room, tmp_path, "both")
    await room.take_in(*papers(0, 1, 2, abstract=".\n.. dots\nFrom here\nblank \n"))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    async with Server(rules={"end": lambda about: "451 4.0.0 later" if "bob" in about else None}) as server:
        room.relay(server)
        await room.send()
    [ada] = [one.content for one in server.messages if one.recipient == address("ada")]
    await exactly(room, "ada", ada, TODAY)
    # Who gets it later gets it as it will be made then.
    waiting = await room.preview("bob", TODAY)
    assert (await room.states())["bob"] == "deferred"
    assert (waiting.as_sent, waiting.doubt) == (False, "")


def test_the_command_writes_what_went_out_and_says_where_it_cannot(tmp_path: Path) -> None:
    """An operator asks what somebody got."""
    (tmp_path / "config.toml").write_text("[smtp]\noutbox = 'outbox'\n")
    run(tmp_path, "migrate")
    run(tmp_path, "feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))
    run(tmp_path, "subscribers", "add", "ada@example.org", "--topic", "quantization")
    run(tmp_path, "send")
    (sent,) = (tmp_path / "outbox").glob("*.eml")
    (tmp_path / "config.toml").write_text("[smtp]\noutbox = 'outbox'\n[newsletter]\nname = 'Other'\n")
    told = run(tmp_path, "preview", "ada@example.org", "--eml", "mail.eml", "--out", "mail.html")
    assert (tmp_path / "mail.eml").read_bytes() == sent.read_bytes()
    html = sent.with_suffix(".html").read_bytes()
    assert (tmp_path / "mail.html").read_bytes() == html
    assert b"\r" not in html
    assert "caught, as it went out" in told
    # The same papers in the settings of now.
    told = run(tmp_path, "preview", "ada@example.org", "--anew", "--eml", "anew.eml")
    assert b"From: Other <" in (tmp_path / "anew.eml").read_bytes()
    assert "as it went out" not in told
    with contextlib.closing(sqlite3.connect(tmp_path / "newsletter.db")) as connection, connection:
        connection.execute("DELETE FROM press_pieces")
    shown = json.loads(run(tmp_path, "--json", "preview", "ada@example.org").partition("\n")[2])
    assert (shown["as_sent"], shown["doubt"]) == (False, reprint.LOST)


def run(folder: Path, *words: str) -> str:
    """Call the program in a folder and return what it said on stderr, a line end, and what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    done = warm.call(words, cwd=folder, env={**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    return f"{' '.join(done.stderr.split())}\n{done.stdout}"
