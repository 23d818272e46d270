# Needs make and Python >= 3.11, and nothing else: the rest comes from the lock file into .venv.
PYTHON ?= python3
UV_VERSION := 0.13.9
ARGS ?=
# Extras with parts in C that need headers of the operating system (ldap, kerberos) are added with EXTRAS=--all-extras.
EXTRAS ?= --extra quickstart

BIN := .venv/bin
# One for each choice of extras: who asks for more later gets more.
STAMP := .venv/.installed$(subst $() ,,$(EXTRAS))
BENCH_STAMP := .venv/.bench-installed
CODE := protocol policies proxy tests $(wildcard bench docs)

.DEFAULT_GOAL := help
.PHONY: help install quickstart test mutations test-differential test-matrix coverage lint fix bench bench-check docs clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20
	@echo
	@echo "ARGS is handed on: make test ARGS='tests/policies -x', make quickstart ARGS=--check"

install: $(STAMP) ## Install everything into .venv

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python >= 3.11 is needed, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --frozen --inexact $(EXTRAS) --python $(BIN)/python
	@touch $@

quickstart: $(STAMP) ## Try it: a real Kafka with the doorkeeper in front
	$(BIN)/doorkeeper quickstart $(ARGS)

test: $(STAMP) ## Run the tests; they download Apache Kafka the first time
	$(BIN)/python -m pytest $(ARGS)

mutations: $(STAMP) ## Take away each right and clause of the rules: does a test notice?
	$(BIN)/python -m tests.mutation

test-differential: $(STAMP) ## Compare with a secured Kafka, for long: DIFFERENTIAL_SEED, _ROUNDS, _SCRIPTS
	DIFFERENTIAL_ROUNDS=$${DIFFERENTIAL_ROUNDS:-5} $(BIN)/python -m pytest tests/differential $(ARGS)

test-matrix: $(STAMP) ## Try every client against every broker; needs go, javac, node and npm
	$(BIN)/python -m tests.matrix $(ARGS)

coverage: $(STAMP) ## Run the tests and show what they do not reach
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report

lint: $(STAMP) ## Check style, types and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(STAMP) ## Repair what the style checker can repair
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

# What is measured is installed as users install it: what tests need would be loaded, too.
$(BENCH_STAMP): $(STAMP)
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --frozen --inexact --group bench $(EXTRAS) --python $(BIN)/python
	UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv/measured \
	  $(BIN)/uv sync --quiet --frozen --no-dev --python $(BIN)/python
	@touch $@

bench bench-check: export DOORKEEPER_PYTHON := .venv/measured/bin/python

bench: $(BENCH_STAMP) ## Measure, beside a bare TLS relay and whatever else is installed
	$(BIN)/python -m bench $(ARGS)

bench-check: $(BENCH_STAMP) ## Has it become dearer? Ratios to the relay against bench/bounds.toml
	$(BIN)/python -m bench.check

docs: $(STAMP) ## Write the generated pages of docs/ anew
	$(BIN)/python docs/generate.py $(ARGS)

clean: ## Remove what was made here
	rm -rf .venv .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
