"""What the operator asks of the API server: told in docs/operations.md, held here."""

from __future__ import annotations

from collections import Counter

from api.operator.conftest import Stage, eventually

PLURALS = ("accounts", "hallclasses", "halls", "plans", "pods")


def reads(stage: Stage) -> Counter[str]:
    """GET requests by the last word of their path: lists and watches of a kind are one word."""
    return Counter(seen.path.rsplit("/", 1)[-1] for seen in stage.proxy.seen if not seen.writes)


async def test_a_start_costs_three_reads_of_each_kind_and_no_write(stage: Stage) -> None:
    """A full list, and the informer's list and watch; beside them it looks up the kinds once."""
    await stage.start()

    async def counted() -> Counter[str]:
        return reads(stage)

    found = await eventually(counted, lambda c: all(c[plural] >= 3 for plural in PLURALS))
    assert {plural: found[plural] for plural in PLURALS} == dict.fromkeys(PLURALS, 3)
    assert sum(found.values()) - 3 * len(PLURALS) <= 6, found
    assert stage.proxy.writes() == {}


async def test_at_rest_it_costs_one_list_of_each_kind_a_round(stage: Stage) -> None:
    stage.env["RELAY_RESYNC_SECONDS"] = "1"
    await stage.start()
    await stage.apply("room")
    await stage.until("room", "Assigned")

    async def informed_and_told() -> bool:
        told = stage.proxy.writes()["POST /apis/events.k8s.io/v1/namespaces/events"]
        return told == 2 and all(reads(stage)[plural] >= 3 for plural in PLURALS)

    await eventually(informed_and_told, bool)
    stage.proxy.seen.clear()

    async def rounds() -> int:
        return reads(stage)["pods"]

    await eventually(rounds, lambda count: count >= 5)
    found = reads(stage)
    # The count is taken somewhere within a round.
    assert set(found) == set(PLURALS)
    assert all(abs(found[plural] - found["pods"]) <= 1 for plural in PLURALS), found
    assert stage.proxy.writes() == {}
