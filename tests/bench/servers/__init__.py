"""The servers under test: each is started in its own process and joined over its own signalling."""
