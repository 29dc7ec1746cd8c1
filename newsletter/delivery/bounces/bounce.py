"""What one report says of one address: the value that the parsers here return."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["hard", "soft", "complaint"]

# RFC 5965 section 7.3 and RFC 6430, RFC 6591: these feedback types are from a machine, or say the opposite.
_NOT_BY_THE_READER = frozenset({"auth-failure", "dmarc", "dkim", "not-spam", "virus"})


_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Bounce:
    """One address that a report is about.

    `address` has its domain in lower case and is empty where a complaint hides it. `status` is a code of RFC 3463 or
    empty, `reason` the report's own words in one line. `delayed` marks a warning: the message is still on its way.
    `feedback` is the type of a complaint (RFC 5965 section 7.3). `original_address` is the one the message was sent to,
    where a forwarder told it (RFC 3464 section 2.3.1).
    """

    address: str
    kind: Kind
    status: str = ""
    reason: str = ""
    delayed: bool = False
    feedback: str = ""
    original_address: str = ""

    @property
    def counts(self) -> bool:
        """Tell whether it may be held against the address.

        Not so for a warning of a delay, which a second report follows, nor for a complaint that no reader made: a
        receiver's report on authentication, or on mail that is no spam.
        """
        return not self.delayed and self.feedback not in _NOT_BY_THE_READER


def in_one_line(words: str) -> str:
    """Return a server's words as a reason: printable, in one line of at most 300 characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words[:2_000]).split())[:_LONGEST_REASON]
