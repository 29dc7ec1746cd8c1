"""A mail as a page: the mail that its reader got, whatever changed since, and nothing that was not theirs already."""

import html
import re
import struct
import zlib
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import judging
import pytest
from newsroom import DAY, Newsroom, address, papers, titles
from playwright.async_api import async_playwright
from test_reprint import change_everything, exactly, outbox, two_days
from webroom import Site, open_site

from newsletter.models import Paper
from newsletter.pipeline.doors import SETTINGS_DAYS, Doors
from newsletter.pipeline.reader_links import Addresses, PageLinks
from newsletter.pipeline.subscribers import find
from newsletter.rendering.screens import with_pictures
from newsletter.tokens import Signer
from newsletter.web.mail import POLICY

CHROMIUM = Path("/usr/bin/chromium")
AT_HOME = "https://papers.example.org"

AXE = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    rules: {
      'color-contrast-enhanced': {enabled: true},
    },
    runOnly: ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })
  return found.violations.map(each => [each.id, each.nodes.map(node => node.html).slice(0, 3)])
}"""


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter of which Ada and Bob had a mail each, on both engines."""
    async with open_site(room) as opened:
        yield await sent(opened)


@pytest.fixture
async def small_site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The same on SQLite alone."""
    async with open_site(small_room) as opened:
        yield await sent(opened)


async def sent(site: Site) -> Site:
    """Send Ada and Bob a mail of three papers."""
    await site.room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await site.room.subscribe(name)
    await site.room.send()
    return site


def shown(content: bytes) -> tuple[str, str]:
    """Return the HTML, empty without one, and the text of a message."""
    mail: Any = message_from_bytes(content, policy=default)
    bodies = (mail.get_body(("html",)), mail.get_body(("plain",)))
    found = ["" if body is None else body.get_content().replace("\r\n", "\n").strip() for body in bodies]
    return found[0], found[1]


def link(page: str, kind: str = "mail") -> str:
    """Return the one address in a page or a text that leads to a kind of our pages, without its host."""
    (found,) = set(re.findall(rf"{AT_HOME}((?:/letters)?/{kind}/[^\s\"<]+)", html.unescape(page)))
    return str(found)


def as_page(mailed: str) -> str:
    """Return the HTML of a mail with what is its article as the main part of a page."""
    assert mailed.count('role="article"') == 1
    return mailed.replace('role="article"', 'role="main"')


def picture(width: int, height: int) -> bytes:
    """Return a blue picture as PNG (section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x40\x90" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def test_a_mail_leads_to_itself_as_a_page(site: Site) -> None:
    mailed, text = shown(outbox(site.room)["ada"])
    path = link(mailed)
    assert path == link(text)
    before = await site.everything()
    page = await site.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    # It is the mail to the letter, but for the address, which pages show masked, and what it is to a screen reader.
    assert page.text == as_page(mailed.replace(address("ada"), "a•••@example.org"))
    assert page.text.count('role="main"') == 1
    assert address("ada") not in page.text
    assert (await site.client.head(path)).status_code == 200
    assert await site.everything() == before


async def test_its_answer_lets_nothing_in_and_nothing_out(site: Site) -> None:
    page = await site.get(link(shown(outbox(site.room)["ada"])[1]))
    headers = page.headers
    assert headers["content-security-policy"] == POLICY
    assert POLICY.startswith("default-src 'none'; ")
    assert not re.search(r"script|http|\*|connect", POLICY)
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-language"] == "en"
    assert "set-cookie" not in headers
    assert not re.search(r"<script|<form|\son\w+=|\ssrc=", page.text)


async def test_a_link_shows_the_mails_of_its_reader_alone(site: Site) -> None:
    got = outbox(site.room)
    ada, bob = (link(shown(got[name])[1]) for name in ("ada", "bob"))
    theirs, number = bob.rsplit("/", 1)
    mine = ada.rsplit("/", 1)[0]
    for path in (f"{mine}/{number}", f"{mine}/0", f"{mine}/999", f"{mine}/{10**17}", f"{theirs[:-1]}x/{number}"):
        page = await site.get(path)
        assert page.status_code == 404, path
        assert "This link is not complete" in page.text
        assert address("bob") not in page.text
    for end in ("x", "1x", "-1", "9" * 19, "1/2", ""):
        assert (await site.get(f"{mine}/{end}")).status_code == 404
    assert (await site.client.post(ada)).status_code == 405
    # A tag of another purpose opens nothing.
    person = await site.number("ada")
    for token in (site.signer.tag("unsubscribe", person), site.signer.seal("door.feed", person, 0, 0)):
        assert (await site.get(f"/mail/{token}/{ada.rsplit('/', 1)[1]}")).status_code == 404


async def test_a_link_shows_it_as_long_as_it_opens_their_wishes(site: Site) -> None:
    path = link(shown(outbox(site.room)["ada"])[1])
    site.room.clock.moment += SETTINGS_DAYS * DAY
    assert (await site.get(path)).status_code == 200
    site.room.clock.moment += 2 * DAY
    page = await site.get(path)
    assert page.status_code == 410
    assert "The time of this link is over" in page.text


async def test_links_that_were_made_new_open_nothing_old(site: Site) -> None:
    path = link(shown(outbox(site.room)["ada"])[1])
    await site.room.say("UPDATE subscribers SET links = links + 1 WHERE email = :email", email=address("ada"))
    page = await site.get(path)
    assert page.status_code == 410
    assert "This link was replaced by a new one" in page.text
    # By a link of now the old mail is there, and all its links act.
    now = (await site.changing()).replace("/settings/", "/mail/")
    page = await site.get(f"{now}/{path.rsplit('/', 1)[1]}")
    assert page.status_code == 200
    for kind in ("settings", "pause", "unsubscribe"):
        assert (await site.get(link(page.text, kind))).status_code == 200


async def test_an_old_link_never_leads_to_a_newer_one(site: Site) -> None:
    old = link(shown(outbox(site.room)["ada"])[1])
    site.room.clock.moment += DAY
    await site.room.take_in(*papers(4))
    await site.room.send()
    newer, _ = shown(outbox(site.room)["ada"])
    (_, old_token, old_number), (_, new_token, new_number) = (path.rsplit("/", 2) for path in (old, link(newer)))
    page = await site.get(f"/mail/{old_token}/{new_number}")
    assert page.status_code == 410
    assert "The time of this link is over" in page.text
    assert titles(4)[0] not in page.text
    # The other way round, what opens something is what was asked with.
    page = await site.get(f"/mail/{new_token}/{old_number}")
    assert f"{titles(1)[0]}</a>" in page.text
    assert link(page.text, "settings") == f"/letters/settings/{new_token}"
    assert link(page.text) == f"/letters/mail/{new_token}/{old_number}"
    assert old_token not in page.text


async def test_it_stays_the_mail_that_it_was_whatever_changed(room: Newsroom, tmp_path: Path) -> None:
    got = await two_days(room)
    await change_everything(room, tmp_path)
    async with open_site(room, AT_HOME) as site:
        for name, language in (("ada", "en"), ("bob", "de"), ("eve", "fr")):
            mailed, text = shown(got[name])
            page = await site.get(link(text))
            masked = f"{name[0]}•••@example.org"
            cid = re.search(r'src="cid:([^"]+)"', mailed)
            assert cid is not None
            logo = re.search(r'src="(data:image/png;base64,[^"]+)"', page.text)
            assert logo is not None
            assert page.text == with_pictures(as_page(mailed.replace(address(name), masked)), {cid[1]: logo[1]}), name
            assert page.headers["content-language"] == resolved(language)


def resolved(language: str) -> str:
    """Return the language of a mail to somebody who wants that one."""
    return language if language in ("en", "de") else "en"


async def test_what_had_no_room_in_the_mail_is_on_the_page(small_room: Newsroom) -> None:
    room = small_room
    room.set("rendering", abstract_characters=2000)
    room.set("ranking", papers=100, least_score=0.0, same=1.0)
    await room.take_in(
        *(
            Paper(title=f"Paper {number} of {'many words ' * 20}", abstract=f"Sentence {number}. " * 200, votes=number)
            for number in range(100)
        )
    )
    async with open_site(room) as site:
        await room.subscribe("ada", papers=100)
        await room.send()
        mailed, _ = shown(outbox(room)["ada"])
        page = (await site.get(link(mailed))).text
    left_out = re.search(r"(\d+) more papers of this mail on the web", mailed)
    assert left_out is not None
    assert mailed.count("<h2 dir=") == 100 - int(left_out[1])
    assert page.count("<h2 dir=") == 100
    assert "had no room" not in page
    assert "on the web</a></p>" not in page


async def test_a_mail_of_text_is_text(small_room: Newsroom) -> None:
    small_room.set("rendering", look="plain")
    async with open_site(small_room) as site:
        await sent(site)
        mailed, text = shown(outbox(small_room)["ada"])
        page = await site.get(link(text))
    assert mailed == ""
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert page.text.replace("\r\n", "\n").strip() == text.replace(address("ada"), "a•••@example.org").strip()


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM press_pieces WHERE name LIKE 'paper %'",
        "DELETE FROM press_pieces",
        "UPDATE deliveries SET press_id = NULL, made_of = NULL",
    ],
)
async def test_what_cannot_be_shown_any_more_is_told_with_where_its_papers_are(site: Site, loss: str) -> None:
    path = link(shown(outbox(site.room)["ada"])[1])
    await site.room.say(loss)
    page = await site.get(path)
    assert page.status_code == 410
    assert "<h1>This mail cannot be shown any more</h1>" in page.text
    there = re.search(r'href="(/letters/papers/[^"]+)"', page.text)
    assert there is not None
    shelf = await site.get(html.unescape(there[1]))
    assert shelf.status_code == 200
    assert all(title in shelf.text for title in titles(1, 2, 3))


async def test_what_waits_is_no_page_yet(small_site: Site) -> None:
    small_site.room.clock.moment += DAY
    await small_site.room.take_in(*papers(4))
    await small_site.room.compose()
    number = (await small_site.room.record("ada")).delivery.issue_id
    page = await small_site.get(f"{(await small_site.changing()).replace('/settings/', '/mail/')}/{number}")
    assert page.status_code == 410
    assert "cannot be shown" in page.text


async def test_their_papers_lead_to_each_mail(site: Site) -> None:
    shelf = await site.get((await site.changing()).replace("/settings/", "/papers/"))
    (path,) = re.findall(r'<a href="(/letters/mail/[^"]+)">as it came</a>', shelf.text)
    assert (await site.get(path)).status_code == 200


async def test_mail_from_before_there_was_such_a_page_is_shown_too(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Addresses.pages
    with monkeypatch.context() as then:
        then.setattr(Addresses, "pages", lambda *given: PageLinks(now(*given).settings, ""))
        got = await two_days(room)
    assert b"/mail/" not in got["ada"]
    for name in ("ada", "bob", "eve"):
        await exactly(room, name, got[name])
    async with open_site(room, AT_HOME) as site:
        number = (await room.record("ada")).delivery.issue_id
        page = await site.get(f"/mail/{(await site.changing()).rsplit('/', 1)[1]}/{number}")
        assert page.status_code == 200
        assert "Read it on the web" not in page.text


async def test_secrets_that_were_made_new_leave_the_page_with_links_that_act(small_site: Site) -> None:
    site = small_site
    number = link(shown(outbox(site.room)["ada"])[1]).rsplit("/", 1)[1]
    person = await find(site.room.database, address("ada"))
    signer = await site.app.signer()
    signer.turn(b"n" * 32, [site.signer._key])
    token = Doors(Signer(b"n" * 32), site.room.clock).settings(person)
    page = await site.get(f"/mail/{token}/{number}")
    assert page.status_code == 200
    for path in (link(page.text, "unsubscribe"), *re.findall(r"/f/[^\"]+/1-[0-9a-f]+/saved", page.text)):
        assert (await site.get(path)).status_code == 200


async def opened(site: Site, path: str, answer: Any) -> None:
    """Look at a page in Chromium as `answer` does, light and dark, on a phone and on a desktop."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in (375, 700):
                await answer(browser, f"http://127.0.0.1:{site.port}{path}", scheme, width)
        await browser.close()


async def test_in_a_browser_its_styles_and_its_logo_are_there_and_nothing_is_asked_for(small_room: Newsroom) -> None:
    (small_room.app.settings.folder / "logo.png").write_bytes(picture(120, 40))
    small_room.set("brand", logo=Path("logo.png"))
    async with open_site(small_room) as site:
        path = link(shown(outbox((await sent(site)).room)["ada"])[1])

        async def look(browser: Any, url: str, scheme: Any, width: int) -> None:
            page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
            wrong: list[str] = []
            page.on("console", lambda message: wrong.append(message.text))
            page.on("request", lambda request: wrong.append(request.url) if request.url[:5] != "data:" else None)
            await page.goto(url)
            # Neither of the two icons of a browser, nor anything else.
            assert wrong == [url]
            assert await page.evaluate("document.images[0].naturalWidth") == 120
            colour = await page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
            assert colour == ("rgb(28, 29, 33)" if scheme == "dark" else "rgb(255, 255, 255)")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await page.close()

        await opened(site, path, look)


async def test_axe_finds_nothing_in_it(small_site: Site) -> None:
    axe = (judging.folder() / "node_modules/axe-core/axe.min.js").read_text("utf-8")

    async def look(browser: Any, url: str, scheme: Any, width: int) -> None:
        context = await browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
        )
        page = await context.new_page()
        await page.goto(url)
        await page.evaluate(axe)
        assert await page.evaluate(AXE) == []
        await context.close()

    await opened(small_site, link(shown(outbox(small_site.room)["ada"])[1]), look)
