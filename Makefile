# Prerequisites: Python 3.11 to 3.13, and make. Everything else is installed under .venv.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell env -u PYTHONHOME -u PYTHONPATH $(p) -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && echo $(p))))
BIN := .venv/bin
RUN := $(BIN)/python -m local.environment
# One worker more than cores: the tests spend half of their time waiting for processes.
PYTEST = $(RUN) $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope
WORKERS ?= $(shell env -u PYTHONHOME -u PYTHONPATH $(BIN)/python -c 'import os; print(os.cpu_count() + 1)' 2>/dev/null)
# In some containers HOME is not writable, and uv's cache needs another place.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/.venv/uv-cache
endif
# Spark is one file of 450 MB: a proxy that downloads it first sends nothing for longer than uv's default of 30 s.
export UV_HTTP_TIMEOUT ?= 300
export UV_HTTP_RETRIES ?= 8
# Those of another Python would keep ours from starting, or from finding its packages.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH

.PHONY: help setup run test test-slow test-all torture compose-test check scan audit docs bench dist smoke clean
.DEFAULT_GOAL := help

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready .venv/jars/ready  ## Set up .venv: packages, Java, jars (the other commands do this when needed)

.venv/ready: pyproject.toml uv.lock local/uv.txt local/java.py local/class_archive.py
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, found $$(python3 --version 2>&1); install one, or say make PYTHON=/path/to/python"; exit 1; }
	@echo "setup: creating .venv; it needs 2 GB and one to two minutes"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement local/uv.txt
	@echo "setup: installing the packages of uv.lock"
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact --compile-bytecode --quiet
	@echo "setup: finding or downloading Java 17 or later"
	@$(BIN)/python -m local.java
	@echo "setup: starting Spark once, so that it starts faster from now on"
	@$(RUN) $(BIN)/python -m local.class_archive
	@touch $@

.venv/jars/ready: .venv/ready local/jars.py
	@echo "setup: downloading Delta's jars for Spark, with which the tests read tables"
	@$(RUN) $(BIN)/python -m local.jars
	@touch $@

run: .venv/ready  ## Run the pipeline on this machine with sample data; ARGS="--source my.csv" for your own
	@$(RUN) $(BIN)/python -m local.run $(ARGS)

test: setup  ## Run the fast tests, at most 5 minutes; ARGS="tests/unit -k offset" selects some
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: setup  ## Run the slow tests: kills, the whole system, a browser, Terraform, more examples of each property
	@$(PYTEST) -m "slow or hypothesis" --hypothesis-profile=thorough $(ARGS)

test-all: test test-slow  ## Run all tests, about 35 minutes; those in containers only where a Docker engine runs
	@if docker info >/dev/null 2>&1; then $(MAKE) --no-print-directory compose-test; \
		else echo "test-all: no Docker engine responds, so the stack in containers was not tested"; fi

torture: setup  ## Run the torture tests: crash points, a faulty S3, a day, load; 50 minutes; ARGS="--seed N --only s3"
	@PYTHONPATH=plugins $(RUN) $(BIN)/python -m tests.system.torture $(ARGS)

compose-test: setup  ## Build, start, test and remove the stack in containers; needs a Docker engine
	@docker info >/dev/null 2>&1 || { echo "No Docker engine responds: start one, and check that 'docker info' works"; exit 1; }
	@docker compose version >/dev/null 2>&1 || { echo "Docker Compose 2 is needed, as a plugin: 'docker compose version' fails"; exit 1; }
	@docker compose build --quiet
	@$(RUN) $(BIN)/python -m pytest tests/system/compose $(ARGS)

check: .venv/ready  ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=plugins $(BIN)/lint-imports

scan: .venv/ready  ## Scan the Terraform files with checkov (downloaded on first use)
	@$(BIN)/uv run --quiet --frozen --script terraform/scan.py --directory terraform --framework terraform --skip-download --quiet --compact \
		--var-file terraform/environments/prod/terraform.tfvars

docs: .venv/ready  ## Build the documentation site into dist/docs, and check its links
	@$(RUN) $(BIN)/sphinx-build -q -W --keep-going -d dist/.doctrees docs dist/docs
	@echo "dist/docs/index.html"

audit: .venv/ready  ## Check the locked packages for known vulnerabilities; fails if the database is unreachable
	@$(BIN)/uv audit --frozen || { code=$$?; [ $$code = 1 ] || echo "audit: NOTHING WAS CHECKED, see above"; exit $$code; }

dist: .venv/ready  ## Build the files that Terraform uploads into dist/: wheel, pinned packages, plugins.zip
	@$(BIN)/python terraform/dist.py

smoke: .venv/ready  ## Run the deployed jobs once on sample data and print how the workspace behaves; see docs/how-to/deploy.md
	@$(BIN)/python -m smoke $(ARGS)

bench: setup  ## Run the benchmarks against the usual approaches, about 30 minutes
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact --quiet --group bench
	@$(RUN) $(BIN)/python -m benchmarks

clean:  ## Remove the output of runs and tests; keeps .venv
	rm -rf .run dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache spark-warehouse metastore_db derby.log
