"""Mail that went out, as a page for who got it: made of what was kept of it, whatever has changed since."""

from typing import NamedTuple

from newsletter.config import Settings
from newsletter.models import Subscriber
from newsletter.pipeline import reprint
from newsletter.pipeline.doors import Doors, OldLinkError
from newsletter.pipeline.letter import said_by
from newsletter.pipeline.moving import shown
from newsletter.pipeline.reader_links import Addresses, day_of
from newsletter.pipeline.reprint import Page
from newsletter.rendering import Links
from newsletter.store import deliveries, issues, presses
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError

# Whoever changes a link may write any number.
_MOST = 2**53


class WebVersion(NamedTuple):
    """A mail of a person; `page` is None where what was kept of it is not enough to show it."""

    person: Subscriber
    page: Page | None


class WebVersions:
    """Shows mail that went out.

    The link of a mail has the token that leads to its reader's wishes too (docs/decisions/0015-readers-pages.md): who
    may change these may look at what came until then. A page has that very token in its links, and a token shows no
    mail that is newer than it is; so an old one never leads to a newer one.
    """

    def __init__(self, database: Database, settings: Settings, doors: Doors, signer: Signer) -> None:
        self._database = database
        self._settings = settings
        self._doors = doors
        self._addresses = Addresses(settings, signer)

    async def of(self, token: str, issue_id: int) -> WebVersion:
        """Return a mail of the person of a token; their address is masked in it.

        Raises what `Doors.open` raises: TokenError for what is no mail of theirs too, and OldLinkError for a newer one.
        """
        async with self._database.connect() as connection:
            person = await self._doors.open(connection, "settings", token)
            found = await issues.load(connection, [issue_id]) if issue_id < _MOST else {}
            if issue_id not in found or found[issue_id].issue.recipient.id != person.id:
                raise TokenError("You got no such mail.", next_step="Use the link as it stands in the mail.")
            issue = found[issue_id].issue
            delivery = await deliveries.by_issue(connection, issue_id)
            kept = None if delivery is None else await presses.of_delivery(connection, delivery.id)
        if kept is None or not issue.picks:
            return WebVersion(person, None)
        leave_at, pause = self._addresses.of(person.id)
        settings, web = self._addresses.by_token(token, issue_id)
        links = Links(leave_at[0], settings, pause, web, said_by(self._addresses.feedback(issue_id, issue.picks)))
        masked = issue._replace(recipient=issue.recipient._replace(email=shown(person)))
        page = reprint.as_page(kept, masked, self._settings, links)
        if page is not None and day_of(page.date) > self._doors.read("settings", token).at:
            raise OldLinkError("This mail is newer than the link.", next_step="Use the link of that mail.")
        return WebVersion(person, page)
