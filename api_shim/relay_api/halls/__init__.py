"""Halls as REST shows them: what comes in, what goes out, and the copy in between."""
