"""Mail addresses: whether one is well-formed, its usual form, and its form on the wire; never asks the DNS."""

import re
import unicodedata
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from newsletter.errors import UsageError

# What would end an address early in a header or on a command line. Quoted local parts are refused by `normalise`, so a
# quote is never part of an address here.
_NOT_IN_AN_ADDRESS = re.compile(r'[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff<>()\[\],;:\\"]')

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


def normalise(address: str) -> str:
    """Return the usual form of a mail address: Unicode in NFC, the domain in lower case.

    International addresses (RFC 6531) are welcome; comments, quoted local parts and bare host names are not. Raises
    UsageError with the reason where the address is not well-formed.
    """
    return _checked(address).normalized


def key(address: str) -> str:
    """Return what is equal for all spellings of one address, and for no other: in lower case, the domain in A-labels.

    The case of a local part is folded no further: `strauß` and `strauss` may be two people. Raises UsageError.
    """
    checked = _checked(address)
    return f"{unicodedata.normalize('NFC', checked.local_part.lower())}@{checked.ascii_domain.lower()}"


def mailbox(address: str) -> str:
    """Return what counts as one mailbox where mail for it is limited: an address without what stands behind a +.

    At Gmail without dots too, since they make no difference there (RFC 5233 leaves both to the server). Two people may
    have the same by chance, so nobody is known by it. Raises UsageError.
    """
    local, _, domain = key(address).rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


# A message asks for that of its reader several times.
@lru_cache(maxsize=1024)
def on_the_wire(address: str) -> str:
    """Return an address with its domain in A-labels (RFC 5890), which every server understands.

    A local part beyond ASCII stays as it is and needs SMTPUTF8. Raises ValueError for what cannot stand in a header or
    in a command.
    """
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or "@" in local or _NOT_IN_AN_ADDRESS.search(address):
        raise ValueError("the address cannot stand in a header or a command")
    if domain.isascii():
        return address
    try:
        checked = validate_email(
            f"x@{domain}", check_deliverability=False, test_environment=True, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise ValueError("the domain of the address is not well-formed") from error
    return f"{local}@{checked.ascii_domain}"


def needs_smtputf8(address: str) -> bool:
    """Tell whether the local part is beyond ASCII, so that RFC 6531 is needed all the way to the mailbox."""
    return not address.rpartition("@")[0].isascii()


def _checked(address: str) -> ValidatedEmail:
    try:
        return validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise UsageError(
            f"{_shown(address)} is not a mail address: {_sentence(error)}",
            next_step="An address looks like ada@example.org.",
        ) from error


def _shown(address: str) -> str:
    return repr(address if len(address) <= 80 else address[:79] + "…")


def _sentence(error: EmailNotValidError) -> str:
    words = str(error).strip().rstrip(".")
    return f"{words[:1].lower()}{words[1:]}."
