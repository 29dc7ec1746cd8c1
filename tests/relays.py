"""What relays post: bodies as their documentation gives them, signed as theirs are, and an SNS to ask on loopback."""

import asyncio
import contextlib
import hmac
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import trustme
import web_server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from newsroom import NOW

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
HOST = "sns.eu-west-1.amazonaws.com"
PEM = "/SimpleNotificationService-0a1b2c3d4e5f60718293a4b5c6d7e8f9.pem"
CERTIFICATE = f"https://{HOST}{PEM}"
SECRET = "a-secret-of-the-tests"
PASSWORD = "password-of-the-tests"


# Amazon SES through SNS


def ses(kind: str, recipient: str, *, about: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """Return a notification of SES: a Bounce or a Complaint of a recipient; `about` stands in its mail."""
    mail = {
        "timestamp": "2026-03-02T08:59:00.000Z",
        "source": "papers@newsletter.example",
        "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/newsletter.example",
        "messageId": "0102018f6d2c7a11-5f0e3c1a-7a52-4b0e-9c3d-2f1e0d9c8b7a-000000",
        "destination": [recipient],
        **(about or {}),
    }
    told: dict[str, Any] = {"timestamp": "2026-03-02T08:59:30.000Z", "feedbackId": "0102018f6d2c7b22-feed-000000"}
    if kind == "Bounce":
        told |= {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "reportingMTA": "dsn; a1-2.smtp-out.eu-west-1.amazonses.com",
            "bouncedRecipients": [
                {
                    "emailAddress": recipient,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ],
        }
    else:
        told |= {
            "userAgent": "AnyCompany feedback loop (V0.01)",
            "complainedRecipients": [{"emailAddress": recipient}],
            "complaintFeedbackType": "abuse",
            "arrivalDate": "2026-03-02T08:59:30.000Z",
        }
    return {"notificationType": kind, kind.lower(): {**told, **values}, "mail": mail}


def headers_of(message_id: str) -> dict[str, Any]:
    """Return the part of a mail in which SES tells its original headers."""
    return {"headersTruncated": False, "headers": [{"name": "Message-ID", "value": message_id}]}


@cache
def sns_key() -> rsa.RSAPrivateKey:
    """The key that SNS signs with."""
    return rsa.generate_private_key(65537, 2048)


def sns_certificate(
    name: str = "sns.amazonaws.com", *, key: Any = None, since: datetime = NOW - timedelta(days=30), days: int = 365
) -> bytes:
    """Return the certificate of SNS, as PEM."""
    key = key or sns_key()
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder(named, named, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(since).not_valid_after(since + timedelta(days=days))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sns(message: Any, *, version: str = "1", at: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """Return a signed Notification; `fields` stand in for its own before it is signed, None takes one away."""
    written = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": f"https://{HOST}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:c9135db0",
        **fields,
    }
    return sns_signed({name: value for name, value in written.items() if value is not None})


def confirming(type_: str = "SubscriptionConfirmation", **fields: Any) -> dict[str, Any]:
    """Return a signed message that asks to confirm a subscription."""
    return sns(
        f"You have chosen to subscribe to the topic {TOPIC}.",
        **{
            "Type": type_,
            "Subject": None,
            "UnsubscribeURL": None,
            "Token": "2336412f37fb687f5d51e6e241d09c80",
            "SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb687f5d51e6",
            **fields,
        },
    )


def sns_signed(message: dict[str, Any]) -> dict[str, Any]:
    """Sign a message as SNS does: the fields that there are, in the order of their names."""
    of_confirmation = message.get("Type") != "Notification"
    names = ["Message", "MessageId", "SubscribeURL" if of_confirmation else "Subject", "Timestamp"]
    names += ["Token", "TopicArn", "Type"] if of_confirmation else ["TopicArn", "Type"]
    content = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 - theirs
    signature = sns_key().sign(content.encode(), padding.PKCS1v15(), digest)
    return {**message, "Signature": b64encode(signature).decode()}


@contextlib.asynccontextmanager
async def amazon(monkeypatch: Any, folder: Any) -> AsyncIterator[tuple[web_server.WebServer, str]]:
    """Give a server that answers for the host of SNS with its certificate, and the proxy that leads to it alone."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    async with web_server.serving(context) as server, _proxy(server.port) as proxy:
        server.pages[PEM] = web_server.Page(sns_certificate())
        yield server, proxy


@contextlib.asynccontextmanager
async def _proxy(port: int) -> AsyncIterator[str]:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        if asked[:2] != ["CONNECT", f"{HOST}:443"]:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            writer.close()
            return
        there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# Postmark


def postmark(type_: str, recipient: str, **values: Any) -> dict[str, Any]:
    """Return the webhook of a bounce, or of a spam complaint."""
    return {
        "RecordType": "SpamComplaint" if type_ == "SpamComplaint" else "Bounce",
        "MessageStream": "broadcast",
        "ID": 692560173,
        "Type": type_,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "Tag": "",
        "MessageID": "2c1b63fe-43f2-4db5-91b0-8bdfa44a9316",
        "Metadata": {},
        "ServerID": 23,
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": recipient,
        "From": "papers@newsletter.example",
        "BouncedAt": "2026-03-02T09:00:10.0000000Z",
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": type_ != "SpamComplaint",
        "Subject": "Three papers",
        **values,
    }


def postmark_change(recipient: str, **values: Any) -> dict[str, Any]:
    """Return the webhook of a subscription that changed: they unsubscribed at the relay."""
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "MessageStream": "broadcast",
        "ChangedAt": "2026-03-02T09:00:20.416071Z",
        "Recipient": recipient,
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Tag": "",
        "Metadata": {},
        **values,
    }


# SendGrid


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    """The key that SendGrid signs with."""
    return ec.generate_private_key(ec.SECP256R1())


def sendgrid_public(key: Any = None) -> str:
    """Return the verification key as the console shows it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = (key or sendgrid_key()).public_key().public_bytes(serialization.Encoding.DER, form)
    return b64encode(public).decode()


def sendgrid(event: str, recipient: str, **values: Any) -> dict[str, Any]:
    """Return one event."""
    written = {
        "email": recipient,
        "timestamp": int(NOW.timestamp()) - 20,
        "event": event,
        "sg_event_id": "ZGVsaXZlcmVkLTAtMTMxNDc4",
        "sg_message_id": "5jWMFtRwTbOXuS4dD3_cUA.filterdrecv-5645d9c87f-78xzf-1-5E0A2F4A-30.0",
        "category": ["papers"],
    }
    if event == "bounce":
        written |= {
            "type": "bounce",
            "bounce_classification": "Invalid Address",
            "status": "5.1.1",
            "reason": "550 5.1.1 The email account that you tried to reach does not exist.",
            "ip": "192.0.2.7",
            "tls": 1,
        }
    return {**written, **values}


def sendgrid_post(events: Any, *, at: datetime = NOW, key: Any = None) -> tuple[bytes, dict[str, str]]:
    """Return a body with these events, and the headers that sign it."""
    body, stamp = json.dumps(events).encode(), str(int(at.timestamp()))
    signature = (key or sendgrid_key()).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
    }


# A form of our own


def signed(events: Any, *, at: datetime = NOW, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Return a body in the program's own form, and the headers that sign it."""
    body, stamp = json.dumps(events).encode(), str(int(at.astimezone(UTC).timestamp()))
    made = hmac.digest(secret.encode(), stamp.encode() + b"." + body, "sha256").hex()
    return body, {"Newsletter-Timestamp": stamp, "Newsletter-Signature": f"v1={made}"}
