"""Links lose what does not belong to them, and only addresses of the web are links."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import links


def addresses(text: str) -> list[str]:
    return [link.url for link in links.in_text(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in the future at: https://github.com/microsoft/CoLM.", ["https://github.com/microsoft/CoLM"]),
        (
            "at https://github.com/ashikiut/DefAn{https://github.com/ashikiut/DefAn}.",
            ["https://github.com/ashikiut/DefAn"],
        ),
        (r"at \url{https://github.com/wenlinyao/HDFlow.}.", ["https://github.com/wenlinyao/HDFlow"]),
        ("at url{https://github.com/tding1/Efficient-LLM-Survey}.", ["https://github.com/tding1/Efficient-LLM-Survey"]),
        ("models (https://osu-nlp-group.github.io/Mind2Web) to", ["https://osu-nlp-group.github.io/Mind2Web"]),
        ("here, https://github.com/jzzzzh/HiBench, to", ["https://github.com/jzzzzh/HiBench"]),
        ("at https://github.com/RUCAIBox/JiuZhang3.0.", ["https://github.com/RUCAIBox/JiuZhang3.0"]),
        ("at https://github.com/OpenBMB/MiniCPM .", ["https://github.com/OpenBMB/MiniCPM"]),
        ("vibrant fieldhttps://github.com/a/b.", ["https://github.com/a/b"]),
        ("at https://github.com/a/b.Our code follows", ["https://github.com/a/b"]),
        ("https://a.example/1https://b.example/2", ["https://a.example/1", "https://b.example/2"]),
        (
            "https://web.archive.org/web/2020/https://a.example/",
            ["https://web.archive.org/web/2020/https://a.example/"],
        ),
        ("nvidia/cosmos}{github.com/nvidia/cosmos and", ["https://github.com/nvidia/cosmos"]),
        ("page: anchoralignvla.github.io", ["https://anchoralignvla.github.io"]),
        (
            "at hf.co/P/S-4BA0.6B-Instruct and hf.co/P/S-21BA3B.",
            ["https://hf.co/P/S-4BA0.6B-Instruct", "https://hf.co/P/S-21BA3B"],
        ),
        ("see https://en.wikipedia.org/wiki/Set_(card_game).", ["https://en.wikipedia.org/wiki/Set_(card_game)"]),
        ('"https://a.example/x"; [https://b.example/y]', ["https://a.example/x", "https://b.example/y"]),
        (
            "https://github.com/a/b and https://github.com/A/b/ and https://github.com/a/b.git",
            ["https://github.com/a/b"],
        ),
        ("mail me at a@github.com/x or ftp://x.example or https:// or wikipedia.org", []),
    ],
)
def test_links_of_a_text(text: str, expected: list[str]) -> None:
    assert addresses(text) == expected


def test_no_link_of_the_real_pages_keeps_anything_of_its_sentence(shared: Path) -> None:
    text = "".join(page.read_text() for page in (shared / "seeds").glob("*.txt"))
    found = [url for line in text.split("\n") for url in addresses(line)]
    assert len(found) > 120
    assert [url for url in found if not url[-1].isalnum() and url[-1] != "/"] == []
    assert [url for url in found if url.count("http") != 1 or any(sign in url for sign in "{}()[]\\,;")] == []
    assert len(found) >= text.count("http") - text.count("{http") - 2


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://github.com/a/b", "code"),
        ("https://gitlab.com/a/b", "code"),
        ("https://huggingface.co/datasets/a", "code"),
        ("https://huggingface.co/papers/2101.00001", "paper"),
        ("https://arxiv.org/pdf/2101.00001", "pdf"),
        ("https://a.example/x.PDF", "pdf"),
        ("https://a.github.io/", "project"),
        ("https://notgithub.com/a", "project"),
    ],
)
def test_what_a_link_leads_to(address: str, kind: str) -> None:
    assert links.kind(address) == kind


@pytest.mark.parametrize(
    "address",
    [
        None, 5, "", "a", "javascript:alert(1)", "data:text/html,x", "//a.example", "http://", "https:///x",
        "https://a.example:99999/", "https://[", "https://user:secret@a.example/", 'https://a.example/"onload=',
        "https://a.example/<b>", "https://a example/", "https://a.example/" + "x" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_safe_address(address: object) -> None:
    assert links.safe(address) is None


@pytest.mark.parametrize(
    "address", ["https://a.example", "http://[::1]:80/", "HTTPS://A.example/b?c=d&e#f", "https://é.fr/"]
)
def test_what_is_a_safe_address(address: str) -> None:
    assert links.safe(address) == address


@given(st.text(alphabet="https://github.com/a{}()[].,\\ \n\"'", max_size=200))
def test_what_is_found_is_safe(text: str) -> None:
    for url in addresses(text):
        assert links.safe(url) == url


PIECES = ["https://", "HTTP://", "Www.", "github.com/", "GitLab.com/", "hf.co/", "huggingFace.co/", "a.github.io"]


@given(st.lists(st.sampled_from([*PIECES, "a", "b.c", "/", " ", ".", ",", "("]), max_size=9).map("".join))
def test_links_are_found_wherever_another_stands(text: str) -> None:
    other = "https://other.example/"
    assert addresses(text) == addresses(f"{other} {text}")[1:]


def test_what_a_text_says_is_marked_and_what_a_source_gives_goes_before_it() -> None:
    said = links.in_text("See https://a.example/code and https://b.example/x.")
    assert [link.said for link in said] == [True, True]
    given = links.link("https://www.a.example/code/")
    assert given is not None
    for both in (links.together(said, (given,)), links.together((given,), said), links.union((given,), said)):
        assert [(link.url, link.said) for link in both] == [(given.url, False), ("https://b.example/x", True)]
