"""People subscribe by themselves: what they ask for waits on record, a mail asks them, and their word makes it so.

What a stranger sends is one row, written in the same way whoever is subscribed. `settle` finds out later who that is,
so no answer and no clock tells it. Until somebody has confirmed, their wishes touch nobody's record.
"""

import hashlib
from collections.abc import Container, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery import addresses
from newsletter.errors import NewsletterError, SettingsError, UsageError
from newsletter.models import Consent, Subscriber, Topic
from newsletter.pipeline import slots
from newsletter.pipeline import subscribers as people
from newsletter.pipeline.notices import Notices, read_mail_token, read_token, waiting
from newsletter.pipeline.slots import Slot
from newsletter.pipeline.tries import DAY, HOUR, Tries
from newsletter.store import editions, notices, signups, subscribers, suppressions
from newsletter.store.database import Database
from newsletter.store.signups import Signup
from newsletter.tokens import Signer, TokenError

log = structlog.get_logger()

# How somebody came, as the evidence has it.
ASKED = "on the page to subscribe"
CONFIRMED = "by the button of the page that their confirmation leads to"
CONFIRMED_BY_MAIL = "by a mail that their confirmation asked for"

# A form of another page does not do.
FORM = "form.subscribe"
FORM_LASTS = HOUR
MOST_TOPICS = 40
LARGEST_LIST = 50_000_000

_WISHES = ("topics", "cadence", "hour", "timezone", "language")


class Fault(NamedTuple):
    """What is wrong in which field of a form."""

    field: str
    kind: str


class FaultyError(NewsletterError):
    """A form has faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The form has faults.")
        self.faults = tuple(faults)


class TooManyError(NewsletterError):
    """Somebody tried something too often."""


class Wording(NamedTuple):
    """What somebody was told before they pressed the button."""

    words: str

    @property
    def version(self) -> str:
        """What is the same for the same words alone."""
        return hashlib.sha256(self.words.encode()).hexdigest()[:12]


class Asked(NamedTuple):
    """What stands in a form: topics of the catalogue by their slugs, free words one a line, and the rest as it is."""

    email: str = ""
    topics: tuple[str, ...] = ()
    words: str = ""
    cadence: str = ""
    hour: str = ""
    timezone: str = ""
    language: str = ""


class Newcomer(NamedTuple):
    """Somebody who is about to confirm, with the wishes that they will have; or who has confirmed."""

    person: Subscriber
    confirmed: bool


class Signups:
    """What the pages to subscribe and to confirm do, and what follows from it.

    `catalogue` has the slugs of topics that there are.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        signer: Signer,
        notices: Notices,
        catalogue: Container[str],
    ) -> None:
        self.tries = Tries(database, clock)
        self._database = database
        self._clock = clock
        self._settings = settings
        self._signer = signer
        self._notices = notices
        self._catalogue = catalogue
        path = settings.signup.disposable_domains
        self._disposable = frozenset() if path is None else disposable(settings.path(path))

    def form(self) -> str:
        """Return the token of a new form: it says when that was made."""
        return self._signer.sign(FORM, int(self._clock.now().timestamp()))

    def age(self, form: str) -> timedelta | None:
        """Return how old a form is; None if it was not made here, or is older than an hour."""
        try:
            (at,) = self._signer.read(FORM, form)
        except (TokenError, ValueError):
            return None
        age = timedelta(seconds=self._clock.now().timestamp() - int(at))
        return age if age <= FORM_LASTS else None

    def wished(self, asked: Asked) -> Subscriber:
        """Return the person that a form describes; raises FaultyError with every fault at once."""
        faults: list[Fault] = []

        def tried(field: str, **wish: Any) -> dict[str, Any]:
            try:
                people.new(self._settings.newsletter, self._clock, "a@example.org", **wish)
            except (ValueError, UsageError):
                faults.append(Fault(field, "choice"))
                return {}
            return wish

        wishes: dict[str, Any] = {}
        for field in ("cadence", "timezone", "language"):
            wishes |= tried(field, **{field: getattr(asked, field) or None})
        wishes |= tried("hour", hour=asked.hour or None)
        topics = self.topics(asked)
        if len(topics) > MOST_TOPICS:
            faults.append(Fault("words", "many"))
        elif any(len(topic.name) > people.LONGEST_WISH for topic in topics):
            faults.append(Fault("words", "long"))
        else:
            wishes |= tried("words", topics=topics)
        if fault := self.fault_of(asked.email):
            faults.insert(0, Fault("email", fault))
        if faults:
            raise FaultyError(faults)
        return people.new(self._settings.newsletter, self._clock, asked.email, **wishes)

    def topics(self, asked: Asked) -> tuple[Topic, ...]:
        """Return what is asked for, each once: topics that the catalogue has, then the free words."""
        names = [slug for slug in asked.topics if slug in self._catalogue]
        free = [" ".join(line.split()) for line in asked.words.replace(";", "\n").splitlines()]
        return tuple(Topic(name=name) for name in dict.fromkeys([*names, *free]) if name)

    async def take(self, person: Subscriber, *, client: str, wording: Wording) -> None:
        """Put on record that somebody wants to subscribe, who is as `wished` returns them.

        `client` is the network address of who asks. Raises TooManyError if that asked too often; if too many asked for
        one mailbox nothing follows, which is told to nobody.
        """
        limits, email_key = self._settings.signup, addresses.key(person.email)
        if not await self.tries.may("sign-up from", client, limits.hourly, HOUR):
            raise TooManyError("Too many sign-ups came from this network address.")
        if not await self.may_mail(person.email):
            log.info("sign-up passed over", cause="too many for one mailbox")
            return
        now = self._clock.now()
        asked = person.model_dump(mode="json", include=set(_WISHES))
        source = await self._source(client, wording)
        async with self._database.begin() as connection:
            await signups.keep_wording(connection, wording.version, wording.words, now)
            await signups.put(connection, Signup(email_key, person.email, asked, source, now))

    async def may_mail(self, email: str) -> bool:
        """Count one try more for a mailbox, and tell whether a confirmation may go to it now, whoever asks for it."""
        return await self.tries.may("sign-up for", addresses.mailbox(email), self._settings.signup.daily_mails, DAY)

    async def settle(self) -> int:
        """Queue the mail that each sign-up leads to, and return how many there were; safe to repeat and to interrupt.

        Who is subscribed is told so, and all others are asked. An address that must not be mailed gets nothing.
        """
        async with self._database.connect() as connection:
            waits = await signups.in_state(connection, "asked")
        for one in waits:
            async with self._database.begin() as connection:
                asked = await signups.take(connection, one.email_key, "asked")
                if asked is None:
                    continue
                if await self._asks(connection, asked):
                    await signups.move(connection, asked.email_key, "mailed")
                else:
                    await signups.drop(connection, asked.email_key)
        return len(waits)

    async def newcomer(self, token: str) -> Newcomer:
        """Return whom the link of a confirmation is about; nothing changes.

        Raises TokenError for a link that was not made here, and PassedError if they are no longer waited for.
        """
        async with self._database.connect() as connection:
            whom = await read_token(connection, self._signer, token)
            person = await waiting(connection, whom)
            asked = await signups.find(connection, whom[1])
        if person.state is Consent.CONFIRMED:
            return Newcomer(person, confirmed=True)
        return Newcomer(person if asked is None else person.model_copy(update=_wishes(asked)), confirmed=False)

    async def confirm(self, token: str, *, client: str, wording: Wording) -> Newcomer:
        """Make somebody a subscriber at their word, with the wishes that they asked with; safe to repeat.

        Raises as `newcomer` does.
        """
        source = await self._source(client, wording)
        async with self._database.begin() as connection:
            whom = await read_token(connection, self._signer, token)
            person = await self._confirm(connection, whom, CONFIRMED, source, wording)
        return Newcomer(person, confirmed=True)

    async def confirm_by_mail(self, tag: str, *, sender: str) -> Subscriber:
        """Do the same for whoever answers their confirmation by mail, which names what they were asked in it.

        Whoever has the tag has had that mail, so they may answer from another address, as the mailbox that theirs is
        passed on to; of that the evidence has a keyed hash. Raises as `newcomer` does.
        """
        source = await self.tries.digest("evidence", sender)
        async with self._database.begin() as connection:
            whom = await read_mail_token(connection, self._signer, tag)
            asked_in = await notices.latest(connection, whom[0], "confirmation")
            return await self._confirm(connection, whom, CONFIRMED_BY_MAIL, f"mail {asked_in}, from {source}")

    async def _confirm(
        self, connection: Any, whom: tuple[int, str], how: str, source: str, wording: Wording | None = None
    ) -> Subscriber:
        # Before the person, as `settle` does: two that wait for each other are a deadlock.
        asked = await signups.take(connection, whom[1], "asked", "mailed")
        if wording is not None:
            await signups.keep_wording(connection, wording.version, wording.words, self._clock.now())
        person = await self._notices.confirm_in(
            connection,
            whom,
            how=how,
            source=source,
            wishes={} if asked is None else {**_wishes(asked), "paused_until": None},
            at_once=self._settings.signup.first_issue and asked is not None,
        )
        if asked is not None:
            await signups.move(connection, whom[1], "confirmed")
        log.info("confirmed", subscriber=person.id)
        return person

    async def first(self) -> tuple[list[tuple[Subscriber, Slot]], list[str]]:
        """Return who should get a first issue now with its slot, and the addresses of all who were looked at.

        The slot is that of their day, whatever their cadence: who has an issue of it gets none. Once the issues are on
        record, `greeted` takes those addresses.
        """
        now = self._clock.now()
        due: list[tuple[Subscriber, Slot]] = []
        async with self._database.connect() as connection:
            keys = [one.email_key for one in await signups.in_state(connection, "confirmed")]
            barred = await suppressions.among(connection, keys)
            for email_key in keys if self._settings.signup.first_issue else ():
                person = await subscribers.by_email(connection, email_key)
                if person is None or person.state is not Consent.CONFIRMED or email_key in barred:
                    continue
                day = slots.local_date(person, now)
                if not person.paused_on(day) and await editions.issue_of(connection, person.id, day) is None:
                    due.append((person, Slot(day, person.cadence)))
        return due, keys

    async def greeted(self, email_keys: Sequence[str]) -> None:
        """Forget the sign-ups of people who have had their first issue, or get none."""
        async with self._database.begin() as connection:
            for email_key in email_keys:
                if await signups.take(connection, email_key, "confirmed") is not None:
                    await signups.drop(connection, email_key)

    async def prune(self) -> int:
        """Delete who did not confirm in time, and return how many people that were."""
        before = self._clock.now() - timedelta(days=self._settings.signup.keep_days)
        async with self._database.begin() as connection:
            never = await signups.prune(connection, before)
            for number in never:
                await subscribers.erase(connection, number)
        await self.tries.prune()
        if never:
            log.info("never confirmed", people=len(never))
            await self._database.leave_no_trace()
        return len(never)

    async def _asks(self, connection: Any, asked: Signup) -> bool:
        """Queue the mail about a sign-up, and tell whether its answer is waited for."""
        if await suppressions.among(connection, [asked.email_key]):
            return False
        try:
            person = people.new(self._settings.newsletter, self._clock, asked.email, **_wishes(asked))
        except (ValueError, UsageError):
            # A time zone that is no more, or the like.
            person = people.new(self._settings.newsletter, self._clock, asked.email)
        if await self._notices.ask_in(connection, person, how=ASKED, source=asked.source) is Consent.UNCONFIRMED:
            return True
        if known := await subscribers.by_email(connection, asked.email_key):
            await self._notices.tell(connection, known, "known")
        return False

    def fault_of(self, email: str) -> str:
        """Return what is wrong with an address that is given by its owner: empty, malformed, disposable, or nothing."""
        if not email.strip():
            return "empty"
        try:
            domain = addresses.key(email).rpartition("@")[2]
        except UsageError:
            return "malformed"
        parts = domain.split(".")
        if any(".".join(parts[at:]) in self._disposable for at in range(len(parts))):
            return "disposable"
        return ""

    async def _source(self, client: str, wording: Wording) -> str:
        """Return what evidence has beside the moment: which words they saw, and a keyed hash of where they were."""
        return f"words {wording.version}, from {await self.tries.digest('evidence', client)}"


def disposable(path: Path) -> frozenset[str]:
    """Return the domains of a file, as addresses are compared. Raises SettingsError if it cannot be read."""
    try:
        if path.stat().st_size > LARGEST_LIST:
            raise SettingsError(f"{path} is too large for a list of domains.", next_step="Name another file.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"signup.disposable_domains cannot be read: {path}.", next_step="Name a text file, or nothing."
        ) from error
    found = (line.partition("#")[0].strip().strip(".").lower() for line in lines)
    return frozenset(_in_a_labels(domain) for domain in found if domain)


def _in_a_labels(domain: str) -> str:
    try:
        return addresses.on_the_wire(f"x@{domain}").rpartition("@")[2]
    except ValueError:
        return domain


def _wishes(asked: Signup) -> dict[str, Any]:
    """Return the wishes of a sign-up as fields of a subscriber."""
    kept: Mapping[str, Any] = asked.wishes
    found = {name: kept[name] for name in _WISHES if name in kept}
    return {**found, "topics": tuple(Topic(**topic) for topic in kept.get("topics", ()))}
