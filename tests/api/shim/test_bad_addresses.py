"""Halls, routes, methods and parameters that are not there."""

from __future__ import annotations

import pytest

from api.shim.refusals import Case, assert_refused

ADDRESSES = {
    "an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="There is no hall h_00000000000000000000",
        method="GET",
        path="/v1/halls/h_00000000000000000000",
    ),
    "a hall id of another form": Case(
        status=404, code="hall_not_found", says="no hall", method="GET", path="/v1/halls/%ff%00x"
    ),
    "deleting an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="no hall",
        method="DELETE",
        path="/v1/halls/h_00000000000000000000",
    ),
    "a token for an unknown hall": Case(
        status=404,
        code="hall_not_found",
        says="no hall",
        path="/v1/halls/h_00000000000000000000/tokens",
    ),
    "an unknown route": Case(
        status=404, code="route_not_found", says="/openapi.json", method="GET", path="/v2/halls"
    ),
    "a trailing slash": Case(
        status=404, code="route_not_found", says="nothing", method="GET", path="/v1/halls/"
    ),
    "a method that is not there": Case(
        status=405, code="method_not_allowed", says="GET, HEAD, POST", method="PUT"
    ),
    "an unknown status": Case(
        status=422,
        code="validation_failed",
        says="active or closed",
        method="GET",
        path="/v1/halls?status=open",
        field_name="status",
    ),
    "a limit of 101": Case(
        status=422,
        code="validation_failed",
        says="1 to 100",
        method="GET",
        path="/v1/halls?limit=101",
        field_name="limit",
    ),
    "a limit that is no number": Case(
        status=422,
        code="validation_failed",
        says="1 to 100",
        method="GET",
        path="/v1/halls?limit=%C2%B2",
        field_name="limit",
    ),
    "a cursor that is none": Case(
        status=422,
        code="validation_failed",
        says="hall id",
        method="GET",
        path="/v1/halls?after=x",
        field_name="after",
    ),
    "an unknown parameter": Case(
        status=422,
        code="validation_failed",
        says="known are status, limit, after",
        method="GET",
        path="/v1/halls?staus=active",
        field_name="staus",
    ),
    "a parameter twice": Case(
        status=422,
        code="validation_failed",
        says="once",
        method="GET",
        path="/v1/halls?status=active&status=closed",
        field_name="status",
    ),
}


@pytest.mark.parametrize("case", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_bad_input_is_answered_with_its_code_and_a_sentence(quiet, case):
    await assert_refused(quiet, case)
