"""The environment that every stage and tool of this project runs in."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from fer.errors import UserError, did_you_mean
from pipelines import paths

#: Architectures that train at the same time at most.
MOST_WORKERS = 8

#: Backends of Keras that train; TensorFlow writes ONNX too.
BACKENDS = ("tensorflow", "jax", "torch")
#: The one that writes ONNX.
EXPORTER = "tensorflow"

TELEMETRY_OFF = {
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",  # Evidently's and others'
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "GX_ANALYTICS_ENABLED": "false",
    "ORT_DISABLE_TELEMETRY": "1",
}


def defaults() -> dict[str, str]:
    """Variables with the values that they take where the user has not set them."""
    state = paths.STATE.absolute()
    return TELEMETRY_OFF | {
        "PREFECT_HOME": str(state / "prefect"),
        "BENTOML_HOME": str(state / "bentoml"),
        # DVC unpickles what lies there, and would take /var/tmp/dvc, where every user of the machine may write.
        "DVC_SITE_CACHE_DIR": str(state / "dvc"),
        # Flows print their own lines; the rest is for the Prefect UI, and an error is printed once, by the entry point.
        # A server that this project starts has a level of its own: pipelines/server.py.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # On a loaded machine a writer waits longer for SQLite's lock than Prefect's ten seconds.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        # Kept in memory, who holds the slot of a deployment is forgotten with the server, and the slot stays taken.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # A server that does not answer is named after seconds, not minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        # 2, 4 and 8 seconds: Prefect's own five add up to a minute for each of a run's requests.
        "PREFECT_CLIENT_MAX_RETRIES": "3",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "KERAS_BACKEND": "tensorflow",
        # What JAX and torch need to give the same weights twice on an accelerator.
        "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def prepare() -> None:
    """Set the defaults, and start the interpreter again where its hash seed is not fixed.

    tf2onnx optimises in the order of sets of names; Python reads PYTHONHASHSEED before any code runs.
    """
    # Imports and graphs are a million objects that stay: to look at all of them often is a tenth of a short training.
    gc.set_threshold(100_000, 50, 100)
    # After TensorFlow's import an interpreter's last collections take seconds; what must be closed is closed by then.
    atexit.register(gc.freeze)
    set_defaults()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def set_defaults() -> None:
    """Set what the user has not set, for this process and those that it starts.

    All that the ``retrain`` flow needs, whoever starts it: its stages are processes that fix their own hash seed.
    """
    for name, value in defaults().items():
        os.environ.setdefault(name, value)
    # A proxy of the user's is not for the servers of this machine.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if "127.0.0.1" not in direct:
        direct = ",".join(filter(None, [direct, "127.0.0.1,localhost"]))
        os.environ |= {"no_proxy": direct, "NO_PROXY": direct}
    # dvc.yaml's commands say python: this environment's, activated or not.
    binaries, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != binaries:
        os.environ["PATH"] = os.pathsep.join([binaries, path])
    for name in ("PREFECT_HOME", "BENTOML_HOME"):
        Path(os.environ[name]).mkdir(parents=True, exist_ok=True)
    Path(os.environ["DVC_SITE_CACHE_DIR"]).mkdir(mode=0o700, parents=True, exist_ok=True)


def check_backend() -> None:
    """That Keras has the backend that ``KERAS_BACKEND`` names.

    Raises:
        UserError: for an unknown one, or one that is not installed.
    """
    backend = os.environ["KERAS_BACKEND"]
    if backend not in BACKENDS:
        raise UserError(f"KERAS_BACKEND: unknown backend {backend!r}{did_you_mean(backend, BACKENDS)}")
    if find_spec(backend) is None:
        raise UserError(
            f"KERAS_BACKEND: {backend} is not installed here; install it, or set KERAS_BACKEND to one of "
            f"{', '.join(name for name in BACKENDS if find_spec(name)) or 'those that you install'}"
        )


def check_exporter() -> None:
    """That Keras has the backend that writes ONNX.

    Raises:
        UserError: where it has another.
    """
    if os.environ["KERAS_BACKEND"] != EXPORTER:
        raise UserError(f"KERAS_BACKEND: ONNX is written by {EXPORTER}; leave the variable out")


@contextmanager
def quiet_start() -> Iterator[None]:
    """Silence what TensorFlow's C++ writes to the error stream while it is imported, whatever its log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
