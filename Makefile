# The commands of the project; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find cdc -name '*.pyx' -o -name '*.pxd')

.DEFAULT_GOAL := help
.PHONY: help env build check fix test clean

help: ## List the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

env: $(VENV)/.installed ## Create the virtual environment and compile the extension

$(VENV)/.installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

build: env $(VENV)/.built ## Compile the Cython modules again where they changed

$(VENV)/.built: $(SOURCES) setup.py $(VENV)/.installed
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

check: build ## Lint, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: env ## Mend what the linter can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: build ## Unit, property, integration and acceptance tests, on real servers
	$(BIN)/pytest -m 'not reliability'

clean: ## Remove what was built
	rm -rf build $(VENV) *.egg-info
	find cdc -name '*.so' -delete -o -name '*.c' -delete
