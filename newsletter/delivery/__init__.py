"""Message bytes, the pool of SMTP connections, and what a server's answer means; knows nothing of the database."""

from newsletter.delivery.addresses import key, normalise
from newsletter.delivery.catcher import Catcher
from newsletter.delivery.message import Letter, build
from newsletter.delivery.oauth import TokenCommand
from newsletter.delivery.policy import give_up, next_pause
from newsletter.delivery.pool import Courier
from newsletter.delivery.supply import Ledger
from newsletter.delivery.transaction import Message

__all__ = [
    "Catcher",
    "Courier",
    "Ledger",
    "Letter",
    "Message",
    "TokenCommand",
    "build",
    "give_up",
    "key",
    "next_pause",
    "normalise",
]
