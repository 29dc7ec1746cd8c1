"""A small library of papers over several themes, for the tests of ranking."""

from datetime import UTC, datetime

from newsletter.models import Paper
from newsletter.ranking import Catalogue

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

CATALOGUE = Catalogue.load(
    """
    [[topic]]
    slug = "fine-tuning"
    name = "fine-tuning"
    phrases = ["instruction tuning"]
    parent = ""

    [[topic]]
    slug = "low-rank-adaptation"
    name = "low-rank adaptation"
    words = ["LoRA", "adapter"]
    phrases = ["low-rank update"]
    parent = "fine-tuning"

    [[topic]]
    slug = "video-generation"
    name = "video generation"
    words = ["text-to-video"]
    phrases = ["video diffusion"]
    parent = ""

    [[topic]]
    slug = "protein-structure"
    name = "protein structure"
    words = ["protein", "folding"]
    parent = ""
    """
)

TEXTS = (
    ("LoRA adapters that share a subspace", "We place LoRA adapters in one subspace and save memory of weights."),
    ("Merging adapters without data", "Several LoRA modules become one by low-rank updates, with no data at all."),
    ("Instruction tuning with few examples", "A thousand careful examples suffice for instruction tuning of a model."),
    ("Fine-tuning on a single card", "Memory is what limits fine-tuning; low-rank updates and quantised weights help."),
    ("Video diffusion at one minute", "Long video generation by a diffusion transformer with a rolling memory."),
    ("Text-to-video with camera control", "The camera follows a path in video generation from text."),
    ("Editing faces in video", "Diffusion edits faces and keeps the frames of a video consistent."),
    ("Protein structure from one sequence", "Folding of proteins without alignments by a language model."),
    ("Designing enzymes by diffusion", "Backbones of proteins are generated and their folding is verified."),
    ("Binding sites of proteins", "A graph network finds where a protein binds a ligand."),
    ("Robots that fold laundry", "A policy learns to fold cloth from demonstrations with two arms."),
    ("Walking over rubble", "A quadruped robot walks over rubble after training in simulation."),
    ("Speech recognition for rare languages", "Speech in languages with an hour of recordings is recognised."),
    ("Faster attention on old cards", "Kernels for attention that need less memory traffic."),
    ("A benchmark of theorem provers", "Provers are compared on olympiad problems in Lean."),
    ("Privacy of shared gradients", "Gradients tell more of the data than was thought."),
)

PAPERS = tuple(
    Paper(
        id=100 + number,
        title=title,
        abstract=abstract,
        authors=(f"Ada Author{number}", "Zoë Müller" if number % 5 == 0 else "Bo Li"),
        first_seen_at=NOON,
    )
    for number, (title, abstract) in enumerate(TEXTS)
)


def titles(chosen: list[tuple[int, float]]) -> list[str]:
    """Return the titles of what `top` chose among PAPERS, in order."""
    return [PAPERS[place].title for place, _ in chosen]
