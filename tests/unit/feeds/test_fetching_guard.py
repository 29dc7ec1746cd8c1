"""Which addresses of the network may be asked."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.fetching.guard import objection

REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "provider",
    "100.127.255.255": "provider",
    "127.0.0.1": "this machine",
    "127.255.255.254": "this machine",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "reserved",
    "192.0.2.1": "examples",
    "192.88.99.1": "reserved",
    "192.168.255.255": "private",
    "198.18.0.1": "measuring",
    "198.51.100.7": "examples",
    "203.0.113.7": "examples",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "this machine",
    "::7f00:1": "reserved",
    "::ffff:127.0.0.1": "IPv4",
    "::ffff:93.184.215.14": "IPv4",
    "64:ff9b::7f00:1": "this machine",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b:1::1": "reserved",
    "100::1": "reserved",
    "2001::1": "reserved",
    "2001:db8::1": "examples",
    "2002:7f00:1::": "tunnel",
    "3fff::1": "examples",
    "4000::1": "reserved",
    "fc00::1": "private",
    "fdff::1": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "reserved",
    "ff02::1": "multicast",
    "no address": "no address",
    "": "no address",
}
OPEN = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "64:ff9b::1.1.1.1",
]


@pytest.mark.parametrize(("address", "words"), REFUSED.items())
def test_what_is_not_public_is_refused(address: str, words: str) -> None:
    assert words in objection(address)


@pytest.mark.parametrize("address", OPEN)
def test_what_is_public_may_be_asked(address: str) -> None:
    assert objection(address) == ""


@given(st.ip_addresses())
def test_nothing_that_python_takes_for_private_is_let_through(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_loopback or address.is_multicast or address.is_link_local:
        assert objection(str(address))


@given(st.ip_addresses(v=4))
def test_a_translated_address_is_judged_as_the_one_that_it_leads_to(address: ipaddress.IPv4Address) -> None:
    translated = ipaddress.IPv6Address(b"\x00\x64\xff\x9b" + bytes(8) + address.packed)
    assert objection(str(translated)) == objection(str(address))
    assert objection(str(ipaddress.IPv6Address(bytes(10) + b"\xff\xff" + address.packed)))
