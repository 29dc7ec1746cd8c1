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

# Relations and operations, which stand apart from what they join.
INFIX = _table("""
    times × cdot · pm ± mp ∓ div ÷ circ ∘ oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ wedge ∧ vee ∨ land ∧ lor ∨ setminus ∖
    bullet •
    leq ≤ le ≤ leqslant ≤ leqq ≤ geq ≥ ge ≥ geqslant ≥ geqq ≥ neq ≠ ne ≠ ll ≪ gg ≫ lesssim ≲ gtrsim ≳ prec ≺ succ ≻
    preceq ⪯ succeq ⪰
    sim ∼ approx ≈ simeq ≃ cong ≅ equiv ≡ propto ∝ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊
    cup ∪ cap ∩ sqcup ⊔ uplus ⊎ to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐
    Leftrightarrow ⇔
    implies ⇒ iff ⇔ mapsto ↦ longrightarrow → longleftarrow ← longmapsto ↦ hookrightarrow ↪ twoheadrightarrow ↠
    rightsquigarrow ⇝
    mid | parallel ∥ perp ⊥ vdash ⊢ models ⊨ triangleq ≜ coloneqq := colon : bowtie ⋈ star * ast *
""")

_PLAIN = _table("""
    infty ∞ partial ∂ nabla ∇ sum ∑ prod ∏ int ∫ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ forall ∀ exists ∃
    ell ℓ hbar ℏ Re ℜ Im ℑ aleph ℵ imath ı jmath ȷ top ⊤ bot ⊥ prime ′ emptyset ∅ varnothing ∅ neg ¬ lnot ¬ angle ∠
    uparrow ↑ downarrow ↓ updownarrow ↕ nearrow ↗ searrow ↘ vert | Vert ‖ lvert | rvert | lVert ‖ rVert ‖ lbrack [
    rbrack ]
    langle ⟨ rangle ⟩ lceil ⌈ rceil ⌉ lfloor ⌊ rfloor ⌋ lbrace { rbrace } backslash \\
    ldots … dots … dotsc … dotsb … cdots ⋯ vdots ⋮ ddots ⋱ dagger † dag † ddagger ‡ degree ° square □ Box □ triangle △
    blacksquare ■ diamond ⋄ lozenge ◊ clubsuit ♣ heartsuit ♥ sharp ♯ flat ♭ natural ♮ because ∵ therefore ∴ surd √ wp ℘
""")

FUNCTIONS = frozenset(
    [
        "log",
        "ln",
        "lg",
        "exp",
        "min",
        "max",
        "arg",
        "argmin",
        "argmax",
        "sup",
        "inf",
        "lim",
        "limsup",
        "liminf",
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "det",
        "dim",
        "ker",
        "deg",
        "gcd",
        "hom",
        "Pr",
        "poly",
        "polylog",
        "mod",
        "bmod",
        "sgn",
        "sign",
        "softmax",
        "tr",
        "diag",
        "rank",
    ]
)

_TEXT = _table("""
    textgreater > textless < textasciitilde ~ textasciicircum ^ textbackslash \\ textmu µ textendash – textemdash —
    textquotesingle ' textquoteleft ‘ textquoteright ’ textquotedblleft “ textquotedblright ” textdegree ° textbar |
    textunderscore _ textregistered ® texttrademark ™ textellipsis … textbullet • textdollar $ textpm ± texttimes ×
    copyright © pounds £ euro € S § P ¶ aka a.k.a. eg e.g. ie i.e. etc etc. LaTeX LaTeX TeX TeX BibTeX BibTeX
    checkmark ✓ bmod mod
    cmark ✓ xmark ✗ item •
""") | {"etal": "et al.", "wrt": "w.r.t.", "quad": " ", "qquad": " ", "newline": " ", "nobreakdash": "", "par": " "}

FONT_SWITCHES = frozenset(
    [
        "bf",
        "it",
        "tt",
        "em",
        "sc",
        "rm",
        "sf",
        "sl",
        "cal",
        "bfseries",
        "itshape",
        "ttfamily",
        "scshape",
        "rmfamily",
        "noindent",
    ]
)

_NOTHING = dict.fromkeys(
    [
        "xspace",
        "left",
        "right",
        "middle",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "bigm",
        "displaystyle",
        "textstyle",
        "limits",
        "nolimits",
        "protect",
        "nonumber",
        "hfill",
        "centering",
        "small",
        "footnotesize",
        "large",
        "Large",
        "normalsize",
        "boldmath",
        "allowbreak",
    ],
    "",
)

# What may follow each other without a backslash and still be meant as one of these.
SYMBOLS = GREEK | LETTERS | INFIX | _PLAIN | _TEXT | _NOTHING | dict.fromkeys(FONT_SWITCHES, "")

# Commands whose argument is shown as it is.
FONTS = frozenset(
    [
        "mathcal",
        "mathbf",
        "mathrm",
        "mathsf",
        "mathit",
        "mathtt",
        "mathfrak",
        "mathscr",
        "mathnormal",
        "mathop",
        "mathbin",
        "mathrel",
        "boldsymbol",
        "bm",
        "pmb",
        "operatorname",
        "text",
        "textbf",
        "textit",
        "textsc",
        "texttt",
        "textrm",
        "textsf",
        "textsl",
        "textup",
        "textnormal",
        "textmd",
        "emph",
        "underline",
        "uline",
        "mbox",
        "hbox",
        "fbox",
        "ensuremath",
        "scr",
        "cal",
        "bold",
        "phantom",
        "smash",
        "lowercase",
        "uppercase",
        "overset",
        "underset",
    ]
)
DOUBLE_STRUCK = dict(zip("ACDEHINPQRSTZ1", "𝔸ℂ𝔻𝔼ℍ𝕀ℕℙℚℝ𝕊𝕋ℤ𝟙", strict=True))

# The accents of mathematics, over one letter.
MARKS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0304",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
    "check": "\u030c",
    "breve": "\u0306",
    "mathring": "\u030a",
}

# The accents of text, by the character or letter after the backslash, as combining marks.
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
    "b": "\u0331",
}

SUPERSCRIPTS = dict(
    zip("0123456789+-−=abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ", strict=True)
)
SUPERSCRIPT_WORDS = {
    "top": "ᵀ",
    "⊤": "ᵀ",
    "star": "*",
    "⋆": "*",
    "ast": "*",
    "∗": "*",
    "*": "*",
    "prime": "′",
    "′": "′",
    "′′": "″",
    "circ": "°",
    "∘": "°",
    "°": "°",
    "dagger": "†",
    "†": "†",
    "th": "th",
    "st": "st",
    "nd": "nd",
    "rd": "rd",
}
SUBSCRIPTS = dict(zip("0123456789+-−=aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
