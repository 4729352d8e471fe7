# Relay: everything a person runs. `make` alone lists it.
#
# CLUSTER=current uses the current kube context instead of a cluster of our own; RELAY_REGISTRY then
# names a registry that docker here may push to and the cluster pull from, RELAY_PUBLIC_URL the
# address of the page. There a release `relay` in relay-system that was not installed from here is
# refused, and `make down` uninstalls the one that was. RELAY_CACHE and RELAY_STATE move what is kept. tests/cluster says more.
SHELL := /bin/bash
PYTHON ?= python3
GROUND := PYTHONPATH=tests $(PYTHON) -m cluster
VENV := .venv
STAMP := $(VENV)/installed
PYTEST := $(VENV)/bin/python -m pytest
TEST_CLUSTER := relay-test
# A layer run by itself brings a cluster for it, which stays until `make down`.
WITH_CLUSTER = shown="$$($(GROUND) env $${RELAY_CLUSTER:-$(TEST_CLUSTER)})" && eval "$$shown" &&

.DEFAULT_GOAL := help
.PHONY: help up down test check unit fuzz api media browser ground e2e bench docs lock chromium

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## a cluster, the images, helm install, a demo hall, and the link to open it
	@$(GROUND) demo relay

down: ## take it all away (the cache stays)
	@$(GROUND) down

test: $(STAMP) ## everything that must hold, on a cluster that it brings and removes by itself
	@$(GROUND) test $(TEST_CLUSTER)

check: $(STAMP) ## ruff, mypy --strict, import-linter, helm lint, drift of generated files
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	MYPYPATH=tests $(VENV)/bin/mypy --strict --package cluster
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python docs/generate.py --check
	"$$($(GROUND) helm)" lint --strict charts/relay

unit: $(STAMP) ## pure functions; needs nothing, takes seconds
	$(PYTEST) tests/unit

fuzz: $(STAMP) ## search every parser of outside bytes for inputs that break it; RUNS of each
	PYTHONPATH=tests $(VENV)/bin/python -m fuzz --runs $(or $(RUNS),20000)

api: $(STAMP) ## the objects, the operator and the front door on a real API server
	@$(if $(RELAY_CLUSTER),,$(GROUND) up $(TEST_CLUSTER) && $(GROUND) uninstall $(TEST_CLUSTER) &&) \
		$(WITH_CLUSTER) $(PYTEST) tests/api

media: $(STAMP) chromium ## real sockets and a real WebRTC peer
	$(PYTEST) tests/media

browser: $(STAMP) chromium ## the join page in Chromium, without a cluster
	$(PYTEST) tests/browser

ground: $(STAMP) ## how clusters are made and unmade
	$(PYTEST) tests/ground

e2e: $(STAMP) chromium ## the installed chart, its faults, and Chromium
	@$(if $(RELAY_CLUSTER),,$(GROUND) install $(TEST_CLUSTER) &&) $(WITH_CLUSTER) $(PYTEST) tests/e2e

bench: $(STAMP) chromium ## the side-by-side benchmarks; writes docs/benchmarks.md
	@$(if $(RELAY_CLUSTER),,$(GROUND) install $(TEST_CLUSTER) &&) \
		$(WITH_CLUSTER) PYTHONPATH=tests $(VENV)/bin/python -m bench all --write

docs: $(STAMP) ## write the generated pages again
	$(VENV)/bin/python docs/generate.py

lock: ## pin every dependency anew, with hashes (needs uv)
	for part in operator media api dev; do \
		uv pip compile -q --generate-hashes --no-header --no-annotate \
			--python-version 3.11 --extra $$part pyproject.toml -o requirements/$$part.txt || exit; \
	done

chromium:
	@command -v chromium > /dev/null || $(GROUND) browser

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || $(GROUND) venv
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
