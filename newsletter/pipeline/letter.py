"""An issue to the bytes of its message: the one way that both `send` and `preview` take."""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from newsletter.config import Settings
from newsletter.delivery.message import Letter, build
from newsletter.models import Issue
from newsletter.rendering import Links, Rendered, Renderer
from newsletter.tokens import Signer


class Written(NamedTuple):
    """A message as it is sent, and what it was made of."""

    content: bytes
    rendered: Rendered


class LetterWriter:
    """Writes the message of an issue; built once for a run."""

    def __init__(self, settings: Settings, renderer: Renderer, signer: Signer) -> None:
        self._newsletter = settings.newsletter
        self._base_url = settings.web.base_url.rstrip("/")
        self._renderer = renderer
        self._signer = signer

    def write(self, issue: Issue, *, address: str, message_id: str, date: datetime) -> Written:
        """Return the message for an address; two calls with the same arguments give the same bytes."""
        addresses = self._unsubscribe(issue.subscriber.key)
        rendered = self._renderer.render(issue, Links(unsubscribe=addresses[0]))
        letter = Letter(
            from_name=self._newsletter.name,
            from_address=self._newsletter.from_address,
            to_address=address,
            subject=rendered.subject,
            message_id=message_id,
            date=date,
            list_id=self._newsletter.list_id or f"papers.{self._newsletter.domain}",
            html_parts=rendered.html_parts,
            text_parts=rendered.text_parts,
            list_unsubscribe=addresses,
            one_click=bool(self._base_url),
            reply_to=self._newsletter.reply_to,
            language=rendered.language,
        )
        return Written(build(letter), rendered)

    def _unsubscribe(self, key: str) -> tuple[str, ...]:
        """Return the addresses that end the subscription, the best first (RFC 2369 section 3.2)."""
        token = self._signer.sign("unsubscribe", key)
        address = self._newsletter.unsubscribe_address or self._newsletter.from_address
        by_mail = f"mailto:{quote(address, safe='@+')}?subject={quote('unsubscribe ' + token)}"
        if not self._base_url:
            return (by_mail,)
        return (f"{self._base_url}/unsubscribe/{token}", by_mail)
