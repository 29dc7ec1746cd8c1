"""A real browser looks at mail through the operator's page: it follows what is chosen and what is saved."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect, sync_playwright
from reading import CHROMIUM

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[newsletter]
name = "Papers of the day"
[rendering]
templates = "own"
"""


def program(folder: Path, *words: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter", *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *words: str, code: int = 0) -> str:
    process = program(folder, *words)
    told = "".join(process.communicate(timeout=120))
    assert process.returncode == code, told
    return told


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsletter with papers, two readers who have had no mail yet, and a folder for templates of one's own."""
    folder = tmp_path_factory.mktemp("preview")
    (folder / "config.toml").write_text(SETTINGS)
    (folder / "own" / "email").mkdir(parents=True)
    run(folder, "migrate")
    run(folder, "feeds", "ingest", str(ROOT / "seeds" / "daily-papers-1.txt"))
    run(folder, "subscribers", "add", "ada@example.org", "--topic", "quantization")
    run(folder, "subscribers", "add", "bob@example.org", "--topic", "robotics", "--topic", "agents")
    return folder


@pytest.fixture
def newsletter(founded: Path, tmp_path: Path) -> Path:
    """The same newsletter for one test, which may change its files."""
    return Path(shutil.copytree(founded, tmp_path / "newsletter"))


@pytest.fixture
def served(newsletter: Path) -> Iterator[str]:
    """The address of the page."""
    process = program(newsletter, "preview", "ada@example.org", "--serve")
    assert process.stdout is not None
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\S*", process.stdout.readline())
    assert found, process.stderr.read()
    yield found[0]
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that asks nobody but this machine, and complains of nothing."""
    view = browser.new_page(viewport={"width": 1400, "height": 1000})
    wrong: list[str] = []

    def ask(route: Route) -> None:
        if re.match(r"(http://127\.0\.0\.1:\d+/|file:|data:)", route.request.url):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    view.route("**/*", ask)
    view.on("console", lambda message: wrong.append(message.text))
    view.on("pageerror", lambda error: wrong.append(str(error)))
    yield view
    view.close()
    assert wrong == []


def frame(page: Page, name: str) -> FrameLocator:
    return page.frame_locator(f'iframe[data-panel="{name}"]')


def test_it_shows_what_is_chosen(served: str, page: Page) -> None:
    page.goto(served)
    subject = page.locator("#view h2")
    first = subject.inner_text()
    expect(frame(page, "desktop").get_by_text("ada@example.org")).to_be_visible()
    expect(page.locator('[data-panel="text"]')).to_contain_text("\n1. ")
    expect(page.locator('[data-panel="source"]')).to_contain_text("List-Unsubscribe:")
    expect(page.locator('[data-panel="source"]')).to_contain_text("To: ada@example.org")
    expect(page.locator('[data-panel="about"]')).to_contain_text("of 102 KB")
    assert page.locator(".why li[value]").count() == frame(page, "desktop").locator("h2 a").count() > 1
    assert "quantization" in page.locator(".why").inner_text().lower()

    page.get_by_label("Subscriber").fill("BOB")
    expect(page.locator("#people option")).to_have_count(1)
    assert page.locator("#people option").get_attribute("value") == "bob@example.org"
    page.get_by_label("Subscriber").fill("bob@example.org")
    page.get_by_role("button", name="Show").click()
    expect(frame(page, "desktop").get_by_text("bob@example.org")).to_be_visible()
    assert subject.inner_text() != first

    page.get_by_label("Language").select_option("de")
    expect(frame(page, "phone").locator("body")).to_have_attribute("lang", "de")
    page.get_by_label("Look").select_option("plain")
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.locator('[data-panel="source"]')).to_contain_text("text/plain")
    page.get_by_label("Mail").select_option("odd")
    page.get_by_label("Look").select_option("compact")
    expect(frame(page, "phone").get_by_role("heading", name="大規模言語モデル")).to_be_visible()


def test_frames_are_as_wide_as_screens_and_light_or_dark_whatever_the_browser_is(served: str, browser: Browser) -> None:
    for scheme in ("light", "dark"):
        view = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme=scheme)
        view.goto(served)
        seen = {}
        for name in ("desktop", "phone", "dark"):
            body = frame(view, name).locator("body")
            seen[name] = (
                body.evaluate("body => body.ownerDocument.defaultView.innerWidth"),
                body.evaluate("body => getComputedStyle(body).backgroundColor"),
            )
        light, dark = "rgb(245, 245, 242)", "rgb(17, 18, 20)"
        assert seen == {"desktop": (700, light), "phone": (375, light), "dark": (375, dark)}
        assert view.evaluate("document.documentElement.scrollWidth") <= 1400
        view.close()


def test_it_follows_a_template_and_the_fault_in_one(served: str, newsletter: Path, page: Page) -> None:
    page.goto(served)
    footer = ROOT / "templates" / "email" / "footer.mjml.j2"
    own = newsletter / "own" / "email" / "footer.mjml.j2"
    source = footer.read_text("utf-8")
    frame(page, "desktop").locator("html").evaluate("html => html.scrollTop = 300")
    own.write_text(source.replace("</mj-text>", "<p>Printed on recycled bits.</p></mj-text>", 1), "utf-8")
    expect(frame(page, "desktop").get_by_text("Printed on recycled bits.")).to_be_attached(timeout=15000)
    expect(frame(page, "phone").get_by_text("Printed on recycled bits.")).to_be_attached()
    # Who looked at something goes on looking at it.
    page.wait_for_function(
        """document.querySelector('[data-panel="desktop"]').contentDocument.scrollingElement.scrollTop == 300"""
    )

    broken = source.replace("</mj-text>", "{{ nobody_knows_this }}</mj-text>", 1)
    own.write_text(broken, "utf-8")
    line = next(number for number, text in enumerate(broken.split("\n"), 1) if "nobody_knows_this" in text)
    fault = page.get_by_role("alert")
    expect(fault).to_contain_text(f"footer.mjml.j2, line {line}", timeout=15000)
    expect(fault).to_contain_text("nobody_knows_this")

    own.write_text(source, "utf-8")
    expect(fault).to_have_count(0, timeout=15000)
    expect(frame(page, "desktop").get_by_text("ada@example.org")).to_be_visible()


def test_nothing_that_a_template_names_elsewhere_is_fetched(served: str, newsletter: Path, browser: Browser) -> None:
    # Who listens there is asked by nobody, neither for a picture nor for the page of a link.
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        host = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        foreign = (
            f'<img src="{host}/a.png" alt=""><script>document.title = "run"</script>'
            f'<a href="{host}/b">Away</a><form action="{host}/c"><button>Go</button></form>'
        )
        source = (ROOT / "templates" / "email" / "footer.mjml.j2").read_text("utf-8")
        own = newsletter / "own" / "email" / "footer.mjml.j2"
        own.write_text(source.replace("</mj-text>", f"{foreign}</mj-text>", 1))
        view = browser.new_page(viewport={"width": 1400, "height": 1000})
        view.goto(served)
        mail = frame(view, "desktop")
        expect(mail.get_by_role("link", name="Away")).to_be_visible(timeout=15000)
        mail.get_by_role("link", name="Away").click()
        mail.get_by_role("button", name="Go").click()
        title = mail.locator("html").evaluate("html => html.ownerDocument.title")
        assert title == view.locator("#view h2").inner_text()
        assert len(view.context.pages) == 1
        assert view.url == served
        view.close()
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_it_shows_what_the_check_of_templates_finds(served: str, newsletter: Path, page: Page) -> None:
    page.goto(served)
    warnings = page.locator(".warning")
    expect(warnings.filter(has_text="own/")).to_have_count(0)
    # Neither keeps a mail from being shown: MJML drops it, and pages are not mail.
    (newsletter / "own" / "web").mkdir()
    fault = newsletter / "own" / "web" / "fault.html.j2"
    fault.write_text((ROOT / "templates" / "web" / "fault.html.j2").read_text("utf-8") + "\n{# #}{{ dyas }}", "utf-8")
    source = (ROOT / "templates" / "email" / "footer.mjml.j2").read_text("utf-8")
    own = newsletter / "own" / "email" / "footer.mjml.j2"
    own.write_text(source.replace("<mj-text ", '<mj-text paddng="0" ', 1), "utf-8")
    told = warnings.filter(has_text="own/email/footer.mjml.j2:1: <mj-text> takes no `paddng`. Is padding meant?")
    expect(told).to_have_count(1, timeout=15000)
    expect(frame(page, "desktop").get_by_text("ada@example.org")).to_be_visible()
    expect(warnings.filter(has_text="own/web/fault.html.j2:")).to_contain_text(
        "`dyas` is not given here. Is days meant?"
    )

    # Both are told where one keeps all mail from being shown.
    own.write_text(source.replace("<mj-text ", '<mj-text paddng="0" ', 1) + "{{ nobody }}", "utf-8")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("paddng", timeout=15000)
    expect(alert).to_contain_text("nobody")
    own.write_text(source, "utf-8")
    expect(alert).to_have_count(0, timeout=15000)
    expect(warnings.filter(has_text="own/email")).to_have_count(0)
    expect(warnings.filter(has_text="own/web")).to_have_count(1)
    fault.unlink()
    expect(warnings.filter(has_text="own/")).to_have_count(0, timeout=15000)


def test_papers_stand_under_the_headings_of_their_mail(served: str, page: Page) -> None:
    page.goto(f"{served.split('?')[0]}?kind=sections")
    for code, first in (("en", "For you"), ("de", "Für Sie")):
        page.get_by_label("Language").select_option(code)
        expect(frame(page, "desktop").locator("body")).to_have_attribute("lang", code)
        headings = page.locator(".why .section")
        expect(headings).to_have_count(4)
        assert headings.first.inner_text() == first
        # In the mail, whose last headings are those of what was revised.
        shown = frame(page, "desktop").locator("h2:not(:has(a))").all_inner_texts()
        assert headings.all_inner_texts() == shown[:4]
    papers = page.locator(".why li").all()
    assert [one.get_attribute("class") for one in papers[:4]] == ["section", None, "section", None]
    page.goto(f"{served.split('?')[0]}?kind=one")
    expect(page.locator(".why .section")).to_have_count(0)


def test_it_shows_notices(served: str, page: Page) -> None:
    page.goto(served)
    for kind, seen in {
        "welcome": "from Monday to Friday",
        "confirmation": "Do you want this newsletter?",
        "goodbye": "You are unsubscribed",
        "link": "Here is your link",
        "nothing": "We looked at 120 papers.",
    }.items():
        page.get_by_label("Mail").select_option(kind)
        expect(frame(page, "desktop").get_by_text(seen).first).to_be_visible()
        expect(frame(page, "dark").get_by_text(seen).first).to_be_visible()
        expect(page.locator('[data-panel="text"]')).to_contain_text(seen)
        expect(page.locator('[data-panel="source"]')).to_contain_text("Auto-Submitted: auto-generated")
        expect(page.locator(".why")).to_have_count(0)


def test_a_mail_with_many_papers_is_shown_as_it_was_made_to_fit(served: str, page: Page) -> None:
    page.goto(f"{served.split('?')[0]}?kind=many")
    assert frame(page, "desktop").locator("h2 a").count() == page.locator(".why li[value]").count() == 40
    # The last ones have no summary any more, and the footer is inside.
    summaries = frame(page, "desktop").get_by_text("Παρακολουθούμε").count()
    assert 0 < summaries < 40
    expect(frame(page, "desktop").get_by_text("reader@example.org")).to_be_attached()
    expect(page.locator(".warning").filter(has_text="Gmail")).to_have_count(0)
    assert float(page.locator("meter").get_attribute("value") or "inf") <= 102 * 1024


def test_it_follows_the_settings_and_a_fault_in_them(served: str, newsletter: Path, page: Page) -> None:
    page.goto(served)
    file = newsletter / "config.toml"
    file.write_text(SETTINGS.replace("Papers of the day", "Morning papers"))
    expect(frame(page, "desktop").get_by_text("Morning papers").first).to_be_visible(timeout=15000)
    file.write_text(SETTINGS + "look = 'huge'\n")
    expect(page.get_by_role("alert")).to_contain_text("rendering.look", timeout=15000)
    file.write_text(SETTINGS + "look = 'compact'\n")
    expect(page.get_by_role("alert")).to_have_count(0, timeout=15000)
    expect(page.locator('[data-panel="source"]')).to_contain_text("From: Papers of the day")


def test_nobody_else_reads_it_and_nothing_in_it_runs(served: str) -> None:
    port = httpx.URL(served).port
    with httpx.Client(timeout=20) as client:
        for host in (f"evil.example:{port}", "evil.example", "127.0.0.1", f"127.0.0.1:{port}.evil.example", ""):
            answer = client.get(served, headers={"Host": host})
            assert answer.status_code in (400, 421)
            assert "ada@" not in answer.text
        assert client.get(f"http://localhost:{port}/").status_code == 200
        answer = client.get(served)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policy
        (number,) = set(re.findall(r'src="/proof/([\w-]+)/', answer.text))
        mail = client.get(f"http://127.0.0.1:{port}/proof/{number}/dark")
        assert "sandbox allow-same-origin" in mail.headers["content-security-policy"]
        assert "script-src" not in mail.headers["content-security-policy"]
        eml = client.get(f"http://127.0.0.1:{port}/proof/{number}/eml")
        assert eml.content.startswith(b"From:") or b"\r\nFrom:" in eml.content
        assert client.get(f"http://127.0.0.1:{port}/proof/none/dark").status_code == 404
        nobody = client.get(f"http://127.0.0.1:{port}/", params={"email": "nobody@example.org"})
        assert "Nobody with the address nobody@example.org is on record." in nobody.text
        markup = client.get(f"http://127.0.0.1:{port}/", params={"email": '"><b>x', "date": "<b>x", "look": "<b>x"})
        assert markup.status_code == 200
        assert "<b>x" not in markup.text


def test_the_gallery_shows_every_kind(tmp_path: Path, page: Page) -> None:
    run(tmp_path, "preview", "--all-kinds", "--out", "gallery")
    assert [path.name for path in tmp_path.iterdir()] == ["gallery"]
    page.goto((tmp_path / "gallery" / "index.html").as_uri())
    names = {path.stem for path in (tmp_path / "gallery").glob("*.eml")}
    assert names == {path.stem for path in (tmp_path / "gallery").glob("*.txt")}
    assert {name.split("-", 1)[0] for name in names} == {
        "issue", "odd", "one", "sections", "many", "welcome", "confirmation", "goodbye", "link", "known",
        "answer", "nothing",
    }  # fmt: skip
    for kind in ("odd", "welcome"):
        for look in ("comfortable", "compact", "plain"):
            for language in ("en", "de", "en-XA", "ar-XB"):
                assert f"{kind}-{look}-{language}" in names
                assert (tmp_path / "gallery" / f"{kind}-{look}-{language}.html").exists() == (look != "plain")
    assert {sheet.get_attribute("id") for sheet in page.locator(".sheet").all()} == names
    assert page.get_by_role("heading", level=2).count() == len(names)
    for one in page.locator("iframe").all():
        one.scroll_into_view_if_needed()
        expect(one.content_frame.locator("h2").first).to_be_attached()
    again = tmp_path / "again"
    run(tmp_path, "preview", "--all-kinds", "--out", str(again))
    for file in (tmp_path / "gallery").rglob("*.*"):
        assert file.read_bytes() == (again / file.relative_to(tmp_path / "gallery")).read_bytes()


def test_the_logo_is_seen_in_what_is_written_for_a_browser(newsletter: Path, page: Page) -> None:
    Image.new("RGB", (240, 80), "#204090").save(newsletter / "logo.png")
    with (newsletter / "config.toml").open("a") as settings:
        settings.write('[brand]\nlogo = "logo.png"\n')
    run(newsletter, "preview", "ada@example.org", "--out", "mail.html")
    (newsletter / "logo.png").unlink()
    page.goto((newsletter / "mail.html").as_uri())
    width = page.locator("img").first.evaluate("picture => picture.naturalWidth")
    assert width == 240
    assert "cid:" not in (newsletter / "mail.html").read_text()


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    assert "Whose mail" in run(tmp_path, "preview", code=2)
    assert "--serve goes with no --text" in run(tmp_path, "preview", "--serve", "--text", code=2)
    assert "--all-kinds goes with no --eml" in run(tmp_path, "preview", "--all-kinds", "--eml", "f.eml", code=2)
