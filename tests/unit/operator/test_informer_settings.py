"""Kopf, as the informer uses it."""

from __future__ import annotations

from relay_operator.cluster.informer import POD_SELECTOR, informer_settings


def test_after_an_outage_the_informer_is_blind_for_three_seconds_and_not_for_twenty() -> None:
    backoffs = list(informer_settings().networking.error_backoffs)  # type: ignore[arg-type]
    assert max(backoffs) == 3
    assert sum(backoffs) > 600


def test_kopf_is_a_reader_and_nothing_else() -> None:
    settings = informer_settings()
    assert settings.posting.enabled is False
    assert settings.peering.standalone is True
    assert settings.scanning.disabled is True
    assert settings.watching.chunk_size == 500
    assert settings.watching.inactivity_timeout == 70
    assert settings.watching.server_timeout == 300
    assert POD_SELECTOR == (
        "app.kubernetes.io/managed-by=relay-operator,app.kubernetes.io/name=relay-media"
    )
