"""Feeds that the newsletter gives: a reader's own, without their address and its own, and that of the archive."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from newsletter import __version__
from newsletter.config import Newsletter
from newsletter.models import Paper
from newsletter.pipeline.archive import Day
from newsletter.pipeline.library import Got, Shelf
from newsletter.rendering.language import Language
from newsletter.rendering.pages import Pages
from newsletter.rendering.paper import LONGEST_ABSTRACT
from newsletter.rendering.prose import clean
from newsletter.rendering.syndicating import (
    ATOM,
    JSON_FEED,
    Channel,
    Item,
    atom,
    html_of,
    json_feed,
    list_of,
    own_title,
    public_title,
)

FeedForm = Literal["atom", "json"]

MEDIA_TYPES: dict[FeedForm, str] = {"atom": ATOM, "json": JSON_FEED}
_MOST_AUTHORS = 20
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Outgoing:
    """Makes feeds; the same papers make the same bytes."""

    def __init__(self, pages: Pages, newsletter: Newsletter, base_url: str) -> None:
        self._pages = pages
        self._newsletter = newsletter
        self._base_url = base_url.rstrip("/")
        made_by = f"{__version__} {newsletter.model_dump_json()} {self._base_url} {pages.search_url}"
        self._begun = hashlib.sha256(made_by.encode())

    def own(self, shelf: Shelf, form: FeedForm) -> bytes:
        """Return what somebody received.

        The feed does not tell where it is: its address is a key, and readers of feeds pass on what is in them.
        """
        language = self._pages.language(shelf.person.language)
        name = self._newsletter.name
        identity = f"{self._base_url}/feed/{shelf.person.key}"
        channel = Channel(identity, own_title(name, language), name, language.code, shelf.person.created_at)
        return _written(channel, [self._item(one, language) for one in shelf.papers], form)

    def tag(self, shelf: Shelf, form: FeedForm) -> str:
        """Return what is the same for two that `own` makes the same feed of, without making it."""
        person, made = shelf.person, self._begun.copy()
        made.update(f"{form} {person.language} {person.key} {person.created_at.isoformat()}".encode())
        for one in shelf.papers:
            # All of a paper counts, shown or not.
            where = f"\0{one.issue_id} {one.position} {one.at.isoformat()} {one.reason}\0{one.paper.model_dump_json()}"
            made.update(where.encode())
        return made.hexdigest()

    def public(self, days: Sequence[Day], form: FeedForm) -> bytes:
        """Return the last days of the archive, an entry each, in the language of the newsletter."""
        language = self._pages.language()
        name, url = self._newsletter.name, f"{self._base_url}/archive"
        began = days[0].over if days else _LONG_AGO
        channel = Channel(url, public_title(name, language), name, language.code, began, url, f"{url}/feed.{form}")
        items = [
            Item(
                f"{url}/{day.date}",
                language.long_date(day.date),
                f"{url}/{day.date}",
                list_of(self._pages.paper(paper, language) for paper in day.papers),
                day.over,
            )
            for day in days
        ]
        return _written(channel, items, form)

    def _item(self, got: Got, language: Language) -> Item:
        entry = self._pages.paper(got.paper, language, characters=LONGEST_ABSTRACT)
        return Item(
            # A place in a mail stays what it is, whatever its paper turns out to be.
            f"{self._base_url}/issue/{got.issue_id}/{got.position}",
            entry.title,
            entry.url,
            html_of(entry, self._pages.reason(got.reason, language)),
            got.at,
            _names(got.paper),
            tuple(filter(None, map(clean, got.paper.keywords))),
        )


def _names(paper: Paper) -> tuple[str, ...]:
    return tuple(filter(None, map(clean, paper.authors[:_MOST_AUTHORS])))


def _written(channel: Channel, items: Sequence[Item], form: FeedForm) -> bytes:
    return atom(channel, items) if form == "atom" else json_feed(channel, items)
