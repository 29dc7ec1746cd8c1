"""All that is on record about one person, table by table, for themselves; nothing is changed here."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.store.tables import (
    arrivals,
    attempts,
    bounces,
    deliveries,
    editions,
    feedback,
    feeds,
    found_for,
    issues,
    papers,
    picks,
    preferences,
    received,
    responses,
    revisions,
    subscribers,
    subscriptions,
)

# What every table with something of a person says of them; columns that only bind rows together are left out.
_ISSUE = (issues.c.id.label("issue"),)
_PAPER = (papers.c.id.label("paper"), papers.c.title, papers.c.arxiv_id)


def everything_of(number: int) -> dict[str, Select[Any]]:
    """Return what asks each table for the rows of a person, by the name that it has for them."""
    of_issues = issues.join(editions, editions.c.id == issues.c.edition_id)
    theirs = issues.c.subscriber_id == number
    own = feeds.c.subscriber_id == number
    sent = deliveries.c.subscriber_id == number
    return {
        "person": select(subscribers).where(subscribers.c.id == number),
        "consents": select(
            subscriptions.c.state, subscriptions.c.how, subscriptions.c.source, subscriptions.c.at
        ).where(subscriptions.c.subscriber_id == number).order_by(subscriptions.c.id),
        "wishes": select(preferences.c.kind, preferences.c.name, preferences.c.weight, preferences.c.position)
        .where(preferences.c.subscriber_id == number)
        .order_by(preferences.c.position),
        "searches": select(
            feeds.c.location, feeds.c.title, feeds.c.added_at, feeds.c.last_success_at, feeds.c.last_fault,
            feeds.c.last_fault_at,
        ).where(own).order_by(feeds.c.id),
        "search_answers": select(
            feeds.c.location, responses.c.address, responses.c.day, responses.c.at, responses.c.seen_at,
            responses.c.size,
        ).join(feeds, feeds.c.id == responses.c.feed_id).where(own).order_by(responses.c.id),
        "search_days": select(
            feeds.c.location, arrivals.c.day, arrivals.c.entries, arrivals.c.new, arrivals.c.asked_at,
            arrivals.c.verdict, arrivals.c.usual, arrivals.c.told_at,
        ).join(feeds, feeds.c.id == arrivals.c.feed_id).where(own).order_by(feeds.c.id, arrivals.c.day),
        "found": select(feeds.c.location, *_PAPER, found_for.c.at)
        .select_from(found_for.join(feeds, feeds.c.id == found_for.c.feed_id).join(papers))
        .where(own)
        .order_by(found_for.c.at, papers.c.id),
        "issues": select(
            *_ISSUE, editions.c.kind, editions.c.date, editions.c.cadence, issues.c.composed_at, issues.c.empty,
            issues.c.beside, issues.c.said,
        ).select_from(of_issues).where(theirs).order_by(issues.c.id),
        "picks": select(*_ISSUE, picks.c.position, *_PAPER, picks.c.score, picks.c.reason)
        .select_from(issues.join(picks, picks.c.issue_id == issues.c.id).join(papers))
        .where(theirs)
        .order_by(issues.c.id, picks.c.position),
        "received": select(received.c.issue_id.label("issue"), *_PAPER)
        .select_from(received.join(papers))
        .where(received.c.subscriber_id == number)
        .order_by(received.c.issue_id, papers.c.id),
        "revisions": select(revisions.c.issue_id.label("issue"), *_PAPER, revisions.c.version)
        .select_from(revisions.join(papers))
        .where(revisions.c.subscriber_id == number)
        .order_by(revisions.c.issue_id, papers.c.id, revisions.c.version),
        "deliveries": select(
            deliveries.c.id.label("delivery"), deliveries.c.issue_id.label("issue"), deliveries.c.address,
            deliveries.c.message_id, deliveries.c.state, deliveries.c.attempts, deliveries.c.queued_at,
            deliveries.c.due_at, deliveries.c.at, deliveries.c.code, deliveries.c.enhanced, deliveries.c.text,
            deliveries.c.made_of,
        ).where(sent).order_by(deliveries.c.id),
        "attempts": select(
            attempts.c.delivery_id.label("delivery"), attempts.c.at, attempts.c.result, attempts.c.code,
            attempts.c.enhanced, attempts.c.text,
        ).join(deliveries, deliveries.c.id == attempts.c.delivery_id).where(sent).order_by(attempts.c.id),
        "bounces": select(
            bounces.c.delivery_id.label("delivery"), bounces.c.kind, bounces.c.status, bounces.c.reason, bounces.c.at
        ).where(bounces.c.subscriber_id == number).order_by(bounces.c.id),
        "feedback": select(*_PAPER, feedback.c.verdict, feedback.c.at)
        .select_from(feedback.join(papers))
        .where(feedback.c.subscriber_id == number)
        .order_by(feedback.c.at, papers.c.id),
    }  # fmt: skip


async def everything(connection: AsyncConnection, subscriber_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each table holds of a person, rows as they stand there, by the name that it has for them."""
    return {
        name: [dict(row) for row in (await connection.execute(statement)).mappings()]
        for name, statement in everything_of(subscriber_id).items()
    }
