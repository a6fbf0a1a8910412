# Two commands matter: `make demo` and `make test`. Each sets itself up in .venv and needs only make
# and Python 3.11, 3.12 or 3.13 with venv.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo "$$p" && break; done)

.PHONY: demo test check bench lock audit format clean python

demo: $(VENV)/.ready ## place a call to the bot, with no key and no internet
	@$(BIN)/offhook demo

test: $(VENV)/.dev ## the whole suite but what needs a real key
	@$(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## format, lint, types, who may import whom, spelling
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy bench bot call frames lab processors services telemetry transports tests
	@$(BIN)/lint-imports
	@$(BIN)/codespell

bench: $(VENV)/.dev ## the measured tables
	@$(BIN)/offhook bench latency

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

python:
	@test -n "$(PYTHON)" || { echo "offhook needs Python 3.11, 3.12 or 3.13 with venv (Debian: apt install python3-venv); none was found on PATH"; exit 1; }

# uv where it is installed, else the pip that venv brings; the same hashes either way.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing $(1) into $(VENV) ..."
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --require-hashes --only-binary pocketsphinx -r $(1); \
	else $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary pocketsphinx -r $(1); fi
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; fi
endef

$(VENV)/.ready: requirements.lock pyproject.toml | python
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | python
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.ready $@

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --only-binary pocketsphinx pyproject.toml

lock: ## renew both locks from pyproject.toml (needs uv)
	$(LOCK) --extra build -o requirements.lock
	$(LOCK) --extra build --extra dev -c requirements.lock -o requirements-dev.lock

AUDIT := $(VENV)/audit

audit: requirements.lock | python ## known vulnerabilities of what is locked (asks PyPI; fails where it cannot)
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/pip install -q --disable-pip-version-check pip-audit; }
	@$(AUDIT)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

clean:
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
