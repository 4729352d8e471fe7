"""A body that is no JSON object of a bearable size is refused."""

from __future__ import annotations

import pytest

from api.shim.refusals import Case, assert_problem, assert_refused, named

BODIES = {
    "an array for a body": Case(
        status=422, code="validation_failed", says="must be a JSON object", json=[1]
    ),
    "a body nested too deeply": Case(
        status=422,
        code="validation_failed",
        says="32 levels",
        content=b'{"name":"x","metadata":' + b'{"a":' * 40 + b"1" + b"}" * 41,
    ),
    "a body nested beyond any stack": Case(
        status=422, code="validation_failed", says="32 levels", content=b"[" * 60_000
    ),
    "malformed JSON": Case(
        status=400, code="malformed_json", says="line 1, column", content=b'{"name": '
    ),
    "a field that is named twice": Case(
        status=400,
        code="malformed_json",
        says="the field name twice",
        content=b'{"name":"x","name":"y"}',
    ),
    "an empty body": Case(status=400, code="malformed_json", says="empty", content=b""),
    "NaN": Case(
        status=400,
        code="malformed_json",
        says="number",
        content=b'{"name":"x","metadata":{"a":NaN}}',
    ),
    "a number of 5,000 digits": Case(
        status=400,
        code="malformed_json",
        says="number",
        content=b'{"name":"x","max_participants":' + b"9" * 5000 + b"}",
    ),
    "bytes that are not UTF-8": Case(
        status=400, code="malformed_json", says="not UTF-8", content=b'{"name":"\xff"}'
    ),
    "UTF-16": Case(
        status=400, code="malformed_json", says="not UTF-8", content='{"name":"x"}'.encode("utf-16")
    ),
    "a form": Case(
        status=415,
        code="unsupported_media_type",
        says="application/json",
        content=b"name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "no content type": Case(
        status=415,
        code="unsupported_media_type",
        says="Say what the body is",
        content=b"{}",
        headers={"Content-Type": ""},
    ),
    "a compressed body": Case(
        status=415,
        code="unsupported_media_type",
        says="gzip",
        content=b"{}",
        headers={"Content-Encoding": "gzip"},
    ),
    "a body of 65 KiB": Case(
        status=413,
        code="body_too_large",
        says="65536 bytes",
        json=named(metadata={"x": "y" * 66_000}),
    ),
}


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES.keys())
async def test_bad_input_is_answered_with_its_code_and_a_sentence(quiet, case):
    await assert_refused(quiet, case)


async def test_a_chunked_body_is_cut_off_at_its_limit(shim):
    async def chunks():
        for _ in range(40):
            yield b" " * 8192

    response = await shim.client.post(
        "/v1/halls", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert_problem(response, 413, "body_too_large")
