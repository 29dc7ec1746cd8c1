"""The addresses in a mail that are one reader's own."""

import re
import subprocess
import sys

import pytest

from newsletter.config import Settings
from newsletter.models import Paper, Pick, Reason
from newsletter.pipeline.reader_links import Addresses
from newsletter.tokens import Signer

SIGNER = Signer(b"k" * 32)
PERSON = SIGNER.tag("unsubscribe", 42)
ISSUE = SIGNER.tag("feedback", 42)
PICKS = [Pick(position, Paper(id=70 + position, title="A title"), Reason("new")) for position in (1, 3)]


def addresses(base_url: str = "", **newsletter: str) -> Addresses:
    return Addresses(Settings(web={"base_url": base_url}, newsletter=newsletter), SIGNER)


@pytest.mark.parametrize("base_url", ["https://x.example/p", "https://x.example/p/"])
def test_with_pages_all_links_lead_there_and_leaving_by_mail_stays(base_url: str) -> None:
    links, feedback = addresses(base_url).of(42), addresses(base_url).feedback(42, PICKS)
    assert links.unsubscribe == (
        f"https://x.example/p/unsubscribe/{PERSON}",
        f"mailto:papers@newsletter.example?subject=unsubscribe%20{PERSON}",
    )
    assert links.pause == f"https://x.example/p/pause/{PERSON}"
    mark = feedback.marks[1]
    assert mark.join(feedback.more) == f"https://x.example/p/f/{ISSUE}/{mark}/more"
    assert mark.join(feedback.less) == f"https://x.example/p/f/{ISSUE}/{mark}/less"
    assert f"{feedback.more[0]}{mark}{feedback.save}" == f"https://x.example/p/f/{ISSUE}/{mark}/saved"


def test_without_pages_all_links_are_mails() -> None:
    made = addresses(unsubscribe_address="leave+papers@x.example")
    to = "mailto:leave+papers@x.example?subject="
    assert made.of(42).unsubscribe == (f"{to}unsubscribe%20{PERSON}",)
    assert made.of(42).pause == f"{to}pause%20{PERSON}%201%20month"
    feedback = made.feedback(42, PICKS)
    for mark in feedback.marks:
        assert mark.join(feedback.more) == f"{to}more%20{ISSUE}-{mark}"
        assert mark.join(feedback.less) == f"{to}less%20{ISSUE}-{mark}"
    assert feedback.save == ""


def test_the_mark_of_a_paper_is_bound_to_it_in_its_place_of_its_mail() -> None:
    for made in (addresses(), addresses("https://x.example")):
        marks = made.feedback(42, PICKS).marks
        assert [SIGNER.read_mark("feedback", 42, *of) for of in zip(marks, (71, 73), strict=True)] == [1, 3]


def test_links_are_uris_in_ascii() -> None:
    # RFC 3986 section 2, RFC 6068 section 2.
    made = addresses(from_address="paper&s?%@x.example")
    for link in (
        *made.of(1).unsubscribe,
        made.of(1).pause,
        made.feedback(1, PICKS).marks[0].join(made.feedback(1, PICKS).more),
    ):
        assert re.fullmatch(r"mailto:paper%26s%3F%25@x\.example\?subject=[a-z0-9%-]+", link), link


def test_one_persons_token_is_no_mails_token() -> None:
    assert PERSON != ISSUE


def test_pages_are_served_without_the_weight_of_ranking() -> None:
    code = (
        "import sys, newsletter.web.serving; sys.exit(bool({'numpy', 'scipy', 'sklearn', 'mjml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
