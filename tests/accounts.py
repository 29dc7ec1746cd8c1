"""Works that look alike, and how sources tell of each: what random orders are made of."""

from typing import NamedTuple

from newsletter.models import Paper

KELLER = ("Maria Keller", "Tomasz Wójcik", "Wei Zhang", "Priya Natarajan")
RUSSIANS = ("Ivan Petrov", "Yulia Khrushcheva")
OTHERS = ("Jonas Lindqvist", "Aiko Tanaka")


class Truth(NamedTuple):
    """A work, and accounts of it; whatever is told of it, `arxiv_id` or `doi` are never those of another."""

    name: str
    accounts: tuple[Paper, ...]


def _initials(authors: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name.split()[-1]}, {name[0]}." for name in authors)


def _work(name: str, title: str, authors: tuple[str, ...], *more: Paper, arxiv_id: str | None = None) -> Truth:
    told = Paper(title=title, authors=authors, arxiv_id=arxiv_id, abstract=f"About {name}.")
    return Truth(name, (told, told.model_copy(update={"title": title.upper(), "authors": _initials(authors)}), *more))


TRUTH = (
    _work(
        "listening",
        "Learning to listen before speaking: modelling turns of spoken agents",
        KELLER,
        Paper(title="Learning to Listen before Speaking", authors=KELLER),
        Paper(title="Learning to listen before speaking: modeling turns of spoken agents", authors=KELLER),
        Paper(title="Learning to listen before speaking: modelling turns of spoken agents"),
        Paper(title="When agents listen", authors=KELLER, arxiv_id="2603.00001", version=2, doi="10.5555/TALK.1"),
        Paper(title="When agents listen, they speak better", authors=KELLER, doi="https://doi.org/10.5555/talk.1"),
        Paper(title="When agents listen, they speak better"),
        arxiv_id="2603.00001",
    ),
    _work("films, part I", "The dynamics of wetting films: Part I", KELLER, arxiv_id="2603.00002"),
    _work("films, part II", "The dynamics of wetting films: Part II", KELLER, arxiv_id="2603.00003"),
    _work("glaciers", "Glacier retreat seen by infrasound", KELLER, arxiv_id="2603.00004"),
    _work("glaciers by others", "Glacier retreat seen by infrasound", OTHERS),
    _work("a reply", "Reply to: Glacier retreat seen by infrasound", KELLER),
    _work(
        "queues",
        "CipherFlow: Streaming joins over encrypted columns",
        OTHERS,
        Paper(title="Streaming joins over encrypted columns", authors=OTHERS, doi="10.6666/q.7"),
        Paper(title="Streaming joins over encrypted columns", doi="10.6666/Q.7"),
    ),
    _work("queues of others", "RowFlow: Streaming joins over encrypted columns", KELLER),
    # Without its subtitle it may be either; the two are two all the same.
    _work(
        "voices",
        "Memory of spoken agents: an archive of voices",
        OTHERS,
        Paper(title="Memory of spoken agents", authors=OTHERS),
    ),
    _work("gestures", "Memory of spoken agents: an archive of gestures", OTHERS),
    # One source writes names in Cyrillic letters.
    _work(
        "flows",
        "Stability of layered flows",
        RUSSIANS,
        Paper(
            title="Stability of layered flows",
            authors=("Иван Петров", "Хрущёва Юлия Андреевна"),
            url="https://a.example/1",
        ),
        Paper(
            title="Stability of layered flows: waves in channels",
            authors=("И. Петров", "Ю. А. Хрущёва"),
            doi="10.6666/q.8",
        ),
        arxiv_id="2603.00005",
    ),
    _work("flows of others", "Stability of layered flows", ("Семён Жуков", "Olga Lapteva")),
    _work("for vision", "Mixtures of experts for vision", OTHERS),
    _work("for language", "Mixtures of experts for language", OTHERS),
)
NAME_OF = {account: truth.name for truth in TRUTH for account in truth.accounts}
ACCOUNTS = tuple(NAME_OF)
