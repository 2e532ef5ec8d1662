# The day's commands. `make` alone lists them; what takes more than a line stands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help install test test-broken test-conformance-soak test-debian test-quick lint format demo bench bench-compare bench-core bench-plot bench-profile bench-scale chaos docs diagram build pins upgrade clean
MAKEFLAGS += --no-print-directory

members := $(patsubst %/pyproject.toml,%,$(wildcard */pyproject.toml))
everything := $(addprefix -e ./,$(members)) --group dev
bin := .venv/bin

help:
	@echo "make ..."
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' Makefile

demo: .uv/bin/uv ## Watch jobs committed with orders run, fail, retry and survive a killed worker.
	@scripts/venv newest -e './goncordia-core[cli]' -e ./goncordia-sql
	@$(bin)/goncordia demo

test: .uv/bin/uv ## All that CI asks: lint, types, every test on the lowest and the newest Python.
	@scripts/test $(everything)

test-broken: install ## Put the shelf of broken drivers through the conformance suite, ten seeds each.
	@$(bin)/python tests-conformance/tests/shelf.py $(ARGS)

test-conformance-soak: install ## The correct driver passes fifty seeds; keeps what came out.
	@$(bin)/python tests-conformance/tests/soak.py $(ARGS)

test-debian: install ## The PostgreSQL driver and its chaos, thoroughly, on Debian's PostgreSQL.
	@scripts/servers postgresql
	@CI=true GONCORDIA_TEST_POSTGRES="$$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)" \
	  $(bin)/pytest -q goncordia-postgres/tests tests/chaos -k 'not sqlite' \
	  --goncordia-profile=thorough $(ARGS)

test-quick: install ## The tests alone, on the newest Python. ARGS="-k name" picks some.
	@$(bin)/pytest -q $(ARGS)

lint: install ## ruff, pyright strict, and the rings of the imports.
	@scripts/lint

install: .uv/bin/uv ## Every distribution, editable, with the tools to work on it, into .venv.
	@scripts/venv newest $(everything)

format: install ## Let ruff mend what it can.
	@$(bin)/ruff check --quiet --fix .
	@$(bin)/ruff format --quiet .

bench: install ## Measure a store beside its client and its peers: STORE=memory|sqlite|postgres|redis|dynamo.
	@$(bin)/python bench/run.py $(STORE) $(ARGS)

bench-core: install ## Measure core and SQLite: a table of ratios. QUICK=1 takes less than a minute.
	@$(bin)/python bench/core.py

chaos: install ## An hour of killed workers and broken stores: STORE=sqlite|postgres, ARGS="--minutes 5".
	@cd tests && ../$(bin)/python -m chaos.run $(STORE) $(ARGS)

bench-compare: install ## The last two runs of each store, by their ratios.
	@$(bin)/python bench/compare.py $(STORE)

bench-plot: install ## Draw the last runs of `make bench` to bench/plots/.
	@$(bin)/python bench/plot.py

bench-profile: install ## Where a job's time goes: STORE=memory|sqlite|postgres|dynamo.
	@$(bin)/python bench/profiling.py $(STORE)

bench-scale: install ## What a claim costs up to ten million rows: STORE=postgres, ARGS="--rows 100000".
	@$(bin)/python bench/scale.py $(STORE) $(ARGS)

docs: install ## Build the documentation into site/.
	@scripts/venv newest --group docs
	@$(bin)/zensical build --clean --strict

diagram: install ## Draw the life of a job in docs/architecture.md anew from the code.
	@$(bin)/python scripts/draw_lifecycle.py

build: .uv/bin/uv ## A wheel and an sdist of every distribution, into dist/.
	@scripts/uv build --quiet --all-packages --clear \
	  --python "$$(scripts/pythons | tail -n 1 | cut -d ' ' -f 2)" --build-constraints constraints.txt
	@ls dist/*

pins: .uv/bin/uv ## Bring constraints.txt up to date with what the distributions ask for.
	@scripts/pins

upgrade: .uv/bin/uv ## Pin the newest versions of everything in constraints.txt.
	@scripts/pins --upgrade

clean: ## Remove all that these commands made, the environments too.
	@rm -rf .uv .venv .venv-low .cache dist site .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

.uv/bin/uv: constraints.txt
	@scripts/get-uv
