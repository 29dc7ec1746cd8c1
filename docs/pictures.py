"""Takes the pictures of the mail in docs/pictures/: a phone and a desktop, light and dark.

    python docs/pictures.py [FILE...] [--look compact] [--out FOLDER]

Papers come from the files given, by default the sample pages in seeds/. A newsletter is made of them in a folder that
goes away again, and the mail of one reader is taken from `newsletter preview`. Those of the documentation were made
from a few days of a hub, which knows authors, votes and code:

    python docs/pictures.py ../shared/feeds/hf-daily-papers/2026-07-2*.json

It needs Chromium (Debian package chromium) and the packages that tests need.
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
READER = "ada@example.org"
TOPICS = ("agents", "quantization", "interpretability")
SIZES = {375: 1250, 700: 1000}


def mail(files: list[Path], look: str, folder: Path) -> Path:
    """Return the page that is the mail of a reader with papers of these files."""
    settings = {
        "NEWSLETTER_RENDERING__LOOK": look,
        "NEWSLETTER_WEB__BASE_URL": "https://papers.example.org",
        "NEWSLETTER_NEWSLETTER__POSTAL_ADDRESS": "12 Long Street, 10115 Berlin",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    page = folder / "mail.html"
    for words in (
        ("migrate",),
        ("feeds", "ingest", *(str(file.resolve()) for file in files)),
        ("subscribers", "add", READER, *(word for topic in TOPICS for word in ("--topic", topic))),
        ("preview", READER, "--out", str(page)),
    ):
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "newsletter", *words],
            cwd=folder,
            env={**kept, **settings, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return page


def take(page: Path, out: Path, look: str) -> list[Path]:
    """Take the pictures of a page, and return their files."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium here; install the package chromium.")
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width, height in SIZES.items():
            for scheme in ("light", "dark"):
                view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                view.goto(page.as_uri())
                taken.append(out / f"{look}-{width}-{scheme}.png")
                view.screenshot(path=taken[-1])
        browser.close()
    return taken


def main() -> None:
    """Make the mail, take its pictures and say which."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=sorted((ROOT / "seeds").glob("*.txt")))
    parser.add_argument("--look", default="comfortable", choices=("comfortable", "compact"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for file in take(mail(options.files, options.look, Path(folder)), options.out, options.look):
            sys.stdout.write(f"{file}: {file.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main()
