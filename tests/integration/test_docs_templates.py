"""An operator who follows docs/templates.md line by line gets what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from outside import ROOT

PAGE = (ROOT / "docs" / "templates.md").read_text("utf-8")


def steps() -> list[tuple[str, list[str]]]:
    """Return each command of the page with the lines that it says follow."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found


def said(lines: list[str]) -> str:
    """Return what matches the answer; three dots are any words, and alone on a line any lines."""
    return "".join(
        r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n" for line in lines
    )


def test_the_page_is_followed(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "newsletter"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m newsletter "$@"\n')
    program.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    here = tmp_path
    assert len(steps()) > 10
    for command, lines in steps():
        if command.startswith("cd "):
            here = here / command.removeprefix("cd ")
            continue
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=here,
            env=clean | {"PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert re.fullmatch(said(lines), done.stdout), f"{command}\n{done.stdout}"
        assert done.returncode == int("faults" in done.stdout), command
