"""From a hall's creation to its end, by REST and by kubectl, direct and through TURN."""

from __future__ import annotations

import secrets
import time

from browser.figures import Record
from browser.ground import Arrive
from browser.waiting import until
from e2e.call import Call, begin
from e2e.installed import Hall, Installed


async def counts_two(installed: Installed, hall: Hall) -> None:
    """REST and ``kubectl get halls`` both say that two people are in."""

    async def over_rest() -> bool:
        return bool((await installed.hall(hall))["participant_count"] == 2)

    async def by_kubectl() -> bool:
        return await installed.column(hall, "PARTICIPANTS") == "2"

    await until(over_rest, "participant_count is 2 over REST", every=0.3)
    await until(by_kubectl, "PARTICIPANTS is 2 in kubectl get halls", every=0.3)


async def ends_by_delete(installed: Installed, call: Call, record: Record) -> None:
    """DELETE tells both within a second; the hall is closed, and stays so when deleted again."""
    began = time.time()
    answer = await installed.rest("DELETE", f"/v1/halls/{call.hall.hall_id}")
    assert answer.status_code == 204, answer.text
    assert (await installed.hall(call.hall))["status"] == "closed"
    took = await call.ended_at("hall_closed") - began
    record("delete_to_both_out_seconds", took)
    assert took < 1
    hall = await installed.hall(call.hall)
    assert hall["closed_at"] is not None
    assert hall["participant_count"] == 0
    assert (await installed.rest("DELETE", f"/v1/halls/{call.hall.hall_id}")).status_code == 204

    async def gone() -> bool:
        return await installed.pods_of(call.hall) == []

    await until(gone, "the media pod is gone", seconds=30, every=0.5)


async def ways(call: Call) -> set[str]:
    """The kinds of candidate that the four peer connections send from."""
    pairs = [*await call.ada.candidate_pairs(), *await call.ben.candidate_pairs()]
    assert len(pairs) == 4, pairs
    return {str(pair["local"]) for pair in pairs}


async def test_a_hall_by_rest_is_joined_by_two_and_closed(
    installed: Installed, arrive: Arrive, record: Record
) -> None:
    began = time.monotonic()
    hall, host_token = await installed.create("Weekly planning")
    call = await begin(installed, arrive, hall, host_token=host_token)
    record("created_to_decoding_seconds", time.monotonic() - began)
    assert "relay" not in await ways(call)
    await counts_two(installed, hall)
    await call.ada.screenshot("hall")
    await ends_by_delete(installed, call, record)


async def test_a_hall_by_kubectl_is_joined_by_two_and_closed(
    installed: Installed, arrive: Arrive, record: Record
) -> None:
    name = f"stand-up-{secrets.token_hex(3)}"
    hall = await installed.apply_hall(name, f"Stand-up {name}")
    await installed.ready(name)
    call = await begin(installed, arrive, hall)
    await counts_two(installed, hall)
    await ends_by_delete(installed, call, record)
    (closed,) = await installed.objects("hall", name)
    assert closed["status"]["closedReason"] == "Deleted"


async def test_a_call_is_forced_through_turn(
    installed: Installed, arrive: Arrive, record: Record
) -> None:
    hall, host_token = await installed.create("Behind a firewall")
    call = await begin(installed, arrive, hall, host_token=host_token, query="?relay=1")
    assert await ways(call) == {"relay"}
    await counts_two(installed, hall)
    await ends_by_delete(installed, call, record)


async def test_kubectl_delete_ends_a_call_too(
    installed: Installed, arrive: Arrive, record: Record
) -> None:
    name = f"short-{secrets.token_hex(3)}"
    hall = await installed.apply_hall(name, f"Short {name}")
    call = await begin(installed, arrive, hall)
    began = time.time()
    await installed.kubectl("-n", "relay-halls", "delete", "hall", name, "--wait=false")
    record("kubectl_delete_to_both_out_seconds", await call.ended_at("hall_closed") - began)

    async def gone() -> bool:
        return (await installed.rest("GET", f"/v1/halls/{hall.hall_id}")).status_code == 404

    await until(gone, "the hall is no longer known", seconds=30, every=0.5)
