"""Pods that live and do not know our control key: it was changed after they had started."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from functools import partial
from typing import Final

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relay_crds.names import ConditionType
from relay_media.control.tokens import KeyRing, read_control_token
from relay_media.errors import TokenError
from relay_operator.cluster.state import HallKey
from relay_operator.control.answers import EventsPage, PodAnswer
from relay_operator.control.client import PodAddress, PodClient
from relay_operator.control.puller import Puller
from relay_operator.control.reports import Reports
from relay_operator.errors import (
    KeyRefusedError,
    PodUnreachableError,
)
from relay_operator.keys import public_pem
from relay_operator.plan import PodReport, PodState, plan
from relay_operator.plan.serving import assignment_for
from relay_operator.tokens import ControlTokens
from unit.operator.cases import (
    NOW,
    ago,
    kinds,
    pod,
    ready_of,
    report,
    seen,
    served,
    silent,
    started,
    status_of,
    timer,
)
from unit.operator.end_cases import closing
from unit.operator.one_answer import answering
from unit.operator.process import Process
from unit.operator.world import World, later

OUR_KEY: Final = Ed25519PrivateKey.generate()
ADDRESS: Final = PodAddress(ip="127.0.0.1", pod_uid="pod-0", hall_uid="hall-uid")


async def _close(detail: str) -> None:
    """Ask a pod to close that answers 401, for this reason."""
    refusal = partial(web.json_response, {"code": "unauthorized", "detail": detail}, status=401)
    async with answering(refusal) as port:
        client = PodClient(ControlTokens(OUR_KEY, clock=time.time), port=port)
        await client.open()
        try:
            await client.close(ADDRESS, "deleted")
        finally:
            await client.close_sessions()


def _pod_says(ring: Ed25519PrivateKey, *, pod_uid: str) -> str:
    """Why a media pod of this UID, which trusts this key alone, refuses our token for pod-0."""
    keys = KeyRing.from_pem(public_pem(ring))
    token = ControlTokens(OUR_KEY, clock=time.time).issue(hall_uid="hall-uid", pod_uid="pod-0")
    with pytest.raises(TokenError) as refused:
        read_control_token(token, keys, pod_uid=pod_uid, now=time.time())
    return str(refused.value)


async def test_a_pod_that_does_not_know_our_key_is_told_apart_from_one_that_is_gone() -> None:
    detail = _pod_says(Ed25519PrivateKey.generate(), pod_uid="pod-0")
    with pytest.raises(KeyRefusedError, match="control key"):
        await _close(detail)


async def test_another_pod_at_a_lost_ones_address_does_not_keep_it_alive() -> None:
    """It answers 401 too: for that alone the lost pod would never have been replaced."""
    detail = _pod_says(OUR_KEY, pod_uid="pod-1")
    with pytest.raises(PodUnreachableError, match="another pod") as told:
        await _close(detail)
    assert not isinstance(told.value, KeyRefusedError)


class Refusing:
    """A pod that refuses every poll; sets ``asked`` with the first."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def events(self, pod: PodAddress, *, after: int, wait: int) -> EventsPage:
        self.asked.set()
        raise KeyRefusedError("another key")


async def test_a_pod_that_refuses_a_poll_of_its_events_is_not_called_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its poll counted as failed, and four seconds later its call was ended."""
    reports, source, changed = Reports(clock=lambda: NOW), Refusing(), asyncio.Event()
    puller = Puller(source, reports, lambda key: changed.set())
    puller.follow(HallKey("tenant", "room"), ADDRESS)
    await asyncio.wait_for(changed.wait(), 5)
    await puller.close()
    assert reports.get("pod-0").refuses_key
    assert reports.get("pod-0").failing_since is None
    assert "refuses our key" in caplog.text


async def test_a_changed_control_key_ends_no_call_and_hinders_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The pod answers 401: that counted as silence, and every running call was replaced."""
    world = World(random=random.Random(0))
    world.apply("room", idleTimeoutSeconds=30)
    process = Process(world)
    await process.work()
    world.run("room")
    process.resync()
    await process.work()
    status = world.halls["room"]["status"]
    (inside,) = world.insides.values()
    inside.participants, inside.empty_since, inside.knows_key = 2, None, False

    process = Process(world)  # with another key
    caplog.set_level("WARNING")
    for _ in range(60):
        await process.work()
        later(world, 10)
        process.resync()
    after = world.halls["room"]["status"]
    assert [after[name] for name in ("podName", "endpoint")] == ["room", status["endpoint"]]
    assert "lastPodFailure" not in after
    conditions = {found["type"]: found for found in after["conditions"]}
    assert conditions["Ready"]["status"] == "True"
    assert conditions["MediaReachable"]["reason"] == "KeyRefused"
    assert caplog.text.count("refuses our key") == 1

    world.delete("room")
    process.resync()
    await process.work()
    assert "room" not in world.halls
    assert "deletionTimestamp" in world.pods["room"]["metadata"], "with its grace period"


REFUSED = PodReport(pod_uid="pod-0", first_tried_at=ago(600), refuses_key=True)


def test_a_pod_that_refuses_our_key_is_not_asked_ten_times_a_second() -> None:
    wait = timer(plan(served(), seen(pod(), reports=[REFUSED]), NOW))
    assert wait is not None
    assert wait >= 10


def test_a_hall_told_of_as_unreachable_is_ready_again_when_its_pod_refuses_our_key() -> None:
    """Its address was taken from it, and nobody could join the call any more."""
    before = served(participants=2)
    lost = status_of(plan(before, seen(pod(), reports=[silent(3)]), NOW), before)
    assert ready_of(lost) == ("False", "MediaUnreachable")
    before = replace(before, status=lost)
    status = status_of(plan(before, seen(pod(), reports=[REFUSED]), NOW), before)
    assert ready_of(status) == ("True", "Assigned")
    assert (status.endpoint, status.participant_count) == ("10.0.0.1", 2)


@pytest.mark.parametrize(("policy", "ends"), [("Hibernate", "DeletePod"), ("Close", "ClosePod")])
def test_a_hall_whose_pod_refuses_our_key_does_not_end_by_an_old_count(
    policy: str, ends: str
) -> None:
    before = served(spec={"idleTimeoutSeconds": 30, "idlePolicy": policy})
    told = report(pod(), serving=before, empty_since=ago(600))
    assert ends in kinds(plan(before, seen(pod(), reports=[told]), NOW))
    refuses = replace(told, refuses_key=True)
    assert kinds(plan(before, seen(pod(), reports=[refuses]), NOW)) == ["PatchStatus"]


def test_a_hall_whose_pod_refuses_our_key_is_closed_without_waiting_for_a_goodbye() -> None:
    ending = kinds(plan(closing(served()), seen(pod(), reports=[REFUSED]), NOW))
    assert ending == ["PatchStatus", "EmitEvent", "DeletePod", "RemoveFinalizer"]


def test_a_pod_that_refused_our_key_and_then_falls_silent_is_lost() -> None:
    gone = replace(REFUSED, failing_since=ago(5))
    assert "CreatePod" in kinds(plan(served(), seen(pod(), reports=[gone]), NOW))


def test_a_pod_that_never_served_and_refuses_our_key_is_told_of_and_kept() -> None:
    before = started()
    actions = plan(before, seen(pod(), reports=[REFUSED]), NOW)
    ready = status_of(actions, before).condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == "MediaUnreachable"
    assert "delete it for another one" in ready.message
    assert "CreatePod" not in kinds(actions)


def test_a_pod_that_refuses_our_key_shows_that_we_are_not_cut_off() -> None:
    """It counted neither way: two lost nodes beside it looked like an outage of ours."""
    reports = Reports(clock=lambda: NOW)
    pods = [replace(pod(), uid=uid, node_name=uid) for uid in ("a", "b", "c", "d")]
    for found in pods[:2]:
        reports.failed(found.uid)
    for found in pods[2:]:
        reports.refused(found.uid)
    assert not reports.outage(pods)


def test_a_pod_that_answers_again_knows_our_key() -> None:
    reports = Reports(clock=lambda: NOW)
    reports.refused("pod-0")
    answer = PodAnswer(
        pod_uid="pod-0",
        hall_uid="hall-uid",
        state=PodState.ASSIGNED,
        participants=0,
        empty_since=NOW,
    )
    reports.assigned(answer, assignment_for(served(), seen()), resume_at=0)
    assert not reports.get("pod-0").refuses_key
    reports.refused("pod-0")
    page = EventsPage(
        pod_uid="pod-0", sequence=1, types=(), participants=0, empty_since=NOW, gap=False
    )
    assert reports.heard(page), "the hall's status tells of it"
    assert not reports.get("pod-0").refuses_key
