from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_api.gateway.limits import FailureLimit
from relay_api.gateway.situation import Closed, Hopeless, Reachable, Reason, Waiting, situation_of
from relay_api.gateway.waking import wake_patch
from relay_crds.names import ReadyReason
from unit.api.objects import hall, hibernated, ready

POD = {"endpoint": "10.0.0.7", "podName": "standup"}
LATER = "2026-01-31T12:05:00Z"


def situation(**what):
    return situation_of(hall(**what))


def test_a_fresh_hall_is_starting():
    assert situation() == Waiting(reason=Reason.STARTING, message="The hall is starting.")


def test_a_ready_hall_is_reachable_at_its_pod():
    found = situation(status={**ready("Assigned", status="True"), **POD})
    assert isinstance(found, Reachable)
    assert (found.address, found.pod_name) == ("10.0.0.7", "standup")


def test_a_ready_hall_without_an_address_is_waited_for():
    assert isinstance(situation(status=ready("Assigned", status="True")), Waiting)


def test_a_stale_address_of_a_lost_pod_is_not_tried():
    found = situation(status={**ready("PodLost"), **POD})
    assert isinstance(found, Waiting)
    assert found.reason is Reason.REPLACING


def test_a_pod_that_only_the_operator_cannot_reach_is_tried():
    assert isinstance(situation(status={**ready("MediaUnreachable"), **POD}), Reachable)


def test_a_hibernated_hall_is_asleep():
    found = situation(status=hibernated(LATER))
    assert found == Waiting(reason=Reason.WAKING, message="The hall is waking up.", asleep=True)


def test_a_woken_hall_is_waking_until_it_is_ready_again():
    found = situation(
        status={**ready("PodStarting"), "readyAt": "2026-01-31T11:00:00Z"},
        annotations={"relay.dev/wake-requested-at": LATER},
    )
    assert found.reason is Reason.WAKING
    assert not found.asleep


def test_a_hall_whose_pod_failed_is_replacing_it():
    failure = {"podName": "standup", "reason": "OOMKilled", "at": LATER}
    found = situation(
        status={
            **ready("PodStarting"),
            "readyAt": "2026-01-31T12:00:00Z",
            "lastPodFailure": failure,
        }
    )
    assert found.reason is Reason.REPLACING


@pytest.mark.parametrize(
    "reason",
    [
        "ClassNotFound",
        "PlanNotFound",
        "PodRejected",
        "StorageNotConfigured",
        "PlanRequired",
        "MetadataTooLarge",
    ],
)
def test_what_waiting_cannot_help_is_said_at_once(reason):
    assert isinstance(situation(status=ready(reason)), Hopeless)


@pytest.mark.parametrize(
    "what",
    [
        {"spec": {"desiredState": "Closed"}},
        {"deleted": LATER},
        {"status": {"closedAt": LATER}},
        {"spec": {"desiredState": "Closed"}, "status": {**ready("Assigned", status="True"), **POD}},
    ],
)
def test_a_closed_hall_lets_nobody_in_even_while_its_pod_runs(what):
    assert situation(**what) == Closed()


@given(st.sampled_from([reason.value for reason in ReadyReason]) | st.text(max_size=10))
def test_every_reason_has_a_situation_also_those_of_a_newer_operator(reason):
    found = situation(status=ready(reason or "x"))
    assert isinstance(found, Hopeless | Waiting)


NOW = datetime(2026, 1, 31, 12, 10, tzinfo=UTC)
WAKE = "relay.dev/wake-requested-at"


def test_a_sleeping_hall_is_woken_with_the_time_of_now():
    patch = wake_patch(hall(status=hibernated(LATER)), NOW)
    assert patch == {"metadata": {"annotations": {WAKE: "2026-01-31T12:10:00.000Z"}}}


def test_a_hall_that_was_woken_since_it_slept_is_not_woken_again():
    found = hall(
        status=hibernated(LATER),
        annotations={WAKE: "2026-01-31T12:05:00.001Z"},
    )
    assert wake_patch(found, NOW) is None


def test_a_waking_of_an_earlier_sleep_does_not_count():
    found = hall(
        status=hibernated(LATER),
        annotations={WAKE: "2026-01-31T12:04:00Z"},
    )
    assert wake_patch(found, NOW) is not None


def test_a_second_sleep_is_ended_although_ready_was_true_all_along():
    """Its time was taken for that of the sleep: the wake of the first sleep counted for ever."""
    found = hall(status=hibernated(LATER), annotations={WAKE: "2026-01-31T12:03:00Z"})
    assert wake_patch(found, NOW) is not None


def test_an_operator_whose_clock_is_ahead_is_still_told_of_a_later_time():
    found = hall(status=hibernated("2026-01-31T12:10:30Z"))
    patch = wake_patch(found, NOW)
    assert patch["metadata"]["annotations"][WAKE] == "2026-01-31T12:10:30.001Z"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_is_held_off_after_its_burst_and_let_in_again_with_time():
    clock = Clock()
    limit = FailureLimit(burst=3, seconds=2, clock=clock)
    for _ in range(3):
        assert not limit.exceeded("192.0.2.1")
        limit.failed("192.0.2.1")
    assert limit.exceeded("192.0.2.1")
    assert not limit.exceeded("192.0.2.2")
    clock.now = 1.9
    assert limit.exceeded("192.0.2.1")
    clock.now = 2.0
    assert not limit.exceeded("192.0.2.1")


def test_ipv6_counts_by_network_and_mapped_ipv4_by_address():
    limit = FailureLimit(burst=1, clock=Clock())
    limit.failed("2001:db8::1")
    assert limit.exceeded("2001:db8::ffff:2")
    assert not limit.exceeded("2001:db8:0:1::1")
    limit.failed("::ffff:192.0.2.1")
    assert limit.exceeded("192.0.2.1")


@given(st.text(max_size=30))
def test_any_text_for_an_address_is_counted(address):
    limit = FailureLimit(burst=1, clock=Clock())
    limit.failed(address)
    assert limit.exceeded(address)


def test_only_so_many_addresses_are_kept():
    limit = FailureLimit(burst=1, clock=Clock())
    limit.failed("192.0.2.1")
    for number in range(10_000):
        limit.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert not limit.exceeded("192.0.2.1"), "the oldest was let go"
