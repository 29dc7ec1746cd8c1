"""Every page, asked in all ways that Hypothesis thinks of, on both engines; `bench/fuzz_pages.py` asks for longer."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from newsroom import Newsroom, open_newsroom
from webfuzz import DAMAGES, PAGES, Ask, answered, asks, check, plain, tried
from webworld import World

from newsletter.web import site


async def test_every_way_into_the_site_is_fuzzed(small_room: Newsroom) -> None:
    routes = [route.path for route in site._site(small_room.app.settings).routes]
    assert sorted(routes) == sorted(PAGES), "a new page needs its line in tests/webfuzz.py"
    for path, page in PAGES.items():
        assert ("{token}" in path) == bool(page.token), path
        assert all(f"{{{name}" in path for name in page.words), path


def test_whatever_is_asked_is_answered_safely(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        room = runner.run(stack.enter_async_context(open_newsroom(database_url, tmp_path)))
        world = runner.run(World.of(room, tmp_path))
        known: list[dict[str, list[str]] | None] = [None]

        @settings(max_examples=150, suppress_health_check=list(HealthCheck))
        @given(asks())
        def asked(ask: Ask) -> None:
            known[0] = runner.run(tried(world, ask, known[0]))

        try:
            asked()
        finally:
            runner.run(stack.aclose())


@pytest.fixture
async def world(small_room: Newsroom, tmp_path: Path) -> World:
    return await World.of(small_room, tmp_path)


async def test_a_good_request_reaches_every_page(world: World) -> None:
    there = {"/feed/{token}/{form}": {"form": "atom"}, "/archive/feed.{form}": {"form": "json"}}
    for route in PAGES:
        ask = plain(route)._replace(words=there.get(route, plain(route).words))
        ask = ask._replace(headers=(("cookie", b"{session}"),) if route.startswith("/operator") else ())
        answer = await answered(world, ask)
        check(ask, answer)
        # A day that had no edition, and a page that is only posted to.
        assert answer.status == {"/archive/{day}": 404, "/hooks/{relay}": 405}.get(route, 200), route


async def test_no_damage_leaves_a_token_as_it_was(world: World) -> None:
    for name, damage in DAMAGES.items():
        token = world.token("settings", "ada")
        assert (damage(token, 3) == token) == (name == "none"), name


# What was found


@pytest.mark.parametrize("digits", [10, 100, 5000])
async def test_a_place_of_many_digits_is_no_page(world: World, digits: int) -> None:
    for route in ("/f/{token}/{mark}/paper.{form}", "/f/{token}/{mark}/{verdict}"):
        ask = plain(route)
        ask = ask._replace(words={**ask.words, "mark": "9" * digits + "-01234567"})
        answer = await answered(world, ask)
        check(ask, answer)
        assert answer.status == 404


async def test_who_may_not_ask_in_a_way_hears_in_which_they_may(world: World) -> None:
    for route in PAGES:
        answer = await answered(world, plain(route, method="PUT"))
        assert answer.status == 405
        assert "GET" in answer.headers["allow"] or route == "/hooks/{relay}"


@pytest.mark.parametrize("host", [b"[", b"a/b?c#d", b"", b"evil.example/x"])
async def test_no_host_moves_a_form(world: World, host: bytes) -> None:
    for route in ("/lost", "/subscribe", "/unsubscribe/{token}", "/settings/{token}"):
        ask = plain(route, headers=(("host", host),))
        answer = await answered(world, ask)
        check(ask, answer)
        assert answer.body == (await answered(world, plain(route))).body


async def test_a_query_in_no_charset_is_no_fault(world: World) -> None:
    for path in (b"/letters/lost", b"/letters/subscribe", b"/letters/archive"):
        answer = await world.ask("GET", path + b"?q=\xff\xfe", [(b"host", b"papers.example.org")])
        assert answer.status == 200
