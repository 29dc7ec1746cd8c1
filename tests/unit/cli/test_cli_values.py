"""What stands on the command line is read as people write it, and refused with a word that helps."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from newsletter import bounds, models
from newsletter.cli import send, values, wishes
from newsletter.errors import NewsletterError, UsageError
from newsletter.models import Subscriber, Topic

PERSON = Subscriber(
    id=1,
    key="k",
    email="ada@example.org",
    language="en",
    timezone="UTC",
    cadence="daily",
    hour=7,
    state=models.Consent.CONFIRMED,
    topics=(Topic(name="reasoning"), Topic(name="game theory", weight=0.5)),
    muted_words=("survey",),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
NOTHING: dict[str, Any] = {
    "topic": (),
    "mute": (),
    "author": (),
    "mute_author": (),
    "cadence": None,
    "hour": None,
    "timezone": None,
    "language": None,
    "add_topic": (),
    "drop_topic": (),
    "clear": (),
}


def read(kind: click.ParamType[Any], value: str) -> Any:
    """Read a value as an option of that type does."""
    return kind.convert(value, None, None)


def edited(address: str | None = None, **asked: Any) -> Subscriber:
    """Return the person after an edit."""
    return wishes.change(address, **{**NOTHING, **asked})(PERSON)


def names(person: Subscriber) -> list[str]:
    """Return what a person asked for."""
    return [topic.name for topic in person.topics]


def test_states_and_cadences_are_those_of_the_models() -> None:
    assert set(values.STATES) == set(send.MEANINGS) == set(models.DeliveryState)
    assert set(values.CONSENTS) == set(models.Consent)
    cadence = TypeAdapter[str](models.Cadence)
    assert [cadence.validate_python(name) for name in values.CADENCES] == list(values.CADENCES)


@pytest.mark.parametrize(
    ("option", "field", "least", "most"),
    [
        (values.HOUR, "hour", *bounds.HOURS),
        (values.PAPERS, "papers", *bounds.PAPERS),
        (values.MINUTES, "minutes", *bounds.MINUTES),
    ],
)
def test_a_number_is_bounded_alike_on_the_command_line_and_in_a_subscriber(
    option: click.IntRange, field: str, least: int, most: int
) -> None:
    for number in (least, most):
        assert read(option, str(number)) == number
        assert getattr(Subscriber(**{**dict(PERSON), field: number}), field) == number
    for number in (least - 1, most + 1):
        with pytest.raises(click.BadParameter):
            read(option, str(number))
        with pytest.raises(ValidationError):
            Subscriber(**{**dict(PERSON), field: number})


def test_the_bars_are_those_of_a_subscriber() -> None:
    assert [Subscriber(**{**dict(PERSON), "bar": read(values.BAR, bar.upper())}).bar for bar in bounds.BARS] == [
        "few",
        "normal",
        "many",
    ]
    with pytest.raises(click.BadParameter):
        read(values.BAR, "most")


def test_a_day_is_a_date() -> None:
    assert read(values.DAY, "2026-11-21") == date(2026, 11, 21)
    for wrong in ("21.11.2026", "tomorrow", "2026-02-30", ""):
        with pytest.raises(click.BadParameter, match="2026-11-21"):
            read(values.DAY, wrong)


def test_a_cadence_is_one_of_those_there_are() -> None:
    assert read(values.CADENCE, "Weekly:Mon") == "weekly:mon"
    with pytest.raises(click.BadParameter, match="daily, weekdays and weekly:mon"):
        read(values.CADENCE, "monthly")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("Berlin", "Europe/Berlin"), ("New York", "America/New_York"), ("Europe/Berln", "Europe/Berlin"), ("?", "like")],
)
def test_a_wrong_time_zone_is_refused_with_the_right_one(value: str, hint: str) -> None:
    with pytest.raises(click.BadParameter, match=hint):
        read(values.ZONE, value)


def test_every_time_zone_is_read_in_any_case() -> None:
    assert {read(values.ZONE, zone.upper()) for zone in available_timezones()} == available_timezones()


@pytest.mark.parametrize(("value", "good"), [("en", True), ("pt-BR", True), ("english", False), ("en\r\nX: y", False)])
def test_a_language_is_a_tag(value: str, good: bool) -> None:
    if good:
        assert read(values.LANGUAGE, value) == value
    else:
        with pytest.raises(click.BadParameter, match="pt-BR"):
            read(values.LANGUAGE, value)


def test_topics_cadences_and_zones_are_completed() -> None:
    context, option = click.Context(click.Command("x")), click.Option(["--x"])
    assert "quantization" in [item.value for item in values.TOPIC.shell_complete(context, option, "quan")]
    assert [item.value for item in values.CADENCE.shell_complete(context, option, "da")] == ["daily"]
    assert [item.value for item in values.ZONE.shell_complete(context, option, "Europe/Berl")] == ["Europe/Berlin"]


@given(st.lists(st.text(min_size=1, max_size=300)))
def test_words_come_out_clean_or_are_refused(given_words: list[str]) -> None:
    if any(not word.strip() or len(" ".join(word.split())) > 200 for word in given_words):
        with pytest.raises(UsageError, match=r"empty|longer than 200"):
            values.words(tuple(given_words), "A muted word")
        return
    cleaned = values.words(tuple(given_words), "A muted word")
    assert len(set(cleaned)) == len(cleaned)
    assert {" ".join(word.split()) for word in given_words} == set(cleaned)


def test_a_file_is_read_as_text_without_its_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "note.md"
    file.write_bytes("\ufeffGood mörning".encode())
    assert values.read(file, "The note", most=100) == "Good mörning"
    with pytest.raises(UsageError, match="The note is larger than 5 bytes"):
        values.read(file, "The note", most=5)
    file.write_bytes("Good mörning".encode("latin-1"))
    with pytest.raises(UsageError, match=r"The note is not UTF-8 text \(byte 7\)"):
        values.read(file, "The note", most=100)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        values.read(tmp_path / "none.md", "The note", most=100)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="cannot be written: No such file"):
        values.write(tmp_path / "none" / "mail.html", b"")


def test_an_edit_changes_only_what_is_named() -> None:
    assert edited(hour=9) == PERSON.model_copy(update={"hour": 9})
    assert edited("ada@example.com").email == "ada@example.com"
    assert edited(mute=("benchmark",)).muted_words == ("benchmark",)
    assert edited(clear=("mute", "topic")) == PERSON.model_copy(update={"muted_words": (), "topics": ()})


def test_topics_are_replaced_added_and_dropped() -> None:
    assert names(edited(topic=("robotics:0.3",))) == ["robotics"]
    assert names(edited(add_topic=("robotics",))) == ["reasoning", "game theory", "robotics"]
    assert names(edited(drop_topic=("Game  Theory",))) == ["reasoning"]
    assert edited(add_topic=("reasoning:-1",)).topics[0] == Topic(name="reasoning", weight=-1)


def test_an_edit_that_names_nothing_or_what_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="Nothing is named"):
        edited()
    with pytest.raises(UsageError, match="They did not ask for chess"):
        edited(drop_topic=("chess",))
