"""What a person asks for, as options of `subscribers add` and `edit`, and a word on topics that match nothing."""

from collections.abc import Callable, Iterable, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsletter.cli.values import BAR, CADENCE, HOUR, LANGUAGE, LOOK, MINUTES, PAPERS, TOPIC, ZONE, words
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Subscriber, Topic

Command = TypeVar("Command", bound=Callable[..., Any])

# The options that name several things, and what they are of a subscriber.
LISTS = {
    "topic": "topics",
    "mute": "muted_words",
    "author": "authors",
    "mute_author": "muted_authors",
    "search": "searches",
}
# Those that limit an issue or dress it, and can be taken back.
LIMITS = ("papers", "minutes", "look")
_ONE_OF_EACH = ("cadence", "hour", "timezone", "language", "papers", "minutes", "bar", "look", "best_missed")
_WHAT = {"mute": "A muted word", "author": "An author", "mute_author": "A muted author"}

_OPTIONS = (
    click.option("--topic", multiple=True, type=TOPIC, metavar="NAME[:WEIGHT]", help="A topic that they ask for."),
    click.option("--mute", multiple=True, metavar="WORDS", help="No paper that has these words."),
    click.option("--author", multiple=True, metavar="NAME", help="An author whom they follow."),
    click.option("--mute-author", multiple=True, metavar="NAME", help="No paper of this author."),
    click.option(
        "--search", multiple=True, metavar="QUERY", help="A search at arXiv, whose papers come to them alone."
    ),
    click.option("--cadence", type=CADENCE, help="daily, weekdays, or weekly:mon."),
    click.option("--hour", type=HOUR, help="The hour at which they get it, in their time zone."),
    click.option("--timezone", type=ZONE, help="Their time zone, such as Europe/Berlin."),
    click.option("--language", type=LANGUAGE, help="The language of all but the papers."),
    click.option("--papers", type=PAPERS, help="How many papers they want at most; else as the settings have it."),
    click.option("--minutes", type=MINUTES, help="How many minutes they want to read at most, abstracts and all."),
    click.option("--bar", type=BAR, help="How well a paper must fit: few get the best only, many nearly all."),
    click.option("--look", type=LOOK, help="How their mail looks; else as the settings have it."),
    click.option(
        "--best-missed/--no-best-missed",
        default=None,
        help="Whether the ten best that came during a pause are in their first issue afterwards; they are, unless not.",
    ),
)
_CHANGES = (
    click.option("--add-topic", multiple=True, type=TOPIC, metavar="NAME[:WEIGHT]", help="One topic more."),
    click.option("--drop-topic", multiple=True, type=TOPIC, metavar="NAME", help="One topic less."),
    click.option(
        "--clear",
        multiple=True,
        type=click.Choice([*(name.replace("_", "-") for name in LISTS), *LIMITS]),
        help="None of this kind any more, or no limit of this kind.",
    ),
)


def options(command: Command) -> Command:
    """Add the options that say what a person asks for."""
    return _with(command, _OPTIONS)


def changes(command: Command) -> Command:
    """Add the options that change what a person asked for."""
    return _with(command, _CHANGES)


def given(**asked: Any) -> dict[str, Any]:
    """Return what was asked for as fields of a subscriber; lists that were not named are left out."""
    fields = {name: asked[name] for name in _ONE_OF_EACH if asked.get(name) is not None}
    for option, field in LISTS.items():
        if asked.get(option):
            fields[field] = _read(option, asked[option])
    return fields


def change(
    address: str | None, *, add_topic: Sequence[str], drop_topic: Sequence[str], clear: Sequence[str], **asked: Any
) -> "Callable[[Subscriber], Subscriber]":
    """Return what makes of a subscriber the one that was asked for; raises UsageError if that is nothing."""
    cleared: dict[str, Any] = {
        name if name in LIMITS else LISTS[name.replace("-", "_")]: None if name in LIMITS else () for name in clear
    }
    fields = {**({"email": address} if address else {}), **cleared, **given(**asked)}
    more = _topics(add_topic)
    less = {" ".join(name.split()).casefold() for name in drop_topic}
    if not (fields or more or less):
        raise UsageError("Nothing is named that should change.", next_step="The same with --help lists what can be.")

    def changed(person: "Subscriber") -> "Subscriber":
        topics = {topic.name: topic for topic in fields.get("topics", person.topics)}
        if unknown := less - {name.casefold() for name in topics}:
            raise UsageError(
                f"They did not ask for {', '.join(sorted(unknown))}.",
                next_step=f"`newsletter subscribers show {quote(person.email)}` lists what they asked for.",
            )
        topics |= {topic.name: topic for topic in more}
        kept = tuple(topic for name, topic in topics.items() if name.casefold() not in less)
        return person.model_copy(update={**fields, "topics": kept})

    return changed


async def doubts(app: "App", topics: Iterable[str]) -> list[str]:
    """Return a sentence for each topic that matches nothing, with the topics that are nearest."""
    from newsletter.pipeline import record

    free = [topic for topic in dict.fromkeys(topics) if app.catalogue.find(topic) is None]
    if not free:
        return []
    ranker = await app.ranker(only_words=True)
    any_papers = (await record.status(app.database)).papers
    what = "matches no paper on record" if any_papers else "has no papers to match so far"
    found = []
    for topic in free:
        if ranker.matches(topic):
            continue
        near = ranker.nearest(topic)
        hint = f"near to it are {', '.join(near)}" if near else "`newsletter topics list` shows the catalogue"
        found.append(f"The topic {topic!r} is not in the catalogue and {what}; {hint}.")
    return found


def _read(option: str, written: tuple[str, ...]) -> tuple[Any, ...]:
    if option == "topic":
        return _topics(written)
    # A search is looked at as a whole, when the person is put on record.
    return written if option == "search" else words(written, _WHAT[option])


def _topics(written: Sequence[str]) -> "tuple[Topic, ...]":
    from newsletter.pipeline.roster import read_topic

    return tuple({topic.name: topic for topic in map(read_topic, written)}.values())


def _with(command: Command, decorators: Sequence[Callable[[Command], Command]]) -> Command:
    for decorator in reversed(decorators):
        command = decorator(command)
    return command
