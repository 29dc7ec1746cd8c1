"""The table of words that servers use for a failure: for each row what follows for the address, and why.

It knows neither codes nor formats; `kind` weighs both against these words.
"""

from typing import Literal, NamedTuple

from newsletter.delivery.bounces.tongues import ANOTHER, SENDER, UNKNOWN
from newsletter.delivery.fullness import FULL


class Row(NamedTuple):
    """Phrases of one meaning: regular expressions on words in lower case, with spaces folded and addresses left out."""

    kind: Literal["hard", "soft"]
    cause: str
    rule: str
    phrases: tuple[str, ...]


# The rows are tried in their order, and the first that matches counts: what is about us or may pass stands before what
# says that an address is dead, since hard takes a reader's mail away.
WORDS: tuple[Row, ...] = (
    Row(
        "hard",
        "not in the directory",
        "RFC 3463 section 3.2, X.1.0: how widespread systems answer for addresses that they do not know",
        (
            r"5\.1\.0 address rejected|5\.5\.0 requested action not taken: mailbox unavailable",
            r"not accepted -- invalid mailbox\. +local mailbox .{0,30}user not found",
        ),
    ),
    Row(
        "hard",
        "no such domain",
        "RFC 8020: a name server that answers so says for sure that there is no such name",
        (r"\bnxdomain\b",),
    ),
    Row(
        "soft",
        "full",
        "RFC 3463 section 3.3, X.2.2: the mailbox is full, and may be emptied",
        (*FULL, r"user's (mailbox|storage)"),
    ),
    Row(
        "soft",
        "too big",
        "RFC 3463 sections 3.4 and 3.5, X.3.4 and X.4.6: this one message is too big, or turns in a circle",
        (
            (
                r"(message|mail|e-?mail|size|content|data|attachment|header)\S* (\S+ ){0,5}(too (big|large|long)|"
                r"(exceed\w*|over|above|larger|greater)\b.{0,50}(size|limit|maximum|length))"
            ),
            r"size limit|line too long|maximum (message )?size|message length|too many hops",
            r"(mail|routing|forwarding|message)[ -]?loop|hop ?count|loops? back|forwarded more than",
            r"too many (received|forwards)|trop volumineux",
        ),
    ),
    Row(
        "soft",
        "unwanted",
        "RFC 3463 section 3.8, X.7.1: what we are or what we sent is not wanted there",
        (
            r"\bspam|\bjunk\b|unsolicited|\bbulk\b|black ?list|block ?list|blocked|\bblocking|deny ?list|grey ?list",
            r"\brbl\b|dnsbl|\bsbl\b|listed (at|by|on)\b|spamhaus|spamcop|barracuda|proofpoint|cloudmark|reputation",
            r"abus(e|ive)\b|\bbanned|suspicious|phishing|virus|malware|trojan|infected|\bworm\b|\bpolic(y|ies)\b",
            (
                r"(content|message|mail|attachment|body|subject)\b.{0,40}(reject|refused|prohibit|not (allowed|"
                r"permitted|accepted))"
            ),
            r"prohibited|unauthori[sz]ed|not authori[sz]ed|permission|not permitted|access (is )?denied|denied\b",
            r"restrict|refused (to|your|by|the)|not accept(ed|ing)? (mail|messages?|e-?mail|connections?) from",
            r"indésirable|ofr_50\d|complain|\bblack[- ]?holed?",
        ),
    ),
    Row(
        "soft",
        "not believed",
        "RFC 3463 sections 3.2 and 3.8, RFC 7372: our host, our address or our signature was not believed",
        (
            r"\bptr\b|reverse (dns|lookup|map|host)|\brdns\b|no (dns|ptr|reverse)\b|cannot find your|client host",
            r"your (host|server|ip|domain|hostname|reverse|network|isp)\b|fix reverse|valid hostname|\bspf\b",
            r"sender policy|dkim|dmarc|sender ?id|purported responsible|authenti|starttls|\btls\b|encrypt|\bhelo\b",
            r"\behlo\b|relay(ing)?\b.{0,30}(den|prohib|not|reject|disallow|refus|access)",
            r"(not|no|cannot|can't|unable to|won't|don't) (an? )?(open )?(relay|\w+ relay)|insecure mail relay",
            (
                r"(sender|from (address|domain|header|field)|return[- ]path|originator|envelope[- ]from|mail "
                r"from)\b.{0,60}(reject|invalid|unknown|not (exist|found|valid|accept)|does ?n[o']t (exist|resolve)|"
                r"malformed|refus|den|verif|fail|no such)"
            ),
            r"(verif|valid|resolv|find)\w*.{0,20}\b(sender|return[- ]path)|domain of sender|sender('s)? domain",
            r"(bad|invalid|unknown|no such) (\S+ )?(sender|return[- ]path)|(bad|invalid) (from|certificate)\b",
            *SENDER,
            r"postmaster/abuse|rfc[- ]?(compliant|5322|2822|5321|2821|822)",
        ),
    ),
    Row(
        "soft",
        "too much",
        "RFC 3463 section 3.5, X.4.5: too much at once, or later perhaps",
        (
            r"\brate\b|throttl|too (many|much|frequent|fast)|\bvolume\b",
            r"(hourly|daily|sending|message|connection|recipient) (limit|quota)|limit (of|exceeded|reached)",
            r"exceeded.{0,40}limit|try (again (later|in|after|at)|later|back)|temporar|transient|unusual|deferred",
            r"slow down|resources|overload|too busy|\bbusy\b",
        ),
    ),
    Row(
        "soft",
        "disabled",
        "RFC 3463 section 3.3, X.2.1: disabled; for good or not, the server seldom says",
        (
            r"suspend|frozen|deactivat|inactiv|disabled|locked|on hold|not active|not activated|not (yet )?enabled",
            r"out of service|under maintenance|archiv[eé]e|access(ed)? recently|has been (closed|blocked)|desactiv",
            r"désactiv|gesperrt|заблокирован",
        ),
    ),
    Row(
        "soft",
        "filtered",
        "RFC 3463 section 3.8: the reader's own filter, or a list that takes mail of its members only",
        (
            r"(message|mail) filter|filtered|domain filter|user reject|rejected by (the )?(recipient|user)",
            r"refused by (the )?(recipient|user)|recipient'?s? (refus|has reject|does not want|only accept)",
            r"members? only|only (accepts?|members?)",
            r"not (allowed|permitted) to (send|post|contact)|subscriber|moderat",
            r"permiso|拒否",
        ),
    ),
    Row(
        "soft",
        "broken",
        "RFC 3463 sections 3.3 and 3.4, X.3.0, X.3.5: a program or a server failed at its work",
        (
            r"command (output|died|line)|procmail|maildrop:|could ?n[o']t create|pipe to|\bmailer error",
            r"exit(ed)? (status|with)|died with|service unavailable|system error|operating system",
            r"internal (server )?error|local (configuration )?error|configuration|protocol error|out of memory",
            r"unknown error|shared object|child status|no such file|cannot open|process(ing)? error",
            *ANOTHER,
        ),
    ),
    Row(
        "soft",
        "expired",
        "RFC 3463 section 3.5, X.4.1, X.4.4, X.4.7: the way there is broken, or time ran out",
        (
            r"timed? ?-?out|expired|in (the )?queue (too|for|longer)|too long|retry time|gave up|delivery time",
            r"could not be delivered (for|within)|for more than \d|after \d+(\.\d+)? (hour|day)",
            r"connection (refused|lost|dropped|reset|closed|failed|was|timed)|lost connection|connect to|network",
            r"unreachable|no route|cannot connect|unable to connect|could ?n[o']t connect|no answer|not respond",
            r"server (is )?(down|unavailable)|dns (error|server|query|fail)|name server (error|timeout|fail)",
            r"not found, try again|servfail|lookup (failure|fail)|temporary (failure|lookup)|i/o error",
            r"all (relevant )?mx|mx (record|hosts?)\b.{0,40}(point|refer|failed|resolv)|malformed dns",
            r"lowest.numbered mx|could not find a gateway",
            r"no address associated|look up host|bad (dns|address record)",
            r"delivery attempts? (have |has )?failed|unable to deliver .{0,40}within|message expired",
        ),
    ),
    Row(
        "hard",
        "unknown",
        "RFC 3463 section 3.2, X.1.1 and X.1.6: nobody there has that address, or no more",
        (
            (
                r"(user|recipient|address|account|mail ?box|person|addressee|login|alias|local[- ]part|adresse|"
                r"destinat\w+|benutzer|usuario|rcpt)\S* (\S+ ){0,5}?(is |was |are )?(unknown|not (be )?(known|found|"
                r"valid|listed|exist|recogni[sz]ed|registered|on (this|our) server|a valid|a known|our customer|"
                r"handled|hosted|local)|non-?exist\w*|invalid|(does|do|did|could|can) ?n[o']t (be )?(exist|found|"
                r"have an? |"
                r"match|seem to exist)|doesnt exist|no longer|never existed|inconnu\w*|invalide|nonexistent|terminated|"
                r"deleted|expunged|inexist\w+|n'existe|no existe|nicht gefunden|unbekannt|desconocid\w+)"
            ),
            (
                r"(unknown|no such|non-?existent|invalid|illegal|bad|unrecogni[sz]ed|undefined|not a valid|incorrect|"
                r"inexistent|unregistered|not our) (\S+ ){0,3}?(user|recipient(?!s)|address|"
                r"account|mail ?box|person|addressee|local[- ]?part|alias|name here|customer|rcpt)\w*\b"
            ),
            r"\bno (\S+ )?(user|mail ?box|account|recipient|addressee)\b",
            r"(doesn't|does not) have an? (\S+ ){0,3}account",
            r"not (be )?(found|listed) in (\S+ ){0,5}(directory|address book|domino|recipient)|user_?unknown",
            r"unknown_?user|recipnotfound|no valid recipients for",
            r"no (mailbox|account|user|one|recipient)s? (\S+ ){0,3}(by|with|of|at) that|unknown or illegal",
            r"couldn't be found|could not be found|wasn't found|was not found at",
            r"don't know (that|this|the) (user|recipient|address)",
            r"(can't|cannot|couldn't|unable to) find (\S+ ){0,3}(user|recipient|mailbox|account)",
            r"あて先.{0,20}見つかりません",
            r"見つかりません|ユーザー?が存在し|存在しません|宛先不明|не существует",
            r"не найден|n[aã]o existe|nie istnieje|nem l[eé]tezik",
            r"unknown in local recipient|check if (the )?address is correct|retired|moved to|has moved",
            r"no longer (\S+ ){0,4}(valid|here|available|in use|works|employed|exists?|on server|with)",
            r"(nobody|no one|no-one) (\S+ ){0,2}(by|at|with|of|here)\b|account unavailable|no longer accepts? mail",
            r"mailbox not present|(address|user|recipient) (has been|was) (replaced|changed|removed)",
            r"bad (destination )?(mailbox )?address\b|existe pas\b|n'est pas (connu|valide)",
            *UNKNOWN,
            r"onbekend|bestaat niet|finns inte|ukjent|nie ma takiego|sconosciut\w+|inesistente",
        ),
    ),
    Row(
        "hard",
        "no such domain",
        "RFC 3463 section 3.2, X.1.2, and RFC 7505: no such domain, or one that takes no mail",
        (
            (
                r"(host|domain|mail server|server name)\S* (\S+ ){0,6}?(unknown|(was |could )?not (be )?found|"
                r"does ?n[o']t exist|not exist|non-?exist\w*|couldn't be found|invalid|no longer)"
            ),
            r"(unknown|no such|non-?existent|invalid|bad) (\S+ )?(host|domain|destination)",
            r"unrouteable (mail )?(address|domain)|unroutable|nxdomain|null mx",
            r"does ?n[o']t (accept|receive|have) (any )?(e-?)?mail|no mail (service|exchanger)|illegal host",
            r"name or service not known|no mx (or|and|record)|couldn't find any host named",
        ),
    ),
)
