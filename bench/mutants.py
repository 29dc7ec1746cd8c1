"""Break the guards of delivery one at a time, and see that the model of schedules finds each.

    python bench/mutants.py [--schedules N] [--seed S] [--only WORD]

Each mutant is a copy of the package in which one text is replaced; it fails loudly where that text is not there once.
Those that are `equal` change nothing that a reader or the record could tell, and are to pass like the package itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Mutant(NamedTuple):
    """One change: what it breaks, where, and the text.

    `equal` says why nobody could tell; `rare` is how many times as many schedules it takes to find it.
    """

    what: str
    file: str
    old: str
    new: str
    equal: str = ""
    rare: int = 1


MUTANTS = [
    Mutant("none", "store/moves.py", "def _moving", "def _moving", equal="it is the package itself"),
    # store/moves.py
    Mutant(
        "an outcome counts without the lease",
        "store/moves.py",
        "        or_(deliveries.c.lease_owner == owner, and_(within(DeliveryState.UNKNOWN), taken)),\n",
        "",
    ),
    Mutant(
        "a late yes does not count",
        "store/moves.py",
        "or_(deliveries.c.lease_owner == owner, and_(within(DeliveryState.UNKNOWN), taken))",
        "deliveries.c.lease_owner == owner",
    ),
    Mutant(
        "a late no counts",
        "store/moves.py",
        "and_(within(DeliveryState.UNKNOWN), taken)",
        "within(DeliveryState.UNKNOWN)",
    ),
    Mutant(
        "begun without the lease",
        "store/moves.py",
        "        deliveries.c.lease_owner == owner,\n        WAITING,\n",
        "        WAITING,\n",
    ),
    Mutant(
        "begun for those who left",
        "store/moves.py",
        "subscribers.c.id == deliveries.c.subscriber_id, _MAY_BE_MAILED",
        "subscribers.c.id == deliveries.c.subscriber_id",
        equal="who leaves ends the leases on their mail too",
    ),
    # store/deliveries.py
    Mutant(
        "what is lost on its way is queued",
        "store/deliveries.py",
        "state=DeliveryState.QUEUED if resend else DeliveryState.UNKNOWN",
        "state=DeliveryState.QUEUED",
    ),
    Mutant(
        "what is lost on its way leaves no attempt",
        "store/deliveries.py",
        '    await keep_attempts(connection, [(number, "unknown", None, "", text) for number in ids], now)\n',
        "",
    ),
    Mutant(
        "doubt is forgotten on failure",
        "store/outcomes.py",
        "within(*RELEASING), deliveries.c.id.in_(doubtful))",
        "within(*RELEASING), deliveries.c.id.in_([]))",
    ),
    Mutant(
        "papers are never released",
        "store/outcomes.py",
        "    await _release_papers(connection, [one.delivery_id for one in settled if one.state in RELEASING])\n",
        "",
    ),
    Mutant(
        "papers are released by what was said, not by what was written",
        "store/outcomes.py",
        "ended = select(deliveries.c.issue_id).where(deliveries.c.id.in_(part), within(*RELEASING))",
        "ended = select(deliveries.c.issue_id).where(deliveries.c.id.in_(part))",
    ),
    Mutant(
        "what another process sends is given back",
        "store/deliveries.py",
        "deliveries.c.id.in_(ids), deliveries.c.lease_owner == owner, or_(WAITING, noted)",
        "deliveries.c.id.in_(ids), or_(WAITING, noted)",
    ),
    Mutant(
        "what was sent may be given back",
        "store/deliveries.py",
        "deliveries.c.id.in_(ids), deliveries.c.lease_owner == owner, or_(WAITING, noted)",
        "deliveries.c.id.in_(ids), deliveries.c.lease_owner == owner",
        equal="what has come to its end holds no lease, so none is its owner's",
    ),
    Mutant(
        "claimed before its time",
        "store/deliveries.py",
        "        deliveries.c.due_at <= now,\n",
        "",
    ),
    Mutant(
        "claimed while unknown",
        "store/deliveries.py",
        "    claimable = and_(\n        WAITING,",
        "    claimable = and_(\n        or_(WAITING, within(DeliveryState.UNKNOWN)),",
    ),
    Mutant(
        "dead addresses are not suppressed",
        "store/outcomes.py",
        "if one.suppress and await _is_over(connection, one.delivery_id):",
        "if one.suppress and False:",
    ),
    Mutant(
        "what a living process sends is taken back",
        "store/deliveries.py",
        "sending = and_(deliveries.c.state == DeliveryState.SENDING, leased)",
        "sending = and_(deliveries.c.state == DeliveryState.SENDING)",
    ),
    # elsewhere
    Mutant(
        "a retry takes no papers back",
        "pipeline/record.py",
        "if one.state in RELEASING and not await papers.take_again(connection, one.issue_id, one.subscriber_id):",
        "if False:",
    ),
    Mutant(
        "a report about what is sent again counts for nothing",
        "store/bounces.py",
        "movable = or_(deliveries.c.state.in_(taken), and_(deliveries.c.state.in_(_WAITING), doubtful.exists()))",
        "movable = deliveries.c.state.in_(taken)",
    ),
    # pipeline/ledger.py
    Mutant(
        "a refusal of the record is not heeded",
        "pipeline/ledger.py",
        "noted.set_result(number in ours)",
        "noted.set_result(True)",
    ),
    Mutant(
        "answers are not written beside a beginning",
        "pipeline/ledger.py",
        "outcomes.note(connection, self._owner, settled, beginning, now, made)",
        "outcomes.note(connection, self._owner, () if beginning else settled, beginning, now, made)",
    ),
    Mutant(
        "answers are dropped at the end",
        "pipeline/ledger.py",
        "flushing = asyncio.ensure_future(self.flush())",
        "flushing = asyncio.ensure_future(asyncio.sleep(0))",
        equal="in the one thread of the model the writer is done by then; test_pipeline_ledger.py has threads",
    ),
    Mutant(
        "beginnings are told before they are on record",
        "pipeline/ledger.py",
        "        self._beginning.append((delivery_id, noted))\n",
        "        noted.set_result(True)\n",
    ),
    # pipeline/deliver.py
    Mutant(
        "an unknown end is tried again under hold",
        "pipeline/deliver.py",
        'if outcome.result == "unknown" and (given_up or self._settings.on_unknown == "hold"):',
        'if outcome.result == "unknown" and given_up:',
    ),
    Mutant(
        "hold is taken for resend after a death",
        "pipeline/deliver.py",
        'resend=self._settings.on_unknown == "resend",',
        "resend=True,",
    ),
    Mutant(
        "nothing is ever given up",
        "pipeline/deliver.py",
        "given_up = policy.give_up(delivery.queued_at, now, self._settings.give_up_after)",
        "given_up = False",
    ),
    Mutant(
        "what was given up in doubt is failed",
        "pipeline/deliver.py",
        'if outcome.result == "unknown" and (given_up or self._settings.on_unknown == "hold"):',
        'if outcome.result == "unknown" and self._settings.on_unknown == "hold":',
        equal="`note` has just kept the attempt as unknown, and makes unknown of what it would fail in doubt",
    ),
    # pipeline/groups.py
    Mutant(
        "the suppressed are mailed",
        "pipeline/groups.py",
        "why = suppressed.get(person.email_key)",
        "why = None",
    ),
    Mutant(
        "the paused are mailed",
        "pipeline/groups.py",
        "person.state is Consent.CONFIRMED\n        and issue.edition",
        "False\n        and issue.edition",
    ),
    Mutant(
        "those who left keep their mail waiting",
        "pipeline/groups.py",
        'if person.state not in STATES_FOR["issue" if issue.picks else issue.edition.kind]:',
        "if False:",
    ),
    Mutant(
        "mail does not follow those who moved",
        "pipeline/groups.py",
        "        if not moved:\n",
        "        if moved is not None:\n",
        rare=5,
    ),
    Mutant(
        "a run claims what it has at hand",
        "store/deliveries.py",
        ".where(claimable, deliveries.c.id.not_in(held) if held else true())",
        ".where(claimable)",
    ),
    Mutant(
        "who leaves, pauses or is suppressed does not end the leases",
        "store/recall.py",
        "== whose, WAITING)\n    await connection.execute(update(deliveries).where(waiting).values(**NO_LEASE))",
        "== whose, WAITING)",
        equal="the model lets go what was claimed before; test_recall.py does not",
    ),
    Mutant(
        "what a run sends already begins once more",
        "store/outcomes.py",
        "        deliveries.c.at == now,\n",
        "",
        equal="a run has nothing at hand twice, so what it begins is not on its way",
    ),
    Mutant(
        "a claim takes living leases",
        "store/deliveries.py",
        "and_(_over(None if its_clock else now), deliveries.c.lease_owner != owner),",
        "deliveries.c.lease_owner != owner,",
        equal="whose lease was taken is refused when it begins; a lease only spares the work of two",
    ),
]


def fails(mutant: Mutant, schedules: int, seed: int) -> str:
    """Return what the model says of a mutant; empty: it finds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "newsletter", Path(folder, "newsletter"), ignore=shutil.ignore_patterns("__pycache__"))
        file = Path(folder, "newsletter", mutant.file)
        text = file.read_text()
        if text.count(mutant.old) != 1:
            sys.exit(f"{mutant.what}: its text stands {text.count(mutant.old)} times in {mutant.file}, and not once.")
        file.write_text(text.replace(mutant.old, mutant.new))
        command = [sys.executable, ROOT / "bench" / "model.py", "--unshrunk", "--processes", "1"]
        command += ["--schedules", str(schedules), "--seed", str(seed)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if "A schedule failed" in said:
        return next(line for line in said.splitlines() if not line.startswith("seed="))
    if done.returncode or "failed=0" not in said:
        sys.exit(f"{mutant.what}: the model did not come to its end.\n{said[-2000:]}")
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    wrong = 0
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.what]
    for mutant in chosen:
        found = fails(mutant, options.schedules * mutant.rare, options.seed)
        right = bool(found) is not bool(mutant.equal)
        wrong += not right
        word = ("found" if found else "passes") + ("" if right else ", which is wrong")
        print(f"{word:>24}  {mutant.what}: {found or mutant.equal}", flush=True)
    print(f"mutants={len(chosen)} wrong={wrong}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
