"""Summaries by a real HTTP endpoint on loopback: made once, kept, within the cost; whatever it does, mail goes out."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from newsroom import Newsroom, open_newsroom, papers, until

from newsletter.cli.main import newsletter
from newsletter.errors import SummaryError
from newsletter.feeds.summarizer import ANSWER_TOKENS, LARGEST_ANSWER, MOST_CLAIMED, Summarizer, about_tokens, shown
from newsletter.pipeline.summaries import UNANSWERED
from newsletter.schedule import local
from newsletter.store import merging, summaries

ABSTRACT = "The violin was measured in 12 halls. " * 20
GOOD = "The violin was measured in 12 halls, and its sound was found to carry best in the smallest."

Answer = Callable[[dict[str, Any]], "tuple[int, bytes] | None"]


def completion(text: str | None, tokens: object = 1000) -> tuple[int, bytes]:
    """Return a completion as endpoints write it."""
    answer: dict[str, Any] = {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    if tokens is not None:
        answer["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": tokens}
    return 200, json.dumps(answer).encode()


class Endpoint:
    """An HTTP server that answers as it is told, and keeps what it was asked; without an answer it says nothing.

    What is `dripping` comes byte by byte, with that many seconds between, and never ends.
    """

    def __init__(self) -> None:
        self.answer: Answer = lambda _: completion(GOOD)
        self.dripping = 0.0
        self.asked: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another on a connection."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.headers.append(head)
                length = next(
                    int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-l")
                )
                asked = json.loads(await reader.readexactly(length))
                self.asked.append(asked)
                answer = self.answer(asked)
                if answer is None:
                    # Until the other side hangs up.
                    await reader.read()
                    break
                status, body = answer
                if self.dripping:
                    writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 9999999\r\n\r\n")
                    while True:
                        writer.write(b" ")
                        await writer.drain()
                        await asyncio.sleep(self.dripping)
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()
        self.connections -= 1


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint on loopback."""
    found = Endpoint()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await until(lambda: not found.connections)


@pytest.fixture
async def summing(database_url: str, tmp_path: Path, endpoint: Endpoint) -> AsyncIterator[Newsroom]:
    """A newsletter that has its summaries from the endpoint, one at a time; the test runs on both engines."""
    settings = {"endpoint": endpoint.url, "model": "small", "connections": 1, "timeout": 1, "patience": 20}
    async with open_newsroom(database_url, tmp_path, summaries=settings) as room:
        yield room


async def compose(room: Newsroom, *numbers: int, abstract: str = ABSTRACT, **known: Any) -> None:
    """Let mail with papers wait for one reader."""
    await room.take_in(*papers(*numbers, abstract=abstract, **known))
    await room.subscribe("ada")
    assert (await room.compose()).composed == 1


async def kept(room: Newsroom) -> list[Any]:
    """Return what stands on record."""
    return [
        tuple(row) for row in await room.rows("SELECT text, fault, attempts, tokens FROM summaries ORDER BY paper_id")
    ]


def sent_and_at_most(*asked: dict[str, Any]) -> tuple[int, int]:
    """Return about how many tokens the questions were, and how many they and their answers may have been."""
    sent = sum(about_tokens("".join(one["content"] for one in question["messages"])) for question in asked)
    return sent, sent + ANSWER_TOKENS * len(asked)


async def test_each_paper_is_summed_up_once_and_the_mail_shows_it(summing: Newsroom, endpoint: Endpoint) -> None:
    await compose(summing, 0, 1)
    await summing.app.sum_up()
    await summing.app.sum_up()
    assert len(endpoint.asked) == 2
    assert await kept(summing) == [(GOOD, "", 1, 1000)] * 2
    written = (await summing.preview("ada")).written.rendered
    assert GOOD in " ".join(written.text.split())


async def test_a_preview_of_what_is_not_chosen_yet_shows_it_too(summing: Newsroom, endpoint: Endpoint) -> None:
    await compose(summing, 0)
    await summing.app.sum_up()
    await summing.subscribe("bob")
    assert GOOD in " ".join((await summing.preview("bob")).written.rendered.text.split())
    assert len(endpoint.asked) == 1


async def test_the_endpoint_is_asked_as_its_users_expect(summing: Newsroom, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret words\n")
    summing.set("summaries", key_file=Path("key"))
    await compose(summing, 0)
    await summing.app.sum_up()
    [asked], [head] = endpoint.asked, endpoint.headers
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "authorization: Bearer secret words\r\n" in head
    assert asked["model"] == "small"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert "in the language with the tag en" in asked["messages"][0]["content"]
    assert "The violin" in asked["messages"][1]["content"]


@pytest.mark.parametrize("known", [{"summary": "The source has a summary of its own."}, {"abstract": "A short one."}])
async def test_what_needs_no_summary_costs_nothing(
    summing: Newsroom, endpoint: Endpoint, known: dict[str, Any]
) -> None:
    await compose(summing, 0, **known)
    await summing.app.sum_up()
    assert endpoint.asked == []


async def test_only_papers_in_mail_that_waits_are_summed_up(summing: Newsroom, endpoint: Endpoint) -> None:
    await compose(summing, 0)
    await summing.deliver()
    await summing.take_in(*papers(1, abstract=ABSTRACT))
    await summing.app.sum_up()
    assert endpoint.asked == []


async def test_a_text_that_changed_is_summed_up_anew(summing: Newsroom, endpoint: Endpoint) -> None:
    await compose(summing, 0)
    await summing.app.sum_up()
    await summing.say("UPDATE papers SET abstract = abstract || 'More.'")
    await summing.app.sum_up()
    assert len(endpoint.asked) == 2
    assert await kept(summing) == [(GOOD, "", 2, 2000)]


async def test_a_paper_of_which_nothing_can_be_shown_is_tried_three_times(
    summing: Newsroom, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: completion("See https://x.example for the summary of this fine paper.")
    await compose(summing, 0)
    for _ in range(5):
        await summing.app.sum_up()
    assert len(endpoint.asked) == 3
    assert await kept(summing) == [("", "The summary has links or markup.", 3, 3000)]
    assert "measured in 12 halls" in " ".join((await summing.preview("ada")).written.rendered.text.split())


@pytest.mark.parametrize(
    ("answer", "dripping"),
    [
        (lambda _: (500, b"down"), 0),
        (lambda _: (429, b"{}"), 0),
        (lambda _: (401, b"{}"), 0),
        (lambda _: (404, b"no such model"), 0),
        (lambda _: (302, b""), 0),
        (lambda _: None, 0),
        (lambda _: completion(GOOD), 0.05),
    ],
    ids=["500", "429", "401", "404", "302", "silence", "dripping"],
)
async def test_an_endpoint_that_does_not_work_is_soon_left_alone(
    summing: Newsroom, endpoint: Endpoint, answer: Answer, dripping: float
) -> None:
    endpoint.answer, endpoint.dripping = answer, dripping
    await compose(summing, *range(6))
    await summing.app.sum_up()
    assert len(endpoint.asked) == 3
    records = await kept(summing)
    assert [(text, attempts) for text, _, attempts, _ in records] == [("", 0)] * 3
    assert all(fault.startswith("The endpoint ") for _, fault, _, _ in records)
    assert sum(tokens for *_, tokens in records) == sent_and_at_most(*endpoint.asked)[1]
    await summing.deliver()
    assert await summing.states() == {"ada": "caught"}


async def test_a_fault_of_the_endpoint_takes_away_neither_a_summary_nor_a_try(
    summing: Newsroom, endpoint: Endpoint
) -> None:
    await compose(summing, 0)
    await summing.app.sum_up()
    await summing.say("UPDATE papers SET abstract = abstract || 'More.'")
    endpoint.answer = lambda _: (500, b"down")
    for _ in range(3):
        await summing.app.sum_up()
    most = sent_and_at_most(*endpoint.asked[1:])[1]
    assert await kept(summing) == [(GOOD, "The endpoint answered 500.", 1, 1000 + most)]
    endpoint.answer = lambda _: completion(GOOD)
    await summing.app.sum_up()
    assert await kept(summing) == [(GOOD, "", 2, 2000 + most)]


async def test_what_went_wrong_is_returned(summing: Newsroom, endpoint: Endpoint) -> None:
    unshown = "See https://x.example for the summary of this fine paper."
    await compose(summing, *range(4))
    endpoint.answer = lambda _: (401, b"{}")
    assert await summing.app.sum_up() == "The endpoint answered 401."
    endpoint.answer = lambda _: completion(unshown)
    assert await summing.app.sum_up() == "The summary has links or markup."
    endpoint.answer = lambda asked: completion(GOOD if len(endpoint.asked) % 2 else unshown)
    assert await summing.app.sum_up() == ""
    summing.set("summaries", daily_tokens=1000)
    assert await summing.app.sum_up() == "The tokens of a day are spent (summaries.daily_tokens)."
    summing.set("summaries", key_file=Path("nowhere"))
    assert "nowhere" in await summing.app.sum_up()


def test_send_tells_why_papers_are_without_a_summary(tmp_path: Path, unused_tcp_port: int) -> None:
    def call(*words: str) -> Result:
        return CliRunner().invoke(newsletter, ["--config", str(tmp_path / "config.toml"), *words])

    assert call("init").exit_code == 0
    with (tmp_path / "config.toml").open("a") as settings:
        settings.write(f'\n[summaries]\nendpoint = "http://127.0.0.1:{unused_tcp_port}/v1"\nmodel = "small"\n')
    paper = {"title": "", "paper": {"id": "2603.00001", "title": "A violin", "summary": ABSTRACT}}
    (tmp_path / "papers.json").write_text(json.dumps([paper]))
    assert call("feeds", "ingest", str(tmp_path / "papers.json")).exit_code == 0
    assert call("subscribers", "add", "ada@example.org").exit_code == 0
    result = call("send")
    assert result.exit_code == 0, result.output
    assert "without a summary by the endpoint. The endpoint cannot be reached" in " ".join(result.stderr.split())


async def test_what_never_went_out_costs_nothing(summing: Newsroom, unused_tcp_port: int) -> None:
    summing.set("summaries", endpoint=f"http://127.0.0.1:{unused_tcp_port}/v1")
    await compose(summing, 0)
    await summing.app.sum_up()
    assert await kept(summing) == [("", "The endpoint cannot be reached (ConnectError).", 0, 0)]


UNREADABLE = [
    (200, b"no JSON"),
    (200, b"[" * 100_000),
    (200, b'{"choices": []}'),
    (200, b'{"choices": [], "usage": [5000]}'),
    completion(None, 0),
    completion(None, None),
    (200, b" " * (LARGEST_ANSWER + 1)),
    (302, b""),
    (401, b"{}"),
]


@pytest.mark.parametrize("answer", UNREADABLE)
async def test_garbage_is_no_summary_and_counts_as_the_most_that_it_may_have_cost(
    endpoint: Endpoint, answer: tuple[int, bytes]
) -> None:
    endpoint.answer = lambda _: answer
    async with Summarizer(endpoint.url, "small") as summarizer:
        with pytest.raises(SummaryError) as raised:
            await summarizer.summary("A title", ABSTRACT)
    sent, most = sent_and_at_most(*endpoint.asked)
    assert raised.value.tokens == max(most, sent + about_tokens(answer[1].decode()))


async def test_garbage_costs_what_the_endpoint_says_where_that_is_more(endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: completion(None, 5000)
    async with Summarizer(endpoint.url, "small") as summarizer:
        with pytest.raises(SummaryError) as raised:
            await summarizer.summary("A title", ABSTRACT)
    assert raised.value.tokens == 5000


@pytest.mark.parametrize("claimed", [0, None, -1, "many", [1], {}, True, float("nan")])
async def test_no_fewer_tokens_are_counted_than_went_to_and_fro(endpoint: Endpoint, claimed: object) -> None:
    endpoint.answer = lambda _: completion(GOOD, claimed)
    async with Summarizer(endpoint.url, "small") as summarizer:
        made = await summarizer.summary("A title", ABSTRACT)
    sent, most = sent_and_at_most(*endpoint.asked)
    assert sent + about_tokens(GOOD) <= made.tokens <= most


@pytest.mark.parametrize(
    ("claimed", "counted"),
    [(5000, 5000), (5000.0, 5000), ("5000", 5000), (10**12, MOST_CLAIMED), (float("inf"), MOST_CLAIMED)],
)
async def test_more_tokens_are_counted_where_the_endpoint_says_so(
    endpoint: Endpoint, claimed: object, counted: int
) -> None:
    endpoint.answer = lambda _: completion(GOOD, claimed)
    async with Summarizer(endpoint.url, "small") as summarizer:
        assert (await summarizer.summary("A title", ABSTRACT)).tokens == counted


async def test_what_a_model_thought_aloud_counts(endpoint: Endpoint) -> None:
    message = {"content": GOOD, "reasoning_content": "Let me think. " * 1000}
    endpoint.answer = lambda _: (200, json.dumps({"choices": [{"message": message}]}).encode())
    async with Summarizer(endpoint.url, "small") as summarizer:
        made = await summarizer.summary("A title", ABSTRACT)
    assert made.tokens >= sent_and_at_most(*endpoint.asked)[0] + about_tokens(message["reasoning_content"])


@given(st.text(), st.text())
def test_a_text_has_no_fewer_tokens_than_its_parts_have_letters_by_four(one: str, other: str) -> None:
    assert about_tokens(one + other) * 4 > len(one) + len(other)
    assert about_tokens(one + other) <= about_tokens(one) + about_tokens(other)


@pytest.mark.parametrize(
    "answer",
    [*UNREADABLE, completion(GOOD, 0), completion(None, 5000), (500, b""), (429, b""), None],
)
async def test_whatever_comes_back_the_tokens_of_a_day_hold(
    summing: Newsroom, endpoint: Endpoint, answer: tuple[int, bytes] | None
) -> None:
    endpoint.answer = lambda _: answer
    await compose(summing, *range(3))
    async with Summarizer(endpoint.url, "small") as summarizer:
        summing.set("summaries", daily_tokens=summarizer.most_tokens("The violin", ABSTRACT) + 50)
    for _ in range(3):
        await summing.app.sum_up()
    assert len(endpoint.asked) == 1


async def test_a_question_is_on_record_before_its_answer(summing: Newsroom, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: None
    summing.set("summaries", timeout=600)
    await compose(summing, 0)
    run = asyncio.create_task(summing.app.sum_up())
    await until(lambda: endpoint.asked)
    records = await kept(summing)
    run.cancel()
    assert records == [("", UNANSWERED, 0, sent_and_at_most(*endpoint.asked)[1])]
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_no_more_is_spent_in_a_day_than_the_settings_allow(summing: Newsroom, endpoint: Endpoint) -> None:
    async with Summarizer(endpoint.url, "small") as summarizer:
        most = summarizer.most_tokens("The violin", ABSTRACT)
    endpoint.answer = lambda _: completion(GOOD, most)
    summing.set("summaries", daily_tokens=2 * most + most // 2)
    await compose(summing, *range(5))
    await summing.app.sum_up()
    await summing.app.sum_up()
    assert len(endpoint.asked) == 2
    summing.clock.moment += timedelta(hours=25)
    await summing.app.sum_up()
    assert len(endpoint.asked) == 4


async def test_runs_at_the_same_time_share_the_tokens_of_a_day(summing: Newsroom, endpoint: Endpoint) -> None:
    await compose(summing, *range(4))
    async with Summarizer(endpoint.url, "small") as summarizer:
        most = summarizer.most_tokens("The violin", ABSTRACT)
    summing.set("summaries", daily_tokens=most + 50, connections=4)
    await asyncio.gather(*(summing.app.sum_up() for _ in range(3)))
    assert len(endpoint.asked) == 1


async def test_what_was_spent_lately_still_counts_after_a_merge(summing: Newsroom, endpoint: Endpoint) -> None:
    await summing.take_in(*papers(0, 1))
    [first, second] = [row.id for row in await summing.rows("SELECT id FROM papers ORDER BY id")]
    now = summing.clock.now()
    async with summing.database.begin() as connection:
        await summaries.keep(connection, summaries.Kept(first, "small", "0" * 32, GOOD, "", 500, now))
        before = now - timedelta(days=2)
        await summaries.keep(connection, summaries.Kept(second, "small", "1" * 32, GOOD, "", 500, before))
        await merging.merge(connection, first, second, told_by_double=True)
        assert await summaries.spent(connection, now - timedelta(days=1)) == 500


async def test_mail_waits_no_longer_than_the_settings_say(summing: Newsroom, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: completion(GOOD) if len(endpoint.asked) == 1 else None
    summing.set("summaries", patience=1.5, timeout=600)
    await compose(summing, 0, 1)
    await summing.app.sum_up()
    assert await kept(summing) == [
        (GOOD, "", 1, 1000),
        ("", UNANSWERED, 0, sent_and_at_most(endpoint.asked[1])[1]),
    ]


async def test_a_key_that_cannot_be_read_costs_no_mail(summing: Newsroom, endpoint: Endpoint) -> None:
    summing.set("summaries", key_file=Path("nowhere"))
    await summing.take_in(*papers(0, abstract=ABSTRACT))
    await summing.subscribe("ada")
    summing.clock.step(days=1)
    await local.tick(summing.app)
    assert endpoint.asked == []
    assert await summing.states() == {"ada": "caught"}


async def test_a_tick_has_them_made_before_it_sends(summing: Newsroom, endpoint: Endpoint, tmp_path: Path) -> None:
    await summing.take_in(*papers(0, abstract=ABSTRACT))
    await summing.subscribe("ada")
    summing.clock.step(days=1)
    await local.tick(summing.app)
    assert len(endpoint.asked) == 1
    [mail] = (tmp_path / "outbox").glob("*.html")
    assert GOOD in " ".join(mail.read_text().split())


async def test_without_an_endpoint_nothing_is_asked(room: Newsroom) -> None:
    await compose(room, 0)
    await room.app.sum_up()
    assert await kept(room) == []


@pytest.mark.parametrize(
    "written",
    [
        "Too short.",
        "long " * 200,
        "It was measured in 13 halls, and its sound was found to carry best in the smallest of them.",
        "**The violin** was measured in halls, and its sound was found to carry best in the smallest.",
        "The violin was measured in halls: [see](there), and its sound carries best in the smallest.",
        "# The violin was measured in halls, and its sound was found to carry best in the smallest.",
        "<b>The violin</b> was measured in halls, and its sound was found to carry best in the smallest.",
    ],
)
def test_what_would_mislead_is_not_shown(written: str) -> None:
    with pytest.raises(SummaryError):
        shown(written, title="The violin", abstract=ABSTRACT)


def test_what_is_shown_is_one_line_without_quotes() -> None:
    written = '"The violin was measured\nin 12 halls,\x00 and its sound carries best in the smallest."\u2028'
    expected = "The violin was measured in 12 halls, and its sound carries best in the smallest."
    assert shown(written, title="The violin", abstract=ABSTRACT) == expected
