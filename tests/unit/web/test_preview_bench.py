"""What the preview says of templates is found once, and found anew when a file has changed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newsletter.app import open_app
from newsletter.config import Rendering, Settings
from newsletter.web.preview.bench import Asked, Bench, Fault

WRONG = '<mj-text {}="0"><p>{{{{ told }}}}</p></mj-text>'


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    (tmp_path / "own" / "email").mkdir(parents=True)
    settings = Settings(folder=tmp_path, rendering=Rendering(templates=Path("own")))
    async with open_app(settings, checked=False) as app:
        bench = Bench(app, lambda: settings, tmp_path / "config.toml")
        yield bench
        await bench.close()


async def told(bench: Bench, kind: str) -> list[str]:
    found = await bench.see(Asked(kind=kind))
    assert not isinstance(found, Fault)
    return [warning for warning in found[1].warnings if warning.startswith("own/")]


async def test_templates_are_looked_at_once_until_one_changes(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "own" / "email" / "told.mjml.j2"
    file.write_text(WRONG.format("paddng"))
    before = ["own/email/told.mjml.j2:1: <mj-text> takes no `paddng`. Is padding meant?"]
    assert await told(bench, "one") == before
    file.write_text(WRONG.format("colr"))
    assert await told(bench, "one") == before
    assert await told(bench, "welcome") == before
    await bench.take({file})
    assert await told(bench, "one") == ["own/email/told.mjml.j2:1: <mj-text> takes no `colr`. Is color meant?"]
    file.unlink()
    await bench.take({file})
    assert await told(bench, "one") == []


async def test_where_no_mail_can_be_made_all_faults_are_told(bench: Bench, tmp_path: Path) -> None:
    for name in ("told", "rest"):
        (tmp_path / "own" / "email" / f"{name}.mjml.j2").write_text("<mj-text>{{ nobody }}</mj-text>")
    found = await bench.see(Asked(kind="one"))
    assert isinstance(found, Fault)
    assert found.in_a_file
    assert found.faults == (
        "own/email/rest.mjml.j2:1: `nobody` is not given here.",
        "own/email/told.mjml.j2:1: `nobody` is not given here.",
    )


async def test_a_folder_that_went_is_told_without_faults(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "own" / "email").rmdir()
    (tmp_path / "own").rmdir()
    found = await bench.see(Asked(kind="one"))
    assert isinstance(found, Fault)
    assert "is not there" in found.message
    assert found.faults == ()
