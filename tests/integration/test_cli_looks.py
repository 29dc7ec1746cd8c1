"""An operator chooses a look, a colour and a logo in the settings, and sees them in the mail that goes out."""

import os
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import warm

ROOT = Path(__file__).resolve().parents[2]
READER = "ada@example.org"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def run(folder: Path, *words: str, code: int = 0, **settings: str) -> str:
    """Call the program in a folder and return what it printed, on which channel so ever."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    done = warm.call(words, cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **settings})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def newsletter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsletter with papers and a reader, who has had no mail yet, and a logo in its folder."""
    folder = tmp_path_factory.mktemp("looks")
    (folder / "config.toml").write_text("[smtp]\noutbox = 'outbox'\n[brand]\naccent = '#a01020'\n")
    (folder / "logo.png").write_bytes(PNG)
    run(folder, "migrate")
    run(folder, "feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))
    run(folder, "subscribers", "add", READER, "--topic", "quantization")
    return folder


def mail(folder: Path, **settings: str) -> EmailMessage:
    run(folder, "preview", READER, "--eml", "mail.eml", **settings)
    return message_from_bytes((folder / "mail.eml").read_bytes(), policy=default)


def test_a_logo_travels_with_the_mail_and_is_fetched_from_nowhere(newsletter: Path) -> None:
    message = mail(newsletter, NEWSLETTER_BRAND__LOGO="logo.png")
    plain, related = message.iter_parts()
    assert plain.get_content_type() == "text/plain"
    html, logo = related.iter_parts()
    assert logo.get_payload(decode=True) == PNG
    # RFC 2392 section 2.
    assert f'src="cid:{logo["Content-ID"].strip("<>")}"' in html.get_content()
    assert 'alt="Papers for you"' in html.get_content()
    assert html.get_content().count("src=") == 1


def test_the_same_logo_is_in_the_mail_that_is_sent(newsletter: Path) -> None:
    run(newsletter, "send", NEWSLETTER_BRAND__LOGO="logo.png", NEWSLETTER_DATABASE__URL=_copy(newsletter))
    (sent,) = (newsletter / "outbox").glob("*.eml")
    parts = {part.get_content_type(): part for part in message_from_bytes(sent.read_bytes(), policy=default).walk()}
    assert parts["image/png"].get_payload(decode=True) == PNG


def test_text_alone_has_no_html_and_no_logo(newsletter: Path) -> None:
    message = mail(newsletter, NEWSLETTER_BRAND__LOGO="logo.png", NEWSLETTER_RENDERING__LOOK="plain")
    assert message.get_content_type() == "text/plain"
    assert "\n1. " in message.get_content()
    assert b"cid:" not in message.as_bytes()
    told = run(newsletter, "preview", READER, "--out", "mail.html", code=1, NEWSLETTER_RENDERING__LOOK="plain")
    assert "text alone" in told
    assert "--text" in told


def test_without_a_logo_there_is_no_picture(newsletter: Path) -> None:
    message = mail(newsletter)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    html = message.get_body(("html",)).get_content()
    assert "<img" not in html
    assert "solid #a01020" in html


@pytest.mark.parametrize(
    ("setting", "value", "code", "told"),
    [
        ("NEWSLETTER_BRAND__ACCENT", "crimson", 2, "a colour as CSS writes it, such as #1d4f91"),
        ("NEWSLETTER_BRAND__LOGO", "none.png", 1, "none.png cannot be read: No such file or directory."),
        ("NEWSLETTER_BRAND__LOGO", "config.toml", 1, "config.toml is no PNG, JPEG or GIF"),
        ("NEWSLETTER_RENDERING__LOOK", "fancy", 2, "comfortable"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_sent(
    newsletter: Path, setting: str, value: str, code: int, told: str
) -> None:
    assert told in run(newsletter, "send", code=code, **{setting: value})


def _copy(folder: Path) -> str:
    """Return the address of a copy of the database, so that what is sent costs the other tests nothing."""
    (folder / "copy.db").write_bytes((folder / "newsletter.db").read_bytes())
    return "sqlite:///copy.db"
