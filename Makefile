# make run    the whole pipeline, from data to a served champion
# make test   style, types and the tests; make test-fast: those that start no server and no pipeline
# make test-nightly    the tests that take minutes each: bad days, rebuilds, other machines, the rehearsal
# make mlflow | prefect | serve    the tools, each says its address
# make rehearsal    drift, alarm, retrain, gates, a swap under load and a rollback, step by step, in a folder of its own
# make docs   the docs site, in build/site; make audit-lock: what is known against the locked versions

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 3
# A file at a time, in the order of tests/conftest.py: the longest first.
PROCESSES := -n 2 --dist loadfile --no-loadscope-reorder
# Two processes for two cores: threads of theirs would wait for each other, and a third process takes more than it gives.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 $(BIN)/pytest $(PROCESSES)
# What a backend can break.
JAX_TESTS := tests/pipeline/test_jax.py tests/unit/training/test_batches.py \
    tests/unit/training/test_optimizer.py::test_gradients_are_taken_ahead_of_the_weights_along_their_momentum \
    tests/unit/models/test_normalization.py::test_statistics_are_estimated_as_plain_means_over_batches \
    tests/unit/portable/test_train.py::test_without_random_changes_it_is_the_training_of_fit \
    tests/unit/portable/test_portable_views.py

# Python keeps the bytecode of what is imported: 165 MB, where all of it is 440. The installation imports it once, as
# three trainings that start together would each compile it.
export PYTHONDONTWRITEBYTECODE :=
IMPORTED := pipelines.train pipelines.validate pipelines.promote dvc.cli prefect.server.api.server

# Types are checked beside the tests, and in CI JAX's tests too.
MAKEFLAGS += --jobs=3

.PHONY: run test style types tests test-fast test-nightly test-jax test-scale mlflow prefect serve rehearsal lock lock-tools docs audit-lock

run: .venv/installed
	@$(BIN)/python -m pipelines retrain --workers $(WORKERS)
	@echo
	@echo "Next:  make mlflow   compare the runs          make prefect  the flows, task by task"
	@echo "       make serve    the champion's service    reports/      tables, figures, data docs"

test: types tests

style: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: style
	$(BIN)/mypy

tests: style
	$(PYTEST) -m "not nightly"

test-fast: .venv/tested
	$(PYTEST) -m "not slow"

test-nightly: .venv/tested
	$(PYTEST) -m nightly

# The second backend: JAX beside the packages of .venv.
test-jax: .venv-jax/installed
	KERAS_BACKEND=jax .venv-jax/bin/python -m pytest $(PROCESSES) $(JAX_TESTS)

# Several machines as processes (docs/scale.md); PostgreSQL is Debian's package postgresql.
test-scale: .venv-scale/installed
	.venv-scale/bin/python -m pytest tests/pipeline/test_two_workers.py

mlflow prefect serve: .venv/installed
	@$(BIN)/python -m pipelines $@

rehearsal: .venv/tested
	@$(BIN)/pytest --quiet --capture=no tests/pipeline/test_rehearsal.py

# Pages, pictures and files that they link to, as they lie in the repository; a link that leads nowhere is an error.
docs: .venv-tools/installed
	@rm -rf build/docs && mkdir -p build/docs
	@git ls-files -z --cached --others --exclude-standard '*.md' docs prefect.yaml fer/delivery/gates.py tests/pipeline/test_bad_days.py | tar -c --null -T - | tar -x -C build/docs
	NO_MKDOCS_2_WARNING=1 .venv-tools/bin/mkdocs build --strict
	@echo "Open build/site/index.html"

# diskcache (CVE-2025-69872) comes with DVC and has no fixed version: docs/operations.md says what is done about it.
audit-lock: .venv-tools/installed
	.venv-tools/bin/pip-audit --strict --disable-pip --require-hashes --ignore-vuln CVE-2025-69872 \
	    $(addprefix -r ,$(wildcard requirements*.lock))

# After an edit of pyproject.toml's dependencies; needs uv. TensorFlow never imports libclang (61 MB), nor what we use of
# Evidently statsmodels and faker (60 MB); servers are tested on the event loop that there is without Evidently's uvloop.
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-annotate --no-header
BESIDE := -c requirements.lock $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u)
lock:
	$(LOCK) pyproject.toml --extra serving --extra training -o requirements.lock \
	    $(addprefix --no-emit-package ,libclang statsmodels patsy faker uvloop httptools)
	$(LOCK) pyproject.toml --extra dev -o requirements-dev.lock $(BESIDE)
	sed -n 's/^opencv-python-headless==\([^ ]*\).*/opencv-python==\1/p' requirements.lock | $(LOCK) --no-deps - \
	    -o requirements-window.lock
	echo 'jax>=0.10 ; sys_platform == "linux"' | $(LOCK) - -o requirements-jax.lock $(BESIDE)
	printf '%s\n' '.[scale]' 'moto[s3]>=5.2' | $(LOCK) - -o requirements-scale.lock \
	    --no-emit-package fer-pipeline $(BESIDE)

lock: lock-tools
lock-tools:
	printf '%s\n' 'mkdocs-material>=9.7,<10' 'pip-audit>=2.10' | $(LOCK) - -o requirements-tools.lock

.venv/installed: requirements.lock requirements-window.lock pyproject.toml
	@echo "Installing into .venv (a few minutes, once)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "Python 3.11 to 3.13 is needed; say which: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv .venv
	@# Two halves at a time: unpacking takes a core. The three packages of MLflow hold the same files: they stay together.
	@awk '/^[^ ]/ && !/^mlflow-/ { half = 1 - half } { print > (".venv/half-" half) }' requirements.lock
	@printf '%s\n' .venv/half-0 .venv/half-1 | xargs -P 2 -n 1 $(BIN)/python -m pip install --quiet \
	    --disable-pip-version-check --no-compile --no-deps --require-hashes -r
	@rm .venv/half-0 .venv/half-1
	@# Headers are for those who compile operations of their own, the libraries' tests for their makers: 400 MB.
	@cd "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && \
	    rm -rf tensorflow/include pyarrow/include onnx/backend/test && \
	    find matplotlib numpy pandas pyarrow scipy sklearn -type d -name tests -prune -exec rm -rf {} +
	@# The lock's OpenCV opens no windows and runs anywhere; where there is libGL the one with windows takes its place.
	@if $(BIN)/python -c 'import ctypes, sys; sys.platform == "linux" and [ctypes.CDLL(f"lib{name}") for name in ("GL.so.1", "gthread-2.0.so.0")]' 2>/dev/null; then \
	    $(BIN)/python -m pip install --quiet --require-hashes --no-deps --no-compile --force-reinstall -r requirements-window.lock && \
	    rm -rf .venv/lib/python3*/site-packages/opencv_python_headless.libs; \
	else echo "No libGL here: fer webcam opens no window, and can only write files"; fi
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@for module in $(IMPORTED); do $(BIN)/python -c "import $$module" 2>/dev/null || true; done
	@touch $@

.venv/tested: .venv/installed requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	    --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Packages beside those of .venv.
.venv-jax/installed .venv-scale/installed: .venv-%/installed: .venv/tested requirements-%.lock
	@$(BIN)/python -m venv --clear --without-pip .venv-$*
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	    > $$(.venv-$*/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth
	@$(BIN)/python -m pip --python .venv-$*/bin/python install --quiet --disable-pip-version-check --no-compile \
	    --no-deps --require-hashes -r requirements-$*.lock
	@touch $@

# The tools that look at the project from outside, apart from what it runs with.
.venv-tools/installed: requirements-tools.lock
	@$(PYTHON) -m venv --clear .venv-tools
	@.venv-tools/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
	    --no-deps --require-hashes -r requirements-tools.lock
	@touch $@
