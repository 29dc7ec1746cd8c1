"""Reports as servers write them: a delivery status notification, a complaint, an answer, a mail that wants to leave."""

from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText


def original(recipient: str, message_id: str = "<unknown@elsewhere.example>", return_path: str = "") -> Message:
    """Return the head of a message that came back."""
    head = Message()
    if return_path:
        head["Return-Path"] = f"<{return_path}>"
    head["From"] = "Papers for you <papers@newsletter.example>"
    head["To"] = recipient
    head["Subject"] = "Three papers"
    head["Message-ID"] = message_id
    return head


def dsn(
    to: str,
    recipient: str,
    *,
    status: str = "5.1.1",
    words: str = "550 5.1.1 User unknown",
    action: str = "failed",
    about: Message | None = None,
    message_id: str = "<report-1@mx.example>",
) -> bytes:
    """Return a report of RFC 3464 that a message to `recipient` could not be delivered, as it comes to `to`."""
    report = MIMEMultipart("report", **{"report-type": "delivery-status"})
    report["From"] = "Mail Delivery System <MAILER-DAEMON@mx.example>"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Auto-Submitted"] = "auto-replied"
    report["Message-ID"] = message_id
    report["Date"] = "Mon, 02 Mar 2026 09:00:05 +0000"
    report.attach(MIMEText(f"This is the mail system.\n\n<{recipient}>: {words}\n"))
    whole, part = Message(), Message()
    whole["Reporting-MTA"] = "dns; mx.example"
    part["Final-Recipient"] = f"rfc822; {recipient}"
    part["Action"] = action
    part["Status"] = status
    part["Diagnostic-Code"] = f"smtp; {words}"
    notification = Message()
    notification["Content-Type"] = "message/delivery-status"
    notification.attach(whole)
    notification.attach(part)
    report.attach(notification)
    report.attach(MIMEMessage(about or original(recipient)))
    return report.as_bytes()


def complaint(
    recipient: str | None,
    about: Message,
    *,
    to: str = "abuse@newsletter.example",
    message_id: str = "<arf-1@fbl.example>",
) -> bytes:
    """Return a report of RFC 5965 that a reader called a message spam; `recipient` None leaves the address out."""
    report = MIMEMultipart("report", **{"report-type": "feedback-report"})
    report["From"] = "Feedback loop <fbl@fbl.example>"
    report["To"] = to
    report["Subject"] = "FW: Three papers"
    report["Message-ID"] = message_id
    report["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    report.attach(MIMEText("This is an email abuse report for a message received from 192.0.2.1.\n"))
    feedback, fields = Message(), Message()
    feedback["Content-Type"] = "message/feedback-report"
    fields["Feedback-Type"] = "abuse"
    fields["User-Agent"] = "Loop/1.0"
    fields["Version"] = "1"
    if recipient is not None:
        fields["Original-Rcpt-To"] = f"<{recipient}>"
    feedback.attach(fields)
    report.attach(feedback)
    report.attach(MIMEMessage(about))
    return report.as_bytes()


def mail(sender: str, to: str = "papers@newsletter.example", subject: str = "", body: str = "", **fields: str) -> bytes:
    """Return a mail that somebody wrote; `fields` are header fields with _ for the hyphen."""
    written = EmailMessage()
    written["From"] = sender
    written["To"] = to
    written["Subject"] = subject
    written["Message-ID"] = "<mail-1@reader.example>"
    for name, value in fields.items():
        written[name.replace("_", "-")] = value
    written.set_content(body)
    return written.as_bytes()
