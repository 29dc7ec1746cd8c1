"""`newsletter dkim`: keys for signing mail, and what has to stand in the DNS for them."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from newsletter.pipeline.dkim import Published

# RFC 6376 section 3.1: a selector is one or more labels.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_KINDS = {"rsa": ("rsa",), "ed25519": ("ed25519",), "both": ("rsa", "ed25519")}


@click.group("dkim", cls=Group)
def dkim() -> None:
    """Make the keys that sign mail, and show their DNS records."""


@dkim.command(
    "keygen",
    example="newsletter dkim keygen\nnewsletter dkim keygen --type both --selector 2026b --out /etc/newsletter",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(list(_KINDS)),
    default="rsa",
    show_default=True,
    help="RSA of 2048 bits, which every receiver knows; Ed25519, which some know; or both at once.",
)
@click.option("--selector", metavar="S", help="The name of the key in the DNS; by default dkim.selector.")
@click.option("--domain", metavar="D", help="The domain that signs; by default dkim.domain, else that of from_address.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the key goes; by default beside the settings file.",
)
@pass_face
def keygen(face: Face, kind: str, selector: str | None, domain: str | None, folder: Path | None) -> None:
    """Make a key, and print its DNS record and its settings.

    The private key goes into a file that only this user can read; a file that is there is never overwritten. The
    record is for the zone of the domain; once it is published, the settings make the newsletter sign. With `both`, the
    second key has a selector of its own, which ends in 2.
    """
    from newsletter.pipeline import dkim as keys

    settings = face.settings
    domain = domain or settings.dkim.domain or settings.newsletter.domain
    if domain == "newsletter.example":
        raise UsageError(
            "newsletter.from_address is still that of the example, so there is no domain to sign for.",
            next_step="Set it, or name the domain with --domain.",
        )
    first = selector or settings.dkim.selector
    second = f"{selector}2" if selector else settings.dkim.second_selector
    for what, name in (("domain", domain), ("selector", first), ("selector", second)):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no {what}; it has letters, digits, hyphens and dots.")
    if folder is not None and not folder.is_dir():
        raise UsageError(f"The folder {folder} is not there.", next_step="Make it, or name another.")
    wanted = list(zip(_KINDS[kind], (first, second), strict=False))
    made = keys.make(wanted, domain, folder.absolute() if folder else settings.folder)  # type: ignore[arg-type]
    if face.json:
        for one in made:
            face.out.line(_as_record(one))
        return
    for one in made:
        face.out.say(f"{one.file} holds the private key ({_named(one)}); only this user can read it.")
    face.out.say()
    _show(face, made)
    face.out.say()
    face.out.say("Once it can be seen there, these settings make the newsletter sign:")
    face.out.say()
    for line in _settings(made, settings.folder):
        face.out.say(line, whole=True)


@dkim.command("record", example="newsletter dkim record\nnewsletter dkim record --json")
@pass_face
def record(face: Face) -> None:
    """Print the DNS records of the keys in the settings."""
    from newsletter.pipeline import dkim as keys

    found = keys.records(face.settings)
    if not found:
        raise SettingsError(
            "The settings name no key, so mail is not signed.",
            next_step="`newsletter dkim keygen` makes one and says what to set.",
        )
    if face.json:
        for one in found:
            face.out.line(_as_record(one))
    else:
        _show(face, found)
    for sentence in keys.doubts(face.settings):
        face.out.warn(sentence)


def _show(face: Face, shown: "list[Published]") -> None:
    """Print records so that they can be copied: each on one line, whatever the width of the terminal."""
    several = len(shown) > 1
    domain = shown[0].domain
    face.out.say(f"{'These records have' if several else 'This record has'} to stand in the zone of {domain}:")
    for one in shown:
        face.out.say()
        face.out.say(one.zone_line, whole=True)
    face.out.say()
    face.out.say("Where a form asks for name and value of a TXT record:")
    for one in shown:
        face.out.say()
        face.out.say(one.name, whole=True)
        face.out.say(one.value, whole=True)


def _settings(made: "list[Published]", beside: Path) -> list[str]:
    lines = ["[dkim]", f"domain = {_quoted(made[0].domain)}"]
    for one, prefix in zip(made, ("", "second_"), strict=False):
        file = one.file.relative_to(beside) if one.file.is_relative_to(beside) else one.file
        lines += [f"{prefix}selector = {_quoted(one.selector)}", f"{prefix}key_file = {_quoted(str(file))}"]
    return lines


def _quoted(text: str) -> str:
    # A basic string of TOML is written as one of JSON.
    return json.dumps(text, ensure_ascii=False)


def _as_record(one: "Published") -> dict[str, object]:
    return {
        "domain": one.domain,
        "selector": one.selector,
        "type": one.kind,
        "bits": one.bits,
        "key_file": str(one.file),
        "name": one.name,
        "value": one.value,
        "zone_line": one.zone_line,
    }


def _named(one: "Published") -> str:
    return f"RSA of {one.bits} bits" if one.kind == "rsa" else "Ed25519"
