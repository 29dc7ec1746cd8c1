"""Mails to look at where there is no reader: made-up papers, some of an ordinary day, some that try the layout."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, NamedTuple

from newsletter.models import (
    NOTHING_BESIDE,
    Beside,
    Edition,
    EditionKind,
    Issue,
    Link,
    Missed,
    Notice,
    Paper,
    Pick,
    Reason,
    Recipient,
    Revision,
    Told,
)

READER = "reader@example.org"
DAY = date(2026, 7, 22)
NOON = datetime(2026, 7, 22, 12, tzinfo=UTC)
LANGUAGES = {"en": "English", "de": "Deutsch", "en-XA": "Accented, longer", "ar-XB": "Right to left"}

_NOTE = """**Welcome to a day of few and good papers.** Two of them are short enough for the tram.

We also have a [page about how papers are chosen](https://example.org/how), with an example."""

_SITE = "https://example.org/papers"


class Kind(NamedTuple):
    """A kind of mail: its name, what it is called, and what makes it in a language."""

    name: str
    title: str
    make: Callable[[str], Issue]


def kinds() -> dict[str, Kind]:
    """Return every kind of mail that there is, by name."""
    issues = (
        Kind("issue", "An ordinary day", lambda language: _issue(language, _ORDINARY, note=_NOTE)),
        Kind("odd", "Papers that try the layout", lambda language: _issue(language, _ODD)),
        Kind("one", "A single paper", lambda language: _issue(language, _ORDINARY[:1])),
        Kind("sections", "After days without mail", lambda language: _issue(language, _ORDINARY, beside=_BESIDE)),
        Kind("many", "Forty papers, more than have room", lambda language: _issue(language, _many())),
    )
    return {kind.name: kind for kind in (*issues, *notices())}


def notices() -> tuple[Kind, ...]:
    """Return the kinds that carry no papers: the welcome and such."""
    return tuple(Kind(notice, title, partial(_notice, notice, said)) for notice, (title, said) in _NOTICES.items())


def _notice(notice: Notice, said: Mapping[str, Any], language: str) -> Issue:
    kind: EditionKind = "issue" if notice == "nothing" else notice
    issue = _issue(language, ())
    return issue._replace(edition=issue.edition.model_copy(update={"kind": kind}), said=said)


def _issue(
    language: str, picks: tuple[tuple[Paper, Reason], ...], note: str = "", beside: Beside = NOTHING_BESIDE
) -> Issue:
    return Issue(
        id=1,
        edition=Edition(id=1, date=DAY, cadence="daily", note=note, created_at=NOON),
        recipient=Recipient(1, READER, language),
        picks=tuple(
            Pick(position, paper, reason, score=round(0.9 / (1 + 0.09 * position), 2))
            for position, (paper, reason) in enumerate(picks, 1)
        ),
        beside=beside,
    )


def _paper(name: str, *kinds: str, **known: object) -> Paper:
    links = tuple(Link(kind=kind, url=f"https://example.org/{kind}/{name}") for kind in kinds)
    given = {"url": f"{_SITE}/{name}", "source": "Sample papers", "published_on": DAY, "links": links}
    return Paper.model_validate(given | known)


_ORDINARY = (
    (
        _paper(
            "ledger",
            "pdf",
            "code",
            "project",
            title="What an Assistant Should Remember of Long Conversations, and When It Should Ask",
            abstract="An assistant that remembers everything soon remembers what is no longer true. We keep what was "
            "said as entries of a ledger that can be corrected but not erased, and learn when an entry is worth a "
            "question. In forty made-up households, answers that rest on outdated entries fall from nineteen to "
            "four in a hundred, and people are asked once in eleven turns.",
            authors=("Ada Ångström", "Bo Berg", "Chidi Okafor", "Dolores Díaz", "Emre Yıldız"),
            organization="Institute of Slow Computing",
            votes=184,
            stars=1260,
        ),
        Reason("topic", "agents", ("long-term memory", "dialogue")),
    ),
    (
        _paper(
            "quarter",
            "pdf",
            "code",
            title="A Quarter of a Bit: Rounding Weights in Families",
            abstract="Weights that are rounded together lose less than weights that are rounded alone. We find "
            "families of weights whose errors cancel, and store one correction for each family. At 2.25 bits a weight, "
            "a model of seven billion parameters stays within 0.3 points of its full precision on our six tasks.",
            authors=("Farida Haddad", "Grzegorz Lis"),
            votes=97,
            stars=310,
        ),
        Reason("like", "Rounding Without Regret", ("quantization", "low bit")),
    ),
    (
        _paper(
            "lamps",
            "pdf",
            title="Which Lamp Did It? Tracing a Decision Through Ten Thousand Small Circuits",
            abstract="We ask of a single answer which parts of a network it needed, and check each claim by taking the "
            "part away. Nine in ten explanations that look convincing do not survive. Those that do are short: "
            "eleven parts in the median.",
            authors=("Hana Mori",),
            organization="University of the Northern Coast",
            votes=61,
        ),
        Reason("author", "Hana Mori"),
    ),
    (
        _paper(
            "tides",
            "pdf",
            "project",
            title="Forecasting Tides With 40 Parameters",
            abstract="The largest model in our comparison has two billion parameters and is beaten by a sum of twenty "
            "waves. We say for which harbours this holds, and why it stops to hold upstream.",
            authors=("Ines Prado", "Jun Watanabe", "Kofi Mensah"),
            votes=212,
            stars=88,
        ),
        Reason("popular"),
    ),
    (
        _paper(
            "bread",
            title="The Smell of Bread: A Data Set of 3,112 Ovens",
            abstract="We publish what 3,112 ovens of 60 bakeries measured in a year: heat, damp, and the gases that "
            "make people turn their heads. A small network tells rye from wheat eleven minutes before the crust is "
            "brown.",
            authors=("Lena Vogel", "Mikael Sand"),
            organization="Bakers' Guild Laboratory",
            votes=18,
        ),
        Reason("outside"),
    ),
)

_ODD = (
    (
        _paper(
            "long",
            "pdf",
            "code",
            "project",
            title=(
                "A title of four hundred characters that goes on " + "and on, through commas and through clauses, " * 9
            )[:400],
            abstract="It has an abstract of two sentences. This is the other one.",
            authors=tuple(f"Author Number {number}" for number in range(1, 3001)),
            organization="A consortium whose name is as long as a name can be, and goes on beyond what is printed",
            votes=1234567,
            stars=7654321,
        ),
        Reason("topic", "a topic in the words of its reader that are many and go on", ("w" * 60, "words", "more")),
    ),
    (
        _paper(
            "hebrew",
            "pdf",
            title="למידה עמוקה עם LoRA: מדריך קצר",
            abstract="אנו מציגים שיטה חדשה לכוונון מודלים.",
            votes=3,
        ),
        Reason("topic", "למידה"),
    ),
    (
        _paper(
            "japanese",
            "code",
            title="大規模言語モデルの効率的な微調整：小さな実験の記録",
            abstract="本論文では、少ない計算資源で言語モデルを微調整する手法を提案する。" * 12,
            authors=("山田 花子", "鈴木 一郎"),
        ),
        Reason("like", "小さなモデルの大きな夢", ("微調整",)),
    ),
    (
        _paper(
            "emoji",
            title="🚀 Emoji 👩🏽‍🔬 in titles 🇪🇺, and what 𝒮cripts do ≤ 10⁻³",
            abstract="🧪 An abstract with $\\alpha$ and O(n log n).",
            authors=("Zoë 🌿 Fields",),
        ),
        Reason("new"),
    ),
    (_paper("bare", title="Nothing but a title", source="", published_on=None, url=None), Reason("popular")),
    (
        _paper("unbroken", title="Unbroken" * 24, abstract="x" * 700, url=f"{_SITE}/" + "long-address-" * 20),
        Reason("outside"),
    ),
    (
        _paper(
            "markup",
            title="<b>Not bold</b> & “quoted” 'words' \"here\"",
            abstract="<script>alert(1)</script> 1 < 2 > 0.",
        ),
        Reason("author", "<i>Ann</i> O’Neil"),
    ),
)

# The second and the third paper are of the days without mail; so the sections are in the order of every mail.
_BESIDE = Beside(
    told=(Told("more", "Rounding Without Regret", 2, 1), Told("less", "A Survey of Surveys", 0, 3)),
    missed=Missed(date(2026, 7, 18), 2, 3),
    revised=(
        Revision(_paper("candles", title="How Many Candles Has a Cloud? Counting Light in Satellite Pictures"), 2),
        Revision(_paper("queue", title="למידה בתור: מי ממתין, ולמה"), 4),
    ),
)

_NOTICES: Mapping[Notice, tuple[str, Mapping[str, Any]]] = {
    "welcome": (
        "A welcome",
        {
            "day": "2026-07-22",
            "first": "2026-07-23",
            "cadence": "weekdays",
            "hour": 7,
            "timezone": "Europe/Berlin",
            "topics": ["low-rank adaptation", "agents"],
        },
    ),
    "confirmation": (
        "A question whether it is wanted",
        {"day": "2026-07-22", "at": "2026-07-22T06:30:00+00:00", "timezone": "Europe/Berlin"},
    ),
    "goodbye": ("A goodbye", {"day": "2026-07-22"}),
    "link": ("A link that was asked for", {"day": "2026-07-22"}),
    "known": (
        "To who is subscribed and asks again",
        {"day": "2026-07-22", "at": "2026-07-22T06:30:00+00:00", "timezone": "Europe/Berlin"},
    ),
    "answer": (
        "To what was asked for by mail",
        {
            "day": "2026-07-22",
            "subject": "Re: What an Assistant Should Remember",
            "in_reply_to": "<asked@reader.example>",
            "done": ["more 2", "less 5", "less-of diffusion", "paused 2026-07-27"],
            "undone": [],
            "unknown": [],
        },
    ),
    "nothing": ("A day without papers", {"day": "2026-07-22", "cause": "no match", "looked_at": 120}),
}

_HARBOURS = ("Piraeus", "Volos", "Chania", "Kavala", "Patras", "Rhodes", "Syros", "Corfu")
_WATCHED = ("the fog", "the swell", "the ferries", "the gulls", "the night shift")

# In Greek, of which a letter takes six bytes of a mail.
_IN_GREEK = (
    "Παρακολουθούμε το λιμάνι για έναν χρόνο και ρωτάμε τι μπορεί να προβλέψει ένα μικρό δίκτυο από όσα βλέπει. "
    "Οι προβλέψεις μιας ώρας είναι σωστές σε εννέα από δέκα ημέρες, ενώ εκείνες μιας εβδομάδας δεν είναι καλύτερες από "
    "τον μέσο όρο. Δημοσιεύουμε τα δεδομένα και τα λάθη μας."
)


def _many() -> tuple[tuple[Paper, Reason], ...]:
    """Return so many papers with summaries so long that a mail has no room for all of them."""
    titles = (f"{harbour}: What a Harbour Tells of {watched}" for watched in _WATCHED for harbour in _HARBOURS)
    return tuple(
        (
            _paper(
                f"harbour-{number}",
                "pdf",
                "code",
                title=title,
                abstract=_IN_GREEK,
                authors=("Νίκη Παππά", "Γιώργος Δήμου"),
                votes=240 - 5 * number,
            ),
            Reason("topic", "harbours", ("harbour", "forecast")),
        )
        for number, title in enumerate(titles, 1)
    )
