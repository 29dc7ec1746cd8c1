"""On what terms is asked: limits, manners and what is let through; where they come from it does not know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of asking.

    `timeout` is in seconds and for one answer with all its redirects, turns waited for left out; `silence` is how many
    seconds a server may send nothing; `largest` is in bytes, unpacked. `at_once` requests go to a host at a time, begun
    `gap` seconds apart. `allow_hosts` may be asked whatever their address; `proxy` is the address of a proxy for
    everything, without one the environment's hold; `contact` is named to the servers. `redirects` are followed, and no
    more.
    """

    timeout: float = 30
    silence: float = 15
    largest: int = 64_000_000
    at_once: int = 2
    gap: float = 1.0
    contact: str = ""
    allow_hosts: frozenset[str] = frozenset()
    proxy: str = ""
    redirects: int = 5

    def allows(self, host: str) -> bool:
        """Tell whether a host is let through by its name."""
        return host.lower().strip("[]").rstrip(".") in self.allow_hosts
