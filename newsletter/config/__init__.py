"""The settings as one checked value: TOML first, then `NEWSLETTER_*` of the environment, secrets from files.

Nothing else in the program reads a setting from anywhere.
"""

from newsletter.config.forms import Section
from newsletter.config.rates import DomainRate, Rates
from newsletter.config.reading import DEFAULT_FILE, change, example, find, load, secret
from newsletter.config.sections import (
    Bounces,
    Brand,
    Database,
    Delivery,
    Dkim,
    Feeds,
    Log,
    Newsletter,
    Notices,
    Ranking,
    Rendering,
    Schedule,
    Settings,
    Smtp,
    Summaries,
    Web,
)

__all__ = [
    "DEFAULT_FILE",
    "Bounces",
    "Brand",
    "Database",
    "Delivery",
    "Dkim",
    "DomainRate",
    "Feeds",
    "Log",
    "Newsletter",
    "Notices",
    "Ranking",
    "Rates",
    "Rendering",
    "Schedule",
    "Section",
    "Settings",
    "Smtp",
    "Summaries",
    "Web",
    "change",
    "example",
    "find",
    "load",
    "secret",
]
