"""Links of readers' own pages: each for its purpose and its time, and read under an older secret for a while."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsroom import Clock

from newsletter.config import Settings, Web
from newsletter.models import Consent, Recipient, Subscriber
from newsletter.pipeline.doors import OWN_HOURS, SETTINGS_DAYS, Doors, Purpose
from newsletter.pipeline.reader_links import Addresses
from newsletter.pipeline.readers import OldError
from newsletter.tokens import Signer, TokenError

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SIGNER = Signer(b"k" * 32)


def somebody(number: int = 7, links: int = 0) -> Subscriber:
    """Return a person."""
    return Subscriber(
        id=number, key="k", email="ada@example.org", language="en", timezone="UTC", cadence="daily", hour=7,
        state=Consent.CONFIRMED, created_at=NOW, links=links,
    )  # fmt: skip


def token(made: Doors, purpose: Purpose, person: Subscriber | None = None) -> str:
    """Return a token of a purpose."""
    found: str = getattr(made, purpose)(person or somebody())
    return found


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31), st.sampled_from(get_args(Purpose)))
def test_a_token_says_whose_it_is(number: int, links: int, purpose: Purpose) -> None:
    made = Doors(SIGNER, Clock(NOW))
    found = made.read(purpose, token(made, purpose, somebody(number, links)))
    assert (found.purpose, found.person, found.links) == (purpose, number, links)


def test_own_opens_what_settings_opens_and_nothing_else_opens_another() -> None:
    made = Doors(SIGNER, Clock(NOW))
    opened = set()
    for asked in get_args(Purpose):
        for given_one in get_args(Purpose):
            try:
                assert made.read(asked, token(made, given_one)).purpose == given_one
            except TokenError:
                continue
            opened.add((given_one, asked))
    assert opened == {("settings", "settings"), ("own", "own"), ("own", "settings"), ("feed", "feed")}
    # What says no more than a number serves no door either.
    for other in ("settings", "own", "feed"):
        with pytest.raises(TokenError):
            made.read(other, SIGNER.tag("door.settings", 7))


@given(st.sampled_from(get_args(Purpose)), st.integers(0, 200), st.sampled_from("0af9-.Z /"))
def test_a_changed_or_cut_token_is_refused(purpose: Purpose, place: int, letter: str) -> None:
    made = Doors(SIGNER, Clock(NOW))
    whole = token(made, purpose)
    place %= len(whole)
    for changed in (whole[:place] + letter + whole[place + 1 :], whole[:place], whole + letter, letter + whole):
        if changed != whole:
            with pytest.raises(TokenError):
                made.read(purpose, changed)


def test_each_acts_for_its_time() -> None:
    clock = Clock(NOW)
    made = Doors(SIGNER, clock)
    whole = {purpose: token(made, purpose) for purpose in get_args(Purpose)}
    clock.step(hours=OWN_HOURS, seconds=-1)
    assert made.read("own", whole["own"]).person == 7
    clock.step(seconds=1)
    for asked in ("own", "settings"):
        with pytest.raises(OldError):
            made.read(asked, whole["own"])
    # All of the last day counts.
    clock.moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=SETTINGS_DAYS, hours=23, minutes=59)
    assert made.read("settings", whole["settings"]).person == 7
    clock.step(minutes=1)
    with pytest.raises(OldError):
        made.read("settings", whole["settings"])
    clock.step(days=3650)
    assert made.read("feed", whole["feed"]).person == 7


@given(st.integers(0, 86_399))
def test_the_link_of_a_mail_is_the_one_of_its_day(second: int) -> None:
    links = Addresses(Settings(web=Web(base_url="https://papers.example.org/a")), SIGNER)
    at = NOW.replace(hour=0, minute=0) + timedelta(seconds=second)
    made = Doors(SIGNER, Clock(NOW)).settings(somebody(7, 2))
    assert links.pages(Recipient(7, "ada@example.org", "en", 2), at, 12) == (
        f"https://papers.example.org/a/settings/{made}",
        f"https://papers.example.org/a/mail/{made}/12",
    )
    assert Addresses(Settings(), SIGNER).pages(Recipient(7, "ada@example.org", "en"), at, 12) == ("", "")


@given(st.sampled_from(get_args(Purpose)))
def test_older_secrets_are_read_and_sign_nothing(purpose: Purpose) -> None:
    clock = Clock(NOW)
    old, new = Signer(b"o" * 32), Signer(b"n" * 32, [b"x" * 32, b"o" * 32])
    whole = token(Doors(old, clock), purpose)
    assert Doors(new, clock).read(purpose, whole).person == 7
    assert token(Doors(new, clock), purpose) == token(Doors(Signer(b"n" * 32), clock), purpose)
    with pytest.raises(TokenError):
        Doors(Signer(b"n" * 32), clock).read(purpose, whole)
    turned = Signer(b"o" * 32)
    turned.turn(b"n" * 32)
    with pytest.raises(TokenError):
        Doors(turned, clock).read(purpose, whole)
