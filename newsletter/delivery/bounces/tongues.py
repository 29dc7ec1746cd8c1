"""Words for an address that nobody has, for a sender, and for the kind of a mail, in the languages of servers.

A word for the mailbox or its owner that stands near one for not being there, in either order: no grammar is needed, and
a sentence that nobody foresaw is still understood. Regular expressions on words in lower case. English is in `phrases`.
"""

# Stems: of languages that bend their nouns, what stays the same.
_MAILBOX_OR_OWNER = (
    r"benutzer|nutzer|empfänger|postfach|adresse|utilisateur|destinataire|bo[iî]te|compte|usuario|destinatari|"
    r"buz[oó]n|direcci[oó]n|cuenta|casilla|usuári|destinatári|caixa|endere[cç]o|utente|casella|indirizzo|gebruiker|"
    r"ontvanger|postvak|postbus|användare|mottaga|brevlåda|bru[kg]er|mottaker|postkasse|modtager|käyttäj|vastaanottaj|"
    r"osoite|postilaatikko|użytkowni|odbiorc|skrzynk|\badres|uživatel|příjemc|schránk|používateľ|príjemc|"
    r"felhasználó|címzett|postafiók|utilizator|destinatar|căsu[tț]|пользовател|адрес|получател|ящик|користувач|"
    r"одержувач|скриньк|kullanıcı|alıcı|posta kutusu|χρήστη|παραλήπτη|διεύθυνση|γραμματοκιβώτι|người dùng|"
    r"người nhận|địa chỉ|hộp thư|pengguna|penerima|alamat|kotak (surat|pesan)|用户|用戶|使用者|收件人|邮箱|郵箱|"
    r"信箱|账号|帳號|帐号|地址|사용자|수신자|받는 ?사람|메일함|주소|계정|ユーザ|宛先|受信者|メールボックス|アドレス"
)
_NOT_THERE = (
    r"unbekannt|existiert nicht|nicht (gefunden|vorhanden|bekannt)|kein(e|en)? solche|inconnu|introuvable|n'existe|"
    r"existe pas|desconocid|inexist|no existe|no encontrad|no se (ha )?enc(o|ue)ntr|desconhecid|n[aã]o (existe|"
    r"encontrad|foi encontrad)|sconosciut|inesistent|non (esiste|trovat)|onbekend|bestaat niet|niet gevonden|okänd|"
    r"(finns|existerar|finnes|eksisterer|findes) (inte|ikke)|ukjent|ukendt|tuntema|ei ole olemassa|ei löyd|nieznan|"
    r"nie (istnieje|znalezion|ma takie)|neexist|neznám|nenalezen|ismeretlen|nem (létez|található)|necunoscut|"
    r"nu (există|exista)|\bне (найден|существует|знайдено|існує)|неизвест|невідом|нет таког|bulunamad|bulunmuyor|"
    r"mevcut değil|bilinmeyen|böyle bir|άγνωστ|δεν (υπάρχει|βρέθηκε)|không tồn tại|không tìm thấy|tidak (ditemukan|"
    r"dikenal|ada\b)|不存在|[无無]此|没有[此该這]|查[无無]|未找到|找不到|존재하지|(?<!수 )없(는|습니다)|"
    r"(찾을|알) 수 없|存在しま|見つかりま|不明"
)
_SENDER = (
    r"absender|expéditeur|remitente|remetente|mittente|afzender|avsända|avsender|afsender|lähettäj|nadawc|odesílatel|"
    r"odosielateľ|feladó|expeditor|отправител|відправник|gönderen|αποστολέ|người gửi|pengirim|发件人|發件人|寄件|"
    r"보낸 ?사람|발신|送信者|差出人"
)

# What is not there, or not known, and is neither a mailbox nor its owner: a fault, a server, an address of one.
_ANOTHER = (
    r"fehler|erreur|error|erro|errore|fout|\bfel\b|fejl|\bfeil|virhe|błąd|błędu|chyb|\bhiba|eroare|ошибк|помилк|\bhata|"
    r"σφάλμα|\blỗi|kesalahan|错误|錯誤|오류|エラー|serve[ur]\w*|servidor|sunucu|serwer|сервер|διακομιστ|máy chủ|服务器|"
    r"伺服器|서버|サーバ|\bhost|主机|主機|호스트|ホスト|(\bip|client|rechner|server)-?adress|adresse ip|"
    r"(direcci[oó]n|endere[cç]o|indirizzo|adres|alamat|địa chỉ) ip|ip[- ]?адрес|ip ?(地址|주소|アドレス)"
)
# Between both, if anything: an ending, whose it is, and a verb. A colon ends what is said of it.
_OF_THEM = (
    r"[^\s:;,.(]{0,8}(\s(du|de|del|des|der|do|van)\s((la|le|el|het|de)\s)?[^\s:;,]{1,20})?"
    r"(\s(est|ist|wurde|è|está|não foi|is|was|werd|är|er))?\s?"
)
ANOTHER: tuple[str, ...] = (
    # Who is named behind it is who is not there: `no existe el usuario`.
    rf"({_ANOTHER}){_OF_THEM}({_NOT_THERE})(?!.{{0,4}}({_MAILBOX_OR_OWNER}))",
    rf"({_NOT_THERE})[^\s:;,.(]{{0,8}}\s?({_ANOTHER})",
)
UNKNOWN: tuple[str, ...] = (
    rf"({_MAILBOX_OR_OWNER}).{{0,40}}({_NOT_THERE})",
    rf"({_NOT_THERE}).{{0,25}}({_MAILBOX_OR_OWNER})",
)
SENDER: tuple[str, ...] = (rf"({_SENDER}).{{0,60}}({_NOT_THERE})", rf"({_NOT_THERE}).{{0,25}}({_SENDER})")

# Subjects of programs that answer for somebody who is away.
AWAY = (
    r"\booo\b|abwesen|absence|fuera de (la )?oficina|fuori (sede|ufficio)|afwezig|"
    r"(auto|otomatik|automa\w*)[- ]?(svar|antwoord|vastaus|odpověď|odpoveď|válasz|yanıt)|"
    r"r(é|e)ponse automatique|(respuesta|resposta|risposta) automática?|risposta automatica|odpowiedź automatyczna|"
    r"răspuns automat|авто(матический )?ответ|автовідповід|αυτόματη απάντηση|自动回复|自動回覆|自動回復|"
    r"자동 ?(회신|응답)|自動(返信|応答)"
)
# Subjects and words of reports on delivery.
CAME_BACK = (
    r"no entregad|não entregue|não entregad|mancat[ao] (recapito|consegna)|onbestelbaar|niedostarcz|nedoručiteln|"
    r"недоставлен|teslim edilemedi|olevere|退信|退回|반송|배달 ?(실패|불가)"
)
NOT_DELIVERED = (
    r"no (se )?pudo (ser )?entrega|não p[ôo]de ser entreg|non (è stat[oa]|può essere) (recapitat|consegnat)|"
    r"(niet|kon niet worden) (afgeleverd|bezorgd)|nie mogła zostać dostarczona|nebylo možné doručit|не доставлено|"
    r"teslim edilemedi|kunde inte levereras|n'a pas (été|pu être) (remis|distribu|délivr)|无法(投递|送达)|"
    r"無法(投遞|傳送|遞送)|전달되지|배달할 수 없"
)
