"""What headers say about asking again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsroom import NOW
from web_server import http_date

from newsletter.feeds.fetching.answers import LONGEST_WAIT, fresh_for, moment, shown, wait_until

HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "ratelimit", "ratelimit-remaining", "ratelimit-reset", "cache-control", "expires"]),
    st.one_of(
        st.text(max_size=40),
        st.integers().map(str),
        st.datetimes(timezones=st.just(UTC)).map(http_date),
        st.from_regex(
            r'("[a-z"]*";)?(limit|r|remaining|max-age)=[0-9]{0,3}[,;] ?(t|reset)=-?[0-9]{0,25}', fullmatch=True
        ),
    ),
)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "120"}, 120),
        (503, {"retry-after": " 120 "}, 120),
        (429, {"retry-after": http_date(NOW + timedelta(hours=2))}, 7200),
        (429, {"retry-after": http_date(NOW - timedelta(hours=2))}, 60),
        (503, {"retry-after": http_date(NOW + timedelta(hours=3)), "date": http_date(NOW + timedelta(hours=1))}, 7200),
        (503, {"retry-after": http_date(NOW), "date": http_date(NOW - timedelta(hours=1))}, 3600),
        (503, {"retry-after": http_date(NOW + timedelta(hours=1)), "date": "soon"}, 3600),
        (429, {"retry-after": "soon"}, 60),
        (429, {"retry-after": "-5"}, 60),
        (429, {"retry-after": "1.5"}, 60),
        (429, {"retry-after": "9" * 18}, LONGEST_WAIT.total_seconds()),
        (429, {}, 60),
        (503, {}, None),
        (500, {"retry-after": "120"}, None),
        (200, {"retry-after": "120"}, None),
        # Fields of their own.
        (200, {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30),
        (200, {"ratelimit-limit": "10", "ratelimit-remaining": "1", "ratelimit-reset": "30"}, None),
        (429, {"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30),
        (429, {"retry-after": "90", "ratelimit-remaining": "0", "ratelimit-reset": "30"}, 90),
        # All in one.
        (200, {"ratelimit": "limit=10, remaining=0, reset=30"}, 30),
        (200, {"ratelimit": "limit=10, remaining=3, reset=30"}, None),
        (200, {"ratelimit": "limit=10,remaining=0"}, None),
        # By policy.
        (200, {"ratelimit": '"default";r=0;t=30', "ratelimit-policy": '"default";q=100;w=60'}, 30),
        (200, {"ratelimit": '"default";r=50;t=30'}, None),
        (200, {"ratelimit": '"burst";r=0;t=5, "daily";r=0;t=3000'}, 3000),
        (200, {"ratelimit": '"a;r=0;t=99,";r=7;t=30, "b";r=0;t=8'}, 8),
        (200, {"ratelimit": "default;r=0;t=9"}, 9),
        (200, {"ratelimit": '"default";r=0'}, None),
        (200, {"ratelimit": '"'}, None),
    ],
)
def test_how_long_a_server_is_left_alone(status: int, headers: dict[str, str], seconds: float | None) -> None:
    found = wait_until(status, headers, NOW)
    assert found == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age = 600 , must-revalidate"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "1000"}, 0),
        ({"cache-control": "max-age=600", "expires": http_date(NOW + timedelta(days=1))}, 600),
        ({"cache-control": "no-cache, max-age=600"}, None),
        ({"cache-control": "no-store"}, None),
        ({"cache-control": "max-age=-1"}, None),
        ({"cache-control": "max-age=soon", "expires": http_date(NOW + timedelta(seconds=30))}, 30),
        ({"expires": http_date(NOW + timedelta(hours=1))}, 3600),
        ({"expires": http_date(NOW - timedelta(hours=1))}, 0),
        # The server's clock is an hour ahead.
        ({"expires": http_date(NOW + timedelta(hours=2)), "date": http_date(NOW + timedelta(hours=1))}, 3600),
        ({"expires": "0"}, None),
        ({"expires": "-1"}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_is_fresh(headers: dict[str, str], seconds: float | None) -> None:
    assert fresh_for(headers, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "text", ["Mon, 02 Mar 2026 09:00:00 GMT", "Monday, 02-Mar-26 09:00:00 GMT", "Mon Mar  2 09:00:00 2026"]
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:
    assert moment(text) == NOW


@given(st.sampled_from([200, 304, 429, 503]), HEADERS)
def test_whatever_headers_say_the_wait_is_bounded(status: int, headers: dict[str, str]) -> None:
    found = wait_until(status, headers, NOW)
    assert found is None or NOW < found <= NOW + LONGEST_WAIT
    fresh = fresh_for(headers, NOW)
    assert fresh is None or fresh >= timedelta(0)


@given(st.text(max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = moment(text)
    assert found is None or (isinstance(found, datetime) and found.tzinfo is UTC)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://me:secret@a.example:8080/feed?token=secret#x", "https://a.example:8080/feed"),
        ("http://[::1]:80/feed", "http://[::1]:80/feed"),
        ("http://[", "an address that cannot be read"),
    ],
)
def test_what_may_be_secret_is_not_shown(address: str, words: str) -> None:
    assert shown(address) == words
