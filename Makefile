# make run    a running wasup with the WhatsApp emulator beside it
# make test   everything that must hold: format, lint, types, import rules, tests
# make help   the other targets

PYTHON ?= python3
BIN := .venv/bin
NODE_MODULES := wasup/http/assets/node_modules

.DEFAULT_GOAL := help
.PHONY: help run setup demo test bench soak lock clean

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

run: setup  ## Set up, then run wasup with the emulator beside it; stop with Ctrl-C.
	@$(BIN)/wasup quickstart

demo: setup  ## Play the main job and print its report; starts a system of its own if none is running.
	@$(BIN)/wasup demo

setup: .venv/.installed  ## Make .venv with the wasup command in it.

.venv/.installed: requirements/run.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is missing: apt-get install python3 python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing (once, a minute or less) ..."
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/.installed-dev: requirements/dev.txt .venv/.installed
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

test: setup .venv/.installed-dev  ## Format, lint, types, import rules and all tests.
	@./tests/install-servers
	$(BIN)/ruff format --check -q
	$(BIN)/ruff check -q
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q

bench: setup .venv/.installed-dev  ## Print speeds and sizes.
	@./tests/install-servers
	@$(BIN)/python -m bench
	@test -d .venv/rivals || $(BIN)/pip install -q --disable-pip-version-check --target .venv/rivals --no-deps \
	  --require-hashes -r requirements/bench.txt -r requirements/bench-nodeps.txt
	@PYTHONPATH=.venv/rivals $(BIN)/python -m bench.bench_supervisor

soak: setup .venv/.installed-dev  ## Ten minutes of traffic, drops and reconnects; memory, tasks and files must stay flat.
	@$(BIN)/python -m bench soak
	@$(BIN)/python -m bench.bench_supervisor --soak 1000000

lock: .venv/.installed-dev  ## Renew the locked requirements from the .in files.
	@cd requirements && for f in run dev; do ../$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --allow-unsafe --strip-extras $$f.in -o $$f.txt; done

clean:  ## Remove what was made; data/ stays.
	@rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
