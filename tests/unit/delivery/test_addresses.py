"""Addresses are checked, brought to one form, and fit for the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.addresses import key, mailbox, needs_smtputf8, normalise, on_the_wire
from newsletter.errors import UsageError


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (" Ada@Example.ORG ", "Ada@example.org"),
        ("ada+papers@example.org", "ada+papers@example.org"),
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("zoe\u0308@example.org", "zoë@example.org"),
        ("用户@例え.jp", "用户@例え.jp"),
        ("ada@mail.test", "ada@mail.test"),
    ],
)
def test_an_address_has_one_usual_form(written: str, normal: str) -> None:
    assert normalise(written) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    "written",
    ["", "ada", "ada@", "@example.org", "ada@localhost", "a b@example.org", "ada@example.org\r\nBcc: x@example.org",
     '"ada"@example.org', "ada@[127.0.0.1]", "Ada <ada@example.org>", "ada@exa_mple.org", "a" * 300 + "@example.org",
     "ada\0@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line_with_a_reason(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalise(written)
    assert "is not a mail address" in caught.value.message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.next_step


def test_one_person_has_one_key_however_they_write_it() -> None:
    assert key("ADA@BÜCHER.example") == key("ada@xn--bcher-kva.example")
    assert key("Zoe\u0308@example.org") == key("zoë@Example.org")
    assert key("ada@example.org") != key("ada@example.net")
    # IDNA 2008: these are two domains, and the local parts may be two people.
    assert key("a@straße.de") != key("a@strasse.de")
    assert key("strauß@example.org") != key("strauss@example.org")


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("Ada+news@Example.org", "ada@example.org"),
        ("a.da@example.org", "a.da@example.org"),
        ("+ada@example.org", "+ada@example.org"),
        ("a.d.a+1+2@gmail.com", "ada@gmail.com"),
        ("A.Da@GoogleMail.com", "ada@gmail.com"),
        ("ada+x@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_a_mailbox_is_counted_once_however_it_is_tagged(written: str, counted: str) -> None:
    assert mailbox(written) == counted
    assert mailbox(counted) == counted


def test_only_the_local_part_needs_smtputf8() -> None:
    assert on_the_wire("ada@bücher.example") == "ada@xn--bcher-kva.example"
    assert not needs_smtputf8("ada@bücher.example")
    assert on_the_wire("zoë@example.org") == "zoë@example.org"
    assert needs_smtputf8("zoë@example.org")


@given(st.text(max_size=40).map(lambda text: f"{text}@example.org"))
def test_nothing_on_the_wire_can_end_a_command_early(address: str) -> None:
    try:
        wire = on_the_wire(address)
    except ValueError:
        return
    assert not set(wire) & set('\r\n\0 <>"\\,;:\t\x85\u2028')
    assert wire.count("@") == 1


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    try:
        normal = normalise(text)
    except UsageError:
        return
    assert on_the_wire(normal)
