# One .venv beside this file; every target works on a fresh clone.
# PYTHON: one of your own, else the newest supported one on the PATH (3.11 to 3.14).
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK = uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: demo test setup setup-all setup-dev lint fuzz client audit kafka lock champions pictures clean

demo: setup  ## the main job, end to end, on this machine: page on http://127.0.0.1:8080
	$(BIN)/foremend demo

test: lint $(VENV)-client/.made  ## lint, types, import contract and every test, by one process more than processors
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

setup: $(VENV)/.run  ## .venv with what one machine runs, pinned and hash-checked, and the foremend command

setup-all: $(VENV)/.all  ## the same with Kafka, PostgreSQL and InfluxDB

setup-dev: $(VENV)/.dev  ## the same with everything that tests and tools of developers need

$(VENV)/.python:
	@python="$(PYTHON)"; python="$${python:-$$(.ci/newest-python)}" && "$$python" -m venv $(VENV)
	touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/.python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/python -m foremend.jobs.kernels  # compiles numba kernels here, about half a minute, not at the first start
	touch $@

$(VENV)/.all: $(VENV)/.run requirements-all.lock
	$(PIP) install --require-hashes -r requirements-all.lock
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

lint: setup-dev  ## ruff, mypy and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: setup-dev  ## every route against its description, as every role, on both databases: half an hour
	$(BIN)/python -m benchmarks.fuzz_api --examples 50 --postgresql

client: $(VENV)-client/.made  ## a typed Python client of the API, from docs/openapi.json into client/foremend_client
	PATH="$(CURDIR)/$(VENV)-client/bin:$$PATH" openapi-python-client generate --path docs/openapi.json \
	  --config docs/client.yaml --meta none --output-path client/foremend_client --overwrite --fail-on-warning

$(VENV)-client/.made: requirements-client.lock | $(VENV)/.python  # of its own: it holds typer back
	$(BIN)/python -m venv $(VENV)-client
	$(VENV)-client/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements-client.lock
	touch $@

audit: setup-dev  ## known vulnerabilities of the pinned packages; says so where nobody can be asked
	$(BIN)/python .ci/audit.py

kafka:  ## Apache Kafka on 127.0.0.1:9092 until Ctrl-C, brought by Maven (needs Java 17 and Maven)
	deploy/kafka/run

lock:  ## renew the locks from pyproject.toml (needs uv on the PATH); one for all systems and Pythons
	$(LOCK) --extra dev --upgrade -o requirements-dev.lock
	$(LOCK) --extra kafka --extra influx --extra insights --extra notify --extra oidc --extra postgres --extra sms-cn --constraint requirements-dev.lock --upgrade -o requirements-all.lock
	$(LOCK) --extra notify --constraint requirements-dev.lock --upgrade -o requirements.lock
	echo openapi-python-client | $(subst pyproject.toml --group build,-,$(LOCK)) --upgrade -o requirements-client.lock

champions: setup  ## trained models to come with Foremend, of all eleven that are simulated and can fail: minutes of processor time each
	$(BIN)/python -m foremend.jobs.champions

pictures: setup-dev  ## the pictures of the console and the figures in docs, made anew
	$(BIN)/python docs/pictures.py docs/images
	$(BIN)/python -m simulators.figures --out docs/figures/simulators

clean:
	rm -rf $(VENV) $(VENV)-client client var
	find . -name '*.nb[ic]' -delete  # compiled kernels
