# Six commands: make setup | run | test | check | bench | fuzz.  Only Python >= 3.11 and make are needed.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough; PYTHON=/path/to/python overrides it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CITY ?= cities/sample.toml
DATA ?= var/$(basename $(notdir $(CITY)))

.PHONY: help setup run test check bench fuzz lock clean

help:
	@sed -n '1p' Makefile; echo "make run CITY=cities/sample.toml DATA=var/sample"

setup: $(VENV)/.dev

run: $(VENV)/.runtime
	@$(BIN)/cityos up --city $(CITY) --data $(DATA) $(ARGS)

# Two at a time, each file by one; `make test ARGS="-n 0 -k name"` for one alone.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

# Every operation of the API, 1,000 cases each (hours); CASES=100 asks for fewer. `make test` asks for 20.
CASES ?= 1000
fuzz: $(VENV)/.dev
	FUZZ_CASES=$(CASES) $(BIN)/python -m pytest tests/fuzz $(ARGS)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "CityOS needs Python 3.11 or newer; none was found. Install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv module here. On Debian or Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what CityOS needs (once) ..."
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable . 
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing what tests and checks need (once) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Re-pin everything to the newest releases. The result holds no download address.
lock: $(VENV)/.dev
	$(PIP) install uv
	cd requirements && for f in runtime dev; do \
	../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' $$f.in -o $$f.txt; done

clean:
	rm -rf $(VENV) var
