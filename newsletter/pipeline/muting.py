"""Authors whose papers a reader does not want, as they say it on a page; the form is the operator's too."""

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.delivery import addresses
from newsletter.errors import UsageError
from newsletter.models import Paper, Subscriber
from newsletter.pipeline.subscribers import worded
from newsletter.store import subscribers

# A paper of a collaboration may have thousands.
MOST_NAMED = 12


def may_mute(paper: Paper) -> tuple[str, ...]:
    """Return the authors of a paper whom a reader may mute, as a profile names them."""
    found: dict[str, None] = {}
    for name in paper.authors[:MOST_NAMED]:
        try:
            found[worded(name)] = None
        except UsageError:
            continue
    return tuple(found)


async def mute(connection: AsyncConnection, person: Subscriber, name: str, *, muted: bool) -> Subscriber:
    """Mute an author for a person, who is held, or hear them again; return the person as they are then."""
    others = tuple(one for one in person.muted_authors if one != name)
    changed = person.model_copy(update={"muted_authors": (*others, name) if muted else others})
    if changed.muted_authors != person.muted_authors:
        await subscribers.change(connection, changed, addresses.key(person.email))
    return changed
