"""The operator's page: true figures on both engines, and a way in for nobody else."""

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsroom import Newsroom, address, papers
from webroom import Site, open_site

from newsletter import passwords
from newsletter.models import Consent, Feedback, Subscription
from newsletter.pipeline import entrance, figures, subscribers
from newsletter.pipeline.figures import _people
from newsletter.store import subscribers as kept
from newsletter.store.figures import Moved

PASSWORD = "correct horse battery"
KEPT = passwords.kept(PASSWORD)
FORM = re.compile(r'name="form" value="([^"]+)"')


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """A newsletter with a password for its figures, and a mail for Ada and Bob."""
    await small_room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await small_room.subscribe(name)
    await small_room.send()
    small_room.set("operator", password_hash=KEPT)
    async with open_site(small_room) as opened:
        yield opened


async def enter(site: Site, password: str = PASSWORD) -> str:
    """Log in, and return the cookie."""
    form = FORM.search((await site.get("/letters/operator")).text)
    assert form is not None
    answer = await site.press("/letters/operator", act="enter", password=password, form=form[1])
    if answer.status_code != 303:
        assert "set-cookie" not in answer.headers
        assert answer.status_code == 403
        return ""
    assert answer.headers["location"] == "/letters/operator"
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/letters/operator"} <= set(cookie.split("; "))
    return cookie.partition(";")[0]


async def test_figures_are_those_of_the_record(room: Newsroom) -> None:
    await room.take_in(*papers(1, 2, 3))
    people = {name: await room.subscribe(name) for name in ("ada", "bob", "cy")}
    await room.send()
    room.clock.step(days=1)
    await room.take_in(*papers(4, 5, 6))
    await room.send()
    numbers = {title: number for number, title in await room.rows("SELECT id, title FROM papers")}
    first = (await room.got("ada"))[0]
    async with room.database.begin() as connection:
        for title, verdict in ((first[0], "more"), (first[2], "less")):
            said = {"subscriber_id": people["ada"].id, "paper_id": numbers[title], "verdict": verdict}
            await kept.say(connection, Feedback.model_validate({**said, "at": room.clock.now()}))
    await subscribers.remove(room.database, room.clock, address("cy"), source="test")
    found = await figures.gather(room.database, room.clock.now(), 30)

    charts = {chart.name: chart for chart in found.charts}
    assert found.subscribers == 2
    assert charts["people"].columns["subscribers"][-2:] == (3, 2)
    assert charts["people"].columns["came"][-2:] == (3, 0)
    assert charts["people"].columns["went"][-2:] == (0, 1)
    assert charts["people"].columns["subscribers"][0] == 0
    assert charts["mail"].columns["sent"][-2:] == (3, 3)
    assert charts["feedback"].columns["more"][-2:] == (0, 1)
    assert charts["feedback"].columns["less"][-2:] == (0, 1)
    assert charts["feedback"].columns["for 100 mails"][-2:] == (0, 66.7)
    # Ada alone ever said anything: two mails of hers with three papers each.
    assert charts["places"].labels == ("1", "2", "3")
    assert charts["places"].columns["sent"] == (2, 2, 2)
    assert charts["places"].columns["welcome"] == (1, 0, 0)
    assert charts["returned"].empty


async def test_a_notice_is_no_edition(room: Newsroom) -> None:
    await room.subscribe("ada")
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    found = await figures.gather(room.database, room.clock.now(), 30)
    assert found.chart("mail") is not None
    assert all(chart.empty for chart in found.charts if chart.name == "mail")


async def test_reasons_and_imports_count_nobody_twice(room: Newsroom) -> None:
    ada = await room.subscribe("ada")
    async with room.database.begin() as connection:
        for how in ("confirmed again", "and again"):
            evidence = Subscription(state=Consent.CONFIRMED, how=how, source="test", at=room.clock.now())
            await kept.consent(connection, ada.id, evidence)
    people = (await figures.gather(room.database, room.clock.now(), 30)).chart("people")
    assert people is not None
    assert (people.columns["came"][-1], people.columns["subscribers"][-1]) == (1, 1)


async def test_without_a_way_in_there_is_no_page(small_room: Newsroom) -> None:
    async with open_site(small_room) as site:
        for path in ("/letters/operator", "/letters/operator/plots/mail.svg"):
            assert (await site.get(path)).status_code == 404
        assert (await site.press("/letters/operator", act="enter", password=PASSWORD)).status_code == 404


async def test_nobody_sees_a_number_without_the_password(site: Site) -> None:
    door = await site.get("/letters/operator")
    assert door.status_code == 200
    assert "Subscribers" not in door.text
    assert (await site.get("/letters/operator/plots/mail.svg")).status_code == 404
    assert await enter(site, "wrong horse battery") == ""
    assert await enter(site, "x" * 5000) == ""
    assert "Subscribers" not in (await site.get("/letters/operator", headers={"cookie": "operator=x"})).text


async def test_with_the_password_all_figures_stand_there(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    page = await site.get("/letters/operator", headers=cookie)
    for words in ("Subscribers", "Mail by edition", "What came back", "How picks fared", "No feed is on record"):
        assert words in page.text
    assert page.headers["cache-control"] == "no-store"
    for name in re.findall(r'src="([^"]+)"', page.text):
        drawn = await site.get(name.replace("&amp;", "&"), headers=cookie)
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert b"<svg" in drawn.content
    assert (await site.get("/letters/operator/plots/none.svg", headers=cookie)).status_code == 404
    assert "365 days" in (await site.get("/letters/operator?days=90000", headers=cookie)).text


async def test_a_session_ends_by_itself_by_leaving_and_with_another_password(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    site.room.clock.step(hours=entrance.HOURS - 1)
    page = await site.get("/letters/operator", headers=cookie)
    assert "Mail by edition" in page.text
    site.room.clock.step(hours=2)
    assert "Mail by edition" not in (await site.get("/letters/operator", headers=cookie)).text

    cookie = {"cookie": await enter(site)}
    form = FORM.search((await site.get("/letters/operator", headers=cookie)).text)
    assert form is not None
    left = await site.client.post("/letters/operator", data={"act": "leave", "form": form[1]}, headers=cookie)
    assert left.status_code == 303
    # What the browser forgets, somebody may have kept.
    assert "Mail by edition" not in (await site.get("/letters/operator", headers=cookie)).text

    secret = (await enter(site)).partition("=")[2]
    other = entrance.Entrance(site.room.database, site.room.clock, passwords.kept(PASSWORD))
    assert not await other.holds(secret)


@pytest.mark.parametrize("fault", ["none", "forged", "old", "elsewhere"])
async def test_a_form_of_others_lets_nobody_in(site: Site, fault: str) -> None:
    found = FORM.search((await site.get("/letters/operator")).text)
    assert found is not None
    form = {"none": "", "forged": found[1][:-2] + "xx"}.get(fault, found[1])
    if fault == "old":
        site.room.clock.step(hours=1, seconds=1)
    headers = {"sec-fetch-site": "cross-site"} if fault == "elsewhere" else {}
    data = {"act": "enter", "password": PASSWORD, "form": form}
    answer = await site.client.post("/letters/operator", data=data, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("proxies", "inside"), [(("127.0.0.1",), True), (("10.0.0.1",), False)])
async def test_the_word_of_a_proxy_counts_and_of_nobody_else(
    small_room: Newsroom, proxies: tuple[str, ...], inside: bool
) -> None:
    small_room.set("operator", proxy_header="X-Remote-User", proxies=proxies)
    async with open_site(small_room) as site:
        named = await site.get("/letters/operator", headers={"X-Remote-User": "ada"})
        assert ("Mail by edition" in named.text) is inside
        for headers in ({}, {"X-Remote-User": ""}):
            assert "Mail by edition" not in (await site.get("/letters/operator", headers=headers)).text


async def test_who_guesses_is_let_in_no_more_for_an_hour_even_with_the_password(site: Site) -> None:
    for _ in range(entrance.MOST_TRIES):
        assert await enter(site, "wrong horse battery") == ""
    form = FORM.search((await site.get("/letters/operator")).text)
    assert form is not None
    answer = await site.press("/letters/operator", act="enter", password=PASSWORD, form=form[1])
    assert (answer.status_code, "set-cookie" in answer.headers) == (429, False)
    assert "Wait for an hour" in answer.text
    site.room.clock.step(hours=1, seconds=1)
    assert await enter(site) != ""


async def test_looking_changes_nothing(site: Site) -> None:
    cookie = {"cookie": await enter(site)}
    before = await site.everything(), await site.room.rows("SELECT * FROM sessions")
    for path in ("/letters/operator", "/letters/operator/plots/people.svg", "/letters/operator?days=365"):
        for method in ("GET", "HEAD"):
            await site.client.request(method, path, headers=cookie)
    assert (await site.everything(), await site.room.rows("SELECT * FROM sessions")) == before


async def test_who_goes_in_is_forgotten_when_their_time_is_over(site: Site) -> None:
    await enter(site)
    site.room.clock.step(hours=entrance.HOURS + 1)
    await enter(site)
    rows = await site.room.rows("SELECT until FROM sessions")
    assert len(rows) == 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=40), st.integers(0, 10**6))
def test_a_chart_counts_back_from_now(steps: list[tuple[int, int]], now: int) -> None:
    span = [date(2026, 1, 1) + timedelta(days=number) for number in range(len(steps))]
    there = _people(span, now, [Moved(day, *step) for day, step in zip(span, steps, strict=True)]).columns[
        "subscribers"
    ]
    assert there[-1] == now
    for at in range(1, len(span)):
        came, went = steps[at]
        assert there[at] - there[at - 1] == came - went
