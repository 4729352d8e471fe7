"""What this process remembers of a Hall beyond the cluster's own state; losing it does no harm."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from relay_operator.plan import Loss, LossStreak, Rejection
from relay_operator.plan.survey import streak_with


@dataclass(kw_only=True)
class HallMemory:
    """What helps to decide the next time.

    ``recorded_loss``: the pod whose loss the streak counts already. ``taken_names``: names of pods
    that an earlier Hall of the same name has left.
    """

    rejection: Rejection | None = None
    streak: LossStreak | None = None
    taken_names: set[str] = field(default_factory=set)
    recorded_loss: str | None = None
    status_written_at: datetime | None = None

    def record(self, loss: Loss) -> bool:
        """Count a loss once, however often a plan asks for it; returns whether it was news."""
        if self.recorded_loss == loss.pod_name:
            return False
        self.recorded_loss = loss.pod_name
        self.streak = streak_with(self.streak, loss)
        return True

    def reject(
        self, *, message: str, at: datetime, hall_generation: int, class_version: str
    ) -> None:
        same = self.rejection is not None and (
            self.rejection.hall_generation,
            self.rejection.class_version,
        ) == (hall_generation, class_version)
        attempts = self.rejection.attempts + 1 if same and self.rejection else 1
        self.rejection = Rejection(
            message=message,
            at=at,
            attempts=attempts,
            hall_generation=hall_generation,
            class_version=class_version,
        )
