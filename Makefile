# Coterie: `make demo` runs it on this machine, `make test` checks all of it. Needs make and Python 3.11 or newer.
PYTHON ?= python3
RUN := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test soak bench fast fuzz audit lint fmt lock install clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## Run the portal with a demo store on http://127.0.0.1:8000 (PORT=8001 make demo for another port)
	@$(PYTHON) requirements/install.py base
	@$(RUN) manage.py demo --follow-parent

test: install ## Run everything: style, types, both databases, real processes, a real browser
	@$(RUN) -m tests.tooling

soak: install ## Import files for MINUTES=10 while workers, web, clock, PostgreSQL and Redis are killed at random
	@$(RUN) -m tests.processes --minutes $(or $(MINUTES),10)

bench: install ## Measure the speed beside its floor, with stores of up to 1,000,000 customers (about 15 minutes)
	@$(RUN) -m tests.bench

fast: install ## Run the fast tests on SQLite alone
	@$(RUN) -m pytest -q -n 2 -m "not browser and not processes"

fuzz: install ## Read 100,000 mutated files, held against oracles (FILES=1000 SEED=7 WORKERS=4; AT=12 reads that one again)
	@$(RUN) -m tests.fuzz

audit: install ## List the licences of all packages, and ask what is publicly known against them (needs the internet)
	@$(RUN) -m tests.tooling.packages

lint: install ## Check style and types
	@$(RUN) -m tests.tooling --only style,templates,types

fmt: install ## Put the code in its style
	@$(RUN) -m ruff check --fix --quiet . ; $(RUN) -m ruff format --quiet .
	@.venv/bin/djade --target-version 5.2 $$(find . -path ./.venv -prune -o -path '*/templates/*.html' -print)

lock: install ## Renew requirements/*.txt from requirements/*.in
	@$(RUN) requirements/install.py lock

install:
	@$(PYTHON) requirements/install.py dev

clean: ## Remove the virtual environment and caches; the demo's data in .data/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
