"""All limits of the settings are told in words, and the warm-up as the pacer counts it."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.config import DomainRate, Rates, Settings, Smtp
from newsletter.delivery.pace import ALL, Pacer
from newsletter.pipeline.pacing import in_force

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def words(**rates: object) -> dict[str, str]:
    """Return the words by setting."""
    smtp = Smtp(connections=1, messages_per_connection=20)
    settings = Settings(smtp=smtp, rates=Rates(**rates))  # type: ignore[arg-type]
    return {limit.setting: limit.words for limit in in_force(settings, NOW)}


def test_without_rates_the_connections_are_limited_and_who_gets_too_much_is_left_alone() -> None:
    assert words() == {
        "smtp.connections": "1 connection at once",
        "smtp.messages_per_connection": "20 messages on each",
        "rates.back_off": "a rest of 60 to 3,600 seconds for a domain that says it gets too much",
    }


def test_every_limit_that_is_set_is_told() -> None:
    told = words(
        per_second=2.5,
        window_messages=5000,
        window_seconds=3600,
        domain_per_minute=200,
        domain_connections=1,
        domains={"example.org": DomainRate(per_minute=20, connections=2)},
        back_off=30,
    )
    assert told["rates.per_second"] == "2.5 messages a second"
    assert told["rates.window_messages"] == "5,000 messages in any 3,600 seconds"
    assert told["rates.domain_per_minute"] == "200 messages a minute to any one domain"
    assert told["rates.domain_connections"] == "1 message at once to any one domain"
    assert told["rates.domains"] == "20 messages a minute and 2 at once to example.org and what is below it"
    assert told["rates.back_off"].startswith("a rest of 30 to 3,600 seconds")


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (date(2026, 3, 2), "200 messages today, day 1 of the warm-up"),
        (date(2026, 2, 28), "450 messages today, day 3 of the warm-up"),
        (date(2026, 4, 1), "200 messages a day until 2026-04-01, when the warm-up begins"),
        (date(2020, 1, 1), "the warm-up is over"),
    ],
)
def test_the_warm_up_tells_what_today_takes(first: date, told: str) -> None:
    assert words(warm_up_from=first)["rates.warm_up_from"] == told


@pytest.mark.parametrize("days", [0, 1, 3, 7])
def test_the_warm_up_is_told_as_it_is_kept(days: int) -> None:
    first = date(2026, 3, 2)
    rates = Rates(warm_up_from=first, warm_up_first=7)
    day = first + timedelta(days=days)
    pacer = Pacer(rates, now=lambda: 10.0, day=lambda _: (day, 86_400.0), chance=random.Random(1))
    state: dict[str, object] = {}
    passed = 0
    for _ in range(1000):
        if ALL in pacer.wanted:
            pacer.take(ALL, pacer.reserve(ALL, state))
        passed += pacer.admit("example.org") == 0.0
    assert passed == rates.warm_up_on(day)
