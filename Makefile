# Needed beforehand: Python 3.11 to 3.13, and make. Everything else is set up under .venv.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && echo $(p))))
BIN := .venv/bin
RUN := $(BIN)/python -m local.environment
# More workers than cores: the tests wait for processes half of the time.
PYTEST = $(RUN) $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup
WORKERS ?= $(shell $(BIN)/python -c 'import os; print(os.cpu_count() + 1)' 2>/dev/null)
# A home that cannot be written, as in some containers, has no place for uv's cache.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/.venv/uv-cache
endif
# Spark is one file of 450 MB: a proxy that fetches it first is silent for longer than the 30 s that uv waits by default.
export UV_HTTP_TIMEOUT ?= 300
export UV_HTTP_RETRIES ?= 8

.PHONY: help setup run test test-slow test-all torture compose-test check scan audit docs bench dist clean
.DEFAULT_GOAL := help

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready .venv/jars/ready  ## Set up .venv: packages, Java, jars (the other commands do it by themselves)

.venv/ready: pyproject.toml uv.lock local/java.py
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, found $$(python3 --version 2>&1); install one, or say make PYTHON=/path/to/python"; exit 1; }
	@echo "setup: the environment, in .venv; it takes 2 GB, and a minute or two"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "setup: packages, as uv.lock has them"
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact --compile-bytecode --quiet
	@echo "setup: Java 17 or later"
	@$(BIN)/python -m local.java
	@touch $@

.venv/jars/ready: .venv/ready local/jars.py
	@echo "setup: Delta's jars for Spark, which the tests read tables with"
	@$(RUN) $(BIN)/python -m local.jars
	@touch $@

run: .venv/ready  ## The pipeline on one machine, on sample data; ARGS="--source my.csv" for your own
	@$(RUN) $(BIN)/python -m local.run $(ARGS)

test: setup  ## Every promise once, at most 5 minutes; ARGS="tests/unit -k offset" for some
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: setup  ## What test-all adds: kills, a whole system, a browser, Terraform applied, many examples of each property
	@$(PYTEST) -m "slow or hypothesis" --hypothesis-profile=thorough $(ARGS)

test-all: test test-slow  ## Everything but the containers, at most 25 minutes

torture: setup  ## Every crash point, a bad S3, a day, a load: 50 minutes; ARGS="--seed N --only s3"
	@PYTHONPATH=plugins $(RUN) $(BIN)/python -m tests.torture $(ARGS)

compose-test: setup  ## The stack in containers, built, run, tested and taken down; it takes a Docker engine
	@docker info >/dev/null 2>&1 || { echo "There is no Docker engine that answers: start one, and see that 'docker info' works"; exit 1; }
	@docker compose version >/dev/null 2>&1 || { echo "Docker Compose 2 is needed, as a plugin: 'docker compose version' fails"; exit 1; }
	@docker compose build --quiet
	@$(RUN) $(BIN)/python -m pytest tests/compose $(ARGS)

check: .venv/ready  ## Format, lint, types, and which imports may not be
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=plugins $(BIN)/lint-imports

scan: .venv/ready  ## Terraform's files under checkov (fetched at first use)
	@$(BIN)/uv tool run --quiet checkov@3.3.30 --directory terraform --framework terraform --skip-download --quiet --compact \
		--var-file terraform/environments/prod/terraform.tfvars

docs: .venv/ready  ## Build the documentation as a site, into dist/docs; links are checked
	@$(RUN) $(BIN)/sphinx-build -q -W --keep-going -d dist/.doctrees docs dist/docs
	@echo "dist/docs/index.html"

audit: .venv/ready  ## Known vulnerabilities of the locked packages; fails, and says so, where nobody could be asked
	@$(BIN)/uv audit --frozen || { code=$$?; [ $$code = 1 ] || echo "audit: NOTHING WAS CHECKED, see above"; exit $$code; }

dist: .venv/ready  ## Build what Terraform uploads, into dist/: wheel, pinned packages, plugins.zip
	@$(BIN)/python terraform/dist.py

bench: setup  ## Benchmarks: ours beside the usual ways, about half an hour
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact --quiet --group bench
	@$(RUN) $(BIN)/python -m benchmarks

clean:  ## Remove what runs and tests left; .venv stays
	rm -rf .run dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache spark-warehouse metastore_db derby.log
