"""Takes the pictures of the mail in docs/pictures/: each look on a phone and a desktop, light and dark.

    python docs/pictures.py [--look compact] [--out FOLDER]

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
SIZES = {375: 1250, 700: 1000}
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


def take(gallery: Path, looks: list[str], out: Path) -> list[Path]:
    """Take the pictures of an ordinary day in these looks, and return their files."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium here; install the package chromium.")
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for look in looks:
            page = gallery / f"issue-{look}-en.html"
            for width, height in SIZES.items():
                for scheme in ("light", "dark"):
                    view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                    view.goto(page.as_uri())
                    taken.append(out / f"{look}-{width}-{scheme}.png")
                    view.screenshot(path=taken[-1])
                    view.close()
        browser.close()
    return taken


def main() -> None:
    """Write the gallery, take its pictures and say which."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="append", choices=LOOKS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for file in take(gallery(Path(folder)), options.look or list(LOOKS), options.out):
            sys.stdout.write(f"{file}: {file.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main()
