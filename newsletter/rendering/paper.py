"""What a mail shows of one paper, in the reader's language; knows no markup."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from newsletter.models import Paper
from newsletter.rendering.bidi import alone, listed, said
from newsletter.rendering.hosts import Hosts
from newsletter.rendering.language import Language
from newsletter.rendering.prose import clean, cut, direction, excerpt, unrepeated

AUTHORS = 3
LONGEST_TITLE = 600
LONGEST_NAME = 80
LONGEST_ABSTRACT = 10_000
LONGEST_SEARCH = 150
LONGEST_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper as it is shown.

    `direction` and `summary_direction` are `ltr` or `rtl`; `facts` are votes, stars, day and source as words; `links`
    are pairs of a word and an address, and so are those that are `named` and not linked. Where no source named an
    address, `url` leads to a search and `searched` is true. `machine_written` says that no person wrote the summary.
    """

    title: str
    direction: str
    url: str
    searched: bool
    authors: str
    organization: str
    facts: tuple[str, ...]
    summary: str
    summary_direction: str
    links: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, str], ...] = ()
    machine_written: bool = False


def entry(
    paper: Paper,
    language: Language,
    *,
    search_url: str,
    characters: int,
    tidy: Callable[[str], str],
    hosts: Hosts,
) -> Entry:
    """Return what is shown of a paper.

    `search_url` has `{title}` where the title belongs, `characters` is about how long the summary is, and with 0 there
    is none, `tidy` makes TeX readable, and `hosts` says where links may lead.
    """
    title = cut(clean(tidy(clean(paper.title[:LONGEST_ABSTRACT]))), LONGEST_TITLE) or language.gettext("Untitled")
    address = own_address(paper)
    ways = tuple(_links(paper, language, address))
    told = {web_address(link.url) for link in paper.links if link.said}
    linked = {url for _, url in ways if hosts.may_lead(paper, url, said=url in told)}
    summary = _summary(paper, {address, *(url for _, url in ways)} - {""}, tidy, characters) if characters else ""
    return Entry(
        title=title,
        direction=direction(title),
        url=address or search_url.replace("{title}", quote(_searched(paper.title), safe="")),
        searched=not address,
        authors=_authors(paper, language),
        organization=alone(cut(clean(paper.organization), LONGEST_NAME), language.direction),
        facts=tuple(_facts(paper, language)),
        summary=summary,
        summary_direction=direction(summary),
        links=tuple((word, url) for word, url in ways if url in linked),
        named=tuple((word, url) for word, url in ways if url not in linked),
        machine_written=bool(paper.machine_summary and not paper.summary),
    )


def _summary(paper: Paper, addresses: Collection[str], tidy: Callable[[str], str], characters: int) -> str:
    told = clean(tidy(clean((paper.summary or paper.machine_summary or paper.abstract)[:LONGEST_ABSTRACT])))
    return excerpt(unrepeated(told, addresses), characters)


def web_address(url: str | None) -> str:
    """Return the address if it leads to a page of the web and hides nothing, else an empty string."""
    if not url or len(url) > LONGEST_ADDRESS:
        return ""
    try:
        parts = urlsplit(clean(url))
        _ = parts.port  # raises where the port is no number
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return ""
    return quote(parts.geturl(), safe="%/:?#[]@!$&'()*+,;=~")


def own_address(paper: Paper) -> str:
    """Return the address that a paper has by any account, or an empty string."""
    named = web_address(paper.url) or (_arxiv("abs", paper) if paper.arxiv_id else "") or _linked(paper, "paper")
    if not named and paper.doi:
        return web_address(f"https://doi.org/{quote(paper.doi, safe='/')}")
    return named


def _searched(title: str) -> str:
    return cut(clean(title[:LONGEST_ABSTRACT]), LONGEST_SEARCH).removesuffix("…")


def _authors(paper: Paper, language: Language) -> str:
    names = [cut(name, LONGEST_NAME) for name in map(clean, paper.authors[: AUTHORS + 1]) if name]
    others = len(paper.authors) - AUTHORS
    if others <= 1:
        return listed(names, language.direction)
    values = {"names": listed(names[:AUTHORS], language.direction), "count": language.number(others)}
    sentence = language.ngettext("%(names)s and %(count)s other", "%(names)s and %(count)s others", others)
    return said(sentence, values, language.direction)


def _facts(paper: Paper, language: Language) -> Iterator[str]:
    if paper.votes > 0:
        votes = language.ngettext("%(count)s vote", "%(count)s votes", paper.votes)
        yield votes % {"count": language.number(paper.votes)}
    if paper.stars > 0:
        stars = language.ngettext("%(count)s star", "%(count)s stars", paper.stars)
        yield stars % {"count": language.number(paper.stars)}
    if paper.published_on is not None:
        yield language.short_date(paper.published_on)
    if source := cut(clean(paper.source), LONGEST_NAME):
        yield alone(source, language.direction)


def _links(paper: Paper, language: Language, address: str) -> Iterator[tuple[str, str]]:
    """Yield the further ways to a paper, each address once and not the one that the title leads to already."""
    _ = language.gettext
    seen = {address}
    for word, url in (
        (_("Paper"), _linked(paper, "paper")),
        ("arXiv", _arxiv("abs", paper)),
        (_("PDF"), _linked(paper, "pdf") or _arxiv("pdf", paper)),
        (_("Code"), _linked(paper, "code")),
        (_("Project"), _linked(paper, "project")),
    ):
        if url and url not in seen:
            seen.add(url)
            yield word, url


def _linked(paper: Paper, kind: str) -> str:
    return next((url for link in paper.links if link.kind == kind and (url := web_address(link.url))), "")


def _arxiv(view: str, paper: Paper) -> str:
    return f"https://arxiv.org/{view}/{quote(clean(paper.arxiv_id), safe='/')}" if paper.arxiv_id else ""
