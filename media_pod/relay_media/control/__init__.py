"""The operator's side of the pod: signed requests, the event log, health and metrics."""
