"""An architecture trained by a seed of its own. No stage: the DAG trains each by one seed."""

from dataclasses import replace

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.params import load_params
from pipelines.ingest import DATASET
from pipelines.models import REPEATS, make_job
from pipelines.train import run


@flow(flow_run_name="repeat {architecture} {seed}")
def repeat(architecture: str, seed: int) -> None:
    """Train an architecture by the chosen recipe and a seed.

    Raises:
        UserError: for an architecture that params.yaml does not have.
    """
    params = load_params()
    params.recipe(architecture, "architectures")
    dataset = FaceDataset.load(DATASET)
    job = replace(make_job(params, dataset, architecture), seed=seed)
    name = f"{architecture}_{params.train.recipe}_{seed}"
    run(params, dataset, job, name, REPEATS / name, ["repeat", architecture, str(seed)])
