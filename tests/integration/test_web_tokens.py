"""Every page that takes a token, and every way in which a token is not what it was: refused with a page that helps."""

import html
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from newsroom import Newsroom
from webfuzz import PAGES, PURPOSES, check, path_of, plain
from webworld import SECRETS, Answer, World

from newsletter.pipeline import secrets, subscribers
from newsletter.tokens import Signer

# What a button of each page does; the others are only looked at.
ACTS = {
    "/unsubscribe/{token}": {"act": "leave"},
    "/pause/{token}": {"for": "week"},
    "/f/{token}/{mark}/{verdict}": {"act": "more"},
    "/papers/{token}": {"act": "saved", "paper": "1"},
    "/data/{token}": {"act": "erase", "sure": "yes"},
    "/settings/{token}": {"act": "pause", "until": "2026-04-01"},
    "/address/{token}": {"email": "eve@new.example"},
    "/moved/{token}": {"act": "move"},
    "/confirm/{token}": {"act": "confirm"},
    "/next/{token}": {"group": "topics", "new": "violin"},
}
# A form that only shows what would be.
SHOWS = "/next/{token}"
TAKING = {route: page.token for route, page in PAGES.items() if page.token}
# Of what a number is carried: a change of case is none for those that stand in addresses and subjects of mail.
TAGS = ("person", "issue")


class Refusal(NamedTuple):
    """A status, and what the page says to do next."""

    status: int
    words: str


NOWHERE = Refusal(404, "The links of your mail lead to your pages.")
BROKEN = Refusal(404, "Take it from the mail again, as a whole, or use that of a newer mail.")
GONE = Refusal(410, "If mail still comes, answer it, and we stop it by hand.")
ANEW = Refusal(410, 'Use the link of your newest mail, or let us send you one.</p>\n<p><a href="/letters/lost">')
OLD = Refusal(410, "More and less act for 60 days. Use the links of a newer mail.")
# What programs and people put before a token or behind it.
LONGER = (
    "0", "a", "A", "=", "==", "-", "-0", ".", ".a", "_", "~", "!", "\0", "\n", "\r\n", " ", "\t", "\x7f", "é",
    "\u200b", "\ud800", "%", "%0A", "?", "#",
)  # fmt: skip
PASSED = Refusal(410, '<a href="/letters/subscribe">Subscribe once more</a>')


@pytest.fixture
async def world(room: Newsroom, tmp_path: Path) -> World:
    """The pages of a newsletter with Ada and Bob, on both engines."""
    return await World.of(room, tmp_path)


@pytest.fixture
async def small_world(small_room: Newsroom, tmp_path: Path) -> World:
    """The same on SQLite alone, for what never comes as far as the database."""
    return await World.of(small_room, tmp_path)


async def opened(world: World, route: str, token: str, method: str = "GET", name: str = "ada") -> Answer:
    """Open a page with a token, or press its button."""
    headers = [(b"host", b"papers.example.org"), (b"content-type", b"application/x-www-form-urlencoded")]
    form = "atom" if route.startswith("/feed") else "bib"
    ask = plain(route, name=name)
    ask = ask._replace(words={name: form if name == "form" else word for name, word in ask.words.items()})
    body = urlencode(ACTS[route]).encode() if method == "POST" else b""
    answer = await world.ask(method, path_of(world, ask, token), headers, [body])
    check(ask, answer)
    return answer


async def refused(world: World, route: str, tokens: Iterable[str], refusal: Refusal) -> None:
    """Hold that a page refuses tokens, whichever way it is asked, with words that help, and that nothing changes."""
    before = await world.dump()
    for token in tokens:
        for method in ("GET", "HEAD", *(("POST",) if route in ACTS else ())):
            answer = await opened(world, route, token, method)
            assert answer.status == refusal.status, (route, method, token)
            assert refusal.words in html.unescape(answer.text), (route, method, token)
            assert 'href="mailto:' in answer.text, "nobody can be reached"
    assert await world.dump() == before, route


async def acting(world: World, route: str, token: str) -> None:
    """Hold that a page opens."""
    assert (await opened(world, route, token)).status == 200, (route, token)


async def test_no_page_is_left_out(small_world: World) -> None:
    taking = {route.path: route for route in small_world.routes if "{token}" in route.path}
    assert set(taking) == set(TAKING)
    assert {path for path, route in taking.items() if "POST" in (route.methods or ())} == set(ACTS)
    assert set(TAKING.values()) <= set(PURPOSES)


async def test_a_token_as_it_is_made_opens_its_page(world: World) -> None:
    before = await world.dump()
    for route, purpose in TAKING.items():
        for name in SECRETS:
            assert (await opened(world, route, world.token(purpose, name), name=name)).status == 200, route
    assert await world.dump() == before


async def test_forged(small_world: World) -> None:
    for route, purpose in TAKING.items():
        forged = small_world.token(purpose, "ada", signer=Signer(b"of somebody else, of 32 bytes...."))
        await refused(small_world, route, [forged, "x", "1", "None", "a.b", "1-" + "0" * 16, "1-2-" + "0" * 32], BROKEN)


async def test_cut_at_every_length(small_world: World) -> None:
    for route, purpose in TAKING.items():
        token = small_world.token(purpose, "ada")
        await refused(small_world, route, [""], NOWHERE)
        await refused(small_world, route, [token[:length] for length in range(1, len(token))], BROKEN)


async def test_longer(small_world: World) -> None:
    for route, purpose in TAKING.items():
        token = small_world.token(purpose, "ada")
        await refused(small_world, route, [one for more in LONGER for one in (token + more, more + token)], BROKEN)


async def test_with_any_letter_changed(small_world: World) -> None:
    for route, purpose in TAKING.items():
        token = small_world.token(purpose, "ada")
        other = {place: "1" if token[place] == "0" else "0" for place in range(len(token))}
        await refused(
            small_world, route, [token[:at] + letter + token[at + 1 :] for at, letter in other.items()], BROKEN
        )


async def test_a_change_of_case_is_none_for_what_stands_in_mail_too(small_world: World) -> None:
    for route, purpose in TAKING.items():
        token = small_world.token(purpose, "ada")
        if purpose in TAGS:
            await acting(small_world, route, token.upper())
        else:
            await refused(small_world, route, {token.upper(), token.swapcase()}, BROKEN)


async def test_of_one_person_with_the_signature_of_another(small_world: World) -> None:
    for route, purpose in TAKING.items():
        ada, bob = (small_world.token(purpose, name) for name in SECRETS)
        if ada == bob:
            assert purpose == "example", "two people have one token"
            continue
        mark = "." if "." in ada else "-"
        (said, signature), (other, others) = ada.rsplit(mark, 1), bob.rsplit(mark, 1)
        await refused(small_world, route, [f"{said}{mark}{others}", f"{other}{mark}{signature}"], BROKEN)


async def test_of_another_page(small_world: World) -> None:
    opens = {("person", "person of before"), ("settings", "own")}
    for route, purpose in TAKING.items():
        for other in PURPOSES:
            if other == purpose:
                continue
            token = small_world.token(other, "ada")
            if (purpose, other) in opens:
                await acting(small_world, route, token)
            else:
                await refused(small_world, route, [token], BROKEN)


async def test_whose_time_is_over(world: World) -> None:
    tokens = {purpose: world.token(purpose, "ada") for purpose in PURPOSES}
    world.room.clock.step(days=90)
    over = {"settings": ANEW, "own": ANEW, "move": ANEW, "issue": OLD, "example": BROKEN}
    for route, purpose in TAKING.items():
        if purpose in over:
            await refused(world, route, [tokens[purpose]], over[purpose])
        else:
            # To leave is possible by the oldest mail; feeds end when they are revoked, and who waits when they go.
            assert purpose in ("person", "feed", "confirm")
            await acting(world, route, tokens[purpose])
    assert await (await world.room.app.signups()).prune() == 2
    await refused(world, "/confirm/{token}", [tokens["confirm"]], PASSED)


@pytest.mark.parametrize(("days", "still"), [(59, True), (62, False)])
async def test_wishes_for_sixty_days(world: World, days: int, still: bool) -> None:
    token = world.token("settings", "ada", at=world.room.clock.now() - timedelta(days=days))
    for route in (route for route, purpose in TAKING.items() if purpose == "settings"):
        if still and route.startswith("/mail"):
            # A link never leads to mail that came after it, whose links last longer.
            await refused(world, route, [token], ANEW)
        elif still:
            await acting(world, route, token)
        else:
            await refused(world, route, [token], ANEW)


async def test_all_else_for_an_hour(world: World) -> None:
    now = world.room.clock.now()
    young, old = (world.token("own", "ada", at=now - timedelta(minutes=minutes)) for minutes in (59, 60))
    for route in (route for route, purpose in TAKING.items() if purpose in ("own", "settings")):
        await acting(world, route, young)
        await refused(world, route, [old], ANEW)


async def test_of_somebody_who_was_erased(world: World) -> None:
    tokens = {purpose: world.token(purpose, "ada") for purpose in PURPOSES}
    for email in (world.waiting("ada").email, SECRETS["ada"][0]):
        await subscribers.erase(world.room.database, world.room.clock, email)
    for route, purpose in TAKING.items():
        if purpose == "confirm":
            await refused(world, route, [tokens[purpose]], PASSED)
        elif purpose != "example":
            await refused(world, route, [tokens[purpose]], GONE)
        assert (await opened(world, route, world.token(purpose, "bob"), name="bob")).status == 200


async def test_replaced_by_new_ones(world: World) -> None:
    tokens = {purpose: world.token(purpose, "ada") for purpose in PURPOSES}
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    renewed = await world.ask("POST", f"/settings/{tokens['settings']}".encode(), headers, [b"act=renew"])
    assert renewed.status == 200
    for route, purpose in TAKING.items():
        if purpose in ("settings", "own", "feed", "move"):
            await refused(world, route, [tokens[purpose]], ANEW)
        else:
            await acting(world, route, tokens[purpose])
        assert (await opened(world, route, world.token(purpose, "bob"), name="bob")).status == 200
    await world.heal()
    for route, purpose in TAKING.items():
        await acting(world, route, world.token(purpose, "ada"))


@pytest.mark.parametrize("days", [0, 5])
async def test_with_the_secret_of_before(world: World, days: int) -> None:
    tokens = {purpose: world.token(purpose, "ada") for purpose in PURPOSES}
    await secrets.rotate(world.room.database, world.room.clock, days)
    # Other processes follow within a minute.
    world.room.clock.step(minutes=2)
    for route, purpose in TAKING.items():
        if days:
            await acting(world, route, tokens[purpose])
        else:
            await refused(world, route, [tokens[purpose]], BROKEN)
        assert world.token(purpose, "ada") != tokens[purpose]
        await acting(world, route, world.token(purpose, "ada"))
    world.room.clock.step(days=days)
    for route, purpose in TAKING.items():
        await refused(world, route, [tokens[purpose]], BROKEN)


AGAIN: dict[str, Callable[[Answer], bool]] = {
    # Nobody is there any more.
    "/data/{token}": lambda answer: answer.status == 410 and GONE.words in html.unescape(answer.text),
}


async def test_a_form_that_only_shows_changes_nothing(world: World) -> None:
    before = await world.dump()
    assert (await opened(world, SHOWS, world.token(TAKING[SHOWS], "ada"), "POST")).status == 200
    assert await world.dump() == before


@pytest.mark.parametrize("route", [route for route in ACTS if route != SHOWS])
async def test_used_again(world: World, route: str) -> None:
    token = world.token(TAKING[route], "ada")
    before = await world.dump()
    assert (await opened(world, route, token, "POST")).status == 200
    once = await world.dump()
    assert once != before
    for _ in range(3):
        answer = await opened(world, route, token, "POST")
        assert AGAIN.get(route, lambda answer: answer.status == 200)(answer)
    after = await world.dump()
    # How often it was tried is counted.
    assert {name for name in once if after[name] != once[name]} <= {"tries"}
