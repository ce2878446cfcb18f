# `make demo` and `make test` are all that a newcomer needs. Everything is installed into .venv,
# nothing needs root, and every target sets .venv up first where it is not whole.

# The first Python that is new enough. Another one: make test PYTHON=python3.12
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

# Setup leaves compiling to the first import, which halves it; so let that keep what it compiles.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format benchmark load screenshots lock upgrade clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Set up .venv from requirements.lock (the other targets do it themselves)
	@$(or $(PYTHON),$(error Python 3.11 or newer is needed: sudo apt install python3)) tools/setup_venv.py

run: setup ## Serve the dashboard as the environment says (settings: README.md)
	@exec .venv/bin/python -m streamlit run streamlit_app.py

demo: setup ## Start the dashboard with a sample pipeline and jobs, on http://localhost:8501
	@.venv/bin/python -m dashboard.demo

# Files of tests stay whole, so that what their tests share is made once; the long ones come first.
test: setup ## Run the tests on every core
	@.venv/bin/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: setup ## Check format, lint, types, project files and known vulnerabilities
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy
	.venv/bin/python tools/check_project.py
	.venv/bin/python tools/audit_lock.py

format: setup ## Format the code and mend what lint can mend
	.venv/bin/python -m ruff check --fix-only .
	.venv/bin/python -m ruff format .

benchmark: setup ## Measure packing, delivery and the catalog beside other ways
	@.venv/bin/python benchmarks/packing.py
	@.venv/bin/python benchmarks/delivery.py
	@.venv/bin/python benchmarks/catalog.py

load: setup ## Put load on a dashboard for some twelve minutes, and print what users would notice
	@.venv/bin/python -m benchmarks.load

screenshots: setup ## Take the pictures of docs/ anew, from a demo of its own (needs Chromium)
	@.venv/bin/python tools/screenshots.py

# One lock file for every Python from 3.11 on, on Linux and macOS.
LOCK = .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --custom-compile-command 'make lock' \
	--extra demo --group test --group check --group benchmark --group build \
	pyproject.toml --output-file requirements.lock

lock: setup ## Write requirements.lock anew after a change of dependencies in pyproject.toml
	$(LOCK)

upgrade: setup ## Write requirements.lock with the newest versions that pyproject.toml allows
	$(LOCK) --upgrade

clean: ## Remove .venv, the demo's data, builds and caches
	rm -rf .venv .setup.lock .demo build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
