"""Structured logs: one JSON object a line, each naming the hall it is about.

Nothing here ever sees a token or a key. Participants appear by their ``sid``, which means nothing
outside the hall's lifetime, never by identity or name.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats records; ``context`` (pod, later the hall) is added to every line."""

    def __init__(self, **context: str) -> None:
        super().__init__()
        self.context = dict(context)

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self.context,
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _NoFaultsOfOthers(logging.Filter):
    """Drops what aiohttp says of requests that are no HTTP: it quotes headers, tokens among them.

    Anybody can send such a request, so it is no error of this process either; nor is a caller that
    hangs up while it waits for its answer, as an operator does when it ends.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[0] if record.exc_info else None
        if error is None:
            return True
        return error.__module__ != "aiohttp.http_exceptions" and not issubclass(
            error, ConnectionResetError
        )


def set_up(level: str, *, pod: str, stream: TextIO | None = None) -> JsonFormatter:
    """Send every logger's records to ``stream`` (stdout) as JSON; returns the formatter."""
    formatter = JsonFormatter(pod=pod)
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per request tells nothing that the metrics do not, and would carry query strings.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    server = logging.getLogger("aiohttp.server")
    server.filters[:] = [_NoFaultsOfOthers()]
    return formatter
