# Two commands are enough: make up (set up, load, build, serve) and make test (set up, everything that must pass).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# uv installs into the environment that is active in the shell, unless it is told another one.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
JOBS ?= $(shell nproc)

DATASET ?=
FROM ?=
SCALE ?= standard
ENGINE ?= emulator
EMULATOR_PORT ?= 8585

.PHONY: help setup setup-dev system up test lint unit proofs parity emulator bench lock docs screens clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.run-installed ## Make .venv with what running needs

setup-dev: $(VENV)/.dev-installed ## Make .venv with what developing and testing need

$(UV): requirements/bootstrap.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Say which one: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $(UV)

$(VENV)/.run-installed: requirements/run.txt pyproject.toml $(UV)
	$(UV) pip install --quiet --require-hashes -r requirements/run.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev-installed: requirements/dev.txt $(VENV)/.run-installed
	$(UV) pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

system: ## Install Chromium for the browser tests, where apt-get may
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "chromium is missing and apt-get cannot install it here: the browser tests will be skipped."; fi

up: setup ## Set up, load, build, publish, serve; DATASET=online_retail FROM=path, or the synthetic bank
	$(BIN)/customer360 up $(DATASET) $(if $(FROM),--from "$(FROM)") --scale $(SCALE)

test: setup-dev system lint unit ## Set up and run everything that must pass

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar datasets sources
	cd transform && ../$(BIN)/sqlfluff lint --disable-progress-bar .

unit:
	rm -f .coverage .coverage.*
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not performance" --cov --cov-report= tests
	$(BIN)/coverage report --fail-under=80

proofs: setup-dev ## Run the proofs of questions in English over every question of our sets, not over each second one
	CUSTOMER360_EVERY_QUESTION=1 $(BIN)/pytest -n $(JOBS) --dist loadgroup tests/ask

parity: setup-dev ## Compare the engines, every table and question; ENGINE=snowflake: on the account of SNOWFLAKE_...
	$(BIN)/python scripts/parity.py $(if $(filter snowflake,$(ENGINE)),--account)

emulator: setup-dev ## Serve Snowflake's emulator on EMULATOR_PORT until Ctrl-C; it keeps nothing
	@echo "Snowflake's emulator on 127.0.0.1:$(EMULATOR_PORT); use it with CUSTOMER360_ENGINE=snowflake SNOWFLAKE_ACCOUNT=fakesnow SNOWFLAKE_USER=fake SNOWFLAKE_PASSWORD=snow SNOWFLAKE_HOST=127.0.0.1 SNOWFLAKE_PORT=$(EMULATOR_PORT) SNOWFLAKE_PROTOCOL=http"
	@tail -f /dev/null | $(BIN)/python -W ignore -m tests.servers.snowflake_emulator $(EMULATOR_PORT)

bench: setup-dev ## Measure speed and memory; ratios within one run
	$(BIN)/python -m bench

docs: setup-dev ## Write the generated documents: status, commands, .env.template
	$(BIN)/python scripts/make_docs.py

screens: setup-dev system ## Take the screens of the documentation
	$(BIN)/python scripts/screenshots.py

lock: $(UV) ## Resolve and pin every dependency with hashes
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile requirements/bootstrap.in --generate-hashes --python-version 3.11 --quiet -o requirements/bootstrap.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile pyproject.toml --all-extras --group dev --generate-hashes --python-version 3.11 --quiet -o requirements/dev.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile pyproject.toml --all-extras -c requirements/dev.txt --generate-hashes --python-version 3.11 --quiet -o requirements/run.txt

clean: ## Remove what make made, never a workspace
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*
