# make run    the whole pipeline, from data to a served champion
# make test   style, types and every test
# make mlflow | prefect | serve    the tools, each says its address

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 3

.PHONY: run test mlflow prefect serve lock

run: .venv/installed
	@$(BIN)/python -m pipelines retrain --workers $(WORKERS)
	@echo
	@echo "Next:  make mlflow   compare the runs          make prefect  the flows, task by task"
	@echo "       make serve    the champion's service    reports/      tables, figures, data docs"

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile

mlflow prefect serve: .venv/installed
	@$(BIN)/python -m pipelines $@

# After an edit of pyproject.toml's dependencies; needs uv.
lock:
	uv pip compile pyproject.toml --extra serving --extra training --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock

.venv/installed: requirements.lock requirements-headless.lock pyproject.toml
	@echo "Installing into .venv (a few minutes, once)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "Python 3.11 to 3.13 is needed; say which: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	    echo "No libGL here: OpenCV is installed without windows, and the webcam client can only write files"; \
	    $(BIN)/python -m pip install --quiet --require-hashes --no-deps --force-reinstall -r requirements-headless.lock; }
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
