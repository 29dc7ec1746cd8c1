"""How well `newsletter.feeds.tex.to_unicode` shows TeX and its remains, and how long an abstract takes.

Right is equality with one of the good outputs, spaces folded; what must be kept must be the same to the letter.

PYTHONPATH=. .venv/bin/python bench/tex.py [--misses] [--beside]

`--beside` also scores pylatexenc and unicodeit, where they are installed, and ours with pylatexenc for whole formulae.
"""

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from newsletter.feeds import parse, tex

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
OWN = ROOT / "tests" / "unit" / "feeds" / "tex_cases.json"
ROUNDS = 5

Convert = Callable[[str], str]


def fold(text: str) -> str:
    return " ".join(text.split())


def cases(shared: Path) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield the set, the case, and whether it must be kept to the letter."""
    for case in json.loads((shared / "bench" / "latex" / "cases.json").read_text(encoding="utf-8")):
        yield "shared", case, case["must_keep"]
    for case in json.loads(OWN.read_text(encoding="utf-8")):
        yield f"own, {case['from']}", case, case["from"] == "kept"


def right(convert: Convert, case: dict[str, Any], kept: bool) -> bool:
    """Tell whether a converter shows a case well."""
    shown = convert(case["raw"])
    return shown == case["raw"] if kept else fold(shown) in map(fold, case["good"])


def abstracts(shared: Path) -> list[str]:
    """Return the abstracts of the saved pages and feeds."""
    files = (*(shared / "seeds").glob("*.txt"), *(shared / "feeds").rglob("*.json"))
    read = (parse(file.read_bytes(), name=file.name, today=date(2026, 8, 1)) for file in sorted(files))
    return [paper.abstract for feed in read for paper in feed.papers]


def whole(convert: Convert) -> Convert:
    """Return a converter that leaves as it is what it raises at."""

    def careful(text: str) -> str:
        try:
            return convert(text)
        except Exception:
            return text

    return careful


def beside() -> Iterator[tuple[str, Convert]]:
    """Yield the libraries that are installed, and ours with one of them for whole formulae."""
    yield "untouched", str
    try:
        nodes = importlib.import_module("pylatexenc.latex2text").LatexNodes2Text(math_mode="text")
        convert = whole(nodes.latex_to_text)
        yield "pylatexenc", convert

        def spans(text: str) -> str:
            own = tex.formula
            setattr(tex, "formula", lambda raw: fold(convert(f"${raw}$")))  # noqa: B010
            try:
                return tex.to_unicode(text)
            finally:
                setattr(tex, "formula", own)  # noqa: B010

        yield "ours, pylatexenc for formulae", spans
    except ImportError:
        print("pylatexenc is not installed")
    try:
        yield "unicodeit", whole(importlib.import_module("unicodeit").replace)
    except ImportError:
        print("unicodeit is not installed")


def main() -> None:
    """Print right of total, and the time of an abstract."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with the cases and the pages")
    parser.add_argument("--misses", action="store_true", help="print what is not right")
    parser.add_argument("--beside", action="store_true", help="score libraries too")
    options = parser.parse_args()
    judged = list(cases(options.shared))
    for name, convert in (*(beside() if options.beside else ()), ("ours", tex.to_unicode)):
        results = [(group, case, right(convert, case, kept)) for group, case, kept in judged]
        groups = dict.fromkeys(group for group, _, _ in results)
        figures = ((group, [good for of, _, good in results if of == group]) for group in groups)
        print(f"{name}: " + "; ".join(f"{group} {sum(good)}/{len(good)}" for group, good in figures))
        if options.misses and convert is tex.to_unicode:
            for _, case, good in results:
                if not good:
                    print(f"  {case['raw']}\n    shown  {convert(case['raw'])}\n    wanted {case['good'][0]}")
    texts = abstracts(options.shared)
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for text in texts:
            tex.to_unicode(text)
        rounds.append((time.process_time() - began) / len(texts) * 1e6)
    print(f"{statistics.median(rounds):.0f} µs of processor time an abstract ({len(texts)} of the pages)")


if __name__ == "__main__":
    main()
