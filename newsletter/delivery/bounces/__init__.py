"""Mail that came back, read: reports of failed delivery and complaints become values; knows nothing of subscribers."""

from newsletter.delivery.bounces import complaint, kind, mime, report, ses, text
from newsletter.delivery.bounces.bounce import Bounce, Kind, in_one_line

__all__ = ["Bounce", "Kind", "parse"]

_MOST = 100
# RFC 3464 section 2.3.3: these tell of no failure.
_WENT_WELL = frozenset({"delivered", "relayed", "expanded", "deliverable"})


def parse(raw: bytes) -> list[Bounce]:
    """Return what a mail says of each address that did not take a message, or complained of one.

    Automatic replies, read receipts, reports of success and ordinary mail give an empty list. A warning of a delay is a
    soft one with `delayed` set. Never raises; reads the first 512 kB. Rules: RFC 3464, 3834, 5965, 6522, 8098, and
    for older reports what servers are known to write.
    """
    mail = mime.read(raw)
    if report.disposed(mail):
        return []
    found = complaint.complaints(mail) or ses.notified(mail)
    if found:
        return _once(found)
    groups = report.recipients(mail)
    return _once(_by_report(mail, groups) if any(group.address for group in groups) else _by_text(mail))


def _by_report(mail: mime.Mail, groups: list[report.Recipient]) -> list[Bounce]:
    lines = text.readable(mail)
    named = [group.address for group in groups]
    found = []
    for group in groups:
        # RFC 3464 section 2.3.3 and RFC 3463 section 2: by its action, or by a code of success.
        if not group.address or group.action in _WENT_WELL or (group.action != "failed" and group.status[:2] == "2."):
            continue
        near = text.at(lines, group.original if group.original and len(groups) > 1 else group.address, named)
        if not near and len(groups) == 1:
            near = "\n".join(lines)
        code = kind.status(group.status, group.diagnostic or near)
        said = group.diagnostic or group.status.partition("(")[2]
        delayed = group.action == "delayed"
        verdict = "soft" if delayed else kind.judge(code, said, near)
        original = group.original if group.original != group.address else ""
        found.append(
            Bounce(group.address, verdict, code, in_one_line(said or near), delayed=delayed, original_address=original)
        )
    return found


def _by_text(mail: mime.Mail) -> list[Bounce]:
    found = []
    for told in text.told(mail):
        code = kind.status("", told.words) or kind.status("", told.context)
        verdict = "soft" if told.delayed else kind.judge(code, told.words, told.context)
        found.append(Bounce(told.address, verdict, code, in_one_line(told.words or told.context), delayed=told.delayed))
    return found


def _once(found: list[Bounce]) -> list[Bounce]:
    # One report may name an address twice: what is final stays, and of that the milder word.
    kept: dict[str, Bounce] = {}
    for one in found:
        before = kept.get(one.address.casefold())
        milder = before is not None and before.kind == "hard" and one.kind == "soft" and not one.delayed
        if before is None or (before.delayed and not one.delayed) or milder:
            kept[one.address.casefold()] = one
    return list(kept.values())[:_MOST]
