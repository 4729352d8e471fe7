"""What the operator remembers of a Hall: losses and refusals."""

from __future__ import annotations

from relay_operator.memory import HallMemory
from relay_operator.plan import Loss
from unit.operator.cases import NOW, ago


def _loss(name: str, *, quick: bool = True) -> Loss:
    return Loss(pod_name=name, incarnation=0, reason="Error", message="", at=NOW, quick=quick)


def test_a_loss_counts_once_however_often_it_is_recorded() -> None:
    memory = HallMemory()
    assert memory.record(_loss("a"))
    assert not memory.record(_loss("a"))
    assert memory.streak is not None
    assert memory.streak.count == 1
    memory.record(_loss("b"))
    assert memory.streak.count == 2
    memory.record(_loss("c", quick=False))
    assert memory.streak is None


def test_refusals_of_the_same_pod_are_counted_and_of_another_start_anew() -> None:
    memory = HallMemory()
    for _ in range(3):
        memory.reject(message="no", at=ago(1), hall_generation=1, class_version="7")
    assert memory.rejection is not None
    assert memory.rejection.attempts == 3
    memory.reject(message="no", at=ago(1), hall_generation=1, class_version="8")
    assert memory.rejection.attempts == 1
