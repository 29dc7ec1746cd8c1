"""Words of a mailbox that is full, in the languages of servers: of a report that came back, and of a refusal."""

# In languages other than English, where a word for the mailbox stands near one for being full, in either order.
_MAILBOX = (
    r"postfach|mailbox|bo[iî]te|buz[oó]n|casilla|caixa|casella|postvak|brevlåda|postkasse|postboks|postilaatikko|skrzynk|"
    r"schránk|postafiók|căsu[tț]|ящик|скриньк|posta kutusu|γραμματοκιβώτι|hộp thư|kotak (surat|pesan|masuk)|邮箱|郵箱|"
    r"信箱|空间|空間|メールボックス|메일함|편지함"
)
_FILLED = (
    r"\büber\w*|\bvoll\b|pleine?\b|saturée?|llen[oa]\b|chei[oa]\b|lotad[oa]|pien[oa]\b|\bvol\b|\bfull\b|\bfullt?\b|"
    r"fuld\b|täynnä|pełn|zapełni|\bpln[áýé]\b|přepln|megtelt|betelt|\btele\b|plin[ăa]\b|перепо|запо[лв]н|\bполон|"
    r"\bdolu\b|doldu|γεμάτ|πλήρ|\bđầy|penuh|[满滿満]|一杯|いっぱい|가득|초과|꽉"
)

# Regular expressions on words in lower case.
FULL: tuple[str, ...] = (
    (
        r"(mailbox|account|inbox|maildrop|user|recipient|folder)\S* (\S+ ){0,4}(is |was |are )?(currently |"
        r"temporarily )?(almost |too )?(full|exceeded)\b"
    ),
    r"\bfull (mail ?box|inbox)",
    r"(over|exceed\w*|beyond|out of|limit of|above)\b.{0,50}\b(quota|storage|disk|space)",
    r"\b(over|disk|mail|storage|user)[ -]?quota\b",
    r"quota (has been |was |is |are )?(exceeded|full|violation|reached)",
    r"(insufficient|not enough|no|low on|lack of)( \w+){0,2} (storage|disk|space|room)\b|exceeded storage",
    (
        r"(mailbox|maildir|message store|storage)\b.{0,40}(size limit|too large|limit exceeded|exceeds? (the "
        r")?allowed)"
    ),
    r"(max|maximum) (mailbox )?size.{0,20}(exceeded|reached)",
    r"dis[ck] full|no space left|overquota|would exceed",
    r"too many messages (in|on) .{0,30}(mailbox|server)",
    r"容量|邮箱.{0,6}满|郵箱.{0,6}滿|信箱.{0,6}滿|メールボックスが(一杯|いっぱい)",
    r"bo[iî]te.{0,40}pleine|bo[iî]te.{0,60}quota|postfach.{0,30}(voll|überfüllt)|speicherplatz",
    r"buz[oó]n.{0,40}llen|переполнен|превышен|casella.{0,30}piena",
    r"exceeded (the )?(space|storage|mailbox|inbox)|mail ?box (capacity|space)",
    rf"({_MAILBOX}).{{0,40}}({_FILLED})|({_FILLED}).{{0,20}}({_MAILBOX})",
    r"quota (di|de|del)\b|용량|przepełnion",
)
