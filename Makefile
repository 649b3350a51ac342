# What people type. `make run PHOTOS=DIR` is all that a household needs.

SHELL := /bin/sh
PYTHON ?= python3
PORT ?=
# Taken literally, so that a $ in a folder's name survives; recipes read it from the environment, where blanks do no harm.
export RUN_PHOTOS := $(value PHOTOS)

VENV := .venv
BIN := $(VENV)/bin
# A stamp is named by the hash of what it stands for: the interpreter and the contents of the requirements files. The
# interpreter says itself which one it is: its path may be that of a shim (pyenv), which the environment does not keep.
WHICH := -c 'import sys; print(sys.base_prefix, sys.implementation.cache_tag)' 2>/dev/null
INTERPRETER := $(or $(shell $(BIN)/python $(WHICH)),$(shell $(PYTHON) $(WHICH)))
hash = $(shell { echo "$(INTERPRETER)"; cat $(1); } | sha256sum | cut -c1-16)
RUN_STAMP := $(VENV)/.run-$(call hash,requirements.txt)
DEV_STAMP := $(VENV)/.dev-$(call hash,requirements.txt requirements-postgres.txt requirements-dev.txt)
# When the system's Python moves on, the environment is another's: the new one does not find what is installed in it.
RENEW := $(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The tests bring their own settings and must not see those of a household.
PYTEST := $(BIN)/python -m pytest
# What Python compiled is kept, in __pycache__: half of the time that the tests need to start goes into compiling them,
# and each of the servers that they start would compile PictoPy anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run models test slow e2e check format bench migrations update clean

help:
	@echo "make run PHOTOS=DIR   start PictoPy and show everyone in the house the photos in DIR (add PORT=8000 for another port)"
	@echo "make models           download the models that find things and faces"
	@echo "make test             the quick tests, and those with real models where the files are at hand"
	@echo "make slow             the tests that start whole servers, and many more examples of the properties"
	@echo "make e2e              the tests in a browser (needs Chromium)"
	@echo "make check            formatter, linter, type checker, migrations, Django's checks"
	@echo "make bench            measure speed and quality"
	@echo "make update           move the pinned versions of the dependencies"

# Without a network the download fails quickly and everything else works; `make models` tries again.
run: $(RUN_STAMP)
	@$(BIN)/python manage.py models fetch || echo "PictoPy starts without them; “make models” tries again at any time."
	@exec $(BIN)/python manage.py up $${RUN_PHOTOS:+--photos="$$RUN_PHOTOS"} $(if $(PORT),--port $(PORT))

models: $(RUN_STAMP)
	@$(BIN)/python manage.py models fetch

test: $(DEV_STAMP)
	$(PYTEST) -n auto --dist worksteal --no-migrations -m "not browser and not slow"

slow: $(DEV_STAMP)
	TEST_THOROUGH=1 $(PYTEST) -n 2 --dist worksteal -m "(slow or property) and not browser"

# In the order of their files: they share a house, and what one names the others find named.
e2e: $(DEV_STAMP)
	$(PYTEST) -p no:randomly -m browser

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy gallery faces albums pictopy_site manage.py
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level ERROR

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP)
	$(BIN)/python -m tests.benchmarks

migrations: $(DEV_STAMP)
	$(BIN)/python manage.py makemigrations

# Shows which pinned versions have moved on; the files are edited by hand, one reason at a time, and `make test` decides.
update: $(DEV_STAMP)
	$(BIN)/python -m pip list --outdated --disable-pip-version-check

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(RUN_STAMP): | $(BIN)/python
	@echo "Installing what PictoPy runs on (only this first time, and after updates) ..."
	@$(RENEW)
	@$(PIP) -r requirements.txt
	@rm -f $(VENV)/.run-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing what PictoPy and its tests need ..."
	@$(RENEW)
	@$(PIP) -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* && touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "PictoPy needs Python 3.11 or newer: make run PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { rm -rf $(VENV); echo "Install the package python3-venv (apt-get install python3-venv) and try again."; exit 1; }
