# What one does with this repository. `make` alone lists it.
#
# Nothing has to be installed before but Python 3.11 or newer and make: each target prepares what
# it needs. Variables: DEMO=0, PORT_BASE=8200, T=path or options for pytest, B=name, MINUTES=10,
# TIMERS=100000, SEED=1.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.bench-installed
DISTRIBUTIONS := libs/common services/intake services/sla services/notify services/status deploy/local
SOURCES := libs/common/src services/intake/src services/sla/src services/notify/src services/status/src deploy/local/src

PORT_BASE ?= 8100
DEMO ?= 1
MINUTES ?= 10
TIMERS ?= 0
SEED ?= 1
# Tests wait more than they compute.
WORKERS ?= 3
PYTEST := -n $(WORKERS) --dist loadscope --no-loadscope-reorder
T ?= tests
B ?=

.DEFAULT_GOAL := help
.PHONY: help run up down demo test test-pure compiled lint format spec bench chaos lock clean distclean

help:  ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(INSTALLED)  ## Start everything and show the demo, until Ctrl-C (DEMO=0 leaves the demo out).
	@exec $(BIN)/pledge up --port-base $(PORT_BASE) $(if $(filter 0 no,$(DEMO)),--no-demo,--demo)

up: $(INSTALLED)  ## Start everything in the background.
	@exec $(BIN)/pledge up --detach --port-base $(PORT_BASE)

down: $(INSTALLED)  ## Stop what runs in the background.
	@exec $(BIN)/pledge down

demo: $(INSTALLED)  ## Repeat the demo on the stack that runs.
	@exec $(BIN)/pledge demo

test: $(INSTALLED)  ## Run the tests (T=path or options chooses some; the long ones are left out).
	@$(BIN)/python -m sla.compile_engine || true
	@$(BIN)/pytest -q $(PYTEST) -m "not long" $(T)
	@if [ "$(T)" = tests ] && $(BIN)/python -m sla.compile_engine --is-used; then \
	  echo "Those of the engine of promises once more, on its Python sources:"; \
	  PLEDGE_PURE=1 $(BIN)/pytest -q $(PYTEST) tests/unit/sla tests/property/sla; fi

test-pure: $(INSTALLED)  ## The same with the engine of promises as Python sources, not compiled.
	@PLEDGE_PURE=1 $(BIN)/pytest -q $(PYTEST) -m "not long" $(T)

compiled: $(INSTALLED)  ## Compile the engine of promises if its sources changed and a C compiler is here.
	@$(BIN)/python -m sla.compile_engine

lint: $(INSTALLED)  ## Check style, types, imports, the generated references and the desks' files.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES) tests
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m sla.compile_engine --check
	@$(BIN)/python -m pledge.events.spec --check
	@$(BIN)/python -m pledge.runtime.reference --check
	@$(BIN)/python -m pledge_local.openapi --check
	@PYTHONPATH=tests $(BIN)/python -m support.promises --check
	@$(BIN)/pledge desk check deploy/desks/*/

format: $(INSTALLED)  ## Put the sources into the common format.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

spec: $(INSTALLED)  ## Write docs/reference again: events, settings, series, APIs, the desks' promises.
	@$(BIN)/python -m pledge.events.spec
	@$(BIN)/python -m pledge.runtime.reference
	@$(BIN)/python -m pledge_local.openapi
	@PYTHONPATH=tests $(BIN)/python -m support.promises

$(BENCH_INSTALLED): $(INSTALLED) requirements-bench.txt
	@$(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes --no-deps \
	  -r requirements-bench.txt
	@touch $@

bench: $(BENCH_INSTALLED) compiled  ## Measure, each figure with its floor (B=name measures one).
	@PYTHONPATH=tests $(BIN)/python -m bench $(B)

chaos: $(INSTALLED)  ## Break things under load for MINUTES, or while TIMERS are due, and compare.
	@$(BIN)/pytest -q -s -m chaos --chaos-minutes $(MINUTES) --chaos-timers $(TIMERS) \
	  --chaos-seed $(SEED) tests/chaos/test_long.py tests/chaos/test_many_timers.py

lock: $(INSTALLED)  ## Resolve requirements.in and Kafka's jars to exact versions with hashes.
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  requirements-bench.in -o requirements-bench.txt
	@$(BIN)/python -m pledge_local.lock

clean:  ## Stop what runs here and remove its data, and all caches.
	@if [ -x $(BIN)/pledge ] && [ -d .pledge ]; then $(BIN)/pledge down --home .pledge; fi
	@rm -rf .pledge .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	@rm -rf services/sla/src/sla/_compiled
	@find $(DISTRIBUTIONS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## The same, and remove the installed packages.
	@rm -rf $(VENV)

$(INSTALLED): requirements.txt deploy/local/install.py $(DISTRIBUTIONS:%=%/pyproject.toml)
	@$(PYTHON) deploy/local/install.py $(VENV) requirements.txt $(DISTRIBUTIONS)
	@$(BIN)/python -m sla.compile_engine || true
