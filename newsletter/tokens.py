"""Signed links: who may do what without an account, proven by a signature and nothing stored."""

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b

from itsdangerous import BadSignature, URLSafeSerializer

from newsletter.errors import NewsletterError

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TAG = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{16})")
_MARK = re.compile(r"([1-9][0-9]{0,2})-([0-9a-f]{8})")
_SEAL = re.compile(r"((?:[0-9a-f]{1,16}-){1,4})([0-9a-f]{32})")


# One digest has marks for so many places, of 32 bits each.
_PLACES, _OCTETS = 16, 4
_ABOUT_KEPT = 4096


class TokenError(NewsletterError):
    """A link was changed on its way, or was made for something else."""


def claimed(tag: str) -> int:
    """Return the number that a tag says it is for, of which nothing is proven; raises TokenError for what is none."""
    found = _TAG.fullmatch(tag.lower())
    if found is None:
        raise TokenError("This address was changed, or is not one of this newsletter.")
    return int(found[1], 16)


def marked(mark: str) -> int:
    """Return the place that a mark says it is for, of which nothing is proven; raises TokenError for what is none."""
    found = _MARK.fullmatch(mark.lower())
    if found is None:
        raise TokenError("This link is not complete or was changed.", next_step="Use the link of a newer mail.")
    return int(found[1])


class _Marks:
    """Makes marks under one key: one digest of a number covers all its places, and is a pad for what is hashed apart.

    A part of a pad is used for what stands in that place alone (Wegman and Carter 1981). What it is about is hashed
    once for all numbers, and kept.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]
        self._pads: dict[str, blake2b] = {}
        self._abouts: dict[str, dict[int, bytes]] = {}

    def of(self, purpose: str, number: int, places: Sequence[tuple[int, int]]) -> list[str]:
        known = self._abouts.setdefault(purpose, {})
        abouts = b"".join([known.get(about) or self._about(purpose, about, known) for _, about in places])
        last = places[-1][0] if places else 0
        pad = self._pad(purpose, number, last)
        if last != len(places):
            pad = b"".join([pad[(place - 1) * _OCTETS : place * _OCTETS] for place, _ in places])
        made = int.from_bytes(abouts) ^ int.from_bytes(pad)
        bits = made.to_bytes(len(pad)).hex("-", _OCTETS).split("-") if places else []
        return [f"{place}-{one}" for (place, _), one in zip(places, bits, strict=True)]

    def _pad(self, purpose: str, number: int, places: int) -> bytes:
        begun = self._pads.get(purpose)
        if begun is None:
            # Of another size than tags and seals, so none of them tells anything of it.
            self._pads[purpose] = begun = blake2b(f"{purpose} ".encode(), key=self._key, digest_size=64)
        pad = b""
        for part in range(-(-places // _PLACES)):
            made = begun.copy()
            made.update(b"%d %d" % (number, part))
            pad += made.digest()
        return pad[: places * _OCTETS]

    def _about(self, purpose: str, about: int, known: dict[int, bytes]) -> bytes:
        if len(known) >= _ABOUT_KEPT:
            known.clear()
        known[about] = made = blake2b(f"{purpose} {about}".encode(), key=self._key, digest_size=_OCTETS).digest()
        return made


class Signer:
    """Makes and checks tokens; each is bound to one purpose, so that none can serve for another.

    `key` is the secret of this installation, of 32 bytes or more; of `older` ones, tokens are read and none is made.
    """

    def __init__(self, key: bytes, older: Sequence[bytes] = ()) -> None:
        self.turn(key, older)

    def turn(self, key: bytes, older: Sequence[bytes] = ()) -> None:
        """Go on with another key."""
        if any(len(one) < 32 for one in (key, *older)):
            raise ValueError("the key of a signer has 32 bytes or more")
        self._key = key
        self.older = tuple(Signer(one) for one in older)
        # What all tokens of a purpose begin with is worked out once.
        self._begun: dict[str, hmac.HMAC] = {}
        self._tags: dict[str, blake2b] = {}
        self._seals: dict[str, blake2b] = {}
        self._marks = _Marks(key)

    def sign(self, purpose: str, *words: str | int) -> str:
        """Return a token for the purpose (such as `unsubscribe`) that carries the words; safe in URLs."""
        # As itsdangerous writes it, in a tenth of the time: each mail carries one.
        made = (self._begun.get(purpose) or self._begin(purpose)).copy()
        payload = _base64(_JSON.encode(words).encode())
        made.update(payload.encode())
        return f"{payload}.{_base64(made.digest())}"

    def read(self, purpose: str, token: str) -> tuple[str | int, ...]:
        """Return the words of a token; raises TokenError if it was not made here for this purpose."""
        try:
            words = tuple(self._serializer(purpose).loads(token))
            self._check_spelling(purpose, token)
            return words
        except (BadSignature, UnicodeError) as error:
            for older in self.older:
                with suppress(TokenError):
                    return older.read(purpose, token)
            raise TokenError(
                "This link is not complete or was changed.", next_step="Use the link of a newer mail."
            ) from error

    def tag(self, purpose: str, number: int, about: str = "") -> str:
        """Return a short token for a number that survives a change of case, as local parts of addresses need it.

        It is good with the words that it is `about` alone, which do not stand in it.
        """
        return f"{number:x}-{self._digest(purpose, number, about)}"

    def read_tag(self, purpose: str, tag: str, about: str = "") -> int:
        """Return the number of a tag; raises TokenError if it was not made here for this purpose and these words."""
        found = _TAG.fullmatch(tag.lower())
        if found is not None:
            for one in (self, *self.older):
                if hmac.compare_digest(one.tag(purpose, int(found[1], 16), about), tag.lower()):
                    return int(found[1], 16)
        raise TokenError("This address was changed, or is not one of this newsletter.")

    def marks(self, purpose: str, number: int, places: Sequence[tuple[int, int]]) -> list[str]:
        """Return a mark for each place (from 1, ascending) of what has a number, bound to what it is about.

        A mark is the place and 32 bits, and survives a change of case. It is good with that number, that place and that
        number of what stands there alone, of which none but the place stands in it.
        """
        return self._marks.of(purpose, number, places)

    def read_mark(self, purpose: str, number: int, mark: str, about: int) -> int:
        """Return the place of a mark; raises TokenError if it was not made here for this number and what is there."""
        place = marked(mark)
        for one in (self, *self.older):
            if hmac.compare_digest(one.marks(purpose, number, [(place, about)])[0], mark.lower()):
                return place
        raise TokenError("This link is not complete or was changed.", next_step="Use the link of a newer mail.")

    def seal(self, purpose: str, *numbers: int) -> str:
        """Return a token for one to four numbers from 0, which stand in it, with a signature of 128 bits."""
        begun = self._seals.get(purpose)
        if begun is None:
            # The size of a digest is part of what is hashed (RFC 7693 section 2.5): no tag can serve as a seal.
            self._seals[purpose] = begun = blake2b(f"{purpose} ".encode(), key=self._key[:64], digest_size=16)
        made = begun.copy()
        told = "-".join([f"{number:x}" for number in numbers])
        made.update(told.encode())
        return f"{told}-{made.hexdigest()}"

    def read_seal(self, purpose: str, token: str) -> tuple[int, ...]:
        """Return the numbers of such a token; raises TokenError if it was not made here for this purpose."""
        found = _SEAL.fullmatch(token)
        if found is not None:
            numbers = tuple(int(number, 16) for number in found[1].split("-")[:-1])
            for one in (self, *self.older):
                if hmac.compare_digest(one.seal(purpose, *numbers), token):
                    return numbers
        raise TokenError("This link is not complete or was changed.", next_step="Use the link of a newer mail.")

    def _check_spelling(self, purpose: str, token: str) -> None:
        # Base64 is read with signs of no alphabet in it, and ends in bits that nobody reads (RFC 4648 section 3.5), so
        # several signatures are read as one: what is not spelled as it was made was changed.
        payload, _, signature = token.rpartition(".")
        made = (self._begun.get(purpose) or self._begin(purpose)).copy()
        made.update(payload.encode())
        if not hmac.compare_digest(_base64(made.digest()).encode(), signature.encode()):
            raise BadSignature("it is spelled in another way")

    def _digest(self, purpose: str, number: int, about: str) -> str:
        # 64 bits: nobody guesses one by mailing, and it leaves room in the 64 octets of RFC 5321 section 4.5.3.1.1.
        made = (self._tags.get(purpose) or self._begin_tag(purpose)).copy()
        made.update(b"%d" % number)
        if about:
            # No number has a space in it, so no two of them are hashed alike.
            made.update(f" {about}".encode())
        return made.hexdigest()

    def _begin_tag(self, purpose: str) -> blake2b:
        self._tags[purpose] = begun = blake2b(f"{purpose} ".encode(), key=self._key[:64], digest_size=8)
        return begun

    def _begin(self, purpose: str) -> hmac.HMAC:
        serializer = self._serializer(purpose)
        key = serializer.make_signer(serializer.salt).derive_key()
        self._begun[purpose] = begun = hmac.new(key, digestmod="sha1")
        return begun

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._key, salt=f"newsletter.{purpose}", signer_kwargs={"key_derivation": "hmac"})


def _base64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
