"""What is usual on a weekday, which days have nothing, and what of a first answer is new."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from newsletter.feeds import calendars, parse, seeding
from newsletter.feeds.bands import LEAST_WEEKS, MOST_WEEKS, band, judged
from newsletter.models import Feed, FeedKind, Paper, ParsedFeed

DAY = timedelta(days=1)
WINDOW = timedelta(days=14)
counts = some.lists(some.integers(0, 2000), max_size=12)
moments = some.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001
days = some.dates(date(2020, 1, 1), date(2040, 1, 1))
kinds: some.SearchStrategy[FeedKind] = some.sampled_from(["hub", "arxiv", "web", "search"])


# Bands


@given(counts)
def test_nothing_is_said_before_a_weekday_was_seen_for_weeks(seen: list[int]) -> None:
    assert (band(seen) is None) == (len(seen) < LEAST_WEEKS)


@given(some.lists(some.integers(0, 2000), min_size=LEAST_WEEKS, max_size=12))
def test_what_is_half_of_the_usual_or_more_is_usual(seen: list[int]) -> None:
    usual = band(seen)
    assert usual is not None
    assert 0 <= usual.least <= usual.middle / 2
    assert judged(max(1, round(usual.middle)), usual) == "usual"
    assert judged(max(seen) + 1, usual) == "usual"


@given(some.lists(some.integers(1, 500), min_size=5, max_size=MOST_WEEKS), some.integers(0, 10**6), some.data())
def test_one_wild_week_moves_the_middle_no_further_than_to_a_neighbour(
    seen: list[int], wild: int, data: some.DataObject
) -> None:
    place = data.draw(some.integers(0, len(seen) - 1))
    others = sorted(seen[:place] + seen[place + 1 :])
    changed = band([*seen[:place], wild, *seen[place + 1 :]])
    assert changed is not None
    assert others[0] <= changed.middle <= others[-1]


@given(counts.map(lambda seen: [*seen, 0, 0, 0, 0]))
def test_a_weekday_that_has_nothing_now_and_then_is_no_news_unless_it_was_rare(seen: list[int]) -> None:
    usual = band(seen[-MOST_WEEKS:])
    assert usual is not None
    assert not usual.never_none
    if median(seen[-MOST_WEEKS:]) == 0:
        assert judged(0, usual) == "usual"


@pytest.mark.parametrize(
    ("seen", "count", "found"),
    [
        ([420, 433, 398, 451], 0, "nothing"),
        ([420, 433, 398, 451], 60, "few"),
        ([420, 433, 398, 451], 300, "usual"),
        ([1, 2, 1, 1], 0, "usual"),
        ([1, 2, 1, 1, 1, 3, 1, 1], 0, "nothing"),
        ([49, 31, 34, 9], 0, "nothing"),
        ([49, 31, 34, 9], 12, "usual"),
        ([0, 0, 0, 0], 0, "usual"),
    ],
)
def test_days_are_judged_as_people_would(seen: list[int], count: int, found: str) -> None:
    usual = band(seen)
    assert usual is not None
    assert judged(count, usual) == found


def test_of_the_real_days_of_the_hub_two_are_out_of_the_usual(shared: Path) -> None:
    real = {
        date.fromisoformat(file.stem): len(parse(file.read_bytes(), name=file.name, today=date(2026, 8, 1)).papers)
        for file in sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))
    }
    assert len(real) == 44
    assert {day.weekday() for day in real} == {0, 1, 2, 3, 4}, "no day of a weekend"
    told = {}
    for day, count in real.items():
        usual = band([real[before] for weeks in range(1, 9) if (before := day - weeks * 7 * DAY) in real])
        if usual is not None and judged(count, usual) != "usual":
            told[day.isoformat()] = (count, usual.middle)
    assert told == {"2026-07-14": (12, 35.5), "2026-07-15": (2, 24.5)}


# Calendars


@given(kinds, moments)
def test_each_moment_lies_in_the_day_that_it_is_of(kind: FeedKind, moment: datetime) -> None:
    day = calendars.day_of(kind, moment)
    assert calendars.begins(kind, day) <= moment < calendars.begins(kind, day + DAY)


@given(days)
def test_arxiv_announces_at_eight_in_the_evening_of_the_east_in_summer_and_winter(day: date) -> None:
    begin = calendars.begins("arxiv", day)
    assert begin.astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m-%d %H:%M") == f"{day - DAY} 20:00"
    assert begin.hour in (0, 1)
    assert begin < calendars.settled("arxiv", day) < calendars.begins("arxiv", day + DAY)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-06T00:59", "2026-03-05"),
        ("2026-03-06T01:00", "2026-03-06"),
        # On 8 March 2026 the clocks went forward: the evening begins an hour earlier from then on.
        ("2026-03-08T23:59", "2026-03-08"),
        ("2026-03-09T00:00", "2026-03-09"),
        ("2026-11-01T00:00", "2026-11-01"),
        ("2026-11-02T00:30", "2026-11-01"),
        ("2026-11-02T01:00", "2026-11-02"),
    ],
)
def test_the_day_of_an_announcement_knows_summer_time(moment: str, day: str) -> None:
    assert calendars.day_of("arxiv", datetime.fromisoformat(moment).replace(tzinfo=UTC)).isoformat() == day


@given(days, kinds)
def test_weekends_are_closed_where_sources_rest_and_open_elsewhere(day: date, kind: FeedKind) -> None:
    if day.weekday() >= 5:
        assert bool(calendars.closed(kind, day)) == (kind in ("hub", "arxiv"))
    elif kind not in ("arxiv", "hub"):
        assert calendars.closed(kind, day) == ""
    assert calendars.closed(kind, day, skip_days={day.weekday()})
    assert calendars.closed(kind, day, holidays={day}) == "a holiday of feeds.holidays"
    assert calendars.closed("arxiv", day + DAY, holidays={day}) == "a holiday of feeds.holidays"


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-11-27", "Thanksgiving"),  # a Friday: what Thursday evening would have announced
        ("2027-11-26", "Thanksgiving"),
        ("2024-11-29", "Thanksgiving"),
        ("2025-09-02", "Labor Day"),
        ("2026-01-20", "Martin Luther King Jr. Day"),
        ("2025-06-20", "Juneteenth"),
        ("2025-07-07", "a holiday of arXiv"),  # the Monday after a Friday without work
        ("2026-07-06", "Independence Day"),
        ("2027-07-06", "Independence Day"),  # observed on Monday
        ("2024-12-27", "a holiday of arXiv"),
        ("2026-12-30", "a holiday of arXiv"),
        ("2024-05-23", "a holiday of arXiv"),
        ("2027-12-30", "the end of the year, of which arXiv announces some evenings"),
        ("2026-11-26", ""),
        ("2026-12-24", ""),
        ("2026-05-26", ""),  # Memorial Day is no holiday of arXiv
        ("2026-02-17", ""),
        ("2026-11-24", ""),
    ],
)
def test_holidays_of_arxiv_are_known_and_ordinary_days_are_not_excused(day: str, why: str) -> None:
    assert calendars.closed("arxiv", date.fromisoformat(day)) == why
    if why:
        assert calendars.closed("hub", date.fromisoformat(day)) == ""


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-12-24", "the end of the year"),
        ("2026-12-25", "Christmas"),
        ("2026-12-31", "the end of the year"),
        ("2026-01-01", "New Year's Day"),
        ("2027-01-01", "New Year's Day"),
        ("2026-11-26", "Thanksgiving"),
        ("2026-12-23", ""),
        ("2026-12-28", ""),
        ("2027-01-04", ""),
        ("2026-11-27", ""),
        # France's: the real list of the day was short, and of the day after shorter, which was none.
        ("2026-07-14", ""),
    ],
)
def test_holidays_at_the_hub_are_those_of_the_day_itself(day: str, why: str) -> None:
    assert calendars.closed("hub", date.fromisoformat(day)) == why


@given(some.integers(2000, 2100))
def test_most_days_of_a_year_are_no_holiday_of_the_hub(year: int) -> None:
    found = [date(year, 1, 1) + ahead * DAY for ahead in range(365)]
    excused = [day for day in found if day.weekday() < 5 and calendars.closed("hub", day)]
    assert 5 <= len(excused) <= 10


def test_every_published_evening_is_closed() -> None:
    for evening in calendars.PUBLISHED:
        # What a Friday would have announced comes on Sunday, if at all.
        after = evening + DAY if evening.weekday() != 4 else evening + 3 * DAY
        assert calendars.closed("arxiv", after), evening


@given(some.integers(2000, 2100))
def test_most_days_of_a_year_are_no_holiday(year: int) -> None:
    found = [date(year, 1, 1) + ahead * DAY for ahead in range(365)]
    excused = [day for day in found if day.weekday() < 5 and calendars.closed("arxiv", day)]
    assert 6 <= len(excused) <= 16


# What is new at first


def paper(number: int, day: date | None) -> Paper:
    return Paper(title=f"Work {number}", published_on=day)


def new(found: list[Paper]) -> list[Paper]:
    return [one for one in found if one.first_seen_at is None]


@given(
    some.lists(some.none() | some.dates(date(2025, 1, 1), date(2026, 3, 2)), max_size=200),
    some.integers(1, 60).map(timedelta),
)
def test_what_is_not_new_is_older_than_the_window(dates: list[date | None], window: timedelta) -> None:
    today = date(2026, 3, 2)
    papers = [paper(number, day) for number, day in enumerate(dates)]
    found = seeding.seeded(papers, today, window)
    assert [one.title for one in found] == [one.title for one in papers]
    begin = datetime.combine(today - window, datetime.min.time(), UTC)
    for before, one in zip(papers, found, strict=True):
        if one.first_seen_at is not None:
            assert one.first_seen_at < begin
            if before.published_on is not None and before.published_on < begin.date() - DAY:
                assert one.first_seen_at.date() == before.published_on
        elif before.published_on is not None:
            assert before.published_on >= begin.date() - DAY + DAY
    fresh = [one for one in papers if one.published_on is None or one.published_on > today - window - DAY]
    assert bool(new(found)) == bool(fresh), "the newest of what is not old is new"


def test_of_a_blog_the_latest_post_is_new_and_of_a_journal_a_day() -> None:
    today = date(2026, 3, 2)
    blog = [paper(number, today - number * 3 * DAY) for number in range(200)]
    assert [one.title for one in new(seeding.seeded(blog, today, WINDOW))] == ["Work 0"]
    journal = [paper(number, today - number // 20 * DAY) for number in range(200)]
    assert len(new(seeding.seeded(journal, today, WINDOW))) == 20
    asleep = [paper(number, today - 30 * DAY - number * DAY) for number in range(200)]
    assert new(seeding.seeded(asleep, today, WINDOW)) == []
    undated = [paper(number, None) for number in range(200)]
    assert new(seeding.seeded(undated, today, WINDOW)) == undated[: seeding.UNDATED]
    announced = seeding.seeded(asleep, today, WINDOW, whole_day=True)
    assert announced == asleep


def test_what_arxiv_announces_for_a_day_was_handed_in_until_two_of_the_working_day_before() -> None:
    for day, until in (("2026-11-11", "2026-11-10"), ("2026-11-16", "2026-11-13"), ("2026-11-17", "2026-11-16")):
        moment = calendars.taken_in_until(date.fromisoformat(day)).astimezone(calendars.EASTERN)
        assert f"{moment:%Y-%m-%d %H:%M}" == f"{until} 14:00"


@given(days, some.integers(0, 40))
def test_days_of_announcements_lie_between_two_and_are_open(after: date, ahead: int) -> None:
    before = after + timedelta(days=ahead)
    found = calendars.announced(after, before)
    assert found == sorted(set(found))
    assert all(after < day < before and not calendars.closed("arxiv", day) for day in found)
    assert len(found) + sum(
        bool(calendars.closed("arxiv", after + timedelta(days=each))) for each in range(1, ahead)
    ) == max(ahead - 1, 0)


# Days made up


@given(some.sampled_from([0, 1, 2, 5, 20, 40]), some.integers(0, 23), some.integers(0, 23))
def test_a_day_that_is_over_is_the_day_of_its_papers_whenever_they_come(ago: int, hour: int, other: int) -> None:
    day, parsed = date(2026, 3, 10), ParsedFeed(layout="hub-json", papers=(Paper(title="A"),))
    hub = Feed(id=1, kind="hub", location="https://hub.example/", added_at=NOON)
    read = [
        seeding.dated(parsed, hub, day, datetime(2026, 3, 10, at, tzinfo=UTC) + ago * DAY).papers[0].first_seen_at
        for at in (hour, other)
    ]
    assert read[0] == read[1]
    assert (read[0] is None) == (ago == 0)
    assert read[0] is None or read[0].date() == day


NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "known", "published", "seen"),
    [
        # An announcement that stands there still, and one so old that its document must be wrong.
        ("arxiv", {}, date(2026, 3, 11), date(2026, 3, 11)),
        ("arxiv", {}, date(2026, 3, 12), None),
        ("arxiv", {}, date(2026, 2, 11), None),
        # An entry is late only if the feed was not read since; without that, its date is when it was written.
        ("web", {"last_success_at": NOON - 2 * DAY}, date(2026, 3, 11), date(2026, 3, 11)),
        ("web", {"last_success_at": NOON - timedelta(hours=1)}, date(2026, 3, 11), None),
        ("web", {"last_success_at": NOON - 2 * DAY}, date(2026, 3, 9), None),
        ("web", {"last_success_at": NOON - 2 * DAY}, date(2026, 3, 13), None),
        ("web", {}, date(2026, 3, 11), None),
        ("file", {"last_success_at": NOON - 2 * DAY}, date(2026, 3, 11), None),
        ("search", {"last_success_at": NOON - 2 * DAY}, date(2026, 3, 11), None),
    ],
)
def test_the_day_of_what_came_late_is_that_of_its_source(
    kind: FeedKind, known: dict[str, Any], published: date, seen: date | None
) -> None:
    feed = Feed(id=1, kind=kind, location="https://feed.example/", added_at=NOON, **known)
    parsed = ParsedFeed(layout="atom", published_on=published, papers=(Paper(title="A", published_on=published),))
    first = seeding.dated(parsed, feed, None, NOON).papers[0].first_seen_at
    assert (first and first.date()) == seen
