"""The settings as one checked value: TOML first, then `NEWSLETTER_*` of the environment, secrets from files.

Nothing else in the program reads a setting from anywhere.
"""

from newsletter.config.archive import Archive
from newsletter.config.contents import (
    Brand,
    Feeds,
    Ranking,
    Rendering,
    Summaries,
)
from newsletter.config.desk import Operator
from newsletter.config.forms import Section
from newsletter.config.hooks import Hooks
from newsletter.config.reading import DEFAULT_FILE, change, example, find, load, secret
from newsletter.config.sections import (
    Database,
    Log,
    Newsletter,
    Notices,
    Schedule,
    Settings,
    Web,
)
from newsletter.config.sending import (
    Bounces,
    Delivery,
    Dkim,
    DomainRate,
    Rates,
    Smtp,
)
from newsletter.config.signup import Signup

__all__ = [
    "DEFAULT_FILE",
    "Archive",
    "Bounces",
    "Brand",
    "Database",
    "Delivery",
    "Dkim",
    "DomainRate",
    "Feeds",
    "Hooks",
    "Log",
    "Newsletter",
    "Notices",
    "Operator",
    "Ranking",
    "Rates",
    "Rendering",
    "Schedule",
    "Section",
    "Settings",
    "Signup",
    "Smtp",
    "Summaries",
    "Web",
    "change",
    "example",
    "find",
    "load",
    "secret",
]
