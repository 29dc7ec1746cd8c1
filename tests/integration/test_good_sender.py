"""What a mail carries so that mailbox providers trust it, read from what a real mail server took."""

import asyncio
import re
import shutil
import subprocess
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import structlog
from newsroom import TODAY, Newsroom, open_newsroom, papers
from servers import Server

from newsletter.pipeline import record
from newsletter.pipeline.letter import SHOWN, html_size

ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe")


async def received(room: Newsroom, *names: str) -> list[EmailMessage]:
    """Send an issue to each and return what the server took."""
    await room.take_in(*papers(1, 2, 3))
    for name in names:
        await room.subscribe(name)
    async with Server() as server:
        room.relay(server)
        await room.send()
    return [message_from_bytes(message.content, policy=default) for message in server.messages]


async def test_every_field_is_there_once(small_room: Newsroom) -> None:
    small_room.set("web", base_url="https://papers.example.org")
    (message,) = await received(small_room, "ada")
    assert [len(message.get_all(name, [])) for name in (*ONCE, "List-Unsubscribe-Post", "Feedback-ID")] == [1] * 11
    assert message.defects == []


async def test_feedback_id_names_the_edition_and_never_a_person(small_room: Newsroom) -> None:
    first, second = await received(small_room, "ada", "grace")
    assert first["Feedback-ID"] == second["Feedback-ID"] == "2026-03-02:daily:papers:newsletterexamp"


async def test_a_weekly_edition_has_a_feedback_id_of_four_parts(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(1, 2, 3))
    await small_room.subscribe("ada", cadence="weekly:mon")
    shown = await small_room.preview("ada")
    message = message_from_bytes(shown.written.content, policy=default)
    assert message["Feedback-ID"] == "2026-03-02:weekly-mon:papers:newsletterexamp"


async def test_complaints_and_precedence_come_by_choice(small_room: Newsroom) -> None:
    (plain,) = await received(small_room, "ada")
    assert {"CFBL-Address", "Precedence", "Auto-Submitted"}.isdisjoint(plain.keys())
    small_room.set("newsletter", complaints_address="fbl@newsletter.example", precedence="bulk")
    await small_room.subscribe("grace")
    chosen = message_from_bytes((await small_room.preview("grace")).written.content, policy=default)
    assert (chosen["CFBL-Address"], chosen["Precedence"]) == ("fbl@newsletter.example; report=arf", "bulk")


async def test_unsubscribing_is_in_the_head_and_in_both_bodies(small_room: Newsroom) -> None:
    small_room.set("web", base_url="https://papers.example.org")
    (message,) = await received(small_room, "ada")
    link, by_mail = re.findall(r"<([^>]+)>", message["List-Unsubscribe"])
    assert link.startswith("https://papers.example.org/unsubscribe/")
    assert by_mail.startswith("mailto:")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for subtype in ("html", "plain"):
        part = message.get_body((subtype,))
        assert part is not None
        assert link in part.get_content()


async def test_the_html_has_no_foreign_content_and_a_twin_in_plain_text(small_room: Newsroom) -> None:
    (message,) = await received(small_room, "ada")
    html, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert plain is not None
    source = html.get_content()
    assert re.search(r'<html[^>]* lang="en"', source)
    assert not re.search(
        r"<(script|form|iframe|object|embed)\b|url\(|src=[\"'](?!cid:)|data:|@import", source, re.IGNORECASE
    )
    titles = [paper.title for paper in papers(1, 2, 3)]
    in_html = sorted(titles, key=source.index)
    assert in_html == sorted(titles, key=plain.get_content().index)


async def test_the_subject_is_that_of_the_issue(small_room: Newsroom) -> None:
    (first,) = await received(small_room, "ada")
    small_room.clock.step(days=1)
    await small_room.take_in(*papers(4, 5, 6))
    second = message_from_bytes((await small_room.preview("ada")).written.content, policy=default)
    assert first["Subject"] != second["Subject"]


async def test_an_issue_of_ten_is_shown_whole(small_room: Newsroom) -> None:
    long = "A sentence of an abstract that goes on for a while. " * 30
    await small_room.take_in(*papers(*range(12), abstract=long, authors=tuple(f"Author Number {n}" for n in range(20))))
    await small_room.subscribe("ada")
    shown = await small_room.preview("ada")
    assert html_size(shown.written.rendered) < SHOWN / 2


def test_long_papers_make_way_and_what_gmail_would_cut_all_the_same_is_told(
    migrated_file: Path, tmp_path: Path
) -> None:
    shutil.copyfile(migrated_file, tmp_path / "newsletter.db")
    long = "A sentence of an abstract that goes on for a while. " * 90
    chosen = {"rendering": {"abstract_characters": 5000}, "ranking": {"papers": 30, "same": 1}}

    async def whole() -> int:
        async with open_newsroom(f"sqlite:///{tmp_path}/newsletter.db", tmp_path, **chosen) as room:
            await room.take_in(*papers(*range(30), abstract=long))
            await room.subscribe("ada")
            assert html_size((await room.preview("ada")).written.rendered) <= SHOWN
            # The editor's words are not cut.
            await record.set_note(room.database, room.clock, "Words of an editor.\n\n" * 4000, TODAY, ["daily"])
            await room.preview("ada")
            return html_size((await room.preview("ada")).written.rendered)

    with structlog.testing.capture_logs() as logged:
        assert asyncio.run(whole()) > SHOWN
    warnings = [one["event"] for one in logged if one["log_level"] == "warning"]
    # Once, whatever the number of mails.
    assert warnings == ["mail is longer than Gmail shows at once"]

    tables = (
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) for name, table in chosen.items()
    )
    (tmp_path / "config.toml").write_text("".join(tables))
    words = ("--config", tmp_path / "config.toml", "preview", "ada@example.org", "--date", "2026-03-02")
    told = subprocess.run([sys.executable, "-m", "newsletter", *words], capture_output=True, text=True, check=True)
    assert "KB of HTML" in told.stdout
    assert "Gmail shows 102 KB and cuts the rest off" in told.stderr
