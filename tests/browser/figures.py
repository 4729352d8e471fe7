"""Measured times: kept beside the screenshots, and shown with the test that took them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from browser.chromium import artifacts

Record = Callable[[str, float], None]


def recorder(test: str) -> Record:
    """A function that keeps one figure of ``test``: a line of JSON in ``figures.jsonl``."""

    def record(name: str, value: float) -> None:
        line = json.dumps({"test": test, "name": name, "value": round(value, 2)})
        with (artifacts() / "figures.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line)

    return record


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    return recorder(request.node.name)
