"""BibTeX and RIS: readers of others read of every paper what was written."""

import re
from datetime import date

import rispy
from hypothesis import given
from hypothesis import strategies as st
from pybtex.database import parse_string

from newsletter.models import Paper
from newsletter.rendering.citing import written
from newsletter.rendering.prose import clean

NAMES = {"textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}", "textasciitilde": "~"} | {
    "textasciicircum": "^"
}
SIGNS = "\\{}$%&#_~^@\"',=\n\r\t\u2028\x85\x0b\x1dER  -"
TEXT = st.text(st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs"])), max_size=60)
PAPERS = st.builds(
    Paper,
    id=st.integers(1, 10**9),
    title=TEXT,
    abstract=TEXT,
    authors=st.lists(TEXT, max_size=4).map(tuple),
    keywords=st.lists(TEXT, max_size=3).map(tuple),
    doi=st.none() | TEXT,
    arxiv_id=st.none() | st.just("2603.00001"),
    url=st.none() | TEXT.map("https://example.org/{}".format),
    published_on=st.none() | st.dates(date(1000, 1, 1)),
)


def unescaped(value: str) -> str:
    """Return what TeX would set: escapes and names of signs undone, braces dropped."""
    return re.sub(
        r"\{\\(text[a-z]+)\}|\\([#$%&_])|[{}]",
        lambda found: NAMES[found[1]] if found[1] else found[2] or "",
        value,
    )


def bibtex(*papers: Paper) -> str:
    return "".join(written(papers, "bib", str, set()))


def ris(*papers: Paper) -> str:
    return "".join(written(papers, "ris", str, set()))


@given(st.lists(PAPERS, max_size=4))
def test_another_reads_of_bibtex_what_was_written(papers: list[Paper]) -> None:
    entries = list(parse_string(bibtex(*papers), "bibtex").entries.values())
    assert len(entries) == len(papers)
    for entry, paper in zip(entries, papers, strict=True):
        assert unescaped(entry.fields.get("title", "")) == clean(paper.title)
        assert unescaped(entry.fields.get("abstract", "")) == clean(paper.abstract)
        assert len(entry.persons.get("author", ())) == sum(1 for name in paper.authors if clean(name))
        assert entry.fields.get("year") == (str(paper.published_on.year) if paper.published_on else None)
        assert entry.fields.get("eprint") == paper.arxiv_id
        assert set(entry.fields) <= {
            "title", "author", "year", "month", "doi", "eprint", "archiveprefix", "url", "keywords", "abstract",
        }  # fmt: skip


@given(st.lists(PAPERS, max_size=4))
def test_another_reads_of_ris_what_was_written(papers: list[Paper]) -> None:
    text = ris(*papers)
    entries = rispy.loads(text)
    assert len(entries) == len(papers)
    for entry, paper in zip(entries, papers, strict=True):
        assert entry.get("title", "") == clean(paper.title)
        assert entry.get("abstract", "") == clean(paper.abstract)
        assert len(entry.get("authors", ())) == sum(1 for name in paper.authors if clean(name).strip(", "))
        assert entry.get("accession_number") == (f"arXiv:{paper.arxiv_id}" if paper.arxiv_id else None)
        assert entry["type_of_reference"] == ("UNPB" if paper.arxiv_id else "GEN")
    # Each line is a tag and a value, whatever stood in the paper.
    for line in text.split("\r\n"):
        assert re.fullmatch(r"([A-Z][A-Z0-9]  - [^\r\n]*)?", line)


ATTENTION = Paper(
    id=7,
    title="Attention Is 100% of $O(n^2)$ {All} You_Need",
    abstract="A & B.",
    arxiv_id="1706.03762",
    doi="10.1002/(SICI)1097<1::AID>3.0.CO;2-X",
    url="https://arxiv.org/abs/1706.03762",
    authors=("Ashish Vaswani", "Ludwig van Beethoven", "Sammy Davis Jr.", "The LIGO Collaboration", "Curie, Marie"),
    keywords=("attention", "R&D"),
    published_on=date(2017, 6, 12),
)


def test_a_paper_in_bibtex() -> None:
    assert bibtex(ATTENTION) == (
        "@misc{vaswani2017attention,\n"
        "  title = {{Attention Is 100\\% of \\$O(n{\\textasciicircum}2)\\$ "
        "{\\textbraceleft}All{\\textbraceright} You\\_Need}},\n"
        "  author = {Ashish Vaswani and Ludwig van Beethoven and Sammy Davis Jr. and {The LIGO Collaboration} "
        "and Curie, Marie},\n"
        "  year = {2017},\n"
        "  month = jun,\n"
        "  doi = {10.1002/(SICI)1097<1::AID>3.0.CO;2-X},\n"
        "  eprint = {1706.03762},\n"
        "  archiveprefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/1706.03762},\n"
        "  keywords = {attention, R\\&D},\n"
        "  abstract = {A \\& B.},\n"
        "}\n\n"
    )


def test_a_paper_in_ris() -> None:
    assert ris(ATTENTION).split("\r\n") == [
        "TY  - UNPB",
        "TI  - Attention Is 100% of $O(n^2)$ {All} You_Need",
        "AU  - Vaswani, Ashish",
        "AU  - van Beethoven, Ludwig",
        "AU  - Davis, Sammy, Jr.",
        "AU  - The LIGO Collaboration",
        "AU  - Curie, Marie",
        "PY  - 2017",
        "DA  - 2017/06/12/",
        "AB  - A & B.",
        "KW  - attention",
        "KW  - R&D",
        "DO  - 10.1002/(SICI)1097<1::AID>3.0.CO;2-X",
        "PB  - arXiv",
        "AN  - arXiv:1706.03762",
        "UR  - https://arxiv.org/abs/1706.03762",
        "ER  - ",
        "",
        "",
    ]


def test_keys_are_unlike_in_one_file_however_alike_papers_are() -> None:
    twin, foreign = ATTENTION.model_copy(update={"id": 8}), Paper(id=9, title="的", authors=("王",))
    entries = parse_string(bibtex(ATTENTION, twin, foreign, Paper(title="!")), "bibtex").entries
    assert list(entries) == ["vaswani2017attention", "vaswani2017attention-8", "paper9", "paper"]


def test_names_that_would_be_two_or_a_command_are_one() -> None:
    names = ("Jones and Partners", "others", "A, B, C, D", "and", ",", "Ö. {Ä}", "")
    (entry,) = parse_string(bibtex(Paper(title="x", authors=names)), "bibtex").entries.values()
    assert [unescaped(str(person)) for person in entry.persons["author"]] == [
        "Jones and Partners", "others", "A, B, C, D", "and", ",", "{Ä}, Ö.",
    ]  # fmt: skip
