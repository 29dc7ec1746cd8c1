"""A real Postfix of the tests' own, under a folder of its own, with login, mailboxes and reports; and its smtp-sink.

It mails nobody: what is not for its mailboxes is refused. /etc/postfix is neither read nor written.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme
from servers import authority

PROGRAMS = Path("/usr/lib/postfix/sbin")
REALM = "newsletter.example"
LOGIN = ("papers", "correct horse")
# Readers with a Maildir each; `full` has an mbox with no room left, and nobody else exists.
READERS = ("ada", "bob", "cyd")
LARGEST = 200_000

MAIN = """\
compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/queue
data_directory = {folder}/data
meta_directory = /usr/share/postfix
daemon_directory = {programs}
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = mx.newsletter.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = error:5.7.1 this server of a test mails nobody else
relay_transport = $default_transport
alias_maps =
alias_database =
local_recipient_maps =
biff = no
recipient_delimiter = +
message_size_limit = {largest}
mailbox_size_limit = {largest}
virtual_mailbox_limit = {largest}
virtual_mailbox_domains = example.org, newsletter.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {folder}/etc/key-and-certificates.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {realm}
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/etc/sasl
import_environment = MAIL_CONFIG TZ
"""

# Unprivileged, chroot: no chroot for any, since the folder is no complete system.
MASTER = """\
{strict}  inet  n - n - - smtpd
{lenient} inet  n - n - - smtpd -o smtpd_reject_unlisted_recipient=no
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
"""

SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasldb
mech_list: PLAIN LOGIN
"""

QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]


class NotStartedError(Exception):
    """There is no Postfix to test with; the words say why."""


@dataclass
class Postfix:
    """A running server, with two ports: `strict` refuses unknown readers at RCPT, `lenient` takes and bounces them."""

    folder: Path
    strict: int
    lenient: int
    host: str = "127.0.0.1"

    @property
    def authority_file(self) -> Path:
        """The certificate of the authority that signed this server's."""
        return self.folder / "etc" / "authority.pem"

    @property
    def password_file(self) -> Path:
        """A file with the password of LOGIN."""
        return self.folder / "etc" / "password"

    def maildir(self, name: str) -> Path:
        """Return the Maildir of someone."""
        return self.folder / "mail" / name

    def mails(self, name: str) -> list[bytes]:
        """Return what is in the Maildir of someone, oldest first."""
        new = self.maildir(name) / "new"
        return [file.read_bytes() for file in sorted(new.iterdir())] if new.is_dir() else []

    def empty(self) -> None:
        """Throw all mail away but the one that fills `full`."""
        for name in (*READERS, "bounces"):
            shutil.rmtree(self.maildir(name), ignore_errors=True)

    @property
    def waiting(self) -> int:
        """How many messages it has not finished with."""
        queues = (self.folder / "queue" / name for name in ("incoming", "active", "deferred", "maildrop"))
        return sum(file.is_file() for queue in queues for file in queue.rglob("*"))

    def log(self) -> str:
        """Return what it noted."""
        return (self.folder / "log" / "mail.log").read_text("utf-8", "replace")


@contextlib.contextmanager
def running() -> Iterator[Postfix]:
    """Start a Postfix, and end it by its own process; raises NotStartedError where that is not possible."""
    if not (PROGRAMS / "master").exists() or not shutil.which("saslpasswd2", path="/usr/sbin:/usr/bin"):
        raise NotStartedError("needs Postfix and sasl2-bin, which are not installed")
    if os.geteuid() != 0:
        raise NotStartedError("needs to run as root, since Postfix gives each of its parts a user")
    # Not below pytest's folder, which only root may enter.
    folder = Path(tempfile.mkdtemp(prefix="newsletter-postfix-"))
    try:
        folder.chmod(0o755)
        server = _prepared(folder)
        environment = {"MAIL_CONFIG": str(folder / "etc"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with (folder / "log" / "master.log").open("wb") as output:
            # In the foreground: its parts end with it.
            master = subprocess.Popen(
                [PROGRAMS / "master", "-c", folder / "etc", "-d"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder / "queue",
                start_new_session=True,
            )
        try:
            _wait(server, master)
            yield server
        finally:
            master.terminate()
            master.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepared(folder: Path) -> Postfix:
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    for name in ("etc/sasl", "log", "data", "mail", "queue/pid", "queue/maildrop", "queue/public"):
        (folder / name).mkdir(parents=True)
    for name in QUEUES:
        (folder / "queue" / name).mkdir(mode=0o700)
        os.chown(folder / "queue" / name, owner.pw_uid, owner.pw_gid)
    for name in ("data", "queue/maildrop", "queue/public"):
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    server = Postfix(folder, *_free_ports(2))
    _settings(server, nobody)
    full = folder / "mail" / "full"
    full.write_bytes(b"x" * (LARGEST - 100) + b"\n")
    os.chown(full, nobody.pw_uid, nobody.pw_gid)
    _certificate(folder)
    _login(folder, owner)
    return server


def _settings(server: Postfix, owner: pwd.struct_passwd) -> None:
    mailboxes = {f"{name}@example.org": f"{name}/" for name in READERS}
    mailboxes |= {"full@example.org": "full", f"bounces@{REALM}": "bounces/"}
    values = {
        "folder": server.folder,
        "programs": PROGRAMS,
        "largest": LARGEST,
        "owner": owner,
        "realm": REALM,
        "mailboxes": ", ".join(f"{address}={place}" for address, place in mailboxes.items()),
    }
    etc = server.folder / "etc"
    (etc / "main.cf").write_text(MAIN.format(**values))
    ports = {"strict": f"127.0.0.1:{server.strict}", "lenient": f"127.0.0.1:{server.lenient}"}
    (etc / "master.cf").write_text(MASTER.format(**ports))
    (etc / "sasl" / "smtpd.conf").write_text(SASL.format(**values))


def _certificate(folder: Path) -> None:
    certificate: trustme.LeafCert = authority().issue_cert("127.0.0.1", "localhost")
    chain = folder / "etc" / "key-and-certificates.pem"
    chain.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    chain.chmod(0o600)
    authority().cert_pem.write_to_path(str(folder / "etc" / "authority.pem"))


def _login(folder: Path, owner: pwd.struct_passwd) -> None:
    name, password = LOGIN
    base = folder / "etc" / "sasldb"
    subprocess.run(
        ["saslpasswd2", "-f", base, "-c", "-p", "-u", REALM, name],
        input=password.encode(),
        check=True,
        capture_output=True,
        env={"PATH": "/usr/sbin:/usr/bin"},
    )
    os.chown(base, owner.pw_uid, owner.pw_gid)
    (folder / "etc" / "password").write_text(password)
    (folder / "etc" / "password").chmod(0o600)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


def _wait(server: Postfix, master: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    for port in (server.strict, server.lenient):
        while True:
            with contextlib.suppress(OSError), socket.create_connection((server.host, port), timeout=5) as connection:
                if connection.recv(100).startswith(b"220"):
                    break
            if master.poll() is not None or time.monotonic() > end:
                said = (server.folder / "log" / "master.log").read_text("utf-8", "replace")
                raise RuntimeError(f"Postfix does not start: {said[-2000:]}")
            time.sleep(0.05)


@dataclass
class Sink:
    """Postfix's smtp-sink, which takes mail as its switches say, and writes each message into a file."""

    folder: Path
    port: int
    host: str = "127.0.0.1"

    def bodies(self) -> list[str]:
        """Return the recipient of each message that came whole up to its last dot, whatever was answered then."""
        found = []
        for file in self.folder.iterdir():
            lines = file.read_text("latin-1").rstrip().splitlines()
            # It leaves the file of a message that broke off empty or without its last line.
            if lines and lines[-1].startswith("--=_") and lines[-1].endswith("--"):
                found += [line.partition("<")[2].partition(">")[0] for line in lines if line.startswith("X-Rcpt-Args:")]
        return sorted(found)


@contextlib.contextmanager
def sink(*switches: str) -> Iterator[Sink]:
    """Start an smtp-sink with switches; raises NotStartedError where it is not installed."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise NotStartedError("needs smtp-sink of Postfix, which is not installed")
    folder = Path(tempfile.mkdtemp(prefix="newsletter-sink-"))
    try:
        user: list[str] = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            user = ["-u", "nobody"]
        port = _free_ports(1)[0]
        process = subprocess.Popen(
            [program, *user, "-d", f"{folder}/mail.", *switches, f"127.0.0.1:{port}", "16"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        with process, process.stderr:
            try:
                _wait_for_port(port, process)
                yield Sink(folder, port)
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        if process.poll() is not None or time.monotonic() > end:
            said = process.stderr.read() if process.stderr and process.poll() is not None else b""
            raise RuntimeError(f"smtp-sink does not start: {said.decode()}")
        time.sleep(0.02)
