"""What TeX's commands look like in Unicode: tables only."""


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


GREEK = _table("""
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ
    nu ν xi ξ pi π rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω
    Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
""")

LETTERS = _table("ss ß o ø O Ø l ł L Ł aa å AA Å ae æ AE Æ oe œ OE Œ i ı j ȷ")

_OPERATORS = _table("""
    times × cdot · pm ± mp ∓ div ÷ ast * star * circ ° oplus ⊕ otimes ⊗ wedge ∧ setminus ∖
    leq ≤ le ≤ leqslant ≤ geq ≥ ge ≥ geqslant ≥ neq ≠ ne ≠ ll ≪ gg ≫ lesssim ≲ gtrsim ≳
    sim ∼ approx ≈ simeq ≃ equiv ≡ propto ∝ in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ emptyset ∅
    to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ mapsto ↦ uparrow ↑ downarrow ↓
    infty ∞ partial ∂ nabla ∇ sum ∑ prod ∏ int ∫ forall ∀ exists ∃ ell ℓ hbar ℏ top ⊤ perp ⊥ prime ′
    mid | vert | ldots … dots … cdots ⋯ dagger † dag †
    log log exp exp min min max max ln ln arg arg sup sup inf inf Pr Pr
""")

_TEXT = _table("""
    textgreater > textless < textasciitilde ~ textbackslash \\ textmu µ textendash – textemdash — textquotesingle '
    copyright © S § aka a.k.a. eg e.g. ie i.e. etc etc. LaTeX LaTeX TeX TeX checkmark ✓
""") | {"etal": "et al.", "quad": " ", "qquad": " "}

FONT_SWITCHES = ("bf", "it", "tt", "em", "sc", "rm", "cal", "bfseries", "itshape", "noindent")

_NOTHING = dict.fromkeys((*FONT_SWITCHES, "xspace", "left", "right", "big", "Big", "bigl", "bigr"), "")

SYMBOLS = GREEK | LETTERS | _OPERATORS | _TEXT | _NOTHING

# The accents of TeX, by the character or letter after the backslash, as combining marks.
ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "c": "\u0327",
    "v": "\u030c",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "u": "\u0306",
    "d": "\u0323",
}

SUPERSCRIPTS = _table("""
    0 ⁰ 1 ¹ 2 ² 3 ³ 4 ⁴ 5 ⁵ 6 ⁶ 7 ⁷ 8 ⁸ 9 ⁹ + ⁺ - ⁻ − ⁻ n ⁿ i ⁱ k ᵏ d ᵈ m ᵐ p ᵖ t ᵗ T ᵀ
    top ᵀ star * ast * prime ′ circ ° dagger † th th
""")

SUBSCRIPTS = _table("0 ₀ 1 ₁ 2 ₂ 3 ₃ 4 ₄ 5 ₅ 6 ₆ 7 ₇ 8 ₈ 9 ₉")
