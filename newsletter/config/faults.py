"""Says in one sentence what is wrong with a setting: what is expected, and what was given; it checks nothing."""

import difflib
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from newsletter.config.forms import Section
from newsletter.config.sections import Settings

# What was given is not repeated where it may hold a password or a key, and not in full where it is long.
_SECRETIVE = ("url", "token_command", "proxy")
_LONGEST = 60

_KINDS: dict[Any, str] = {
    bool: "true or false",
    str: "text between quotation marks",
    Path: "a path between quotation marks",
    date: "a day such as 2026-11-21",
    tuple: 'a list such as ["one", "two"]',
    Mapping: 'a table such as {"example.org" = {per_minute = 20}}',
}
# Rules of pydantic that are told otherwise than by what kind of value is expected.
_RULES = {
    "string_pattern_mismatch": "daily, weekdays, or weekly:mon to weekly:sun",
    "string_too_short": "text that is not empty",
}


class _Place(NamedTuple):
    """Where a fault is: the section that it is in, the type of the value, its bounds, and the name of the setting."""

    section: type[Section] | None
    kind: Any
    bounds: Sequence[Any]
    name: str


def _dotted(path: str, key: str) -> str:
    return f"{path}.{key}"


def sentence(fault: Any, variables: Mapping[tuple[str, str], str]) -> str:
    """Return what pydantic found as a sentence; `variables` are those of the environment, by the setting they give."""
    loc = tuple(map(str, fault["loc"]))
    path = _path(loc)
    if fault["type"] == "extra_forbidden":
        section = _place(loc[:-1]).section
        what = unknown(loc[-1], section, _path(loc[:-1])) if section and loc[1:] else unknown_section(loc[-1])
        return f"{path}: {what}"
    place = _place(loc)
    if place.section is not None:
        own = f"this is a section: write [{path}] on a line, and its settings below"
        return f"{path}: {_own(fault) if fault['type'] == 'value_error' else own}"
    wanted = _own(fault) if fault["type"] == "value_error" else f"this has to be {_expected(fault, place)}"
    variable = variables.get((loc[0], place.name), "")
    given = _given(fault["input"], place.name)
    if given and not (isinstance(fault["input"], str) and wanted.startswith(f"{fault['input']} ")):
        return f"{path}: {wanted}; {given} was given" + (f" by {variable}" if variable else "")
    return f"{path}: {wanted}" + (f"; it was given by {variable}" if variable else "")


def unknown(name: str, section: type[Section], path: str, write: Callable[[str, str], str] = _dotted) -> str:
    """Return that a section has no setting of a name, and which one may have been meant, as `write` writes it."""
    near = difflib.get_close_matches(name, section.model_fields, n=1)
    meant = [write(path, key) for key in near]
    meant = meant or [write(other, name) for other, inner in sections().items() if name in inner.model_fields]
    return "there is no such setting" + (f"; did you mean {' or '.join(meant)}?" if meant else "")


def unknown_section(name: str, write: Callable[[str, str], str] = _dotted) -> str:
    """Return that there is no section of a name, and what may have been meant."""
    near = difflib.get_close_matches(name, sections(), n=1)
    meant = [f"[{one}]" for one in near]
    meant = meant or [write(other, name) for other, inner in sections().items() if name in inner.model_fields]
    return "there is no such section" + (f"; did you mean {' or '.join(meant)}?" if meant else "")


def sections() -> dict[str, type[Section]]:
    """Return the sections of the settings by their names."""
    return {
        name: type(field.default) for name, field in Settings.model_fields.items() if isinstance(field.default, Section)
    }


def _own(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _path(loc: Sequence[str]) -> str:
    return ".".join(json.dumps(part, ensure_ascii=False) if "." in part else part for part in loc)


def _place(loc: Sequence[str]) -> _Place:
    place = _Place(Settings, Settings, (), "")
    for part in loc:
        fields = place.section.model_fields if place.section else {}
        if part in fields:
            kind, bounds, name = _bare(fields[part].annotation), fields[part].metadata, part
        else:
            # A place in a list, or a name in a table.
            inner = [one for one in typing.get_args(place.kind) if one is not ...]
            kind, bounds, name = (_bare(inner[-1]) if inner else str), [], place.name
        section = kind if isinstance(kind, type) and issubclass(kind, Section) else None
        place = _Place(section, kind, bounds, name)
    return place


def _bare(annotation: Any) -> Any:
    """Return a type without what checks it, and without None."""
    inner = [one for one in typing.get_args(annotation) if one is not NoneType]
    if typing.get_origin(annotation) is typing.Annotated or NoneType in typing.get_args(annotation):
        return _bare(inner[0])
    return annotation


def _expected(fault: Any, place: _Place) -> str:
    if rule := _RULES.get(fault["type"]):
        return rule
    if place.kind in (int, float):
        return ("a whole number" if place.kind is int else "a number") + _within(place.bounds)
    origin = typing.get_origin(place.kind)
    if origin is Literal:
        *others, last = (json.dumps(choice) for choice in typing.get_args(place.kind))
        return f"{', '.join(others)} or {last}"
    return _KINDS.get(origin or place.kind, "another kind of value")


def _within(bounds: Sequence[Any]) -> str:
    told = [
        f"{words} {getattr(bound, name)}"
        for kind, name, words in ((Ge, "ge", "from"), (Gt, "gt", "above"), (Le, "le", "up to"), (Lt, "lt", "below"))
        for bound in bounds
        if isinstance(bound, kind)
    ]
    if len(told) == 1 and told[0].startswith("from"):
        return f", {told[0].removeprefix('from ')} or more"
    return f" {' '.join(told)}" if told else ""


def _given(value: Any, name: str) -> str:
    """Return a value as it is written in TOML, or nothing where it may be a secret."""
    if name in _SECRETIVE or name.endswith("_file"):
        return ""
    if isinstance(value, str):
        if not value.isprintable():
            return ""
        cut = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
        return json.dumps(cut, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a list" if isinstance(value, list | tuple) else "a table" if isinstance(value, dict) else str(value)
