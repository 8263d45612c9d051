# Every command sets up what it needs first (scripts/bootstrap); on a machine that has it, that takes no time.
.DEFAULT_GOAL := help
.PHONY: help run test check fuzz soak bench images client lock clean

PYTHON_IN_VENV := .venv/bin/python
CODE := control_plane strategy_runtime strategy_templates tests benchmarks
ARGS ?=

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: ## Set up, start Slipway and its demo (ARGS="--port 9000")
	@scripts/bootstrap run
	@.venv/bin/slipway demo $(ARGS)

test: ## Set up and run the whole test suite (ARGS="tests/unit -k orders")
	@scripts/bootstrap test
	@$(PYTHON_IN_VENV) -m pytest -n 3 --dist load --maxschedchunk 1 -q $(ARGS)

check: ## Format, lint, types, import contracts, unit tests: what CI and pre-commit run
	@scripts/bootstrap test
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m mypy
	$(PYTHON_IN_VENV) -m mypy scripts/bootstrap.py scripts/client.py images/rootfs.py images/install.py
	.venv/bin/lint-imports --no-cache
	$(PYTHON_IN_VENV) -m pytest -n 2 -q tests/unit

fuzz: ## Throw broken payloads and faults at the exchange client and at the API (PAYLOADS=1000000)
	@scripts/bootstrap test
	@SLIPWAY_FUZZ=$(or $(PAYLOADS),200000) SLIPWAY_HISTORIES=$(or $(HISTORIES),2000) $(PYTHON_IN_VENV) -m pytest \
	  -q --timeout 0 tests/unit/brokers/coindcx/test_fuzz.py tests/unit/brokers/coindcx/test_histories.py tests/unit/coindcx_sim/test_legality.py
	@SLIPWAY_API_EXAMPLES=$(or $(EXAMPLES),100) SLIPWAY_API_WALKS=$(or $(WALKS),500) $(PYTHON_IN_VENV) -m pytest \
	  -q --timeout 0 tests/integration/api/test_whole_api.py

soak: ## Trade on virtual time under faults (SEEDS=20000 FROM=0; SEED=7 replays one), hear prices through a storm (MINUTES=5000), be killed (KILLS=20), upgrade under load (UPGRADES=20)
	@scripts/bootstrap test
	@$(PYTHON_IN_VENV) -m tests.simulation --seeds $(or $(SEEDS),20000) --from $(or $(FROM),0) $(if $(SEED),--seed $(SEED))
	@$(if $(SEED),,SLIPWAY_TEST_LONG=1 SLIPWAY_SOAK_MINUTES=$(or $(MINUTES),5000) $(PYTHON_IN_VENV) -m pytest -q tests/unit/market/test_live_feed.py -k storm)
	@$(if $(SEED),,SLIPWAY_TEST_LONG=1 SLIPWAY_KILLS=$(or $(KILLS),20) $(PYTHON_IN_VENV) -m pytest -q -s tests/e2e/test_fail_points.py)
	@$(if $(SEED),,SLIPWAY_TEST_LONG=1 SLIPWAY_UPGRADES=$(or $(UPGRADES),20) $(PYTHON_IN_VENV) -m pytest -q -s --timeout 0 tests/e2e/test_upgrades.py)

bench: ## Measure the figures that we promise (ARGS="ticks deploy")
	@scripts/bootstrap test
	@$(PYTHON_IN_VENV) -m benchmarks $(ARGS)

images: ## Build the image that strategies run in
	@scripts/bootstrap run
	@.venv/bin/slipway images build $(ARGS)

client: ## Write the Python client anew from the OpenAPI document
	@scripts/bootstrap test
	@PYTHONPATH=$(CURDIR) $(PYTHON_IN_VENV) scripts/client.py

lock: ## Make the requirement locks anew from pyproject.toml and images/base_strategy/requirements.in
	@scripts/lock $(ARGS)

clean: ## Remove the environment, caches and what runs left in .slipway
	rm -rf .venv .slipway .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
