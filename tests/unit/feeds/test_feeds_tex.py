"""TeX and its remains become readable; what only looks like TeX stays."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.tex import accents, to_unicode


def cases(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "bench" / "latex" / "cases.json").read_text(encoding="utf-8"))
    return found


def fold(text: str) -> str:
    return " ".join(text.split())


def test_what_must_be_kept_is_kept(shared: Path) -> None:
    kept = [case["raw"] for case in cases(shared) if case["must_keep"]]
    assert len(kept) == 9
    assert [raw for raw in kept if to_unicode(raw) != raw] == []


def test_all_cases_of_the_measure_are_right(shared: Path) -> None:
    wrong = [case["raw"] for case in cases(shared) if fold(to_unicode(case["raw"])) not in map(fold, case["good"])]
    assert wrong == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"2.0\% of \$0.88, R\&D, a\_b, \#1", "2.0% of $0.88, R&D, a_b, #1"),
        (
            r"na\"ive T\"ulu Andr\'e Fran\c{c}ois {\o}re Stra{\ss}e \'{\i} \v{s} \~n",
            "naïve Tülu André François øre Straße í š ñ",
        ),
        ("``real'' models", "“real” models"),
        (r"$\alpha$ and $n$ of $O(n^2)$", "α and n of O(n²)"),
        (r"$10^{-3}$, $1.13\times$ faster, $\sim$5", "10⁻³, 1.13× faster, ∼5"),
        (r"$\frac{1}{2}$, $\frac{a+b}{2}$, $\sqrt{n}$", "1/2, (a+b)/2, √n"),
        (r"\(9.6\times\) fewer", "9.6× fewer"),
        (r"\textbf{bold} and \emph{this} {\it and} that", "bold and this and that"),
        (r"our \ReSocratic method, \eg this", "our ReSocratic method, e.g. this"),
        (r"as shown~\cite{a,b}", "as shown"),
        ("17.09\\%--29.30\\% of --- say", "17.09%–29.30% of—say"),
        ("including π_0, π_{0.5} and z_{t+1}", "including π₀, π_0.5 and z_(t+1)"),
    ],
)
def test_what_is_shown(raw: str, shown: str) -> None:
    assert to_unicode(raw) == shown


@pytest.mark.parametrize(
    "clean",
    [
        "It costs $5 to $10 per task, between $10 and $20 a day; US$100 and A$200 in total.",
        "We pay $42, and later $50, for 10~20% more: a ~ b.",
        r"C:\Users\alpha and \n stay.",
        "Call snake_case_1 and x_y with --verbose, `code` and {a: 1}.",
        "p < 0.05 and q > 2, three times a day, 3 times a week, 2 times fewer.",
        "The alpha version of beta-VAE, delta tuning, gamma rays, an omega-3 diet, Phi-3 and phi-1.5, AWS Lambda.",
        "sim2real and sim-to-real at 5 pm; le Monde, in the end, to and fro, and ge or ll.",
        "R&D by O'Reilly & Co., A* search, C++, C#, QuIP#, [CLS], 100%.",
        "See https://a.example/~user/x_1?y=$1&z=2^3--4 for it.",
        "Größe, naïve, 注意力, Ψ-Bench, μ-law, “quoted” – and so on…",
    ],
)
def test_clean_sentences_are_unchanged(clean: str) -> None:
    assert to_unicode(clean) == clean


def test_no_real_page_is_left_with_what_readers_should_not_see(shared: Path) -> None:
    for page in sorted((shared / "seeds").glob("*.txt")):
        shown = to_unicode(page.read_text(encoding="utf-8"))
        assert "\\" not in shown
        assert "''" not in shown
        assert "``" not in shown


@given(st.text(alphabet=st.sampled_from("ab \\{}$^_~`'\"-.,1()") | st.characters(), max_size=80))
def test_nothing_raises(text: str) -> None:
    to_unicode(text)
    accents(text)


@given(st.text(alphabet="abcdefgh ABC.,;:?!()%", max_size=80))
def test_text_without_signs_of_tex_is_unchanged(text: str) -> None:
    assert to_unicode(text) == text


@pytest.mark.parametrize(
    "piece", ["\\", "$", "{", "^{", "_{a", "``", "\\url{http://a", "{\\bf ", "\\frac{", "a b $", "~", "--"]
)
def test_a_long_text_of_one_sign_ends(piece: str) -> None:
    assert to_unicode(piece * 20_000) is not None
