"""A field that a hall may not have is refused by its name."""

from __future__ import annotations

import pytest

from api.shim.refusals import Case, assert_refused, named

FIELDS = {
    "a body without a name": Case(
        status=422, code="validation_failed", says="name: is required", json={}, field_name="name"
    ),
    "a null name": Case(
        status=422,
        code="validation_failed",
        says="not null",
        json={"name": None},
        field_name="name",
    ),
    "an empty name": Case(
        status=422, code="validation_failed", says="1 to 200", json={"name": ""}, field_name="name"
    ),
    "a blank name": Case(
        status=422, code="validation_failed", says="blank", json={"name": "  "}, field_name="name"
    ),
    "a name of 201 characters": Case(
        status=422,
        code="validation_failed",
        says="it has 201",
        json={"name": "x" * 201},
        field_name="name",
    ),
    "a name of 10,000 characters": Case(
        status=422,
        code="validation_failed",
        says="it has 10000",
        json={"name": "x" * 10_000},
        field_name="name",
    ),
    "a name with a line break": Case(
        status=422,
        code="validation_failed",
        says="control characters",
        json={"name": "a\nb"},
        field_name="name",
    ),
    "a name with half a surrogate pair": Case(
        status=422,
        code="validation_failed",
        says="surrogate",
        content=b'{"name": "\\ud800"}',
        field_name="name",
    ),
    "a name that is a number": Case(
        status=422,
        code="validation_failed",
        says="not a number",
        json={"name": 7},
        field_name="name",
    ),
    "max_participants 0": Case(
        status=422,
        code="validation_failed",
        says="from 1 to 10000; it is 0",
        json=named(max_participants=0),
        field_name="max_participants",
    ),
    "max_participants -1": Case(
        status=422,
        code="validation_failed",
        says="from 1 to 10000",
        json=named(max_participants=-1),
        field_name="max_participants",
    ),
    "max_participants in words": Case(
        status=422,
        code="validation_failed",
        says='whole number from 1 to 10000, not "ten"',
        json=named(max_participants="ten"),
        field_name="max_participants",
    ),
    "max_participants as a string of digits": Case(
        status=422,
        code="validation_failed",
        says='not "10"',
        json=named(max_participants="10"),
        field_name="max_participants",
    ),
    "max_participants true": Case(
        status=422,
        code="validation_failed",
        says="not true",
        json=named(max_participants=True),
        field_name="max_participants",
    ),
    "max_participants 2.5": Case(
        status=422,
        code="validation_failed",
        says="not 2.5",
        json=named(max_participants=2.5),
        field_name="max_participants",
    ),
    "max_participants null": Case(
        status=422,
        code="validation_failed",
        says="not null",
        json=named(max_participants=None),
        field_name="max_participants",
    ),
    "max_participants 10^9": Case(
        status=422,
        code="validation_failed",
        says="it is 1000000000",
        json=named(max_participants=10**9),
        field_name="max_participants",
    ),
    "record as a string": Case(
        status=422,
        code="validation_failed",
        says="true or false",
        json=named(record="yes"),
        field_name="record",
    ),
    "record without storage": Case(
        status=422, code="storage_not_configured", says="record:", json=named(record=True)
    ),
    "moderation below its plan": Case(
        status=403, code="plan_required", says="moderation:", json=named(moderation=True)
    ),
    "metadata as an array": Case(
        status=422,
        code="validation_failed",
        says="not an array",
        json=named(metadata=[]),
        field_name="metadata",
    ),
    "metadata as a string": Case(
        status=422,
        code="validation_failed",
        says="JSON object",
        json=named(metadata="{}"),
        field_name="metadata",
    ),
    "metadata of 17 KiB": Case(
        status=422,
        code="validation_failed",
        says="16384 bytes",
        json=named(metadata={"x": "y" * 17_000}),
        field_name="metadata",
    ),
    "metadata of 65 keys": Case(
        status=422,
        code="validation_failed",
        says="64 keys",
        json=named(metadata={str(n): n for n in range(65)}),
        field_name="metadata",
    ),
    "metadata with an integer beyond 64 bits": Case(
        status=422,
        code="validation_failed",
        says="64 bits",
        json=named(metadata={"n": 2**64}),
        field_name="metadata",
    ),
    "metadata with a number beyond doubles": Case(
        status=422,
        code="validation_failed",
        says="double",
        content=b'{"name":"x","metadata":{"n":1e999}}',
        field_name="metadata",
    ),
    "an unknown field": Case(
        status=422,
        code="validation_failed",
        says="did you mean max_participants? known are name, max_participants, record",
        json=named(max_participant=3),
        field_name="max_participant",
    ),
    "two mistakes": Case(
        status=422,
        code="validation_failed",
        says="(and 1 more)",
        json={"max_participants": 0},
        field_name="max_participants",
    ),
}


@pytest.mark.parametrize("case", FIELDS.values(), ids=FIELDS.keys())
async def test_bad_input_is_answered_with_its_code_and_a_sentence(quiet, case):
    await assert_refused(quiet, case)
