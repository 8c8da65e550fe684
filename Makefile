# `make demo` and `make test` set everything up by themselves: Python 3.11 or newer is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXAMPLE := examples/horizon

.PHONY: demo test test-all check bench lock golden clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.ready
	$(BIN)/sitekit check $(EXAMPLE) --today 2026-11-24 # the day the example was written
	$(BIN)/sitekit design bdx01 --organisation $(EXAMPLE)
	$(BIN)/sitekit render $(EXAMPLE) --out build/horizon
	@echo
	@echo "Look at    build/horizon/bdx01/            a micro-office: two devices and its documents"
	@echo "and at     build/horizon/par02/topology.svg  a post-production facility, as a picture"
	@echo "Then read  README.md, and change something in $(EXAMPLE)/sites/bdx01.yaml."

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto

test-all: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --slow

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks.run

# Renew the committed outputs of the example after a wanted change; read the difference.
golden: $(VENV)/.ready
	$(BIN)/sitekit schema --out $(EXAMPLE)/.schemas
	$(BIN)/sitekit design $(EXAMPLE) --assign
	$(BIN)/sitekit render $(EXAMPLE) --out $(EXAMPLE)/rendered --prune
	SITEKIT_RENEW=1 $(BIN)/python -m pytest tests/test_examples.py tests/test_mistakes.py

lock: $(VENV)/.ready
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --extra dev \
	    --no-emit-index-url --no-emit-trusted-host --no-header --upgrade \
	    --output-file requirements.lock pyproject.toml

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sitekit needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist
