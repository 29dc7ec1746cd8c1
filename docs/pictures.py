"""Takes the pictures of the mail in docs/pictures/: each look, and each kind, on a phone and a desktop, light and dark.

    python docs/pictures.py [--look compact] [--kind welcome] [--out FOLDER]

With --look or --kind it takes those alone.

They are of the gallery that `newsletter preview --all-kinds` writes, so its papers are made up and no database is
needed. `make pictures` does the same. It needs Chromium (Debian package chromium) and the packages that tests need.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
LOOKS = ("comfortable", "compact")
NOTICES = ("welcome", "confirmation", "goodbye", "link", "known", "answer", "nothing")
KINDS = ("sections", "odd", "one", "many", *NOTICES)
SIZES = {375: 1250, 700: 1000}
SIZES_OF_NOTICES = {375: 760, 700: 640}
SETTINGS = {
    "NEWSLETTER_WEB__BASE_URL": "https://papers.example.org",
    "NEWSLETTER_NEWSLETTER__POSTAL_ADDRESS": "12 Long Street, 10115 Berlin",
}


def gallery(folder: Path) -> Path:
    """Write the gallery into a folder, and return where it is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    subprocess.run(
        [sys.executable, "-m", "newsletter", "preview", "--all-kinds", "--out", "gallery"],
        cwd=folder,
        env={**kept, **SETTINGS, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return folder / "gallery"


def take(gallery: Path, looks: list[str], kinds: list[str], out: Path) -> list[Path]:
    """Take the pictures of an ordinary day in these looks and of these kinds in the first, and return their files."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium here; install the package chromium.")
    wanted = [(look, f"issue-{look}-en.html", SIZES) for look in looks]
    wanted += [(kind, f"{kind}-{LOOKS[0]}-en.html", SIZES_OF_NOTICES if kind in NOTICES else SIZES) for kind in kinds]
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, page, sizes in wanted:
            for width, height in sizes.items():
                for scheme in ("light", "dark"):
                    view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                    view.goto((gallery / page).as_uri())
                    taken.append(out / f"{name}-{width}-{scheme}.png")
                    view.screenshot(path=taken[-1])
                    view.close()
        browser.close()
    return taken


def main() -> None:
    """Write the gallery, take its pictures and say which."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="append", choices=LOOKS)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        everything = not (options.look or options.kind)
        looks, kinds = (list(LOOKS), list(KINDS)) if everything else (options.look or [], options.kind or [])
        for file in take(gallery(Path(folder)), looks, kinds, options.out):
            sys.stdout.write(f"{file}: {file.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main()
