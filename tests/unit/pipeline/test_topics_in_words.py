"""A topic is written as NAME or NAME:WEIGHT, and read back as it was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.models import Topic
from newsletter.pipeline.roster import read_topic, written_topics

names = (
    st.text(st.characters(codec="utf-8", exclude_characters=";"), min_size=1, max_size=60)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
topics = st.lists(st.builds(Topic, name=names, weight=st.floats(-1, 1)), max_size=5)


@given(topics)
def test_what_is_written_is_read_back(given_: list[Topic]) -> None:
    written = written_topics(given_)
    assert [read_topic(part) for part in written.split(";") if part] == given_


@pytest.mark.parametrize(
    ("text", "name", "weight"),
    [
        ("agents", "agents", 1.0),
        ("agents:0.5", "agents", 0.5),
        (" game   theory : -1 ", "game theory", -1.0),
        ("mixture: of experts", "mixture: of experts", 1.0),
        ("a:b:0.25", "a:b", 0.25),
        ("q:", "q:", 1.0),
        ("x::1", "x:", 1.0),
    ],
)
def test_the_weight_stands_after_the_last_colon(text: str, name: str, weight: float) -> None:
    assert read_topic(text) == Topic(name=name, weight=weight)


@pytest.mark.parametrize("text", ["", "  ", ":0.5", "agents:2", "agents:-1.5", "agents:nan", "agents:inf", "a;b"])
def test_what_is_no_topic_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        read_topic(text)


def test_a_weight_of_one_is_not_written() -> None:
    assert written_topics([Topic(name="agents"), Topic(name="vision", weight=0.5), Topic(name="a:b")]) == (
        "agents;vision:0.5;a:b:1.0"
    )
