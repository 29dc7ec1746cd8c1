"""What Amazon SNS posts, with an SNS on loopback to ask: signatures, certificates, confirmations, raw delivery."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import relays
import web_server
from newsroom import NOW, Newsroom, address, papers
from web_server import Page, moved
from webroom import Site, open_site

from newsletter.store import suppressions

CONFIRMS = f"/?Action=ConfirmSubscription&TopicArn={relays.TOPIC}&Token=2336412f37fb687f5d51e6"


class Desk:
    """The page of SES, and the SNS that it asks."""

    def __init__(self, site: Site, amazon: web_server.WebServer) -> None:
        self.site = site
        self.amazon = amazon

    async def post(self, body: Any, **options: Any) -> httpx.Response:
        """Post as SNS does: what is JSON says that it is text."""
        headers = {"Content-Type": "text/plain; charset=UTF-8", **options.pop("headers", {})}
        return await self.site.client.post("/hooks/ses", content=json.dumps(body), headers=headers, **options)

    async def suppressed(self) -> dict[str, str]:
        """Return who is suppressed, and why."""
        async with self.site.room.database.connect() as connection:
            return await suppressions.among(connection, [address("ada")])


@pytest.fixture
async def subscribed(room: Newsroom) -> Newsroom:
    """A newsletter whose relay took a mail to Ada, on both engines."""
    room.set("hooks", ses_topics=(relays.TOPIC,))
    await room.take_in(*papers(1))
    await room.subscribe("ada")
    await room.compose()
    await room.say("UPDATE deliveries SET state = 'sent', text = 'Ok 0102018f6d2c7a11-5f0e3c1a'")
    return room


@pytest.fixture
async def desk(subscribed: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Its page for SES."""
    async with relays.amazon(monkeypatch, tmp_path) as (server, proxy):
        subscribed.set("feeds", proxy=proxy)
        async with open_site(subscribed) as site:
            yield Desk(site, server)


def bounce(**values: Any) -> dict[str, Any]:
    """Return a notification that Ada's address is dead."""
    return relays.ses("Bounce", address("ada"), **values)


async def test_a_notification_of_each_version_is_believed(desk: Desk) -> None:
    for version in ("1", "2"):
        for subject in ("Amazon SES Email Event Notification", None, ""):
            answer = await desk.post(relays.sns(bounce(), version=version, Subject=subject))
            assert (answer.status_code, answer.text) == (200, "Taken: 1 of 1.\n"), (version, subject)
    assert await desk.suppressed() == {address("ada"): "a hard bounce 5.1.1"}


async def test_the_certificate_is_asked_for_once(desk: Desk) -> None:
    for number in range(3):
        assert (await desk.post(relays.sns(bounce(feedbackId=str(number))))).status_code == 200
    assert desk.amazon.paths == [relays.PEM]
    # It holds for a year, whatever the server says by then.
    del desk.amazon.pages[relays.PEM]
    desk.site.room.clock.step(days=200)
    assert (await desk.post(relays.sns(bounce(), at=desk.site.room.clock.now()))).status_code == 200
    desk.site.room.clock.step(days=200)
    assert (await desk.post(relays.sns(bounce(), at=desk.site.room.clock.now()))).status_code == 403


def forgeries() -> list[tuple[str, dict[str, Any]]]:
    """Return messages that are wrong in one thing each."""
    whole = relays.sns(bounce())
    other = relays.ses("Bounce", address("bob"))
    return [
        ("message", {**whole, "Message": json.dumps(other)}),
        ("no signature", {name: value for name, value in whole.items() if name != "Signature"}),
        ("signature", {**whole, "Signature": "AAAA"}),
        ("base64", {**whole, "Signature": "%%%"}),
        ("version", {**whole, "SignatureVersion": "2"}),
        ("unknown version", {**whole, "SignatureVersion": "3"}),
        ("time", {**whole, "Timestamp": "2026-03-02T09:00:01.000Z"}),
        ("no time", {name: value for name, value in whole.items() if name != "Timestamp"}),
        ("message id", {**whole, "MessageId": "other"}),
        ("subject", {**whole, "Subject": "other"}),
        ("subject gone", {name: value for name, value in whole.items() if name != "Subject"}),
        ("type", {**whole, "Type": "UnsubscribeConfirmation"}),
        ("topic", relays.sns(bounce(), TopicArn=f"{relays.TOPIC}2")),
        ("topic of others", relays.sns(bounce(), TopicArn=relays.TOPIC.replace("123456789012", "210987654321"))),
        ("old", relays.sns(bounce(), at=NOW - timedelta(hours=2, seconds=1))),
        ("ahead", relays.sns(bounce(), at=NOW + timedelta(minutes=6))),
        ("moved line", {**whole, "MessageId": f"{whole['MessageId']}\nSubject\nx"}),
    ]


async def test_a_forged_message_is_refused(desk: Desk) -> None:
    for what, message in forgeries():
        assert (await desk.post(message)).status_code == 403, what
    assert await desk.suppressed() == {}
    assert await desk.site.room.rows("SELECT * FROM bounces") == []


ELSEWHERE = [
    f"http://{relays.HOST}{relays.PEM}",
    f"https://{relays.HOST}:8443{relays.PEM}",
    f"https://{relays.HOST}:443{relays.PEM}",
    f"https://user@{relays.HOST}{relays.PEM}",
    f"https://{relays.HOST}@evil.example{relays.PEM}",
    f"https://{relays.HOST}.evil.example{relays.PEM}",
    f"https://evil.example/{relays.HOST}{relays.PEM}",
    f"https://evil.example#{relays.HOST}{relays.PEM}",
    f"https://evil.example\\@{relays.HOST}{relays.PEM}",
    f"https://{relays.HOST.upper()}{relays.PEM}",
    f"https://sns.us-east-1.amazonaws.com{relays.PEM}",
    f"https://sns.eu-west-1.amazonaws.com.cn{relays.PEM}",
    f"https://bucket.s3.eu-west-1.amazonaws.com{relays.PEM}",
    f"https://sns.eu-west-1.amazonaws.com.evil.example{relays.PEM}",
    f"https://{relays.HOST}/other.pem",
    f"https://{relays.HOST}/x/..{relays.PEM}",
    f"https://{relays.HOST}{relays.PEM}?x=1",
    f"https://{relays.HOST}{relays.PEM}#x",
    f"https://{relays.HOST}\n{relays.PEM}",
    f" https://{relays.HOST}{relays.PEM}",
    f"file://{relays.PEM}",
    "https://127.0.0.1/SimpleNotificationService-1.pem",
    "https://[::1]/SimpleNotificationService-1.pem",
    "",
]


async def test_a_certificate_elsewhere_is_not_asked_for(desk: Desk) -> None:
    for url in ELSEWHERE:
        assert (await desk.post(relays.sns(bounce(), SigningCertURL=url))).status_code == 403, url
    assert desk.amazon.asked == []
    assert await desk.suppressed() == {}


WRONG = [
    (Page(relays.sns_certificate("evil.example")), 403),
    (Page(relays.sns_certificate("sns.amazonaws.com.evil.example")), 403),
    (Page(relays.sns_certificate(key=relays.sendgrid_key())), 403),
    (Page(relays.sns_certificate(key=relays.rsa.generate_private_key(65537, 2048))), 403),
    (Page(relays.sns_certificate(since=NOW - timedelta(days=400))), 403),
    (Page(relays.sns_certificate(since=NOW + timedelta(days=1))), 403),
    (Page(b"no certificate"), 403),
    (Page(), 403),
    (Page(relays.sns_certificate() + b"\n" * 70_000), 503),
    (Page(relays.sns_certificate(), "500 Oops"), 503),
    (moved("https://evil.example/certificate.pem"), 503),
    (moved(f"{relays.CERTIFICATE}?"), 503),
]


async def test_a_certificate_that_is_wrong_proves_nothing(desk: Desk) -> None:
    paths = [f"/SimpleNotificationService-{number}.pem" for number, _ in enumerate(WRONG)]
    for path, (page, status) in zip(paths, WRONG, strict=True):
        desk.amazon.pages[path] = page
        message = relays.sns(bounce(), SigningCertURL=f"https://{relays.HOST}{path}")
        assert (await desk.post(message)).status_code == status, page
    # Redirects lead nowhere.
    assert desk.amazon.paths == paths
    assert await desk.suppressed() == {}


async def test_a_certificate_that_did_not_come_is_asked_for_later(desk: Desk) -> None:
    page = desk.amazon.pages.pop(relays.PEM)
    for _ in range(3):
        assert (await desk.post(relays.sns(bounce()))).status_code == 503
    assert desk.amazon.paths == [relays.PEM]
    desk.amazon.pages[relays.PEM] = page
    desk.site.room.clock.step(hours=1)
    assert (await desk.post(relays.sns(bounce()))).status_code == 200


async def test_made_up_certificates_are_not_asked_for_without_end(desk: Desk) -> None:
    assert (await desk.post(relays.sns(bounce()))).status_code == 200
    paths = [f"https://{relays.HOST}/SimpleNotificationService-{number:032x}.pem" for number in range(40)]
    answers = [await desk.post(relays.sns(bounce(), SigningCertURL=path)) for path in paths]
    assert {one.status_code for one in answers} == {503}
    assert len(desk.amazon.asked) == 20
    # The one that is known goes on to count.
    assert (await desk.post(relays.sns(bounce()))).status_code == 200


async def test_copies_that_come_at_once_ask_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.post(relays.sns(bounce())) for _ in range(5)))
    assert {one.text for one in answers} == {"Taken: 1 of 1.\n"}
    assert desk.amazon.paths == [relays.PEM]
    assert len(await desk.site.room.rows("SELECT * FROM bounces")) == 1


async def test_a_host_that_is_of_this_network_is_not_asked(
    subscribed: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.feeds.fetching import Fetcher
    from newsletter.pipeline.notary import Notary

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    notary = Notary(
        subscribed.clock, subscribed.app.settings, lambda terms, clock: Fetcher(terms, clock, resolve=resolve)
    )
    with pytest.raises(Exception, match="cannot be asked") as raised:
        await notary.certificate(relays.CERTIFICATE)
    assert "of this machine" in str(raised.value.__cause__)


# Confirmations


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_subscription_is_confirmed_by_asking_sns(desk: Desk, version: str) -> None:
    desk.amazon.pages[CONFIRMS] = Page(b"<ConfirmSubscriptionResponse/>")
    answer = await desk.post(relays.confirming(SignatureVersion=version))
    assert (answer.status_code, answer.text) == (200, "Taken: 0 of 0.\n")
    assert desk.amazon.paths == [relays.PEM, CONFIRMS]


NOT_SNS = [
    "https://evil.example/?Action=ConfirmSubscription",
    f"http://{relays.HOST}{CONFIRMS}",
    f"https://{relays.HOST}:444{CONFIRMS}",
    f"https://{relays.HOST}@127.0.0.1{CONFIRMS}",
    f"https://sqs.eu-west-1.amazonaws.com{CONFIRMS}",
    f"https://{relays.HOST}/?Action=DeleteTopic&TopicArn={relays.TOPIC}&Token=1",
    f"https://{relays.HOST}/?Action=ConfirmSubscription&TopicArn={relays.TOPIC}2&Token=1",
    f"https://{relays.HOST}/?Action=ConfirmSubscription&Action=DeleteTopic&TopicArn={relays.TOPIC}&Token=1",
    f"https://{relays.HOST}{CONFIRMS}" + "&x=1" * 20,
    "",
]


async def test_a_confirmation_elsewhere_is_not_asked_for(desk: Desk) -> None:
    for url in NOT_SNS:
        assert (await desk.post(relays.confirming(SubscribeURL=url))).status_code == 403, url
    assert desk.amazon.paths == [relays.PEM]


async def test_a_forged_confirmation_asks_nothing(desk: Desk) -> None:
    forged = {**relays.confirming(), "SubscribeURL": f"https://{relays.HOST}{CONFIRMS}&x"}
    assert (await desk.post(forged)).status_code == 403
    assert (await desk.post(relays.confirming(TopicArn=f"{relays.TOPIC}2"))).status_code == 403
    assert desk.amazon.paths == [relays.PEM]


async def test_a_confirmation_that_sns_does_not_take_is_told_again(desk: Desk) -> None:
    for page in (Page(status="404 Not Found"), moved("https://evil.example/"), moved(f"https://{relays.HOST}/other")):
        desk.amazon.pages[CONFIRMS] = page
        assert (await desk.post(relays.confirming())).status_code == 503
    assert desk.amazon.paths == [relays.PEM, *[CONFIRMS] * 3]


async def test_the_end_of_a_subscription_is_told_and_not_undone(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert (await desk.post(relays.confirming("UnsubscribeConfirmation"))).status_code == 200
    assert desk.amazon.paths == [relays.PEM]
    assert "SNS reports no more" in capsys.readouterr().out


# Raw delivery


RAW = {"x-amz-sns-rawdelivery": "true", "x-amz-sns-topic-arn": relays.TOPIC}


async def test_raw_delivery_needs_a_password_of_the_settings(desk: Desk, tmp_path: Path) -> None:
    assert (await desk.post(bounce(), headers=RAW)).status_code == 403
    (tmp_path / "password").write_text(relays.PASSWORD)
    desk.site.room.set("hooks", ses_password_file=Path("password"))
    async with open_site(desk.site.room) as site:
        guarded = Desk(site, desk.amazon)
        auth = ("sns", relays.PASSWORD)
        first = await guarded.post(bounce(), headers=RAW)
        # SNS asks without a password first, and gives it when it is asked to.
        assert (first.status_code, first.headers["www-authenticate"]) == (401, 'Basic realm="reports"')
        assert (await guarded.post(bounce(), headers=RAW, auth=("sns", "wrong"))).status_code == 401
        other = {**RAW, "x-amz-sns-topic-arn": f"{relays.TOPIC}2"}
        assert (await guarded.post(bounce(), headers=other, auth=auth)).status_code == 403
        assert await desk.suppressed() == {}
        assert (await guarded.post(bounce(), headers=RAW, auth=auth)).text == "Taken: 1 of 1.\n"
        # And what is signed needs it then too.
        assert (await guarded.post(relays.sns(bounce()))).status_code == 401
        assert (await guarded.post(relays.sns(bounce()), auth=auth)).status_code == 200
    assert await desk.suppressed() == {address("ada"): "a hard bounce 5.1.1"}
    assert len(await desk.site.room.rows("SELECT * FROM bounces")) == 1
