"""Reading bodies. The tables of refusals are in tests/api/shim/test_bad_*.py, on the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_api.credentials.tokens import Role
from relay_api.halls.bodies import NewHall, NewToken, read_new_hall, read_new_token
from relay_api.halls.strict_json import read_json
from relay_api.problems import Code, ProblemError

scalar = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20)
)
json_value = st.recursive(
    scalar,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=[]), max_size=8), inner)
    ),
    max_leaves=12,
)
refusals = {Code.MALFORMED_JSON, Code.VALIDATION_FAILED}


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_with_a_code(body):
    for read in (read_new_hall, read_new_token):
        try:
            read(body)
        except ProblemError as problem:
            assert problem.code in refusals  # noqa: PT017 - either way is right


@given(
    st.dictionaries(
        st.sampled_from(["name", "max_participants", "record", "moderation", "metadata", "x"]),
        json_value,
    )
)
def test_any_json_object_is_read_or_refused_by_field(raw):
    try:
        hall = read_new_hall(json.dumps(raw).encode())
    except ProblemError as problem:
        assert problem.code in refusals  # noqa: PT017 - either way is right
    else:
        assert 1 <= len(hall.name) <= 200
        assert 1 <= hall.max_participants <= 10_000
        hall.name.encode()
        json.dumps(hall.metadata, allow_nan=False, ensure_ascii=False).encode()


@given(st.text(min_size=1, max_size=200).filter(lambda s: s.isprintable() and s.strip()))
def test_every_printable_name_survives(name):
    assert read_new_hall(json.dumps({"name": name}).encode()).name == name


def test_metadata_of_exactly_16_kib_and_64_keys_is_taken():
    metadata = {f"k{n:02}": "" for n in range(64)}
    rest = 16 * 1024 - len(json.dumps(metadata, separators=(",", ":")))
    metadata["k00"] = "x" * rest
    body = json.dumps({"name": "x", "metadata": metadata}).encode()
    assert read_new_hall(body).metadata == metadata
    metadata["k00"] += "x"
    with pytest.raises(ProblemError, match="16384 bytes"):
        read_new_hall(json.dumps({"name": "x", "metadata": metadata}).encode())


def test_defaults_are_those_of_the_contract():
    assert read_new_hall(b'{"name":"x"}') == NewHall(name="x")
    assert NewHall(name="x").max_participants == 50
    assert read_new_token(b"") == read_new_token(b"{}") == NewToken()
    assert NewToken() == NewToken(role=Role.PARTICIPANT, ttl_seconds=21600, invite=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("identity", ""),
        ("identity", "x" * 129),
        ("identity", "a\x00"),
        ("name", 3),
        ("role", "admin"),
        ("role", ["host"]),
        ("ttl_seconds", 9),
        ("ttl_seconds", 2_592_001),
        ("ttl_seconds", 60.5),
        ("invite", "yes"),
        ("grants", {}),
    ],
)
def test_a_token_request_names_the_wrong_field(field, value):
    with pytest.raises(ProblemError) as told:
        read_new_token(json.dumps({field: value}).encode())
    assert [cause.field for cause in told.value.errors] == [field]


def test_every_complaint_is_made_at_once():
    with pytest.raises(ProblemError) as told:
        read_new_hall(b'{"max_participants":0,"record":1,"moderation":null,"metadata":3,"y":1}')
    assert [cause.field for cause in told.value.errors] == [
        "y", "name", "max_participants", "record", "moderation", "metadata",
    ]  # fmt: skip


@pytest.mark.parametrize("depth", [1, 32])
def test_32_levels_are_taken(depth):
    assert read_json(b"[" * depth + b"]" * depth) is not None


def test_33_levels_are_refused():
    with pytest.raises(ProblemError, match="32 levels"):
        read_json(b"[" * 33 + b"]" * 33)
