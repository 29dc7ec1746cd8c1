"""The catalogue of ready sources is in order, and found by the words that people use."""

import re

import pytest

from newsletter import resources
from newsletter.feeds import sources
from newsletter.feeds.sources import catalogue

FIELDS = catalogue.load((resources.seeds() / "feeds.toml").read_bytes())


def test_every_field_has_a_name_and_sources_that_are_right() -> None:
    names = [field.name for field in FIELDS]
    assert len(names) == len(set(names)) >= 30
    for field in FIELDS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", field.name)
        assert field.title
        assert field.sources
        for source in field.sources:
            found = sources.recognise(source)
            assert found.location.startswith("https://")
            # What is written is what is meant: categories in arXiv's own spelling.
            assert "://" in source or found.location.endswith(f"/{source}")


def test_no_source_stands_in_two_fields() -> None:
    every = [sources.recognise(source).location for field in FIELDS for source in field.sources]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["machine", "learning"], "machine-learning"),
        (["NLP"], "nlp"),
        (["vision"], "computer-vision"),
        (["robots"], "robotics"),
        (["physics"], "physics"),
        (["astro"], "astronomy"),
        (["math"], "mathematics"),
        (["biology"], "biology"),
        (["brain"], "neuroscience"),
        (["clinical"], "medicine"),
        (["chemistry"], "chemistry"),
        (["Bayesian"], "statistics"),
        (["econometrics"], "economics"),
        (["cryptography"], "security"),
        (["human-computer"], "hci"),
        (["cs.CL"], "nlp"),
    ],
)
def test_a_field_is_found_by_its_words(words: list[str], name: str) -> None:
    assert name in [field.name for field in FIELDS if field.has(words)]
