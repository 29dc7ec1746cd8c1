"""Notices by the command line: queued, looked at, sent, told of."""

import json
import re
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import unquote

import pytest
from reports import mail
from test_cli_looks import run

READER = "ada@example.org"


@pytest.fixture
def newsletter(tmp_path: Path) -> Callable[..., str]:
    """A newsletter without papers, as a command."""
    (tmp_path / "config.toml").write_text("[smtp]\noutbox = 'outbox'\n[notices]\nnothing_today = true\n")
    run(tmp_path, "migrate")
    return lambda *words, **expected: run(tmp_path, *words, **expected)


def listed(newsletter: Callable[..., str]) -> list[tuple[str, str]]:
    lines = newsletter("deliveries", "list", "--json").splitlines()
    return [(one["kind"], one["state"]) for one in map(json.loads, lines)]


def test_a_welcome_is_queued_rehearsed_and_sent(newsletter: Callable[..., str], tmp_path: Path) -> None:
    newsletter("subscribers", "add", READER, "--welcome")
    assert "(welcome)" in newsletter("send", "--dry-run")
    assert listed(newsletter) == [("welcome", "queued")]
    newsletter("send")
    assert listed(newsletter) == [("welcome", "caught"), ("nothing", "caught")]
    assert "welcome" in newsletter("deliveries", "list")
    assert "welcome" in newsletter("deliveries", "show", "1")
    subjects = {
        message_from_bytes(file.read_bytes(), policy=default)["Subject"] for file in (tmp_path / "outbox").glob("*.eml")
    }
    assert subjects == {"Welcome to Papers for you", "No paper for you today: Papers for you"}
    newsletter("send")
    assert len(listed(newsletter)) == 2


@pytest.mark.parametrize("kind", ["welcome", "confirmation", "goodbye", "known", "nothing"])
def test_a_preview_writes_each(newsletter: Callable[..., str], tmp_path: Path, kind: str) -> None:
    newsletter("subscribers", "add", READER, "--language", "de")
    said = newsletter("preview", READER, "--kind", kind, "--out", "mail.html", "--eml", "mail.eml")
    message = message_from_bytes((tmp_path / "mail.eml").read_bytes(), policy=default)
    assert message["Subject"] in said
    assert message["Content-Language"] == "de"
    assert '<html lang="de"' in (tmp_path / "mail.html").read_text(encoding="utf-8")
    assert json.loads(newsletter("preview", READER, "--kind", kind, "--json"))["kind"] == kind
    assert listed(newsletter) == []


def test_who_is_added_unconfirmed_is_asked_first(newsletter: Callable[..., str], tmp_path: Path) -> None:
    add = ("subscribers", "add", READER, "--unconfirmed", "--topic", "reasoning")
    assert "stands alone" in newsletter(*add, "--welcome", code=2)
    assert "has asked them and they have said yes, they get it." in newsletter(*add)
    newsletter("send")
    assert listed(newsletter) == [("confirmation", "caught")]
    assert json.loads(newsletter("subscribers", "show", READER, "--json"))["state"] == "unconfirmed"
    # Who lost it is asked again, once the one before has gone; who is a subscriber is not asked.
    newsletter(*add)
    newsletter(*add)
    newsletter("subscribers", "add", "bob@example.org")
    assert "on record already" in newsletter("subscribers", "add", "bob@example.org", "--unconfirmed", code=2)
    assert listed(newsletter) == [("confirmation", "caught"), ("confirmation", "queued")]
    # There are no pages: what the mail asks for is a mail, and that is taken in.
    newsletter("preview", READER, "--kind", "confirmation", "--eml", "asked.eml")
    asked = message_from_bytes((tmp_path / "asked.eml").read_bytes(), policy=default)
    text = asked.get_body(("plain",)).get_content()
    found = re.search(r"mailto:papers@newsletter\.example\?subject=(confirm%20\S+)", text)
    assert found is not None
    (tmp_path / "answer.eml").write_bytes(mail(READER, subject=unquote(found[1])))
    assert "confirmed" in newsletter("bounces", "ingest", "answer.eml")
    assert json.loads(newsletter("subscribers", "show", READER, "--json"))["state"] == "confirmed"
