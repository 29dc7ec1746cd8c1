"""The fields of a good sender: by which complaints are counted and reported, and who must not answer."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from pydantic import ValidationError

from newsletter.config import Newsletter
from newsletter.delivery import headers
from newsletter.delivery.message import Letter, build
from newsletter.delivery.quoted import encode

LETTER = Letter(
    from_name="Papers for you",
    from_address="papers@newsletter.example",
    to_address="ada@example.org",
    subject="Ten papers",
    message_id="<i7.0a1b2c@newsletter.example>",
    date=datetime(2026, 11, 21, 7, 0, tzinfo=UTC),
    list_id="papers.newsletter.example",
    html_parts=(encode("<p>One</p>\n"),),
    text_parts=(encode("One\n"),),
)


def read(letter: Letter) -> EmailMessage:
    return message_from_bytes(build(letter), policy=default)


def test_without_a_wish_none_of_them_is_there() -> None:
    names = set(read(LETTER).keys())
    assert not names & {"Feedback-ID", "CFBL-Address", "Precedence", "Auto-Submitted"}


def test_each_is_there_once_where_it_is_wanted() -> None:
    letter = LETTER._replace(
        feedback_id="2026-11-21:daily:papers:newsletterexamp",
        complaints_to="complaints@newsletter.example",
        precedence="bulk",
        automatic=True,
    )
    message = read(letter)
    assert message.get_all("Feedback-ID") == ["2026-11-21:daily:papers:newsletterexamp"]
    assert message.get_all("CFBL-Address") == ["complaints@newsletter.example; report=arf"]
    assert message.get_all("Precedence") == ["bulk"]
    assert message.get_all("Auto-Submitted") == ["auto-generated"]


@pytest.mark.parametrize(
    "value",
    ["a:b:c:four", "a:b:c:sixteen-letters-x", "a:b:sender", "a:b:c:d:sender", "a b:c:d:sender", "a:b:c:sen\r\nder"],
)
def test_a_feedback_id_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="Feedback-ID"):
        headers.feedback_id(value)


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("a@newsletter.example", "newsletterexamp"),
        ("a@mlr.uni.edu", "mlruniedu"),
        ("a@x.io", "xiopapers"),
        ("a@bücher.example", "xnbcherkvaexamp"),
    ],
)
def test_the_sender_id_is_made_of_the_domain(address: str, sender: str) -> None:
    made = Newsletter(from_address=address).feedback_sender
    assert made == sender
    assert headers.feedback_id(f"::a:{made}")


def test_a_sender_id_of_ones_own_has_5_to_15_characters() -> None:
    assert Newsletter(sender_id="my-lab").feedback_sender == "my-lab"
    for wrong in ("four", "sixteen-letters-", "with space"):
        with pytest.raises(ValidationError, match="5 to 15"):
            Newsletter(sender_id=wrong)
