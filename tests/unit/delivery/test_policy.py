"""A refusal is about the reader or about us, and pauses grow."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.policy import (
    ENHANCED,
    Reply,
    Stage,
    Verdict,
    give_up,
    judge,
    next_pause,
    read,
    reconnect_pause,
    rule_for,
    weigh,
)


@pytest.mark.parametrize(
    ("code", "message", "reply"),
    [
        (550, "5.1.1 No such user", Reply(550, "5.1.1", "No such user")),
        (550, "5.1.1 No such user\n5.1.1 Try again", Reply(550, "5.1.1", "No such user Try again")),
        (550, "No such user", Reply(550, "", "No such user")),
        (550, "4.2.1 of another class", Reply(550, "", "4.2.1 of another class")),
        (250, "2.0.0 Ok: queued as 4F", Reply(250, "2.0.0", "Ok: queued as 4F")),
        (550, "5.7.26", Reply(550, "5.7.26", "")),
        (550, "5.7.1.9 is no such code", Reply(550, "", "5.7.1.9 is no such code")),
        (450, "4.2.1 a\x00b\x1b[31m\udc80c", Reply(450, "4.2.1", "a b [31m c")),
    ],
)
def test_the_enhanced_code_is_told_from_the_words(code: int, message: str, reply: Reply) -> None:
    assert read(code, message) == reply


def test_a_long_answer_is_cut() -> None:
    assert len(read(550, "x" * 10_000).text) == 500


READER = Verdict("rejected", "reader")
DEAD = Verdict("rejected", "reader", suppress=True)
US = Verdict("deferred", "us")
STOP = Verdict("deferred", "us", stop=True)


@pytest.mark.parametrize(
    ("stage", "code", "message", "verdict"),
    [
        ("rcpt", 550, "5.1.1 unknown", DEAD),
        ("rcpt", 550, "5.1.10 null MX", DEAD),
        ("rcpt", 553, "5.1.3 bad syntax", DEAD),
        ("rcpt", 550, "5.2.1 disabled", DEAD),
        ("data", 550, "5.1.1 unknown", DEAD),
        ("rcpt", 550, "5.1.2 no such domain", DEAD),
        ("rcpt", 550, "5.1.6 moved", DEAD),
        ("rcpt", 556, "The domain takes no mail", DEAD),
        ("rcpt", 551, "User not found; try elsewhere", DEAD),
        ("rcpt", 553, "sorry, no mailbox here by that name", DEAD),
        ("rcpt", 550, "5.1.0 Address rejected: User unknown in relay table", DEAD),
        ("rcpt", 550, "5.2.1 The mailbox is full", READER),
        ("rcpt", 550, "5.2.1 The user is receiving mail at a rate that prevents more", READER),
        ("rcpt", 550, "5.2.1 Refused by a filter of that mailbox", READER),
        ("rcpt", 550, "5.1.1 The mailbox has exceeded its storage", READER),
        ("rcpt", 550, "5.1.4 two mailboxes fit", READER),
        ("rcpt", 552, "No such user here", READER),
        ("data", 550, "User unknown", READER),
        ("rcpt", 552, "5.2.2 mailbox full", READER),
        ("data", 552, "5.2.2 mailbox full", READER),
        ("rcpt", 550, "5.4.4 no route", READER),
        ("rcpt", 550, "No such user here", DEAD),
        ("rcpt", 554, "delivery error: dd This user doesn't have a yahoo.com account (b@yahoo.com) [0] - mta", DEAD),
        ("rcpt", 554, "delivery error: dd This user doesn\u2019t have a yahoo.co.jp account (b@yahoo.co.jp)", DEAD),
        ("data", 554, "delivery error: dd This user doesn't have a yahoo.com account (b@yahoo.com) [-5]", READER),
        (
            "rcpt",
            554,
            "dd Sorry your message to b@yahoo.com cannot be delivered. This account has been disabled",
            READER,
        ),
        ("rcpt", 554, "The user does not have an account here, or sends us spam", READER),
        ("rcpt", 550, "5.5.0 Requested action not taken: mailbox unavailable", READER),
        ("rcpt", 554, "User unknown", DEAD),
        ("rcpt", 550, "", READER),
        ("rcpt", 550, "5.0.0 User unknown", DEAD),
        ("rcpt", 552, "Mailbox over its quota", READER),
        ("rcpt", 550, "5.7.1 relay denied", US),
        ("rcpt", 554, "5.7.1 Service unavailable; Client host blocked", US),
        ("rcpt", 554, "Transaction failed", US),
        ("rcpt", 554, "Your account has been disabled", US),
        ("rcpt", 554, "This account has been disabled", US),
        ("rcpt", 554, "The sender doesn't have an account here", US),
        ("rcpt", 550, "5.7.1 This user doesn't have a yahoo.com account", US),
        ("rcpt", 550, "5.5.0 Requested action not taken", US),
        ("data", 550, "5.5.0 Requested action not taken: mailbox unavailable", US),
        ("rcpt", 550, "Blocked, see our policy", US),
        ("rcpt", 550, "5.4.5 Daily sending quota exceeded", US),
        ("rcpt", 550, "5.5.3 Too many recipients", US),
        ("rcpt", 550, "5.1.8 Sender domain not found", US),
        ("rcpt", 550, "5.1.0 <b+1-a@x.org>: Sender address rejected: User unknown in local recipient table", US),
        ("rcpt", 550, "Verification failed for <b@x.org> No Such User Here Sender verify failed", US),
        ("data", 554, "", US),
        ("data", 550, "5.7.515 Access denied", US),
        ("data", 554, "5.6.0 bad content", US),
        ("mail", 550, "5.7.1 sender not allowed", STOP),
        ("mail", 553, "", STOP),
        ("mail", 550, "5.1.1 unknown sender", STOP),
        ("rcpt", 530, "5.7.0 Authentication required", STOP),
        ("mail", 530, "5.7.0 Authentication required", STOP),
        ("data", 535, "5.7.8 bad credentials", STOP),
        ("mail", 552, "5.3.4 too big", Verdict("rejected", "us")),
        ("data", 552, "5.3.4 too big", Verdict("rejected", "us")),
        ("rcpt", 552, "5.2.3 too long for that mailbox", Verdict("rejected", "us")),
        ("mail", 553, "5.6.7 no international addresses", READER),
        ("rcpt", 450, "4.2.1 busy", Verdict("deferred", "reader")),
        ("rcpt", 451, "4.7.1 greylisted", Verdict("deferred", "us")),
        ("mail", 452, "4.3.1 full", Verdict("deferred", "us")),
        ("data", 421, "4.7.0 slow down", Verdict("deferred", "us")),
    ],
)
def test_what_a_refusal_means(stage: Stage, code: int, message: str, verdict: Verdict) -> None:
    assert judge(stage, read(code, message)) == verdict


@pytest.mark.parametrize("stage", ["rcpt", "data"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (550, "Domain n.org has exceeded the max emails per hour (3/3 (100%)) allowed.  Message discarded."),
        (
            550,
            "Domain n.org has exceeded the max defers and failures per hour (5/5 (100%)) allowed. Message discarded.",
        ),
        (550, "You have exceeded the max emails per hour"),
        (550, "5.4.6 Mail rate exceeded limit."),
        (550, "5.4.6 Unusual sending activity detected. Please try after sometime."),
        (550, "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients"),
        (554, "5.2.2 Submission quota exceeded"),
        (554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"),
        (554, "5.2.252 SendAsDenied; papers@n.org not allowed to send as other@n.org"),
        (550, "SMTP AUTH is required for message submission on port 587"),
        (550, "Please log in first"),
        (550, "Authentication required"),
        (553, "sorry, that domain isn't in my list of allowed rcpthosts"),
        (550, "Account suspended for non-payment"),
        (550, "Account has been suspended"),
        (550, "Your account is disabled"),
        (553, "Account disabled. Contact support"),
        (550, "5.2.1 Sending from your account is disabled"),
        (550, "5.2.1 Your account has been disabled from sending"),
        (550, "Insufficient credits"),
        (550, "Your monthly plan is used up"),
    ],
)
def test_our_quota_login_or_account_costs_no_reader_their_mail(stage: Stage, code: int, message: str) -> None:
    assert judge(stage, read(code, message)) == US


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ("5.2.1 The email account that you tried to reach is disabled.", DEAD),
        ("5.1.1 The email account that you tried to reach does not exist. Please log in to your account", DEAD),
        ("User account is disabled", DEAD),
        ("5.2.1 Account disabled", DEAD),
        ('5.1.0 "your account": unknown user', DEAD),
        ("Recipient account is disabled", DEAD),
        ("5.2.2 The recipient's account is over its quota", READER),
    ],
)
def test_an_account_of_the_reader_is_theirs(message: str, verdict: Verdict) -> None:
    assert judge("rcpt", read(550, message)) == verdict


@given(
    stage=st.sampled_from(["mail", "rcpt", "data"]),
    code=st.integers(400, 599),
    message=st.text(max_size=60) | st.from_regex(r"\A[45]\.[0-9]{1,3}\.[0-9]{1,3}( \w+)?\Z"),
)
def test_only_what_is_permanent_and_about_the_reader_or_a_size_is_final(stage: Stage, code: int, message: str) -> None:
    verdict = judge(stage, read(code, message))
    if code < 500:
        assert verdict.result == "deferred"
        assert not verdict.stop
    if verdict.stop:
        assert verdict.about == "us"
    if stage == "mail" and verdict.about == "reader":
        assert ".6." in message
    if verdict.suppress:
        assert (verdict.result, verdict.about) == ("rejected", "reader")
        assert stage != "mail"


@given(
    code=st.sampled_from([550, 551, 553, 554]),
    words=st.sampled_from(["full", "over quota", "rate", "filter", "spam"]),
    enhanced=st.sampled_from(["", "5.1.1 ", "5.2.1 ", "5.1.0 ", "5.1.10 "]),
)
def test_an_address_where_somebody_lives_is_never_suppressed(code: int, words: str, enhanced: str) -> None:
    assert not judge("rcpt", read(code, f"{enhanced}User unknown, or so it seems: {words}")).suppress


@pytest.mark.parametrize(
    "words",
    [
        "User unknown; see our policy",
        "No such user here. Contact postmaster if you believe this is blocked in error",
        "User unknown: content-team is not a mailbox here",
        "The account has been closed. (storage released)",
    ],
)
def test_advice_beside_a_code_that_says_gone_spares_nobody(words: str) -> None:
    assert judge("rcpt", Reply(550, "5.1.1", words)).suppress
    assert judge("rcpt", Reply(550, "5.2.1", words)).suppress
    # Without such a code the words are all there is.
    assert not judge("rcpt", Reply(550, "", "No such user, or blocked by policy")).suppress


@given(st.from_regex(r"\A5\.[3-7]\.[0-9]{1,3}\Z", fullmatch=True), st.sampled_from([550, 551, 553, 554]))
def test_what_is_about_us_never_suppresses(enhanced: str, code: int) -> None:
    verdict = judge("rcpt", read(code, f"{enhanced} User unknown"))
    assert not verdict.suppress or verdict.about == "reader"
    if enhanced.startswith("5.7"):
        assert verdict.result == "deferred"
        assert not verdict.suppress


@pytest.mark.parametrize(
    ("kind", "status", "words", "weight"),
    [
        ("hard", "5.1.1", "User unknown", "dead"),
        ("hard", "", "address not found", "dead"),
        ("hard", "5.3.0", "Invalid recipient", "dead"),
        ("hard", "5.2.1", "<filtered@example.co.jp>... User Unknown", "dead"),
        ("hard", "5.2.1", "refused by its filter", "counts"),
        ("hard", "5.1.1", "the mailbox is full", "counts"),
        ("hard", "5.7.1", "User unknown, or blocked", "nothing"),
        ("hard", "5.1.0", "Sender address rejected: User unknown in local recipient table", "nothing"),
        ("soft", "4.2.2", "Mailbox full", "counts"),
        ("soft", "4.4.1", "no answer", "counts"),
        ("soft", "", "it went wrong", "counts"),
        ("soft", "5.7.1", "blocked", "nothing"),
        ("soft", "", "554 message looks like spam", "nothing"),
        ("soft", "4.3.2", "the system is down", "nothing"),
    ],
)
def test_what_a_bounce_says_of_an_address(kind: str, status: str, words: str, weight: str) -> None:
    assert weigh(kind, status, words) == weight


def test_each_rule_of_the_table_names_its_source_and_can_be_reached() -> None:
    for rule in ENHANCED:
        assert rule.source.startswith("RFC ")
        for codes in rule.codes.split("|"):
            first = codes.replace(r"\.", ".").replace(".*", "99")
            assert rule_for(f"5.{first}") is rule
        assert not (rule.dead and rule.about == "us")


@given(attempts=st.integers(1, 10_000), first=st.floats(1, 1000), times=st.floats(1, 1000), seed=st.integers())
def test_pauses_grow_up_to_the_longest(attempts: int, first: float, times: float, seed: int) -> None:
    longest = first * times
    chance = random.Random(seed)
    pause, later = next_pause(attempts, first, longest, chance), next_pause(attempts + 1, first, longest, chance)
    assert min(first, 0.8 * longest) <= pause <= longest
    assert later > pause or later >= 0.8 * longest


def test_pauses_differ_by_chance() -> None:
    chance = random.Random(1)
    for attempts in (2, 500):
        assert len({next_pause(attempts, 300, 14_400, chance) for _ in range(10)}) == 10


def test_a_temporary_failure_is_final_after_its_time() -> None:
    queued = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
    assert not give_up(queued, queued + timedelta(seconds=59), 60)
    assert give_up(queued, queued + timedelta(seconds=60), 60)


def test_a_connection_is_tried_again_after_the_pause_that_is_next() -> None:
    chance = random.Random(1)
    for failures, about in ((1, 1.0), (2, 4.0), (3, 15.0), (9, 15.0)):
        assert about * 0.75 <= reconnect_pause(failures, (1.0, 4.0, 15.0), chance) <= about * 1.25


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ('unknown user: "spam"', True),
        ("The user filterman does not exist", True),
        ("ratelimit reached", False),
        ("rates prevent further mail", False),
        ("mailbox is filled", False),
        ("maximum capacity of the mailbox", False),
        ("Postfach ist voll", False),
        ("blocked by our filters", False),
    ],
)
def test_what_servers_say_of_a_mailbox_that_lives(words: str, gone: bool) -> None:
    assert judge("rcpt", Reply(550, "5.1.1" if gone else "5.2.1", words)).suppress is gone


def test_a_code_has_digits_of_ascii() -> None:
    assert read(550, "5.\u0661.\u0661 gone").enhanced == ""


@pytest.mark.parametrize("enhanced", ["", "5.2.1", "5.1.1"])
@pytest.mark.parametrize(
    "words",
    [
        "Boîte aux lettres pleine",
        "Buzón lleno",
        "Casella piena",
        "邮箱已满",
        "Postfach überfüllt",
        "Out of space in mailbox",
        "not enough space in mailbox",
        "Mailbox size limit reached",
        "Message size limit reached for this user",
    ],
)
def test_a_full_mailbox_is_alive_in_every_language(enhanced: str, words: str) -> None:
    assert not judge("rcpt", Reply(550, enhanced, words)).suppress
    assert weigh("hard", "5.2.1", words) == "counts"
