"""What goes wrong is one sentence and the next step on stderr, and an exit code; a traceback only with --debug."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.face import Face
from newsletter.cli.main import newsletter
from newsletter.errors import DeliveryError


def run(*words: str, **rest: Any) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(newsletter, words, **rest)


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEWSLETTER_CONFIG", raising=False)


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every command that opens the newsletter end so."""

    def run(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Face, "run", run)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sned",), "There is no command 'sned'. Did you mean send?"),
        (("subscriber", "list"), "Did you mean subscribers?"),
        (("subscribers", "lst"), "There is no command 'lst'. Did you mean list?"),
        (("xyzzy",), "There is no command 'xyzzy'.\n"),
        (("send", "--dat", "2026-11-21"), "Did you mean '--date'?"),
        (("send", "--date", "soon"), "'soon' is no date; write it as 2026-11-21."),
        (("why",), "Missing argument 'EMAIL'"),
        (("preview",), "Whose mail is to be shown?"),
        (("deliveries", "list", "--state", "snet"), "'sent'"),
        (("subscribers", "add", "a@example.org", "--hour", "24"), "0<=x<=23"),
    ],
)
def test_wrong_use_leaves_with_2_and_says_what_is_right(words: tuple[str, ...], sentence: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert sentence in done.stderr


def test_without_a_command_the_listing_is_shown() -> None:
    done = run()
    assert done.exit_code == 2
    assert "subscribers" in done.output


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[smtp]\nport = 0\nhots = 'x'\n[newsletter]\nhour = 25\n")
    done = run("status")
    assert done.exit_code == 2
    assert "config.toml have 3 faults" in done.stderr
    assert [
        path for path in ("smtp.port: ", "smtp.hots: ", "newsletter.hour: ") if f"  {path}" not in done.stderr
    ] == []
    assert done.stderr.endswith("docs/configuration.md and config.example.toml list every setting.\n")


def test_a_settings_file_that_is_not_there_is_told() -> None:
    done = run("--config", "none.toml", "status")
    assert done.exit_code == 2
    assert (
        done.stderr == "Error: There is no settings file none.toml.\n`newsletter --config none.toml init` writes one.\n"
    )


def test_an_error_of_ours_is_a_sentence_and_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, DeliveryError("The server \x1b[31mis away.", next_step="Wait."))
    done = run("status")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: The server  [31mis away.\nWait.\n"


def test_an_error_that_nobody_thought_of_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, ZeroDivisionError("division by zero"))
    done = run("status")
    assert done.exit_code == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("--debug", "status"), ("status", "--debug")])
@pytest.mark.parametrize("error", [DeliveryError("Away."), ZeroDivisionError()])
def test_only_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], error: Exception
) -> None:
    fails_with(monkeypatch, error)
    done = run(*words)
    assert done.exit_code == 1
    assert "Traceback" in done.stderr + capfd.readouterr().err


def test_a_stop_says_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())
    done = run("send")
    assert done.exit_code == 130
    assert done.stderr.strip() == "Stopped; nothing is lost, run it again to go on."


def test_options_of_the_program_stand_before_or_after_the_command(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[smtp]\nport = 0\n")
    for words in (("--config", "other.toml", "status"), ("status", "--config", "other.toml")):
        done = run(*words)
        assert done.exit_code == 2
        assert "The settings in other.toml have 1 fault." in done.stderr


def test_a_hint_names_the_program_as_it_was_called(tmp_path: Path) -> None:
    for called in ([sys.executable, "-m", "newsletter"], [str(tmp_path / "bin" / "newsletter")]):
        if len(called) == 1:
            script = Path(called[0])
            script.parent.mkdir()
            script.write_text(f"#!{sys.executable}\nfrom newsletter.__main__ import main\nmain()\n")
            script.chmod(0o755)
        done = subprocess.run([*called, "status"], capture_output=True, text=True, check=False, env=_environment())
        assert f"`{shlex.join(called)} migrate` creates it." in done.stderr
    onto_path = _environment() | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["newsletter", "status"], capture_output=True, text=True, check=False, env=onto_path)
    assert "`newsletter migrate` creates it." in done.stderr


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
