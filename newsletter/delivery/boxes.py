"""Where mail that comes back lies, as the settings have it."""

from newsletter.config import Settings, secret
from newsletter.delivery.imap import Mailbox
from newsletter.delivery.returns import Maildir


def boxes(settings: Settings, *, maildir: bool) -> list[Maildir | Mailbox]:
    """Return the boxes of the settings, with or without the Maildir."""
    bounces = settings.bounces
    found: list[Maildir | Mailbox] = []
    if maildir and bounces.maildir is not None:
        found.append(Maildir(settings.path(bounces.maildir)))
    if bounces.imap_host and bounces.imap_password_file is not None:
        password = secret(settings.path(bounces.imap_password_file), "The password of the mailbox")
        found.append(
            Mailbox(
                bounces.imap_host,
                bounces.imap_port,
                bounces.imap_username,
                password.get_secret_value(),
                folder=bounces.imap_folder,
                done_folder=bounces.imap_done_folder,
            )
        )
    return found
