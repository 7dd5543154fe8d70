"""The project's tools, opened on its own state, each with its address."""

import os
import sys
import time

from fer.params import load_params
from pipelines import paths
from pipelines.ports import require_port

PREFECT_PORT, MLFLOW_PORT, SERVICE_PORT = 4200, 5000, 3000


def prefect() -> None:
    """The Prefect UI on the runs of this project, until interrupted."""
    from pipelines.server import running_server  # Prefect, which the other tools do without

    with running_server(PREFECT_PORT) as url:
        print(f"Prefect UI: {url.removesuffix('/api')} (stop with Ctrl-C)", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print()


def mlflow() -> None:
    """The MLflow comparison of this project's runs, until interrupted."""
    from fer.store import Store  # MLflow, which the other tools do without

    # It says what is wrong with the store, and corrects the addresses of a project that was moved.
    # Without "runs" it opens on an overview of chats and traces, which are none here.
    page = f"/#/experiments/{Store(load_params().tracking).experiment_id}/runs"
    uri = load_params().tracking.address
    if uri.startswith("http"):
        print(f"MLflow: {uri.rstrip('/')}{page} (the server that is configured)")
        return
    require_port(MLFLOW_PORT, "mlflow")
    print(f"MLflow: http://127.0.0.1:{MLFLOW_PORT}{page} (stop with Ctrl-C)", flush=True)
    # Not as an argument: it may hold a password, and every user of the machine sees arguments.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    _become("mlflow", "server", "--host", "127.0.0.1", "--port", str(MLFLOW_PORT))


def serve() -> None:
    """``fer serve`` in the project's folder, until interrupted; what it predicts is kept for those who look for drift.

    Raises:
        UserError: where the champion is damaged, or the port is taken.
    """
    from fer.commands.serve import serve

    os.environ.setdefault("FER_SERVE_MONITOR", str(paths.MONITORING))
    serve(port=SERVICE_PORT)


def _become(tool: str, *arguments: str) -> None:
    """Replace this process by a tool of this environment."""
    os.execv(sys.executable, [sys.executable, "-m", tool, *arguments])
