"""How a request proves that it is from whom it says: passwords, and signatures over a time and a body; does no I/O."""

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from newsletter.delivery.hooks.event import RefusedError

Headers = Mapping[str, str]

SHORTEST_SECRET = 16
LONGEST_SIGNATURE = 2_000


def password(headers: Headers, secrets: Sequence[bytes], *, header: str = "") -> None:
    """Pass a request that gives one of the secrets: as the password of Basic (RFC 7617), or in a header of its own.

    Raises RefusedError with 401 for any other. The user's name may be anything.
    """
    # Servers read the bytes of a header as Latin-1.
    given = [headers[header].encode("latin-1", "replace")] if header and header in headers else []
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        given.append(_decoded(credentials).partition(b":")[2])
    if not any(hmac.compare_digest(secret, one) for secret in secrets for one in given):
        raise RefusedError("The password is missing or wrong.", 401)


def keyed(secrets: Sequence[bytes], stamp: str, signature: str, body: bytes) -> None:
    """Pass a body that is signed with one of the secrets; raises RefusedError with 403 for any other.

    Signed are the seconds since 1970, a dot and the body; the signature is HMAC-SHA256 (RFC 2104) in hexadecimal,
    behind `v1=`. There may be several with commas between, so that a sender can change its secret.
    """
    given = [one.strip().removeprefix("v1=").lower() for one in signature[:LONGEST_SIGNATURE].split(",")]
    content = stamp.encode() + b"." + body
    made = [hmac.digest(secret, content, "sha256").hex() for secret in secrets]
    # As bytes, since texts that are not ASCII cannot be compared.
    if not any(hmac.compare_digest(one.encode(), other.encode()) for one in made for other in given):
        raise RefusedError("The signature is missing or wrong.", 403)


def stamped(stamp: str, now: datetime, *, past: timedelta, ahead: timedelta) -> datetime:
    """Return the time of a request that is not too old; raises RefusedError with 403."""
    # No other digits than those of ASCII: the text is part of what is signed.
    if re.fullmatch(r"[0-9]{1,11}", stamp) is None:
        raise RefusedError("The time of the request is missing or wrong.", 403)
    at = datetime.fromtimestamp(int(stamp), UTC)
    fresh(at, now, past=past, ahead=ahead)
    return at


def fresh(at: datetime, now: datetime, *, past: timedelta, ahead: timedelta) -> None:
    """Pass a time that is not too long ago nor too far ahead; raises RefusedError with 403 for any other."""
    if not now - past <= at <= now + ahead:
        raise RefusedError("The request is too old, or from the future.", 403)


def curve_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return a public key of ECDSA, as PEM or as the base64 that consoles show; raises ValueError for any other."""
    given = text.strip().encode()
    in_pem = given.startswith(b"-----")
    key = load_pem_public_key(given) if in_pem else load_der_public_key(b64decode(given, validate=True))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("it is no key of ECDSA")
    return key


def curve_signed(keys: Sequence[ec.EllipticCurvePublicKey], signature: str, content: bytes) -> None:
    """Pass content that is signed with ECDSA over SHA-256 under one of the keys; raises RefusedError with 403."""
    given = _decoded(signature[:LONGEST_SIGNATURE])
    for key in keys:
        try:
            key.verify(given, content, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        return
    raise RefusedError("The signature is missing or wrong.", 403)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
