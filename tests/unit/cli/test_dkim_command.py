"""`newsletter dkim`: keys that only their user can read, and records that can be copied as they stand."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.main import newsletter


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEWSLETTER_CONFIG", raising=False)


def run(*words: str) -> Result:
    return CliRunner().invoke(newsletter, ("dkim", *words))


def objects(*words: str) -> list[dict[str, Any]]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_keygen_prints_is_all_that_is_needed(tmp_path: Path) -> None:
    made = run("keygen", "--type", "both", "--domain", "example.org")
    assert made.exit_code == 0, made.output
    table = made.stdout[made.stdout.index("[dkim]") :]
    assert tomllib.loads(table)["dkim"] == {
        "domain": "example.org",
        "selector": "newsletter",
        "key_file": "dkim-newsletter.pem",
        "second_selector": "newsletter2",
        "second_key_file": "dkim-newsletter2.pem",
    }
    (tmp_path / "config.toml").write_text(f'[newsletter]\nfrom_address = "papers@example.org"\n\n{table}')
    told = run("record")
    assert told.exit_code == 0, told.output
    assert told.stderr == ""
    for one in objects("record"):
        for printed in (made.stdout, told.stdout):
            assert {one["zone_line"], one["name"], one["value"]} <= set(printed.splitlines())


@pytest.mark.parametrize(("kind", "types"), [("rsa", ["rsa"]), ("ed25519", ["ed25519"]), ("both", ["rsa", "ed25519"])])
def test_keys_are_of_the_type_that_was_asked_for_and_private(tmp_path: Path, kind: str, types: list[str]) -> None:
    mask = os.umask(0)
    try:
        made = objects("keygen", "--type", kind, "--domain", "example.org", "--selector", "2026b")
    finally:
        os.umask(mask)
    assert [one["type"] for one in made] == types
    assert [one["selector"] for one in made] == ["2026b", "2026b2"][: len(types)]
    assert [one["name"] for one in made] == [f"{one['selector']}._domainkey.example.org" for one in made]
    for one in made:
        file = Path(one["key_file"])
        assert file == tmp_path / f"dkim-{one['selector']}.pem"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_no_key_is_overwritten_and_none_is_made_beside_it(tmp_path: Path) -> None:
    (tmp_path / "dkim-newsletter2.pem").write_text("precious")
    done = run("keygen", "--type", "both", "--domain", "example.org")
    assert done.exit_code == 2
    assert f"{tmp_path / 'dkim-newsletter2.pem'} is there already" in done.stderr
    assert "--selector" in done.stderr
    assert (tmp_path / "dkim-newsletter2.pem").read_text() == "precious"
    assert not (tmp_path / "dkim-newsletter.pem").exists()


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "dkim-newsletter.pem").symlink_to(tmp_path / "elsewhere")
    assert run("keygen", "--domain", "example.org").exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_keys_of_another_folder_are_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[newsletter]\nfrom_address = "papers@example.org"\n')
    keys = tmp_path.parent / f"{tmp_path.name}-keys"
    keys.mkdir()
    done = run("keygen", "--out", str(keys))
    assert done.exit_code == 0, done.output
    known = tomllib.loads(done.stdout[done.stdout.index("[dkim]") :])["dkim"]
    assert known == {"domain": "example.org", "selector": "newsletter", "key_file": str(keys / "dkim-newsletter.pem")}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("keygen",), "newsletter.from_address is still that of the example"),
        (("keygen", "--domain", "exa mple.org"), "'exa mple.org' is no domain"),
        (("keygen", "--domain", "example.org", "--selector", "../up"), "'../up' is no selector"),
        (("keygen", "--domain", "example.org", "--out", "nowhere"), "The folder nowhere is not there."),
        (("keygen", "--type", "dsa"), "'dsa'"),
        (("record",), "The settings name no key, so mail is not signed."),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_record_tells_what_should_be_better(tmp_path: Path) -> None:
    run("keygen", "--type", "ed25519", "--domain", "example.com")
    (tmp_path / "config.toml").write_text(
        '[newsletter]\nfrom_address = "papers@example.org"\n'
        '[dkim]\ndomain = "example.com"\nkey_file = "dkim-newsletter.pem"\n'
    )
    done = run("record", "--json")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert "dkim.domain is example.com, and mail comes from example.org" in done.stderr
