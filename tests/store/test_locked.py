"""Every function of the store, called while another process has the database locked, says so in a sentence."""

import contextlib
import inspect
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from newsletter.errors import StoreError
from newsletter.models import (
    Beside,
    Consent,
    Delivery,
    DeliveryState,
    Edition,
    Feed,
    Feedback,
    Habits,
    Issue,
    Paper,
    Pick,
    Reason,
    Recipient,
    Revision,
    Subscription,
    Topic,
)
from newsletter.store import (
    arrivals,
    backup,
    beside,
    bounces,
    deliveries,
    doubles,
    editions,
    feeds,
    finding,
    history,
    imports,
    issues,
    merging,
    notices,
    outcomes,
    pace,
    papers,
    presses,
    recall,
    resolutions,
    responses,
    rhythms,
    schema,
    signups,
    subscribers,
    summaries,
    suppressions,
    tries,
    vectors,
)
from newsletter.store import database as database_module
from newsletter.store.database import Database
from newsletter.store.editions import Draft
from newsletter.store.outcomes import Settled
from newsletter.store.rhythms import Come, Rhythm
from store.samples import CONFIRMED, MINUTE, NOW, TODAY, known, person, queue

MODULES = (
    arrivals,
    beside,
    bounces,
    deliveries,
    doubles,
    editions,
    feeds,
    finding,
    history,
    imports,
    issues,
    merging,
    notices,
    outcomes,
    pace,
    papers,
    presses,
    recall,
    resolutions,
    responses,
    rhythms,
    signups,
    subscribers,
    summaries,
    suppressions,
    tries,
    vectors,
)
ARRIVED = arrivals.Arrived(1, TODAY, 1, 1, NOW)
EDITION = Edition(id=1, date=TODAY, cadence="daily", created_at=NOW)
FEED = Feed(id=1, kind="web", location="https://example.org", added_at=NOW)
ISSUE = Issue(1, EDITION, Recipient(1, "a@example.org", "en"), ())
FILLED = ISSUE._replace(picks=(Pick(1, Paper(id=1, title="One"), Reason("new")),))
SAID = Feedback(subscriber_id=1, paper_id=1, verdict="more", at=NOW)
ONE, KEY = person(1, id=1, topics=(Topic(name="lora"),))
REPORT = bounces.Report("0" * 64, "hard", "5.1.1", "nobody")
DELIVERY = Delivery(
    id=1,
    issue_id=1,
    subscriber_id=1,
    address="a@example.org",
    message_id="<1@example.org>",
    state=DeliveryState.SENT,
    due_at=NOW,
    queued_at=NOW,
    at=NOW,
)
FAILED = Settled(1, DeliveryState.FAILED, NOW, "rejected")

# What to call each function with, after the connection.
CALLS: dict[Callable[..., Any], tuple[tuple[Any, ...], dict[str, Any]]] = {
    bounces.came_back: ((DELIVERY, DeliveryState.BOUNCED, REPORT, NOW), {}),
    bounces.known: ((["x"],), {}),
    bounces.lock: ((), {"delivery_id": 1}),
    bounces.mailed: ((1,), {}),
    bounces.note: ((DELIVERY, REPORT, NOW), {}),
    bounces.page: ((), {"kind": "hard"}),
    bounces.since: ((DELIVERY, NOW), {}),
    history.attempts_of: ((1,), {}),
    deliveries.by_issue: ((1,), {}),
    deliveries.by_message_id: (("<1@example.org>",), {}),
    deliveries.claim: ((), {"owner": "one", "limit": 1, "now": NOW, "until": NOW + MINUTE}),
    deliveries.counts: ((), {"day": TODAY}),
    deliveries.next_due: ((), {}),
    deliveries.owners: ((), {}),
    deliveries.queue_again: (([1], NOW), {}),
    history.records: ((), {}),
    deliveries.release: (("one", [1]), {}),
    deliveries.renew: (("one", NOW), {}),
    outcomes.note: (("one", [FAILED], [1], NOW), {}),
    deliveries.take_back: ((), {"now": NOW}),
    deliveries.hold: ((NOW, "why"), {}),
    deliveries.keep_attempts: (([(1, "unknown", None, "", "lost")], NOW), {}),
    editions.by_ids: (({1},), {}),
    history.count_issues: ((NOW,), {}),
    history.had_by: (([1],), {}),
    history.place: ((1, 1), {}),
    history.places: ((1,), {}),
    history.put_since: (([1], NOW), {}),
    history.readers_since: ((NOW,), {"after": 0, "limit": 5}),
    history.shown_to: ((1, [1]), {}),
    history.states: (([DeliveryState.FAILED],), {}),
    history.success: ((), {}),
    issues.load: (([1],), {}),
    doubles.again: (([FILLED],), {}),
    doubles.leave_out: (("one", {1: 1}, [FILLED]), {}),
    issues.scored: ((ISSUE,), {}),
    issues.summed_up: ((ISSUE,), {}),
    deliveries.lock: (([1],), {}),
    editions.compose: ((1, [Draft(1, "a@example.org", "<1@example.org>", ())], NOW), {}),
    editions.ensure: ((TODAY, "daily", NOW), {}),
    editions.composed_issue: ((1, TODAY), {}),
    editions.find: ((TODAY, "daily"), {}),
    editions.issue_of: ((1, TODAY), {}),
    beside.revised_since: ((NOW,), {"limit": 5}),
    beside.take: (([(1, 1, Beside(revised=(Revision(known(1).paper.model_copy(update={"id": 1}), 9),)))],), {}),
    beside.take_again: ((1, 1), {}),
    beside.unaware: (([1], [1]), {}),
    editions.latest_before: (([1], TODAY), {"since": TODAY}),
    editions.latest_dates: (([1], TODAY, NOW), {}),
    history.had_by: (([1],), {}),
    issues.load: (([1],), {}),
    editions.note: ((1, "A note."), {}),
    editions.overview: ((1,), {}),
    editions.settled: ((TODAY, "daily"), {"empty_counts": True}),
    editions.summaries: ((), {}),
    feeds.add: (("web", "https://example.org", NOW), {}),
    feeds.all_of_them: ((), {}),
    feeds.remove: (("https://example.org",), {}),
    feeds.claim: ((NOW, NOW + MINUTE), {}),
    feeds.give_back: (([FEED], NOW + MINUTE), {}),
    feeds.went_well: (
        (1, NOW),
        {"title": "", "etag": "", "last_modified": "", "habits": Habits(), "next_poll_at": NOW + MINUTE},
    ),
    feeds.went_wrong: ((1, NOW, "It is broken."), {"next_poll_at": NOW + MINUTE}),
    feeds.put_off: ((1, NOW + MINUTE), {}),
    feeds.lasting: ((NOW, NOW), {}),
    responses.keep: ((1, "https://example.org", responses.packed(b"x")), {"size": 1, "now": NOW}),
    responses.latest: ((1, "https://example.org"), {}),
    responses.since: ((), {}),
    arrivals.newest: ((1, TODAY), {}),
    responses.kept: ((), {}),
    responses.load: ((1,), {}),
    responses.prune: ((NOW,), {}),
    subscribers.note: ((1, Subscription(state=Consent.CONFIRMED, how="a way", at=NOW)), {}),
    subscribers.renew: ((1,), {}),
    subscribers.swap: (((1, 1),), {}),
    notices.latest: ((1, "goodbye"), {}),
    notices.of_day: ((1, "goodbye", TODAY), {}),
    notices.waiting_after: ((0,), {}),
    notices.put: (("goodbye", TODAY, Draft(1, "a@example.org", "<5@example.org>", (), said={"day": "x"}), NOW), {}),
    pace.backing_off: ((), {}),
    pace.drop: (("example.org",), {}),
    pace.forget: ((NOW,), {}),
    pace.lock: ((["example.org"], NOW), {}),
    pace.states: ((["example.org"],), {}),
    pace.write: (({"example.org": {}}, NOW), {}),
    papers.add: (([known(5)], NOW), {}),
    papers.archive: ((5,), {}),
    papers.best_of_weeks: ((), {"since": NOW - MINUTE, "until": NOW, "limit": 5}),
    papers.by_ids: (([1],), {}),
    papers.candidates: ((), {"since": NOW, "until": NOW}),
    papers.change: (([papers.Known(known(1).paper.model_copy(update={"id": 1}), "paper1")],), {}),
    papers.count: ((), {}),
    papers.count_after: ((1,), {}),
    papers.find: ((["2603.00001"], ["paper1"]), {}),
    papers.give_back: (([1],), {}),
    papers.mark: ((1,), {"hidden": True}),
    merging.merge: ((1, 2), {}),
    merging.split: ((papers.Known(known(1).paper, "paper1", {"x": "X"}), ["x"], [1], NOW), {}),
    papers.known: ((1,), {}),
    finding.named: (("https://example.org/1",), {}),
    papers.share: (([1], NOW), {}),
    papers.newest_id: ((), {}),
    papers.revise: (([1], NOW), {}),
    papers.note: (([papers.Known(known(1).paper.model_copy(update={"id": 1}), "paper1")],), {}),
    papers.one_work: ((1,), {}),
    papers.received_by: (([1],), {"since": NOW}),
    finding.search: (("words",), {}),
    papers.take: (([1],), {}),
    papers.take_again: ((1, 1), {}),
    finding.titles: ((5,), {}),
    presses.keep: (([presses.Begun(1, NOW, "")], [presses.New(1, "a part", b"0" * 16, b"")]), {}),
    presses.of_delivery: ((1,), {}),
    papers.unsigned: ((5,), {}),
    recall.follow: (("one", [1]), {}),
    recall.move: ((1,), {}),
    recall.recall: ((1,), {}),
    recall.recall_notices: ((1,), {}),
    imports.days: (("hub",), {"since": TODAY, "until": TODAY}),
    imports.keep: (("hub", TODAY, NOW), {"entries": 1, "new": 1}),
    arrivals.note: ((1, TODAY), {"entries": 1, "new": 1, "asked_at": NOW}),
    arrivals.unjudged: ((), {}),
    arrivals.of_days: ((1, [TODAY]), {}),
    arrivals.judge: ((ARRIVED, "usual", 1), {}),
    arrivals.standing: ((TODAY,), {}),
    arrivals.to_tell: ((TODAY, NOW), {}),
    arrivals.not_told: (([ARRIVED],), {}),
    arrivals.prune: ((TODAY,), {}),
    resolutions.count_waiting: ((["hub"], NOW), {}),
    resolutions.keep: ((resolutions.Asked(1, "hub", 1, NOW, None, "words"),), {}),
    resolutions.nameless: (([1],), {}),
    resolutions.of: (([1],), {}),
    resolutions.waiting: ((["hub"], NOW), {"limit": 5}),
    rhythms.rhythms: ((), {}),
    rhythms.without_issue: (([Come(Rhythm("UTC", "daily", 7), TODAY, NOW, TODAY)], NOW), {}),
    signups.drop: ((KEY,), {}),
    signups.find: ((KEY,), {}),
    signups.in_state: (("asked",), {}),
    signups.keep_wording: (("1", "words", NOW), {}),
    signups.move: ((KEY, "mailed"), {}),
    signups.prune: ((NOW,), {}),
    signups.put: ((signups.Signup(KEY, KEY, {}, "", NOW),), {}),
    signups.take: ((KEY, "asked"), {}),
    subscribers.add: (([person(50)], CONFIRMED), {}),
    subscribers.anyone_at: (("example.org",), {}),
    subscribers.by_email: ((KEY,), {}),
    subscribers.by_id: ((1,), {}),
    subscribers.by_ids: (([1],), {}),
    subscribers.by_key: (("key-1",), {}),
    subscribers.email_keys: (([1],), {}),
    subscribers.cadences_on: ((TODAY,), {}),
    subscribers.change: ((ONE, KEY), {}),
    subscribers.consent: ((1, CONFIRMED), {}),
    subscribers.counts: ((), {}),
    subscribers.erase: ((1,), {}),
    subscribers.evidence: ((1,), {}),
    subscribers.feedback_of: (([1],), {}),
    subscribers.likes_of_all: ((5,), {}),
    subscribers.page: ((), {"state": Consent.CONFIRMED}),
    subscribers.pause: ((1, None), {}),
    subscribers.returned: (([1], NOW.date()), {}),
    subscribers.emails_with: (("a",), {"limit": 5}),
    subscribers.hold: ((1,), {}),
    subscribers.said: ((1, 1), {}),
    subscribers.say: ((SAID,), {}),
    subscribers.unsay: ((1, 1), {}),
    subscribers.some_emails: ((), {}),
    suppressions.add: ((KEY, "it bounced", NOW), {}),
    suppressions.among: (([KEY],), {}),
    suppressions.count: ((), {}),
    suppressions.lift: ((KEY,), {}),
    summaries.keep: ((summaries.Kept(1, "small", "0" * 32, "A summary.", "", 9, NOW),), {}),
    summaries.count: ((summaries.Kept(1, "small", "0" * 32, "", "Down.", 9, NOW),), {}),
    summaries.spent: ((NOW,), {}),
    summaries.texts: (([1],), {}),
    summaries.wanting: ((), {"longer_than": 0}),
    tries.count: (("x", "y", NOW, MINUTE), {}),
    tries.digest: (("x", "y"), {}),
    tries.prune: ((NOW,), {}),
    vectors.judged: ((), {}),
    vectors.keep: (([vectors.Kept(1, "model-1", "0" * 32, 1, b"\x00\x3c")],), {}),
    vectors.read: (([1], "model-1", 1), {}),
}


LOCKED = r"is locked by another process\. Wait"

WRITES = {
    subscribers.note,
    subscribers.renew,
    subscribers.swap,
    bounces.came_back,
    bounces.note,
    deliveries.claim,
    deliveries.hold,
    deliveries.keep_attempts,
    deliveries.queue_again,
    deliveries.release,
    deliveries.renew,
    outcomes.note,
    deliveries.take_back,
    editions.compose,
    editions.ensure,
    beside.take,
    editions.note,
    feeds.add,
    feeds.remove,
    feeds.give_back,
    feeds.lasting,
    feeds.put_off,
    feeds.went_well,
    feeds.went_wrong,
    imports.keep,
    arrivals.judge,
    arrivals.not_told,
    arrivals.note,
    arrivals.prune,
    arrivals.to_tell,
    responses.keep,
    responses.prune,
    notices.put,
    pace.drop,
    pace.forget,
    pace.lock,
    pace.write,
    papers.add,
    papers.change,
    papers.give_back,
    papers.mark,
    papers.note,
    merging.merge,
    merging.split,
    papers.revise,
    papers.share,
    papers.take,
    papers.take_again,
    presses.keep,
    recall.follow,
    recall.move,
    recall.recall,
    recall.recall_notices,
    resolutions.keep,
    signups.drop,
    signups.keep_wording,
    signups.move,
    signups.prune,
    signups.put,
    subscribers.add,
    subscribers.change,
    subscribers.consent,
    subscribers.erase,
    subscribers.pause,
    subscribers.returned,
    subscribers.say,
    subscribers.unsay,
    suppressions.add,
    suppressions.lift,
    tries.count,
    tries.prune,
    summaries.count,
    summaries.keep,
    vectors.keep,
}


def public() -> set[Callable[..., Any]]:
    """Return every function that takes a connection."""
    return {
        function
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def test_none_is_left_out() -> None:
    assert set(CALLS) == public()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a delivery that waits."""
    file = tmp_path_factory.mktemp("filled") / "newsletter.db"
    shutil.copyfile(migrated_file, file)
    database = Database.at(f"sqlite:///{file}")
    await queue(database, 1)
    await database.close()
    return file


@pytest.fixture
async def database(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database that is given up soon."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.002)
    shutil.copyfile(filled, tmp_path / "newsletter.db")
    database = Database.at("sqlite:///newsletter.db", folder=tmp_path)
    yield database
    await database.close()


@contextlib.contextmanager
def lock(database: Database, *commands: str) -> Iterator[None]:
    """Be another process that says these commands and stays."""
    with contextlib.closing(sqlite3.connect(str(database.file), isolation_level=None)) as other:
        for command in commands:
            other.execute(command)
        yield


def _named(function: Callable[..., Any]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


@pytest.mark.parametrize("function", sorted(CALLS, key=_named), ids=_named)
async def test_a_locked_database_is_a_sentence_for_every_function(database: Database, function: Any) -> None:
    given, named = CALLS[function]
    # Someone writes. A read goes on; what writes finds the lock at the first word, or in the midst of a read.
    async with contextlib.AsyncExitStack() as stack:
        reading = await stack.enter_async_context(database.connect())
        assert await papers.count(reading) == 1
        with lock(database, "BEGIN IMMEDIATE"):
            with pytest.raises(StoreError, match=LOCKED):
                async with database.begin() as connection:
                    await function(connection, *given, **named)
            with pytest.raises(StoreError, match=LOCKED) if function in WRITES else contextlib.nullcontext():
                async with database.connect() as connection:
                    await function(connection, *given, **named)
    # Someone keeps everyone out.
    await database.close()
    with lock(database, "PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE"):
        for transaction in (database.begin, database.connect):
            with pytest.raises(StoreError, match=LOCKED):
                async with transaction() as connection:
                    await function(connection, *given, **named)


@pytest.mark.parametrize("act", ["check", "migrate", "write", "restore"])
async def test_a_locked_database_is_a_sentence_for_its_upkeep(
    database: Database, act: str, tmp_path: Path, migrated_file: Path
) -> None:
    spare = Database.at(f"sqlite:///{migrated_file}")
    file = tmp_path / "backup.tar.gz"
    await backup.write(spare, file)
    await spare.close()
    acts: dict[str, Callable[[], Awaitable[Any]]] = {
        "check": lambda: schema.check(database),
        "migrate": lambda: schema.migrate(database, NOW),
        "write": lambda: backup.write(database, tmp_path / "other.tar.gz"),
        "restore": lambda: backup.restore(database, file, NOW),
    }
    with (
        lock(database, "PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE"),
        pytest.raises(StoreError, match=LOCKED),
    ):
        await acts[act]()
    assert not (tmp_path / "other.tar.gz").exists()
