# Needs only make and Python 3.11; everything else comes from the locks.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

.DEFAULT_GOAL := help
.PHONY: help setup run test check format bench lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv from the lock, hashes checked; nothing to do when nothing changed

$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## Start a gateway to try out: http://127.0.0.1:8000, stores of its own, test merchant
	$(BIN)/gateway demo

test: setup ## Run all tests; PYTEST_ARGS="tests/domain -x" narrows them
	@scripts/test-setup
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup ## Lint, formatting, types, layers and house numbers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/project/test_layers.py tests/project/test_shape.py

format: setup ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure this machine; BENCH_ARGS are passed on
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lock: setup ## Write the locks from pyproject.toml; LOCK_ARGS=--upgrade takes new releases
	@scripts/lock $(LOCK_ARGS)
