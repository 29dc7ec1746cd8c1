"""The settings of the public archive."""

from pydantic import Field

from newsletter.bounds import PAPERS
from newsletter.config.forms import Section


class Archive(Section):
    """Pages and a feed for everybody, beside the readers' own: what was popular, by day."""

    public: bool = Field(
        False,
        description="Whether anybody may see the papers with most votes of each day that had an edition, once it is "
        "over; nothing of any reader is in it.",
    )
    papers: int = Field(
        20, ge=PAPERS[0], le=PAPERS[1], description="How many papers a day of the public archive has at most."
    )
