"""Every look and kind of mail, in every language, as the program writes it: for judges, for tests and for pictures.

The papers are made up, and the same each time; nobody is mailed, and no database but one of its own is opened.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, get_args

from made_up import NOTE, papers

from newsletter.app import App, open_app
from newsletter.config import Rendering, Settings
from newsletter.models import Edition, Issue, Paper, Pick, Reason, Recipient
from newsletter.pipeline import samples
from newsletter.rendering import Rendered
from newsletter.rendering.language import available
from newsletter.store import schema

DOMAIN = "papers.example.org"
READER = "reader@example.net"
DAY = date(2026, 7, 22)

# With another look in the settings, there is another here.
LOOKS: tuple[str, ...] = get_args(field.annotation) if (field := Rendering.model_fields.get("look")) else ("usual",)


class Mail(NamedTuple):
    """A mail: its look, kind and language, the whole message, and its two bodies."""

    look: str
    kind: str
    language: str
    content: bytes
    rendered: Rendered

    @property
    def name(self) -> str:
        """What it is called in a table, and as a file."""
        return f"{self.look}-{self.kind}-{self.language}"


def mails(
    folder: Path, *, key: Path | None = None, languages: tuple[str, ...] = (), looks: tuple[str, ...] = LOOKS
) -> list[Mail]:
    """Return every mail; `folder` is an empty one to work in, and `key` signs for DOMAIN with the selector s1."""
    # In a thread of its own, since who asks may have a loop that runs.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, _mails(folder, key, languages or available(), looks)).result()


async def _mails(folder: Path, key: Path | None, languages: tuple[str, ...], looks: tuple[str, ...]) -> list[Mail]:
    settings = Settings.model_validate(
        {
            "newsletter": {
                "name": "Papers for you",
                "from_address": f"papers@{DOMAIN}",
                "postal_address": "12 Long Street, 10115 Berlin",
            },
            "database": {"url": f"sqlite:///{folder / 'gallery.db'}"},
            "web": {"base_url": f"https://{DOMAIN}"},
            "dkim": {"domain": DOMAIN, "selector": "s1", "key_file": key} if key else {},
        }
    )
    made = []
    async with open_app(settings, checked=False) as app:
        await schema.migrate(app.database, datetime.now(UTC))
        for look in looks:
            dressed = _with(app, rendering={"look": look} if "look" in Rendering.model_fields else {})
            made += [mail async for mail in _written(dressed, look, languages)]
    return made


async def _written(app: App, look: str, languages: tuple[str, ...]) -> AsyncIterator[Mail]:
    writer = await app.writer()
    by_mail = await _with(app, web={"base_url": ""}).writer()
    for language in languages:
        for kind, issue in issues(language):
            used = by_mail if kind == "by-mail" else writer
            name = f"<{kind}.{look}.{language}@{DOMAIN}>"
            # A mail of some other day would be one that came late.
            written = await used.write(issue, address=READER, message_id=name, date=datetime.now(UTC))
            yield Mail(look, kind, language, written.content, written.rendered)


def _with(app: App, **sections: dict[str, str]) -> App:
    changed = {name: getattr(app.settings, name).model_copy(update=values) for name, values in sections.items()}
    return replace(app, settings=app.settings.model_copy(update=changed))


def issues(language: str) -> Iterator[tuple[str, Issue]]:
    """Yield an issue of each kind."""
    usual = papers(10, now=datetime(2026, 7, 22, tzinfo=UTC))
    yield "ten", _issue(language, usual)
    yield "one", _issue(language, usual[:1])
    yield "note", _issue(language, usual[:3], NOTE)
    yield "by-mail", _issue(language, usual[:3])
    for name, kind in samples.kinds().items():
        # Ordinary days are above, of papers as long as real ones.
        if name not in ("issue", "one"):
            issue = kind.make(language)
            yield name, issue._replace(recipient=issue.recipient._replace(email=READER))


def _issue(language: str, chosen: list[Paper], note: str = "") -> Issue:
    reasons = (
        Reason(kind="topic", subject="low-rank adaptation", words=("LoRA", "adapters")),
        Reason(kind="like", subject="Sparse attention for latent graphs"),
        Reason(kind="popular"),
        Reason(kind="author", subject="Ada Ångström"),
        Reason(kind="outside"),
    )
    return Issue(
        id=1,
        edition=Edition(id=1, date=DAY, cadence="daily", note=note, created_at=datetime(2026, 7, 22, tzinfo=UTC)),
        recipient=Recipient(1, READER, language),
        picks=tuple(
            Pick(position=number, paper=paper, score=0.5, reason=reasons[number % len(reasons)])
            for number, paper in enumerate(chosen, 1)
        ),
    )
