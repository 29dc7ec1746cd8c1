"""The settings from TOML, then from `NEWSLETTER_*` of the environment, and secrets from files."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from newsletter.config import faults as words
from newsletter.config.forms import Section
from newsletter.config.sections import Settings
from newsletter.errors import SettingsError

ENVIRONMENT = "NEWSLETTER_"
CONFIG_VARIABLE = "NEWSLETTER_CONFIG"
DEFAULT_FILE = Path("config.toml")

# Read by other programs than this one under the same prefix.
FOREIGN_VARIABLES = ("NEWSLETTER_CONFIG", "NEWSLETTER_TEST_")


def find(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the settings file in use: the one given, else `NEWSLETTER_CONFIG`, else ./config.toml if any."""
    if given is not None:
        return given
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def load(file: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the settings.

    `file` is a TOML file, or None for the defaults; variables of `environment` such as
    `NEWSLETTER_SMTP__HOST` stand above it. Raises SettingsError with every fault at once, each with its
    dotted path.
    """
    document = _read(file) if file is not None else {}
    above, faults = _from_environment(environment)
    if document.pop("folder", None) is not None:
        faults.append(f"folder: {words.unknown_section('folder')}")
    merged = _merge(document, above)
    try:
        settings = Settings(**merged, folder=(file.absolute().parent if file is not None else Path.cwd()))
    except ValidationError as error:
        variables = {(name, key): _variable(name, key) for name, values in above.items() for key in values}
        faults += [words.sentence(fault, variables) for fault in error.errors(include_url=False)]
        settings = None
    if settings is None or faults:
        where = str(file) if file is not None else "the environment"
        raise SettingsError(
            f"The settings in {where} have {len(faults)} fault{'s' if len(faults) > 1 else ''}.",
            faults=tuple(faults),
            next_step="docs/configuration.md and config.example.toml list every setting.",
        )
    return settings


def change(settings: Settings, given: Mapping[str, str]) -> Settings:
    """Return settings with others in place of some, by their dotted paths; values are written as in TOML.

    Raises SettingsError with every fault at once.
    """
    faults: list[str] = []
    changed: dict[str, Section] = {}
    for path, written in given.items():
        name, _, key = path.partition(".")
        section = changed.get(name, getattr(settings, name, None) if name in words.sections() else None)
        if section is None:
            faults.append(f"{path}: {words.unknown_section(name)}")
        elif key not in type(section).model_fields:
            faults.append(f"{path}: {words.unknown(key, type(section), name)}")
        else:
            try:
                changed[name] = type(section)(**{**section.model_dump(), key: _value(written)})
            except ValidationError as error:
                found = error.errors(include_url=False)
                faults += [words.sentence({**fault, "loc": (name, *fault["loc"])}, {}) for fault in found]
    if faults:
        raise SettingsError("The settings that were given have faults.", faults=tuple(faults))
    return settings.model_copy(update=changed)


def _value(written: str) -> Any:
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return written


def secret(path: Path, what: str) -> SecretStr:
    """Read a secret from a file, without the line end at its end."""
    try:
        return SecretStr(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{what} cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is not text'}.",
            next_step="Write the secret into that file, readable by this user alone.",
        ) from error


def example() -> str:
    """Return `config.example.toml`: every setting with its meaning and its default."""
    lines = ["# Every setting with its default. Copy what you change to config.toml.", ""]
    for name, field in Settings.model_fields.items():
        section = field.default
        if not isinstance(section, Section):
            continue
        lines += [f"# {type(section).__doc__}", f"[{name}]"]
        for key, inner in type(section).model_fields.items():
            lines.append(f"# {inner.description}")
            value = getattr(section, key)
            lines.append(f"# {key} =" if value is None else f"{key} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no settings file {file}.", next_step="`newsletter init` writes one.") from error
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}.", next_step="Mend that line.") from error


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings that variables name, and a fault for each that names none, most often a slip."""
    found: dict[str, dict[str, Any]] = {}
    faults = []
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT) or variable.startswith(FOREIGN_VARIABLES):
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT).lower().partition("__")
        known = Settings.model_fields.get(section)
        if known is None or not isinstance(known.default, Section):
            faults.append(f"{variable}: {words.unknown_section(section, _variable)}")
        elif not key:
            faults.append(f"{variable}: this names no setting; write it as {_variable(section, 'NAME')}")
        elif key not in type(known.default).model_fields:
            faults.append(f"{variable}: {words.unknown(key, type(known.default), section, _variable)}")
        elif isinstance(getattr(known.default, key), tuple | dict):
            try:
                found.setdefault(section, {})[key] = json.loads(environment[variable])
            except ValueError:
                faults.append(f'{variable}: this has to be written as in JSON, such as ["one", "two"]')
        else:
            found.setdefault(section, {})[key] = environment[variable]
    return found, faults


def _merge(below: dict[str, Any], above: dict[str, dict[str, Any]]) -> dict[str, Any]:
    merged = dict(below)
    for section, values in above.items():
        under = merged.get(section, {})
        # What is no table stays, to be told as a fault.
        merged[section] = {**under, **values} if isinstance(under, dict) else under
    return merged


def _variable(section: str, key: str) -> str:
    return f"{ENVIRONMENT}{section}__{key}".upper()


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
