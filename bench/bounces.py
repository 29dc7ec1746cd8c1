"""How well `newsletter.delivery.bounces.parse` reads real reports, beside what the Sisimai library reads in them.

And how long the worst mail takes that is made to keep a reader busy.

PYTHONPATH=. .venv/bin/python bench/bounces.py [--misses] [--half 0|1] [--reports DIR --truth FILE.jsonl]
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from newsletter.delivery.bounces import Bounce, parse
from newsletter.delivery.incoming import LARGEST, Arrival, read

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bench" / "bounces"

HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: Undelivered mail\nMIME-Version: 1.0\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"

# What is said again and again, until the mail has its size.
HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "parts": (MIXED, b"--b\n\nhello\n"),
    "parts of a digest": (MIXED.replace(b"mixed", b"digest"), b"--b\n\n\n"),
    "parts in base64": (MIXED, b"--b\nContent-Transfer-Encoding: base64\n\nPGFAYj4g\n"),
    "parts that never end": (MIXED, b"--b\nContent-Type: multipart/mixed; boundary=b\n\n"),
    "mails in mails": (HEAD, b"Content-Type: message/rfc822\n\n"),
    "reports": (HEAD + b"Content-Type: message/delivery-status\n\n", b"Final-Recipient: rfc822; a@b.example\n\n"),
    "fields": (HEAD, b"X: y\n"),
    "recipients": (b"", b"To: " + b"@" * 4_000 + b"\n"),
    "a folded field": (HEAD + b"To: x\n", b" y,\n"),
    "lines": (HEAD + b"\n", b"\n"),
    "Message-IDs": (HEAD + b"\n", b"<a@b> "),
    "halves of Message-IDs": (HEAD + b"\n", b"<" + b"a" * 249),
}


class Expected(NamedTuple):
    """What another library reads of one address."""

    address: str
    kind: str
    why: str


class Score(NamedTuple):
    """Counts over a set of reports; the figures are shares of 1."""

    counts: Counter[str]
    misses: list[str]

    def share(self, name: str, of: str) -> float:
        """Return one count as a share of another, 1 where there is none to count."""
        return self.counts[name] / self.counts[of] if self.counts[of] else 1.0


def half_of(name: str) -> int:
    """Return the half that a file belongs to: rules are made on half 0 and tried on half 1."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def truth(path: Path) -> dict[str, list[Expected]]:
    """Return what is expected of each file."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {
        row["file"]: [
            Expected(r["recipient"].lower(), r["kind"], f"{r['reason']} {r['status']}") for r in row["results"]
        ]
        for row in rows
    }


def score(reports: Path, expected: dict[str, list[Expected]]) -> Score:
    """Read each report and count what was found."""
    counts: Counter[str] = Counter()
    misses: list[str] = []
    for name, rows in expected.items():
        found = parse((reports / name).read_bytes())
        counts["mails"] += 1
        if not rows:
            # Beside automatic replies there are reports that the other library cannot read.
            what = "automatic" if name.startswith("rfc3834") else "unread"
            counts[what] += 1
            counts[f"{what} silent"] += not found
            if found:
                misses.append(f"{name}: nothing expected, read {_shown(found)}")
        for row in rows:
            misses.extend(_one(name, row, found, counts))
        extra = {bounce.address.lower() for bounce in found} - {row.address for row in rows}
        if rows and extra and rows[0].kind != "complaint":
            counts["addresses beside"] += len(extra)
    return Score(counts, misses)


def _one(name: str, row: Expected, found: list[Bounce], counts: Counter[str]) -> list[str]:
    if row.kind == "complaint":
        # The address is a stand-in.
        counts["complaints"] += 1
        known = any(bounce.kind == "complaint" for bounce in found)
        counts["complaints known"] += known
        return [] if known else [f"{name}: a complaint, read {_shown(found)}"]
    counts["addresses"] += 1
    counts[row.kind] += 1
    same = [bounce for bounce in found if bounce.address.lower() == row.address]
    counts["addresses found"] += bool(same)
    right = bool(same) and same[0].kind == row.kind
    counts["kinds right"] += right
    counts["soft called hard"] += row.kind == "soft" and any(bounce.kind == "hard" for bounce in same)
    return [] if right else [f"{name}: {row.address} {row.kind} ({row.why}), read {_shown(found)}"]


def _shown(found: list[Bounce]) -> str:
    return "; ".join(f"{one.address} {one.kind} {one.status} {one.reason[:110]!r}" for one in found) or "nothing"


def hostile(name: str, size: int) -> Arrival:
    """Return a mail of about `size` bytes that is made to keep a reader busy."""
    head, unit = HOSTILE[name]
    return Arrival(name, head + unit * ((size - len(head)) // len(unit)))


def nested(depth: int) -> Arrival:
    """Return multiparts in multiparts, each with a boundary of its own."""
    levels = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n".encode() for n in range(depth))
    return Arrival("nested", HEAD + b"".join(levels))


def _longest() -> tuple[float, str]:
    """Return the seconds of CPU of the hostile mail that took the most of it, and its name."""
    spent = []
    for mail in (*(hostile(name, LARGEST) for name in HOSTILE), nested(200_000)):
        started = time.process_time()
        read(mail)
        parse(mail.content or b"")
        spent.append((time.process_time() - started, mail.name))
    return max(spent)


def main() -> int:
    """Print the score, and with --misses each report that was read otherwise; 1 where a threshold is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, default=SHARED / "sisimai")
    parser.add_argument("--truth", type=Path, default=SHARED / "sisimai.jsonl")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only the files of one half, by hash of the name")
    parser.add_argument("--misses", action="store_true")
    arguments = parser.parse_args()
    expected = truth(arguments.truth)
    if arguments.half is not None:
        expected = {name: rows for name, rows in expected.items() if half_of(name) == arguments.half}
    started = time.process_time()
    result = score(arguments.reports, expected)
    spent = time.process_time() - started
    if arguments.misses:
        print("\n".join(result.misses))
    figures = (
        ("addresses found", "addresses", 0.85, 1.0),
        ("kinds right", "addresses", 0.80, 1.0),
        ("soft called hard", "soft", 0.0, 0.02),
        ("complaints known", "complaints", 1.0, 1.0),
        ("automatic silent", "automatic", 1.0, 1.0),
        ("unread silent", "unread", 0.0, 1.0),
    )
    met = True
    for name, of, least, most in figures:
        value = result.share(name, of)
        fine = least <= value <= most
        met &= fine
        print(f"{name}={value:.3f} ({result.counts[name]} of {result.counts[of]}){'' if fine else ' NOT MET'}")
    print(f"mails={result.counts['mails']} beside={result.counts['addresses beside']} ", end="")
    print(f"cpu={spent / max(1, result.counts['mails']) * 1000:.1f}ms a mail")
    seconds, name = _longest()
    print(f"hostile={seconds:.2f}s for the longest of {len(HOSTILE) + 1} mails of {LARGEST // 1_000_000} MB: {name}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
