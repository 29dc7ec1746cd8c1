"""What may stand in a search of a person's own: a query of arXiv's, or plain words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter import searches
from newsletter.errors import UsageError
from newsletter.feeds import sources
from newsletter.feeds.sources import search
from newsletter.feeds.sources.asking import query_of


@pytest.mark.parametrize(
    "query",
    [
        "cat:cs.CL AND abs:retrieval",
        'ti:"large language models" ANDNOT (au:smith OR au:"del maestro")',
        "au:del_maestro AND (ti:checkerboard OR abs:Pyrochlore)",
        "cat:cs.CL AND submittedDate:[202301010600 TO 202401010600]",
        "all:naïve",
        "(all:a)",
        "cat:hep-th",
        "ti:(graph OR tree)",
    ],
)
def test_queries_of_the_manual_stand_as_they_are(query: str) -> None:
    assert searches.checked(f"  {query}  ") == query
    assert searches.query_at(searches.address(query)) == query
    assert query_of(searches.address(query)) == {"search_query": query}
    assert sources.recognise(searches.address(query)).location == search.address(query) == searches.address(query)
    assert sources.recognise(searches.address(query)).kind == "search"


def test_all_of_plain_words_must_be_there() -> None:
    assert searches.checked("dense  retrieval") == "all:dense AND all:retrieval"
    assert searches.checked("state-of-the-art") == "all:state-of-the-art"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ('ti:"open', "quotation mark that is never closed"),
        ("(ti:a OR ti:b", "bracket that is never closed"),
        ("ti:a)", "bracket that was never opened"),
        ("ti:a OR", "a place where a word should stand"),
        ("AND ti:a", "AND with nothing before it"),
        ("ti:a AND OR ti:b", "OR with nothing before it"),
        ("ti:a ti:b", "'ti' where AND, OR or ANDNOT should stand"),
        ("ti:a b", "'b' where AND, OR or ANDNOT should stand"),
        ("title:a", "title:, and arXiv knows only ti:, au:"),
        ("ti: AND ti:b", "ti: with nothing after it"),
        ("ti:", "ti: with nothing after it"),
        ("submittedDate:[2023 TO", "bracket that has no other"),
        ("()", "a place where a word should stand"),
        ("ti:a; ti:b", "semicolon"),
        ("ti:*", "no word"),
        ("https://arxiv.org/search/?query=a", "an address and no search"),
        ("all:" + "x" * 300, "longer than 300"),
        ("all:\x00", "cannot be printed"),
    ],
)
def test_a_bad_query_gets_one_clear_sentence(query: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        searches.checked(query)
    assert words in caught.value.message
    assert caught.value.message.count("\n") == 0
    assert caught.value.next_step


PIECES = st.sampled_from(
    [
        "AND",
        "OR",
        "ANDNOT",
        "(",
        ")",
        "ti:",
        "au:",
        "cat:",
        "x:",
        '"',
        '"a b"',
        "[1 TO 2]",
        "[",
        "]",
        ":",
        "word",
        "é",
        " ",
    ]
)


@given(st.one_of(st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES, max_size=12).map("".join), st.text()))
@example("a:b")
@example('ti:a"b c"')
def test_what_is_taken_stays_as_it_is_all_the_way_to_the_address(text: str) -> None:
    try:
        query = searches.checked(text)
    except UsageError:
        return
    assert searches.checked(query) == query
    assert searches.query_at(searches.address(query)) == query
    # What an operator reads has brackets and marks in pairs.
    outside = "".join(query.split('"')[::2])
    assert outside.count("(") == outside.count(")")
