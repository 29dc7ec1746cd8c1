"""`newsletter status`: how things stand, in one look."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column, shown
from newsletter.cli.send import MEANINGS, waits_for
from newsletter.errors import SettingsError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.config import Settings
    from newsletter.models import Feed
    from newsletter.pipeline.days import Quiet
    from newsletter.pipeline.pacing import Held, InForce
    from newsletter.pipeline.record import Status


class Look(NamedTuple):
    """What one look found."""

    figures: "Status"
    limits: "list[InForce]"
    held: "list[Held]"
    broken: "list[Feed]"
    quiet: "list[Quiet]"
    at: datetime


@click.command("status", cls=Command, example="newsletter status\nnewsletter status --json --check")
@click.option("--check", is_flag=True, help="Leave with 1 if a feed stays broken, or brought less than it should.")
@pass_face
def status(face: Face, check: bool) -> None:
    """Show how things stand.

    How many people, papers and deliveries there are, where mail goes and when the next is due; how often papers from
    outside their topics pleased readers who ever said so, beside the others; all limits in force and which of them hold
    mail up; whether mail is signed; how what comes back is read; and which feeds stay broken, or brought nothing or far
    less than usual on their last day that is no holiday.
    """
    from newsletter.pipeline import days, pacing, record, refresh

    async def look(app: "App") -> Look:
        pacer = app.pacing()
        held = [] if pacer is None else await pacer.look()
        now = app.clock.now()
        broken = await refresh.lasting_faults(app.database, app.clock, app.settings.feeds)
        quiet = await days.standing(app.database, app.clock)
        limits = pacing.in_force(app.settings, now)
        return Look(await record.status(app.database), limits, held, broken, quiet, now)

    found = face.run(look)
    keys, fault = _keys(face.settings)
    if face.json:
        face.out.line(_record(face.settings, found, keys, fault))
    else:
        _tell(face, found, keys, fault)
    if check and (found.broken or found.quiet):
        raise click.exceptions.Exit(1)


def _tell(face: Face, found: Look, keys: list[dict[str, Any]], fault: str) -> None:
    figures, due, out = found.figures, found.figures.next_due, face.out
    confirmed = figures.subscribers.get("confirmed", 0)
    others = ", ".join(f"{number:,} {state}" for state, number in figures.subscribers.items() if state != "confirmed")
    waiting = sum(figures.deliveries.get(state, 0) for state in ("queued", "deferred"))
    out.facts(
        {
            "subscribers": f"{confirmed:,}" + (f" (and {others})" if others else ""),
            "papers": f"{figures.papers:,}",
            "suppressed": _counted(figures.suppressions, "address", "addresses") if figures.suppressions else None,
            "mail goes to": _relay(face.settings),
            "signed": list(map(out.hint, _signed(keys, fault))),
            "comes back": list(map(out.hint, _returns(face.settings))),
            "limits": [f"{limit.words} ({limit.setting})" for limit in found.limits],
            "held up": f"{_counted(waiting, 'message', 'messages')}, by {waits_for(found.held)}"
            if found.held
            else None,
            "broken feeds": list(map(_broken, found.broken)),
            "quiet feeds": list(map(str, found.quiet)),
            "outside topics": _fared(figures),
            "next due": None if due is None else f"since {shown(due)}" if due <= found.at else due,
        }
    )
    out.say()
    out.table(
        (Column("deliveries", "number", right=True), Column("state", "state"), Column("which means", "meaning")),
        [
            {"number": f"{number:,}", "state": state, "meaning": out.hint(MEANINGS.get(state, ""))}
            for state, number in sorted(figures.deliveries.items())
        ],
        empty="Nothing was composed so far.",
    )


def _relay(settings: "Settings") -> str:
    smtp = settings.smtp
    if not smtp.host:
        return "the built-in catcher: nobody is mailed until smtp.host is set"
    how = {"tls": "by TLS", "starttls": "by STARTTLS", "plain": "not encrypted"}[smtp.transport]
    return f"{smtp.host}, port {smtp.port}, {how}" + (f", as {smtp.username}" if smtp.username else "")


def _keys(settings: "Settings") -> tuple[list[dict[str, Any]], str]:
    """Return the keys that sign mail, and what is wrong with them."""
    from newsletter.pipeline import dkim

    try:
        found = dkim.records(settings)
    except SettingsError as error:
        return [], error.message
    return [{"domain": one.domain, "selector": one.selector, "type": one.kind, "bits": one.bits} for one in found], ""


def _signed(keys: list[dict[str, Any]], fault: str) -> list[str]:
    if fault:
        return [f"no mail can be sent: {fault}"]
    if not keys:
        return ["no: dkim.domain is not set; `newsletter dkim keygen` makes a key and says what to set"]
    kinds = {"rsa": "RSA of {bits} bits", "ed25519": "Ed25519"}
    return [f"by {one['domain']}, selector {one['selector']}, {kinds[one['type']].format(**one)}" for one in keys]


def _returns(settings: "Settings") -> list[str]:
    bounces = settings.bounces
    if bounces.address is None:
        to = f"to {settings.newsletter.from_address}; with bounces.address each message has a return path of its own"
    else:
        name, _, domain = bounces.address.rpartition("@")
        to = f"to {name}{bounces.delimiter}TOKEN@{domain}, a return path of its own for each message"
    ways = _ways(settings)
    if not ways:
        return [to, "read by nothing: set bounces.maildir, imap_host or lmtp_port, or call `newsletter bounces ingest`"]
    return [to, *(f"read {way}" for way in ways)]


def _ways(settings: "Settings") -> list[str]:
    """Return how `newsletter run` reads what comes back."""
    bounces = settings.bounces
    ways = []
    if bounces.maildir is not None:
        ways.append(f"from the Maildir {settings.path(bounces.maildir)}, every {bounces.poll_minutes} minutes")
    if bounces.imap_host:
        box = f"{bounces.imap_folder} of {bounces.imap_username} at {bounces.imap_host}"
        ways.append(f"from the mailbox {box}, every {bounces.poll_minutes} minutes")
    if settings.web.base_url:
        ways += [f"at {settings.web.base_url.rstrip('/')}/hooks/{relay}" for relay in settings.hooks.relays]
    if bounces.lmtp_port:
        ways.append(f"by LMTP on 127.0.0.1, port {bounces.lmtp_port}")
    return ways


def _record(settings: "Settings", found: Look, keys: list[dict[str, Any]], fault: str) -> dict[str, Any]:
    figures = found.figures
    return {
        "subscribers": figures.subscribers.get("confirmed", 0),
        "papers": figures.papers,
        "deliveries": figures.deliveries,
        "subscribers_by_state": figures.subscribers,
        "suppressions": figures.suppressions,
        "outside": figures.outside._asdict(),
        "inside": figures.inside._asdict(),
        "next_due": figures.next_due,
        "relay": {"host": settings.smtp.host, "port": settings.smtp.port, "security": settings.smtp.transport},
        "limits": [one._asdict() for one in found.limits],
        "held": [one._asdict() for one in found.held],
        "dkim": keys,
        "dkim_fault": fault,
        "return_path": settings.bounces.address,
        "returns": _ways(settings),
        "broken_feeds": [_fault(feed) for feed in found.broken],
        "quiet_feeds": [day._asdict() for day in found.quiet],
    }


def _fault(feed: "Feed") -> dict[str, Any]:
    return {"location": feed.location, "since": feed.faulty_since, "gone": bool(feed.gone_at), "fault": feed.last_fault}


def _broken(feed: "Feed") -> str:
    return f"{feed.location}, since {shown(feed.faulty_since)}" + (", gone for good" if feed.gone_at else "")


def _fared(figures: "Status") -> str | None:
    """Return how picks from outside the topics fared with readers who ever said anything, beside all others."""
    outside, inside = figures.outside, figures.inside
    if not outside.sent:
        return None
    within = f"{inside.welcome:,} of {inside.sent:,} others ({inside.welcome / max(1, inside.sent):.1%})"
    return (
        f"{outside.welcome:,} of {_counted(outside.sent, 'pick', 'picks')} ({outside.welcome / outside.sent:.1%}) saved"
        f" or followed by more, {within}"
    )


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
