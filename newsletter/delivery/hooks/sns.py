"""What Amazon SNS posts: envelopes, their signatures, and which addresses they may name; fetches nothing.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html: the topic is one of ours, the
certificate is of SNS itself, and the signature is over the fields that are read.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from newsletter.delivery.hooks import event as read
from newsletter.delivery.hooks import proofs
from newsletter.delivery.hooks.event import RefusedError

Type = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]

RAW = "x-amz-sns-rawdelivery"
TOPIC = "x-amz-sns-topic-arn"
MESSAGE = "x-amz-sns-message-id"

# A message has 256 kB at most, and as JSON in JSON up to twice that.
LARGEST = 600_000
# Deliveries of one message are tried for an hour at most.
OLDEST = timedelta(hours=2)
AHEAD = timedelta(minutes=5)

_CONFIRMING = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
# What is signed, in this order; a field that is missing is left out.
_SIGNED: dict[Type, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMING,
    "UnsubscribeConfirmation": _CONFIRMING,
}
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - theirs to choose
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z-]{1,80}\.pem")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SNS wraps around a message: of its fields those that are signed, and how."""

    type: Type
    topic: str
    fields: dict[str, str]
    version: str
    signature: str
    certificate: str

    @property
    def content(self) -> bytes:
        """What is signed: the names and values of the fields, each on a line."""
        lines = [f"{name}\n{self.fields[name]}\n" for name in _SIGNED[self.type] if name in self.fields]
        return "".join(lines).encode("utf-8", "surrogatepass")


def opened(body: bytes, topics: Sequence[str], now: datetime) -> Envelope:
    """Return the envelope that a body is, if it may be looked at further; raises RefusedError.

    It names one of the topics, is not too old, and its certificate is at the host of that topic's region. Nothing of
    it is proven until `verify` passes it.
    """
    value = read.decoded(body)
    type_ = next((one for one in _SIGNED if one == _text(value, "Type")), None)
    if type_ is None:
        raise RefusedError("This is no message of SNS.")
    envelope = Envelope(
        type_,
        _text(value, "TopicArn"),
        {name: value[name] for name in _SIGNED[type_] if isinstance(value.get(name), str)},
        _text(value, "SignatureVersion"),
        _text(value, "Signature"),
        _text(value, "SigningCertURL"),
    )
    if envelope.topic not in topics:
        raise RefusedError("The topic is none of this newsletter.", 403)
    sent = read.moment(value, "Timestamp")
    if sent is None or envelope.version not in _HASHES:
        raise RefusedError("The message has no time, or a signature of a version that is not known.", 403)
    proofs.fresh(sent, now, past=OLDEST, ahead=AHEAD)
    parts = _of_region(envelope.certificate, envelope.topic)
    if parts is None or not _CERTIFICATE.fullmatch(parts.path) or parts.query:
        raise RefusedError("The certificate is not at an address of SNS.", 403)
    return envelope


def certificate(pem: bytes) -> x509.Certificate:
    """Return the certificate of a signature; raises ValueError where it is none of SNS with a key of RSA."""
    found = x509.load_pem_x509_certificate(pem)
    named = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not isinstance(found.public_key(), rsa.RSAPublicKey) or not any(
        re.fullmatch(r"sns(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", name) for name in named
    ):
        raise ValueError("it is no certificate of SNS")
    return found


def verify(envelope: Envelope, signer: x509.Certificate, now: datetime) -> None:
    """Pass an envelope that is signed under a certificate that holds now; raises RefusedError."""
    key = signer.public_key()
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc or not isinstance(key, rsa.RSAPublicKey):
        raise RefusedError("The certificate does not hold now.", 403)
    try:
        signature = b64decode(envelope.signature[: proofs.LONGEST_SIGNATURE], validate=True)
        key.verify(signature, envelope.content, padding.PKCS1v15(), _HASHES[envelope.version])
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise RefusedError("The signature is missing or wrong.", 403) from error


def confirmation(envelope: Envelope) -> str:
    """Return the address that confirms a subscription, of an envelope that is verified; raises RefusedError."""
    url = envelope.fields.get("SubscribeURL", "")
    parts = _of_region(url, envelope.topic)
    try:
        asked = parse_qs(parts.query, max_num_fields=10) if parts else {}
    except ValueError:
        asked = {}
    if asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [envelope.topic]:
        raise RefusedError("The address that confirms is none of SNS, or not for this topic.", 403)
    return url


def _of_region(url: str, topic: str) -> Any:
    """Return the parts of an address of SNS in the region of a topic; None for any other address."""
    partition, region = topic.split(":")[1], topic.split(":")[3]
    host = f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")
    # What two programs could read in two ways is no address of SNS.
    if not re.fullmatch(r"https://[a-z0-9.-]+/[!-\[\]-~]{0,2000}", url):
        return None
    parts = urlsplit(url)
    return parts if parts.netloc == host and not parts.fragment else None


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
