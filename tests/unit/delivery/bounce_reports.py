"""Reports in the manner of many mail systems, in our own words: what each is, and what it says of whom."""

from typing import NamedTuple


class Sample(NamedTuple):
    """A report and what is to be read in it: (address, kind) of each."""

    name: str
    raw: bytes
    found: list[tuple[str, str]]


SENDER = "news@example.net"
ORIGINAL = "Return-Path: <news@example.net>\nFrom: News <news@example.net>\nTo: {to}\nSubject: Papers\n\nText\n"


def plain(
    body: str, *, subject: str = "failure notice", sender: str = "MAILER-DAEMON@mx.example.org", more: str = ""
) -> bytes:
    """Return a report in running text."""
    return f"From: {sender}\nTo: {SENDER}\nSubject: {subject}\n{more}\n{body}".encode()


def dsn(fields: str, *, text: str = "Your mail came back.", to: str = "ada@example.org", more: str = "") -> bytes:
    """Return a report of RFC 3464 from the fields of its recipients."""
    return (
        f"From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: {SENDER}\nSubject: Undelivered Mail\n{more}"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"\n\n'
        f"Preamble\n--=_b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\n"
        f"--=_b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n{fields}\n"
        f"--=_b\nContent-Type: message/rfc822\n\n{ORIGINAL.format(to=to)}\n--=_b--\n"
    ).encode()


def group(to: str, status: str, diagnostic: str = "", action: str = "failed") -> str:
    """Return the fields of one recipient (RFC 3464 section 2.3)."""
    said = f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\n{said}\n"


def arf(fields: str, original: str = "To: ada@example.org\nSubject: Papers\n") -> bytes:
    """Return a complaint of RFC 5965."""
    return (
        f"From: feedback@provider.example\nTo: abuse@example.net\nSubject: FW: Papers\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--b\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\nText\n--b--\n"
    ).encode()


ADA, BOB = "ada@example.org", "bob@example.com"
HEADER = f"Received: from a by b; 1 Jan 2026\nFrom: {SENDER}\nTo: {ADA}\nSubject: Papers\n"

SAMPLES: tuple[Sample, ...] = (
    # RFC 3464, well made and less so
    Sample("dsn hard", dsn(group(ADA, "5.1.1", "550 5.1.1 <ada@example.org>: user unknown")), [(ADA, "hard")]),
    Sample("dsn full", dsn(group(ADA, "5.2.2", "552 5.2.2 mailbox full")), [(ADA, "soft")]),
    Sample("dsn two", dsn(group(ADA, "5.1.1") + group(BOB, "4.4.7")), [(ADA, "hard"), (BOB, "soft")]),
    Sample("dsn one of two went", dsn(group(ADA, "2.0.0", action="relayed") + group(BOB, "5.1.1")), [(BOB, "hard")]),
    Sample("dsn blocked under 5.1.1", dsn(group(ADA, "5.1.1", "550 Blocked by Spamhaus")), [(ADA, "soft")]),
    Sample(
        "dsn full in the words only", dsn(group(ADA, "5.1.1"), text="ada@example.org: mailbox is full"), [(ADA, "soft")]
    ),
    Sample("dsn delayed", dsn(group(ADA, "4.4.1", "connection timed out", action="delayed")), [(ADA, "soft")]),
    Sample("dsn unspecific", dsn(group(ADA, "5.0.0", "554 refused")), [(ADA, "soft")]),
    Sample("dsn policy", dsn(group(ADA, "5.7.26", "550 5.7.26 DMARC")), [(ADA, "soft")]),
    Sample("dsn null mx", dsn(group(ADA, "5.1.10")), [(ADA, "hard")]),
    Sample("dsn moved", dsn(group(ADA, "5.1.6")), [(ADA, "hard")]),
    Sample("dsn temporary, though the user is unknown", dsn(group(ADA, "4.1.1", "450 user unknown")), [(ADA, "soft")]),
    Sample("dsn after data", dsn(group(ADA, "5.0.0", "550 user unknown (in reply to end of DATA)")), [(ADA, "soft")]),
    Sample("dsn with crlf", dsn(group(ADA, "5.1.1")).replace(b"\n", b"\r\n"), [(ADA, "hard")]),
    Sample("dsn upper case domain", dsn(group("Ada@EXAMPLE.org", "5.1.1")), [("Ada@example.org", "hard")]),
    Sample(
        "dsn empty lines inside",
        dsn(f"Final-Recipient: rfc822; {ADA}\n\nAction: failed\nStatus: 5.1.1\n"),
        [(ADA, "hard")],
    ),
    Sample(
        "dsn in running text",
        plain(
            f"It failed.\n\nFinal-Recipient: rfc822; {ADA}\nAction: failed\nStatus: 5.1.1\n", subject="Undeliverable"
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "dsn original recipient only",
        dsn(f"Original-Recipient: rfc822;{ADA}\nAction: failed\nStatus: 5.1.1\n"),
        [(ADA, "hard")],
    ),
    # Families in running text
    Sample(
        "qmail",
        plain(
            "Hi. This is the qmail-send program at mx.example.org.\nI'm afraid I wasn't able to deliver it.\n\n"
            f"<{ADA}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<{BOB}>:\n"
            "The user's quota is exceeded. (#5.2.2)\n\n--- Below this line is a copy of the message.\n\n" + HEADER
        ),
        [(ADA, "hard"), (BOB, "soft")],
    ),
    Sample(
        "qmail expired",
        plain(f"<{ADA}>:\nI'm not going to try again; this message has been in the queue too long.\n"),
        [(ADA, "soft")],
    ),
    Sample(
        "exim",
        plain(
            "This message was created automatically by mail delivery software.\n\nIt could not be delivered:\n\n"
            f"  {ADA}\n    SMTP error from remote mail server after RCPT TO:<{ADA}>:\n"
            "    host mx.example.org [192.0.2.1]: 550 No such user\n\n"
            "------ This is a copy of the message, including all the headers. ------\n\n" + HEADER,
            subject="Mail delivery failed: returning message to sender",
            more=f"X-Failed-Recipients: {ADA}\nAuto-Submitted: auto-replied\n",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "exim about the sender",
        plain(
            f"Your message could not be delivered.\n\n  {ADA}\n    SMTP error from remote mail server after "
            f"MAIL FROM:<{SENDER}>:\n    host mx.example.org [192.0.2.1]: 550 Domain does not exist\n"
        ),
        [(ADA, "soft")],
    ),
    Sample(
        "sendmail 5",
        plain(
            "   ----- Transcript of session follows -----\nWhile talking to mx.example.org:\n"
            f">>> RCPT To:<{ADA}>\n<<< 550 <{ADA}>, User Unknown\n550 <{ADA}>... User unknown\n\n"
            "   ----- Unsent message follows -----\n" + HEADER,
            subject="Returned mail: User unknown",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "sendmail without groups",
        plain(
            "The original message was received at Thu\n\n"
            "   ----- The following addresses had permanent fatal errors -----\n"
            f"<{ADA}>\n    (reason: 550 5.1.1 unknown)\n\n   ----- Transcript of session follows -----\n"
            f"... while talking to mx.example.org.:\n>>> DATA\n<<< 550 5.1.1 <{ADA}>: unknown\n",
            subject="Returned mail: see transcript for details",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "arrows",
        plain(
            "   ----- The following addresses had permanent fatal errors -----\n\n"
            f">>> {ADA} <{ADA}>\n\n   ----- Transcript of session follows -----\n"
            "550 no mailbox here by that name (#5.1.1)\n",
            subject="FAILURE NOTICE :",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "james",
        plain(
            "Hi. This is the James mail server at mx.example.org.\nI'm afraid I wasn't able to deliver it.\n\n"
            f"Failed recipient(s):\n{ADA}\n\nError message:\n550 5.1.1 no such person\n",
            subject="[BOUNCE]",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "delivery problems",
        plain(
            f"   ----- The following addresses had delivery problems -----\n{ADA}\n\n"
            "   ----- Non-delivered information -----\n"
            "The number of messages in recipient's mailbox exceeded the local limit.\n",
            subject="Returned mail: exceeded the limit",
        ),
        [(ADA, "soft")],
    ),
    Sample(
        "groupware",
        plain(
            f"Your message\n\n  To:      {ADA}\n  Subject: Papers\n\ndid not reach the following recipient(s):\n\n"
            f"{ADA} on Thu, 1 Jan 2026 10:00:00 +0000\n    The recipient name is not recognized\n",
            subject="Undeliverable: Papers",
            sender="System Administrator <postmaster@example.org>",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "imail",
        plain(f"Unknown user: {ADA}\n\nOriginal message follows.\n\n{HEADER}", subject="Undeliverable Mail"),
        [(ADA, "hard")],
    ),
    Sample(
        "imail full",
        plain(f"User mailbox exceeds allowed size: {ADA}\n", subject="Undeliverable Mail"),
        [(ADA, "soft")],
    ),
    Sample(
        "imail tries", plain(f"Delivery failed 20 attempts: {ADA}\n", subject="Undeliverable Mail"), [(ADA, "soft")]
    ),
    Sample(
        "gateway with a transcript",
        plain(
            f"Message could not be sent.\n\nSent <<< RCPT TO:<{ADA}>\nReceived >>> 550 5.1.1 <{ADA}>... user unknown\n"
            f"Unable to deliver message to <{ADA}>.\n",
            subject="Mail could not be delivered",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "gateway, affected recipients",
        plain(
            f"Your message:\n    From:    {SENDER}\n    Subject: Papers\nCould not be delivered because of\n\n"
            f"550 5.1.1 User unknown\n\nThe following recipients were affected:\n    {ADA}\n",
            subject="Undeliverable Mail: Papers",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "gateway, one line",
        plain(
            f"--- The following addresses had delivery problems ---\n\n<{ADA}>   (550 5.1.1 not known)\n",
            subject="Delivery Status",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "notes",
        plain(
            "------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\n"
            f"{ADA}\n\n------- Returned Message --------\n{HEADER}",
            subject="Delivery failure",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "attempts",
        plain(
            "Your message could not be sent.\nA transcript of the attempts to send the message follows.\n"
            f"Addressed To: {ADA}\n\nFailed to send to identified host,\n"
            f"{ADA}: [192.0.2.1], 550 5.1.1 {ADA}... No such user\n"
            "--- Message non-deliverable.\n",
            subject="Message could not be delivered",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "webmail",
        plain(
            f"Delivery to the following recipient failed permanently:\n\n     {ADA}\n\nTechnical details of permanent "
            "failure:\nWe tried to deliver your message, but it was rejected by the recipient domain. The "
            "error that the "
            "other server returned was: 550 550 5.1.1 no such user (state 14).\n\n----- Original message -----\n\n"
            + HEADER,
            subject="Delivery Status Notification (Failure)",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "smtpd daemon",
        plain(
            "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY.\n\n"
            "    An error has occurred for the following list "
            f"of recipients:\n\n{ADA}: 550 5.1.1 unknown\n{BOB}: 552 5.2.2 Mailbox full\n\n"
            "    Below is a copy of the original message:\n\n" + HEADER,
            subject="Delivery status notification: error",
        ),
        [(ADA, "hard"), (BOB, "soft")],
    ),
    Sample(
        "japanese, in its charset",
        (
            f"From: postmaster@example.org\nTo: {SENDER}\nSubject: failure notice\n"
            "Content-Type: text/plain; charset=ISO-2022-JP\n\n"
        ).encode()
        + f"以下のメールアドレスへの送信に失敗しました。\n{ADA}\n\n550 5.1.1 存在しません\n".encode("iso-2022-jp"),
        [(ADA, "hard")],
    ),
    Sample(
        "carrier full",
        plain(f"Could not be delivered to: <{ADA}>\nAs their mailbox is full.\n", sender="x@y.example"),
        [(ADA, "soft")],
    ),
    Sample(
        "a report in html only",
        b"From: postmaster@example.org\nSubject: Undeliverable: Papers\nContent-Type: text/html\n\n"
        b"<html><style>p {a:b}</style><p>Delivery has failed to these recipients:</p>"
        b"<p><a href='mailto:ada@example.org'>ada@example.org</a><br>550 5.1.1 The address was not found</p></html>",
        [(ADA, "hard")],
    ),
    Sample(
        "a warning in running text",
        plain(
            f"THIS IS A WARNING MESSAGE ONLY.\nYou do not need to resend.\n\n<{ADA}>: connection timed out\n"
            "Will keep trying until it is 5 days old.\n",
            subject="Warning: could not send message for past 4 hours",
        ),
        [(ADA, "soft")],
    ),
    Sample(
        "a language that no rule knows",
        plain(
            f"Viesti ei mennyt perille:\n\n{ADA}<mailto:{ADA}>\n\nPalvelin:\n\n{ADA}\n"
            "'550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'\n",
            subject="Ei toimitettavissa: Papers",
            sender="postmaster@example.org",
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "a postmaster that failed",
        plain("The mail system\n\n<postmaster@example.org>: host mx said: 550 5.1.1 unknown (in reply to RCPT TO)\n"),
        [("postmaster@example.org", "hard")],
    ),
    # Complaints
    Sample("complaint", arf(f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <{ADA}>\n"), [(ADA, "complaint")]),
    Sample("complaint of the header", arf("Feedback-Type: abuse\nVersion: 1\n"), [(ADA, "complaint")]),
    Sample("complaint of nobody", arf("Feedback-Type: abuse\n", "Subject: Papers\n"), [("", "complaint")]),
    Sample("opt-out", arf(f"Feedback-Type: opt-out\nRemoval-Recipient: {ADA}\n"), [(ADA, "complaint")]),
    # Notifications in JSON
    Sample(
        "json bounce",
        plain(
            '{"Type": "Notification", "Message": "{\\"notificationType\\":\\"Bounce\\",\\"bounce\\":{\\"bounceType\\":'
            '\\"Permanent\\",\\"bouncedRecipients\\":[{\\"emailAddress\\":\\"ada@example.org\\",\\"status\\":\\"5.1.1\\",'
            '\\"diagnosticCode\\":\\"smtp; 550 5.1.1 user unknown\\"}]}}"}\n--\nA footer'
        ),
        [(ADA, "hard")],
    ),
    Sample(
        "json complaint",
        plain(
            '{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"ada@example.org"}]}}'
        ),
        [(ADA, "complaint")],
    ),
    # Nothing of the kind
    Sample("success", dsn(group(ADA, "2.1.5", "250 2.1.5 fine", action="delivered")), []),
    Sample("expanded", dsn(group(ADA, "2.0.0", action="expanded")), []),
    Sample(
        "json delivery",
        plain('{"notificationType":"Delivery","delivery":{"recipients":["ada@example.org"]}}'),
        [],
    ),
    Sample(
        "read receipt",
        b"From: ada@example.org\nSubject: Read: Papers\n"
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nYour message was displayed.\n--b\n"
        b"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@example.org\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\n--b--\n",
        [],
    ),
    Sample(
        "vacation",
        plain(
            "I am away until Monday. My mailbox is full, and mail may be returned; write to bob@example.com.\n",
            subject="Out of office: Papers",
            sender=ADA,
            more="Auto-Submitted: auto-replied\n",
        ),
        [],
    ),
    Sample(
        "vacation of one who left",
        plain(
            "I no longer work here. This address does not exist any more, your message could not be delivered.\n",
            subject="Automatic reply: Papers",
            sender=ADA,
            more="X-Autoreply: yes\n",
        ),
        [],
    ),
    Sample("ticket", plain("We have your request.\n", subject="[Ticket #12] Papers", sender="support@example.org"), []),
    Sample(
        "challenge",
        plain(
            "Please confirm your mail to ada@example.org by a click.\n",
            subject="Confirm your mail",
            sender="guard@example.org",
        ),
        [],
    ),
    Sample("a reader's answer", plain("Thank you, good papers.\n", subject="Re: Papers", sender=ADA), []),
    Sample(
        "a newsletter",
        plain("User unknown, a song by bob@example.com\n", subject="New songs", sender="shop@example.org"),
        [],
    ),
    Sample("empty", b"", []),
)
