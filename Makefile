# `make` or `make help` lists what there is to run.

# Not from the environment: some shells set HOST to the machine's name, and the app would face the network.
HOST := 127.0.0.1
PORT ?= 8501
NAME ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin

# The interpreter that makes the environment: PYTHON=, or the first usable one.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
# Prints "3.11 /usr/bin/python3.11" when usable. The base interpreter, because the one found may be inside .venv.
PROBE := import sys, ensurepip, venv; sys.version_info < (3, 11) and sys.exit(1); print("%d.%d" % sys.version_info[:2], sys._base_executable)
FOUND := $(shell for p in $(PYTHONS); do "$$p" -c '$(PROBE)' 2>/dev/null && break; done)
# A stamp with the version in its name: another version makes another environment.
MADE := $(VENV)/.python-$(firstword $(FOUND))
BASE := $(wordlist 2,99,$(FOUND))

.PHONY: help run test check bench browser-runtime gpu cluster audit lock clean
.DEFAULT_GOAL := help

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile
	@echo "  options: HOST= PORT= (run), ARGS=\"-k foo\" CHROMIUM= (test), NAME= ARGS= (bench), PYTHON= (all)"

run: $(VENV)/.installed ## serve the app on http://127.0.0.1:8501
	@$(BIN)/streamlit run app.py --server.address $(HOST) --server.port $(PORT) --server.headless true

test: $(VENV)/.installed-dev ## run all tests, in a real Chromium too
	@CHROMIUM="$$($(BIN)/python -m tests.browser.chromium)" && export CHROMIUM && $(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed-dev ## lint, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: $(VENV)/.installed-dev ## measure: NAME=gradients; without NAME, list the benchmarks
	@$(BIN)/python -m bench $(or $(NAME),--list) $(ARGS)

browser-runtime: $(VENV)/.installed ## add ONNX Runtime for visitors' browsers (33 MB, once)
	@$(BIN)/python -m ui.browser_runtime.fetch

gpu: $(VENV)/.installed ## exchange ONNX Runtime for its build with CUDA and TensorRT
	$(BIN)/python -m pip uninstall --disable-pip-version-check -y onnxruntime
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-gpu.txt

cluster: $(VENV)/.installed ## add what measuring on a Dask cluster needs
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-cluster.txt

audit: $(VENV)/.installed-dev $(VENV)/audit/.installed ## every package's license, and known vulnerabilities of the hosted app
	@licenses=0; $(BIN)/python -m deploy.licenses || licenses=$$?; \
	  $(BIN)/python -m deploy.audit $(VENV)/audit/bin/python && exit $$licenses

lock: $(VENV)/.installed-dev $(VENV)/lock/.installed ## write requirements-hosted.txt anew
	@$(BIN)/python -m deploy.lock $(VENV)/lock/bin/uv

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.txt $(MADE)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-cluster.txt requirements.txt $(MADE)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Tools with environments of their own: what they need is no business of the app's.
$(VENV)/audit/.installed: $(MADE)
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --disable-pip-version-check pip-audit==2.10.1
	@touch $@

$(VENV)/lock/.installed: $(MADE)
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --disable-pip-version-check uv==0.13.8
	@touch $@

$(MADE):
	@test -n "$(BASE)" || { \
	  for p in $(PYTHONS); do command -v "$$p" >/dev/null && version=$$("$$p" -V 2>&1) && break; done; \
	  echo "Python 3.11 or newer with its venv module is needed; found: $${version:-none}." \
	    "Install it (on Debian with python3-venv), or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	rm -rf $(VENV)
	"$(BASE)" -m venv $(VENV)
	@touch $@
