"""Somebody who has never seen it walks through all of it: on a phone, at a desk, and without any script.

One newsletter runs for three readers, as a process with a relay and a source; `tests/walking.py` has what is around it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx
from playwright.async_api import Browser
from walking import MORNING, Mail, Story, Walker, open_world

Result = TypeVar("Result")

PHONE = {"width": 375, "height": 740}
DESK = {"width": 1200, "height": 900}
MUTED = "Märta Öberg"

ICE, ASH, QUAKES = "Melt water under glacier ice", "Ash in old glacier ice", "Glacier ice that quakes"
TABLES, PROOFS = "Reasoning over tables", "Reasoning about proofs"
FIRST = (
    Story(ICE, "Radar shows channels of melt water under glacier ice. The channels drain lakes in the summer."),
    Story(ASH, "Ash of volcanoes lies in layers of glacier ice, and dates them.", (MUTED, "Bo Berg")),
    Story(QUAKES, "Seismometers on glacier ice record quakes where crevasses open."),
    Story(TABLES, "Language models are slow at reasoning over tables with rows and columns of numbers."),
    Story(PROOFS, "Reasoning of language models about proofs gets better with search over lemmas."),
    Story("Violins of old wood", "The wood of violins is scanned and their sound is simulated."),
)
MORE_ICE, MORE_ASH, MORE_QUAKES = "Channels of melt water grow", "Volcanoes in glacier ice", "Crevasses open"
MORE_TABLES = "Numbers in tables"
SECOND = (
    Story(MORE_ICE, "Channels of melt water under glacier ice grow in the summer, as radar shows, and drain lakes."),
    Story(MORE_ASH, "Layers of ash from volcanoes are found in glacier ice.", (MUTED,)),
    Story(MORE_TABLES, "Reasoning over tables: language models read rows and columns of numbers."),
    Story("Lemmas first", "Language models that search for lemmas are better at reasoning about proofs."),
    Story(MORE_QUAKES, "Crevasses of glacier ice open with quakes that seismometers record."),
)


async def test_newcomers_walk_through_all_of_it(browser: Browser, tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        world.publish(MORNING, *FIRST)
        await world.call("migrate")
        await world.call("feeds", "add", world.feed)
        # Somebody who has the same wishes, and says nothing of what they get.
        await world.call("subscribers", "add", "silent@example.org", "--topic", "reasoning", "--topic", "glacier ice")
        readers = (
            Walker(world, browser, "phone", viewport=PHONE, timezone_id="Europe/Berlin", has_touch=True),
            Walker(world, browser, "desk", viewport=DESK, timezone_id="Europe/Berlin"),
            Walker(world, browser, "plain", viewport=PHONE, java_script_enabled=False),
        )
        async with readers[0], readers[1], readers[2]:
            async with world.running():
                await world.read()
                await world.call("send", "--only", "silent@example.org")
                await together(readers, first_day)
            # The machine is off for the night.
            tomorrow = MORNING + timedelta(days=1)
            world.publish(tomorrow, *SECOND)
            world.set_clock(tomorrow.replace(hour=5, minute=30))
            async with world.running():
                await world.read()
                world.set_clock(tomorrow.replace(hour=7, minute=30))
                await together(readers, second_day)
                await together(readers, last_things)
            assert {reader.email: reader.wrong for reader in readers if reader.wrong} == {}
            # Without a script they look as on the phone.
            found = await together(readers[:2], Walker.judged)
        assert found == [{}, {}]
        assert all(len(reader.pages) > 25 for reader in readers)
        for line in map(json.loads, world.log.read_text("utf-8").splitlines()):
            # On a busy machine a tick may be passed over, which is a warning.
            assert line["level"] != "error", line
            assert "@example.org" not in json.dumps(line)


async def together(readers: Sequence[Walker], act: Callable[[Walker], Awaitable[Result]]) -> list[Result]:
    """Let all readers do the same at the same time."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(act(reader), name=reader.email) for reader in readers]
    return [task.result() for task in tasks]


async def first_day(reader: Walker) -> None:
    """Subscribe, get the first mail, and do what its links lead to."""
    mail = await subscribe(reader)
    assert set(mail.titles) >= {ICE, ASH, QUAKES, TABLES, PROOFS}
    await speak(reader, mail)
    await change(reader, mail)
    await look_back(reader)


async def subscribe(reader: Walker) -> Mail:
    """Come in, from the page to subscribe to the first issue."""
    page = reader.page
    assert await reader.go(f"{reader.world.url}/subscribe") == "Subscribe"
    assert await page.input_value("#timezone") == ("Europe/Berlin" if reader.script else "UTC")
    await page.get_by_label("Your mail address").fill(reader.email)
    await page.locator("#search").fill("reason")
    await reader.press("Search")
    await page.get_by_label("reasoning", exact=True).check()
    await page.get_by_label("Your own topics, one a line").fill("glacier ice")
    await reader.press("Show an example")
    assert ICE in await page.frame_locator("iframe").locator("body").inner_text()
    await reader.see("with an example")
    # Who reads the example is slower than a test.
    reader.world.step(seconds=30)
    assert await reader.press("Subscribe") == "Look into your mailbox"
    asked = await reader.mail("Do you want this newsletter?")
    assert await reader.open(asked, "Yes, send it to me") == "Do you want this newsletter?"
    assert await reader.press("Yes, send it to me") == "You are subscribed"
    await reader.mail("Welcome\n")
    return await reader.mail("papers for you")


async def speak(reader: Walker, mail: Mail) -> None:
    """Say something of each paper: by the links of the mail, and by the buttons of the page that they open."""

    async def opens(words: str, title: str) -> str:
        found = await reader.open(mail, words, place=mail.titles.index(title))
        assert title in await reader.page.inner_text("main")
        return found

    assert await opens("More like this", ICE) == "More like this?"
    assert await reader.press("More like this") == "Noted: more like this"
    assert await opens("Less like this", TABLES) == "Less like this?"
    assert await reader.press("Less like this") == "Noted: less like this"
    await opens("More like this", QUAKES)
    assert await reader.press("Save it") == "Noted: saved"
    await opens("More like this", PROOFS)
    assert await reader.press("Seen it") == "Noted: you had seen it"
    assert await reader.press("Undo") == "Taken back"
    assert await reader.press("Seen it") == "Noted: you had seen it"
    await opens("Less like this", ASH)
    await reader.page.get_by_text("Mute an author").click()
    assert await reader.press(f"Mute {MUTED}") == "Noted: muted"


async def change(reader: Walker, mail: Mail) -> None:
    """Change wishes: topics and their weights, words, when, language, and a break that ends at once."""
    page = reader.page
    assert await reader.open(mail, "Change what you get") == "What you get"
    await page.get_by_role("slider").first.focus()
    await page.keyboard.press("ArrowLeft")
    if reader.script:
        await page.locator("#next h2").wait_for()
        await reader.see("with the next mail by a script")
    else:
        await reader.press("Show my next mail with it", "#topics")
        assert "Nothing is saved so far" in await page.inner_text("main")
    await page.get_by_label("Add topics in your own words").fill("harbour porpoises")
    await reader.press("Save", "#topics")
    assert "now with" in await page.inner_text(".notice")
    await reader.see("after a change of topics")
    await page.get_by_label("Words that you do not want").fill("survey")
    await reader.press("Save", "form[aria-labelledby=head-names]")
    await page.get_by_label("How often").select_option("weekdays")
    await reader.press("Save", "form[aria-labelledby=head-when]")
    assert "From Monday to Friday (it was Every day)" in await page.inner_text(".notice")
    for language in ("de", "en"):
        await page.locator("#language").select_option(language)
        async with page.expect_navigation():
            await page.locator("form[aria-labelledby=head-amount] button[value=save]").click()
        assert await page.get_attribute("html", "lang") == language
        await reader.see()
    await page.locator("#until").fill(str((MORNING + timedelta(days=20)).date()))
    await reader.press("Take a break", "form[aria-labelledby=head-pause]")
    assert "You are on a break" in await page.inner_text(".notice")
    await reader.see("on a break")
    await reader.press("End the break")
    assert "Your break is over" in await page.inner_text(".notice")


async def look_back(reader: Walker) -> None:
    """Find again what one got, and take it along."""
    page = reader.page
    assert await reader.follow("My papers") == "My papers"
    await page.get_by_label("Words in titles, authors and abstracts").fill("seismometers")
    await reader.press("Show")
    assert await page.locator("article h3").all_inner_texts() == [QUAKES]
    await reader.see("that were searched")
    assert await page.get_by_role("button", name="Save it").get_attribute("aria-pressed") == "true"
    assert QUAKES in (await reader.download("BibTeX")).decode()
    await reader.see("without the address of their feeds")
    assert await page.get_by_role("link", name="Atom", exact=True).count() == 0
    assert await page.get_by_role("link", name="Send me my link").count() == 1


async def second_day(reader: Walker) -> None:
    """Get a mail that follows what was said, other than that of somebody who said nothing."""
    mail = await reader.mail("papers for you")
    silent = reader.world.mails("silent@example.org")
    assert not set(mail.titles) & {story.title for story in FIRST}
    assert MORE_ASH not in mail.titles
    assert mail.titles[0] in (MORE_ICE, MORE_QUAKES)
    assert next(title for title in mail.titles if title in (MORE_ICE, MORE_TABLES)) == MORE_ICE
    while len(silent) < 2:
        await asyncio.sleep(0.1)
        silent = reader.world.mails("silent@example.org")
    assert MORE_ASH in silent[-1].titles
    assert "which you liked" in mail.text
    assert "which you liked" not in silent[-1].text


async def last_things(reader: Walker) -> None:
    """Leave by one click, come back by the mail that says so, and go for good with all data."""
    page, world = reader.page, reader.world
    mail = world.mails(reader.email)[-1]
    async with httpx.AsyncClient() as program:
        answer = await program.post(mail.one_click, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.headers.get("Location"), answer.cookies) == (200, None, {})
    goodbye = await reader.mail("You are unsubscribed")
    assert await reader.open(goodbye, "Come back") == "You are unsubscribed"
    assert await reader.press("Undo: subscribe me again") == "You are subscribed again"
    assert await reader.follow("Unsubscribe") == "Unsubscribe?"

    # The link of the mail may not erase; one that is asked for may.
    assert await reader.open(mail, "Change what you get") == "What you get"
    assert await reader.follow("Send me my link") == "Where is my link?"
    await page.get_by_label("Your address").fill(reader.email)
    world.step(seconds=5)
    assert await reader.press("Send me my link") == "Look into your mail"
    link = await reader.mail("Here is your link")
    assert await reader.open(link, "Open my page") == "What you get"
    await reader.see("by the link of an hour")
    assert await reader.follow("My papers") == "My papers"
    async with httpx.AsyncClient() as program:
        for words, media_type in {"Atom": "application/atom+xml", "JSON Feed": "application/feed+json"}.items():
            link = await page.get_by_role("link", name=words, exact=True).get_attribute("href")
            answer = await program.get(f"http://127.0.0.1:{reader.world.port}{link}")
            assert answer.headers["Content-Type"].startswith(media_type)
            assert ICE in answer.text
    assert await reader.follow("Change what you get") == "What you get"
    assert await reader.follow("My data") == "My data"
    everything = json.loads(await reader.download("Download my data (JSON)"))
    assert reader.email in json.dumps(everything)
    assert ICE in json.dumps(everything)
    await page.get_by_label("I am sure: erase all my data.").check()
    assert await reader.press("Erase my data") == "You are erased"
    assert world.rows("SELECT * FROM subscribers WHERE email = ?", reader.email) == []
    async with httpx.AsyncClient() as program:
        assert (await program.get(mail.after("Change what you get"))).status_code in (404, 410)
