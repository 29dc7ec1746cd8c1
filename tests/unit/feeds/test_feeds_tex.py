"""TeX and its remains become readable; what only looks like TeX stays."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.feeds import parse
from newsletter.feeds.tex import accents, to_unicode

OWN = Path(__file__).with_name("tex_cases.json")

# What every sentence with TeX or its remains has; all others of the pages must stay.
SIGN = re.compile(r"[\\{}$^_~`]|--|''|&[a-z#0-9]+;")
NAME = re.compile(
    r"\dtimes|\btimes\b|\bsim ?\d|\b[lg]eq?\b|\bpm\b|\bapprox\b|\bsim\b|left\(|eps|\bleq\d|\|rho\||\btau-"
    r"|\b(?:alpha|gamma|delta|lambda|mu|pi|Phi)\b"
    r"|(?:Theta|Omega)\(|mu,|rightarrow|\bneq\b|\(1,lambda\)"
)


def read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def cases(shared: Path) -> list[dict[str, Any]]:
    return read(shared / "bench" / "latex" / "cases.json")


def fold(text: str) -> str:
    return " ".join(text.split())


def pages(shared: Path) -> Iterator[str]:
    """Yield the titles and abstracts of all saved pages and feeds."""
    for path in (*(shared / "seeds").glob("*.txt"), *(shared / "feeds").rglob("*.json")):
        for paper in parse(path.read_bytes(), name=path.name, today=date(2026, 8, 1)).papers:
            yield paper.title
            yield paper.abstract


def test_what_must_be_kept_is_kept(shared: Path) -> None:
    kept = [case["raw"] for case in cases(shared) if case["must_keep"]]
    assert len(kept) == 9
    assert [raw for raw in kept if to_unicode(raw) != raw] == []


def test_all_cases_of_the_measure_are_right(shared: Path) -> None:
    wrong = [case["raw"] for case in cases(shared) if fold(to_unicode(case["raw"])) not in map(fold, case["good"])]
    assert wrong == []


@pytest.mark.parametrize("case", [case for case in read(OWN) if case["from"] != "kept"], ids=lambda case: case["raw"])
def test_what_is_shown(case: dict[str, Any]) -> None:
    assert fold(to_unicode(case["raw"])) in case["good"]


@pytest.mark.parametrize("raw", [case["raw"] for case in read(OWN) if case["from"] == "kept"])
def test_what_only_looks_like_tex_stays(raw: str) -> None:
    assert to_unicode(raw) == raw


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
        ("17.09\\%--29.30\\% of --- say", "17.09%–29.30% of — say"),
        ("including π_0, π_{0.5} and z_{t+1}", "including π₀, π_0.5 and zₜ₊₁"),
        ("a symbol delta in (0, 1), so delta grows by delta.", "a symbol δ ∈ (0, 1), so delta grows by δ."),
    ],
)
def test_how_it_is_shown(raw: str, shown: str) -> None:
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


def test_all_sentences_of_the_pages_without_tex_are_unchanged(shared: Path) -> None:
    changed, seen = [], 0
    for text in pages(shared):
        for sentence in re.split(r"(?<=[.!?])\s+", text):
            if SIGN.search(sentence) or NAME.search(sentence):
                continue
            seen += 1
            if to_unicode(sentence) != sentence:
                changed.append(sentence)
    assert seen > 10_000
    assert changed == []


def test_no_real_page_is_left_with_what_readers_should_not_see(shared: Path) -> None:
    for page in sorted((shared / "seeds").glob("*.txt")):
        shown = to_unicode(page.read_text(encoding="utf-8"))
        assert "\\" not in shown
        assert "''" not in shown
        assert "``" not in shown
        assert "^{" not in shown
        assert "_{" not in shown


def test_what_is_shown_of_the_pages_is_shown_so_again(shared: Path) -> None:
    for text in pages(shared):
        shown = to_unicode(text)
        assert to_unicode(shown) == shown


PIECES = st.sampled_from(
    (
        r"\alpha \frac { } $ ^ _ a b 1 2 \ in times sqrt [ ] ( ) ` ' ~ - -- delta epsilon left right text mathcal bf "
        r"hat \hat \mathbb R n log sim pm http://a.b/ url &amp; &#x2212; | * . , \% \$ \{ \} \_ mid ell ln big \text % "
        r"pass^k {text} the sqrt kgeq http://a.b/{c}/ {Words} pmod bmod sim 2 real "
        r"circ star \cite = Oleft( right) 1{ \begin{a} \[ \] \( \) μ ² ₁ − ≤ " + '\x00 \ufdd0 \ufdd3 "'
    ).split(" ")
    + [" "] * 3
)
TEX_LIKE = st.one_of(
    st.lists(PIECES, max_size=30).map("".join),
    st.text(alphabet=st.sampled_from("ab \\{}$^_~`'\"-.,1()") | st.characters(), max_size=80),
)


@settings(max_examples=400)
@given(TEX_LIKE)
def test_any_text_is_shown_once_and_for_all(text: str) -> None:
    shown = to_unicode(text)
    assert to_unicode(shown) == shown
    accents(text)


@given(TEX_LIKE)
def test_what_is_shown_is_hardly_longer(text: str) -> None:
    assert len(to_unicode(text)) <= 2 * len(text) + 8


@given(TEX_LIKE)
def test_no_control_character_comes_in(text: str) -> None:
    def controls(of: str) -> set[str]:
        return {character for character in of if not character.isprintable() and character != " "}

    assert controls(to_unicode(text)) <= controls(text)


@given(st.text(alphabet="abcdefgh ABC.,;:?!()%", max_size=80))
def test_text_without_signs_of_tex_is_unchanged(text: str) -> None:
    assert to_unicode(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *("\\", "$", "{", "}", "{}", "{{a}", "^{", "_{a", "``", "`a", "\\url{http://a", "\\frac", "\\frac{", "~", "--"),
        *("1{", "a", "a@", "&#x", "sqrt[", "text{", "\\begin{", "lambda"),
        *("{\\bf ", "a b $", "Oleft( ", "\\hat ", "delta in ("),
    ],
)
def test_a_long_text_of_one_sign_ends(piece: str) -> None:
    # Were one of the expressions to go back over what it read, this would take hours.
    assert len(to_unicode(piece * 20_000)) <= 2 * len(piece) * 20_000


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("{", "}"), ("\\frac{", "}"), ("\\sqrt{", "}"), ("x^{", "}"), ("$", "$"), ("\\(", "\\)"), ("(", ")")],
)
def test_a_deep_text_ends(opening: str, closing: str) -> None:
    text = opening * 10_000 + "a" + closing * 10_000
    assert len(to_unicode(text)) <= 2 * len(text)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"$\operatorname*{argmax}_\theta f$ is", "argmax_θ f is"),
        (r"$<$5 ms, $>$90\%, $>$10x, $\lt$5 and $\lt 5$", "<5 ms, >90%, >10x, <5 and <5"),
        (r"See \href{https://github.com/a/b}{our code} for", "See our code (https://github.com/a/b) for"),
        (r"\href{https://x.example/a}{StyleGAN} is", "StyleGAN (https://x.example/a) is"),
        (r"\texorpdfstring{$\alpha$}{alpha}-GAN", "α-GAN"),
        (r"$\text{A}$$\text{B}$ is", "AB is"),
        ("a --- b and a---b", "a — b and a—b"),
        ("an ell_infty-norm, L_infty and H_infty control", "an ℓ_∞-norm, L_∞ and H_∞ control"),
    ],
)
def test_formulae_and_commands_that_an_audit_found(raw: str, shown: str) -> None:
    assert to_unicode(raw) == shown


@pytest.mark.parametrize(
    "clean",
    ["a sigma-delta modulator", "on pi-day we", "a sim 5 system", "```python\nprint(1)\n```", "--- begins a line"],
)
def test_clean_text_that_an_audit_found_stays(clean: str) -> None:
    assert to_unicode(clean) == clean
