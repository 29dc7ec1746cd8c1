"""Real days of sources, played to `newsletter run`: every due issue goes out once, and nobody gets a paper twice."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import played
import season

from newsletter.config.sending import Delivery

# With the broken feed's worst days, a pause and its end, one who joins, a feed that is gone, the end of summer time,
# and the hub's day in an object and the one cut in its middle; bench/days.py plays all of them.
DAYS = range(14, 23)
BENCH = Path(__file__).resolve().parents[2] / "bench" / "days.py"


async def test_every_due_issue_goes_out_once_and_faults_leave_the_same_record(
    shared: Path, new_database: Callable[..., str], tmp_path: Path
) -> None:
    urls = [new_database("sqlite"), new_database("sqlite")]
    async with season.place(shared, DAYS) as place:
        assert place.sources.count == 44
        await season.play(place, urls[0], tmp_path, season.plainly)
        whole = await season.judge(place, urls[0])
        assert whole.right, whole
        assert whole.empty * 20 < whole.issues
    # The seed is in the report of a failure, so that it can be played again.
    seed = Random().randrange(10**6)
    chance = Random(seed)
    async with season.place(shared, DAYS) as place:
        place.sources.trouble = trouble = played.Trouble(chance)
        season.mail_trouble(place.mail, chance)
        killer = season.Killer(chance, 0.05)
        await season.play(place, urls[1], tmp_path, killer)
        hard = await season.judge(place, urls[1], timedelta(seconds=Delivery().give_up_after))
        assert hard.right, (seed, hard)
        assert trouble.count > len(DAYS)
        assert killer.count > 0
    assert await season.works(urls[1]) == await season.works(urls[0]), seed
    # All sources can be read before anybody's hour, so everybody gets the same papers in the same order.
    before, after = await season.chosen(urls[0]), await season.chosen(urls[1])
    assert {key: works for key, (_, works) in before.items()} == {key: works for key, (_, works) in after.items()}, seed


def test_a_program_that_is_killed_again_and_again_ends_in_the_same_record(shared: Path) -> None:
    words = ["--days", "19-20", "--kills", "4"]
    run = subprocess.run([sys.executable, BENCH, *words], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    killed, compared = run.stdout.splitlines()[-2:]
    assert "missing=0 extra=0 twice=0 unlike=0 untimely=0" in killed
    assert "kills=0 " not in killed
    assert "same works and votes=True same issues=True" in compared


def test_what_was_played_to_its_end_is_not_played_again(shared: Path, tmp_path: Path) -> None:
    def played(*words: str) -> list[str]:
        call = [sys.executable, str(BENCH), "--days", "19-19", "--folder", str(tmp_path), *words]
        run = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return [line for line in run.stdout.splitlines() if line.startswith("plain: ")]

    first = played()
    assert played() == [f"{line} (of before)" for line in first] != []
    # What was cut off has no end on record.
    (tmp_path / "plain.json").unlink()
    assert "of before" not in played()[0]
