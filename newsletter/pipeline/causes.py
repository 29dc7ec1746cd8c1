"""Why deliveries did not arrive, in few words, so that many can be counted by cause; it changes nothing."""

import re
from collections import Counter
from collections.abc import Iterable

from newsletter.delivery import policy
from newsletter.models import Delivery, DeliveryState

# What is different in each answer, though its cause is the same.
_NAMED = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?|\S*\d{4,}\S*|https?://\S+")
_LONGEST = 60


def cause(delivery: Delivery) -> str:
    """Return why a delivery stands where it does: what its enhanced code says, or else the words of the server."""
    if delivery.state is DeliveryState.COMPLAINED:
        return "they complained"
    rule = policy.rule_for(delivery.enhanced)
    if rule is not None and not delivery.text.startswith("Given up"):
        return rule.source.partition(": ")[2].partition(";")[0]
    words = " ".join(_NAMED.sub("…", delivery.text).split()) or "no word on it"
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def counted(causes: Iterable[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Return how often each code and cause came, the most frequent first."""
    return [(number, code, why) for (code, why), number in Counter(causes).most_common()]
