"""How fast mail goes out, as settings; nothing here counts or waits."""

from collections.abc import Mapping
from datetime import date

from pydantic import Field

from newsletter.config.forms import Section


class DomainRate(Section):
    """What one receiving domain takes."""

    per_minute: int = Field(0, ge=0, description="Messages a minute at most; 0: no limit.")
    connections: int = Field(0, ge=0, description="Messages on their way there at once at most; 0: no limit.")


class Rates(Section):
    """How fast mail goes out. All of it is kept across restarts; 0 means no limit."""

    per_second: float = Field(0, ge=0, le=100_000, description="Messages a second at most.")
    window_messages: int = Field(0, ge=0, description="Messages in any window_seconds at most, as many relays want it.")
    window_seconds: int = Field(3600, ge=1, le=7 * 86400, description="The length of that sliding window.")
    domain_per_minute: int = Field(0, ge=0, description="Messages a minute to one receiving domain at most.")
    domain_connections: int = Field(0, ge=0, description="Messages on their way to one domain at once at most.")
    domains: Mapping[str, DomainRate] = Field(
        {},
        description='What single domains take, such as {"example.org" = {per_minute = 20, connections = 2}}; those '
        "below them share it.",
    )
    back_off: float = Field(
        60, ge=1, le=86400, description="Seconds that a domain is left alone after it said it gets too much; doubling."
    )
    longest_back_off: float = Field(3600, ge=1, le=86400, description="The longest such pause.")
    warm_up_from: date | None = Field(None, description="The first day of a new sending domain, such as 2026-11-21.")
    warm_up_first: int = Field(200, ge=1, description="Messages on that first day at most.")
    warm_up_growth: float = Field(
        1.5, gt=1, le=10, description="Each day takes so many times what the one before took."
    )

    def warm_up_on(self, day: date) -> int | None:
        """Return how many messages the warm-up lets through on a day; None: it is over, or there is none."""
        if self.warm_up_from is None:
            return None
        try:
            allowed = self.warm_up_first * self.warm_up_growth ** max(0, (day - self.warm_up_from).days)
        except OverflowError:
            return None
        return int(allowed) if allowed < 1_000_000_000 else None
