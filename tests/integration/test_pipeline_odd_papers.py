"""A run does not end by what feeds and readers send: everyone who can be served gets their mail."""

import json

from newsroom import DAY, TODAY, Newsroom

from newsletter.feeds import parse
from newsletter.models import Paper

ODD = (
    Paper(title="word", abstract="word"),
    Paper(title="Long", abstract="many different words of violins " * 10_000),
    Paper(title="扩散模型综述", abstract="本文综述扩散模型。", authors=("李明",)),
    Paper(title="المحولات للرؤية", abstract="نماذج", authors=("محمد علي",)),
    Paper(title="Диффузионные модели для видео", abstract="Мы изучаем видео."),
    Paper(title="🤗🤗 violin", abstract="👩‍🔬"),
    Paper(title="$\\mathcal{L}$ {{{ \\cite violin", abstract="..."),
    Paper(title="!!!", abstract="", votes=-5),
    Paper(title="Votes of a violin", abstract="A violin.", votes=10**9),
    *(Paper(title="The same violin", abstract="The same violin again.") for _ in range(100)),
    *(Paper(title=f"A violin, part {number}", abstract="Of violins and strings.") for number in range(8)),
)


# As a feed would bring them: what no database takes is gone once it is read.
SERVED = [
    {"title": "", "paper": {"id": "2603.00001", "title": "lone \ud800 violin", "summary": "surrogate \udfff"}},
    {"title": "", "paper": {"id": "2603.00002", "title": "NUL \x00 and \x1b[31m violin", "summary": "\x00"}},
]


async def judge(room: Newsroom, name: str, verdict: str, papers: str = "") -> None:
    """Let someone judge all papers, or those with a text in their title."""
    await room.say(
        "INSERT INTO feedback (subscriber_id, paper_id, verdict, at) "
        "SELECT s.id, p.id, :verdict, '2026-03-01 09:00:00.000000' FROM subscribers s, papers p "
        "WHERE s.email = :email AND p.title LIKE :like AND p.merged_into IS NULL",
        verdict=verdict,
        email=f"{name}@example.org",
        like=f"%{papers}%",
    )


async def test_odd_papers_and_odd_readers_cost_nobody_their_mail(small_room: Newsroom) -> None:
    await small_room.take_in(*ODD)
    await small_room.subscribe("ada", "violin", muted_words=("!!!", "\u200b", "扩"), authors=("李明", ",", "X" * 200))
    await small_room.subscribe("bob", "扩散模型", "модели", "?!")
    await small_room.subscribe("cyd")
    await small_room.subscribe("dan", "violin")
    await small_room.subscribe("eve", *(f"topic {number}" for number in range(50)), "violin:-1", "violins")
    await judge(small_room, "dan", "less")
    await judge(small_room, "cyd", "less")
    await small_room.subscribe("fay")
    await judge(small_room, "fay", "more")
    await small_room.take_in(*parse(json.dumps(SERVED).encode(), today=TODAY).papers)
    report, _ = await small_room.send(TODAY)
    assert report.composed >= 4
    assert {"ada", "bob", "cyd", "dan"} <= set(await small_room.states())
    assert all(state == "caught" for state in (await small_room.states()).values())
    for name in ("ada", "bob", "cyd", "dan"):
        (issue,) = await small_room.got(name)
        assert issue
        assert len(issue) == len(set(issue))
    assert not any("扩" in title for title in (await small_room.got("ada"))[0])
    await small_room.send(TODAY + DAY)


async def test_an_empty_archive_composes_nothing_and_ends_well(small_room: Newsroom) -> None:
    await small_room.subscribe("ada", "violin")
    report = await small_room.compose()
    assert report.composed == 0
    assert report.empty == ("ada@example.org",)


async def test_one_paper_is_a_mail(small_room: Newsroom) -> None:
    await small_room.take_in(Paper(title="On violins", abstract="A violin."))
    await small_room.subscribe("ada", "violin")
    await small_room.subscribe("bob")
    assert (await small_room.compose()).composed == 2
