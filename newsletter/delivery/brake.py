"""Holds refusals of readers back while they come alike and in a row: so many of them are about us, whatever they say.

It knows words and counts, no servers.
"""

import re

from newsletter.delivery.policy import INTERNATIONAL
from newsletter.models import Outcome

# So many refusals for good that differ in no word, with nothing taken in between, are no chance.
ALIKE = 10

# What differs between answers that say the same.
_NAMES = re.compile(r"\S*@\S*|\d+")


class Brake:
    """Refusals for good in a row, by their words.

    A code of the address (RFC 3463 section 3.2, 5.1.x; RFC 6531 section 4.3) is believed, however often it comes: a
    list of dead addresses gets it ten times alike.
    """

    def __init__(self) -> None:
        self._held: list[Outcome] = []
        self._words = ""
        self._count = 0

    def take(self, outcome: Outcome, *, committed: bool) -> tuple[list[Outcome], bool]:
        """Return the outcomes that are to be recorded now, and whether the run is to end.

        A refusal of RCPT is held: the record knows its message as not yet sent, so that a crash costs another try and
        no more. One whose sending is `committed` would be unknown after a crash. So it goes on record at once, put off
        where the one before was alike.
        """
        if outcome.result in ("sent", "caught"):
            return [*self.let_go(), outcome], False
        if not _doubtful(outcome):
            # A reader's own refusal shows that readers are told apart; what is put off says nothing of it.
            return ([*self.let_go(), outcome] if outcome.result == "rejected" else [outcome]), False
        words = f"{outcome.code} {outcome.enhanced} {' '.join(_NAMES.sub('', outcome.text).lower().split())}"
        before = [] if words == self._words else self.let_go()
        self._words = words
        self._count += 1
        if self._count >= ALIKE:
            held, self._held = self._held, []
            return [*before, *map(_put_off, [*held, outcome])], True
        if committed:
            return [*before, _put_off(outcome) if self._count > 1 else outcome], False
        self._held.append(outcome)
        return before, False

    def let_go(self) -> list[Outcome]:
        """Return those that are held, as they are: they were about the readers."""
        held, self._held = self._held, []
        self._words, self._count = "", 0
        return held


def _doubtful(outcome: Outcome) -> bool:
    subject = outcome.enhanced.partition(".")[2]
    told = outcome.result == "rejected" and outcome.about == "reader" and outcome.code is not None
    return told and not subject.startswith("1.") and subject not in INTERNATIONAL


def _put_off(outcome: Outcome) -> Outcome:
    return outcome._replace(result="deferred", about="us", suppress=False)
