"""Tables in docs/benchmarks.md: each between its own pair of markers, replaced one by one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import BenchError


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text cells, with the sentences that stand under it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one benchmark gives back: its table, and everything measured for the raw file."""

    table: Table
    raw: Mapping[str, Any]


def render(table: Table, *, footer: str = "") -> str:
    """GitHub Markdown for ``table``: notes as paragraphs, then ``footer`` in small print.

    Raises:
        ValueError: a row is not as long as the heading.
    """
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(f"a row has {len(row)} cells, the heading {len(table.columns)}")
    lines = [_row(table.columns), _row(["---"] * len(table.columns))]
    lines += [_row(row) for row in table.rows]
    for note in table.notes:
        lines += ["", note]
    if footer:
        lines += ["", f"<sub>{footer}</sub>"]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def replace_section(document: str, name: str, body: str) -> str:
    """``document`` with what stands between the markers of ``name`` replaced by ``body``.

    Raises:
        BenchError: the markers are missing, doubled or in the wrong order.
    """
    begin, end = f"<!-- bench:{name} begin -->", f"<!-- bench:{name} end -->"
    if document.count(begin) != 1 or document.count(end) != 1:
        raise BenchError(f"the document must hold {begin!r} and {end!r} exactly once each")
    start, stop = document.index(begin) + len(begin), document.index(end)
    if stop < start:
        raise BenchError(f"{end!r} stands before {begin!r}")
    return f"{document[:start]}\n{body}\n{document[stop:]}"


def write_section(path: Path, name: str, body: str) -> None:
    """Replace one section of the file at once: a reader never sees half a table.

    Raises:
        BenchError: see :func:`replace_section`.
    """
    text = replace_section(path.read_text(encoding="utf-8"), name, body)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def raw_folder() -> Path:
    """Where raw results go: ``$RELAY_BENCH_DIR``, else the user's cache folder."""
    chosen = os.environ.get("RELAY_BENCH_DIR")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "relay-bench"


def write_raw(name: str, raw: Mapping[str, Any]) -> Path:
    """Keep everything that was measured, outside of the repository; the path is returned."""
    folder = raw_folder()
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{name}-{stamp}.json"
    path.write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path
