"""The addresses in a mail that are one reader's own, by https or by mail; it knows no page and no database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from newsletter.config import Settings
from newsletter.models import Notice, Pick, Recipient
from newsletter.pipeline.notices import mail_token, token_of
from newsletter.tokens import Signer

# What tokens are for. Whoever may unsubscribe somebody may also let them pause, which is less.
PERSON = "unsubscribe"
ISSUE = "feedback"
SETTINGS = "door.settings"
OWN = "door.own"
MOVE = "move"

_DAY = 86_400


class ReaderLinks(NamedTuple):
    """What leads a reader away, for ever or for a while; `unsubscribe`: the best way first (RFC 2369 section 3.2)."""

    unsubscribe: tuple[str, ...]
    pause: str


class PageLinks(NamedTuple):
    """The links to a reader's wishes, and to a mail of theirs as a page; both empty where there are no pages."""

    settings: str = ""
    web: str = ""


class FeedbackLinks(NamedTuple):
    """The links to more and less like a paper, as what stands before and behind its mark.

    What saves it has `save` behind what leads to more; it is empty where links are mails. The `marks` are those of the
    papers in their order: the place of each in the mail, and what binds it to that paper there.
    """

    more: tuple[str, str]
    less: tuple[str, str]
    save: str = ""
    marks: tuple[str, ...] = ()


def day_of(at: datetime) -> int:
    """Return the seconds from 1970 to the day of a moment, in UTC: all mails of a day carry the same."""
    return int(at.timestamp()) // _DAY * _DAY


def move_token(signer: Signer, waiting: int, said: Mapping[str, Any]) -> str:
    """Return what moves a person to the address of the one who is `waiting`, as a confirmation `said` of both."""
    at = int(datetime.fromisoformat(said["at"]).timestamp())
    return signer.seal(MOVE, said["person"], waiting, at, said["links"])


class Addresses:
    """Makes the links of readers; built once for a run."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        newsletter = settings.newsletter
        to = quote(newsletter.unsubscribe_address or newsletter.from_address, safe="@+")
        self._by_mail = f"mailto:{to}?subject="
        self._base_url = settings.web.base_url.rstrip("/")
        self._signer = signer

    def of(self, subscriber_id: int) -> ReaderLinks:
        """Return the links of a reader."""
        # Mail programs may change the case of a subject, which a tag survives.
        token = self._signer.tag(PERSON, subscriber_id)
        leave = f"{self._by_mail}unsubscribe%20{token}"
        if not self._base_url:
            # Who pauses by mail would get no mail that tells how to come back, so it ends by itself.
            return ReaderLinks((leave,), f"{self._by_mail}pause%20{token}%201%20month")
        return ReaderLinks((f"{self._base_url}/unsubscribe/{token}", leave), f"{self._base_url}/pause/{token}")

    def pages(self, person: Recipient, at: datetime, issue_id: int) -> PageLinks:
        """Return the links to a reader's wishes and to the mail itself, in a mail of that Date."""
        if not self._base_url:
            return PageLinks()
        return self.by_token(self._signer.seal(SETTINGS, person.id, day_of(at), person.links), issue_id)

    def by_token(self, token: str, issue_id: int) -> PageLinks:
        """Return the same by a token at hand: whoever has one of the two links has the other."""
        return PageLinks(f"{self._base_url}/settings/{token}", f"{self._base_url}/mail/{token}/{issue_id}")

    def action(self, kind: Notice, person: Recipient, at: datetime, said: Mapping[str, Any]) -> str:
        """Return what a notice of that Date asks to be opened; empty if it asks nothing."""
        if kind == "confirmation" and "moves" in said and self._base_url:
            return f"{self._base_url}/moved/{move_token(self._signer, person.id, said)}"
        if kind == "confirmation":
            if not self._base_url:
                return f"{self._by_mail}confirm%20{mail_token(self._signer, person.id, person.email)}"
            return f"{self._base_url}/confirm/{token_of(self._signer, person.id, person.email)}"
        if kind == "goodbye":
            # The page that they left by lets them come back.
            return self.of(person.id).unsubscribe[0] if self._base_url else f"{self._by_mail}subscribe"
        if kind == "answer" and said.get("by_page"):
            return self.of(person.id).pause if self._base_url else ""
        if kind == "link":
            token = self._signer.seal(OWN, person.id, int(at.timestamp()), person.links)
            return f"{self._base_url}/settings/{token}" if self._base_url else f"{self._by_mail}settings"
        return ""

    def feedback(self, issue_id: int, picks: Sequence[Pick]) -> FeedbackLinks:
        """Return the links of the papers of an issue, and so of one reader and one mail."""
        token = self._signer.tag(ISSUE, issue_id)
        places = [(position, paper.id or 0) for position, paper, _, _ in picks]
        marks = tuple(self._signer.marks(ISSUE, issue_id, places))
        if not self._base_url:
            return FeedbackLinks(
                (f"{self._by_mail}more%20{token}-", ""),
                (f"{self._by_mail}less%20{token}-", ""),
                marks=marks,
            )
        before = f"{self._base_url}/f/{token}/"
        return FeedbackLinks((before, "/more"), (before, "/less"), "/saved", marks)
