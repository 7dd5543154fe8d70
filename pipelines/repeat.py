"""An architecture's own training by other seeds. No stage: one seed stands for all but a headline."""

from dataclasses import replace

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.params import load_params
from pipelines.ingest import DATASET
from pipelines.models import REPEATS, make_job
from pipelines.train import run


@flow(flow_run_name="repeat {architecture} {seed}")
def repeat(architecture: str, seed: int) -> None:
    """Train an architecture by its recipe and another seed than that of params.yaml.

    Raises:
        UserError: for an unknown architecture, or the very seed of params.yaml.
    """
    params = load_params()
    dataset = FaceDataset.load(DATASET)
    job = make_job(params, dataset, architecture)
    if seed == job.seed:
        raise UserError(
            f"seed {seed}: is train.seed of params.yaml, by which dvc repro trains {architecture}; name another"
        )
    name = f"{architecture}_{seed}"
    run(params, dataset, replace(job, seed=seed), name, REPEATS / name, ["repeat", architecture, str(seed)])
