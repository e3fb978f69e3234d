# The commands of the project; `make` alone lists them.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find cdc -name '*.pyx' -o -name '*.pxd')
# Warnings of the build back end are for its authors.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --quiet --disable-pip-version-check

# The modules are compiled while the servers are fetched.
MAKEFLAGS += --jobs=2

.DEFAULT_GOAL := help
.PHONY: help env build servers check fix test demo bench reliability docs clean

help: ## List the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

env: $(VENV)/.built ## Create the virtual environment and compile the Cython modules

$(VENV)/.installed: pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed; name one: make env PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo 'Python has no venv module (Debian: apt install python3-venv)' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'No C compiler was found (Debian: apt install gcc python3-dev)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	CDC_BUILD_LATER=1 $(PIP) install --editable '.[dev]'
	@touch $@

build: $(VENV)/.built ## Compile the Cython modules again where they changed

$(VENV)/.built: $(SOURCES) setup.py $(VENV)/.installed
	$(BIN)/python setup.py --quiet build_ext --inplace --parallel 2
	@touch $@

servers: env ## Fetch what the servers need, into a cache outside the tree (SERVERS='postgres kafka')
	@$(BIN)/python -m cdc.testing fetch $(SERVERS)

check: build ## Lint, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: env ## Mend what the linter can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Tests wait for servers more than they compute. The slow files come first, so that the processes end together.
test: TESTERS ?= 2
test: build servers ## Unit, property, integration and acceptance tests, on real servers
	$(BIN)/pytest -m 'not reliability' --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

demo: DB ?= postgres
demo: SERVERS ?= $(DB) kafka
demo: build servers ## Changes of a real PostgreSQL (or DB=mysql) arriving in a real Kafka (ARGS='--for 20s')
	@$(BIN)/cdc-stream demo --db $(DB) $(ARGS)

bench: SERVERS ?= postgres mysql kafka
bench: build servers ## Rates, memory and latency beside other readers of the same log
	$(BIN)/python -m bench $(ARGS)

reliability: build servers ## The long runs: kills and faults under load
	$(BIN)/pytest -m reliability $(ARGS)

docs: build ## Write the reference pages from the code
	$(BIN)/python -m cdc.config.docs
	$(BIN)/python -m cdc.cli.docs

clean: ## Remove what was built
	rm -rf build $(VENV) *.egg-info
	find cdc -name '*.so' -delete -o -name '*.c' -delete
