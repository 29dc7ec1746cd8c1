"""The page on which anybody may subscribe: one form, in which nothing is lost, and buttons that look before that."""

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from newsletter.pipeline import offers
from newsletter.pipeline.signups import MOST_TOPICS, Asked, Fault, FaultyError, TooManyError
from newsletter.pipeline.tries import HOUR
from newsletter.web.desk import Desk
from newsletter.web.forms import pairs

# Nobody sees this field: what fills it in is a program.
TRAP = "website"
BROAD = 18
MOST_FOUND = 30
_LONGEST_SEARCH = 100
# Each topic of the catalogue is a field, and may stand there twice.
_MOST_FIELDS = 400

_MORE = "script-src 'self'; frame-src 'self'"
_FIELDS = ("email", "words", "cadence", "hour", "timezone", "language", "search", "form", "act", TRAP)


async def answer(request: Request) -> Response:
    """Show the form, look for topics, show an example, or take the wish; GET never acts."""
    desk: Desk = request.app.state.desk
    given = await pairs(request, most=_MOST_FIELDS) if request.method == "POST" else _queried(request)
    fields: dict[str, str] = dict.fromkeys(_FIELDS, "") | {name: value for name, value in reversed(given)}
    topics = tuple(value for name, value in given if name == "topic")
    asked = Asked(topics=topics, **{name: fields[name] for name in Asked._fields if name != "topics"})
    if request.method != "POST" or fields["act"] == "search":
        return _page(desk, request, asked, search=fields["search"])
    if fields["act"] == "example":
        return await _example(desk, request, asked, fields["search"])
    return await _subscribe(desk, request, asked, fields)


async def script(request: Request) -> Response:
    """Return the script that knows the browser's time zone."""
    desk: Desk = request.app.state.desk
    return desk.script("subscribe.js")


async def _subscribe(desk: Desk, request: Request, asked: Asked, fields: dict[str, str]) -> Response:
    if fields[TRAP]:
        return _sent(desk, request, asked)
    faults: tuple[Fault, ...] = ()
    try:
        person = desk.signups.wished(asked)
    except FaultyError as error:
        faults = error.faults
    age = desk.signups.age(fields["form"])
    if not faults and (age is None or age < timedelta(seconds=desk.settings.signup.least_seconds)):
        faults = (Fault("form", "old" if age is None else "soon"),)
    if faults:
        return _page(desk, request, asked, search=fields["search"], faults=faults, status=422)
    wording = desk.wording(desk.language(request, asked.language))
    try:
        await desk.signups.take(person, client=desk.client(request), wording=wording)
    except TooManyError:
        return _page(desk, request, asked, faults=(Fault("form", "many"),), status=429)
    return _sent(desk, request, asked)


async def _example(desk: Desk, request: Request, asked: Asked, search: str) -> Response:
    if not await desk.signups.tries.may("example for", desk.client(request), desk.settings.signup.hourly, HOUR):
        return _page(desk, request, asked, search=search, faults=(Fault("form", "many"),), status=429)
    try:
        # Whoever wants an example need not say who they are.
        person = desk.signups.wished(asked._replace(email="you@example.org"))
    except FaultyError as error:
        return _page(desk, request, asked, search=search, faults=error.faults, status=422)
    token = desk.examples.token(person.topics, person.language, person.timezone)
    return _page(desk, request, asked, search=search, example=desk.path(f"/example/{token}"))


def _sent(desk: Desk, request: Request, asked: Asked) -> Response:
    return _show(desk, request, asked, stage="sent")


def _page(
    desk: Desk,
    request: Request,
    asked: Asked,
    *,
    search: str = "",
    faults: tuple[Fault, ...] = (),
    example: str = "",
    status: int = 200,
) -> Response:
    search = search.strip()[:_LONGEST_SEARCH]
    ticked = offers.offered(desk.catalogue, asked.topics[: 2 * MOST_TOPICS])
    found = offers.searched(desk.catalogue, search, MOST_FOUND) if search else offers.broad(desk.catalogue, BROAD)
    return _show(
        desk,
        request,
        asked,
        status,
        topics=ticked,
        found=[topic for topic in found if topic not in ticked],
        search=search,
        searched=bool(search),
        faults=faults,
        example=example,
    )


def _show(desk: Desk, request: Request, asked: Asked, status: int = 200, **values: Any) -> Response:
    language = desk.language(request, asked.language)
    newsletter = desk.settings.newsletter
    filled = {
        "email": asked.email,
        "words": asked.words,
        "cadence": asked.cadence or newsletter.cadence,
        "hour": asked.hour or str(newsletter.hour),
        "timezone": asked.timezone or newsletter.timezone,
        "language": asked.language or language.catalogue,
    }
    shared = {
        "stage": "ask",
        "asked": filled,
        "chosen": bool(asked.timezone),
        "topics": (),
        "found": (),
        "search": "",
        "searched": False,
        "faults": (),
        "example": "",
        "more": len(desk.catalogue),
        "cadences": offers.cadences(language),
        "hours": offers.hours(language),
        "zones": offers.zones(),
        "languages": offers.languages(),
        "form": desk.signups.form(),
        "script": desk.path("/subscribe.js"),
        "days": desk.settings.signup.keep_days,
        "minutes": 60,
    }
    return desk.open_page(request, "subscribe", language.code, status, also=_MORE, **(shared | values))


def _queried(request: Request) -> list[tuple[str, str]]:
    """Return what an address asks for: a search and topics, and never who somebody is."""
    return [(name, value) for name, value in request.query_params.multi_items() if name in ("search", "topic", "words")]
