"""Which addresses of the network may be asked: those of the public internet; does no I/O."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# IANA's registries of special-purpose addresses, and multicast: nothing there is a server of the public internet.
_NOT_PUBLIC_4 = [
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "of a provider's own network"),
        ("127.0.0.0/8", "of this machine"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for examples"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for measuring"),
        ("198.51.100.0/24", "for examples"),
        ("203.0.113.0/24", "for examples"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
]
_NOT_PUBLIC_6 = [
    (ip_network(network), what)
    for network, what in (
        ("::/128", "unspecified"),
        ("::1/128", "of this machine"),
        ("::ffff:0:0/96", "an IPv4 address in the form of IPv6"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "for examples"),
        ("2002::/16", "of a tunnel"),
        ("3fff::/20", "for examples"),
    )
]
# RFC 4291 section 2.4: what IANA hands out as global unicast so far. All else is not public.
_GLOBAL_6 = ip_network("2000::/3")
# RFC 6052 section 2.1: through such an address a network without IPv4 reaches the address in its last four bytes.
_NAT64 = ip_network("64:ff9b::/96")


def objection(address: str) -> str:
    """Return what kind of address this is where it must not be asked, or an empty string where it may be.

    `address` is an IPv4 or IPv6 address as `getaddrinfo` gives it, with or without a zone.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return "no address"
    return _objection_4(found) if isinstance(found, IPv4Address) else _objection_6(found)


def _objection_4(address: IPv4Address) -> str:
    return next((what for network, what in _NOT_PUBLIC_4 if address in network), "")


def _objection_6(address: IPv6Address) -> str:
    if address in _NAT64:
        return _objection_4(IPv4Address(address.packed[-4:]))
    known = next((what for network, what in _NOT_PUBLIC_6 if address in network), "")
    return known or ("" if address in _GLOBAL_6 else "reserved")
