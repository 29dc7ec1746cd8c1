"""Keys are read in every form that OpenSSL writes; what is wrong with one is a sentence that names the next step."""

import base64
import re
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from newsletter.clock import SystemClock
from newsletter.config import Settings
from newsletter.delivery import dkim_keys
from newsletter.delivery.dkim import Seal
from newsletter.errors import SettingsError

SETTING = "dkim.key_file"

# Of 512 bits, which the library reads and does not make.
TOO_SHORT = b"""-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBANbrrlrr01FDabtilJjvT9Y6ziNtOqDzC9Z8fQanUbTyDYg4zn/X
yEXXkK6dxqJVtq02VcLc0Cv8e5f2KVDAM0MCAwEAAQJABQ9heISK4iPrLl1A0GT6
BTo3NkBRHA783Vzq+Kgh1Ve+h7u3s3NBVkXlBboB5qtxeAYIAHumBR6RAF/q0Fw7
iQIhAPgukZ6OzCkunkTZqAkD6E8gIjRnagOJM9Uea0xWAtmVAiEA3bDhhAfITAw8
O80oPUH1QyOkd+CRE9maV1hfsfZrE3cCIE/Cd54jek2J4+dwo+Yx0UkMpLF+wr1c
LMJDQmyH/+Z5AiB2ENjZ7yceUTnXA3kVvsX3Psk9ysyZDL/lGrzEU59NGwIhAK+7
MpuspK6GfwzdBEV6LWUKmeXcZ1hqo7hgTkIhBel4
-----END RSA PRIVATE KEY-----
"""


def kept(folder: Path, key: dkim_keys.Key, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes = b"") -> Path:
    file = folder / "key.pem"
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    file.write_bytes(key.private.private_bytes(Encoding.PEM, form, encryption))
    file.chmod(0o600)
    return file


def settings(folder: Path, **dkim: object) -> Settings:
    known = {"domain": "example.org", "key_file": "key.pem", **dkim}
    return Settings.model_validate({"newsletter": {"from_address": "a@example.org"}, "dkim": known, "folder": folder})


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("rsa", PrivateFormat.PKCS8),
        ("rsa", PrivateFormat.TraditionalOpenSSL),
        ("ed25519", PrivateFormat.PKCS8),
    ],
)
def test_the_type_is_known_from_the_key(tmp_path: Path, kind: dkim_keys.Kind, form: PrivateFormat) -> None:
    key = dkim_keys.make(kind, "one")
    read = dkim_keys.read(kept(tmp_path, key, form), "one", setting=SETTING)
    assert (read.kind, read.algorithm, read.bits) == (kind, f"{kind}-sha256", 2048 if kind == "rsa" else 256)
    assert dkim_keys.record(read, "example.org") == dkim_keys.record(key, "example.org")


def refused(file: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        dkim_keys.read(file, "one", setting=SETTING)
    assert caught.value.message.startswith(f"{SETTING}: the file {file} ")
    assert caught.value.next_step.endswith(".")
    return caught.value.message.removeprefix(f"{SETTING}: the file {file} ")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no key in PEM."),
        (b"\x30\x82\x01\xff", "holds no key in PEM."),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no private key."),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no key that can be read."),
        (TOO_SHORT, "holds a key of 512 bits, and receivers take 1024 at least."),
    ],
)
def test_what_is_no_key_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    assert refused(file) == sentence


def test_a_file_that_is_missing_a_folder_or_encrypted_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere.pem") == "is not there."
    assert refused(tmp_path) == "cannot be read: Is a directory."
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert refused(kept(tmp_path, dkim_keys.make("rsa", "one"), form, b"secret")) == "is encrypted."


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert refused(file) == "holds a key that is neither RSA nor Ed25519."


def test_a_good_key_raises_no_doubt(tmp_path: Path) -> None:
    kept(tmp_path, dkim_keys.make("rsa", "one"))
    known = settings(tmp_path)
    assert dkim_keys.doubts(known, dkim_keys.held(known)) == ()


def test_a_short_key_that_all_can_read_is_told_and_works(tmp_path: Path) -> None:
    kept(tmp_path, dkim_keys.make("rsa", "one", bits=1024)).chmod(0o644)
    known = settings(tmp_path)
    held = dkim_keys.held(known)
    assert dkim_keys.doubts(known, held) == (
        "The key of dkim.key_file has 1024 bits, and 2048 are recommended.",
        f"Everybody on this machine can read the key of dkim.key_file; chmod 600 {tmp_path / 'key.pem'} mends that.",
    )
    assert held[0].key.sign(b"x")


@pytest.mark.parametrize(
    ("signs", "writes", "counts"),
    [
        ("example.org", "example.org", True),
        ("Example.ORG", "example.org", True),
        ("example.org", "papers.example.org", True),
        ("papers.example.org", "example.org", True),
        ("example.com", "example.org", False),
        ("ample.org", "example.org", False),
        ("org", "example.org", False),
    ],
)
def test_a_domain_that_dmarc_would_not_count_is_told(signs: str, writes: str, counts: bool) -> None:
    sentence = dkim_keys.unaligned(signs, writes)
    assert (sentence == "") == counts
    assert counts or (signs in sentence and writes in sentence)


def test_both_keys_of_the_settings_are_held(tmp_path: Path) -> None:
    for name in ("rsa", "ed25519"):
        key = dkim_keys.make("rsa" if name == "rsa" else "ed25519", name)
        (tmp_path / f"{name}.pem").write_bytes(dkim_keys.pem(key))
    known = settings(tmp_path, key_file="rsa.pem", second_key_file="ed25519.pem")
    held = dkim_keys.held(known)
    assert [(one.setting, one.key.selector, one.key.kind) for one in held] == [
        ("dkim.key_file", "newsletter", "rsa"),
        ("dkim.second_key_file", "newsletter2", "ed25519"),
    ]


def test_what_should_be_better_is_told_at_the_start(tmp_path: Path) -> None:
    kept(tmp_path, dkim_keys.make("ed25519", "one"))
    with structlog.testing.capture_logs() as logged:
        assert Seal.of(settings(tmp_path, domain="example.com"), SystemClock()) is not None
    told = [(one["log_level"], one["event"].partition(":")[0]) for one in logged]
    assert told == [("warning", "dkim.domain is example.com, and mail comes from example.org")]


def test_without_a_domain_nothing_is_signed(tmp_path: Path) -> None:
    assert Seal.of(Settings(folder=tmp_path), SystemClock()) is None


def test_the_record_of_rsa_is_in_strings_of_255_octets() -> None:
    key = dkim_keys.make("rsa", "one")
    record = dkim_keys.record(key, "example.org")
    assert record.name == "one._domainkey.example.org"
    assert record.value.startswith("v=DKIM1; k=rsa; p=")
    strings = re.findall(r'"([^"]*)"', record.zone_line)
    assert record.zone_line == f"{record.name}. IN TXT " + " ".join(f'"{part}"' for part in strings)
    assert "".join(strings) == record.value
    assert [len(part) for part in strings[:-1]] == [255] * (len(strings) - 1)
    public = load_der_public_key(base64.b64decode(record.value.partition("p=")[2]))
    assert isinstance(public, rsa.RSAPublicKey)
    assert public == key.private.public_key()


def test_the_record_of_ed25519_has_the_32_octets_alone() -> None:
    key = dkim_keys.make("ed25519", "two")
    record = dkim_keys.record(key, "example.org")
    public = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert record.value == f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"
    assert record.zone_line.count('"') == 2
