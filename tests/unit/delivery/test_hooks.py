"""What relays report, read: the kinds of each relay, and bodies of any shape, which cost nothing but themselves."""

import hmac
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import relays
from hypothesis import given
from hypothesis import strategies as st
from newsroom import NOW

from newsletter.config import Hooks
from newsletter.delivery.hooks import Event, RefusedError, event, postmark, proofs, sendgrid, ses, signed, sns

ADA = "ada@example.org"
READERS: dict[str, Callable[[bytes], list[Event]]] = {
    "ses": ses.events,
    "postmark": postmark.events,
    "sendgrid": sendgrid.events,
    "signed": signed.events,
}


def read(relay: str, value: Any) -> list[Event]:
    """Return the events of a value as it is posted."""
    return READERS[relay](json.dumps(value).encode())


def recipient(**values: Any) -> dict[str, Any]:
    """Return a bounced recipient of SES."""
    return {"emailAddress": ADA, "action": "failed", **values}


@pytest.mark.parametrize(
    ("type_", "subtype", "entry", "kind"),
    [
        ("Permanent", "General", recipient(status="5.1.1", diagnosticCode="smtp; 550 5.1.1 user unknown"), "hard"),
        ("Permanent", "NoEmail", recipient(), "hard"),
        ("Permanent", "Suppressed", recipient(status="5.1.1", diagnosticCode="Amazon SES has suppressed it"), "hard"),
        ("Permanent", "OnAccountSuppressionList", recipient(diagnosticCode="it is on the suppression list"), "hard"),
        ("Permanent", "General", recipient(status="5.7.1", diagnosticCode="smtp; 550 5.7.1 Blocked"), "soft"),
        ("Permanent", "General", recipient(status="5.2.2", diagnosticCode="smtp; 552 5.2.2 Mailbox full"), "soft"),
        ("Transient", "MailboxFull", recipient(status="4.2.2", diagnosticCode="smtp; 452 4.2.2 Full"), "soft"),
        ("Transient", "General", recipient(status="5.1.1", diagnosticCode="smtp; 550 5.1.1 user unknown"), "soft"),
        ("Transient", "ContentRejected", recipient(), "soft"),
        ("Undetermined", "Undetermined", recipient(status="5.1.1"), "soft"),
        (None, None, recipient(status="5.1.1", diagnosticCode="smtp; 550 5.1.1 user unknown"), "soft"),
    ],
)
def test_what_ses_means(type_: Any, subtype: Any, entry: dict[str, Any], kind: str) -> None:
    told = relays.ses("Bounce", ADA, bounceType=type_, bounceSubType=subtype, bouncedRecipients=[entry])
    assert [(one.kind, one.recipient) for one in read("ses", told)] == [(kind, ADA)]


def test_ses_names_the_mail_by_all_that_it_knows_of_it() -> None:
    about = {
        "source": "bounces+1-0123456789abcdef@newsletter.example",
        **relays.headers_of("<ours@newsletter.example>"),
    }
    (found,) = read("ses", relays.ses("Complaint", ADA, about=about))
    assert found == Event(
        "ses",
        f"0102018f6d2c7b22-feed-000000 {ADA}",
        "complaint",
        ADA,
        at=datetime(2026, 3, 2, 8, 59, 30, tzinfo=UTC),
        reason="abuse",
        message_id="<ours@newsletter.example>",
        return_path="bounces+1-0123456789abcdef@newsletter.example",
        relay_id="0102018f6d2c7a11-5f0e3c1a-7a52-4b0e-9c3d-2f1e0d9c8b7a-000000",
    )
    # Event publishing has another name for what it is.
    told = relays.ses("Complaint", ADA, about={"commonHeaders": {"messageId": "<ours@newsletter.example>"}})
    (found,) = read("ses", {"eventType": told.pop("notificationType"), **told})
    assert found.message_id == "<ours@newsletter.example>"


@pytest.mark.parametrize(
    ("type_", "details", "kind"),
    [
        ("HardBounce", "smtp;550 5.1.1 The email account does not exist.", "hard"),
        ("HardBounce", "", "hard"),
        ("HardBounce", "smtp;550 5.7.1 Message blocked", "soft"),
        ("HardBounce", "smtp;552 5.2.2 Mailbox full", "soft"),
        ("BadEmailAddress", "The 'To' address is invalid", "hard"),
        ("SoftBounce", "smtp;452 4.2.2 Over quota", "soft"),
        ("DnsError", "DNS server failure", "soft"),
        ("AddressChange", "", "soft"),
        ("Unknown", "", "soft"),
        ("Blocked", "554 blocked", "soft"),
        ("SpamComplaint", "", "complaint"),
        ("Unsubscribe", "", "unsubscribe"),
        ("Transient", "451 4.7.1 try again later", None),
        ("AutoResponder", "", None),
        ("ChallengeVerification", "", None),
        ("OpenRelayTest", "", None),
        ("TemplateRenderingFailed", "", None),
    ],
)
def test_what_postmark_means(type_: str, details: str, kind: str | None) -> None:
    found = read("postmark", relays.postmark(type_, ADA, Details=details))
    assert [one.kind for one in found] == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("HardBounce", "hard"), ("SpamComplaint", "complaint"), ("ManualSuppression", "unsubscribe"), ("Later", None)],
)
def test_what_a_change_of_subscription_at_postmark_means(reason: str, kind: str | None) -> None:
    found = read("postmark", relays.postmark_change(ADA, SuppressionReason=reason))
    assert [one.kind for one in found] == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("event_", "values", "kind"),
    [
        ("bounce", {}, "hard"),
        ("bounce", {"bounce_classification": "Unclassified"}, "hard"),
        ("bounce", {"bounce_classification": "Mailbox Unavailable", "status": "5.2.2", "reason": "552 Full"}, "soft"),
        ("bounce", {"bounce_classification": "Technical Failure", "status": "5.4.4", "reason": "no host"}, "soft"),
        ("bounce", {"type": "blocked", "bounce_classification": "", "reason": "550 5.1.1 unknown"}, "soft"),
        ("bounce", {"status": "5.7.1", "reason": "550 5.7.1 Policy"}, "soft"),
        ("bounce", {"bounce_classification": None, "status": "", "reason": "500 unknown recipient"}, "soft"),
        ("dropped", {"reason": "Bounced Address"}, "hard"),
        ("dropped", {"reason": "Invalid"}, "hard"),
        ("dropped", {"reason": "Spam Reporting Address"}, "complaint"),
        ("dropped", {"reason": "Unsubscribed Address"}, "unsubscribe"),
        ("dropped", {"reason": "Recipient List over Package Quota"}, None),
        ("spamreport", {}, "complaint"),
        ("unsubscribe", {}, "unsubscribe"),
        ("group_unsubscribe", {"asm_group_id": 1}, "unsubscribe"),
        ("group_resubscribe", {"asm_group_id": 1}, None),
        ("deferred", {"response": "400 try again later", "attempt": "5"}, None),
        ("open", {}, None),
        ("bounce", {"email": "nobody"}, None),
        ("bounce", {"sg_event_id": ""}, None),
    ],
)
def test_what_sendgrid_means(event_: str, values: dict[str, Any], kind: str | None) -> None:
    found = read("sendgrid", [relays.sendgrid(event_, ADA, **values)])
    assert [one.kind for one in found] == ([] if kind is None else [kind])


def test_times_are_read_as_they_are_written() -> None:
    moment = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
    for written in (
        "2026-03-02T09:00:10Z",
        "2026-03-02T10:00:10+01:00",
        "2026-03-02T09:00:10",
        int(moment.timestamp()),
    ):
        assert event.moment({"at": written}, "at") == moment
    assert event.moment({"at": "2026-03-02T09:00:10.0000000Z"}, "at") == moment
    for written in ("", "yesterday", None, True, [], "9" * 10, "9" * 11, 0, -1, 10**400, "0001-01-01T00:00:00+14:00"):
        assert event.moment({"at": written}, "at") is None


# Any shape

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40)
WORDS = """
    Type Message RecordType ID Email Details bounce complaint mail headers name value bouncedRecipients bounceType
    complainedRecipients emailAddress event email sg_event_id reason status smtp-id id recipient at return_path
    message_id Recipient SuppressionReason Origin SuppressSending feedbackId timestamp source
""".split()  # noqa: SIM905 - forty quotes more would hide the words
NAMES = st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["Bounce", "hard", "HardBounce", ADA, "SubscriptionChange", "Permanent", "bounce"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=8),
    max_leaves=20,
)


def events_or_status(relay: str, body: bytes) -> Any:
    """Return the events of a body, or with what it is refused."""
    try:
        return READERS[relay](body)
    except RefusedError as error:
        return error.status


@given(value=VALUES, relay=st.sampled_from(sorted(READERS)))
def test_a_body_of_any_shape_gives_events_or_is_refused(value: Any, relay: str) -> None:
    found = events_or_status(relay, json.dumps(value).encode())
    for one in [] if found in (400, 413) else found:
        assert one.kind in ("hard", "soft", "complaint", "unsubscribe")
        assert one.id.isprintable()
        assert one.reason.isprintable()
        assert "@" in one.recipient + one.return_path


@given(body=st.binary(max_size=200), relay=st.sampled_from(sorted(READERS)))
def test_bytes_of_any_kind_give_events_or_are_refused(body: bytes, relay: str) -> None:
    assert events_or_status(relay, body) in (400, [])


@given(value=st.dictionaries(st.sampled_from(list(relays.sns({}))), VALUES))
def test_an_envelope_of_any_shape_is_refused_unless_it_is_whole(value: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        sns.opened(json.dumps({**relays.sns({}), "TopicArn": "x", **value}).encode(), [relays.TOPIC], NOW)


# Proofs


@given(text=st.text(max_size=60))
def test_no_text_is_a_password_but_the_password(text: str) -> None:
    secret = relays.PASSWORD.encode()
    for headers in ({"authorization": f"Basic {text}"}, {"x-a": text}, {"authorization": text}):
        with pytest.raises(RefusedError):
            proofs.password(headers, [secret], header="x-a")


@given(signature=st.text(max_size=100), stamp=st.text(max_size=12))
def test_no_text_is_a_signature(signature: str, stamp: str) -> None:
    headers = {signed.STAMP: stamp, signed.SIGNATURE: signature}
    with pytest.raises(RefusedError):
        signed.check(headers, b"{}", [relays.SECRET.encode()], NOW)
    headers = {sendgrid.STAMP: str(int(NOW.timestamp())), sendgrid.SIGNATURE: signature}
    with pytest.raises(RefusedError):
        sendgrid.check(headers, b"[]", [relays.sendgrid_key().public_key()], NOW)


def test_what_amazon_signs_is_each_field_on_its_line() -> None:
    body = relays.sns("hello", Subject=None, MessageId="id-1")
    found = sns.opened(json.dumps(body).encode(), [relays.TOPIC], NOW)
    assert found.content.decode() == (
        "Message\nhello\nMessageId\nid-1\nTimestamp\n2026-03-02T09:00:00.000Z\n"
        f"TopicArn\n{relays.TOPIC}\nType\nNotification\n"
    )
    sns.verify(found, sns.certificate(relays.sns_certificate()), NOW)
    with pytest.raises(RefusedError):
        sns.verify(found, sns.certificate(relays.sns_certificate()), NOW + timedelta(days=400))


def test_regions_of_other_partitions_have_hosts_of_their_own() -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:bounces"
    for host, right in (("sns.cn-north-1.amazonaws.com.cn", True), ("sns.cn-north-1.amazonaws.com", False)):
        body = relays.sns("x", TopicArn=topic, SigningCertURL=f"https://{host}{relays.PEM}")
        if right:
            assert sns.opened(json.dumps(body).encode(), [topic], NOW).topic == topic
        else:
            with pytest.raises(RefusedError):
                sns.opened(json.dumps(body).encode(), [topic], NOW)


def test_keys_are_read_as_consoles_and_files_have_them() -> None:
    key = relays.sendgrid_key().public_key()
    form = relays.serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(relays.serialization.Encoding.PEM, form).decode()
    for text in (relays.sendgrid_public(), pem, f"\n{pem}\n"):
        assert proofs.curve_key(text) == key
    for text in ("", "nonsense", pem[:60], relays.sns_certificate().decode()):
        with pytest.raises(ValueError, match=r".+"):
            proofs.curve_key(text)


# What the page tells people

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text("utf-8")


def blocks(first: str) -> list[str]:
    """Return the indented blocks of the page that begin with some text."""
    found = re.findall(r"(?:^ {4}.*\n)+", PAGE, re.MULTILINE)
    return [dedent(block) for block in found if dedent(block).startswith(first)]


def test_what_the_page_signs_and_says_is_taken() -> None:
    (example,) = blocks("{")
    body = example.encode()
    (found,) = signed.events(body)
    assert (found.kind, found.recipient, found.status) == ("hard", ADA, "5.1.1")
    (code,) = blocks("stamp =")
    known: dict[str, Any] = {"hmac": hmac, "time": time, "secret": relays.SECRET.encode(), "body": body}
    exec(code, known)  # noqa: S102 - it is our own
    headers = {name.lower(): value for name, value in known["headers"].items()}
    signed.check(headers, body, [relays.SECRET.encode()], datetime.now(UTC))


def test_the_settings_of_the_page_are_those_that_there_are() -> None:
    named = set(re.findall(r"`hooks\.(\w+)`", PAGE))
    assert named == set(Hooks.model_fields)
    assert set(re.findall(r"^(\w+) = ", "\n".join(blocks("[hooks]")), re.MULTILINE)) < named
    assert set(re.findall(r"`/hooks/(\w+)`", PAGE)) == {
        ses.SOURCE,
        postmark.SOURCE,
        sendgrid.SOURCE,
        signed.SOURCE,
    }
