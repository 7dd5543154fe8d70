"""An architecture trained by a seed of its own. No stage: the DAG trains each by one seed."""

from dataclasses import replace

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.params import load_params
from pipelines import environment, paths
from pipelines.jobs import make_job


@flow(flow_run_name="repeat {architecture} {seed}")
def repeat(architecture: str, seed: int) -> None:
    """Train an architecture by the chosen recipe and a seed.

    Raises:
        UserError: for an architecture that params.yaml does not have, or where the folder holds another training.
    """
    params = load_params()
    params.recipe(architecture, "architectures")
    dataset = FaceDataset.load(paths.DATASET)
    job = replace(make_job(params, dataset, architecture), seed=seed)
    name = f"{architecture}_{params.train.recipe}_{seed}"
    former = ModelFolder(paths.REPEATS / name)
    if (former.path / "run.json").is_file() and former.run.job != job.key:
        raise UserError(
            f"{former.path}: holds a training on other data or by other settings; run python -m pipelines results with "
            "these, which keeps it, then remove it, or give the recipe a name of its own in params.yaml"
        )
    # Keras takes seconds to start, too long to wait for a mistake's message.
    with environment.quiet_start():
        from pipelines.train import train_job

    train_job(params, dataset, job, name, paths.REPEATS / name, ["repeat", architecture, str(seed)])
