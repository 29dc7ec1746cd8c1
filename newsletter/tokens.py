"""Signed links: who may do what without an account, proven by a signature and nothing stored."""

from itsdangerous import BadSignature, URLSafeSerializer

from newsletter.errors import NewsletterError


class TokenError(NewsletterError):
    """A link was changed on its way, or was made for something else."""


class Signer:
    """Makes and checks tokens; each is bound to one purpose, so that none can serve for another.

    `key` is the secret of this installation, of 32 bytes or more.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key of a signer has 32 bytes or more")
        self._key = key

    def sign(self, purpose: str, *words: str | int) -> str:
        """Return a token for the purpose (such as `unsubscribe`) that carries the words; safe in URLs."""
        return self._serializer(purpose).dumps(list(words))

    def read(self, purpose: str, token: str) -> tuple[str | int, ...]:
        """Return the words of a token; raises TokenError if it was not made here for this purpose."""
        try:
            return tuple(self._serializer(purpose).loads(token))
        except (BadSignature, UnicodeError) as error:
            raise TokenError(
                "This link is not complete or was changed.", next_step="Use the link of a newer mail."
            ) from error

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._key, salt=f"newsletter.{purpose}", signer_kwargs={"key_derivation": "hmac"})
