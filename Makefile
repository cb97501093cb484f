# The same words for people and for CI; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

# The first of these on PATH that is new enough; PYTHON=... overrides it.
PYTHONS := python3 python3.13 python3.12 python3.11
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed ## Try it without any grid: storages on this machine, one of them broken
	@$(BIN)/tpcharness testbed demo

.PHONY: test
test: $(VENV)/.development ## Run all tests, also those against real servers and clients (installs Debian packages)
	@packaging/install-debian-packages
	@$(BIN)/pytest

.PHONY: test-fast
test-fast: $(VENV)/.development ## Run the quick tests that need nothing but Python
	@$(BIN)/pytest -m "not slow and not real"

.PHONY: check
check: $(VENV)/.development ## Check style, types, the floors of the house, spelling and the Dockerfile
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/codespell
	@$(BIN)/hadolint Dockerfile

.PHONY: truth
truth: $(VENV)/.development ## Try every fault with every kind of storage, print the table and write docs/truth.md
	@packaging/install-debian-packages
	@$(BIN)/python -m tests.truth

.PHONY: bench
bench: $(VENV)/.development ## Measure the speed budgets
	@$(BIN)/python -m bench

.PHONY: endurance
endurance: $(VENV)/.development ## Run the daemon for half an hour among storages that fail and recover
	@packaging/install-debian-packages
	@$(BIN)/python -m bench.endurance

.PHONY: image
image: ## Build the container image with buildah, as root; with a container engine: docker build .
	@packaging/build-image

.PHONY: packages
packages: $(VENV)/.development ## Build the deb and the rpm into dist
	@packaging/build-packages

.PHONY: clean
clean: ## Remove the virtual environment and everything made by tools
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@python=$(PYTHON); \
	for candidate in $(if $(PYTHON),,$(PYTHONS)); do \
	  if $$candidate -c '$(SUITABLE)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'No Python 3.11 or newer with venv on PATH. On Debian: apt-get install python3 python3-venv;' \
	       'else name one: make PYTHON=/path/to/python3' >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$python"; \
	"$$python" -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo 'Installing tpcharness'
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.installed
	@echo 'Installing the tools for tests and checks'
	@$(PIP) install --group test --group check
	@touch $@
