"""``python -m fuzz.search TARGET RUNS FOLDER``: one target, guided by coverage, in this process."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["relay_media", "relay_api", "relay_operator", "fuzz"]):
    from fuzz.targets import TARGETS

SLOWEST_MS = 50
"""An input that takes longer than this ends the run, as a crash does."""
MAX_BYTES = 4096


def search(name: str, runs: int, findings: Path) -> None:
    """Ends the process: with 0 after so many runs, else with the input written to ``findings``."""
    target = TARGETS[name]

    def timed(data: bytes) -> None:
        # The processor's time: a busy machine is no finding.
        began = time.process_time()
        target.run(data)
        taken = (time.process_time() - began) * 1000
        if taken > SLOWEST_MS:
            raise AssertionError(f"{name} took {taken:.0f} ms for {len(data)} bytes")

    with tempfile.TemporaryDirectory(prefix="relay-fuzz-") as folder:
        for number, seed in enumerate(target.seeds):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup(
            [
                *(name, folder, f"-runs={runs}", f"-max_len={MAX_BYTES}", "-verbosity=0"),
                f"-artifact_prefix={findings}/{name}-",
            ],
            timed,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    search(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
