"""Who lost their mail is sent a link; the answer is the same whoever asks, and so is what is done before it."""

from datetime import timedelta

import structlog

from newsletter.clock import Clock
from newsletter.config import Signup
from newsletter.delivery import addresses
from newsletter.errors import StoreError, UsageError
from newsletter.models import Consent
from newsletter.pipeline.notices import Notices
from newsletter.pipeline.tries import HOUR, Tries
from newsletter.store import subscribers
from newsletter.store.database import Database
from newsletter.tokens import Signer, TokenError

log = structlog.get_logger()

# The token of a form says when it was made: one that comes back sooner is a machine's, and one that is older is over.
# It is good for no other form.
FORM = "form.lost"
SOONEST = timedelta(seconds=2)
LATEST = timedelta(hours=1)


class Lost:
    """Sends links by mail alone."""

    def __init__(self, database: Database, clock: Clock, signer: Signer, notices: Notices, limits: Signup) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._notices = notices
        self._limits = limits
        self._tries = Tries(database, clock)

    def form(self) -> str:
        """Return the token of a form that is shown now."""
        return self._signer.sign(FORM, int(self._clock.now().timestamp()))

    def in_time(self, form: str) -> bool:
        """Tell whether a form was shown here, and came back neither too soon nor too late."""
        try:
            (at,) = self._signer.read(FORM, form)
        except (TokenError, ValueError):
            return False
        age = timedelta(seconds=self._clock.now().timestamp() - int(at))
        return SOONEST <= age <= LATEST

    async def may(self, client: str, email: str) -> bool:
        """Count one try more, and tell whether that network address may ask for that mailbox now.

        How many mails a mailbox gets is limited where they are queued.
        """
        return await self._tries.may("link from", client, self._limits.hourly, HOUR)

    async def send(self, email: str) -> None:
        """Queue a link for who is subscribed with an address; nothing for anybody else, and nothing is raised."""
        try:
            async with self._database.begin() as connection:
                person = await subscribers.by_email(connection, addresses.key(email))
                if person is not None and person.state is Consent.CONFIRMED:
                    await subscribers.hold(connection, person.id)
                    await self._notices.tell(connection, person, "link", asked=True)
        except StoreError:
            log.exception("no link was queued")


def is_address(email: str) -> bool:
    """Tell whether mail could go to an address."""
    try:
        return bool(addresses.key(addresses.normalise(email)))
    except UsageError:
        return False
