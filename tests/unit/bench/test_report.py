"""Tables and the document they are written into."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import BENCHMARKS, DOCUMENT
from bench.errors import BenchError
from bench.report import Table, render, replace_section, write_section

PAGE = """# Page
<!-- bench:a begin -->
old
<!-- bench:a end -->
between
<!-- bench:b begin -->
old
<!-- bench:b end -->
"""


def test_a_table_is_markdown_with_its_notes_below() -> None:
    table = Table(columns=("x", "y"), rows=(("1", "a|b"),), notes=("Said.",))
    assert render(table, footer="here") == (
        "| x | y |\n| --- | --- |\n| 1 | a\\|b |\n\nSaid.\n\n<sub>here</sub>"
    )


def test_a_row_of_another_length_than_the_heading_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells, the heading 2"):
        render(Table(columns=("x", "y"), rows=(("1",),)))


def test_one_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    write_section(page, "a", "new")
    write_section(page, "a", "newer")
    assert page.read_text() == PAGE.replace("old", "newer", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize(
    "page",
    ["", PAGE + PAGE, "<!-- bench:a end --><!-- bench:a begin -->"],
    ids=["missing", "doubled", "in the wrong order"],
)
def test_markers_that_are_not_one_pair_are_refused(page: str) -> None:
    with pytest.raises(BenchError, match="bench:a"):
        replace_section(page, "a", "new")


def test_the_document_has_a_place_for_every_benchmark() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in BENCHMARKS:
        assert replace_section(text, name, "new") != text
