"""Every fuzz target takes its seeds, broken seeds and any bytes; `make fuzz` searches further."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.targets import TARGETS

SEEDS = [(name, seed) for name, target in TARGETS.items() for seed in target.seeds]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_a_target_takes_its_seeds_whole_and_cut_short(name: str, seed: bytes) -> None:
    for length in range(0, len(seed) + 1, max(1, len(seed) // 64)):
        TARGETS[name].run(seed[:length])
    TARGETS[name].run(seed)


@given(st.sampled_from(SEEDS), st.integers(0, 4095), st.binary(min_size=1, max_size=8))
def test_a_target_takes_a_seed_with_other_bytes_written_over_it(
    begun: tuple[str, bytes], at: int, other: bytes
) -> None:
    name, seed = begun
    at %= len(seed)
    TARGETS[name].run(seed[:at] + other + seed[at + len(other) :])


@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=256))
def test_a_target_takes_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_a_target_takes_any_json(value: object) -> None:
    data = json.dumps({"type": value, "name": value, "id": value, "tracks": value}).encode()
    for target in TARGETS.values():
        target.run(data)
