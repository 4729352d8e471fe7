from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import ids
from relay_crds.errors import MalformedIdError, MalformedTimeError, PermanentError
from relay_crds.times import format_time, from_milliseconds, to_milliseconds

UID = "3f0c0d2e-8a2b-4c57-9a51-6a8f6f1f9f00"
CREATED = "2026-11-23T19:00:00Z"
LAST_MS = (1 << 50) - 1
milliseconds = st.integers(0, LAST_MS)
randoms = st.binary(min_size=7, max_size=16)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)
created = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: format_time(moment.replace(tzinfo=UTC, microsecond=0))
)


@given(milliseconds, randoms)
def test_a_new_id_has_twenty_characters_of_crockford_and_leads_to_its_name(now, entropy):
    hall_id = ids.new_hall_id(now, entropy)
    assert re.fullmatch(r"h_[0-9a-hjkmnp-tv-z]{20}", hall_id)
    assert ids.is_hall_id(hall_id)
    assert ids.hall_name_of(hall_id) == "h-" + hall_id[2:]
    assert ids.hall_id_of(ids.hall_name_of(hall_id), UID, CREATED) == hall_id


@given(milliseconds, milliseconds, randoms, randoms)
def test_ids_sort_by_the_time_they_were_made(first, second, one, other):
    if first < second:
        assert ids.new_hall_id(first, one) < ids.new_hall_id(second, other)


@given(names, st.uuids().map(str), created)
def test_an_object_always_has_the_same_well_formed_id(name, uid, timestamp):
    hall_id = ids.hall_id_of(name, uid, timestamp)
    assert ids.is_hall_id(hall_id)
    assert ids.hall_id_of(name, uid, timestamp) == hall_id


def test_halls_applied_under_their_own_names_sort_among_those_made_over_rest():
    before = ids.new_hall_id(
        to_milliseconds(datetime(2026, 11, 23, 18, 59, tzinfo=UTC)), b"\xff" * 7
    )
    after = ids.new_hall_id(to_milliseconds(datetime(2026, 11, 23, 19, 1, tzinfo=UTC)), b"\0" * 7)
    assert before < ids.hall_id_of("standup", UID, CREATED) < after


def test_the_id_of_a_hall_with_a_name_of_its_own_never_changes_between_releases():
    assert ids.hall_id_of("standup", UID, CREATED) == "h_01m84wf0w0j8jca8mx46"


def test_two_objects_of_one_name_and_second_have_different_ids():
    again = "3f0c0d2e-8a2b-4c57-9a51-6a8f6f1f9f01"
    assert ids.hall_id_of("standup", UID, CREATED) != ids.hall_id_of("standup", again, CREATED)


@pytest.mark.parametrize(
    "text", ["", "h_", "h-01kg5akq009ypbqt9qqh", "h_01KG5AKQ009YPBQT9QQH", "h_01kg5akq009ypbqt9qqi",
             "h_01kg5akq009ypbqt9qqhh", "h_01kg5akq009ypbqt9qqh\n", "x" * 10_000]
)  # fmt: skip
def test_what_is_not_a_hall_id_is_refused_with_its_form(text):
    assert not ids.is_hall_id(text)
    with pytest.raises(MalformedIdError, match="is not a hall id: h_ and 20 characters") as caught:
        ids.hall_name_of(text)
    assert isinstance(caught.value, PermanentError)
    assert len(str(caught.value)) < 120


@given(st.text())
def test_any_text_is_either_a_hall_id_or_refused(text):
    assert not ids.is_hall_id(text) or ids.hall_name_of(text)[2:] == text[2:]


def test_a_time_or_randomness_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="50 bits"):
        ids.new_hall_id(LAST_MS + 1, bytes(7))
    with pytest.raises(ValueError, match="50 bits"):
        ids.new_hall_id(-1, bytes(7))
    with pytest.raises(ValueError, match="7 random bytes are needed, 6 were given"):
        ids.new_hall_id(0, bytes(6))


def test_a_name_made_over_rest_tells_the_creation_to_the_millisecond():
    moment = datetime(2026, 11, 23, 19, 0, 0, 457_000, tzinfo=UTC)
    name = ids.hall_name_of(ids.new_hall_id(to_milliseconds(moment), secrets.token_bytes(7)))
    assert ids.created_at_of(name, CREATED) == moment


def test_a_name_that_lies_about_its_time_is_not_believed():
    forged = ids.hall_name_of(ids.new_hall_id(0, bytes(7)))
    beyond_the_calendar = ids.hall_name_of(ids.new_hall_id(LAST_MS, bytes(7)))
    by_the_server = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    assert ids.created_at_of(forged, CREATED) == by_the_server
    assert ids.created_at_of(beyond_the_calendar, CREATED) == by_the_server
    assert ids.created_at_of("standup", CREATED) == by_the_server


@given(names, created)
def test_the_creation_is_within_a_minute_of_what_the_api_server_wrote(name, timestamp):
    moment = ids.created_at_of(name, timestamp)
    assert abs(moment - datetime.fromisoformat(timestamp)) <= timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "2026-11-23T19:00:00", "20261123"])
def test_a_creation_time_that_is_none_is_refused(text):
    with pytest.raises(MalformedTimeError, match="write it like"):
        ids.hall_id_of("standup", UID, text)


@given(st.integers(0, to_milliseconds(datetime(9999, 12, 31, tzinfo=UTC))))
def test_milliseconds_survive_the_way_to_a_time_and_back(value):
    assert to_milliseconds(from_milliseconds(value)) == value


def test_ids_are_cheap_enough_to_compute_for_every_hall_of_a_list():
    started = time.process_time()
    for _ in range(1000):
        ids.hall_id_of("standup", UID, CREATED)
    assert time.process_time() - started < 0.5
