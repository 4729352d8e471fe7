# Relay: everything a person runs. `make` alone lists it.
SHELL := /bin/bash
PYTHON ?= python3
CLUSTER := PYTHONPATH=tests $(PYTHON) -m cluster
VENV := .venv
STAMP := $(VENV)/installed
PYTEST := $(VENV)/bin/python -m pytest
# The development cluster that `make up` made, unless the environment names another.
WITH_CLUSTER := eval "$$($(CLUSTER) env $${RELAY_CLUSTER:-relay})";

.DEFAULT_GOAL := help
.PHONY: help up down test check unit api media browser ground e2e bench docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## a cluster, the images, helm install, a demo hall, and the link to open it
	@$(CLUSTER) demo relay

down: ## take it all away (the cache stays)
	@$(CLUSTER) down relay

test: $(STAMP) ## everything that must hold, on a cluster of its own
	@$(CLUSTER) test relay-test

check: $(STAMP) ## ruff, mypy --strict, import-linter, helm lint, drift of generated files
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python docs/generate.py --check

unit: $(STAMP) ## pure functions; needs nothing, takes seconds
	$(PYTEST) tests/unit

media: $(STAMP) ## real sockets and a real WebRTC peer
	$(PYTEST) tests/media

browser: $(STAMP) ## the join page in Chromium, without a cluster
	$(PYTEST) tests/browser

api: $(STAMP) ## a real API server (the cluster of make up, or $$KUBECONFIG)
	@$(if $(KUBECONFIG),,$(WITH_CLUSTER)) $(PYTEST) tests/api

ground: $(STAMP) ## how clusters are made and unmade
	$(PYTEST) tests/ground

e2e: $(STAMP) ## the installed chart and Chromium
	@$(if $(KUBECONFIG),,$(WITH_CLUSTER)) $(PYTEST) tests/e2e

bench: $(STAMP) ## the side-by-side benchmarks; writes docs/benchmarks.md
	@$(WITH_CLUSTER) PYTHONPATH=tests $(VENV)/bin/python -m bench all --write

docs: $(STAMP) ## write the generated pages again
	$(VENV)/bin/python docs/generate.py

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
