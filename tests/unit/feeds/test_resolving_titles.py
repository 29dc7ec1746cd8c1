"""Which finds are the paper that was looked for: titles that look alike, and are one work or are not."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.resolving_titles import alike, match, same_authors
from newsletter.models import Paper

# One title as two sources spell it; that is enough by itself.
SAME = [
    ("Attention Is All You Need", "Attention is all you need"),
    ("Scaling Laws for Neural Language Models", "Scaling laws for neural language models."),
    ("Fine-Tuning Can Distort Pretrained Features", "Fine-tuning can distort pre-trained features"),
    ("Multi-Modal Learning with Missing Views", "Multimodal learning with missing views"),
    ("Low-Rank Adaptation of Large Models", "Low Rank Adaptation of Large Models"),
    ("Modelling the Behaviour of Neural Nets", "Modeling the Behavior of Neural Nets"),
    ("Towards Generalisation in Vision Transformers", "Toward generalization in vision transformers"),
    ("Optimising Colour Constancy for Cameras", "Optimizing color constancy for cameras"),
    ("Analysing Artefacts in Generated Images", "Analyzing artifacts in generated images"),
    ("π_0.5: A Model with Open-World Generalization", "$\\pi_{0.5}$: a Model with Open-World Generalization"),
    ("Learning on the $\\ell_1$ Ball in R^n", "Learning on the ℓ₁ ball in $R^n$"),
    ("Poincaré Embeddings for Learning Hierarchies Well", "Poincar\\'e embeddings for learning hierarchies well"),
    ("Über Models and their Naïve Users", '\\"Uber models and their na\\"ive users'),
    ("What's in a Name of a Benchmark?", "What’s in a name of a benchmark?"),
    ("Retrieval — Augmented — Generation at the Edge", "Retrieval-Augmented-Generation at the edge"),
    ("RAG & Agents: a Study of Failures", "RAG and Agents: A Study of Failures"),
    ("“Not All Tokens” Are What You Need", "``Not all tokens'' are what you need"),
    ("LLaMA 3.1 in the Wild: Lessons Learned", "LLaMA-3.1 in the wild: lessons learned"),
    ("Deep Residual Learning, Once More, for Images", "Deep residual learning once more for images"),
    ("Catalogue of Dialogue Programmes for Robots", "Catalog of dialog programs for robots"),
    ("Labelled Data and Signalling Games in Nets", "Labeled data and signaling games in nets"),
    ("ﬁne ﬂow matching for robots at home", "Fine flow matching for robots at home"),
    ("O(√n) Bounds for Online Learning Games", "$O(\\sqrt{n})$ bounds for online learning games"),
    ("CNN vs. RNN: Who Wins on Text", "CNN vs RNN: who wins on text"),
]

# Works of their own, however near their titles are: nothing but the title is known of them.
OTHERS = [
    ("Deep Learning for Vision, Part I", "Deep Learning for Vision, Part II"),
    ("Mixture of Experts Made Simple I", "Mixture of Experts Made Simple II"),
    ("DeepSeek-V2: A Strong Model for All", "DeepSeek-V3: A Strong Model for All"),
    ("GPT-4 as a Judge of Short Essays", "GPT-4o as a Judge of Short Essays"),
    ("GPT-3.5 as a Judge of Short Essays", "GPT-35 as a Judge of Short Essays"),
    ("Scaling to 7B Parameters on a Budget", "Scaling to 70B Parameters on a Budget"),
    ("Language Models are Few-Shot Learners", "Language Models are Zero-Shot Learners"),
    ("Large Language Models Can Self-Correct Reasoning", "Large Language Models Cannot Self-Correct Reasoning"),
    ("Chain of Thought Is Faithful in Models", "Chain of Thought Is Not Faithful in Models"),
    ("Pre-training Helps Transfer to New Tasks", "Pre-training Hurts Transfer to New Tasks"),
    ("Contrastive Learning for Vision Tasks at Scale", "Contrastive Learning for Language Tasks at Scale"),
    ("A Survey of Supervised Graph Learning", "A Survey of Unsupervised Graph Learning"),
    ("Reply to: Emergent Abilities Are a Mirage", "Emergent Abilities Are a Mirage"),
    ("Comment on Emergent Abilities Are a Mirage", "Emergent Abilities Are a Mirage"),
    ("Emergent Abilities Are a Mirage: A Reply", "Emergent Abilities Are a Mirage"),
    ("Erratum: Emergent Abilities Are a Mirage", "Emergent Abilities Are a Mirage"),
    ("Attention Is All You Need", "Attention Is Not All You Need"),
    ("Attention Is All You Need", "Attention Is All You Need?"),
    ("Attention Is All You Need", "Attention Is All You Need for Speech"),
    ("Attention Is All You Need", "Is Attention All You Need"),
    ("Attention Is All You Need", "Attention Is All We Need"),
    ("A Symmetric Loss for Noisy Labels", "Asymmetric Loss for Noisy Labels"),
    ("UNet: Nested Networks for Medical Images", "UNet++: Nested Networks for Medical Images"),
    ("A Compiler for C in Rust", "A Compiler for C++ in Rust"),
    ("A Compiler for C in Rust", "A Compiler for C# in Rust"),
    ("Learning Q from Few Rollouts at Home", "Learning Q* from Few Rollouts at Home"),
    ("Bounds for n = 1 in Sparse Recovery", "Bounds for n ≠ 1 in Sparse Recovery"),
    ("Bounds for n < k in Sparse Recovery", "Bounds for n > k in Sparse Recovery"),
    ("Charge +1 States in Doped Lattices", "Charge -1 States in Doped Lattices"),
    ("Proceedings of the First Workshop on Agents", "Proceedings of the Second Workshop on Agents"),
    ("Findings of the 2024 Shared Task on Speech", "Findings of the 2025 Shared Task on Speech"),
    ("Model-Free Control of Walking Robots", "Model-Based Control of Walking Robots"),
    ("Offline Reinforcement Learning with Goals", "Online Reinforcement Learning with Goals"),
    ("Text-to-Image Synthesis with Flow Models", "Image-to-Text Synthesis with Flow Models"),
    ("From Words to Worlds with Language Models", "From Worlds to Words with Language Models"),
    ("Segment Anything in Images and Videos", "Segment Anything in Images"),
    ("SAM: Segment Anything in Images and Videos", "SAM 2: Segment Anything in Images and Videos"),
    ("Learning without Forgetting in Vision", "Learning with Forgetting in Vision"),
    ("Toolformer Models Learn to Use Tools", "Toolformer Models Learn to Use Tools: Part II"),
    ("Diffusion Models Beat GANs on Images", "Diffusion Models Beat GANs on Images, Revisited"),
    ("Editorial", "Editorial"),
    ("Introduction", "Introduction"),
    ("BERT", "BERT"),
    ("Deep Learning", "Deep Learning"),
    ("A Survey of Transformers", "A Survey of Transformers"),
    ("Stable Diffusion: Faster Sampling for All", "Stable Diffusion: Better Sampling for All"),
    ("Therapist Models for Online Support Groups", "The Rapist Models for Online Support Groups"),
    ("Direct Preference Optimization of Models", "Indirect Preference Optimization of Models"),
    ("Hierarchical Agents for Web Tasks", "Hierarchical Agent for Web Tasks"),
]

ABSTRACT = (
    "We show that small models trained on carefully chosen data can reach the quality of models ten times their size, "
    "and study which parts of the data matter most when the budget of training is fixed and small for everyone."
)
OTHER_ABSTRACT = (
    "This article reviews twenty years of work on glaciers in the eastern Alps, compares what satellites saw with what "
    "was measured on the ice, and asks what remains to be known before the last of them has gone for good."
)
PEOPLE, OTHER_PEOPLE = ("Ada Lovelace", "Charles Babbage"), ("Grace Hopper", "Alan Turing")
TITLE = "Small Models with Good Data Are Enough"


def fits(one: Paper, other: Paper) -> bool:
    both = match(one, other), match(other, one)
    assert (both[0] is None) == (both[1] is None)
    return both[0] is not None


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_title_are_one(one: str, other: str) -> None:
    assert fits(Paper(title=one), Paper(title=other))


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_titles_that_look_alike_are_of_different_works(one: str, other: str) -> None:
    assert not fits(Paper(title=one), Paper(title=other))


@pytest.mark.parametrize(("one", "other"), [*SAME, *OTHERS])
def test_an_abstract_of_something_else_speaks_against_any_title(one: str, other: str) -> None:
    assert not fits(Paper(title=one, abstract=ABSTRACT), Paper(title=other, abstract=OTHER_ABSTRACT))
    assert not fits(Paper(title=one, authors=PEOPLE), Paper(title=other, authors=OTHER_PEOPLE))


@dataclass(frozen=True)
class Case:
    why: str
    one: Paper
    other: Paper
    is_one: bool


def paper(title: str = TITLE, **known: object) -> Paper:
    return Paper.model_validate({"title": title, **known})


CASES = [
    Case("the same of all", paper(abstract=ABSTRACT, authors=PEOPLE), paper(abstract=ABSTRACT, authors=PEOPLE), True),
    Case("a cut abstract", paper(abstract=ABSTRACT), paper(abstract=ABSTRACT[:150]), True),
    Case("no abstract there", paper(abstract=ABSTRACT), paper(), False),
    Case("no abstract here", paper(), paper(abstract=ABSTRACT), True),
    Case("names there alone", paper(abstract=ABSTRACT), paper(authors=PEOPLE), False),
    Case("the same names", paper(authors=PEOPLE), paper(authors=("A. Lovelace", "Babbage, Charles")), True),
    Case("half of the names", paper(authors=PEOPLE), paper(authors=("Ada Lovelace", "Alan Turing")), False),
    Case(
        "one name of many", paper(authors=PEOPLE), paper(authors=("Ada Lovelace", *map("B{}".format, range(9)))), False
    ),
    Case(
        "names of others, one text",
        paper(abstract=ABSTRACT, authors=PEOPLE),
        paper(abstract=ABSTRACT, authors=OTHER_PEOPLE),
        False,
    ),
    Case("a subtitle, the same text", paper(abstract=ABSTRACT), paper(f"{TITLE}: A Study", abstract=ABSTRACT), True),
    Case("a subtitle, the same names", paper(authors=PEOPLE), paper(f"{TITLE} - A Study", authors=PEOPLE), True),
    Case("a subtitle, nothing else", paper(), paper(f"{TITLE}: A Study"), False),
    Case("a subtitle, other names", paper(authors=PEOPLE), paper(f"{TITLE}: A Study", authors=(*PEOPLE, "A B")), False),
    Case("a part", paper(abstract=ABSTRACT), paper(f"{TITLE}: Part II", abstract=ABSTRACT), False),
    Case("an erratum", paper(authors=PEOPLE), paper(f"{TITLE}: Erratum", authors=PEOPLE), False),
    Case("two subtitles", paper(f"{TITLE}: A Tale", authors=PEOPLE), paper(f"{TITLE}: A Study", authors=PEOPLE), False),
    Case(
        "spaces, the same text",
        paper("Multi modal nets", abstract=ABSTRACT),
        paper("Multimodal nets", abstract=ABSTRACT),
        True,
    ),
    Case("spaces, nothing else", paper("Now here to be found at all"), paper("Nowhere to be found at all"), False),
    Case(
        "another title, the same text",
        paper(abstract=ABSTRACT),
        paper("Good Data Are Enough", abstract=ABSTRACT),
        False,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_what_else_is_known_decides(case: Case) -> None:
    assert (match(case.one, case.other) is not None) is case.is_one


TEXT = st.text(max_size=60) | st.sampled_from([title for pair in (*SAME, *OTHERS) for title in pair])


@given(TEXT, TEXT, st.sampled_from([ABSTRACT, OTHER_ABSTRACT, ""]))
def test_any_two_titles_are_compared_alike_in_both_directions(one: str, other: str, abstract: str) -> None:
    first, second = Paper(title=one or "x", abstract=abstract), Paper(title=other or "x", abstract=abstract)
    forth, back = match(first, second), match(second, first)
    assert forth == back
    if abstract and any(character.isalnum() and character.isascii() for character in one):
        assert match(first, first) is not None


def test_how_alike_is_a_share() -> None:
    assert alike(ABSTRACT, ABSTRACT) == 1
    assert alike(ABSTRACT, OTHER_ABSTRACT) == 0
    assert alike(ABSTRACT, "Too short.") is None
    assert same_authors(PEOPLE, ("Lovelace, A.",)) == 0.5
    assert same_authors(PEOPLE, ()) is None
