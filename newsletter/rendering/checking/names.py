"""The names that Jinja uses in a template, against those that the mail gives; knows no markup and no file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import jinja2
from jinja2 import meta, nodes

from newsletter.rendering.checking.values import nearest

# What i18n brings, in every template; it keeps a call within {% trans %} under the last name.
WORDS = frozenset({"_", "gettext", "ngettext", "pgettext", "npgettext", "_trans"})

_UNKNOWN = object()


class Wrong(NamedTuple):
    """A name that is not given: on which line, in which sentence, and the nearest that is."""

    line: int
    sentence: str
    meant: str


Given = Callable[[int], "Mapping[str, Any] | None"]


def wrong(tree: nodes.Template, given: Given, also: Iterable[str] = ()) -> Iterator[Wrong]:
    """Yield what a template uses and is not given.

    `given` returns the names that are given on a line, with a sample of each value, or None where nothing is known of
    it. `also` are names that may stand everywhere. What is asked for with `is defined` or has a default may be absent.
    """
    # Most lines have many names.
    given = cache(given)
    environment = tree.environment or jinja2.Environment(autoescape=True)
    free = meta.find_undeclared_variables(tree) - set(environment.globals) - WORDS - set(also)
    spared = {id(node) for node in _spared(tree)}
    guarded = {node.name for node in _spared(tree) if isinstance(node, nodes.Name)}
    samples = _samples(tree, given, free)
    needed = free - guarded
    for node in tree.find_all(nodes.Name):
        if node.name not in needed or node.ctx != "load":
            continue
        known = given(node.lineno)
        if known is None or node.name in known:
            continue
        yield Wrong(node.lineno, f"`{node.name}` is not given here", nearest(node.name, {*known, *samples}))
    for part in tree.find_all(nodes.Getattr):
        if id(part) in spared:
            continue
        sample = _sample(part.node, given(part.lineno) or {}, free, samples)
        if sample is not _UNKNOWN and not _has(sample, part.attr):
            what = _path(part.node)
            near = nearest(part.attr, _attributes(sample))
            yield Wrong(part.lineno, f"`{what}` has no `{part.attr}`", f"{what}.{near}" if near else "")


def used(tree: nodes.Template) -> frozenset[str]:
    """Return the names that a template takes from outside."""
    return frozenset(meta.find_undeclared_variables(tree)) - WORDS


def made(tree: nodes.Template) -> frozenset[str]:
    """Return the names that a template makes for those that follow in the same document."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, nodes.Assign | nodes.AssignBlock):
            found.update(name.name for name in node.target.find_all(nodes.Name))
            if isinstance(node.target, nodes.Name):
                found.add(node.target.name)
        elif isinstance(node, nodes.Macro):
            found.add(node.name)
        elif isinstance(node, nodes.Import):
            found.add(node.target)
        elif isinstance(node, nodes.FromImport):
            found.update(name[1] if isinstance(name, tuple) else name for name in node.names)
    return frozenset(found)


def included(tree: nodes.Template) -> Iterator[tuple[str, int, bool]]:
    """Yield the templates that Jinja takes in, each with its line and whether it may be absent."""
    for node in tree.find_all((nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)):
        target = getattr(node, "template", None)
        may_miss = bool(getattr(node, "ignore_missing", False))
        listed = target.items if isinstance(target, nodes.List | nodes.Tuple) else [target]
        for one in listed:
            if isinstance(one, nodes.Const) and isinstance(one.value, str):
                yield one.value, node.lineno, may_miss or len(listed) > 1


def _spared(tree: nodes.Template) -> Iterator[nodes.Node]:
    """Yield what may be absent: it is asked for, or has a default."""
    for test in tree.find_all(nodes.Test):
        if test.name in ("defined", "undefined"):
            yield test.node
    for one in tree.find_all(nodes.Filter):
        if one.name in ("default", "d") and one.node is not None:
            yield one.node


def _samples(tree: nodes.Template, given: Given, free: set[str]) -> dict[str, Any]:
    """Return a sample of what each loop goes over, where there is one; a name that is set elsewhere too has none."""
    found: dict[str, Any] = {}
    loops = list(tree.find_all(nodes.For))
    for loop in loops:
        many = _sample(loop.iter, given(loop.lineno) or {}, free, found)
        first = next(iter(many), _UNKNOWN) if isinstance(many, list | tuple) else _UNKNOWN
        if isinstance(loop.target, nodes.Name):
            found[loop.target.name] = first if loop.target.name not in found else _UNKNOWN
    others = [*tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.With)), *tree.find_all(nodes.Macro)]
    for node in others:
        for name in node.find_all(nodes.Name):
            if name.ctx in ("store", "param"):
                found[name.name] = _UNKNOWN
    return found


def _sample(node: nodes.Node, known: Mapping[str, Any], free: set[str], samples: Mapping[str, Any]) -> Any:
    """Return a sample of what an expression gives, as far as names and their attributes tell."""
    if isinstance(node, nodes.Name):
        if node.name in samples:
            return samples[node.name]
        return known.get(node.name, _UNKNOWN) if node.name in free else _UNKNOWN
    if isinstance(node, nodes.Getattr):
        of = _sample(node.node, known, free, samples)
        if of is _UNKNOWN or not _has(of, node.attr):
            return _UNKNOWN
        return of[node.attr] if isinstance(of, Mapping) and node.attr in of else getattr(of, node.attr, _UNKNOWN)
    return _UNKNOWN


def _has(sample: Any, attribute: str) -> bool:
    if sample is None or sample is _UNKNOWN:
        return True
    return hasattr(sample, attribute) or (isinstance(sample, Mapping) and attribute in sample)


def _attributes(sample: Any) -> set[str]:
    if isinstance(sample, Mapping):
        return {str(key) for key in sample}
    return {name for name in dir(sample) if not name.startswith("_")}


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    return f"{_path(node.node)}.{node.attr}" if isinstance(node, nodes.Getattr) else "this"
