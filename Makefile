# `make run` and `make test` are all it takes: each prepares what it needs, and the second time does so at once.
.DEFAULT_GOAL := help
.PHONY: bench bench-pythons coverage hostile hostile-compiled pictures quick release-check run venv test test-compiled test-floors test-portable test-pythons debian lint format docs wheel clean help
.PRECIOUS: .venv-3.%/installed-test
.NOTPARALLEL:

# The tests start hundreds of processes: each would compile the modules anew where bytecode isn't kept.
export PYTHONDONTWRITEBYTECODE :=

# What the tests need from Debian: command:package.
SERVERS := curl:curl node:nodejs nginx:nginx redis-server:redis-server
DEBIAN := $(SERVERS) certutil:libnss3-tools chromium-headless-shell:chromium-headless-shell fish:fish zsh:zsh

ARGS := --config examples/site/reserve.json
TESTS :=
OPTIONS :=
COVERAGE :=
# The tests wait more than they compute: more of them at once than the two processors of a small machine.
JOBS := 4
# What needs no server, no browser and no process of its own.
QUICK := tests/config $(addprefix tests/plugins/, custom file status) \
	$(addprefix tests/http/test_, forms.py target.py upgraded_stream.py) \
	$(addprefix tests/test_, body.py capture.py dispatcher.py events.py functions.py hooks.py layout.py limits.py mock.py plugins.py send.py)
# Prints the version of another Python here: the newest, or the oldest if that is the one in use.
OTHER := own=$$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true); \
	.ci/python | cut -d " " -f 1 | sort -V | sed "/^$$own\$$/d" | sed -n '$$p'
# What another Python can make a difference to: event loops, TLS, threads and processes, annotations, what is installed.
OTHERS := $(filter-out %/test_connection_vectors.py,$(wildcard tests/http/test_connection*.py tests/http/test_websocket*.py)) \
	$(addprefix tests/http/test_, exchange.py tornado_bridge.py upgraded_stream.py) \
	$(addprefix tests/config/test_, contract.py reference.py) \
	$(addprefix tests/plugins/, custom limit use) \
	$(addprefix tests/plugins/url/test_, connection_pool.py proxy.py tls.py tunnel.py) \
	$(addprefix tests/e2e/test_, reload.py serve.py tls.py websocket.py workers.py) \
	$(addprefix tests/test_, cli.py failures.py hooks.py installed.py live_configuration.py log.py mock.py options_dataclass.py plugins.py public.py \
	reload.py resources.py server.py stalls.py testing.py threads.py workers.py)
# What runs on other systems than Linux: without /proc, addresses beside 127.0.0.1, stores of certutil and a browser; the
# pages say the same on all.
PORTABLE = $(shell grep -rLE '/proc/|127\.0\.0\.[2-9]|sched_getaffinity|prlimit|certutil' --include='test_*.py' tests | \
	grep -vE '^tests/(browser|docs|hostile)/' | sort)
# What the compiled build consists of, and how the tests run on it: what is installed comes before what is here.
SOURCES := $(shell find reserve_core plugins -type f -not -path '*/__pycache__/*' -not -path '*/node_modules/*')
# What checks the types of the scripts of pages, those of the plugin live included, which are served as they are.
TSC := plugins/mirror/node_modules/.bin/tsc
TYPESCRIPT := plugins/mirror/node_modules/installed
COMPILED := RESERVE_COMPILE=1 PYTHONSAFEPATH=1 .venv-compiled/bin/pytest -o pythonpath=

run: .venv/installed ## Serve examples/site, or run reserve with ARGS="..."
	@exec .venv/bin/reserve $(ARGS)

venv: .venv/installed-test ## Make .venv with all tools in it, once

test: debian .venv/installed-test lint ## Check everything: style, types and tests (of them only TESTS="...")
	.venv/bin/pytest -n $(JOBS) --dist worksteal $(if $(COVERAGE),--cov --cov-report term-missing:skip-covered) $(TESTS)

test-pythons: debian ## Run what another Python can make a difference to (or TESTS="...") on the newest here, or the oldest
	@other=$$($(OTHER)); [ -z "$$other" ] || $(MAKE) --no-print-directory "test-$$other"

test-portable: .venv/installed-test ## Run the tests that need neither Linux nor a browser: for macOS
	@.ci/debian $(SERVERS)
	.venv/bin/pytest -n $(JOBS) --dist worksteal $(or $(TESTS),$(PORTABLE))

test-3.%: .venv-3.%/installed-test $(TYPESCRIPT)
	@echo "Python 3.$*"
	@.venv-3.$*/bin/pytest -n $(JOBS) --dist worksteal $(or $(TESTS),$(OTHERS))

test-compiled: debian .venv-compiled/installed-test ## Run the tests of the core and the plugins (or TESTS="...") on the compiled build
	$(COMPILED) -n $(JOBS) --dist worksteal $(or $(TESTS),tests/test_compiled.py tests/http tests/config tests/plugins)

test-floors: debian .venv-floors/installed-test ## Run the tests of the core and the plugins (or TESTS="...") on the oldest dependencies allowed
	.venv-floors/bin/pytest -n $(JOBS) --dist worksteal $(or $(TESTS),tests/http tests/config tests/plugins)

quick: .venv/installed-test lint ## Check style and types, and run the tests that need no server: a minute on two idle processors, several the first time or beside other work
	.venv/bin/pytest -q -n $(JOBS) --dist worksteal $(QUICK)

coverage: ## Run all tests and hold the lines they run to a floor
	$(MAKE) --no-print-directory test COVERAGE=yes

lint: .venv/installed-test $(TYPESCRIPT) ## Check style and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	PATH="$$(.ci/node):$$PATH" $(TSC) --project plugins/mirror

format: .venv/installed-test ## Put the code into shape, and name what only a person can mend
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format
	.venv/bin/python -m tests.page.declarations
	.venv/bin/python -m tests.openapi.description
	.venv/bin/python -m tests.client_js.client_types
	.venv/bin/ruff check

docs: .venv/installed-test ## Build the documentation into site/
	.venv/bin/python -m docs.tables
	.venv/bin/python -m docs.build

pictures: debian .venv/installed-test ## Take the documentation's pictures of the mirror's page anew
	RESERVE_PICTURES=docs/pictures .venv/bin/pytest -q tests/browser/test_look.py

bench: .venv/installed .venv-compiled/installed-test ## Measure reserve beside its peers (OPTIONS="--only hello")
	@.venv-compiled/bin/python -m bench $(OPTIONS)

bench-pythons: ## Install both builds on each Python here, for the benchmark's case pythons
	@.ci/python | while read -r version _; do \
		$(MAKE) --no-print-directory .venv-$$version/installed .venv-compiled-$$version/installed </dev/null; done

hostile: debian .venv/installed-hostile ## Run all hostile checks at full size, and all tests on another Python: under 45 minutes
	.venv/bin/pytest -q tests/hostile --scoreboard docs/reliability.json $(OPTIONS)
	.venv/bin/python -m docs.tables
	$(MAKE) --no-print-directory test-pythons TESTS=tests

hostile-compiled: debian .venv-compiled/installed-hostile ## Run all hostile checks at full size on the compiled build
	$(COMPILED) -q tests/hostile $(OPTIONS)

wheel: .venv/installed ## Build both wheels into dist/: the one of plain Python, and the compiled one for this Python and system
	@RESERVE_COMPILE=1 .ci/debian gcc:build-essential
	.venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	RESERVE_COMPILE=1 .venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .

release-check: .venv/installed-release ## Build what a release publishes, install it and use it; TAG=v1.2.3 holds it to the tag
	@.venv/bin/python .ci/release_check.py --tag "$$TAG"

clean: ## Remove what the commands above have made
	rm -rf .venv .venv-* plugins/mirror/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache build dist site

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-18s%s\n", $$1, $$2}' Makefile

debian:
	@.ci/debian $(DEBIAN)

.venv/installed: pyproject.toml
	@.ci/venv .venv "" .
	@touch $@

.venv/installed-test: pyproject.toml
	@.ci/venv .venv "" ".[test]"
	@touch $@ .venv/installed

$(TYPESCRIPT): plugins/mirror/package-lock.json | .venv/installed-test
	@PATH="$$(.ci/node):$$PATH" npm ci --prefix plugins/mirror --silent --no-audit --no-fund
	@touch $@

.venv/installed-hostile: pyproject.toml
	@.ci/venv .venv "" ".[test,hostile]"
	@touch $@ .venv/installed .venv/installed-test

.venv/installed-release: pyproject.toml
	@.ci/venv .venv "" ".[release]"
	@touch $@ .venv/installed

# The tests' own tools are the newest: only what reserve itself depends on is old.
.venv-floors/installed-test: pyproject.toml .venv/installed-release
	@echo "Preparing .venv-floors"
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv-floors
	@.venv/bin/uv pip install --quiet --python .venv-floors --resolution lowest-direct --editable ".[tls]"
	@.venv/bin/uv pip install --quiet --python .venv-floors --editable ".[test]"
	@touch $@

.venv-compiled/installed-test: pyproject.toml .ci/compile.py $(SOURCES)
	@RESERVE_COMPILE=1 .ci/debian gcc:build-essential
	@RESERVE_COMPILE=1 .ci/venv .venv-compiled "" ".[test,bench]"
	@touch $@

.venv-compiled/installed-hostile: .venv-compiled/installed-test
	@RESERVE_COMPILE=1 .ci/venv .venv-compiled "" ".[test,bench,hostile]"
	@touch $@

.venv-compiled-3.%/installed: pyproject.toml .ci/compile.py $(SOURCES)
	@RESERVE_COMPILE=1 .ci/venv .venv-compiled-3.$* 3.$* .
	@touch $@

.venv-3.%/installed: pyproject.toml
	@.ci/venv .venv-3.$* 3.$* .
	@touch $@

.venv-3.%/installed-test: pyproject.toml
	@.ci/venv .venv-3.$* 3.$* ".[test]"
	@touch $@
