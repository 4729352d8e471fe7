"""What a pod says is read or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_operator.control.answers import MalformedAnswerError, read_events, read_status
from relay_operator.plan import PodState
from unit.operator.json_values import JSON, OBJECTS

STATUS = b'{"pod_uid":"p","hall_uid":null,"state":"idle","participants":0,"empty_since":null}'


def test_a_pods_status_is_read() -> None:
    assert read_status(STATUS).state is PodState.IDLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        STATUS.replace(b"idle", b"dancing"),
        STATUS.replace(b'"participants":0', b'"participants":-1'),
        STATUS.replace(b'"participants":0', b'"participants":1e9'),
        STATUS.replace(b'"participants":0', b'"participants":true'),
        STATUS.replace(b'"empty_since":null', b'"empty_since":"never"'),
    ],
)
def test_a_status_that_no_pod_gives_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        read_status(data)


@given(st.binary(max_size=200) | JSON.map(lambda found: repr(found).encode()))
def test_whatever_a_pod_says_is_read_or_refused(data: bytes) -> None:
    for read in (read_status, read_events):
        try:
            read(data)
        except MalformedAnswerError:
            continue


@given(OBJECTS, st.integers(), JSON)
def test_whatever_events_a_pod_tells_are_read_or_refused(
    event: dict[str, object], sequence: int, gap: object
) -> None:
    import json  # noqa: PLC0415

    page = {"pod_uid": "p", "events": [event], "sequence": sequence, "gap": gap, "participants": 1}
    try:
        read_events(json.dumps(page).encode())
    except MalformedAnswerError:
        return
