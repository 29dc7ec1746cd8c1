"""What readers write above a mail that they answer: which of it is a wish, and that nothing else ever is."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.delivery.own_words import unquoted
from newsletter.delivery.replies import NOTHING, Ask, Reply, read
from newsletter.delivery.until import When, day_at, length_at, resolve

MONDAY = date(2026, 3, 2)


def asks(*lines: str, subject: str = "") -> list[tuple[str, int, str]]:
    """Return the wishes of lines without the ends of pauses."""
    return [(ask.verb, ask.number, ask.words) for ask in read(lines, subject).asks]


def more(*numbers: int) -> list[tuple[str, int, str]]:
    return [("more", number, "") for number in numbers]


def less(*numbers: int) -> list[tuple[str, int, str]]:
    return [("less", number, "") for number in numbers]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("+2 -5", more(2) + less(5)),
        ("+2,-5;+ 7", more(2) + less(5) + more(7)),
        ("+2-5", more(2) + less(5)),
        ("＋2 −5 –6 ➕3", more(2) + less(5, 6) + more(3)),
        ("👍🏽2 👎 5", more(2) + less(5)),
        ("more 2, 5 and 7", more(2, 5, 7)),
        ("More like 2; less like #5!", more(2) + less(5)),
        ("mehr wie 2 und weniger wie 5", more(2) + less(5)),
        ("save 3, seen 4", [("saved", 3, ""), ("seen", 4, "")]),
        ("merke 3, gelesen 4", [("saved", 3, ""), ("seen", 4, "")]),
        ("less diffusion", [("less of", 0, "diffusion")]),
        ("More on few-shot learning.", [("more of", 0, "few-shot learning")]),
        ("mehr zu Robotik, weniger Diffusion", [("more of", 0, "Robotik"), ("less of", 0, "Diffusion")]),
        ("less diffusion and +2", [("less of", 0, "diffusion"), *more(2)]),
        ("more GPT-4.5", [("more of", 0, "GPT-4.5")]),
        ("mute Ada J. Smith", [("mute", 0, "Ada J. Smith")]),
        ("mute word hype, unmute author Eve Doe", [("mute", 0, "hype"), ("hear", 0, "Eve Doe")]),
        ("stumm Hype", [("mute", 0, "Hype")]),
        ("pause", [("pause", 0, "")]),
        ("please take a break, thanks!", [("pause", 0, "")]),
        ("resume please", [("resume", 0, "")]),
        ("Pause beenden", [("resume", 0, "")]),
        ("daily", [("cadence", 0, "daily")]),
        ("weekly on Friday", [("cadence", 0, "weekly:fri")]),
        ("wöchentlich am Mittwoch", [("cadence", 0, "weekly:wed")]),
        ("jeden Donnerstag", [("cadence", 0, "weekly:thu")]),
        ("weekly", [("cadence", 0, "weekly")]),
        ("werktags, 5 Artikel", [("cadence", 0, "weekdays"), ("papers", 5, "")]),
        ("at most 5 papers a day", [("papers", 5, "")]),
        ("- 5 papers", [("papers", 5, "")]),
        (
            "+2 -5 less diffusion, pause till Monday",
            [*more(2), *less(5), ("less of", 0, "diffusion"), ("pause", 0, "")],
        ),
        ("Thanks for all of this, more 2.", more(2)),
        ("Hallo, bitte +2", more(2)),
    ],
)
def test_wishes_in_words(line: str, found: list[tuple[str, int, str]]) -> None:
    assert asks(line) == found
    assert read([line]).unknown == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Thank you, this is great!",
        "Vielen Dank für die tolle Auswahl.",
        "Less is more.",
        "More of this, please!",
        "more or less what I hoped for",
        "Mehr davon bitte!",
        "I read 2 papers on my way home",
        "2 papers were great",
        "The pause in your mails was long",
        "Pause for thought",
        "pause until I say so",
        "pause until 12/1",
        "Daily work keeps me from reading",
        "more power to you and the others",
        "1.5 of 2 were good",
        "+49 30 901820",
        "+1-202-555-0100",
        "2026-03-02",
        "10:30",
        "See https://example.org/more 2",
        "more https://evil.example/x",
        "less ada@example.org",
        "unsubscribe",
        "+",
        "- - -",
        "50% more",
    ],
)
def test_prose_is_no_wish(line: str) -> None:
    assert read([line]) == NOTHING
    assert read([], line) == NOTHING


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("+2, frobnicate 5", ("frobnicate 5",)),
        ("I am away, pause till Monday", ("I am away",)),
        ("+2, see www.evil.example/now", ("see …",)),
        ("-3 " + ", wrr" * 9, ("wrr", "wrr", "wrr")),
        ("+1; " + "x" * 90, ("x" * 39 + "…",)),
    ],
)
def test_what_is_not_understood_beside_a_wish_is_told(line: str, unknown: tuple[str, ...]) -> None:
    found = read([line])
    assert len(found.asks) == 1
    assert found.unknown == unknown


def test_free_words_count_only_where_all_before_them_is_known() -> None:
    assert asks("It was a long week, less diffusion") == []
    assert asks("Thanks, less diffusion") == [("less of", 0, "diffusion")]


def test_a_line_of_prose_costs_the_lines_with_wishes_nothing() -> None:
    assert asks("Dear all,", "", "a fine selection today.", "+2", "Best regards", "Ada") == more(2)
    assert read(["+2", "Ada"]).unknown == ()
    assert asks(*["prose"] * 8, "+2") == []


def test_a_subject_counts_where_nothing_else_does_and_names_no_topic() -> None:
    assert asks(subject="+2 -5") == more(2) + less(5)
    assert asks("+1", subject="+2") == more(1)
    for title in ("Less Diffusion", "Mute Swans", "Pause Tokens for Language Models", "More Than 2 Agents"):
        assert asks(subject=title) == []


def test_tags_of_links_are_proof_and_no_words() -> None:
    tag, other = "1f-0123456789abcdef", "2a-0123456789abcdef"
    asked = read([f"more {tag}-2-0123abcd", f"less {tag.upper()}-5-ABCDEF01"])
    marks = ((tag, "2-0123abcd"), (tag, "5-abcdef01"))
    assert asked == Reply((Ask("more", 2), Ask("less", 5)), (), (tag,), marks)
    assert read([f"pause {other} 1 month"]) == Reply((Ask("pause", until=When(days=30)),), (), (other,))
    assert read([], f"resume {other}") == Reply((Ask("resume"),), (), (other,))
    assert read([f"more {tag}-2-0123abcd", f"more {other}-2-0123abcd"]).tags == (tag, other)


@pytest.mark.parametrize("end", ["-2", "-2-", "-2-0123abc", "-2-0123abcde", "-0-0123abcd", "-1000-0123abcd", "-x", "-"])
def test_what_stands_behind_a_tag_and_is_no_mark_names_no_paper(end: str) -> None:
    tag = "1f-0123456789abcdef"
    assert read([f"more {tag}{end}"]) == NOTHING
    asked = read([f"more {tag}{end}, +3"])
    assert (asked.asks, asked.tags, asked.marks) == ((Ask("more", 3),), (tag,), ())


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("Monday", date(2026, 3, 9)),
        ("next Tuesday", date(2026, 3, 3)),
        ("Sonntag", date(2026, 3, 8)),
        ("2026-12-01", date(2026, 12, 1)),
        ("1 December", date(2026, 12, 1)),
        ("the 1st of December", date(2026, 12, 1)),
        ("December 1, 2027", date(2027, 12, 1)),
        ("1. Dezember", date(2026, 12, 1)),
        ("Montag, 30. November", date(2026, 11, 30)),
        ("Monday, 30 November", date(2026, 11, 30)),
        ("1.12.", date(2026, 12, 1)),
        ("1.12.26", date(2026, 12, 1)),
        ("1 March", date(2027, 3, 1)),
        ("2 March", date(2027, 3, 2)),
        ("29 February", date(2028, 2, 29)),
        ("2020-01-01", date(2020, 1, 1)),
        ("tomorrow", date(2026, 3, 3)),
        ("next week", date(2026, 3, 9)),
        ("30 February", None),
        ("2026-02-30", None),
        ("2099-01-01", None),
    ],
)
def test_days_as_people_write_them(words: str, day: date | None) -> None:
    found = day_at(words)
    assert found is not None
    assert found[1] == len(words)
    assert resolve(found[0], MONDAY) == day
    # And within a mail.
    [ask] = read([f"pause until {words}, please"]).asks
    assert ask.until == found[0]
    assert read([f"Pause bis {words}"]).asks == (ask,)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("two weeks", 14), ("a week", 7), ("10 days", 10), ("a fortnight", 14), ("a couple of weeks", 14),
        ("1 month", 30),
        ("zwei Wochen", 14), ("drei Tage", 3), ("einen Monat", 30), ("zwei Monate", 60), ("ein Jahr", 365),
        ("9999 years", 9999 * 365),
    ],
)  # fmt: skip
def test_lengths_as_people_write_them(words: str, days: int) -> None:
    assert length_at(words) == (When(days=days), len(words))
    for line in (f"pause for {words}", f"Pause für {words}", f"pause {words}!"):
        assert read([line]).asks == (Ask("pause", until=When(days=days)),)
    assert (resolve(When(days=days), MONDAY) is None) == (days > 3_650)


words_of_wishes = st.sampled_from(
    """
    +2 -5 + - more less of like mehr weniger mute author pause till until bis for für Monday 1 December
    2026-12-01 two weeks daily weekly papers 5 , ; . and und please danke resume save seen diffusion \u2212 👍
    <a@b.example> http://x.example 1f-0123456789abcdef ſeven ſunday \u212a
    """.split()  # noqa: SIM905 - quotes would hide the words
)


@given(st.lists(st.text(max_size=300) | st.lists(words_of_wishes, max_size=30).map(" ".join), max_size=10), st.text())
@example(["every ſunday", "pause for ſeven weeks", "pause for a wee\u212a"], "")
@example(["ﷺ" * 400], "ﷺ" * 400)
@example(["+" * 400, "+1" * 200, "more " * 80, "pause until " * 40, "," * 400], "(" * 400)
def test_whatever_is_written_it_is_read(lines: list[str], subject: str) -> None:
    found = read(lines, subject)
    assert len(found.asks) <= 40
    assert found.asks or found == NOTHING
    for ask in found.asks:
        assert 0 <= ask.number < 1000
        assert len(ask.words) <= 80
        assert "//" not in ask.words
        assert "@" not in ask.words
        if ask.until is not None:
            resolve(ask.until, MONDAY)
    for piece in found.unknown:
        assert len(piece) <= 40
        assert piece.isprintable()


@given(
    st.lists(
        st.tuples(st.sampled_from(["more", "less"]), st.integers(1, 999)).map(
            lambda one: (f"{'+' if one[0] == 'more' else '-'}{one[1]}", one)
        ),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([" ", ", ", ";", " and ", " und "]),
)
def test_any_row_of_numbers_is_read_as_it_stands(row: list[tuple[str, tuple[str, int]]], between: str) -> None:
    assert asks(between.join(text for text, _ in row)) == [(verb, number, "") for _, (verb, number) in row]


@given(st.text(alphabet=st.sampled_from("> -:\nOnAmwroteschriebFromSent_ "), max_size=400) | st.text(max_size=400))
def test_whatever_is_quoted_lines_come_of_it(text: str) -> None:
    assert not any(line.startswith(">") for line in unquoted(text))
