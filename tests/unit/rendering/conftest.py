"""A renderer with the built-in templates, and issues to render."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsletter import config, resources
from newsletter.models import Edition, Issue, Link, Paper, Pick, Reason, Recipient
from newsletter.rendering import Links, Renderer
from newsletter.rendering.fit import SHOWN

NOON = datetime(2026, 7, 22, 12, tzinfo=UTC)

SEARCH = "https://search.example/?q={title}"

MakeRenderer = Callable[..., Renderer]
MakeIssue = Callable[..., Issue]


@pytest.fixture(scope="session")
def make_renderer() -> MakeRenderer:
    """Make a renderer; `overrides` is the operator's folder, the rest are settings of the newsletter."""

    def make(
        overrides: Path | None = None,
        *,
        limit: int = SHOWN,
        link_hosts: tuple[str, ...] = (),
        encode: Callable[[str], bytes] = str.encode,
        decode: Callable[[bytes], str] = bytes.decode,
        **newsletter: str,
    ) -> Renderer:
        return Renderer(
            config.Newsletter(**({"postal_address": "12 Long Street, Berlin"} | newsletter)),
            config.Rendering(link_hosts=link_hosts),
            templates=resources.templates(),
            overrides=overrides,
            search_url=SEARCH,
            tidy=lambda text: text.replace("$\\alpha$", "α"),
            encode=encode,
            decode=decode,
            limit=limit,
        )

    return make


@pytest.fixture(scope="session")
def renderer(make_renderer: MakeRenderer) -> Renderer:
    return make_renderer()


@pytest.fixture(scope="session")
def paper() -> Paper:
    return Paper(
        id=1,
        title="Adapters for $\\alpha$-stable noise",
        abstract="We study adapters. They help. " + "Every sentence here says a little more than the last. " * 12,
        arxiv_id="2607.00001",
        url="https://hub.example/papers/2607.00001",
        links=(
            Link(kind="code", url="https://code.example/adapters"),
            Link(kind="project", url="https://adapters.example/"),
        ),
        authors=("Ada Ångström", "Bo Berg", "Cy Cole", "Di Dahl", "Ed Eck"),
        organization="Institute of Noise",
        source="The hub",
        published_on=date(2026, 7, 20),
        votes=1234,
        stars=1,
    )


@pytest.fixture(scope="session")
def make_issue() -> MakeIssue:
    """Make an issue of papers."""

    def make(*papers: Paper, language: str = "en", note: str = "", email: str = "reader@example.org") -> Issue:
        return Issue(
            id=1,
            edition=Edition(id=1, date=date(2026, 7, 22), cadence="daily", note=note, created_at=NOON),
            recipient=Recipient(1, email, language),
            picks=tuple(
                Pick(
                    position=position,
                    paper=paper,
                    score=1.0,
                    reason=Reason(kind="topic", subject="low-rank adaptation", words=("LoRA", f"word {position}")),
                )
                for position, paper in enumerate(papers, 1)
            ),
        )

    return make


@pytest.fixture(scope="session")
def links() -> Links:
    return Links(unsubscribe="https://news.example/u/token?a=1&b=2")
