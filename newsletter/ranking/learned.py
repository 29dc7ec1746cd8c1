"""All that is learnt from an archive of papers and everybody's likes, once for all readers; knows no single person."""

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.models import Paper
from newsletter.ranking.catalogue import Catalogue
from newsletter.ranking.company import Company
from newsletter.ranking.index import Index
from newsletter.ranking.latent import Latent
from newsletter.ranking.letters import Letters
from newsletter.ranking.meaning import Meaning
from newsletter.ranking.taste import Taste
from newsletter.ranking.telling import Telling
from newsletter.ranking.topics import Topics
from newsletter.ranking.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Learned:
    """The views of papers that are added up: their terms, pieces of words, subjects, readers, meaning; and topics."""

    index: Index
    letters: Letters
    latent: Latent
    taste: Taste
    company: Company
    meaning: Meaning
    topics: Topics
    telling: Telling


def learn(
    archive: Sequence[Paper], likes: Sequence[Sequence[Paper]], vectors: Vectors, catalogue: Catalogue
) -> Learned:
    """Return what an archive teaches, with the likes of all readers and the vectors of a model, if there are any."""
    index = Index(archive)
    latent = Latent(index)
    meaning = Meaning(index, archive, vectors)
    return Learned(
        index,
        Letters(index),
        latent,
        Taste(index, likes),
        # It is by their meaning that new papers come near any.
        Company(index, likes if meaning.known else ()),
        meaning,
        Topics(index, catalogue),
        Telling(index, latent),
    )
