"""A verdict as a run in MLflow, beside the trainings."""

from collections.abc import Sequence
from pathlib import Path

from mlflow.entities import Metric
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.time import get_current_time_millis

from fer.monitoring.verdict import Verdict
from fer.store import Store

#: The tag of these runs, by which MLflow's table is filtered, and its value.
KIND_TAG, KIND = "kind", "monitor"


def log_verdict(store: Store, verdict: Verdict, files: Sequence[Path]) -> str:
    """Write a run for a verdict, with files.

    Returns:
        The run's id.

    Raises:
        UserError: where the store fails.
    """
    tags = {KIND_TAG: KIND, "model": verdict.model, "drifted": ", ".join(verdict.drifted) or "none"}
    tags |= {"since": verdict.since, "until": verdict.until}
    with store.told(OSError):
        client, now = store.client, get_current_time_millis()
        run = client.create_run(store.experiment_id, tags=resolve_tags(tags), run_name=f"monitor {verdict.until[:16]}")
        client.log_batch(run.info.run_id, [Metric(name, value, now, 0) for name, value in verdict.metrics().items()])
        for path in files:
            client.log_artifact(run.info.run_id, str(path))
        client.set_terminated(run.info.run_id)
    return str(run.info.run_id)
