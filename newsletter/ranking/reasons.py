"""The words of a paper that show why it was chosen, as they stand in it; knows no scores."""

import re
from collections.abc import Callable, Iterable, Sequence

from newsletter.models import Paper
from newsletter.ranking.names import any_same, author_key
from newsletter.ranking.profile import Profile
from newsletter.ranking.text import STOP, Token, tokens

MOST_WORDS = 3
# What may stand between the words of an expression: where a sentence or a bracket ends, so does the expression.
JOINED = re.compile(r"[\s'’/&+_\u00ad\u2010-\u2015-]*|\.")


def followed(profile: Profile, paper: Paper) -> str:
    """Return the first author of a paper whom a person follows, as the paper writes them, or an empty string."""
    wanted = {key for key, _ in profile.authors}
    if not wanted:
        return ""
    return next((name for name in paper.authors if any_same(author_key(name), wanted)), "")


def telling_words(
    texts: Sequence[str], expressions: Iterable[tuple[str, ...]], weight: Callable[[str], float]
) -> tuple[str, ...]:
    """Return up to `MOST_WORDS` pieces of texts that show what was asked for.

    `expressions` are in the order in which they are to be named. If some stand there whole, it is these; else single
    words of them that have a `weight`; else whatever terms have one, the heaviest first; else none, for a word that
    stands everywhere shows nothing. No piece is named twice, or within one named before.
    """
    read = [(text, tokens(text)) for text in texts]
    asked = tuple(expressions)
    if whole := _pieces(read, asked):
        return whole
    alone = dict.fromkeys((word,) for expression in asked for word in expression if word not in STOP)
    by_weight = _weighted(read, weight)
    partly = [term for term in by_weight if term in alone or all((word,) in alone for word in term)]
    return _pieces(read, partly) or _pieces(read, by_weight)


def _weighted(read: Sequence[tuple[str, list[Token]]], weight: Callable[[str], float]) -> list[tuple[str, ...]]:
    """Return the terms of texts that have a weight, heaviest first, pairs before their words."""
    found: dict[tuple[str, ...], float] = {}
    for _, sequence in read:
        before = ""
        for word, _, _ in sequence:
            for term in ((before, word), (word,)) if before else ((word,),):
                if term not in found and word not in STOP and (value := weight(" ".join(term))) > 0:
                    found[term] = value
            before = "" if word in STOP else word
    return sorted(found, key=lambda term: (-found[term], term))


def _pieces(read: Sequence[tuple[str, list[Token]]], asked: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first place of each of the word sequences asked for, as it is written there."""
    pieces: list[str] = []
    shown: list[str] = []
    known = {token.word for _, sequence in read for token in sequence}
    for expression in asked:
        key = f" {' '.join(expression)} "
        if not known.issuperset(expression) or any(key in other for other in shown):
            continue
        piece = next((found for text, sequence in read if (found := _find(text, sequence, expression))), "")
        if piece:
            pieces.append(piece)
            shown.append(key)
            if len(pieces) == MOST_WORDS:
                break
    return tuple(pieces)


def _find(text: str, sequence: list[Token], expression: tuple[str, ...]) -> str:
    size = len(expression)
    for at in range(len(sequence) - size + 1):
        if sequence[at].word == expression[0] and all(
            sequence[at + step].word == expression[step] and _joined(text, sequence[at + step - 1], sequence[at + step])
            for step in range(1, size)
        ):
            return text[sequence[at].start : sequence[at + size - 1].end]
    return ""


def _joined(text: str, one: Token, other: Token) -> bool:
    """Tell whether two words that follow each other may belong together; those of unspaced scripts overlap."""
    return one.end > other.start or JOINED.fullmatch(text, one.end, other.start) is not None
