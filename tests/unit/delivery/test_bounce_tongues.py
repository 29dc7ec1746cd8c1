"""Reports whose words are not English, or that say "unknown" of somebody other than the reader."""

import pytest
from bounce_reports import ADA, dsn, group, plain

from newsletter.delivery.bounces import kind, parse
from newsletter.delivery.policy import Reply, judge

NOBODY = (
    "Benutzer unbekannt",
    "Empfänger existiert nicht",
    "Kein solcher Benutzer",
    "Utilisateur inconnu",
    "Cette boîte aux lettres n'existe pas",
    "Buzón inexistente",
    "Dirección desconocida",
    "Usuário inexistente",
    "Destinatário desconhecido",
    "L'indirizzo non esiste",
    "Gebruiker onbekend",
    "Användaren finns inte",
    "Ukendt modtager",
    "Brugeren findes ikke",
    "Tuntematon käyttäjä",
    "Nieznany użytkownik",
    "Uživatel neexistuje",
    "Používateľ neexistuje",
    "A felhasználó nem létezik",
    "Utilizator necunoscut",
    "Нет такого пользователя",
    "Користувача не знайдено",
    "Kullanıcı bulunamadı",
    "Άγνωστος χρήστης",
    "ユーザが存在しません",
    "用户不存在",
    "無此使用者",
    "없는 사용자입니다",
    "Người dùng không tồn tại",
    "Pengguna tidak ditemukan",
)
FULL = (
    "Das Postfach des Benutzers ist voll",
    "La boîte aux lettres du destinataire est pleine",
    "El buzón del usuario está lleno",
    "Caixa postal do destinatário cheia",
    "La casella postale è piena",
    "De mailbox van de ontvanger is vol",
    "Mottagarens brevlåda är full",
    "Modtagerens postkasse er fuld",
    "Postilaatikko on täynnä",
    "Skrzynka użytkownika jest pełna",
    "Schránka je plná",
    "A postafiók megtelt",
    "Почтовый ящик получателя переполнен",
    "Posta kutusu dolu",
    "用户邮箱空间已满",
    "受信者のメールボックスが満杯です",
    "메일함 용량 초과",
)
NOT_OF_THE_READER = (
    "Absender existiert nicht",
    "Adresse de l'expéditeur inconnue",
    "El remitente no existe",
    "Адрес отправителя не существует",
    "发件人不存在",
    "Unknown sender",
    "Invalid From address",
    "Return path: no such user",
    "5.7.0 invalid certificate of host",
    "mailbox unknown error: retry",
)

OF_SOMETHING_ELSE = (
    "Unbekannter Fehler im Postfach",
    "Empfänger: Server nicht gefunden",
    "Die IP-Adresse ist unbekannt",
    "Client-Adresse nicht gefunden",
    "Erreur inconnue lors de la remise au destinataire",
    "Le serveur du destinataire est introuvable",
    "Adresse IP inconnue",
    "Usuario: error desconocido",
    "Destinatario: servidor no encontrado",
    "Erro desconhecido na caixa postal",
    "Errore sconosciuto per la casella",
    "Onbekende fout bij de mailbox van de ontvanger",
    "Nieznany błąd skrzynki",
    "Неизвестная ошибка почтового ящика",
    "Bilinmeyen hata: posta kutusu",
    "不明なエラー: メールボックス",
    "サーバーのアドレスが見つかりません",
    "找不到收件人的服务器",
    "메일을 배달할 수 없습니다",
    "수신자 서버에 연결할 수 없습니다",
    "알 수 없는 오류: 수신자",
)
NOBODY_ON_A_SERVER = (
    "Fehler: Benutzer unbekannt",
    "Error: usuario desconocido",
    "En este servidor no existe el usuario",
    "L'utilisateur est introuvable sur le serveur",
    "На сервере нет такого пользователя",
    "Пользователь не найден на сервере",
    "Sunucuda kullanıcı bulunamadı",
    "服务器上找不到该用户",
    "메일함을 찾을 수 없습니다",
    "알 수 없는 사용자",
)


def said(words: str, code: str = "5.0.0") -> bytes:
    text = f"<{ADA}>: host mx.example.org[192.0.2.1] said: 550 {words} (in reply to RCPT TO command)"
    return dsn(group(ADA, code, f"550 {words}"), text=text)


@pytest.mark.parametrize("words", NOBODY)
def test_nobody_there_is_understood_in_the_languages_of_servers(words: str) -> None:
    assert [(bounce.address, bounce.kind) for bounce in parse(said(words))] == [(ADA, "hard")]


@pytest.mark.parametrize("words", FULL)
def test_full_is_never_dead_whatever_the_language_and_the_code(words: str) -> None:
    assert [bounce.kind for bounce in parse(said(words, "5.1.1"))] == ["soft"]
    assert not judge("rcpt", Reply(550, "5.1.1", words)).suppress


@pytest.mark.parametrize("words", OF_SOMETHING_ELSE)
def test_a_fault_or_a_server_that_is_unknown_takes_nobodys_mail_away(words: str) -> None:
    assert [bounce.kind for bounce in parse(said(words))] == ["soft"]


@pytest.mark.parametrize("words", NOBODY_ON_A_SERVER)
def test_who_is_unknown_is_so_though_a_server_or_a_fault_is_named_too(words: str) -> None:
    assert [bounce.kind for bounce in parse(said(words))] == ["hard"]


@pytest.mark.parametrize("words", NOT_OF_THE_READER)
def test_what_is_said_of_the_sender_is_not_said_of_the_reader(words: str) -> None:
    assert [bounce.kind for bounce in parse(said(words))] == ["soft"]


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("DNS Error: DNS type 'mx' lookup responded with code NXDOMAIN Domain name not found", "hard"),
        ("DNS Error: DNS type 'mx' lookup responded with code SERVFAIL", "soft"),
        ("550 not accepted -- invalid mailbox. Local mailbox ada@example.org is unavailable: user not found", "hard"),
        ("550 not accepted -- invalid mailbox. Local mailbox ada@example.org is unavailable: full", "soft"),
    ],
)
def test_words_of_widespread_systems(words: str, verdict: str) -> None:
    assert kind.judge("", words, "after RCPT TO") == verdict


@pytest.mark.parametrize(
    ("words", "verdict"),
    [("554 delivery error: This user doesn't have a mail.example account", "hard"), ("550 user unknown", "soft")],
)
def test_after_the_data_only_who_gives_the_accounts_is_believed(words: str, verdict: str) -> None:
    assert kind.judge("5.0.0", words, "in reply to end of DATA command") == verdict


def test_a_read_receipt_that_lost_its_type_is_none_the_less_one() -> None:
    fields = f"Final-Recipient: rfc822;{ADA}\nDisposition: automatic-action/MDN-sent-automatically; deleted\n"
    head = f"From: {ADA}\nTo: news@example.net\nSubject: Not read: Papers\nContent-Type: text/plain\n\n"
    assert parse(f"{head}Reporting-UA: program\n{fields}".encode()) == []


@pytest.mark.parametrize(
    "subject",
    ["Risposta automatica", "Automatisch antwoord", "Autosvar", "Odpowiedź automatyczna", "Автоответ", "自动回复"],
)
def test_who_is_away_in_any_language_reports_nothing(subject: str) -> None:
    body = "Messages to bob@example.com could not be delivered, user unknown.\n"
    assert parse(b"Return-Path: <>\n" + plain(body, subject=f"{subject}: Papers", sender=ADA)) == []


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Correo no entregado", "No se pudo entregar a:\n\n{}\n El buzón está lleno\n"),
        ("Onbestelbaar: Papers", "Uw bericht is niet afgeleverd bij:\n\n{}\n De mailbox is vol\n"),
        ("系统退信", "您的邮件无法投递:\n\n{}\n 邮箱空间已满\n"),
    ],
)
def test_a_report_in_running_text_is_one_in_other_languages(subject: str, body: str) -> None:
    found = parse(plain(body.format(ADA), subject=subject, sender="Mail <returns@mx.example.org>"))
    assert [(bounce.address, bounce.kind) for bounce in found] == [(ADA, "soft")]
