"""Passwords of operators, kept as scrypt makes them (RFC 7914)."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

# 32 MB and a fifth of a second or so each: OWASP's password storage cheat sheet has N=2^15, r=8, p=3 among its equals.
_COST, _BLOCK, _LANES = 15, 8, 3
_LENGTH = 32
_MEMORY = 256 << 20

# How a kept password is written: cost, block size, lanes, salt, digest.
FORM = r"scrypt:1[4-7]:8:[1-9]:[A-Za-z0-9_-]{22}:[A-Za-z0-9_-]{43}"


def kept(password: str) -> str:
    """Return a password as settings may have it; each time with another salt."""
    salt = secrets.token_bytes(16)
    digest = _digest(password, salt, _COST, _BLOCK, _LANES)
    return ":".join(("scrypt", str(_COST), str(_BLOCK), str(_LANES), _text(salt), _text(digest)))


def fits(password: str, kept: str) -> bool:
    """Tell whether a password is the kept one; it takes as long whichever way."""
    _, cost, block, lanes, salt, digest = kept.split(":")
    found = _digest(password, _octets(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, _octets(digest))


def _digest(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=block, p=lanes, maxmem=_MEMORY, dklen=_LENGTH)


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
