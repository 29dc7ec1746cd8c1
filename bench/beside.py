"""Two ways to send, in turns against the same kind of server, and how many times faster the second is.

    python bench/beside.py tls|peer [--subscribers N] [--rounds R] [words for bench/send.py ...]

`tls`: the pipeline without and with STARTTLS and a login, to the server of bench/relay.py.  `peer`: the plain loop of
bench/plain.py, with a tenth of the messages since it is slow, and the pipeline, to smtp-sink.  As in side_by_side.py a
round is first, second, first again, and the second's rate is put beside the mean of its neighbours.

The last line has `ratio=`, the median of the rounds, and `cpu_first=` and `cpu_second=` in seconds a 1000 messages.
"""

import argparse
import contextlib
import re
import statistics
import subprocess
import sys
from pathlib import Path

from relay import smtp_sink

HERE = Path(__file__).resolve().parent


def rate(program: str, subscribers: int, *words: object) -> tuple[float, float]:
    """Run a client and return messages per second and CPU seconds per 1000 messages."""
    command = [sys.executable, str(HERE / program), "--subscribers", str(subscribers), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench/{program} ended with {done.returncode}: {done.stdout[-500:]}")
    figures = dict(re.findall(r"\b(elapsed|cpu)=([\d.]+)", done.stdout.splitlines()[-1]))
    return subscribers / float(figures["elapsed"]), float(figures["cpu"]) / subscribers * 1000


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tls", "peer"])
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    options, words = parser.parse_known_args()
    ratios, cpus = [], []
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(smtp_sink())[1] if options.what == "peer" else 0
        few = max(10, options.subscribers // 10)

        def first() -> tuple[float, float]:
            if options.what == "peer":
                return rate("plain.py", few, "--port", port)
            return rate("send.py", options.subscribers, "--port", port, *words)

        second_words = [*words, "--tls"] if options.what == "tls" else words
        for number in range(1, options.rounds + 1):
            before = first()
            second = rate("send.py", options.subscribers, "--port", port, *second_words)
            after = first()
            ratios.append(second[0] / ((before[0] + after[0]) / 2))
            cpus.append(((before[1] + after[1]) / 2, second[1]))
            print(
                f"round {number}: first {before[0]:.0f} and {after[0]:.0f}/s, second {second[0]:.0f}/s "
                f"= {ratios[-1]:.2f} times",
                flush=True,
            )
    first_cpu, second_cpu = map(statistics.median, zip(*cpus, strict=True))
    print(
        f"{options.what}, min {min(ratios):.2f}, max {max(ratios):.2f}: ratio={statistics.median(ratios):.2f} "
        f"cpu_first={first_cpu:.3f} cpu_second={second_cpu:.3f}"
    )


if __name__ == "__main__":
    main()
