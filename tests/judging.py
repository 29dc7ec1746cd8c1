"""The judges that npm brings: programs that nobody here wrote, of the versions in tests/judges/package.json."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from outside import ROOT

SCRIPTS = ROOT / "tests" / "judges"

# Where `make .venv/.judges` puts them, and where a set of judges beside the checkout does.
PLACES = (ROOT / ".venv" / "judges", Path.home() / ".cache" / "newsletter-judges" / "npm")


@cache
def folder() -> Path:
    """Return the folder whose node_modules has all of them; skips the test where there is none."""
    if shutil.which("node") is None:
        pytest.skip("needs Node.js 20.19 or later (Debian packages nodejs and npm), which is not here")
    wanted: dict[str, str] = json.loads((SCRIPTS / "package.json").read_text("utf-8"))["dependencies"]
    named = os.environ.get("NEWSLETTER_TEST_JUDGES")
    for place in (Path(named),) if named else PLACES:
        if all(_version(place, name) == version for name, version in wanted.items()):
            return place
    pytest.skip("needs the judges of npm; `make .venv/.judges` installs them")


def ask(script: str, *words: str, given: Any = None) -> Any:
    """Return what a script of tests/judges answers; both ways as JSON."""
    done = subprocess.run(
        ["node", SCRIPTS / script, *words],
        input=json.dumps(given),
        env=os.environ | {"JUDGES": str(folder())},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _version(place: Path, name: str) -> str | None:
    try:
        found = json.loads((place / "node_modules" / name / "package.json").read_text("utf-8"))
    except OSError:
        return None
    return str(found["version"])
