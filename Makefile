# From a fresh machine to a running hop. `make` alone tells what there is.
# Needed: Python 3.11 or newer and pip's package index; for the tests Debian's packages too. No services. With a C compiler
# and Python's header files it is faster: as root they are installed, where they are missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)) python3)
CONFIG ?= deploy/detector.toml
MINUTES ?= 5
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --no-input
UV := uv==0.13.9
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --group build \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock'

# What setup.py compiles: an older machine code must not go on running in place of what was edited.
COMPILED := setup.py $(shell sed -nE 's/^    "(detector\/.*\.py)",$$/\1/p' setup.py)

# Tests with real servers and kills can fail for want of a processor beside others. What failed is run once more, alone and
# by name; what fails alone, too, fails the run. (CPython's own test runner does the same: `regrtest --rerun`.)
ALONE = printf '\033[1m== failed beside others (see above), now alone: a test that passes here is flaky and wants mending\033[0m\n' \
	&& $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --exitfirst --verbose

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help bench demo fuzz run test check check-format check-lint check-types check-imports check-house format packages pages lock clean

help: ## this text
	@printf 'make TARGET; each one does all its own set-up in %s, the first time in about a minute\n\n' '$(VENV)'
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
	@printf '\nExample: make run CONFIG=deploy/detector.toml\n'

demo: $(VENV)/.runtime ## ordinary customers, one hijacked account, and what the hop does about it, on loopback
	$(call say,demo)
	@$(BIN)/detector demo

run: $(VENV)/.runtime ## serve the configuration named by CONFIG=
	$(call say,serving $(CONFIG); end with Ctrl-C)
	@exec $(BIN)/detector serve --config '$(CONFIG)'

test: $(VENV)/.dev packages ## all tests, with real Postfix, Dovecot and Prometheus where they can be had
	$(call say,tests)
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile || { [[ $$? == 1 ]] && $(ALONE); }

check: check-format check-lint check-types check-imports check-house ## format, lint, types, import rules, rules of the house (make -k check: all, whatever fails)

check-format: $(VENV)/.dev
	$(call say,ruff format)
	@$(BIN)/ruff format --check

check-lint: $(VENV)/.dev
	$(call say,ruff check)
	@$(BIN)/ruff check

check-types: $(VENV)/.dev
	$(call say,mypy)
	@$(BIN)/mypy

check-imports: $(VENV)/.dev
	$(call say,import rules)
	@$(BIN)/lint-imports

check-house: $(VENV)/.dev
	$(call say,rules of the house)
	@$(BIN)/python -m pytest -q tests/test_house_rules.py

format: $(VENV)/.dev ## let ruff format the code and mend what it can
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

packages: $(VENV)/.dev ## install the Debian packages that the tests need (as root; otherwise it says what is missing)
	$(call say,Debian packages for the tests)
	@$(BIN)/python -m tests.support.packages

bench: $(VENV)/.dev packages ## what a message costs here, beside a raw relay, aiosmtpd, Postfix and rspamd (a quarter of an hour)
	$(call say,the hop and its peers)
	@$(BIN)/python -m tests.support.packages rspamd
	@$(BIN)/python -m tests.bench.hop --json bench.json --picture bench.svg

fuzz: $(VENV)/.dev ## search for octets that break what strangers reach, MINUTES= for each target (5; Linux on x86-64)
	$(call say,fuzzing: what is found stands here as TARGET-crash-...)
	@$(BIN)/python -m tests.fuzz.run $$(( $(MINUTES) * 60 ))

pages: $(VENV)/.dev ## write deploy/metrics.md, deploy/reference, deploy/grafana and the table of steps in the handbook from the code
	@$(BIN)/python -m tests.support.metrics_page > deploy/metrics.md
	@$(BIN)/python -m tests.support.steps_table
	@$(BIN)/python -m tests.support.reference
	@$(BIN)/python -m tests.support.dashboards

lock: $(VENV)/.created ## newest allowed versions into requirements.lock and requirements-dev.lock
	$(call say,locking)
	@$(PIP) install --quiet '$(UV)'
	@$(COMPILE) --upgrade --output-file requirements.lock >/dev/null
	@$(COMPILE) --upgrade --extra dev --constraints requirements.lock --output-file requirements-dev.lock >/dev/null
	@if grep -nE '://|^-|file:' requirements*.lock; then echo 'a lock must not say where packages come from'; exit 1; fi

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find detector -name '*.so' -delete
	find detector tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: made anew only when a lock or the project's own description changes.
$(VENV)/.created:
	$(call say,virtual environment in $(VENV) with $(PYTHON))
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name it: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo 'Python lacks its venv module: installing python3-venv'; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-venv; \
		else echo "Python lacks its venv module. On Debian: sudo apt-get install python3-venv"; exit 1; fi; fi
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The project itself, compiled where that can be done: half a minute.
define install_project
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! { $(can_compile); }; then \
		echo 'A C compiler or header files are missing: installing gcc and python3-dev'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends gcc libc6-dev python3-dev \
			|| echo 'That did not work.'; fi
	@find detector -name '*.so' -delete
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import sys; from detector.content.kernel import COMPILED; sys.exit(not COMPILED)' || printf '\033[1m== %s\033[0m\n' \
		'NOT COMPILED: all works, but a message costs half more. On Debian: sudo apt-get install gcc python3-dev, then make again'
endef
can_compile = command -v cc >/dev/null && $(BIN)/python -c 'import pathlib, sys, sysconfig; \
	sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'

$(VENV)/.runtime: $(VENV)/.created requirements.lock pyproject.toml $(COMPILED)
	$(call say,installing requirements.lock)
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	$(install_project)
	@touch $@

$(VENV)/.dev: $(VENV)/.created requirements-dev.lock pyproject.toml $(COMPILED)
	$(call say,installing requirements-dev.lock)
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(install_project)
	@touch $@ $(VENV)/.runtime
