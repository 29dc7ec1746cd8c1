"""Time a send through the real pipeline, from the first claim to the commit of the last outcome.

    python bench/send.py --port P [--host H] [--subscribers N] [--dkim ed25519|rsa] [--tls] [--processes N]
                         [--database URL | --postgres] [--connections N] [--profile FILE]

Every subscriber has a composed issue of their own: an order of ten of a hundred papers.  Preparing and checking are not
timed and run in other processes.  The database is an SQLite file on a disk, or a new database on the PostgreSQL server
of --database, which is dropped afterwards; --postgres starts a server for this run alone.  --port 0 sends to the server
of bench/relay.py, which --tls needs unless the one at --port has STARTTLS and AUTH PLAIN; that one's certificate is not
checked.

Afterwards N rows have to be `sent`.  Then the same mail is queued once more and goes, untimed, by the same pipeline,
signatures, TLS and processes to a server of bench/relay.py that looks at it: over the wire N messages have to come to N
readers, with N different bodies and N different orders of papers.  What the server of the timed span got is not looked
at, since that would slow it: --port 0 and side_by_side.py count it.

The last line has `elapsed=` and `cpu=` in seconds (CPU of all sending processes in the span), and `peak=` in MB of
resident memory (the largest process).  Mail goes to loopback or to the host that is named, and nowhere else.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from prepare import DOMAIN
from relay import relay
from sqlalchemy import func, select, update
from workshop import workshop

from newsletter import config
from newsletter.app import open_app, run
from newsletter.models import DeliveryState
from newsletter.store import tables

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Prepare, send, check, print."""
    options = read_options()
    with contextlib.ExitStack() as stack:
        folder, url = stack.enter_context(workshop(options.database, postgres=options.postgres))
        server = stack.enter_context(relay(folder)) if options.port == 0 else None
        configure(folder, url, options, port=server.port if server else options.port)
        began = time.monotonic()
        subprocess.run(
            [sys.executable, HERE / "prepare.py", folder, "--subscribers", str(options.subscribers)], check=True
        )
        print(f"prepared {options.subscribers} subscribers in {time.monotonic() - began:.1f} s", flush=True)
        figures = send(folder, options, certificates=server.certificates if server else None)
        print(run(check(folder, options.subscribers)))
        if server and server.taken() != (options.subscribers, options.subscribers if options.tls else 0):
            sys.exit("The server took {} messages, {} of them by TLS and after a login.".format(*server.taken()))
        print(look(folder, url, options))
    elapsed = max(one["ended"] for one in figures) - min(one["began"] for one in figures)
    cpu = sum(one["cpu"] for one in figures)
    loop = sum(one["loop"] for one in figures) / cpu
    peaks = [one["peak"] for one in figures]
    print(
        f"{options.subscribers} messages by {len(figures)} processes with {sum(peaks):.1f} MB in all, "
        f"{options.subscribers / elapsed:.0f}/s, {cpu / options.subscribers * 1000:.3f} s CPU per 1000 "
        f"({loop:.0%} in the event loop): elapsed={elapsed:.3f} cpu={cpu:.3f} peak={max(peaks):.1f}"
    )


def configure(
    folder: Path, url: str, options: argparse.Namespace, *, port: int, more: Mapping[str, dict] | None = None
) -> None:
    """Write the settings of the newsletter under measure, and its key if it signs; `more` has further ones."""
    sections = {
        "newsletter": {
            "name": "Papers for you",
            "from_address": f"papers@{DOMAIN}",
            "postal_address": "1 Example Street, 10000 Example",
        },
        "database": {"url": url},
        "smtp": {
            "host": options.host,
            "port": port,
            "security": "starttls" if options.tls else "plain",
            "connections": options.connections,
            "local_name": "bench.example.org",
        },
        "rendering": {"abstract_characters": ABSTRACT},
        "bounces": {"address": f"bounces@{DOMAIN}"},
        "web": {"base_url": f"https://{DOMAIN}"},
    }
    if options.tls:
        (folder / "password").write_text("bench")
        sections["smtp"] |= {"username": "bench", "password_file": "password", "verify": options.port == 0}
    if options.dkim:
        (folder / "key.pem").write_bytes(_private_key(options.dkim))
        (folder / "key.pem").chmod(0o600)
        sections["dkim"] = {"domain": DOMAIN, "selector": "bench", "key_file": "key.pem"}
    for name, values in (more or {}).items():
        sections[name] = sections.get(name, {}) | values
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    (folder / "config.toml").write_text("\n".join(lines) + "\n")


def send(folder: Path, options: argparse.Namespace, *, certificates: Path | None) -> list[dict]:
    """Let the processes send side by side, each a fresh one, and return their figures."""
    environment = {**os.environ, **({"SSL_CERT_FILE": str(certificates)} if certificates else {})}
    words = [sys.executable, HERE / "sender.py", folder]
    profile = ["--profile", options.profile.absolute()] if options.profile else []
    started = [
        subprocess.Popen(
            [*words, *(profile if number == 0 else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(options.processes)
    ]
    for process in started:
        if process.stdout.readline() != "ready\n":
            sys.exit("A sending process did not come up.")
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    figures = []
    for process in started:
        out, _ = process.communicate()
        if process.returncode:
            sys.exit(f"A sending process ended with {process.returncode}.")
        figures.append(json.loads(out))
        if figures[-1]["fault"]:
            sys.exit(figures[-1]["fault"])
    return figures


async def check(folder: Path, subscribers: int) -> str:
    """Hold the record against what was to be sent, and return what was found; ends the program where it is wrong."""
    async with open_app(config.load(folder / "config.toml", {})) as app, app.database.connect() as connection:
        grouped = select(tables.deliveries.c.state, func.count()).group_by(tables.deliveries.c.state)
        states = {str(state): number for state, number in await connection.execute(grouped)}
    if states != {"sent": subscribers}:
        sys.exit(f"The record says {states}, not {subscribers} sent.")
    return f"{subscribers} rows sent"


def look(folder: Path, url: str, options: argparse.Namespace) -> str:
    """Send all of it again to a server that looks at it, and return what that saw; ends the program if it is wrong."""
    again = argparse.Namespace(**{**vars(options), "host": "127.0.0.1", "port": 0, "profile": None})
    with relay(folder, look=True) as server:
        configure(folder, url, again, port=server.port)
        run(queue_again(folder))
        send(folder, again, certificates=server.certificates)
        return compared(server.seen(), options.subscribers)


async def queue_again(folder: Path) -> None:
    """Put back on record that nothing was sent yet."""
    waiting = {"state": DeliveryState.QUEUED, "attempts": 0, "code": None, "enhanced": "", "text": ""}
    async with open_app(config.load(folder / "config.toml", {})) as app, app.database.begin() as connection:
        await connection.execute(update(tables.deliveries).values(**waiting, due_at=tables.deliveries.c.queued_at))


def compared(seen: dict[str, int], subscribers: int) -> str:
    """Return what a server saw, in words; ends the program where it is not what so many subscribers are to get."""
    words = "{messages} messages to {readers} readers, {bodies} different bodies, {orders} different orders of papers"
    told = words.format(**seen)
    if any(seen[name] != subscribers for name in ("messages", "readers", "bodies", "orders")):
        sys.exit(f"Over the wire came {told}, and not {subscribers} of each.")
    means = ", ".join(f"{name} {seen[name]}" for name in ("all", "headers", "text", "html"))
    return f"over the wire, once more: {told}; bytes of a message: {means}"


def _private_key(kind: str) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--dkim", choices=["ed25519", "rsa"])
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL")
    where.add_argument("--postgres", action="store_true")
    # So many keep what a commit carries large enough that the loop, and not the disk, sets the pace.
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--profile", type=Path, metavar="FILE", help="where cProfile writes what the first one did")
    return parser.parse_args(words)


# So much of an abstract is shown that a message has the 48 KB of 40 KB of HTML and 8 KB of text, parted otherwise: 32
# and 16, since the text leaves out no address and no word of an abstract.
ABSTRACT = 720


if __name__ == "__main__":
    main()
