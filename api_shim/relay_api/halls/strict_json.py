"""Strict JSON (RFC 8259) from strangers: bounded, unambiguous, and refused in words. Pure."""

from __future__ import annotations

import json
from typing import Final, NoReturn

from relay_api.errors import Cause
from relay_api.problems import Code, ProblemError, invalid

MAX_DEPTH: Final = 32


def read_json(body: bytes) -> object:
    """Parse strict JSON (RFC 8259) in UTF-8: no NaN, and no more than ``MAX_DEPTH`` levels.

    Raises:
        ProblemError: ``malformed_json`` or, where it is nested too deeply, ``validation_failed``.
    """
    if not body:
        raise ProblemError(Code.MALFORMED_JSON, "The body is empty; send a JSON object.")
    try:
        parsed: object = json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except UnicodeDecodeError as error:
        raise ProblemError(
            Code.MALFORMED_JSON, f"The body is not UTF-8: byte {error.start} does not fit."
        ) from error
    except json.JSONDecodeError as error:
        raise ProblemError(
            Code.MALFORMED_JSON,
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # a number of thousands of digits, NaN, Infinity
        raise ProblemError(
            Code.MALFORMED_JSON, "The body holds a number that JSON cannot carry."
        ) from error
    if _deeper_than(parsed, MAX_DEPTH):
        raise _too_deep()
    return parsed


def printable(text: str) -> str:
    """The text with everything that is not printable escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _deeper_than(value: object, levels: int) -> bool:
    containers = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        containers = [
            item
            for outer in containers
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
    return bool(containers)


def _too_deep() -> ProblemError:
    return invalid(
        [Cause(field="", message=f"The body is nested more than {MAX_DEPTH} levels deep.")]
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """RFC 8259 section 4: what a name that comes twice means is anybody's guess."""
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            shown = printable(name[:64])
            raise ProblemError(Code.MALFORMED_JSON, f"The body names the field {shown} twice.")
        made[name] = value
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
