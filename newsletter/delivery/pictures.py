"""A message's HTML as a browser can show it alone; knows nothing of folders and of who wrote it."""

import re
from base64 import b64encode
from email import message_from_bytes
from email.errors import MessageError
from email.policy import default

_PICTURE = re.compile(r"""(?<=["'(])cid:([^"')\s]+)""")
# What a browser shows and runs nothing of.
_KINDS = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def html_alone(content: bytes) -> str | None:
    """Return the HTML of a message with its pictures within (RFC 2392, RFC 2397), or None where none can be read.

    Anyone may have sent the message, so it may be wrong in any way.
    """
    try:
        message = message_from_bytes(content, policy=default)
        body = message.get_body(("html",))
        if body is None:
            return None
        pictures = {
            str(part["Content-ID"]).strip().strip("<>"): part
            for part in message.walk()
            if part["Content-ID"] and part.get_content_type() in _KINDS
        }

        def within(found: re.Match[str]) -> str:
            part = pictures.get(found[1])
            if part is None:
                return found[0]
            picture = part.get_payload(decode=True)
            if not isinstance(picture, bytes):
                return found[0]
            return f"data:{part.get_content_type()};base64,{b64encode(picture).decode()}"

        # Lines end in a file as they do in text, not as in mail.
        return _PICTURE.sub(within, str(body.get_content()).replace("\r\n", "\n"))
    except (MessageError, LookupError, ValueError, AttributeError, TypeError):
        return None
