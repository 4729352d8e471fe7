"""``python -m fuzz [TARGET ...] [--runs N]``: search each target for inputs that break it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz.targets import TARGETS

FINDINGS = Path(tempfile.gettempdir()) / "relay-fuzz"


def main() -> int:
    """Run the targets that were named, or all; 1 if any found something."""
    options = _parser().parse_args()
    FINDINGS.mkdir(exist_ok=True)
    failed = 0
    for name in options.targets or TARGETS:
        began = time.monotonic()
        command = [sys.executable, "-m", "fuzz.search", name, str(options.runs), str(FINDINGS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode:
            failed += 1
            print(done.stdout, done.stderr, sep="\n")
        ended = f"FAILED, the input is in {FINDINGS}" if done.returncode else "ok"
        print(f"fuzz {name}: {options.runs:,} runs in {seconds:.0f} s: {ended}", flush=True)
    print(f"== {len(options.targets or TARGETS) - failed} passed, {failed} failed ==")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all, if none is named")
    parser.add_argument("--runs", type=int, default=20_000, help="executions of each target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
