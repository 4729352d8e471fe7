"""The data plane: one process serves one hall."""
