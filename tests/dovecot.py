"""A real IMAP server of the tests' own: Debian's Dovecot on loopback, with one mailbox, over TLS alone."""

import contextlib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from servers import authority

PASSWORD = "open-sesame"
# The same mailbox opens with either.
ACCENTED = "öffne-dich"

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = newsletter-test
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:{folder}/mail
mail_fsync = never
passdb {{
  driver = static
  args = password={password}
}}
passdb {{
  driver = static
  args = password={accented}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  mailbox Done {{
    auto = create
  }}
  mailbox "Rückläufer & mehr" {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class NotStartedError(Exception):
    """There is no server to test with, and why."""


class Dovecot:
    """A server that runs; `tls` is its port."""

    def __init__(self, folder: Path, tls: int, owner: tuple[int, int]) -> None:
        self.folder = folder
        self.tls = tls
        self._owner = owner

    def put(self, name: str, content: bytes) -> None:
        """Put a mail into the inbox."""
        path = self.folder / "mail" / "tmp" / name
        path.write_bytes(content)
        os.chown(path, *self._owner)
        path.rename(self.folder / "mail" / "new" / name)


@contextlib.contextmanager
def server() -> Iterator[Dovecot]:
    """Start a server and stop it; raises NotStartedError where there is none."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise NotStartedError("needs Dovecot's IMAP server (dovecot-imapd), which is not installed")
    # The paths of its sockets have to be short.
    with tempfile.TemporaryDirectory(prefix="imap-", dir="/tmp", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        for _ in range(3):
            with _started(program, folder) as running:
                if running is not None:
                    yield running
                    return
        raise NotStartedError(f"Dovecot did not start: {(folder / 'log').read_text()[-500:]}")


@contextlib.contextmanager
def _started(program: str, folder: Path) -> Iterator[Dovecot | None]:
    root = os.getuid() == 0
    me = pwd.getpwuid(os.getuid())
    user = pwd.getpwnam("nobody") if root else me
    tls, starttls = _free_port(), _free_port()
    certificate = authority().issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "certificate.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    for name in ("mail/cur", "mail/new", "mail/tmp", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path in (folder / "mail", *(folder / "mail").iterdir(), folder / "home"):
        os.chown(path, user.pw_uid, user.pw_gid)
    config = folder / "dovecot.conf"
    config.write_text(
        CONFIG.format(
            folder=folder,
            internal="dovecot" if root else me.pw_name,
            internal_group="dovecot" if root else _group(me.pw_gid),
            login="dovenull" if root else me.pw_name,
            password=PASSWORD,
            accented=ACCENTED,
            uid=user.pw_uid,
            gid=user.pw_gid,
            tls=tls,
            starttls=starttls,
        )
    )
    with subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            up = _answers(tls, process)
            yield Dovecot(folder, tls, (user.pw_uid, user.pw_gid)) if up else None
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the server greets; False if it ends before that."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
            ):
                return secured.recv(100).startswith(b"* OK")
        except OSError:
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _group(number: int) -> str:
    import grp

    return grp.getgrgid(number).gr_name
