"""What can go wrong, said so that a reader knows the next step."""

from __future__ import annotations

from pathlib import Path


class GroundError(Exception):
    """A step that did not work: which one, why, and where its log is."""

    def __init__(self, why: str, *, step: str = "", log: Path | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.step = step
        self.log = log

    def __str__(self) -> str:
        lines = [f"failed: {self.step}" if self.step else "failed", *indented(self.why)]
        if self.log is not None:
            lines.append(f"  log: {self.log}")
        return "\n".join(lines)


def indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.strip().splitlines()]
