# `make demo` and `make test` need git, make and Python 3.11 to 3.13; everything else is installed into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
# Airflow 3.1.8 works with what existed when it was released.
FLOOR_DATE := 2026-03-15
# But for what has had a known hole since, or may have one next (docs/security.md), what Airflow does not bring, and what
# those ask for: without a newer one of it the resolver takes an old aiohttp, and says nothing.
FLOOR_FIXED := aiohttp certifi cryptography flask flask-cors idna jinja2 lxml mako marshmallow protobuf pyasn1 pygments pyjwt \
	python-dotenv python-multipart requests sqlparse tornado urllib3 werkzeug
FLOOR_NEWER := $(FLOOR_FIXED) moto py-partiql-parser pytest yarl
# Later ones bring a hundred packages more, or a newer boto3 than the oldest that we name.
FLOOR_HELD := sagemaker-studio=2025-11-01 s3transfer=2025-11-01

# The first that runs and is 3.11 to 3.13: a pyenv shim may exist and refuse.
works = $(shell $(1) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && echo $(1))
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3 python,$(call works,$(name))))
# For the oldest Airflow rather the oldest Python.
FLOOR_PYTHON ?= $(firstword $(foreach name,python3.11 $(PYTHON),$(call works,$(name))))

BIN := .venv/bin
UV := $(BIN)/uv
UV_READY := .venv/uv-$(UV_VERSION)
SOURCES := pyproject.toml airflow_ack_sagemaker/__init__.py
# Of the user's environment, installing keeps all (indexes, certificates, proxies); what runs afterwards must not see it.
RUN := env -u PYTHONDONTWRITEBYTECODE -u PYTHONPATH -u PYTHONHOME -u PYTHONWARNINGS

.PHONY: help
help: ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# --- environments

.PHONY: venv venv-floor
venv: .venv/installed ## The virtual environment .venv with the newest tested Airflow
venv-floor: .venv-floor/installed ## .venv-floor with the oldest supported Airflow

# pip and uv keep their caches where the user has them, but `make demo` touches nothing outside the repository.
INSTALL_CACHE := $(if $(filter demo demo-up,$(MAKECMDGOALS)),$(if $(UV_CACHE_DIR),,UV_NO_CACHE=1) PIP_NO_CACHE_DIR=1)

$(UV_READY):
	@test -n '$(PYTHON)' || { echo 'No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(RUN) $(PYTHON) -m venv --clear .venv
	$(RUN) $(INSTALL_CACHE) $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/installed: $(UV_READY) constraints/newest.txt $(SOURCES)
	$(RUN) $(INSTALL_CACHE) $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --constraints constraints/newest.txt --editable '.[sandbox]' --group dev
	@touch $@

.venv-floor/installed: $(UV_READY) constraints/floor.txt $(SOURCES)
	$(RUN) $(UV) venv --quiet --clear --no-project --python "$$($(FLOOR_PYTHON) -c 'import sys; print(sys.executable)')" .venv-floor
	$(RUN) $(UV) pip install --quiet --python .venv-floor/bin/python --compile-bytecode --constraints constraints/floor.txt --editable '.[sandbox]' --group test
	@touch $@

# What is no Python package. The tests' Airflow writes from many processes at once, for which SQLite is no database.
.PHONY: system
system: ## Install Debian's packages that the tests need, where they are missing
	@missing=''; \
	command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=' postgresql'; \
	command -v redis-server >/dev/null || missing+=' redis-server'; \
	command -v openssl >/dev/null || missing+=' openssl'; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=' chromium'; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "The tests need:$$missing. As root, on Debian or Ubuntu: make system" >&2; exit 1; \
	fi; \
	apt-get update --quiet --quiet; \
	DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $$missing

COMPILE = $(UV) pip compile --quiet --upgrade pyproject.toml --extra sandbox --universal --no-header --no-annotate --no-emit-index-url --no-emit-find-links
.PHONY: constraints
constraints: $(UV_READY) ## Pin the newest releases (newest.txt) and the oldest supported ones (floor.txt) anew
	$(COMPILE) --group dev --group image --python-version 3.11 --output-file constraints/newest.txt
	$(COMPILE) --group test --resolution lowest-direct --python-version 3.11.5 --exclude-newer $(FLOOR_DATE) $(foreach name,$(FLOOR_NEWER),--exclude-newer-package $(name)=false) $(foreach each,$(FLOOR_HELD),--exclude-newer-package $(each)) --output-file constraints/floor.txt

# --- checks

.PHONY: test lint types layers ui ui-check test-all test-floor compose-test
# Tests in a real Airflow wait most of their time, so two suites run side by side. With three, two cores do not keep the
# health checks of Compose in time; what starts beside it is the shortest. What fails soonest comes first.
test: .venv/installed system venv-floor ## Everything that has to be right before a change goes in
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint layers types test-unit ui-check
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-airflow test-parts test-ui test-plugin test-dag-factory
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target compose-test test-floor test-chaos

lint: .venv/installed ## ruff: rules and format
	$(RUN) $(BIN)/ruff check .
	$(RUN) $(BIN)/ruff format --check .

types: .venv/installed ## mypy, strict
	$(RUN) $(BIN)/mypy

layers: .venv/installed ## import-linter: who may import whom
	$(RUN) $(BIN)/lint-imports

# The page of the Airflow plugin. Whoever does not work on it needs no Node: what is built is committed.
UI_BUILT := airflow_ack_sagemaker/plugin/static
UI_NPM = npm --prefix ui

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	$(UI_NPM) ci --loglevel=error
	@touch $@

ui: ui/node_modules/.package-lock.json ## Build the page of the Airflow plugin from ui/ into the package (needs Node and npm)
	$(UI_NPM) run --silent build

# Debian's Node may be too old, so `make system` does not install it.
ui-check: ## The page: types, lint, tests, and that what is committed is what its source gives
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory ui-checked; \
	elif [ "$${CI:-}" = true ]; then echo 'ui-check needs Node (20.19 or newer) and npm' >&2; exit 1; \
	else echo 'The page is not checked, since npm is not there: install Node 20.19 or newer for it.'; fi

.PHONY: ui-checked
ui-checked: ui/node_modules/.package-lock.json
	$(UI_NPM) run --silent types
	$(UI_NPM) run --silent lint
	$(UI_NPM) run --silent test
	@built=$$(mktemp -d); trap 'rm -rf "$$built"' EXIT; \
	UI_OUT=$$built $(UI_NPM) run --silent build; \
	diff --recursive --brief $(UI_BUILT) $$built || { echo '$(UI_BUILT) is not what ui/ gives: run make ui, and commit it' >&2; exit 1; }

# A cluster for the tests is named on the command line; KUBECONFIG of the environment may be there by accident.
GIVEN = $(if $(filter command,$(origin KUBECONFIG)),TESTS_KUBECONFIG='$(KUBECONFIG)')

test-all: .venv/installed system ## Tests with the newest Airflow (TESTS=path: only these; KUBECONFIG=path: a cluster for them)
	$(RUN) $(GIVEN) $(BIN)/python -m pytest $(TESTS)

.PHONY: test-unit test-airflow test-parts test-plugin test-ui test-chaos test-clients test-contract-oldest
# The pure core, and what stands beside it.
UNIT := tests/core $(wildcard tests/test_*.py)
test-unit: .venv/installed ## What needs no server, no root and no browser, in a minute
	$(RUN) $(BIN)/python -m pytest $(UNIT)
test-airflow: .venv/installed system ## Tasks in a real Airflow
	$(RUN) $(GIVEN) $(BIN)/python -m pytest --numprocesses=3 --dist=loadfile tests/airflow
test-parts: .venv/installed system ## The package without Airflow's processes, the sandbox, the contract, harness and demo
	$(RUN) $(GIVEN) $(BIN)/python -m pytest $(patsubst %,--ignore=%,$(UNIT) tests/airflow tests/chaos tests/plugin tests/ui)
test-plugin: .venv/installed system ## What the pages of the Airflow plugin read, from a real API server
	$(RUN) $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile tests/plugin
test-ui: .venv/installed system ## The pages of the Airflow plugin, in Chromium
	$(RUN) $(BIN)/python -m pytest tests/ui
test-chaos: .venv/installed system ## What dies and breaks, in short
	$(RUN) $(GIVEN) $(BIN)/python -m pytest tests/chaos

# The first time, kube-apiserver of that version is built (10 minutes).
OLDEST_KUBERNETES := 1.34
test-contract-oldest: .venv/installed system ## The contract on the oldest Kubernetes that EKS still supports
	$(RUN) CONTROLPLANE_KUBERNETES=$(OLDEST_KUBERNETES) $(BIN)/python -m pytest tests/contract
test-clients: .venv/installed system ## Stock clients (kubectl, helm, kopf, client-go, ...) against both API servers (the first time 10 minutes)
	$(RUN) $(BIN)/python -m tests.contract.clients.environment
	$(RUN) $(GIVEN) $(BIN)/python -m pytest tests/contract/clients/check.py

test-floor: .venv-floor/installed system ## The tests marked `floor`, with the oldest Airflow
	$(RUN) $(GIVEN) .venv-floor/bin/python -m pytest -m floor --ignore=tests/test_architecture.py

# `docker compose up`, for real. Elsewhere than on Debian, or without root, it is for the user to install Docker.
compose-test: .venv/installed ## docker-compose.yaml on a Docker engine: the scheduled DAG runs to its end
	@missing=''; \
	for each in docker:docker.io dockerd:docker.io iptables:iptables debootstrap:debootstrap; do \
		command -v $${each%:*} >/dev/null || missing+=" $${each#*:}"; \
	done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! docker version >/dev/null 2>&1; then \
		apt-get update --quiet --quiet; \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $$missing; \
	fi
	$(RUN) $(BIN)/python -m tests.compose.prepare
	$(RUN) $(BIN)/python -m pytest tests/compose

# Outside of pytest, which runs without the user's settings, what has to be fetched.
NEWCOMER := .venv/newcomer
.PHONY: test-newcomer
test-newcomer: .venv/installed ## From an empty directory, with the wheel in an empty environment: everything a newcomer does (5 minutes)
	rm -rf $(NEWCOMER)
	$(RUN) $(UV) build --quiet --wheel --out-dir $(NEWCOMER)/wheels .
	$(RUN) $(BIN)/python -m venv $(NEWCOMER)/venv
	$(RUN) $(UV) pip install --quiet --python $(NEWCOMER)/venv/bin/python --compile-bytecode --constraints constraints/newest.txt "$$(echo $(NEWCOMER)/wheels/*.whl)[sandbox]" pytest
	$(RUN) $(BIN)/python -m pytest tests/newcomer

.PHONY: test-docs
test-docs: .venv/installed ## Start, Tutorial and what other pages type, word for word (30 minutes)
	$(RUN) $(BIN)/python -m pytest tests/docs/check_pages.py

.PHONY: test-helm
test-helm: .venv/installed ## helm template of deploy/helm (the first time Helm is built, 5 minutes)
	$(RUN) $(BIN)/python -m pytest tests/deploy/check_helm.py

# As root, on Debian: a node of a cluster needs namespaces. The image of the pods is that of compose-test.
.PHONY: test-k8s
test-k8s: .venv/installed system ## Airflow with the KubernetesExecutor on a one-node cluster of the real parts (40 minutes; the first time 20 more)
	@missing=''; \
	for each in containerd:containerd runc:runc iptables:iptables debootstrap:debootstrap docker:docker.io dockerd:docker.io; do \
		command -v $${each%:*} >/dev/null || missing+=" $${each#*:}"; \
	done; \
	[ -e /usr/lib/cni/bridge ] || missing+=' containernetworking-plugins'; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update --quiet --quiet; \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $$missing; \
	fi
	$(RUN) $(BIN)/python -m tests.k8s.prepare
	$(RUN) $(BIN)/python -m pytest tests/k8s

.PHONY: test-sdk
test-sdk: .venv/installed ## The SageMaker Python SDK both ways, its second and its third version (installs both once)
	$(RUN) $(BIN)/python -m tests.sdk.environments
	$(RUN) $(BIN)/python -m pytest tests/sdk

# Beside Airflow its plugin would be loaded in every process of every test, so it has a folder of its own.
.venv/openlineage: .venv/installed constraints/openlineage.txt
	rm -rf $@
	$(RUN) $(UV) pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --target $@ --requirement constraints/openlineage.txt
	@touch $@
.PHONY: test-lineage
test-lineage: .venv/openlineage system ## What OpenLineage's provider is told (a minute)
	$(RUN) PYTHONPATH=.venv/openlineage $(BIN)/python -m pytest tests/lineage

.PHONY: watcher-kills
watcher-kills: .venv/installed system ## 20 versions of a definition, the triggerer killed at each: each retrains once (12 minutes)
	$(RUN) WATCHER_KILLS=20 $(BIN)/python -m pytest tests/airflow/test_watchers.py -k killed

# Its plugin, too, would be loaded in every process of every test: 3 s and 480 modules.
.venv/dag-factory: .venv/installed constraints/dag-factory.txt
	rm -rf $@
	$(RUN) $(UV) pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --target $@ --requirement constraints/dag-factory.txt
	@touch $@
.PHONY: test-dag-factory
test-dag-factory: .venv/dag-factory system ## dags/from_yaml in a real Airflow with dag-factory
	$(RUN) $(BIN)/python -m pytest tests/dag_factory

.PHONY: chaos
chaos: .venv/installed system ## 200 runs while everything is killed and broken, and the amazon provider's beside them (40 minutes)
	$(RUN) $(BIN)/python -m tests.chaos.long --write

.PHONY: chaos-edited
chaos-edited: .venv/installed system ## The same while people edit files, Variables, connections, Pipelines and runs, with two seeds (an hour)
	$(RUN) $(BIN)/python -m tests.chaos.long_edited --write

# What the amazon provider's triggers need, in a folder of its own: its botocore is older than the newest boto3's.
.venv/peers: .venv/installed constraints/peers.txt
	rm -rf $@
	$(RUN) $(UV) pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --target $@ --requirement constraints/peers.txt
	@touch $@

BENCHMARKS := imports launch sandbox rate requests pages followers api_server day
.PHONY: bench
bench: .venv/installed .venv/peers system ## All benchmarks, ours beside the peers (BENCH_OUTPUT=docs: into the documentation)
	for name in $(BENCHMARKS); do $(RUN) BENCH_OUTPUT='$(BENCH_OUTPUT)' $(BIN)/python -m tests.bench.bench_$$name; done

.PHONY: docs docs-serve
# Material for MkDocs advertises its successor at each start; this silences it.
MKDOCS = $(RUN) NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs
docs: .venv/installed ## The site into .site; a warning is an error
	$(MKDOCS) build  # not --quiet: it would silence the warnings before they are counted
docs-serve: .venv/installed ## The site while it is written
	$(MKDOCS) serve

# Outside of pytest, which runs without the user's settings, what has to be fetched.
CYCLONEDX_VERSION := 7.5.0
.PHONY: dist test-release
dist: .venv/installed ## Wheel, sdist and bill of materials (CycloneDX) into dist/, the same bytes each time
	rm -rf dist
	$(RUN) $(BIN)/python -m hatchling build --directory dist
	$(RUN) $(UV) venv --quiet --clear --no-project --python $(BIN)/python .venv/sbom
	$(RUN) $(UV) pip install --quiet --python .venv/sbom/bin/python --constraints constraints/newest.txt dist/*.whl
	$(RUN) $(UV) tool run --quiet --from cyclonedx-bom==$(CYCLONEDX_VERSION) cyclonedx-py environment \
		--pyproject pyproject.toml --mc-type library --output-reproducible --of JSON --output-file dist/sbom.cdx.json \
		.venv/sbom/bin/python
test-release: dist ## The wheel in empty environments: Python 3.11 to 3.13, Airflow 3.1 and 3.3 (12 minutes)
	$(RUN) $(BIN)/python -m tests.release.environments
	$(RUN) $(BIN)/python -m pytest tests/release/check_installed.py

.PHONY: screenshots
screenshots: .venv/dag-factory system ## Take the pictures of docs/cli and docs/ui anew
	$(RUN) PICTURES='$(CURDIR)/docs' $(BIN)/python -m pytest tests/cli/test_pictures.py tests/ui/test_pages.py tests/ui/test_examples.py tests/ui/test_run.py
	$(RUN) PICTURES='$(CURDIR)/docs' $(BIN)/python -m pytest tests/dag_factory -k picture

# --- demo

.PHONY: demo demo-up demo-down
DEMO_OPTIONS = $(if $(FAIL),--fail '$(FAIL)') $(if $(CLUSTER),--cluster '$(CLUSTER)')
demo: .venv/installed ## The weekly retraining, for real, once (FAIL=AbaloneTrain: that step fails; CLUSTER=real: on kube-apiserver)
	@$(RUN) $(BIN)/python -m demo.run once $(DEMO_OPTIONS)

demo-up: .venv/installed ## The same, and everything keeps running to look around
	@$(RUN) $(BIN)/python -m demo.run up $(DEMO_OPTIONS)

demo-down: ## End what demo-up started
	@if [ -x $(BIN)/python ]; then $(RUN) $(BIN)/python -m demo.run down; fi

.PHONY: clean
clean: demo-down ## Remove everything that make made
	rm -rf .venv .venv-floor .demo .site ui/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- fuzzing

FUZZ_CASES ?= 100000
.PHONY: fuzz
fuzz: .venv/installed ## Each reader of untrusted input with FUZZ_CASES cases that a coverage-guided fuzzer finds (FUZZ=name: only that)
	$(UV) pip install --quiet --python $(BIN)/python --target .venv/fuzz 'atheris>=2.3,<4'
	$(RUN) PYTHONPATH=.venv/fuzz $(BIN)/python -m tests.fuzz.long --cases $(FUZZ_CASES) $(FUZZ)
