"""Reports that relays send over the web, proven and read: requests become events; knows nothing of subscribers.

A module for each relay says whether a request is from it, and reads its body as the relay's documentation gives it.
"""

from newsletter.delivery.hooks.event import Event, Kind, RefusedError

__all__ = ["Event", "Kind", "RefusedError"]
