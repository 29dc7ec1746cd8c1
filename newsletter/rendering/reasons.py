"""Why papers are in an issue, as sentences in the reader's language; the choosing itself is the ranking's."""

from collections.abc import Callable

from newsletter.models import Reason, Told
from newsletter.rendering.bidi import listed, said
from newsletter.rendering.language import resolve
from newsletter.rendering.prose import clean, cut

WORDS = 4
LONGEST_SUBJECT = 90


def reason_sentence(reason: Reason, language: str) -> str:
    """Return the reason as a sentence without a full stop, for readers of a language such as `en`."""
    known = resolve(language)
    subject = cut(clean(reason.subject), LONGEST_SUBJECT)
    # "Matches quantization: Quantization, GPTQ" would say one thing twice.
    telling = [word for word in map(clean, reason.words[:WORDS]) if word and word.casefold() != subject.casefold()]
    words = listed((cut(word, LONGEST_SUBJECT) for word in telling), known.direction)
    sentence = _sentence(reason.kind, known.gettext, subject=bool(subject), words=bool(words))
    return said(sentence, {"subject": subject, "words": words}, known.direction)


def _sentence(kind: str, gettext: Callable[[str], str], *, subject: bool, words: bool) -> str:
    if kind == "search":
        return gettext("Found by your search: %(subject)s")
    if kind == "outside":
        return gettext("From outside your topics")
    if kind == "new":
        return gettext("New in these days")
    if kind == "popular" or not (subject or words):
        return gettext("Popular right now")
    if not subject:
        return gettext("Matches what you asked for: %(words)s")
    if kind == "author":
        return gettext("By %(subject)s, whom you follow")
    if kind == "like":
        if words:
            return gettext("Close to “%(subject)s”, which you liked: %(words)s")
        return gettext("Close to “%(subject)s”, which you liked")
    if words:
        return gettext("Matches %(subject)s: %(words)s")
    return gettext("Matches %(subject)s")


def told_sentence(told: Told, language: str) -> str:
    """Return what came of feedback as a sentence, for readers of a language such as `en`."""
    words = resolve(language)
    values = {"title": cut(clean(told.title), LONGEST_SUBJECT), "count": words.number(told.papers)}
    ngettext = words.ngettext
    if told.verdict == "more" and not told.others:
        sentence = ngettext(
            "%(count)s paper is here because you liked “%(title)s”.",
            "%(count)s papers are here because you liked “%(title)s”.",
            told.papers,
        )
    elif told.verdict == "more":
        sentence = ngettext(
            "%(count)s paper is here because of what you liked lately, such as “%(title)s”.",
            "%(count)s papers are here because of what you liked lately, such as “%(title)s”.",
            told.papers,
        )
    elif not told.others:
        sentence = ngettext(
            "%(count)s paper is not here because you wanted less like “%(title)s”.",
            "%(count)s papers are not here because you wanted less like “%(title)s”.",
            told.papers,
        )
    else:
        sentence = ngettext(
            "%(count)s paper is not here because of what you wanted less of lately, such as “%(title)s”.",
            "%(count)s papers are not here because of what you wanted less of lately, such as “%(title)s”.",
            told.papers,
        )
    return said(sentence, values, words.direction)
