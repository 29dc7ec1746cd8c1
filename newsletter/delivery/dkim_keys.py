"""DKIM keys: read, made, and as the DNS record that shows them to receivers; knows nothing of messages."""

import base64
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from newsletter.config import Settings
from newsletter.errors import SettingsError

Kind = Literal["rsa", "ed25519"]

# RFC 8301 section 3.2: less must not be used, 2048 is recommended, and not every verifier takes more than 4096.
LEAST_BITS = 1024
GOOD_BITS = 2048
MOST_BITS = 4096

# RFC 1035 section 3.3: so many octets are in one string of a TXT record.
_IN_A_STRING = 255

_MAKE_ONE = "`newsletter dkim keygen` makes one."


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and the selector under which its public half stands in the DNS."""

    selector: str
    private: rsa.RSAPrivateKey | Ed25519PrivateKey

    @property
    def kind(self) -> Kind:
        """The type of the key as the record's `k=` names it."""
        return "rsa" if isinstance(self.private, rsa.RSAPrivateKey) else "ed25519"

    @property
    def algorithm(self) -> str:
        """The name for `a=`: RFC 6376 section 3.3, RFC 8463 section 3."""
        return f"{self.kind}-sha256"

    @property
    def bits(self) -> int:
        """The size of the key in bits."""
        return self.private.key_size if isinstance(self.private, rsa.RSAPrivateKey) else 256

    def sign(self, data: bytes) -> bytes:
        """Return the signature of canonical header fields."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, PKCS1v15(), hashes.SHA256())
        # RFC 8463 section 3: what PureEdDSA signs is the hash.
        return self.private.sign(sha256(data).digest())


@dataclass(frozen=True, slots=True)
class Record:
    """The TXT record of a key."""

    name: str
    value: str

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file, in strings of at most 255 octets (RFC 6376 section 3.6.2.2)."""
        parts = [self.value[start : start + _IN_A_STRING] for start in range(0, len(self.value), _IN_A_STRING)]
        return f"{self.name}. IN TXT " + " ".join(f'"{part}"' for part in parts)


class Held(NamedTuple):
    """A key, the file that it came from, and the setting that names the file."""

    setting: str
    file: Path
    key: Key


def record(key: Key, domain: str) -> Record:
    """Return what has to stand in the DNS for a key (RFC 6376 section 3.6.1)."""
    public = key.private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        data = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        # RFC 8463 section 4: the 32 octets alone.
        data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    value = f"v=DKIM1; k={key.kind}; p={base64.b64encode(data).decode()}"
    return Record(f"{key.selector}._domainkey.{domain}", value)


def make(kind: Kind, selector: str, *, bits: int = GOOD_BITS) -> Key:
    """Return a new key; `bits` is the size of one of RSA."""
    if kind == "rsa":
        return Key(selector, rsa.generate_private_key(public_exponent=65537, key_size=bits))
    return Key(selector, Ed25519PrivateKey.generate())


def pem(key: Key) -> bytes:
    """Return the private key as PEM (PKCS #8), not encrypted."""
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read(file: Path, selector: str, *, setting: str) -> Key:
    """Read a private key, RSA or Ed25519, in PEM (PKCS #8 or PKCS #1).

    `setting` is the path of the setting that names the file. Raises SettingsError with what is wrong with it.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        words = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise _fault(setting, file, words, _MAKE_ONE) from error
    if b"-----BEGIN" not in data:
        raise _fault(setting, file, "holds no key in PEM", _MAKE_ONE)
    if b"PRIVATE KEY-----" not in data:
        raise _fault(setting, file, "holds no private key", "Name the file of the private key, not of the public one.")
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        step = (
            f"Write it without a pass phrase: openssl pkey -in {file.name} -out NEW.pem, readable by this user alone."
        )
        raise _fault(setting, file, "is encrypted", step) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _fault(setting, file, "holds no key that can be read", _MAKE_ONE) from error
    if isinstance(private, rsa.RSAPrivateKey):
        if private.key_size < LEAST_BITS:
            words = f"holds a key of {private.key_size} bits, and receivers take {LEAST_BITS} at least"
            raise _fault(setting, file, words, f"{_MAKE_ONE[:-1]} of {GOOD_BITS}.")
    elif not isinstance(private, Ed25519PrivateKey):
        raise _fault(setting, file, "holds a key that is neither RSA nor Ed25519", _MAKE_ONE)
    return Key(selector, private)


def held(settings: Settings) -> tuple[Held, ...]:
    """Return the keys that the settings name, the first one first; raises SettingsError for one that is unusable."""
    dkim = settings.dkim
    named = (
        ("dkim.key_file", dkim.key_file, dkim.selector),
        ("dkim.second_key_file", dkim.second_key_file, dkim.second_selector),
    )
    found = []
    for setting, file, selector in named:
        if file is not None:
            path = settings.path(file)
            found.append(Held(setting, path, read(path, selector, setting=setting)))
    return tuple(found)


def doubts(settings: Settings, keys: Sequence[Held]) -> tuple[str, ...]:
    """Return a sentence for each thing about the keys and their domain that works and should be better."""
    found = [unaligned(settings.dkim.domain or "", settings.newsletter.domain)]
    for setting, file, key in keys:
        if key.kind == "rsa" and key.bits < GOOD_BITS:
            found.append(f"The key of {setting} has {key.bits} bits, and {GOOD_BITS} are recommended.")
        if key.bits > MOST_BITS:
            found.append(f"The key of {setting} has {key.bits} bits; not every receiver takes more than {MOST_BITS}.")
        if _open_to_all(file):
            found.append(f"Everybody on this machine can read the key of {setting}; chmod 600 {file} mends that.")
    return tuple(filter(None, found))


def unaligned(domain: str, sender: str) -> str:
    """Return a sentence if DMARC would not count a signature, else nothing.

    `domain` signs, and `sender` is the domain of the From field. One must be the other's parent, as relaxed alignment
    wants it (RFC 7489 section 3.1.1); which parents are too high to count, such as co.uk, is not known here.
    """
    signs, writes = domain.lower(), sender.lower()
    if signs == writes or signs.endswith(f".{writes}") or (writes.endswith(f".{signs}") and "." in signs):
        return ""
    return (
        f"dkim.domain is {domain}, and mail comes from {sender}: for DMARC such a signature does not count. Sign with "
        f"{sender} or a domain above it."
    )


def _open_to_all(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False


def _fault(setting: str, file: Path, words: str, next_step: str) -> SettingsError:
    return SettingsError(f"{setting}: the file {file} {words}.", next_step=next_step)
