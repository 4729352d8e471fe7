"""`python -m bench`: run one benchmark or all, print the table, and write it where asked."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench import forwarding, join, memory, ready, rest
from bench.errors import BenchError
from bench.machine import describe
from bench.progress import say
from bench.report import Outcome, render, write_raw, write_section

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

# Each with its full size and a small one, which shows that it works and proves nothing.
BENCHMARKS: dict[str, tuple[Callable[[], Outcome], Callable[[], Outcome]]] = {
    "forwarding": (
        lambda: forwarding.run(forwarding.Options()),
        lambda: forwarding.run(
            forwarding.Options(rates=(300, 1000), repetitions=1, warm_seconds=1, seconds=3)
        ),
    ),
    "ready": (
        lambda: ready.run(ready.Options()),
        lambda: ready.run(ready.Options(halls=3, warm=1)),
    ),
    "rest": (
        lambda: rest.run(rest.Options()),
        lambda: rest.run(rest.Options(present=120, creates=5, lists=20)),
    ),
    "join": (
        lambda: join.run(join.Options()),
        lambda: join.run(join.Options(joins=2, warm=1)),
    ),
    "memory": (
        lambda: memory.run(memory.Options()),
        lambda: memory.run(memory.Options(halls=20, pod_seconds=3, operator_seconds=20)),
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; returns 1 when any of it could not be measured."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    names = list(BENCHMARKS) if options.benchmark == "all" else [options.benchmark]
    failed = []
    for name in names:
        say(f"{name}: begins")
        try:
            outcome = BENCHMARKS[name][options.quick]()
        except BenchError as error:
            failed.append(name)
            print(f"{name}: {error}", file=sys.stderr)
            continue
        raw = write_raw(name, outcome.raw)
        print(f"\n{render(outcome.table)}\n\nraw: {raw}\n", flush=True)
        if options.write:
            write_section(options.document, name, render(outcome.table, footer=_footer()))
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that what was made is taken away."""
    raise KeyboardInterrupt


def _footer() -> str:
    machine = describe()
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return f"{datetime.now(tz=UTC):%Y-%m-%d}; {machine.sentence()}; {packages}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--write", action="store_true", help="put the tables into the document")
    parser.add_argument("--quick", action="store_true", help="small sizes: a trial, no measurement")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
