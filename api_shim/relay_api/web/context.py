"""What every request needs, put together once for the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from relay_api.credentials.bundle import Credentials
from relay_api.halls.service import Halls
from relay_api.metrics import Metrics
from relay_api.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Context:
    settings: Settings
    credentials: Credentials
    halls: Halls
    metrics: Metrics

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


def context_of(connection: HTTPConnection) -> Context:
    """The context that the application was built with."""
    context: Context = connection.app.state.context
    return context
