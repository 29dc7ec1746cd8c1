"""The words by which an address asks for a failure."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.faults import STEPS, WORDS, Fault, UnknownWordError, Word, asked_by

AT = st.sampled_from(["mail", "rcpt", "data", "body"])


@given(AT, st.integers(400, 599), st.none() | st.tuples(st.integers(0, 999), st.integers(0, 999)), st.booleans())
def test_any_refusal_can_be_asked_for(step: str, code: int, detail: tuple[int, int] | None, in_lines: bool) -> None:
    status = f"{code // 100}.{detail[0]}.{detail[1]}" if detail else ""
    word = f"{'lines-' if in_lines else ''}{step}-{code}{'-' if status else ''}{status}"
    fault = asked_by(f"{word}@example.org")
    assert fault is not None
    assert (fault.way, fault.step, len(fault.answer)) == ("refuse", step, 3 if in_lines else 1)
    for number, line in enumerate(fault.answer, start=1):
        assert line.startswith(f"{code}{' ' if number == len(fault.answer) else '-'}{status}")


@pytest.mark.parametrize("word", WORDS, ids=[word.example for word in WORDS])
def test_every_example_is_a_word_and_a_tag(word: Word) -> None:
    example = word.example
    alone, tagged = asked_by(f"{example}@example.org"), asked_by(f"ada+{example.upper()}@example.org")
    assert alone is not None
    assert alone == tagged


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("mute", Fault("mute", "body")),
        ("mute-rcpt", Fault("mute", "rcpt")),
        ("slow-0.5-data", Fault("late", "data", seconds=0.5)),
        ("close-body", Fault("cut", "body")),
        ("close-reply", Fault("close", "body")),
        ("bounce", Fault("bounce", status="5.1.1")),
        ("bounce-4.2.2", Fault("bounce", status="4.2.2")),
        ("rcpt-421", Fault("refuse", "rcpt", ("421 Come back later",))),
    ],
)
def test_what_a_word_asks_for(word: str, fault: Fault) -> None:
    assert asked_by(f"{word}@example.org") == fault


@pytest.mark.parametrize("local", ["ada", "ada.mute", "mute.ada", "+", "", "zoë", "mailman", "bouncer", "a-b"])
def test_people_are_left_alone(local: str) -> None:
    assert asked_by(f"{local}@example.org") is None


@pytest.mark.parametrize(
    "local",
    ["ada+papers", "close", "close-now", "rcpt", "rcpt-250", "rcpt-550-4.1.1", "slow", "slow-9999", "bounce-2.0.0"],
)
def test_a_word_that_does_not_exist_names_those_that_do(local: str) -> None:
    with pytest.raises(UnknownWordError) as raised:
        asked_by(f"{local}@example.org")
    assert all(word.form in str(raised.value) for word in WORDS)
    assert STEPS in str(raised.value)
    # RFC 5321 section 4.5.3.1.5: a line of an answer has 512 bytes at most.
    assert len(f"550 5.1.3 {raised.value}\r\n") <= 512 - 60 + len(local)


@given(st.text())
def test_no_address_breaks_it(address: str) -> None:
    with contextlib.suppress(UnknownWordError):
        assert asked_by(address) is None or isinstance(asked_by(address), Fault)


def test_the_quickstart_has_them_all() -> None:
    told = (Path(__file__).parents[3] / "docs" / "quickstart.md").read_text("utf-8")
    rows = [f"| `{word.form}` | `{word.example}` | {word.meaning} |" for word in WORDS]
    assert "\n".join(rows) in told
    assert STEPS.rstrip(".") in told
