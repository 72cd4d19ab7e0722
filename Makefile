.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# Compiled modules are kept: without them every command starts some seconds later.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test lint bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make the environment (.venv) from requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Letterpress needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: install ## a whole campaign on a simulated shop: history, training, dry run, send, clicks, report
	$(BIN)/letterpress demo

# One worker more than there are cores: tests of crashes and schedules wait for much of their time.
test: lint ## lint, types, import contracts, and all tests
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist worksteal

lint: install ## ruff, mypy (strict), import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install ## run every benchmark and write docs/benchmarks.md
	$(BIN)/python -m benchmarks --all

lock: ## refresh requirements.lock (needs uv)
	uv lock --quiet
	uv export --quiet --frozen --no-emit-project --all-extras --no-extra gcs --no-annotate --no-header -o requirements.lock

clean: ## remove what running wrote; the environment stays
	rm -rf var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
