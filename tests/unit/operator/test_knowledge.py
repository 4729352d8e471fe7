"""What the operator knows: caches that never go back, reports of pods, and what it tells."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from relay_operator import log
from relay_operator.cluster.state import ClusterState, HallKey
from relay_operator.control.answers import EventsPage, PodAnswer
from relay_operator.control.reports import Reports
from relay_operator.plan import EmitEvent, EventType, PodState
from relay_operator.plan.serving import assignment_for
from relay_operator.recorder import Recorder
from unit.operator.cases import NOW, hall, pod, seen


def _hall(name: str = "a", *, uid: str = "u1", version: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": uid,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": str(version),
        },
        "spec": spec,
    }


def _pod(name: str = "a", *, uid: str = "p1", hall_uid: str = "u1", version: int = 1) -> Any:
    made = _hall(name, uid=uid, version=version)
    made["metadata"]["labels"] = {"relay.dev/hall-uid": hall_uid}
    return made


@pytest.fixture
def changed() -> list[HallKey]:
    return []


@pytest.fixture
def state(changed: list[HallKey]) -> ClusterState:
    return ClusterState(changed.append)


KEY = HallKey("n", "a")


def test_an_older_version_never_replaces_a_newer_one(
    state: ClusterState, changed: list[HallKey]
) -> None:
    state.put_hall(_hall(version=5, maxParticipants=5))
    state.put_hall(_hall(version=4, maxParticipants=4))
    state.put_hall(_hall(version=5, maxParticipants=4))
    found = state.hall(KEY)
    assert found is not None
    assert found.spec.max_participants == 5
    assert changed == [KEY]


def test_what_is_deleted_does_not_come_back(state: ClusterState) -> None:
    state.put_hall(_hall(version=5))
    state.remove_hall("u1")
    state.put_hall(_hall(version=9))
    assert state.hall(KEY) is None


def test_a_hall_recreated_under_its_name_is_another(state: ClusterState) -> None:
    state.put_hall(_hall(uid="u1", version=5))
    state.put_hall(_hall(uid="u2", version=9))
    state.remove_hall("u1")
    found = state.hall(KEY)
    assert found is not None
    assert found.meta.uid == "u2"


def test_a_pod_concerns_its_hall_when_it_comes_changes_and_goes(
    state: ClusterState, changed: list[HallKey]
) -> None:
    state.put_hall(_hall())
    changed.clear()
    state.put_pod(_pod(version=1))
    moved = _pod(version=2)
    moved["status"] = {"podIP": "10.0.0.1"}
    state.put_pod(moved)
    same = _pod(version=3)
    same["status"] = {"podIP": "10.0.0.1"}
    state.put_pod(same)
    state.remove_pod("p1")
    assert changed == [KEY] * 3
    assert state.pods_of("u1") == ()


def test_a_class_concerns_the_halls_that_use_it(
    state: ClusterState, changed: list[HallKey]
) -> None:
    state.put_hall(_hall("a", uid="u1", className="fast"))
    state.put_hall(_hall("b", uid="u2"))
    changed.clear()
    made = _hall("fast", uid="c1") | {"spec": {"image": "x"}}
    state.put_class(made)
    state.remove_class("c1")
    assert changed == [KEY, KEY]


def test_a_plan_concerns_the_halls_of_its_accounts(
    state: ClusterState, changed: list[HallKey]
) -> None:
    state.put_hall(_hall())
    changed.clear()
    state.put_plan(_hall("free", uid="p1") | {"spec": {"maxParticipants": 1}})
    state.put_plan(_hall("big", uid="p2") | {"spec": {"maxParticipants": 9}})
    assert changed == [KEY]
    state.put_account(_hall("default", uid="a1") | {"spec": {"planName": "big"}})
    assert state.plan_name_in("n") == "big"
    assert changed == [KEY] * 2
    state.remove_plan("p1")
    assert changed == [KEY] * 2
    state.remove_plan("p2")
    assert changed == [KEY] * 3


def test_a_list_tells_what_is_gone_but_not_of_what_is_younger(state: ClusterState) -> None:
    state.put_hall(_hall("a", uid="u1", version=5))
    state.put_hall(_hall("b", uid="u2", version=8))
    state.put_hall(_hall("c", uid="u3", version=6))
    assert state.halls.ghosts([_hall("c", uid="u3", version=6)], 7) == ["u1"]


def test_an_object_that_cannot_be_read_stops_nothing(
    state: ClusterState, caplog: pytest.LogCaptureFixture
) -> None:
    state.put_hall(_hall(maxParticipants="many"))
    assert state.hall(KEY) is None
    assert "cannot be read" in caplog.text


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def _answer(**fields: Any) -> PodAnswer:
    defaults = {
        "pod_uid": "pod-0", "hall_uid": "hall-uid", "state": PodState.ASSIGNED,
        "participants": 0, "empty_since": None,
    }  # fmt: skip
    return PodAnswer(**(defaults | fields))


def _page(**fields: Any) -> EventsPage:
    defaults = {
        "pod_uid": "pod-0", "sequence": 1, "types": (), "participants": 0, "empty_since": None,
        "gap": False,
    }  # fmt: skip
    return EventsPage(**(defaults | fields))


ASSIGNMENT = assignment_for(hall(), seen())


def test_the_first_failure_is_kept_until_the_next_answer() -> None:
    clock = Clock()
    reports = Reports(clock=clock)
    reports.assigned(_answer(), ASSIGNMENT, resume_at=0)
    assert reports.failed("pod-0")
    clock.now += timedelta(seconds=3)
    assert not reports.failed("pod-0")
    assert reports.get("pod-0").failing_since == NOW
    reports.heard(_page())
    assert reports.get("pod-0").failing_since is None


def test_reading_goes_on_where_an_earlier_process_stopped() -> None:
    reports = Reports(clock=Clock())
    reports.assigned(_answer(), ASSIGNMENT, resume_at=41)
    assert reports.get("pod-0").sequence == 41
    reports.assigned(_answer(), ASSIGNMENT, resume_at=0)
    assert reports.get("pod-0").sequence == 41


def test_a_pod_cannot_put_its_emptiness_into_the_future() -> None:
    reports = Reports(clock=Clock())
    reports.assigned(_answer(empty_since=NOW + timedelta(days=1)), ASSIGNMENT, resume_at=0)
    assert reports.get("pod-0").empty_since == NOW


def test_a_pod_with_somebody_in_is_not_empty_whatever_it_says() -> None:
    reports = Reports(clock=Clock())
    reports.assigned(_answer(participants=1, empty_since=NOW), ASSIGNMENT, resume_at=0)
    assert reports.get("pod-0").empty_since is None


def test_an_answer_without_news_concerns_nobody() -> None:
    reports = Reports(clock=Clock())
    reports.assigned(_answer(), ASSIGNMENT, resume_at=1)
    assert not reports.heard(_page())
    assert reports.heard(_page(participants=1))


def _outage(*, silent: dict[str, str], answering: dict[str, str]) -> bool:
    reports = Reports(clock=Clock())
    pods = []
    for uid, node in {**silent, **answering}.items():
        reports.assigned(_answer(pod_uid=uid), ASSIGNMENT, resume_at=0)
        pods.append(replace(pod(), uid=uid, node_name=node))
    for uid in silent:
        reports.failed(uid)
    return reports.outage(pods)


def test_one_silent_node_is_a_lost_node() -> None:
    assert not _outage(silent={"1": "a", "2": "a"}, answering={})


def test_silence_of_most_pods_on_two_nodes_is_our_own_fault() -> None:
    assert _outage(silent={"1": "a", "2": "b"}, answering={"3": "c"})


def test_pods_that_never_answered_this_process_may_be_our_own_fault_too() -> None:
    """The guard counted only pods that had answered: after a restart it guarded nobody."""
    reports = Reports(clock=Clock())
    pods = [replace(pod(), uid=uid, node_name=f"n{uid}", ready=uid != "4") for uid in "1234"]
    for found in pods:
        reports.failed(found.uid)
    assert reports.outage(pods)
    assert not reports.outage([pods[0], pods[3]]), "one that its kubelet calls unready is no proof"


def test_silence_of_a_few_pods_on_two_nodes_is_theirs() -> None:
    assert not _outage(silent={"1": "a", "2": "b"}, answering={"3": "c", "4": "c"})


class Sink:
    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    async def create_event(self, event: dict[str, Any]) -> None:
        self.written.append(event)


def test_a_hall_in_a_loop_gets_ten_events_and_then_one_in_half_a_minute() -> None:
    seconds = [0.0]
    recorder = Recorder(Sink(), instance="me", clock=lambda: seconds[0])
    event = EmitEvent(type=EventType.NORMAL, reason="Assigned", message="m")
    for _ in range(50):
        recorder.emit(hall(), event)
    assert recorder._queue.qsize() == 10
    seconds[0] = 31.0
    for _ in range(5):
        recorder.emit(hall(), event)
    assert recorder._queue.qsize() == 11


def test_an_event_says_which_hall_it_is_about() -> None:
    recorder = Recorder(Sink(), instance="me", clock=lambda: 0.0)
    recorder.emit(hall(), EmitEvent(type=EventType.WARNING, reason="PodLost", message="x" * 5000))
    event = recorder._queue.get_nowait()
    assert event["regarding"]["uid"] == "hall-uid"
    assert event["type"] == "Warning"
    assert len(event["note"]) <= 1024


def test_a_log_line_is_json_with_the_halls_identity() -> None:
    record = logging.makeLogRecord(
        {"name": "relay_operator.apply", "msg": "said %s", "args": ("x",), **log.of(hall())}
    )
    entry = json.loads(log.JsonFormatter().format(record))
    assert entry["message"] == "said x"
    assert (entry["namespace"], entry["hall"], entry["hall_uid"]) == ("tenant", "room", "hall-uid")


def test_what_other_libraries_attach_to_their_records_is_not_written() -> None:
    record = logging.makeLogRecord({"name": "kopf.objects", "msg": "m", "k8s_ref": {"secret": 1}})
    assert "secret" not in log.JsonFormatter().format(record)
