# One .venv beside this file; every target works on a fresh clone.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test setup lint audit kafka lock pictures clean

demo: setup  ## the main job, end to end, on this machine: page on http://127.0.0.1:8080
	$(BIN)/foremend demo

test: setup lint  ## lint, types, import contract and every test
	$(BIN)/pytest

setup: $(VENV)/.ready  ## .venv with pinned, hash-checked dependencies and the foremend command

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m foremend.jobs.kernels  # compiles numba kernels here, about half a minute, not at the first start
	touch $@

lint: setup  ## ruff, mypy and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup  ## known vulnerabilities of the pinned packages; says so where nobody can be asked
	$(BIN)/python .ci/audit.py

kafka:  ## Apache Kafka on 127.0.0.1:9092 until Ctrl-C, brought by Maven (needs Java 17 and Maven)
	deploy/kafka/run

lock:  ## renew requirements.lock from pyproject.toml (needs uv on the PATH)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --quiet -o requirements.lock

pictures: setup  ## the README's picture and the figures in docs, made anew
	$(BIN)/python docs/pictures.py docs/images/console.png
	$(BIN)/python -m simulators.figures --out docs/figures/simulators

clean:
	rm -rf $(VENV) var
	find . -name '*.nb[ic]' -delete  # compiled kernels
