PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
READY_SPARK := .venv/.ready-spark

.PHONY: run live ui test soak fuzz spark check audit deploy-test bench clean help

run: $(READY) ## Run the daily job offline on the simulated sample market
	@$(BIN)/scaretrade run --profile sample $(ARGS)

live: $(READY) ## Run the daily job on the vendors' data (base URLs and keys: .env)
	@$(BIN)/scaretrade run --profile live $(ARGS)

ui: $(READY) ## Open the Dagster UI with its daemon on http://127.0.0.1:3000
	@$(BIN)/scaretrade ui $(ARGS)

test: $(READY) ## Run the whole test suite
	@$(BIN)/python -m pytest $(ARGS)

soak: $(READY) ## Run the tests that take minutes: failing vendors, killed runs, readers
	@$(BIN)/python -m pytest -m slow $(ARGS)

fuzz: $(READY) ## Damage payloads in some 5,000 ways, other ones every time: none may give a wrong row
	@$(BIN)/python -m pytest tests/test_fuzz.py --hypothesis-profile=nightly $(ARGS)

spark: $(READY_SPARK) ## Run the sample market on a Spark cluster of its own, and compare (needs Java 17 or newer)
	@$(BIN)/python -m pytest -m spark -n 0 $(ARGS)

check: $(READY) ## Lint, format and type checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

audit: ## Look the locked dependencies up among known vulnerabilities; skipped by name without a network
	@PYTHON=$(PYTHON) .ci/audit

deploy-test: $(READY) ## Test deploy/ with a PostgreSQL server and object storage of its own
	@.ci/deploy

bench: $(READY) ## Measure what docs/speed.md states (an hour or more; ARGS="growth --rows 1000000" for one, smaller)
	@$(BIN)/python -m tests.bench $(ARGS)

clean: ## Remove the environment and caches; the warehouse's state stays
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## List these commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 13

$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv from requirements.lock (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scaretrade needs Python 3.11 or newer; set PYTHON=/path/to/python3")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(READY_SPARK): requirements-spark.lock $(READY)
	@echo "Adding Spark from requirements-spark.lock (once, a few minutes)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	@touch $@
