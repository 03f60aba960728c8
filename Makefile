# Everything one does with a checkout. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
# More words for pytest: make test ARGS="-k seal"
ARGS ?=
WORKERS ?= 2
CHECK_ENV = READ_DOT_ENV=false VAR_DIR=$${TMPDIR:-/tmp}/countersign-check DEBUG=false DEMO=false \
	PUBLIC_URL=https://countersign.example.org DATABASE_URL= EMAIL_URL= REDIS_URL=

.PHONY: help run test check format bench browser faults audit live lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

run: .venv/.core ## start the demo: install, migrate, load the demo workspace, serve it (PORT, HOST)
	@$(PY) -m config.demo

test: .venv/.dev ## run the whole test suite
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

check: .venv/.dev ## lint, format, types, import contracts, missing migrations, deployment check
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	@key=$$($(PY) -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())') && \
	export SECRET_KEY="$$key-and-more-of-it" CREDENTIALS_KEY="$$key" $(CHECK_ENV) && \
	$(PY) manage.py makemigrations --check --dry-run && \
	$(PY) manage.py check --deploy --fail-level WARNING

format: .venv/.dev ## put imports and layout right
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.dev ## run the benchmarks; one JSON object a line
	$(PY) -m benchmarks $(ARGS)

browser: .venv/.dev ## run the browser tests in Chromium (CHROMIUM=/path)
	@CHROMIUM="$$(bin/chromium)" && export CHROMIUM && $(PY) -m pytest -n $(WORKERS) -m browser $(ARGS)

faults: .venv/.dev ## run the long fault runs; WORKERS=8 for the state machine where there are cores
	$(PY) -m pytest -n $(WORKERS) -m faults tests/machine $(ARGS)
	$(PY) -m pytest -m "faults or netns" --ignore=tests/machine $(ARGS)

audit: .venv/.dev ## look for known vulnerabilities in what is pinned
	.venv/bin/pip-audit --no-deps --disable-pip -r requirements.txt -r requirements-providers.txt

live: .venv/.dev ## run the opt-in suite against the real Claude API (ANTHROPIC_API_KEY; costs money)
	$(PY) -m pytest -m live $(ARGS)

lock: .venv/.core ## write the requirements files anew from requirements/*.in
	bin/lock

.venv/.core: requirements.txt bin/install
	@bin/install requirements.txt
	@touch $@

.venv/.dev: .venv/.core requirements-dev.txt
	@bin/install requirements.txt requirements-dev.txt
	@touch $@
