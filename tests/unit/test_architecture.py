"""The house stands as docs/architecture.md says: layers, short modules, one clock, one reader of the environment."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(ROOT.glob("newsletter/**/*.py"))
LOCKS = ("runtime", "dev", "embeddings")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the contracts of the pyproject.toml in that folder against the package beside it."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("feeds/intruder.py", "import newsletter.store", "The data flows one way"),
        ("models.py", "import newsletter.config", "The data flows one way"),
        ("cli/intruder.py", "import newsletter.delivery", "The faces call the app and the pipeline"),
        ("ranking/intruder.py", "import sqlalchemy", "Only store has a database"),
    ],
)
def test_a_broken_contract_is_noticed(tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(ROOT / "newsletter", tmp_path / "newsletter", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "newsletter" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"{contract}.* BROKEN", result.stdout), result.stdout


def test_modules_fit_into_a_head() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_nothing_is_called_utils() -> None:
    vague = re.compile(r"^(utils?|helpers?|misc|common|tools?)$")
    found = [path for path in (ROOT / "newsletter").rglob("*") if vague.match(path.stem)]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in MODULES if path.stat().st_size and not ast.get_docstring(tree(path))]
    assert [path.relative_to(ROOT) for path in silent] == []


def test_only_the_clock_knows_the_time() -> None:
    told = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in calls()
        if ast.unparse(call.func).endswith((".now", ".utcnow", ".today", "time.time", "time.time_ns"))
        and not re.search(r"(^|\.|_)clock\.now$", ast.unparse(call.func))
    ]
    assert [where for where in told if not where.startswith("newsletter/clock.py:")] == []


def test_only_config_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and "environ" in ast.unparse(node))
    }
    assert readers == {"newsletter/config/reading.py"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_only(lock: str) -> None:
    strange = [
        line
        for line in (ROOT / "locks" / f"{lock}.txt").read_text("utf-8").splitlines()
        if not re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.+!]*( ; [a-z_0-9' !=<>.,()-]+)? \\", line, re.IGNORECASE)
        and not re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line)
    ]
    assert strange == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_locked_at_a_version_that_it_allows(lock: str) -> None:
    held = locked(lock)
    for requirement in required(lock):
        versions = held.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in locks/{lock}.txt; make lock"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_the_program_runs_with_what_the_tests_ran_with() -> None:
    dev = locked("dev")
    assert {name: versions for name, versions in locked("runtime").items() if dev.get(name) != versions} == {}
    beside = locked("embeddings")
    assert {name: versions for name, versions in beside.items() if dev.get(name, versions) != versions} == {}


SOME_SKIPPED = """
import pytest

def test_that_runs():
    pass

@pytest.mark.skipif(True, reason="no such tool")
def test_that_is_marked():
    pass

def test_that_skips_itself():
    pytest.skip("no such tool")

@pytest.mark.xfail(strict=True)
def test_that_is_expected_to_fail():
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("ci", "summary"),
    [("true", "1 failed, 1 passed, 1 xfailed, 2 errors"), ("", "1 passed, 3 skipped, 1 xfailed")],
)
def test_what_lacks_a_tool_is_skipped_but_never_in_ci(tmp_path: Path, ci: str, summary: str) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(SOME_SKIPPED)
    (tmp_path / "test_none.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--continue-on-collection-errors", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"CI": ci, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(rf"^=+ {summary} in ", result.stdout, re.MULTILINE), result.stdout
    assert not ci or "In CI every test runs. Skipped: no such tool" in result.stdout


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in MODULES:
        yield from ((path, node) for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def locked(lock: str) -> dict[str, set[str]]:
    """Return the versions of each name in a lock file; more than one where Pythons differ."""
    held: dict[str, set[str]] = {}
    text = (ROOT / "locks" / f"{lock}.txt").read_text("utf-8")
    for name, version in re.findall(r"^([^\s=]+)==(\S+)", text, re.MULTILINE):
        held.setdefault(canonicalize_name(name), set()).add(version)
    return held


def required(lock: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = {"runtime": (), "dev": ("postgres", "dev"), "embeddings": ("embeddings",)}[lock]
    lines = list(project["project"]["dependencies"])
    lines += [line for extra in extras for line in project["project"]["optional-dependencies"][extra]]
    if lock != "embeddings":  # it is installed beside one of the others
        lines += project["build-system"]["requires"]
    return [Requirement(line) for line in lines]
