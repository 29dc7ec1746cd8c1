"""The page on which readers change what they get; each group of wishes is a form of its own."""

import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from newsletter.bounds import BARS, HOURS, LOOKS, MINUTES, PAPERS, WEEKDAYS
from newsletter.cadences import timezones
from newsletter.models import FOREVER, Consent, Subscriber, Topic
from newsletter.pipeline.choices import Known, WrongError, wished
from newsletter.pipeline.foresight import reason
from newsletter.web.desk import Desk
from newsletter.web.forms import UnreadError, fields, wants_best

LARGEST = 131_072
MOST_FIELDS = 600

CADENCES = ("daily", "weekdays", *(f"weekly:{day}" for day in WEEKDAYS))
LISTS = ("authors", "muted_authors", "muted_words", "searches")
_ZONES = sorted(name for name in timezones() if name == "UTC" or ("/" in name and not name.startswith("Etc/")))


def _topics(asked: Mapping[str, str], person: Subscriber) -> dict[str, Any]:
    """Return the topics that the form leaves them: what it does not name stays, since another may have added it."""
    weights, dropped = _weights(asked), _dropped(asked)
    found = {topic.name: topic.weight for topic in person.topics} | weights
    chosen = [asked[name] for name in sorted(asked) if name.startswith("add.")]
    free = [line for line in asked.get("new", "").splitlines() if line.strip()]
    found |= {" ".join(name.split()): _weight(asked.get("weight", "1")) for name in (*chosen, *free)}
    return {"topics": tuple(Topic(name=name, weight=weight) for name, weight in found.items() if name not in dropped)}


def _weights(asked: Mapping[str, str]) -> dict[str, float]:
    places = [name.partition(".")[2] for name in asked if name.startswith("topic.")]
    return {asked[f"topic.{place}"]: _weight(asked.get(f"weight.{place}", "1")) for place in places}


def _dropped(asked: Mapping[str, str]) -> set[str]:
    return {asked.get(f"topic.{name.partition('.')[2]}", "") for name in asked if name.startswith("drop.")}


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not -1 <= weight <= 1:
        raise WrongError({"topics": "bounds"})
    return round(weight, 2)


def _names(asked: Mapping[str, str], person: Subscriber) -> dict[str, Any]:
    names = [name for name in LISTS if name in asked]
    return {name: tuple(line for line in asked[name].splitlines() if line.strip()) for name in names}


def _when(asked: Mapping[str, str], person: Subscriber) -> dict[str, Any]:
    return {
        "cadence": asked.get("cadence", person.cadence),
        "hour": _number(asked, "hour", person.hour),
        "timezone": asked.get("timezone", person.timezone),
    }


def _amount(asked: Mapping[str, str], person: Subscriber) -> dict[str, Any]:
    return {
        "papers": _number(asked, "papers", person.papers),
        "minutes": _number(asked, "minutes", person.minutes),
        "bar": asked.get("bar", person.bar),
        "language": asked.get("language", person.language),
        "look": asked.get("look", person.look or "") or None,
    }


def _break(asked: Mapping[str, str], person: Subscriber) -> dict[str, Any]:
    return {"best_missed": wants_best(asked, person.best_missed)}


def _number(asked: Mapping[str, str], name: str, before: int | None) -> int | None:
    text = asked.get(name, "" if before is None else str(before)).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise WrongError({name: "bounds"})
    return int(text)


# By the name of a form, what it asks for.
GROUPS: dict[str, Callable[[Mapping[str, str], Subscriber], dict[str, Any]]] = {
    "topics": _topics,
    "names": _names,
    "when": _when,
    "amount": _amount,
    "searches": _names,
    "break": _break,
}


async def script(request: Request) -> Response:
    """Return the script that shows the next mail while topics move."""
    desk: Desk = request.app.state.desk
    return desk.script("settings.js")


async def answer(request: Request) -> Response:
    """Show the page, or change what was asked; GET never acts."""
    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    if request.method != "POST":
        return _page(desk, request, await desk.choices.known(token), "ask")
    asked = await fields(request, largest=LARGEST, most=MOST_FIELDS)
    group = asked.get("group", "")
    try:
        if asked.get("act") == "next":
            return await _next(desk, request, token, asked)
        if asked.get("act") == "save" and group in GROUPS:
            before, after = await desk.choices.change(token, lambda person: GROUPS[group](asked, person))
            known = await desk.choices.known(token)
            return _page(desk, request, known, "saved", group=group, changes=changes(before, after))
        if asked.get("act") == "renew":
            return _page(desk, request, Known(await desk.choices.renew(token), False, ()), "renewed")
        if await _acted(desk, token, asked):
            return _page(desk, request, await desk.choices.known(token), "done", group=_acts(asked))
    except WrongError as wrong:
        known = await desk.choices.known(token)
        return _page(desk, request, known, "wrong", 422, group=group, typed=asked, faults=wrong.faults)
    raise UnreadError(400)


def _acts(asked: Mapping[str, str]) -> str:
    return "take" if "take" in asked else asked.get("act", "")


async def _acted(desk: Desk, token: str, asked: Mapping[str, str]) -> bool:
    """Do what a button wants that saves no wish, and tell whether there was one."""
    if "take" in asked and asked["take"].isascii() and asked["take"].isdigit() and len(asked["take"]) < 19:
        await desk.choices.take_back(token, int(asked["take"]))
        return True
    match asked.get("act"):
        case "pause":
            await desk.choices.pause(token, _day(asked.get("until", "")), best_missed=wants_best(asked))
        case "resume":
            await desk.choices.pause(token, None)
        case _:
            return False
    return True


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise WrongError({"until": "over"}) from error


async def _next(desk: Desk, request: Request, token: str, asked: Mapping[str, str]) -> Response:
    """Show the mail that they would get with a form as it stands, which is not saved."""
    known, group = await desk.choices.known(token), asked.get("group", "")
    person = thought(known.person, asked)
    picks = await desk.foresight.next(person)
    shown = [] if picks is None else [(desk.entry(one.paper, person), reason(one, person.language)) for one in picks]
    return _page(
        desk,
        request,
        known._replace(person=person),
        "next",
        group=group,
        typed={name: asked[name] for name in ("new", "weight") if name in asked} if group not in GROUPS else {},
        dropped=[topic for topic in known.person.topics if topic.name in _dropped(asked)],
        next=shown,
        busy=picks is None,
        thought={name: value for name, value in asked.items() if name != "act"},
    )


def thought(person: Subscriber, asked: Mapping[str, str]) -> Subscriber:
    """Return a reader as they would be with a form as it stands; raises WrongError for wishes that cannot be kept."""
    group = asked.get("group", "")
    return wished(person, GROUPS[group](asked, person)) if group in GROUPS else person


def changes(before: Subscriber, after: Subscriber) -> list[tuple[str, str, str]]:
    """Return what differs: the name of the wish, what it was and what it is now; of lists what is gone and is new."""
    found = []
    for name in ("cadence", "hour", "timezone", "papers", "minutes", "bar", "language", "look"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found.append((name, "" if old is None else str(old), "" if new is None else str(new)))
    if before.best_missed != after.best_missed:
        found.append(("best", "yes" if before.best_missed else "no", "yes" if after.best_missed else "no"))
    old_topics, new_topics = ({_told(one) for one in person.topics} for person in (before, after))
    lists = {"topics": (old_topics, new_topics)}
    lists |= {name: (set(getattr(before, name)), set(getattr(after, name))) for name in LISTS}
    for name, (gone, there) in lists.items():
        if gone != there:
            found.append((name, ", ".join(sorted(gone - there)), ", ".join(sorted(there - gone))))
    return found


def _told(topic: Topic) -> str:
    return topic.name if topic.weight == 1 else f"{topic.name} {topic.weight:g}"


def _page(desk: Desk, request: Request, known: Known, stage: str, status: int = 200, **values: Any) -> Response:
    person = known.person
    left = person.state is not Consent.CONFIRMED
    until = desk.choices.paused_until(person)
    typed: Mapping[str, str] = values.pop("typed", {})
    there = {topic.name for topic in person.topics}
    names = {slug: entry.name for slug, entry in desk.catalogue.items()}
    rows = [(topic, False) for topic in person.topics] + [(topic, True) for topic in values.pop("dropped", ())]
    given = {"group": "", "changes": (), "faults": {}, "next": None, "busy": False, "thought": {}} | values
    answer = desk.page(
        request,
        "settings",
        person,
        status,
        stage="gone" if left else stage,
        wishes=person,
        topics=[
            {"name": topic.name, "label": names.get(topic.name, topic.name), "weight": topic.weight, "dropped": gone}
            for topic, gone in rows
        ],
        lists={name: typed.get(name, "\n".join(getattr(person, name))) for name in LISTS},
        catalogue=[(slug, name) for slug, name in names.items() if slug not in there],
        typed=typed,
        zones=list(dict.fromkeys((*_ZONES, person.timezone))),
        cadences=CADENCES,
        languages=list(dict.fromkeys((*desk.languages, person.language))),
        bars=BARS,
        looks=LOOKS,
        usual_look=desk.settings.rendering.look,
        hours=range(HOURS[0], HOURS[1] + 1),
        bounds={"papers": PAPERS, "minutes": MINUTES},
        said=[(one.paper.id, one.feedback.verdict, desk.entry(one.paper, person)) for one in known.said],
        paused=until is not None,
        until=None if until in (None, FOREVER) else until,
        today=desk.choices.day_of(person),
        own=known.own,
        unsubscribe=desk.leaving(person),
        script=desk.path("/settings.js"),
        lost=desk.path("/lost"),
        mail=desk.path(f"/next/{request.path_params['token']}"),
        address=desk.path(f"/address/{request.path_params['token']}"),
        papers=desk.path(f"/papers/{request.path_params['token']}"),
        data=desk.path(f"/data/{request.path_params['token']}"),
        **given,
    )
    # The whole mail stands in a frame.
    answer.headers["Content-Security-Policy"] = f"{desk.scripted['Content-Security-Policy']}; frame-src 'self'"
    return answer
