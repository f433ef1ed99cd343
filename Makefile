# `make run` and `make test` do all of their own set-up. `make` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
# Where it is set, each process of the tests and of Ray compiles the sources again.
export PYTHONDONTWRITEBYTECODE :=
DATA ?= ../shared/data
# CTranslate2 needs libraries of its own on a GPU. The tests use the packages of a cluster.
EXTRAS := [cluster$(shell command -v nvidia-smi >/dev/null && echo ',gpu')]

# Runs npm in web/, with Node.js from PyPI; without arguments it builds the page, unless its sources are those of the last build.
WEB := $(BIN)/python hatch_build.py

.PHONY: help run page test screenshots coverage soak lint web-packages web-dev web-types bench bench-accuracy clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: page ## install what is missing, start the application on http://127.0.0.1:8000, show a sample
	@# On a terminal, in a process group of its own: Ctrl-C is then the program's alone, which ends well, and not make's too.
	@if [ -t 0 ]; then set -m; $(BIN)/vivavoce serve --sample; exit $$?; else exec $(BIN)/vivavoce serve --sample; fi

# Without npm's registry there is no new page: the application says so, and tests that need it are skipped.
page: .venv/installed
	@$(WEB) || true

test: web-packages page ## run all tests, with a database and a data directory of their own
	@# One process begins with the tests that use a Ray, one with those that load models; a third has the rest while they wait.
	$(BIN)/pytest --numprocesses 3

screenshots: web-packages page ## look at each screen of the page in a browser, and put its pictures into docs/images
	@mkdir -p docs/images
	$(BIN)/pytest --screenshots docs/images tests/browser/test_screenshots.py

coverage: web-packages page ## run all tests, print which lines they miss, and fail if that is more than before; twice as long
	$(BIN)/pytest --numprocesses 2 --cov --cov-report term-missing

soak: .venv/installed ## run the long versions of tests: kills, simultaneous changes, invalid requests and files; about an hour
	$(BIN)/pytest -m soak --timeout 7200

lint: .venv/installed ## style, types, and the directions in which packages import; style and types of the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(WEB) run --silent lint

web-packages: .venv/installed
	@$(WEB) ci || true

web-dev: .venv/installed ## serve the page from its sources, updated at each change of them, for a running application
	@echo "The page shows the data of $${VIVAVOCE_URL:-http://127.0.0.1:8000}: start that with 'make run' in another terminal,"
	@echo "or name another with 'make web-dev VIVAVOCE_URL=…'. Open the address that Vite prints. Ctrl-C stops it."
	@$(WEB) run dev

web-types: .venv/installed ## write web/src/api/schema.d.ts anew, from the routes and their models
	@$(BIN)/python -m api.document | $(WEB) run --silent types

bench: .venv/installed ## print the first tables of docs/measurements.md (DATA=… names the folder of recordings with references)
	$(BIN)/python -m benchmarks.accuracy.end_to_end --data $(DATA)

bench-accuracy: .venv/installed ## print all figures of accuracy beside stock (hours); SHORT=1: compare those of seconds with their baseline
	$(BIN)/python -m benchmarks.accuracy --data $(DATA) $(if $(ANSWERS),--answers $(ANSWERS)) $(if $(SHORT),--short) $(if $(BASELINE),--baseline)

clean: ## remove what `make` installed and built; recordings, transcripts and models stay
	rm -rf .venv web/node_modules web/dist

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
