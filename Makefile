# make run    a running wasup with the WhatsApp emulator beside it
# make test   everything that must hold: format, lint, types, import rules, tests
# make help   the other targets

PYTHON ?= python3
BIN := .venv/bin

WEBJS := wasup/providers/webjs
CLIENTS := tests/emulator/clients
DASHBOARD := wasup/http/dashboard/web
AXE := tests/dashboard/axe
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
WAJS := node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js

.DEFAULT_GOAL := help
.PHONY: help run setup demo servers test fuzz bench chaos soak screenshots lock upgrade-wajs clean

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: setup  ## Set up, then run wasup with the emulator beside it; stop with Ctrl-C. BROWSER=1: first steps in Chromium.
	@$(BIN)/wasup quickstart $(if $(BROWSER),--browser)

demo: setup  ## Play the main job and print its report, in a system of its own if none runs. BROWSER=1: in Chromium.
	@$(BIN)/wasup demo $(if $(BROWSER),--browser)

setup: .venv/.installed $(WEBJS)/node_modules/.installed $(DASHBOARD)/dist/index.html  ## Make .venv with wasup in it, fetch wa-js, build the dashboard.

.venv/.installed: requirements/run.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is missing: apt-get install python3 python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing (once, a minute or less) ..."
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(WEBJS)/node_modules/.installed: $(WEBJS)/package-lock.json
	@if ! command -v npm >/dev/null; then echo "npm is missing (apt-get install npm): all works but accounts of type webjs"; \
	elif (cd $(WEBJS) && $(NPM_CI) >/dev/null); then touch $@; \
	else echo "npm could not fetch wa-js (make setup tries again): all works but accounts of type webjs"; fi

# From all sources of the front end. Without npm there is no dashboard, and that is said.
$(DASHBOARD)/dist/index.html: $(DASHBOARD)/package-lock.json $(wildcard $(DASHBOARD)/*.html $(DASHBOARD)/*.ts) \
  $(shell find $(DASHBOARD)/src $(DASHBOARD)/public -type f 2>/dev/null)
	@if ! command -v npm >/dev/null; then echo "npm is missing (apt-get install npm): all works but the dashboard"; \
	elif $(MAKE) -s --no-print-directory $(DASHBOARD)/node_modules/.installed \
	  && (cd $(DASHBOARD) && npm run --silent build -- --logLevel=warn); then touch $@; \
	else echo "The dashboard could not be built (make setup tries again): all works but the dashboard"; fi

$(DASHBOARD)/node_modules/.installed: $(DASHBOARD)/package-lock.json
	@cd $(DASHBOARD) && $(NPM_CI) --omit=dev >/dev/null
	@touch $@

# What looks for faults of accessibility in the dashboard's tests.
$(AXE)/node_modules/.installed: $(AXE)/package-lock.json
	@cd $(AXE) && $(NPM_CI) >/dev/null
	@touch $@

$(DASHBOARD)/node_modules/.installed-dev: $(DASHBOARD)/package-lock.json
	@cd $(DASHBOARD) && $(NPM_CI) >/dev/null
	@touch $(@D)/.installed $@

.venv/.installed-dev: requirements/dev.txt .venv/.installed
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Real WhatsApp Web clients, which the emulator's page is tested with. They bring no browser of their own.
$(CLIENTS)/node_modules/.installed: $(CLIENTS)/package-lock.json
	@cd $(CLIENTS) && PUPPETEER_SKIP_DOWNLOAD=1 $(NPM_CI) >/dev/null
	@touch $@

servers:
	@./tests/install-servers

# In this order: npm may have to be installed before anything is set up with it.
test: servers  ## Format, lint, types, import rules and all tests.
	@$(MAKE) --no-print-directory $(DASHBOARD)/node_modules/.installed-dev $(AXE)/node_modules/.installed
	@$(MAKE) --no-print-directory setup .venv/.installed-dev $(CLIENTS)/node_modules/.installed
	@cd $(DASHBOARD) && npm run --silent check
	$(BIN)/ruff format --check -q
	$(BIN)/ruff check -q
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q --numprocesses 3 --dist loadfile --no-loadscope-reorder

fuzz: setup .venv/.installed-dev  ## Schemathesis over the API (FUZZ_EXAMPLES=300 an operation), other property tests FUZZ_TIMES=20 times as long.
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-300} FUZZ_TIMES=$${FUZZ_TIMES:-20} $(BIN)/pytest -q tests/http/test_fuzz.py \
	  tests/supervisor/test_model.py tests/actors/test_statemachine.py tests/db/test_merging.py \
	  tests/db/test_sync.py::test_duplicates_and_any_order_end_in_the_same_rows

bench: servers  ## Print speeds and sizes.
	@$(MAKE) --no-print-directory setup .venv/.installed-dev $(CLIENTS)/node_modules/.installed
	@$(BIN)/python -m bench
	@test -d .venv/rivals || $(BIN)/pip install -q --disable-pip-version-check --target .venv/rivals --no-deps \
	  --require-hashes -r requirements/bench.txt -r requirements/bench-nodeps.txt
	@PYTHONPATH=.venv/rivals $(BIN)/python -m bench.bench_supervisor

chaos: servers  ## Break everything at random for ten minutes, then compare all records. ARGS="--seed 7 --minutes 30 --outage 10".
	@$(MAKE) --no-print-directory setup .venv/.installed-dev
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: setup .venv/.installed-dev  ## Ten minutes of traffic, drops and reconnects; memory, tasks and files must stay flat.
	@$(BIN)/python -m bench soak
	@$(BIN)/python -m bench.bench_supervisor --soak 1000000

screenshots: servers  ## Take the README's pictures of the dashboard.
	@$(MAKE) --no-print-directory setup .venv/.installed-dev
	@$(BIN)/python -m tests.dashboard.screenshots

lock: .venv/.installed-dev  ## Renew the locked requirements from the .in files.
	@cd requirements && for f in run dev; do ../$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --allow-unsafe --strip-extras $$f.in -o $$f.txt; done

upgrade-wajs: setup .venv/.installed-dev  ## Pin the newest wa-js, and see whether it has all that we use.
	@cd $(WEBJS) && npm install --save-exact --ignore-scripts --no-audit --no-fund --loglevel=error \
	  --omit-lockfile-registry-resolved=true @wppconnect/wa-js@latest && sha256sum $(WAJS) > wa-js.sha256
	@touch $(WEBJS)/node_modules/.installed
	$(BIN)/pytest -q tests/providers/test_webjs*.py

clean:  ## Remove what was made; data/ stays.
	@rm -rf .venv $(WEBJS)/node_modules $(CLIENTS)/node_modules $(DASHBOARD)/node_modules $(DASHBOARD)/dist $(AXE)/node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
