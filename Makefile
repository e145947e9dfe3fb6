# `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Python compiles what it imports when it does: less than half of what pip would compile, one package after another.
INSTALL := $(PIP) install --quiet --no-compile
# Dozens of processes are started, and each would compile all of our code again where an image forbids keeping it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test peers bench fuzz lint lock demo-city screenshots clean

help: ## show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## start everything with the demo city (Ctrl-C stops it)
	@exec $(BIN)/citywifi serve --demo

# Three at a time on two cores, because tests of real peers wait for most of their time. Whole cities are played when
# nothing else runs, two at a time: they fill two cores.
test: $(VENV)/.dev peers ## run every test; the last lines say which real peers took part
	@$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not city" $(ARGS)
	@$(BIN)/python -m pytest -n 2 -m city --after-the-others $(or $(ARGS),tests/end_to_end)

peers: ## install the real programs that the tests talk to
	@tools/install_test_peers

lint: $(VENV)/.dev ## ruff, mypy --strict and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure beside FreeRADIUS, then the packet path and the portal, on this machine
	@tools/install_test_peers bench
	@$(BIN)/python -m bench $(ARGS)

fuzz: $(VENV)/.dev ## a million wrong packets and EAP conversations against the RADIUS server (PACKETS=, SEED=)
	@$(BIN)/python -m tools.fuzz_radius --packets $(or $(PACKETS),1000000) --seed $(or $(SEED),1)

lock: $(VENV)/.dev ## write the lock files anew from pyproject.toml
	$(BIN)/pip-compile $(LOCK_OPTIONS) -o requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK_OPTIONS) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

LOCK_OPTIONS := -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

demo-city: $(VENV)/.dev ## make the demo city's file from the publishers' files in DATA=folder
	$(BIN)/python -m tools.make_demo_city $(DATA)

screenshots: $(VENV)/.dev peers ## take the README's pictures from a running demo
	$(BIN)/python -m tools.screenshots

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) build *.egg-info var

# A stamp per environment: it is made anew when what goes into it changed.
$(VENV)/.run: requirements.lock pyproject.toml package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what CityWiFi runs on into $(VENV) (about a minute) …"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what the tests need into $(VENV) …"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
