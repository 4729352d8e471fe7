"""Fixtures of more than one module here."""

from __future__ import annotations

import pytest

from unit.operator.clock import Clock

pytest.register_assert_rewrite("unit.operator.end_cases", "unit.operator.start_cases")


@pytest.fixture
def clock() -> Clock:
    return Clock()
