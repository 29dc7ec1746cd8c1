# ruff: noqa: E501 - lines as programs write them
"""Answers as mail programs write them, made up here after their habits: what was written, and what is quoted below."""

from email.message import EmailMessage

OURS = """\
Papers for you
Monday, March 2, 2026 · 3 papers for you


1. The violin
   https://arxiv.org/abs/2603.00000
   More like this:
   mailto:papers@newsletter.example?subject=more%20x
   More or less like this, save it, seen it:
   https://papers.example/f/1-715ae5382a093395/1/more

-7 +8 pause
daily
"""


def _quoted(prefix: str = "> ") -> str:
    return "".join(f"{prefix}{line}\n" for line in OURS.splitlines())


# By the name of the program and what is special: what stands below (or, with %s, around) what the reader wrote.
PLAIN = {
    "Gmail": "%s\n\nOn Mon, Mar 2, 2026 at 8:00 AM Papers for you <papers@newsletter.example>\nwrote:\n\n" + _quoted(),
    "Gmail, German": "%s\n\nAm Mo., 2. März 2026 um 08:00 Uhr schrieb Papers for you <\npapers@newsletter.example>:\n\n"
    + _quoted(),
    "Gmail, a phone": "%s\n\nSent from Gmail Mobile\n\nOn Mon, 2 Mar 2026, 08:00 Papers, <papers@newsletter.example> wrote:\n\n"
    + _quoted(),
    "Outlook": "%s\n\n-----Original Message-----\nFrom: Papers for you <papers@newsletter.example>\nSent: Monday, 2 March 2026 "
    "08:00\nTo: ada@example.org\nSubject: The violin\n\n" + OURS,
    "Outlook, German": "%s\n\nMit freundlichen Grüßen\nAda\n\nVon: Papers for you <papers@newsletter.example>\nGesendet: Montag, "
    "2. März 2026 08:00\nAn: ada@example.org\nBetreff: The violin\n\n" + OURS,
    "Outlook, the web": "%s\n________________________________\nFrom: Papers for you <papers@newsletter.example>\nSent: Monday, "
    "March 2, 2026 8:00 AM\nTo: Ada\nSubject: The violin\n\n" + OURS,
    "Outlook, a phone": "%s\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Papers\n"
    + OURS,
    "Apple Mail": "%s\n\n> On 2. Mar 2026, at 08:00, Papers for you <papers@newsletter.example> wrote:\n> \n"
    + _quoted(),
    "Apple Mail, a phone": "%s\n\nSent from my iPhone\n\n> On 2 Mar 2026, at 08:00, Papers <p@newsletter.example> wrote:\n> \n"
    + _quoted("\ufeff> "[1:]),
    "Apple Mail, German": "%s\n\nVon meinem iPhone gesendet\n\n> Am 02.03.2026 um 08:00 schrieb Papers <p@newsletter.example>:\n"
    + _quoted(),
    "Thunderbird": "%s\n\nOn 02/03/2026 08:00, Papers for you wrote:\n" + _quoted() + "\n-- \nAda\n+9\n",
    "Thunderbird, German, below": "Am 02.03.26 um 08:00 schrieb Papers for you:\n"
    + _quoted()
    + "\n%s\n\n-- \nAda\n+9\n",
    "K-9": "%s\n-- \nThis was written with K-9 Mail.\n\nOn March 2, 2026 8:00:00 AM GMT+01:00, Papers for you "
    "<papers@newsletter.example> wrote:\n" + _quoted(">"),
    "K-9, German": "%s\n-- \nDiese Nachricht wurde von meinem Gerät gesendet.\n\nAm 2. März 2026 08:00:00 MEZ schrieb Papers for "
    "you <papers@newsletter.example>:\n" + _quoted(">"),
    "mutt, below": "On Mon, Mar 02, 2026 at 08:00:00AM +0000, Papers for you wrote:\n" + _quoted() + "\n%s\n",
}

# HTML alone, as some phones and Exchange send it.
HTML = {
    "Gmail": '<div dir="ltr">%s</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Papers wrote:'
    "<br></div><blockquote>-7 daily</blockquote></div>",
    "Outlook": "<html><head><title>+9</title><style>p {margin:0} +8</style></head><body><p>%s</p>"
    '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Papers</p></div></div><p>-7 daily</p></body></html>',
    "Outlook, a phone": '<body><div>%s</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: x</div>-7 daily</body>',
    "Apple Mail": "<html><body>%s<div><br><blockquote type='cite'><div>On 2. Mar 2026, Papers wrote:</div>-7</blockquote></div></body>",
    "Thunderbird": '<html><head></head><body><p>%s</p><div class="moz-cite-prefix">On 02/03/2026 08:00, Papers wrote:</div>'
    "<blockquote>-7</blockquote></body></html>",
}


def answer(to: str, body: str, *, html: bool = False, sender: str = "Ada <ada@example.org>", **fields: str) -> bytes:
    """Return a mail that answers the one with a Message-ID; `fields` are header fields with _ for the hyphen."""
    written = EmailMessage()
    written["From"] = sender
    written["To"] = "papers@newsletter.example"
    given = {
        "Subject": "Re: The violin", "Message-ID": "<answer-1@reader.example>", "In-Reply-To": to, "References": to
    } | {name.replace("_", "-"): value for name, value in fields.items()}  # fmt: skip
    for name, value in given.items():
        if value:
            written[name] = value
    written.set_content(body, subtype="html" if html else "plain")
    return written.as_bytes()
