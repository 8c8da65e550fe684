# `make demo` and `make test` set everything up by themselves: Python 3.11 or newer is enough.
PYTHON ?= python3
VENV := .venv
ORACLES := .venv-oracles
BIN := $(VENV)/bin
EXAMPLE := examples/horizon

.PHONY: demo test test-all fuzz oracles check bench lock golden clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.ready
	$(BIN)/sitekit check $(EXAMPLE) --today 2026-11-24 # the day the example was written
	$(BIN)/sitekit design bdx01 --organisation $(EXAMPLE)
	$(BIN)/sitekit render $(EXAMPLE) --out build/horizon
	@echo
	@echo "And now a seventh site, from nothing to the cloud of the lab: README.md, Open a seventh site."
	$(BIN)/python -m tests.walkthrough build/demo
	@echo
	@echo "Look at    build/horizon/bdx01/            a micro-office: two devices and its documents"
	@echo "and at     build/horizon/par02/topology.svg  a post-production facility, as a picture"
	@echo "and at     $(BIN)/sitekit lab cloud show --organisation build/demo/horizon"
	@echo "Then read  README.md, and change something in $(EXAMPLE)/sites/bdx01.yaml."

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto

test-all: $(VENV)/.ready $(ORACLES)/.ready
	$(BIN)/python -m pytest -n auto --slow --ignore tests/oracles
	$(ORACLES)/bin/python -m pytest -n auto --dist worksteal --slow tests/oracles

# A hundred thousand hostile organisations through the loader; findings go to tests/fuzz/found.
fuzz: $(VENV)/.ready
	$(BIN)/python -m tests.fuzz.run --inputs 100000

# The vendors' grammars, in an environment of their own: see docs/oracles.md.
oracles: $(ORACLES)/.ready

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# BENCH="--sites 10" takes about a minute; see benchmarks/README.md.
bench: $(VENV)/.ready $(ORACLES)/.ready
	$(BIN)/python -m benchmarks.run --avd-python $(ORACLES)/bin/python $(BENCH)
	-$(BIN)/python -m benchmarks.cloud --out build/bench-cloud.json
	-$(BIN)/python -m benchmarks.cloud_stacks --json build/bench-stacks.json

# Renew the committed outputs of the example (its stacks too) after a wanted change; read the difference.
golden: $(VENV)/.ready
	$(BIN)/sitekit schema --out $(EXAMPLE)/.schemas
	$(BIN)/sitekit design $(EXAMPLE) --assign
	$(BIN)/sitekit render $(EXAMPLE) --out $(EXAMPLE)/rendered --prune
	SITEKIT_RENEW=1 $(BIN)/python -m pytest tests/test_examples.py tests/test_mistakes.py tests/test_people_cli.py

lock: $(VENV)/.ready
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --extra dev --extra cloud \
	    --no-emit-index-url --no-emit-trusted-host --no-header --upgrade \
	    --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-trusted-host --no-header --upgrade \
	    --output-file requirements-oracles.lock pyproject.toml requirements-oracles.in

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sitekit needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(ORACLES)/.ready: requirements-oracles.lock tests/oracles/sources.txt tests/oracles/prepare.py
	$(PYTHON) -m venv $(ORACLES)
	$(ORACLES)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-oracles.lock
	$(ORACLES)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(ORACLES)/bin/python tests/oracles/prepare.py
	@touch $@

clean:
	rm -rf $(VENV) $(ORACLES) build dist
