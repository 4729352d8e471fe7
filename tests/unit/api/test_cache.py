from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_api.halls.cache import HallCache
from relay_api.halls.view import HallView, Status, effective_cap
from relay_api.metrics import Metrics
from relay_crds import Hall, new_hall_id
from unit.api.objects import hall, hall_object


@pytest.fixture
def cache() -> HallCache:
    return HallCache(Metrics())


def names(cache: HallCache, **query: object) -> list[str]:
    page = cache.page("a", **{"status": None, "after": None, "limit": 100, **query})
    return [view.hall.meta.name for view in page]


def test_an_older_version_never_replaces_a_newer_one(cache):
    cache.put(hall_object(version=12, spec={"displayName": "new"}))
    kept = cache.put(hall_object(version=11, spec={"displayName": "old"}))
    assert kept.hall.spec.display_name == "new"
    assert cache.by_uid("uid-1").hall.spec.display_name == "new"


def test_versions_compare_as_numbers_not_as_text(cache):
    cache.put(hall_object(version=9))
    assert cache.put(hall_object(version=10)).version == 10


def test_a_deleted_hall_does_not_come_back_with_a_late_answer(cache):
    cache.put(hall_object(version=5))
    cache.remove(hall_object(version=6))
    assert cache.put(hall_object(version=5)) is None
    assert names(cache) == []


def test_a_hall_made_again_under_the_same_name_takes_the_place(cache):
    name = "h-" + "0" * 20
    cache.put(hall_object(name, uid="one", version=1))
    cache.put(hall_object(name, uid="two", version=7))
    assert cache.get("a", "h_" + "0" * 20).hall.meta.uid == "two"
    assert cache.put(hall_object(name, uid="one", version=2)) is None
    assert len(names(cache)) == 1


def test_a_list_keeps_what_was_written_after_it_and_drops_what_it_lacks(cache):
    cache.put(hall_object("gone", uid="gone", version=3))
    cache.put(hall_object("fresh", uid="fresh", version=50))
    cache.put(hall_object("changed", uid="changed", version=60, spec={"displayName": "mine"}))
    cache.replace(
        [
            hall_object("changed", uid="changed", version=4),
            hall_object("new", uid="new", version=41),
        ],
        "42",
    )
    assert sorted(names(cache)) == ["changed", "fresh", "new"]
    assert cache.by_uid("changed").hall.spec.display_name == "mine"


def test_a_hall_that_cannot_be_read_is_left_out_and_the_others_stay(cache):
    cache.replace([{"metadata": {}}, {}, hall_object(), hall_object(uid="x", spec=[1])], "9")
    assert names(cache) == ["standup"]


def test_whoever_waits_for_a_change_is_told_once_of_each(cache):
    cache.put(hall_object(version=1))
    first = cache.change_of("uid-1")
    cache.put(hall_object(version=1))
    assert not first.is_set(), "nothing changed"
    cache.put(hall_object(version=2))
    assert first.is_set()
    second = cache.change_of("uid-1")
    assert not second.is_set()
    cache.remove(hall_object(version=3))
    assert second.is_set()


def test_pages_follow_each_other_newest_first_without_gap_or_double(cache):
    made = []
    for number in range(250):
        hall_id = new_hall_id(1_769_860_800_000 + number // 3, number.to_bytes(7, "big"))
        made.append("h-" + hall_id[2:])
        closed = {"desiredState": "Closed"} if number % 2 else {}
        cache.put(hall_object(made[-1], uid=str(number), version=number, spec=closed))
    seen, after = [], None
    while page := cache.page("a", status=None, after=after, limit=100):
        seen += [view.hall.meta.name for view in page]
        after = page[-1].sort_key
    assert seen == sorted(made, reverse=True)
    assert len(names(cache, status=Status.ACTIVE, limit=1000)) == 125
    assert cache.page("b", status=None, after=None, limit=10) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.randoms())
@settings(max_examples=60)
def test_any_order_of_events_and_own_writes_ends_in_the_same_state(changes, shuffle):
    """Events arrive in order; the same objects, as answers to writes, at any time after."""
    cache, model, events = HallCache(Metrics()), {}, []
    for version, (number, deleted) in enumerate(changes, start=1):
        uid = str(number)
        if uid in model and model[uid] is None:
            continue
        obj = hall_object(f"n{number}", uid=uid, version=version)
        model[uid] = None if deleted else version
        events.append((obj, deleted))
    late: list[dict] = []
    for obj, deleted in events:
        (cache.remove if deleted else cache.put)(obj)
        late += [] if deleted else [obj]
        if late and shuffle.random() < 0.5:
            cache.put(late.pop(random.Random(0).randrange(len(late))))
    for obj in late:
        cache.put(obj)
    alive = {uid: version for uid, version in model.items() if version is not None}
    assert {uid: cache.by_uid(uid).version for uid in alive} == alive
    assert len(names(cache)) == len(alive)


def shown(**what) -> dict:
    return json.loads(HallView(hall(**what)).json(10))


def test_a_hall_shows_what_the_operator_found_or_will_find():
    assert effective_cap(hall(), 10) == 10
    assert effective_cap(hall(), None) == 50
    assert effective_cap(hall(spec={"maxParticipants": 3}), 10) == 3
    assert effective_cap(hall(status={"maxParticipants": 20}), 10) == 20
    assert shown(status={"participantCount": 2})["participant_count"] == 2
    assert shown()["participant_count"] == 0
    assert shown()["name"] == "standup"
    assert shown(spec={"displayName": "Ünï 🎥"})["name"] == "Ünï 🎥"


@pytest.mark.parametrize(
    ("what", "closed_at"),
    [
        ({"spec": {"desiredState": "Closed"}}, None),
        (
            {
                "spec": {"desiredState": "Closed"},
                "annotations": {"relay.dev/close-requested-at": "2026-01-31T13:00:00.123Z"},
            },
            "2026-01-31T13:00:00.123Z",
        ),
        ({"deleted": "2026-01-31T14:00:00Z"}, "2026-01-31T14:00:00.000Z"),
        ({"status": {"closedAt": "2026-01-31T15:00:00.5Z"}}, "2026-01-31T15:00:00.500Z"),
    ],
)
def test_a_hall_is_closed_from_the_moment_somebody_asks_for_it(what, closed_at):
    found = shown(**what)
    assert found["status"] == "closed"
    assert found["closed_at"] == closed_at


def test_an_annotation_alone_closes_nothing():
    annotated = {"relay.dev/close-requested-at": "2026-01-31T13:00:00.123Z"}
    assert shown(annotations=annotated)["status"] == "active"
    assert shown(annotations=annotated)["closed_at"] is None


def test_rendering_again_for_another_cap_shows_that_cap():
    view = HallView(Hall.from_object(hall_object()))
    assert json.loads(view.json(10))["max_participants"] == 10
    assert json.loads(view.json(20))["max_participants"] == 20
    assert view.json(20) is view.json(20)
