"""Who wants the newsletter subscribes by a page, a mail and a button; strangers learn nothing and bomb nobody."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from newsroom import DAY, TODAY, Newsroom, address, papers
from servers import Server
from webroom import HIDDEN, Site, open_site

from newsletter.errors import NotFoundError, SettingsError
from newsletter.models import Consent
from newsletter.pipeline import subscribers
from newsletter.schedule import local
from newsletter.store import suppressions

FORM = re.compile(r'name="form" value="([^"]+)"')
LINK = re.compile(r"https://papers\.example\.org(/letters/confirm/\S+)")
SENT = "Look into your mailbox"


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with ten papers and nobody; on both engines."""
    await room.take_in(*papers(*range(10)))
    async with open_site(room) as opened:
        yield opened


@pytest.fixture
async def small(small_room: Newsroom) -> AsyncIterator[Site]:
    """The same on SQLite alone."""
    await small_room.take_in(*papers(*range(10)))
    async with open_site(small_room) as opened:
        yield opened


async def subscribe(site: Site, name: str = "ada", **fields: Any) -> httpx.Response:
    """Fill in the page and press its button."""
    page = await site.get("/subscribe")
    token = FORM.search(page.text)
    assert token is not None
    site.room.clock.step(seconds=5)
    return await site.client.post("/subscribe", data=form_of(name, token[1]) | fields)


def form_of(name: str, token: str) -> dict[str, Any]:
    """Return what somebody fills in."""
    return {
        "form": token, "act": "subscribe", "website": "", "email": address(name), "words": "", "cadence": "daily",
        "hour": "7", "timezone": "Europe/Berlin", "language": "en",
    }  # fmt: skip


async def work(site: Site) -> list[EmailMessage]:
    """Do what `newsletter run` does every two seconds, with a real server, and return the mail that it got."""
    async with Server() as server:
        site.room.relay(server)
        await local.newcomers(site.room.app)
    return [message_from_bytes(message.content, policy=default) for message in server.messages]


def link(message: EmailMessage) -> str:
    """Return the path that a confirmation leads to."""
    part = message.get_body(("plain",))
    assert part is not None
    found = LINK.search(part.get_content())
    assert found is not None
    return found[1]


def subjects(messages: list[EmailMessage]) -> list[str]:
    """Return what mails are called."""
    return [str(message["Subject"]) for message in messages]


async def confirm(site: Site, path: str) -> httpx.Response:
    """Press the button of the page to confirm."""
    return await site.press(path, act="confirm")


# The way in


async def test_the_whole_way_from_the_page_to_the_first_issue(site: Site) -> None:
    answer = await subscribe(site, words="Violin\nglacier; harbour ", topic=["reasoning", "unheard-of"], hour="18")
    assert (answer.status_code, SENT in answer.text) == (200, True)
    # Nothing is on record of them but what they ask for.
    with pytest.raises(NotFoundError):
        await subscribers.find(site.room.database, address("ada"))
    (asked,) = await work(site)
    assert (asked["To"], asked["Subject"]) == (address("ada"), "Please confirm: Papers for you")
    path = link(asked)
    page = await site.get(path)
    assert "Do you want this newsletter?" in page.text
    assert "New papers come every day at 6:00" in page.text
    for topic in ("reasoning", "Violin", "glacier", "harbour"):
        assert f"<li>{topic}</li>" in page.text
    assert "a•••@example.org" in page.text
    assert address("ada") not in page.text
    assert await work(site) == []
    done = await confirm(site, path)
    assert "You are subscribed" in done.text
    mails = await work(site)
    assert subjects(mails)[0] == "Welcome to Papers for you"
    assert len(mails) == 2
    assert mails[1]["List-Unsubscribe"]
    person = await subscribers.find(site.room.database, address("ada"))
    assert [topic.name for topic in person.topics] == ["reasoning", "Violin", "glacier", "harbour"]
    assert (person.state, person.hour, person.timezone) == (Consent.CONFIRMED, 18, "Europe/Berlin")
    assert await site.room.rows("SELECT * FROM signups") == []
    # The issue of this day was had: their hour brings no second one.
    site.room.clock.step(hours=10)
    async with Server() as server:
        site.room.relay(server)
        await local.tick(site.room.app)
    assert server.messages == []


async def test_a_first_issue_that_a_run_was_too_late_for_goes_out_at_the_next_look(site: Site) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    await confirm(site, link(asked))
    async with Server() as server:
        site.room.relay(server)
        app = site.room.app
        async with app.sending_turn:
            await local.newcomers(app)
        assert server.messages == []
        await local.newcomers(app)
    assert len(server.messages) == 2
    assert await site.room.rows("SELECT * FROM signups") == []


async def test_the_proof_names_when_how_which_words_and_a_hash_of_where(site: Site) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    site.room.clock.step(minutes=3)
    await confirm(site, link(asked))
    first, last = await site.evidence()
    assert (first.state, first.how) == (Consent.UNCONFIRMED, "on the page to subscribe")
    assert (last.state, last.how) == (Consent.CONFIRMED, "by the button of the page that their confirmation leads to")
    assert last.at - first.at >= DAY / 24 / 20
    for one in (first, last):
        found = re.fullmatch(r"words ([0-9a-f]{12}), from ([0-9a-f]{16})", one.source)
        assert found is not None
        assert "127.0.0.1" not in one.source
        ((words,),) = await site.room.rows("SELECT words FROM wordings WHERE version = :version", version=found[1])
        assert words.startswith("I want Papers for you by mail")
        # They were what the page said.
        assert words in " ".join(re.sub(r"<[^>]*>", " ", (await site.get("/subscribe")).text).split())


async def test_wishes_of_a_second_try_count_and_the_mail_comes_again(site: Site) -> None:
    await subscribe(site, words="violin", cadence="weekdays")
    (asked,) = await work(site)
    await subscribe(site, words="glacier", cadence="weekly:fri", language="de")
    # The first may be lost; whoever finds it confirms by it all the same.
    (again,) = await work(site)
    assert again["To"] == asked["To"]
    await confirm(site, link(asked))
    person = await subscribers.find(site.room.database, address("ada"))
    assert ([topic.name for topic in person.topics], person.cadence, person.language) == (
        ["glacier"], "weekly:fri", "de",
    )  # fmt: skip


async def test_a_first_issue_comes_whatever_the_cadence_and_only_by_setting(site: Site) -> None:
    site.room.set("signup", first_issue=False)
    async with open_site(site.room) as other:
        await subscribe(other)
        (asked,) = await work(other)
        await confirm(other, link(asked))
        (welcome,) = await work(other)
        assert "The first ones come on Tuesday, March 3, 2026." in " ".join(
            welcome.get_body(("plain",)).get_content().split()
        )  # type: ignore[union-attr]
    site.room.set("signup", first_issue=True)
    await subscribe(site, "bob", cadence="weekly:fri")
    (asked,) = await work(site)
    await confirm(site, link(asked))
    assert len(await work(site)) == 2
    assert [one.edition for one in await site.room.records("bob") if one.titles] == [TODAY]


async def test_where_nothing_is_to_be_had_who_comes_is_welcome_all_the_same(small_room: Newsroom) -> None:
    async with open_site(small_room) as site:
        await subscribe(site)
        (asked,) = await work(site)
        await confirm(site, link(asked))
        assert subjects(await work(site)) == ["Welcome to Papers for you"]
        assert await work(site) == []


# Nobody learns who is subscribed


async def test_the_answer_is_the_same_whoever_asks(site: Site) -> None:
    for name in ("bob", "cleo", "dan", "eve"):
        await site.room.subscribe(name)
    await subscribers.remove(site.room.database, site.room.clock, address("cleo"), source="test")
    await subscribers.pause(site.room.database, address("eve"), None)
    async with site.room.database.begin() as connection:
        await suppressions.add(connection, address("dan"), "a complaint", site.room.clock.now())
    answers = {name: await subscribe(site, name) for name in ("ada", "bob", "cleo", "dan", "eve")}
    assert {answer.status_code for answer in answers.values()} == {200}
    assert len({answer.text for answer in answers.values()}) == 1
    # What is written is the same too; only later it is looked who that is.
    assert await site.room.rows("SELECT state, count(*) FROM signups GROUP BY state") == [("asked", 5)]
    mails = await work(site)
    assert {message["To"]: message["Subject"] for message in mails} == {
        address("ada"): "Please confirm: Papers for you",
        address("bob"): "You are subscribed already: Papers for you",
        address("cleo"): "Please confirm: Papers for you",
        # A break does not keep an answer back.
        address("eve"): "You are subscribed already: Papers for you",
    }
    known = next(message for message in mails if message["To"] == address("bob"))
    assert "/unsubscribe/" in known["List-Unsubscribe"]
    assert known["Auto-Submitted"] == "auto-generated"


async def test_a_stranger_changes_nothing_of_a_subscriber(site: Site) -> None:
    before = await site.room.subscribe("bob", "violin", hour=5)
    await subscribe(site, "bob", words="glacier", hour="20", language="de")
    await work(site)
    assert await subscribers.find(site.room.database, address("bob")) == before
    assert await site.room.rows("SELECT * FROM signups") == []


async def test_who_left_comes_back_with_the_wishes_of_now(site: Site) -> None:
    await site.room.subscribe("bob", "violin", muted_words=("survey",))
    await subscribers.pause(site.room.database, address("bob"), None)
    await subscribers.remove(site.room.database, site.room.clock, address("bob"), source="test")
    await subscribe(site, "bob", words="glacier")
    (asked,) = await work(site)
    before = await subscribers.find(site.room.database, address("bob"))
    assert [topic.name for topic in before.topics] == ["violin"]
    await confirm(site, link(asked))
    after = await subscribers.find(site.room.database, address("bob"))
    assert ([topic.name for topic in after.topics], after.muted_words, after.paused_until) == (
        ["glacier"], ("survey",), None,
    )  # fmt: skip


async def test_who_left_is_told_so_though_somebody_asks_for_them_at_once(site: Site) -> None:
    # Else whoever has a mail that was passed on could leave for its reader, who would only see a mail to ignore.
    await site.room.subscribe("bob", "violin")
    await site.press(await site.leaving("bob"), act="leave")
    await subscribe(site, "bob", words="glacier")
    assert sorted(subjects(await work(site))) == [
        "Please confirm: Papers for you", "You are unsubscribed: Papers for you",
    ]  # fmt: skip


async def test_who_left_may_undo_it_though_somebody_asked_for_them(site: Site) -> None:
    await site.room.subscribe("bob", "violin")
    path = await site.leaving("bob")
    await site.press(path, act="leave")
    await subscribe(site, "bob", words="glacier")
    await work(site)
    page = await site.get(path)
    assert ("You are unsubscribed" in page.text, 'value="return"' in page.text) == (True, True)
    assert 'name="reason"' not in page.text
    assert "You are subscribed again" in (await site.press(path, act="return")).text
    after = await subscribers.find(site.room.database, address("bob"))
    assert (after.state, [topic.name for topic in after.topics]) == (Consent.CONFIRMED, ["violin"])


async def test_who_never_said_so_is_not_called_subscribed(site: Site) -> None:
    await subscribe(site, "ada")
    await work(site)
    page = await site.press(await site.leaving("ada"), act="return")
    assert "You are subscribed again" not in page.text
    assert (await subscribers.find(site.room.database, address("ada"))).state is Consent.UNCONFIRMED


# Nobody is bombed


async def test_a_mailbox_gets_no_more_than_its_mails_a_day_whoever_asks(site: Site) -> None:
    for _ in range(6):
        assert SENT in (await subscribe(site)).text
    assert len(await work(site)) == 1
    assert await site.room.rows("SELECT number FROM tries ORDER BY number") == [(6,), (6,)]
    # However it is spelled.
    await subscribe(site, email="  ADA@Example.ORG ")
    assert await work(site) == []
    site.room.clock.step(days=1, hours=1)
    assert SENT in (await subscribe(site)).text
    assert len(await work(site)) == 1


async def test_who_lost_their_confirmation_gets_another_up_to_the_mails_of_a_day(site: Site) -> None:
    for number in range(5):
        assert SENT in (await subscribe(site)).text
        assert [str(one["To"]) for one in await work(site)] == [address("ada")] * (number < 3)


async def test_tags_of_one_mailbox_count_as_one(site: Site) -> None:
    # Nobody bombs a stranger whose server drops what stands behind a +.
    for number in range(6):
        dots = "vic.tim" if number % 2 else "victim"
        assert SENT in (await subscribe(site, email=f"{dots}+{number}@gmail.com")).text
    assert len(await work(site)) == 3
    # Who they are stays theirs: those are three people.
    assert len(await site.room.rows("SELECT email FROM subscribers")) == 3
    # Nor by asking as a reader for another address.
    await site.room.subscribe("bob")
    moving = f"/address/{await site.door('own', 'bob')}"
    assert (await site.press(moving, email="victim+9@gmail.com")).status_code == 200
    assert await work(site) == []


async def test_a_network_address_asks_so_often_in_an_hour(site: Site) -> None:
    site.room.set("signup", hourly=2)
    async with open_site(site.room) as strict:
        for name in ("ada", "bob"):
            assert SENT in (await subscribe(strict, name)).text
        refused = await subscribe(strict, "cleo")
        assert refused.status_code == 429
        assert "Try again in an hour." in refused.text
        # What was entered is not lost.
        assert f'value="{address("cleo")}"' in refused.text
        # No header of a stranger's makes them somebody else.
        token = strict.signups.form()
        strict.room.clock.step(seconds=5)
        other = await strict.client.post(
            "/subscribe", data=form_of("dan", token), headers={"X-Forwarded-For": "192.0.2.7"}
        )
        assert other.status_code == 429
        strict.room.clock.step(hours=2)
        assert SENT in (await subscribe(strict, "cleo")).text
    assert await site.room.rows("SELECT email FROM signups ORDER BY email") == [
        (address("ada"),), (address("bob"),), (address("cleo"),),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("proxies", "header", "same"),
    [
        (1, ("203.0.113.9, 192.0.2.1", "203.0.113.77, 192.0.2.1"), True),
        (1, ("192.0.2.1", "192.0.2.2"), False),
        (2, ("192.0.2.1, 10.0.0.1", "192.0.2.2, 10.0.0.1"), False),
        (1, ("2001:db8:1:2::5", "2001:db8:1:2:ffff::9"), True),
        (1, ("2001:db8:1:2::5", "2001:db8:1:3::5"), False),
        (1, ("nonsense", "more nonsense"), True),
        (2, ("192.0.2.1", "192.0.2.2"), True),
        (0, ("192.0.2.1", "192.0.2.2"), True),
    ],
)
async def test_behind_proxies_it_is_who_stands_before_them(
    small_room: Newsroom, capfd: pytest.CaptureFixture[str], proxies: int, header: tuple[str, str], same: bool
) -> None:
    small_room.set("signup", hourly=1)
    small_room.set("web", proxies=proxies)
    async with open_site(small_room) as site:
        statuses = []
        for name, forwarded in zip(("ada", "bob"), header, strict=True):
            token = site.signups.form()
            site.room.clock.step(seconds=5)
            answer = await site.client.post(
                "/subscribe", data=form_of(name, token), headers={"X-Forwarded-For": forwarded}
            )
            statuses.append(answer.status_code)
        assert statuses == [200, 429 if same else 200]
    # Once, however many ask.
    assert capfd.readouterr().out.count("while web.proxies is 0") == (proxies == 0)


async def test_no_address_of_a_mailbox_or_a_network_stands_in_the_tries(site: Site) -> None:
    await subscribe(site)
    rows = await site.room.rows("SELECT name FROM tries")
    assert len(rows) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", name) for (name,) in rows)


async def test_a_program_that_fills_in_what_nobody_sees_is_told_the_same_and_nothing_follows(small: Site) -> None:
    good = await subscribe(small, "bob")
    answer = await subscribe(small, website="https://spam.example")
    assert answer.text == good.text
    assert await small.room.rows("SELECT email FROM signups") == [(address("bob"),)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "faster than people"), (1, "faster than people"), (3700, "open for a long time"), (-90, "faster than people")],
)
async def test_a_form_that_is_too_young_or_too_old_is_shown_again_with_all_that_was_entered(
    small: Site, seconds: int, words: str
) -> None:
    token = small.signups.form()
    small.room.clock.step(seconds=seconds)
    sent = form_of("ada", token) | {"words": "violin", "topic": ["reasoning"], "timezone": "Asia/Tokyo"}
    answer = await small.client.post("/subscribe", data=sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{address("ada")}"' in answer.text
    assert ">violin</textarea>" in answer.text
    assert 'value="reasoning" checked' in answer.text
    assert "<option selected>Asia/Tokyo</option>" in answer.text
    again = FORM.search(answer.text)
    assert again is not None
    small.room.clock.step(seconds=5)
    assert SENT in (await small.client.post("/subscribe", data=sent | {"form": again[1]})).text


@pytest.mark.parametrize("token", ["", "x", "WzFd.forged", "swapped", "of another page"])
async def test_a_form_that_was_not_made_here_is_not_taken(small: Site, token: str) -> None:
    if token == "swapped":
        token = small.signer.sign("confirm", 1)
    if token == "of another page":
        token = dict(HIDDEN.findall((await small.get("/lost")).text))["form"]
        small.room.clock.step(seconds=20)
    answer = await small.client.post("/subscribe", data=form_of("ada", token))
    assert (answer.status_code, "open for a long time" in answer.text) == (422, True)
    assert await small.room.rows("SELECT email FROM signups") == []


async def test_domains_of_the_operators_list_are_not_taken(small_room: Newsroom, tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("# thrown away\nmailinator.example\n\n Bücher.example # as people write it\n")
    small_room.set("signup", disposable_domains=tmp_path / "domains")
    async with open_site(small_room) as site:
        await site.room.subscribe("bob")
        for email in (
            "a@mailinator.example",
            "a@sub.MAILINATOR.example",
            "a@bücher.example",
            "a@xn--bcher-kva.example",
        ):
            answer = await subscribe(site, email=email)
            assert answer.status_code == 422
            assert "thrown away after use" in answer.text
            # Nor as the new address of somebody who came with another one.
            answer = await site.press(f"/address/{await site.door('own', 'bob')}", email=email)
            assert answer.status_code == 422
            assert "thrown away after use" in answer.text
        assert SENT in (await subscribe(site, email="a@notmailinator.example")).text
    small_room.set("signup", disposable_domains=tmp_path / "missing")
    with pytest.raises(SettingsError, match="disposable_domains"):
        async with open_site(small_room):
            pass


# Faults of the form


@pytest.mark.parametrize(
    ("fields", "at", "words"),
    [
        ({"email": ""}, "email", "Write the address"),
        ({"email": "nobody"}, "email", "not a mail address"),
        ({"email": "a@b"}, "email", "not a mail address"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email", "not a mail address"),
        ({"hour": "24"}, "hour", "Choose one of the list"),
        ({"hour": "seven"}, "hour", "Choose one of the list"),
        ({"cadence": "hourly"}, "cadence", "Choose one of the list"),
        ({"timezone": "Mars/Olympus"}, "timezone", "Choose one of the list"),
        ({"language": "x" * 50}, "language", "Choose one of the list"),
        ({"words": "x" * 300}, "words", "too long"),
        ({"words": "a\x00b"}, "words", "cannot be printed"),
        ({"words": "\n".join(f"topic {number}" for number in range(41))}, "words", "too many topics"),
    ],
)
async def test_a_fault_is_told_at_its_field_and_in_a_summary_that_leads_there(
    small: Site, fields: dict[str, str], at: str, words: str
) -> None:
    answer = await subscribe(small, **fields)
    assert answer.status_code == 422
    assert re.search(rf'<a href="#{at}">[^<]*{words}', answer.text)
    assert re.search(rf'id="fault-{at}">[^<]*{words}', answer.text)
    (field,) = re.findall(rf'<(?:input|select|textarea) id="{at}"[^>]*>', answer.text)
    assert 'aria-invalid="true"' in field
    assert re.search(rf'aria-describedby="fault-{at}', field)
    assert await small.room.rows("SELECT email FROM signups") == []


async def test_all_faults_are_told_at_once(small: Site) -> None:
    answer = await subscribe(small, email="x", hour="99", words="y" * 300)
    assert re.findall(r'id="fault-(\w+)"', answer.text) == ["words", "hour", "email"]


async def test_by_setting_there_is_no_such_page(small_room: Newsroom) -> None:
    small_room.set("signup", open=False)
    async with open_site(small_room) as site:
        for path in ("/subscribe", "/subscribe.js", "/example/x"):
            assert (await site.get(path)).status_code == 404


# Looking for topics


async def test_a_search_finds_topics_by_get_without_a_script(small: Site) -> None:
    page = await small.get("/subscribe?search=diffus&topic=reasoning&words=violin&email=eve@example.org")
    assert 'value="reasoning" checked' in page.text
    assert re.search(r'name="topic" value="[a-z-]*diffusion[a-z-]*">', page.text)
    assert ">violin</textarea>" in page.text
    # An address of a page names nobody.
    assert "eve@example.org" not in page.text
    nothing = await small.get("/subscribe", params={"search": "<b>zzz"})
    assert "No other topic has “&lt;b&gt;zzz”" in nothing.text


async def test_a_search_from_within_the_form_loses_nothing(small: Site) -> None:
    sent = form_of("ada", "") | {
        "act": "search",
        "search": "reason",
        "topic": ["agents"],
        "words": "violin",
        "hour": "20",
    }
    page = await small.client.post("/subscribe", data=sent)
    assert page.status_code == 200
    assert 'value="agents" checked' in page.text
    assert 'value="reasoning"' in page.text
    assert f'value="{address("ada")}"' in page.text
    assert '<option value="20" selected>' in page.text
    assert await small.room.rows("SELECT email FROM signups") == []


# The example


async def test_the_example_is_the_mail_of_today_for_these_topics(site: Site) -> None:
    await site.room.subscribe("bob")
    before = await site.everything()
    sent = form_of("", "") | {"act": "example", "email": "", "words": "violin"}
    page = await site.client.post("/subscribe", data=sent)
    found = re.search(r'<iframe src="(/letters/example/[^"]+)"', page.text)
    assert found is not None
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    mail = await site.get(found[1])
    assert mail.status_code == 200
    assert "The violin" in mail.text
    assert "Matches violin" in mail.text
    policy = mail.headers["content-security-policy"]
    assert policy.endswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert await site.everything() == before
    # A link of it acts for nobody.
    for token in set(re.findall(r"/unsubscribe/([0-9a-f-]+)", mail.text)):
        assert (await site.get(f"/unsubscribe/{token}")).status_code == 404
    site.room.clock.step(hours=2)
    assert (await site.get(found[1])).status_code == 404


async def test_an_example_that_was_not_asked_for_here_is_not_made(small: Site) -> None:
    token = small.signer.sign("form", 1, "en", "UTC")
    for one in (token, "x", "e30.x"):
        answer = await small.get(f"/example/{one}")
        assert answer.status_code == 404
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


async def test_an_example_of_nothing_says_so(small_room: Newsroom) -> None:
    async with open_site(small_room) as site:
        sent = form_of("", "") | {"act": "example", "words": "violin"}
        page = await site.client.post("/subscribe", data=sent)
        found = re.search(r'<iframe src="([^"]+)"', page.text)
        assert found is not None
        assert "no paper for these topics today" in (await site.get(found[1])).text


async def test_examples_are_limited_too(small_room: Newsroom) -> None:
    small_room.set("signup", hourly=2)
    async with open_site(small_room) as site:
        sent = form_of("", "") | {"act": "example"}
        statuses = [(await site.client.post("/subscribe", data=sent)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


# The page to confirm


async def test_looking_confirms_nobody(site: Site) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    before = await site.everything()
    for _ in range(3):
        assert (await site.get(link(asked))).status_code == 200
        assert (await site.client.head(link(asked))).status_code == 200
    for fields in ({}, {"act": "subscribe"}):
        assert (await site.press(link(asked), **fields)).status_code == 400
    assert await site.everything() == before


async def test_links_that_are_not_right_confirm_nobody(site: Site) -> None:
    await subscribe(site)
    await subscribe(site, "bob")
    first, second = sorted(map(link, await work(site)))
    payload, _, signature = first.rpartition("/")[2].rpartition("-")
    other = second.rpartition("/")[2].rpartition("-")[0]
    for token in (
        f"{payload}-{signature[:-1]}", f"{other}-{signature}", payload, "x", site.signer.sign("form", 1, "a"),
        site.signer.tag("confirm", 1, address("ada")), site.signer.sign("confirm", 1, address("ada")),
    ):  # fmt: skip
        answer = await confirm(site, f"/confirm/{token}")
        assert (answer.status_code, "This link is not complete" in answer.text) == (404, True)
    assert await site.room.rows("SELECT state, count(*) FROM subscribers GROUP BY state") == [("unconfirmed", 2)]


async def test_a_link_that_confirms_says_of_whom_in_no_form(site: Site) -> None:
    # Addresses of pages stand in the logs of proxies, and in histories.
    await subscribe(site)
    (asked,) = await work(site)
    token = link(asked).rpartition("/")[2]
    assert re.fullmatch(r"[0-9a-f]+-[0-9a-f]{1,16}-[0-9a-f]{32}", token)
    # It is bound to the address all the same.
    await site.room.say("UPDATE subscribers SET email = 'eve@example.org', email_key = 'eve@example.org'")
    for answer in (await site.get(link(asked)), await confirm(site, link(asked))):
        assert answer.status_code == 410
    assert (await subscribers.find(site.room.database, "eve@example.org")).state is Consent.UNCONFIRMED


async def test_confirming_twice_welcomes_once(site: Site) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    for _ in range(2):
        assert "You are subscribed" in (await confirm(site, link(asked))).text
    assert len(await work(site)) == 2
    assert "You are subscribed" in (await confirm(site, link(asked))).text
    assert "You are subscribed" in (await site.get(link(asked))).text
    assert await work(site) == []
    assert len(await site.evidence()) == 2


async def test_who_did_not_say_so_in_time_is_deleted_and_their_link_says_what_to_do(site: Site) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    site.room.clock.step(days=6)
    await local.prune(site.room.app)
    assert (await site.get(link(asked))).status_code == 200
    await subscribe(site, "bob")
    site.room.clock.step(days=1, hours=1)
    await local.prune(site.room.app)
    with pytest.raises(NotFoundError):
        await subscribers.find(site.room.database, address("ada"))
    for table in ("deliveries", "issues", "subscriptions"):
        assert await site.room.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
    assert await site.room.rows("SELECT email FROM signups") == [(address("bob"),)]
    for answer in (await site.get(link(asked)), await confirm(site, link(asked))):
        assert answer.status_code == 410
        assert 'href="/letters/subscribe"' in answer.text
    # They may ask again, since they were not erased at their wish.
    await subscribe(site)
    assert {message["To"] for message in await work(site)} == {address("ada"), address("bob")}


async def test_to_erase_somebody_takes_their_sign_up_too(site: Site) -> None:
    await subscribe(site)
    await work(site)
    await subscribers.erase(site.room.database, site.room.clock, address("ada"))
    assert await site.room.rows("SELECT * FROM signups") == []


# At once, and cut


async def test_the_same_twice_at_once_is_one_person_and_one_mail(site: Site) -> None:
    token = site.signups.form()
    site.room.clock.step(seconds=5)
    answers = await asyncio.gather(*(site.client.post("/subscribe", data=form_of("ada", token)) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    signups = site.signups
    await asyncio.gather(*(signups.settle() for _ in range(4)))
    (asked,) = await work_whatever(site)
    answers = await asyncio.gather(*(confirm(site, link(asked)) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await site.evidence()) == 2
    assert subjects(await work(site))[0] == "Welcome to Papers for you"
    assert len(await site.room.records("ada")) == 3


async def work_whatever(site: Site) -> list[EmailMessage]:
    """Send what waits, whoever queued it."""
    async with Server() as server:
        site.room.relay(server)
        await site.room.deliver()
    return [message_from_bytes(message.content, policy=default) for message in server.messages]


async def test_tries_at_once_are_each_counted(site: Site) -> None:
    allowed = await asyncio.gather(*(site.signups.tries.may("x", "y", 5, DAY) for _ in range(12)))
    assert sorted(allowed) == [False] * 7 + [True] * 5


class KilledError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("where", ["ask_in", "tell"])
async def test_a_kill_while_a_sign_up_is_looked_at_loses_nothing_and_asks_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await subscribe(site)
    notices = type(site.room.app.notices)
    whole = getattr(notices, where)

    async def killed(*given: Any, **named: Any) -> None:
        await whole(*given, **named)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(notices, where, killed)
        with pytest.raises(KilledError):
            await work(site)
    assert await site.room.records() == []
    assert subjects(await work(site)) == ["Please confirm: Papers for you"]
    assert await work(site) == []


async def test_a_kill_while_somebody_confirms_leaves_them_as_they_were(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    before = await site.everything()

    async def killed(*given: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("newsletter.pipeline.signups.signups.move", killed)
        assert (await confirm(site, link(asked))).status_code == 500
    assert await site.everything() == before
    assert "You are subscribed" in (await confirm(site, link(asked))).text


async def test_a_kill_between_the_first_issue_and_its_note_brings_no_second_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(site)
    (asked,) = await work(site)
    await confirm(site, link(asked))

    async def killed(*given: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("newsletter.pipeline.signups.Signups.greeted", killed)
        with pytest.raises(KilledError):
            await work(site)
    assert len(await work(site)) == 2
    assert [one.kind for one in await site.room.records("ada")].count("issue") == 1
    assert await site.room.rows("SELECT * FROM signups") == []


# From the command line


async def test_who_is_added_unconfirmed_is_asked_and_comes_by_their_own_word(site: Site) -> None:
    new = subscribers.new(site.room.app.settings.newsletter, site.room.clock, address("ada"))
    app = site.room.app
    added = await subscribers.ask(app.database, app.notices, new, source="test")
    assert added.state is Consent.UNCONFIRMED
    (asked,) = await work_whatever(site)
    await confirm(site, link(asked))
    assert subjects(await work_whatever(site)) == ["Welcome to Papers for you"]
    assert [one.how for one in await site.evidence()] == [
        "by the operator",
        "by the button of the page that their confirmation leads to",
    ]
