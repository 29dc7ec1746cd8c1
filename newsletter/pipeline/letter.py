"""An issue to the bytes of its message: the one way that both `send` and `preview` take."""

from collections.abc import Awaitable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote

import structlog

from newsletter.config import Settings
from newsletter.delivery.message import Letter, build, enclosed
from newsletter.models import Edition, Issue, Recipient
from newsletter.pipeline.notices import token_of
from newsletter.rendering import Links, Rendered, Renderer
from newsletter.tokens import Signer

log = structlog.get_logger()

# Gmail shows so many bytes of HTML, and what follows only behind a link.
SHOWN = 102 * 1024


class Seal(Protocol):
    """Signs messages."""

    def seal(self, content: bytes) -> bytes | Awaitable[bytes]:
        """Return the whole message with its signature, now or later."""
        ...


class Written(NamedTuple):
    """A message as it is sent, and what it was made of."""

    content: bytes
    rendered: Rendered


class LetterWriter:
    """Writes the message of an issue; built once for a run. Without a `seal` nothing is signed."""

    def __init__(self, settings: Settings, renderer: Renderer, signer: Signer, seal: Seal | None = None) -> None:
        newsletter = settings.newsletter
        self._newsletter = newsletter
        self._feedback_sender = newsletter.feedback_sender
        self._list_id = newsletter.list_id or f"papers.{newsletter.domain}"
        self._base_url = settings.web.base_url.rstrip("/")
        to = quote(newsletter.unsubscribe_address or newsletter.from_address, safe="@+")
        self._by_mail = f"mailto:{to}?subject="
        self._leave_by_mail = f"{self._by_mail}unsubscribe%20"
        self._notices_address = settings.notices.from_address or newsletter.from_address
        self._renderer = renderer
        logo = renderer.logo
        self._picture = b"" if logo is None else enclosed(logo.content, logo.kind, logo.cid)
        self._signer = signer
        self._seal = seal
        self._told_of_size = False

    def content(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> bytes | Awaitable[bytes]:
        """Return the message for an address; two calls with the same arguments give the same bytes."""
        return self._made(issue, address, message_id, date)[0]

    async def write(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> Written:
        """Return the same message with what it was made of."""
        content, rendered = self._made(issue, address, message_id, date)
        return Written(content if isinstance(content, bytes) else await content, rendered)

    def _made(
        self, issue: Issue, address: str, message_id: str, date: datetime
    ) -> tuple[bytes | Awaitable[bytes], Rendered]:
        if not issue.picks:
            return self._notice(issue, address, message_id, date)
        leave_at = self._unsubscribe(issue.recipient)
        rendered = self._renderer.render(issue, Links(unsubscribe=leave_at[0]))
        content = build(self._letter(issue.edition, rendered, leave_at, address, message_id, date))
        # The whole is never shorter than its HTML.
        if len(content) - len(self._picture) > SHOWN and not self._told_of_size:
            self._watch_size(rendered)
        return (content if self._seal is None else self._seal.seal(content)), rendered

    def _notice(
        self, issue: Issue, address: str, message_id: str, date: datetime
    ) -> tuple[bytes | Awaitable[bytes], Rendered]:
        """Return a mail that is no issue.

        Who gets a welcome or is told that there is nothing is on the list: they may leave it by these mails (RFC 2369,
        RFC 8058). A confirmation and a goodbye go to people who are on no list, and have no field of one.
        """
        kind = issue.notice or "nothing"
        newsletter, edition = self._newsletter, issue.edition
        leave_at = self._unsubscribe(issue.recipient)
        values = {
            "day": edition.date.isoformat(),
            **issue.said,
            "action": self._action(kind, issue.recipient, leave_at),
        }
        rendered = self._renderer.notice(kind, issue.recipient, Links(unsubscribe=leave_at[0]), values)
        letter = self._letter(edition, rendered, leave_at, address, message_id, date)._replace(
            # RFC 3834 section 5: no program may answer it.
            automatic=True,
            feedback_id=f"{edition.date}:{kind}:notices:{self._feedback_sender}",
        )
        if kind in ("confirmation", "goodbye"):
            letter = letter._replace(
                from_address=self._notices_address,
                reply_to=newsletter.reply_to or newsletter.from_address,
                list_id="",
                list_unsubscribe=(),
                precedence="",
            )
        content = build(letter)
        return (content if self._seal is None else self._seal.seal(content)), rendered

    def _action(self, kind: str, person: Recipient, leave_at: tuple[str, ...]) -> str:
        """Return what a notice asks to be opened: to confirm, or to come back; empty if it asks nothing."""
        if kind == "confirmation":
            token = token_of(self._signer, person.id, person.email)
            return f"{self._base_url}/confirm/{token}" if self._base_url else f"{self._by_mail}confirm%20{token}"
        if kind == "goodbye":
            # The page that they left by lets them come back.
            return leave_at[0] if self._base_url else f"{self._by_mail}subscribe"
        return ""

    def _letter(
        self,
        edition: Edition,
        rendered: Rendered,
        leave_at: tuple[str, ...],
        address: str,
        message_id: str,
        date: datetime,
    ) -> Letter:
        newsletter = self._newsletter
        return Letter(
            from_name=newsletter.name,
            from_address=newsletter.from_address,
            to_address=address,
            subject=rendered.subject,
            message_id=message_id,
            date=date,
            list_id=self._list_id,
            html_parts=rendered.html_parts or None,
            text_parts=rendered.text_parts,
            list_unsubscribe=leave_at,
            one_click=bool(self._base_url),
            reply_to=newsletter.reply_to,
            language=rendered.language,
            feedback_id=_feedback_id(edition.date, edition.cadence, self._feedback_sender),
            complaints_to=newsletter.complaints_address,
            precedence=newsletter.precedence,
            picture=self._picture,
        )

    def _watch_size(self, rendered: Rendered) -> None:
        size = html_size(rendered)
        if size > SHOWN:
            self._told_of_size = True
            log.warning("mail is longer than Gmail shows at once", html_bytes=size, shown=SHOWN)

    def _unsubscribe(self, person: Recipient) -> tuple[str, ...]:
        """Return the addresses that end the subscription, the best first (RFC 2369 section 3.2)."""
        # Mail programs may change the case of a subject.
        token = self._signer.tag("unsubscribe", person.id)
        if not self._base_url:
            return (self._leave_by_mail + token,)
        return (f"{self._base_url}/unsubscribe/{token}", self._leave_by_mail + token)


def html_size(rendered: Rendered) -> int:
    """Return the bytes of the HTML part before it is encoded."""
    return len(rendered.html.encode("utf-8", "replace"))


@lru_cache(maxsize=64)
def _feedback_id(day: date, cadence: str, sender: str) -> str:
    """Return by what complaints are counted: the edition and the newsletter, never a person."""
    return f"{day}:{cadence.replace(':', '-')}:papers:{sender}"
