"""An issue to the bytes of its message: the one way that both `send` and `preview` take."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

import structlog

from newsletter.config import Settings
from newsletter.delivery.message import Letter, build, enclosed
from newsletter.models import Edition, Issue, Recipient
from newsletter.pipeline.reader_links import Addresses, FeedbackLinks
from newsletter.rendering import Feedback, Links, Rendered, Renderer, fit
from newsletter.tokens import Signer

log = structlog.get_logger()

SHOWN = fit.SHOWN


class Seal(Protocol):
    """Signs messages."""

    def seal(self, content: bytes) -> bytes | Awaitable[bytes]:
        """Return the whole message with its signature, now or later."""
        ...


class Written(NamedTuple):
    """A message as it is sent, and what it was made of."""

    content: bytes
    rendered: Rendered


class Dress(NamedTuple):
    """What makes mail in one look, and the picture that it shows, as a part of messages."""

    renderer: Renderer
    picture: bytes


class LetterWriter:
    """Writes the message of an issue; built once for a run. Without a `seal` nothing is signed.

    `settings`, `renderer` and `signer` are what it was built of. `in_look` makes what renders in another look than that
    of the settings, once for each; without, all readers get that one.
    """

    def __init__(
        self,
        settings: Settings,
        renderer: Renderer,
        signer: Signer,
        seal: Seal | None = None,
        in_look: Callable[[str], Renderer] | None = None,
    ) -> None:
        newsletter = settings.newsletter
        self.settings = settings
        self.renderer = renderer
        self.signer = signer
        self._newsletter = newsletter
        self._feedback_sender = newsletter.feedback_sender
        self._list_id = newsletter.list_id or f"papers.{newsletter.domain}"
        self._one_click = bool(settings.web.base_url)
        self._addresses = Addresses(settings, signer)
        self._notices_address = settings.notices.from_address or newsletter.from_address
        self._in_look = in_look
        self._dresses: dict[str, Dress] = {settings.rendering.look: _dress(renderer)}
        self._seal = seal
        self._told_of_size = False

    def look(self, recipient: Recipient) -> str:
        """Return in which look a reader gets their mail."""
        return recipient.look if recipient.look and self._in_look is not None else self.settings.rendering.look

    def dress(self, recipient: Recipient) -> Dress:
        """Return what their mail is rendered by."""
        look = self.look(recipient)
        if look not in self._dresses and self._in_look is not None:
            self._dresses[look] = _dress(self._in_look(look))
        return self._dresses[look]

    def content(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> bytes | Awaitable[bytes]:
        """Return the message for an address; two calls with the same arguments give the same bytes."""
        return self.sealed(self.unsigned(issue, address=address, message_id=message_id, date=date)[0])

    async def write(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> Written:
        """Return the same message with what it was made of."""
        unsigned, rendered = self.unsigned(issue, address=address, message_id=message_id, date=date)
        content = self.sealed(unsigned)
        return Written(content if isinstance(content, bytes) else await content, rendered)

    def sealed(self, content: bytes) -> bytes | Awaitable[bytes]:
        """Return a message as it is sent: with its signatures in front, if it is signed."""
        return content if self._seal is None else self._seal.seal(content)

    def unsigned(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> tuple[bytes, Rendered]:
        """Return the message without a signature, and what it was made of."""
        if not issue.picks:
            return self._notice(issue, address, message_id, date)
        leave_at, pause = self._addresses.of(issue.recipient.id)
        settings, web = self._addresses.pages(issue.recipient, date, issue.id)
        feedback = said_by(self._addresses.feedback(issue.id, issue.picks))
        renderer, picture = self.dress(issue.recipient)
        rendered = renderer.render(issue, Links(leave_at[0], settings, pause, web, feedback))
        content = build(self._letter(issue.edition, rendered, picture, leave_at, address, message_id, date))
        # The whole is never shorter than its HTML.
        if len(content) - len(picture) > SHOWN and not self._told_of_size:
            self._watch_size(rendered)
        return content, rendered

    def _notice(self, issue: Issue, address: str, message_id: str, date: datetime) -> tuple[bytes, Rendered]:
        """Return a mail that is no issue.

        Who gets a welcome or is told that there is nothing is on the list: they may leave it by these mails (RFC 2369,
        RFC 8058). A confirmation and a goodbye go to people who are on no list, and have no field of one; nor have a
        link and an answer, which somebody asked for.
        """
        kind = issue.notice or "nothing"
        newsletter, edition = self._newsletter, issue.edition
        leave_at, pause = self._addresses.of(issue.recipient.id)
        action = self._addresses.action(kind, issue.recipient, date, issue.said)
        values = {"day": edition.date.isoformat(), **issue.said, "action": action}
        settings = self._addresses.pages(issue.recipient, date, issue.id).settings
        renderer, picture = self.dress(issue.recipient)
        rendered = renderer.notice(kind, issue.recipient, Links(leave_at[0], settings, pause), values)
        letter = self._letter(edition, rendered, picture, leave_at, address, message_id, date)._replace(
            # RFC 3834 section 5: no program may answer it.
            automatic=True,
            feedback_id=f"{edition.date}:{kind}:notices:{self._feedback_sender}",
        )
        if kind == "answer":
            letter = letter._replace(
                in_reply_to=str(issue.said.get("in_reply_to", "")), list_id="", list_unsubscribe=(), precedence=""
            )
        if kind in ("confirmation", "goodbye", "link"):
            letter = letter._replace(
                from_address=self._notices_address,
                reply_to=newsletter.reply_to or newsletter.from_address,
                list_id="",
                list_unsubscribe=(),
                precedence="",
            )
        return build(letter), rendered

    def _letter(
        self,
        edition: Edition,
        rendered: Rendered,
        picture: bytes,
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
            one_click=self._one_click,
            reply_to=newsletter.reply_to,
            language=rendered.language,
            feedback_id=_feedback_id(edition.date, edition.cadence, self._feedback_sender),
            complaints_to=newsletter.complaints_address,
            precedence=newsletter.precedence,
            picture=picture,
        )

    def _watch_size(self, rendered: Rendered) -> None:
        size = html_size(rendered)
        if size > SHOWN:
            self._told_of_size = True
            # Papers were left out of it already: it is the note, or the templates.
            log.warning("mail is longer than Gmail shows at once", html_bytes=size, shown=SHOWN)


def said_by(links: FeedbackLinks) -> Feedback:
    """Return the links by which a reader says something of a paper, as they are rendered."""
    (more, more_end), (less, less_end), save, marks = links
    return Feedback(more, less, more_end, less_end, save, marks)


def answered(settings: Settings) -> Settings:
    """Return settings under which answers to mail come to where they are read, if the operator says nothing of them.

    That is the box of what comes back, where one is: in it stays what is no wish. By LMTP or a pipe all mail is taken,
    so that letters would be lost there.
    """
    newsletter, bounces = settings.newsletter, settings.bounces
    if newsletter.reply_to or not bounces.address or not (bounces.maildir or bounces.imap_host):
        return settings
    # In the settings that are kept with a mail, so that it is shown as it went out after they changed.
    leading = newsletter.model_copy(update={"reply_to": bounces.address})
    return settings.model_copy(update={"newsletter": leading})


def _dress(renderer: Renderer) -> Dress:
    logo = renderer.logo
    return Dress(renderer, b"" if logo is None else enclosed(logo.content, logo.kind, logo.cid))


def html_size(rendered: Rendered) -> int:
    """Return the bytes of the HTML part as it stands in the mail."""
    return sum(map(len, rendered.html_parts))


@lru_cache(maxsize=64)
def _feedback_id(day: date, cadence: str, sender: str) -> str:
    """Return by what complaints are counted: the edition and the newsletter, never a person."""
    return f"{day}:{cadence.replace(':', '-')}:papers:{sender}"
