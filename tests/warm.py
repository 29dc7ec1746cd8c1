"""Calls of the program that spare the second and a half in which Python starts and imports it.

A process that has imported the program, and done nothing with it, forks one for each call: a process of its own as any
other, with the words, folder, environment and streams of that call. It ends with the tests however they end. Who wants
every call to begin with a new Python sets NEWSLETTER_TEST_COLD=1; what is stopped midway or needs a terminal always
does.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, "-m", "newsletter")
# What is imported before: no command works without most of it. What few need stays for those.
ROOMS = ("cli", "app", "pipeline", "feeds", "store", "ranking", "rendering", "delivery")
PARTS = (*(f"newsletter.{room}" for room in ROOMS), "rich.table", "rich.progress", "uvloop")
# What Python reads once, as it starts.
EARLY = ("PYTHON", "LANG", "LC_", "LD_", "TZ")
FDS = 4


def call(
    words: Sequence[object],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    given: str | bytes = b"",
    text: bool = True,
) -> subprocess.CompletedProcess[Any]:
    """Call the program with words as `subprocess.run` does; its input is a pipe, what it says is kept."""
    said, env = list(map(str, words)), _plain() if env is None else env
    content = given.encode() if isinstance(given, str) else given
    cold = sys.platform != "linux" or os.environ.get("NEWSLETTER_TEST_COLD")
    if cold or _early(env) != _early(_plain()):
        done = subprocess.run([*PROGRAM, *said], cwd=cwd, env=env, input=content, capture_output=True, check=False)
        return _read(done, text)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = _forked(said, cwd, env, content, out.fileno(), err.fileno())
        out.seek(0)
        err.seek(0)
        return _read(subprocess.CompletedProcess([*PROGRAM, *said], code, out.read(), err.read()), text)


def _read(done: subprocess.CompletedProcess[bytes], text: bool) -> subprocess.CompletedProcess[Any]:
    if not text:
        return done
    out, err = (io.TextIOWrapper(io.BytesIO(said), "utf-8").read() for said in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _early(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(EARLY)}


def _plain() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _forked(words: list[str], cwd: Path, env: Mapping[str, str], given: bytes, out: int, err: int) -> int:
    request = json.dumps([words, str(cwd), dict(env)]).encode()
    stdin, feed = os.pipe()
    answer, ending = os.pipe()
    try:
        socket.send_fds(_nursery(), [request], [stdin, out, err, ending])
    finally:
        os.close(stdin)
        os.close(ending)
    with contextlib.suppress(BrokenPipeError), os.fdopen(feed, "wb") as pipe:
        pipe.write(given)
    with os.fdopen(answer, "rb") as pipe:
        status = pipe.read()
    assert status, "the process that forks the calls is gone"
    return int(status)


@functools.cache
def _nursery() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            # With threads of a library it could not be forked safely.
            env={**_plain(), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            # Ctrl-C is for the tests; this one ends as they close their end.
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return ours


def _prepare() -> None:
    for part in PARTS:
        package = importlib.import_module(part)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            importlib.import_module(f"{part}.{module.name}")
    # What is here stays, so that no call looks through it again.
    gc.collect()
    gc.freeze()


def _await_call(requests: socket.socket) -> bool:
    """Fork a process for each call; return True in such a process, False once the tests are gone."""
    while True:
        request, fds, _, _ = socket.recv_fds(requests, 1 << 20, FDS)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not request:
            return False
        # One to wait for the end of the call, so that calls may be under way together.
        if os.fork() == 0:
            requests.close()
            child = os.fork()
            if child == 0:
                _become(*json.loads(request), *fds)
                return True
            for fd in fds[:-1]:
                os.close(fd)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(fds[-1], str(code).encode())
            os._exit(0)
        for fd in fds:
            os.close(fd)


def _become(words: list[str], cwd: str, env: dict[str, str], *fds: int) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [str(ROOT / "newsletter" / "__main__.py"), *words]
    for number, fd in enumerate(fds[:-1]):
        os.dup2(fd, number)
    os.closerange(3, max(fds) + 1)


if __name__ == "__main__":
    # As `python -m newsletter` has it.
    sys.path.remove(str(Path(__file__).parent))
    _prepare()
    if _await_call(socket.socket(fileno=int(sys.argv[1]))):
        from newsletter.__main__ import main

        main()
