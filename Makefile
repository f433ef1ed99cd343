# `make run` and `make test` do all of their own set-up. `make` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
DATA ?= ../shared/data
# CTranslate2 needs libraries of its own on a GPU.
EXTRAS := $(shell command -v nvidia-smi >/dev/null && echo '[gpu]')

.PHONY: help run test coverage soak lint bench clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: .venv/installed ## install what is missing, start the application on http://127.0.0.1:8000, show a sample
	@# On a terminal, in a process group of its own: Ctrl-C is then the program's alone, which ends well, and not make's too.
	@if [ -t 0 ]; then set -m; $(BIN)/vivavoce serve --sample; exit $$?; else exec $(BIN)/vivavoce serve --sample; fi

test: .venv/installed ## run all tests, with a database and a data directory of their own
	@# One process begins with the tests that use a Ray, one with those that load models; a third has the rest while they wait.
	$(BIN)/pytest --numprocesses 3

coverage: .venv/installed ## run all tests, print which lines they miss, and fail if that is more than before; twice as long
	$(BIN)/pytest --numprocesses 2 --cov --cov-report term-missing

soak: .venv/installed ## run the long versions of the reliability tests: kills, simultaneous changes, invalid requests; about an hour
	$(BIN)/pytest -m soak --timeout 7200 tests/reliability

lint: .venv/installed ## style, types, and the directions in which packages import
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: .venv/installed ## print the first tables of docs/measurements.md (DATA=… names the folder of recordings with references)
	$(BIN)/python -m benchmarks.accuracy.end_to_end --data $(DATA)

clean: ## remove what `make` installed; recordings, transcripts and models stay
	rm -rf .venv

# The versions of uv.lock, as constraints: `uv sync` would take torch from the index also where a CPU build lies at hand.
# uv does not read PIP_FIND_LINKS.
.venv/installed: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vivavoce needs Python 3.11 or newer; say which with: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv export --frozen --quiet --all-extras --all-groups --no-emit-project --no-hashes --output-file .venv/constraints.txt
	@echo 'Installing what Vivavoce needs (some minutes the first time) …'
	@UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}" $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --constraint .venv/constraints.txt --editable '.$(EXTRAS)' --group dev
	@touch $@
