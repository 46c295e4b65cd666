# Every target has a help line; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
FCIR := .venv/bin/fcir
# One worker more than two processors: two waited for disks and locks a seventh of their time.
PYTEST := .venv/bin/pytest -n 3 --dist loadfile
# At most 4 minutes on two processors: the layers that find most faults for their time.
SHORT_TESTS := tests/unit tests/reference tests/properties tests/scenarios tests/dbt/test_rules.py tests/dbt/test_unit_tests.py
LINT_DBT := FCIR_WAREHOUSE=../.lint/warehouse.duckdb DBT_PROFILES_DIR=. DBT_TARGET_PATH=../.lint/target DBT_LOG_PATH=../.lint
NOTEBOOK ?= docs/notebooks/explore.py
SIZE ?= S
WORKERS ?= 0
MEMORY ?= 3g
ROUNDS ?= 5
DATA ?=
BENCH ?=
CHAOS ?=
BEFORE ?= main
AFTER ?= HEAD
COMPARE ?=
FAULTS ?= 60
# 0 draws the same files each time.
FUZZ_SEED ?= 0
SAMPLE_FROM ?=
SAMPLE_TO ?=
SPARK_TESTS ?=
export UV_PYTHON_DOWNLOADS := never
# Data roots that tests share are kept until the product changes.
export FCIR_KEPT_ROOTS := $(CURDIR)/.lint/roots
# Otherwise every process that loads the project compiles it again: 0.9 CPU seconds.
unexport PYTHONDONTWRITEBYTECODE

ifeq ($(FCIR_TARGET),spark)
run ui: env-spark
endif

.PHONY: help env env-spark spark-up spark-down run test test-all test-long test-pages test-spark fuzz chaos lint lint-python lint-sql bench docs sbom pictures kept-pages notebook ui clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(UV):
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv-$(UV_VERSION).txt

.venv/.ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked --quiet --python $(PYTHON)
	@touch $@

# Files of the dbt project that git does not have.
GENERATED := dbt/models/_contract_columns.md dbt/seeds/bank_holidays.csv
$(GENERATED): .venv/.ready $(wildcard expectations/*.odcs.yaml)
	.venv/bin/python -m dagster_project.tools.generate

env: .venv/.ready $(GENERATED) ## Create the environment (.venv) from the lock file

env-spark: env ## Also install the Spark client, for FCIR_TARGET=spark
	$(UV) sync --locked --quiet --inexact --extra spark

spark-up: env-spark ## Start Spark with Iceberg on 127.0.0.1, for trials; WORKERS=2 starts a cluster, MEMORY=6g is for millions of rows. Needs Java 17
	UV_PROJECT_ENVIRONMENT=.venv-spark $(UV) sync --locked --quiet --only-group spark-cluster --python $(PYTHON)
	@.venv/bin/python deploy/dev/spark_cluster.py up --workers "$(WORKERS)" --memory "$(MEMORY)"

spark-down: env ## Stop the Spark that spark-up started; its tables stay in data/spark
	@.venv/bin/python deploy/dev/spark_cluster.py down

run: env ## First run: sample extracts, load, validate, build, test, publish; SAMPLE_FROM=2022-08-01 takes a third of the time
	@$(FCIR) sample --if-empty $(if $(SAMPLE_FROM),--from "$(SAMPLE_FROM)") $(if $(SAMPLE_TO),--to "$(SAMPLE_TO)")
	@$(FCIR) run

test: env ## The tests that a change needs: units, figures, scenarios; at most 4 minutes on two processors
	$(PYTEST) $(SHORT_TESTS)

test-all: env ## All tests that CI runs: also the published sample, Dagster, pages in a browser
	$(UV) sync --locked --quiet --inexact --group pages
	$(PYTEST) --cpu-limits -o "norecursedirs=long leaving spark .*"

test-long: env-spark ## What a release needs besides CI, at most 90 minutes: faults on purpose, random histories, chaos, wheel, fuzzing, Spark
	$(UV) sync --locked --quiet --inexact --group pages
	mkdir -p .lint
	nice -n 5 $(MAKE) test-spark SPARK_TESTS="-m long" >.lint/spark-long.log 2>&1 & spark=$$!; \
	$(PYTEST) tests/long tests/leaving --ignore=tests/long/fuzz; tests=$$?; \
	HISTORY_DAYS=1000 WORLDS=4 $(PYTEST) tests/properties/test_histories.py tests/reference; drawn=$$?; \
	.venv/bin/python -m tests.long.faults --count $(FAULTS) --seed today; faults=$$?; \
	.venv/bin/python -m tests.long.chaos --trials 1; chaos=$$?; \
	wait $$spark; on_spark=$$?; tail -n 30 .lint/spark-long.log; \
	exit $$((tests || drawn || faults || chaos || on_spark))
	$(MAKE) fuzz FUZZ_SEED=$$(date +%j)

test-pages: env ## Test the published pages and the Dagster UI in Debian's chromium; FCIR_PAGES_HOME=DIR tests that data root
	$(UV) sync --locked --quiet --inexact --group pages
	.venv/bin/pytest tests/pages

test-spark: env-spark ## Compare every table on Spark with DuckDB; needs Java 17, an hour
	UV_PROJECT_ENVIRONMENT=.venv-spark $(UV) sync --locked --quiet --only-group spark-cluster --python $(PYTHON)
	.venv/bin/pytest $(SPARK_TESTS) tests/spark

fuzz: env ## Read 400 drawn files, valid and spoilt; FUZZ_SEED=N draws others
	FUZZ_SEED=$(FUZZ_SEED) $(PYTEST) tests/long/fuzz

chaos: env ## Kill commands, and count what survives; takes an hour; CHAOS="--only purge --trials 2" tries less
	.venv/bin/python -m tests.long.chaos $(CHAOS)

compare: env ## Compare the tables that two commits publish, on the sample and with gaps: BEFORE=main, AFTER=HEAD; COMPARE="--all" takes longer
	.venv/bin/python -m deploy.dev.compare_commits $(BEFORE) $(AFTER) $(COMPARE)

lint: lint-python lint-sql ## Lock file, format, lint, types, SQL, contracts, dbt without deprecations; -j2 does two at a time

lint-python: env
	$(UV) lock --check --quiet
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	for contract in expectations/*.odcs.yaml; do .venv/bin/datacontract lint "$$contract" || exit 1; done

lint-sql: env
	mkdir -p .lint
	cd dbt && $(LINT_DBT) ../.venv/bin/dbt --quiet parse --no-partial-parse --warn-error-options '{"error": ["Deprecations"]}'
	cd dbt && $(LINT_DBT) ../.venv/bin/sqlfluff lint --processes 2 models tests

bench: env ## Measure CPU seconds and memory of commands, AGAINST another checkout: SIZE=S|1Y|2Y|5Y|M|L, ROUNDS=5
	.venv/bin/python -m tests.long.benchmark --size $(SIZE) --rounds $(ROUNDS) $(if $(AGAINST),--against "$(AGAINST)") $(BENCH)

docs: env ## Write the dbt documentation of all models and columns as one page, data/dbt/static_index.html
	$(FCIR) docs

sbom: env ## Write the bill of materials, data/sbom.cdx.json (CycloneDX), with the licence of every package
	$(UV) sync --locked --quiet --inexact --group sbom
	UV_PROJECT_ENVIRONMENT=.venv-product $(UV) sync --locked --quiet --no-dev --extra spark --python $(PYTHON)
	@mkdir -p data
	.venv/bin/cyclonedx-py environment .venv-product/bin/python --pyproject pyproject.toml --output-reproducible --output-file data/sbom.cdx.json

# Up to the files that the numerator was counted from.
TRACED = calls_999.pct_not_answered 2023-01
pictures: env ## Write docs/sample/: the sample's board paper, and the pictures of the README
	FCIR_HOME=.pictures $(FCIR) sample --if-empty
	FCIR_HOME=.pictures $(FCIR) run
	cp .pictures/published/current/board_paper.pdf docs/sample/
	{ echo '$$ fcir trace $(TRACED)'; FCIR_HOME=.pictures $(FCIR) trace $(TRACED) | grep -v ^Published | head -n 24; } \
		| .venv/bin/python -m dagster_project.tools.pictures

kept-pages: env ## Write tests/golden/pages/: what the pages say, after a change that is wanted
	.venv/bin/pytest tests/golden/test_kept_pages.py --keep-pages

notebook: env ## Open a notebook on the current publication, docs/notebooks/explore.py or NOTEBOOK=FILE
	MARIMO_SKIP_UPDATE_CHECK=1 .venv/bin/marimo edit "$(NOTEBOOK)"

ui: env ## Dagster web server and daemon on http://127.0.0.1:3000, nightly schedule on
	@$(FCIR) ui

clean: ## Remove the environment and tool caches; data stay
	rm -rf .venv .venv-spark .venv-product .uv .lint .pages .pictures .mypy_cache .ruff_cache .pytest_cache .hypothesis
