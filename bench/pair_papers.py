"""Ten made-up papers as a reader might get them on a day, for pictures: readable, and always the same."""

from datetime import UTC, date, datetime

from newsletter.models import Edition, Issue, Link, Paper, Pick, Reason, Recipient

DAY = date(2026, 7, 22)
_SITE = "https://hub.example.org"


def issue() -> Issue:
    """Return the issue of that day."""
    return Issue(
        id=1,
        edition=Edition(id=1, date=DAY, cadence="daily", note="", created_at=datetime(2026, 7, 22, tzinfo=UTC)),
        recipient=Recipient(1, "reader@example.net", "en"),
        picks=tuple(
            Pick(position=number, paper=paper, score=0.5, reason=reason)
            for number, (paper, reason) in enumerate(_PAPERS, 1)
        ),
    )


def _paper(
    number: int, kinds: str, title: str, abstract: str, authors: str, organization: str, votes: int, stars: int
) -> Paper:
    return Paper(
        title=title,
        abstract=abstract,
        url=f"{_SITE}/papers/{number}",
        links=tuple(Link(kind=kind, url=f"{_SITE}/{kind}/{number}") for kind in kinds.split()),  # type: ignore[arg-type]
        authors=tuple(authors.split(", ")),
        organization=organization,
        source="Daily papers",
        published_on=date(2026, 7, 22 - number % 3),
        votes=votes,
        stars=stars,
    )


_PAPERS = (
    (
        _paper(
            1,
            "pdf code project",
            "Ledgers for Long Conversations: What an Assistant Should Remember, and When It Should Ask",
            "An assistant that remembers everything soon remembers what is no longer true. We keep what was said as "
            "entries of a ledger that can be corrected but not erased, and learn when an entry is worth a question. "
            "In forty households, answers that rest on outdated entries fall from nineteen to four in a hundred.",
            "Ada Ångström, Bo Berg, Chidi Okafor, Dolores Díaz, Emre Yıldız",
            "Institute of Slow Computing",
            184,
            1260,
        ),
        Reason("topic", "agents", ("long-term memory", "dialogue")),
    ),
    (
        _paper(
            2,
            "pdf code",
            "A Quarter of a Bit: Rounding Weights in Families",
            "Weights that are rounded together lose less than weights that are rounded alone. We find families of "
            "weights whose errors cancel, and store one correction for each family. At 2.25 bits a weight, a model of "
            "seven billion parameters stays within 0.3 points of its full precision on our six tasks.",
            "Farida Haddad, Grzegorz Lis",
            "",
            97,
            310,
        ),
        Reason("like", "Rounding Without Regret", ("quantization", "low bit")),
    ),
    (
        _paper(
            3,
            "pdf",
            "Which Lamp Did It? Tracing a Decision Through Ten Thousand Small Circuits",
            "We ask of a single answer which parts of a network it needed, and check each claim by taking the part "
            "away. Nine in ten explanations that look convincing do not survive. Those that do are short: eleven "
            "parts in the median.",
            "Hana Mori",
            "University of the Northern Coast",
            61,
            0,
        ),
        Reason("author", "Hana Mori"),
    ),
    (
        _paper(
            4,
            "pdf project",
            "Forecasting Tides With 40 Parameters",
            "The largest model in our comparison has two billion parameters and is beaten by a sum of twenty waves. "
            "We say for which harbours this holds, and why it stops to hold upstream.",
            "Ines Prado, Jun Watanabe, Kofi Mensah",
            "",
            212,
            88,
        ),
        Reason("topic", "time series", ("forecasting",)),
    ),
    (
        _paper(
            5,
            "pdf code",
            "Retrieval That Knows When to Stop",
            "Most systems fetch ten passages whatever is asked. Ours fetches one, reads it, and decides whether the "
            "next is worth its cost. On five collections of questions it reads a third as much and answers two "
            "points better, mostly because it is misled less often.",
            "Lena Vogel, Mikael Sand, Noor Aziz, Otto Brandt",
            "Open Lab",
            143,
            905,
        ),
        Reason("topic", "retrieval-augmented-generation", ("passages", "cost")),
    ),
    (
        _paper(
            6,
            "pdf code project",
            "Hands Before Eyes: Learning to Grasp from Touch Alone",
            "A gripper that sees nothing learns to pick up 212 household things in nine hours. We add a camera "
            "afterwards and find that it needs a tenth of the pictures that are usual, since what the hand knows "
            "tells the eye where to look.",
            "Paula Quist, Rahul Menon, Sofía Ibarra",
            "Northern Polytechnic",
            76,
            412,
        ),
        Reason("like", "Tactile Priors for Manipulation"),
    ),
    (
        _paper(
            7,
            "pdf",
            "The Examiner's Dilemma: Benchmarks That Are Read Before the Exam",
            "We rewrite the questions of eleven public benchmarks so that nothing but the wording changes. The order "
            "of the twenty best models changes in nine of them, and in two the best becomes the seventh. We publish "
            "the rewriting, not the questions.",
            "Tomás Uribe, Ulrike Voss",
            "",
            330,
            0,
        ),
        Reason("popular"),
    ),
    (
        _paper(
            8,
            "pdf code",
            "Small Adapters, Many Masters: Sharing One Low-Rank Space Among Forty Tasks",
            "Forty adapters that are trained apart use the same few directions again and again. We learn those "
            "directions once and give each task only its coordinates: 1,100 numbers a task instead of four million, "
            "at the same quality on all but two.",
            "Vera Wolff, Wen Xu, Yaw Boateng, Zoë Fields, Arjun Rao",
            "University of Somewhere",
            118,
            540,
        ),
        Reason("topic", "low-rank-adaptation", ("adapters", "LoRA")),
    ),
    (
        _paper(
            9,
            "pdf project",
            "Speech for Those Who Pause",
            "Recognizers are trained on fluent speech and cut off whoever stops to think. We collect 300 hours from "
            "people who stammer or search for words, and teach a recognizer to wait. It interrupts a quarter as often "
            "and costs fluent speakers nothing.",
            "Beatriz Costa, Callum Reid",
            "Institute of Noise",
            89,
            47,
        ),
        Reason("topic", "speech recognition"),
    ),
    (
        _paper(
            10,
            "pdf",
            "The Smell of Bread: A Data Set of 3,112 Ovens",
            "We publish what 3,112 ovens of 60 bakeries measured in a year: heat, damp, and the gases that make people "
            "turn their heads. A small network tells rye from wheat eleven minutes before the crust is brown.",
            "Dana Eriksen, Felix Grau",
            "Bakers' Guild Laboratory",
            18,
            0,
        ),
        Reason("outside"),
    ),
)
