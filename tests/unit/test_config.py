"""The settings: a value that is checked whole, from a file and the environment; and what stands beside it."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from newsletter import config, resources
from newsletter.config import Section, Settings
from newsletter.config.sending import Bounces
from newsletter.delivery.verp import ReturnPath
from newsletter.errors import NewsletterError, SettingsError
from newsletter.tokens import Signer, TokenError

ROOT = Path(__file__).resolve().parents[2]
NOTHING: dict[str, str] = {}

SECTIONS = {name: field.default for name, field in Settings.model_fields.items() if name != "folder"}
EVERY_SETTING = [(name, key) for name, section in SECTIONS.items() for key in type(section).model_fields]
TEXTS = [
    (name, key)
    for name, key in EVERY_SETTING
    if any(word in str(type(SECTIONS[name]).model_fields[key].annotation) for word in ("str", "Path", "Literal"))
]

Write = Callable[[str], Path]


def default(section: str, key: str) -> Any:
    return getattr(SECTIONS[section], key)


def block(section: str) -> list[str]:
    """Return the lines of one section of the example."""
    return config.example().partition(f"\n[{section}]\n")[2].partition("\n[")[0].splitlines()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a settings file and return where it is."""

    def _write(text: str) -> Path:
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return _write


def faults(file: Path | None, environment: dict[str, str] = NOTHING) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        config.load(file, environment)
    assert raised.value.exit_code == 2
    return raised.value.faults


# The example


def test_every_section_is_looked_at() -> None:
    assert all(isinstance(section, Section) for section in SECTIONS.values())
    assert ("smtp", "outbox") in TEXTS
    assert ("smtp", "token_command") in TEXTS
    assert ("newsletter", "from_address") in TEXTS
    assert ("newsletter", "reply_to") in TEXTS


def test_the_example_file_is_what_the_settings_say() -> None:
    assert (ROOT / "config.example.toml").read_text("utf-8") == config.example(), "make docs writes it again"


def test_the_example_has_every_setting_under_its_section() -> None:
    told = []
    section = ""
    for line in config.example().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " =" in line and (line[0].isalpha() or line.endswith(" =")):
            told.append((section, line.removeprefix("# ").partition(" ")[0]))
    assert told == EVERY_SETTING


def test_the_example_loads_as_the_defaults(write: Write) -> None:
    file = write(config.example())
    assert config.load(file, NOTHING) == Settings(folder=file.parent)


@pytest.mark.parametrize(("section", "key"), [path for path in EVERY_SETTING if default(*path) is not None])
def test_each_default_loads_by_itself(write: Write, section: str, key: str) -> None:
    (line,) = [line for line in block(section) if line.startswith(f"{key} = ")]
    loaded = config.load(write(f"[{section}]\n{line}\n"), NOTHING)
    assert getattr(getattr(loaded, section), key) == default(section, key)


def test_the_defaults_mail_nobody_and_keep_everything_in_one_file() -> None:
    settings = config.load(None, NOTHING)
    assert settings.smtp.host == ""
    assert settings.database.url == "sqlite:///newsletter.db"
    assert settings.web.base_url == ""
    assert settings.delivery.on_unknown == "hold"


# Faults


def test_every_fault_is_told_at_once_with_its_path(write: Write) -> None:
    file = write(
        """
        stray = 1
        folder = "elsewhere"
        log = "loud"
        [newsletter]
        hour = 24
        timezone = "Mars/Olympus"
        from_address = "nobody"
        cadence = "hourly"
        [smtp]
        port = 0
        token_command = ["print", 3]
        hots = "a slip"
        [ranking]
        same = nan
        [delivery]
        longest_pause = inf
        [nowhere]
        a = 1
        """
    )
    environment = {
        "NEWSLETTER_SMTP__CONNECTIONS": "many",
        "NEWSLETTER_SMTP__TOKEN_COMMAND": "print it",
        "NEWSLETTER_LOG__FORMAT": "json",
        "NEWSLETTER_SMTP": "{}",
        "NEWSLETTER_HOST": "relay.example",
        "NEWSLETTER_WEB__PORT": "80",
    }
    assert sorted(fault.partition(":")[0] for fault in faults(file, environment)) == sorted(
        [
            "stray",
            "folder",
            "log",
            "newsletter.hour",
            "newsletter.timezone",
            "newsletter.from_address",
            "newsletter.cadence",
            "smtp.port",
            "smtp.token_command.1",
            "smtp.hots",
            "smtp.connections",
            "ranking.same",
            "delivery.longest_pause",
            "nowhere",
            "NEWSLETTER_SMTP__TOKEN_COMMAND",
            "NEWSLETTER_SMTP",
            "NEWSLETTER_HOST",
            "NEWSLETTER_WEB__PORT",
        ]
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[newsletter]\ntimezone = 'Mars'", "newsletter.timezone: Mars is no time zone; names look like Europe/Berlin"),
        (
            "[newsletter]\nfrom_address = 'nobody'",
            'newsletter.from_address: this has to be an address like papers@example.org; "nobody" was given',
        ),
        ("[newsletter]\nhour = 25", "newsletter.hour: this has to be a whole number from 0 up to 23; 25 was given"),
        (
            "[newsletter]\ncadence = 'hourly'",
            'newsletter.cadence: this has to be daily, weekdays, or weekly:mon to weekly:sun; "hourly" was given',
        ),
        ("[newsletter]\nname = ''", 'newsletter.name: this has to be text that is not empty; "" was given'),
        (
            "[newsletter]\nname = 12",
            "newsletter.name: this has to be text between quotation marks; 12 was given",
        ),
        ("[smtp]\nport = 'many'", 'smtp.port: this has to be a whole number from 1 up to 65535; "many" was given'),
        ("[smtp]\nport = 2.5", "smtp.port: this has to be a whole number from 1 up to 65535; 2.5 was given"),
        ("[smtp]\nport = [25]", "smtp.port: this has to be a whole number from 1 up to 65535; a list was given"),
        ("[smtp]\ntimeout = 0", "smtp.timeout: this has to be a number above 0 up to 3600; 0 was given"),
        ("[smtp]\nverify = 'maybe'", 'smtp.verify: this has to be true or false; "maybe" was given'),
        (
            "[smtp]\nsecurity = 'ssl'",
            'smtp.security: this has to be "starttls", "tls", "plain" or "auto"; "ssl" was given',
        ),
        ("[smtp]\noutbox = 3", "smtp.outbox: this has to be a path between quotation marks; 3 was given"),
        ("[smtp]\ntoken_command = 'x'", 'smtp.token_command: this has to be a list such as ["one", "two"]'),
        (
            "[rates]\nper_second = 'fast'",
            'rates.per_second: this has to be a number from 0 up to 100000; "fast" was given',
        ),
        (
            "[rates]\nwindow_messages = -1",
            "rates.window_messages: this has to be a whole number, 0 or more; -1 was given",
        ),
        (
            "[rates]\nwarm_up_from = 'soon'",
            'rates.warm_up_from: this has to be a day such as 2026-11-21; "soon" was given',
        ),
        (
            "[rates]\ndomains = {'a.org' = {per_minute = 'x'}}",
            'rates.domains."a.org".per_minute: this has to be a whole number, 0 or more; "x" was given',
        ),
        (
            "[rates]\ndomains = {'a.org' = 20}",
            'rates.domains."a.org": this is a section: write [rates.domains."a.org"] on a line, and its settings below',
        ),
        ("log = 'loud'", "log: this is a section: write [log] on a line, and its settings below"),
        ("[ranking]\nsame = nan", "ranking.same: this has to be a number from 0 up to 1; nan was given"),
    ],
)
def test_a_fault_says_what_is_expected_and_what_was_given(write: Write, text: str, fault: str) -> None:
    assert faults(write(text)) == (fault,)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[smtp]\nhots = 'x'", "smtp.hots: there is no such setting; did you mean smtp.host?"),
        ("[smtp]\nper_second = 4", "smtp.per_second: there is no such setting; did you mean rates.per_second?"),
        ("[smtp]\nxyzzy = 4", "smtp.xyzzy: there is no such setting"),
        ("[smpt]\nhost = 'x'", "smpt: there is no such section; did you mean [smtp]?"),
        ("list_id = 'x'", "list_id: there is no such section; did you mean newsletter.list_id?"),
        (
            "[rates]\ndomains = {'a.org' = {per_minut = 1}}",
            'rates.domains."a.org".per_minut: there is no such setting; did you mean rates.domains."a.org".per_minute?',
        ),
    ],
)
def test_a_slip_is_answered_with_what_may_have_been_meant(write: Write, text: str, fault: str) -> None:
    assert faults(write(text)) == (fault,)


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        (
            "NEWSLETTER_SMTP__PORT",
            "many",
            'smtp.port: this has to be a whole number from 1 up to 65535; "many" was given by NEWSLETTER_SMTP__PORT',
        ),
        (
            "NEWSLETTER_DATABASE__URL",
            "mysql://x",
            (
                "database.url: this has to be sqlite:///FILE or postgresql://USER@HOST/NAME; it was given by "
                "NEWSLETTER_DATABASE__URL"
            ),
        ),
        (
            "NEWSLETTER_SMTP__PROT",
            "25",
            "NEWSLETTER_SMTP__PROT: there is no such setting; did you mean NEWSLETTER_SMTP__PORT?",
        ),
        (
            "NEWSLETTER_LIST_ID",
            "x",
            "NEWSLETTER_LIST_ID: there is no such section; did you mean NEWSLETTER_NEWSLETTER__LIST_ID?",
        ),
        ("NEWSLETTER_SMTP", "{}", "NEWSLETTER_SMTP: this names no setting; write it as NEWSLETTER_SMTP__NAME"),
    ],
)
def test_a_fault_of_the_environment_names_its_variable(variable: str, value: str, fault: str) -> None:
    assert faults(None, {variable: value}) == (fault,)


@pytest.mark.parametrize(("section", "key"), EVERY_SETTING)
@pytest.mark.parametrize("value", ["[[1]]", "1979-05-27T07:32:00Z", '{"a" = 1}', "-1", '"\\u0000"'])
def test_no_word_of_the_library_reaches_people(write: Write, section: str, key: str, value: str) -> None:
    with contextlib.suppress(SettingsError):
        config.load(write(f"[{section}]\n{key} = {value}\n"), NOTHING)
        return
    for fault in faults(write(f"[{section}]\n{key} = {value}\n")):
        assert fault.startswith(f"{section}")
        assert "Input" not in fault
        assert "String" not in fault
        assert "another kind" not in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[smtp]\nlogin = "xoauth2"\nusername = "me"', 'smtp: login = "xoauth2" needs username and token_command'),
        ('[smtp]\nusername = "me"', "smtp: username needs password_file"),
    ],
)
def test_a_login_is_whole_or_not_there(write: Write, text: str, fault: str) -> None:
    assert faults(write(text)) == (fault,)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("database", "url", '"mysql://host/name"'),
        ("database", "url", '"newsletter.db"'),
        ("feeds", "search_url", '"https://example.org/"'),
        ("feeds", "search_url", '"https://example.org/{title}/{title}"'),
        ("feeds", "search_url", '"javascript:{title}"'),
        ("feeds", "proxy", '"socks5://proxy.example.org:1080"'),
        ("feeds", "proxy", '"proxy.example.org"'),
        ("web", "base_url", '"example.org"'),
        ("web", "base_url", '"https://example.org/?a=1"'),
        ("web", "listen", '"8080"'),
        ("web", "listen", '"127.0.0.1:65536"'),
        ("web", "listen", '"::1:8080"'),
        ("newsletter", "name", '""'),
        ("newsletter", "reply_to", '"a@b, c@d"'),
        ("newsletter", "list_id", '"<list>"'),
        ("newsletter", "hour", "-1"),
        ("smtp", "security", '"ssl"'),
        ("smtp", "timeout", "0"),
        ("smtp", "port", "65536"),
        ("delivery", "on_unknown", '"forget"'),
        ("ranking", "papers", "0"),
        ("log", "level", '"LOUD"'),
    ],
)
def test_a_value_that_cannot_work_is_refused(write: Write, section: str, key: str, value: str) -> None:
    (fault,) = faults(write(f"[{section}]\n{key} = {value}\n"))
    assert fault.startswith(f"{section}.{key}: ")


@pytest.mark.parametrize("host", ["http://feeds.internal", "feeds.internal/x", "", "a b"])
def test_a_host_that_is_let_through_is_a_name(write: Write, host: str) -> None:
    (fault,) = faults(write(f'[feeds]\nallow_hosts = ["127.0.0.1", "::1", "feeds.internal", "{host}"]\n'))
    assert fault.startswith("feeds.allow_hosts.3: this has to be the name or the address of a host")


def test_a_fault_of_a_proxy_does_not_repeat_its_password() -> None:
    assert "hunter2" not in " ".join(faults(None, {"NEWSLETTER_FEEDS__PROXY": "socks5://me:hunter2@proxy.example"}))


@pytest.mark.parametrize("value", ["hunter2", "postgresql://me:hunter2@host\n/name"])
def test_a_fault_does_not_repeat_what_may_be_a_secret(value: str) -> None:
    assert "hunter2" not in " ".join(faults(None, {"NEWSLETTER_DATABASE__URL": value}))


@pytest.mark.parametrize(
    "text",
    [
        "[smtp]\npassword = 'hunter2'",
        "[smtp]\npassword_file = ['hunter2']",
        "[smtp]\ntoken_command = 'hunter2'",
        '[smtp]\ntoken_command = ["hunter2\\u0000"]',
        '[dkim]\nkey_file = """-----BEGIN\nhunter2"""\ndomain = "x"',
        'database = "postgresql://me:hunter2@host/name"',
    ],
)
def test_a_slip_with_a_secret_does_not_show_it(write: Write, text: str) -> None:
    assert "hunter2" not in " ".join(faults(write(text)))


@pytest.mark.parametrize(("section", "key"), TEXTS)
@given(before=st.text(max_size=5), control=st.characters(categories=["Cc", "Zl", "Zp"]), after=st.text(max_size=5))
def test_a_control_character_is_refused_in_every_text(
    section: str, key: str, before: str, control: str, after: str
) -> None:
    here = before + control + after
    fits = {"search_url": f"https://example.org/{here}{{title}}", "url": f"sqlite:///{here}x"}.get(key, here)
    value: Any = [fits] if isinstance(default(section, key), tuple) else fits
    with pytest.raises(ValueError, match=key):
        type(SECTIONS[section])(**{key: value})


# Environment


@pytest.mark.parametrize(
    ("variable", "value", "path", "meant"),
    [
        ("NEWSLETTER_SMTP__HOST", "relay.example", "smtp.host", "relay.example"),
        ("NEWSLETTER_SMTP__PORT", "465", "smtp.port", 465),
        ("NEWSLETTER_SMTP__VERIFY", "false", "smtp.verify", False),
        ("NEWSLETTER_SMTP__TIMEOUT", "2.5", "smtp.timeout", 2.5),
        ("NEWSLETTER_SMTP__TOKEN_COMMAND", '["print", "it"]', "smtp.token_command", ("print", "it")),
        ("NEWSLETTER_SMTP__OUTBOX", "caught", "smtp.outbox", Path("caught")),
        ("NEWSLETTER_NEWSLETTER__NAME", "12", "newsletter.name", "12"),
        ("NEWSLETTER_DATABASE__URL", "postgresql://me@host/name", "database.url", "postgresql://me@host/name"),
    ],
)
def test_the_environment_stands_above_the_file(
    write: Write, variable: str, value: str, path: str, meant: object
) -> None:
    section, _, key = path.partition(".")
    settings = config.load(write(config.example()), {variable: value})
    assert getattr(getattr(settings, section), key) == meant


def test_a_variable_changes_nothing_beside_it(write: Write) -> None:
    file = write('[smtp]\nhost = "below.example"\nport = 25\n')
    smtp = config.load(file, {"NEWSLETTER_SMTP__HOST": "above.example"}).smtp
    assert (smtp.host, smtp.port) == ("above.example", 25)


def test_variables_of_others_are_left_alone() -> None:
    others = {"NEWSLETTER_CONFIG": "x", "NEWSLETTER_TEST_POSTGRES": "y", "HOME": "/", "SMTP__HOST": "z"}
    assert config.load(None, others) == config.load(None, NOTHING)


def test_only_the_environment_that_was_given_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__HOST", "relay.example")
    assert config.load(None, NOTHING).smtp.host == ""
    assert Settings().smtp.host == ""
    assert config.load(None).smtp.host == "relay.example"


# Files


def test_the_file_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = {"NEWSLETTER_CONFIG": "named.toml"}
    assert config.find(None, NOTHING) is None
    (tmp_path / "config.toml").touch()
    assert config.find(None, NOTHING) == Path("config.toml")
    assert config.find(None, {"NEWSLETTER_CONFIG": ""}) == Path("config.toml")
    assert config.find(None, named) == Path("named.toml")
    assert config.find(Path("given.toml"), named) == Path("given.toml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no settings file"),
        (b"[smtp", "is not TOML"),
        (b'[newsletter]\nname = "\xff"', "is not TOML"),
        (b'[smtp]\nhost = "a"\nhost = "b"', "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "config.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=sentence) as raised:
        config.load(file, NOTHING)
    assert str(file) in raised.value.message
    assert raised.value.next_step


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        config.load(tmp_path, NOTHING)


def test_relative_paths_are_relative_to_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.toml").touch()
    monkeypatch.chdir(tmp_path)
    settings = config.load(Path("conf/config.toml"), NOTHING)
    monkeypatch.chdir("/")
    assert settings.path(settings.smtp.outbox) == tmp_path / "conf" / "outbox"
    assert settings.path(tmp_path / "absolute") == tmp_path / "absolute"


def test_home_is_spelled_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.load(None, NOTHING).path(Path("~/outbox")) == tmp_path / "outbox"


def test_without_a_file_paths_are_relative_to_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(None, NOTHING).folder == tmp_path


@pytest.mark.parametrize(
    ("port", "host", "security", "transport"),
    [
        (465, "relay.example", "auto", "tls"),
        (465, "localhost", "auto", "tls"),
        (587, "relay.example", "auto", "starttls"),
        (25, "relay.example", "auto", "starttls"),
        (25, "127.0.0.1", "auto", "plain"),
        (2525, "localhost", "auto", "plain"),
        (25, "127.0.0.1.example", "auto", "starttls"),
        (25, "relay.example", "plain", "plain"),
        (465, "relay.example", "starttls", "starttls"),
    ],
)
def test_only_loopback_is_plain_unless_it_was_asked_for(port: int, host: str, security: str, transport: str) -> None:
    assert config.Smtp.model_validate({"host": host, "port": port, "security": security}).transport == transport


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config.load(None, NOTHING).smtp.host = "relay.example"  # type: ignore[misc]


# Secrets


@pytest.mark.parametrize(
    ("content", "meant"),
    [(b"word\n", "word"), (b"word\r\n", "word"), (b" a word ", " a word "), ("gr\u00fcn\n".encode(), "gr\u00fcn")],
)
def test_a_secret_comes_from_its_file(tmp_path: Path, content: bytes, meant: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    secret = config.secret(file, "The password")
    assert secret.get_secret_value() == meant
    assert meant not in repr(secret)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"^The password cannot be read from"):
        config.secret(file, "The password")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX paths can have a NUL inside")
def test_a_secret_with_an_impossible_name_is_named() -> None:
    with pytest.raises(SettingsError, match="The password"):
        config.secret(Path("a\0b"), "The password")


# Resources


def test_templates_and_seeds_are_found_in_a_checkout() -> None:
    assert resources.templates() == ROOT / "templates"
    assert resources.seeds() == ROOT / "seeds"


def test_a_wheel_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "newsletter"
    (package / "_data" / "templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(resources, "PACKAGE", package)
    assert resources.templates() == package / "_data" / "templates"
    with pytest.raises(NewsletterError, match="seeds of the program is missing"):
        resources.seeds()


# Tokens

KEY = b"k" * 32


@given(st.lists(st.text() | st.integers(-(2**53), 2**53), max_size=4))
def test_a_token_brings_back_its_words_and_is_safe_in_links(words: list[str | int]) -> None:
    token = Signer(KEY).sign("unsubscribe", *words)
    assert Signer(KEY).read("unsubscribe", token) == tuple(words)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_serves_one_purpose_under_one_key() -> None:
    token = Signer(KEY).sign("unsubscribe", "someone")
    with pytest.raises(TokenError):
        Signer(KEY).read("confirm", token)
    with pytest.raises(TokenError):
        Signer(b"other key, also of 32 bytes or so").read("unsubscribe", token)


@given(st.text(alphabet=st.characters()) | st.text(alphabet=st.characters(categories=["Cs"])))
def test_what_was_not_signed_here_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        Signer(KEY).read("unsubscribe", token)


@given(st.data())
def test_no_part_of_the_words_can_be_changed(data: st.DataObject) -> None:
    payload, _, signature = Signer(KEY).sign("unsubscribe", "someone", 7).partition(".")
    place = data.draw(st.integers(0, len(payload) - 1))
    letter = data.draw(st.sampled_from(sorted(set("abcXYZ019-_") - {payload[place]})))
    with pytest.raises(TokenError):
        Signer(KEY).read("unsubscribe", f"{payload[:place]}{letter}{payload[place + 1 :]}.{signature}")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"short")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"address": f"{'b' * 31}@example.org"}, "at most 30 characters"),
        ({"address": "büro@example.org"}, "of ASCII alone"),
        ({"imap_host": "imap.example.org"}, "imap_host needs imap_username and imap_password_file"),
        ({"imap_host": "imap.example.org", "imap_username": "b"}, "imap_host needs"),
        ({"delimiter": "="}, "'[+]' or '-'"),
        ({"soft_limit": 0}, "greater than or equal to 1"),
    ],
)
def test_where_reports_come_back_to_is_checked(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Bounces(**given)


def test_a_return_path_of_the_longest_address_fits() -> None:
    address = Bounces(address=f"{'b' * 30}@example.org").address
    assert address is not None
    assert len(ReturnPath(address, Signer(KEY)).of(2**63).rpartition("@")[0]) <= 64
