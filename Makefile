# One way to run each thing. The environment is made, and kept up with the locks, by the verbs that need it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?=
PORT ?= 8000
DATA_DIR ?= data
ROUND ?= full
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
TORCH_INDEX_URL ?=

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
SERVE := $(VENV)/.installed-serve
DEV := $(VENV)/.installed-dev
ENVIRONMENTS := $(VENV)/.installed-environments

.PHONY: help serve test test-whole lint bench test-faults check-image openapi samples lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "Variables: PORT, DATA_DIR, PYTHON, TORCH_INDEX_URL, PYTEST_ARGS, JOBS, ROUND (short or full); see CONTRIBUTING.md"

serve: $(SERVE) ## Start the service with the sample collections on 127.0.0.1:8000 (PORT, DATA_DIR)
	@exec $(VENV)/bin/precedent serve --port $(PORT) --data-dir "$(DATA_DIR)" --samples samples

TEST := $(RUN) -m pytest -q -n $(JOBS) --dist loadfile --ignore=tests/faults

test: $(DEV) ## Run the test suite (PYTEST_ARGS, JOBS)
	$(TEST) -m "not whole" $(PYTEST_ARGS)

test-whole: $(DEV) ## Run what takes long: real models and games, whole data sets, every page (PYTEST_ARGS, JOBS)
	$(TEST) -m whole $(PYTEST_ARGS)

lint: $(DEV) ## Style, types, import contracts, API and docs drift
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@if [ -f service/openapi.py ]; then $(RUN) -m service.openapi --check; fi
	$(RUN) scripts/check_docs.py

bench: $(DEV) ## Measure everything the docs claim (ROUND=short or full)
	$(RUN) -m benchmarks --round $(ROUND) $(BENCH_ARGS)

test-faults: $(DEV) ## Kill it, fill its disk, fuzz it: the long rounds (ROUND=short or full)
	$(RUN) -m pytest -q -s tests/faults tests/service/test_fuzz.py --round=$(ROUND) $(PYTEST_ARGS)

check-image: $(DEV) ## Go through deploy/Containerfile without a container engine (ROUND=short reuses .venv)
	$(RUN) -m scripts.check_image $(if $(filter short,$(ROUND)),--reuse)

openapi: $(DEV) ## Write openapi.yaml from the code
	$(RUN) -m service.openapi

samples: $(ENVIRONMENTS) ## Make the sample collections again, from the environments (needs Java and a C compiler)
	$(RUN) -m samples.generate

lock: $(DEV) ## Write the locks anew (LOCK_ARGS=--upgrade for newer versions)
	UV=$(VENV)/bin/uv scripts/lock.sh $(LOCK_ARGS)

clean: ## Remove the environment and everything derived; records in DATA_DIR stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	@python=$$(scripts/find_python.sh $(PYTHON)) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

# Everything by hash from the lock, then torch in the build of this machine, then the project itself.
define install
	@echo "Installing what $(1) pins; the first time this takes some minutes"
	$(PIP) install -q --no-deps --require-hashes --no-build-isolation $(2) -r $(1)
	$(PIP) install -q $(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL)) -r requirements-torch.txt
	$(PIP) install -q --no-deps --no-build-isolation -e .
	$(RUN) scripts/check_install.py
	@touch $@
endef

$(SERVE): requirements.lock requirements-torch.txt pyproject.toml | $(RUN)
	$(call install,requirements.lock,--only-binary :all:)

$(DEV): requirements-dev.lock requirements-torch.txt pyproject.toml | $(RUN)
	$(call install,requirements-dev.lock,--only-binary :all:)
	@touch $(SERVE)

$(ENVIRONMENTS): requirements-environments.lock $(DEV)
	$(call install,requirements-environments.lock)
