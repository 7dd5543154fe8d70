"""Trainings that differ from an architecture's own in one thing. No stage: they are repeated by hand, one at a time."""

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.errors import UserError
from fer.params import load_params
from pipelines import environment, paths
from pipelines.jobs import make_job


@flow(flow_run_name="ablate {name} {architecture}")
def ablate(name: str, architecture: str) -> None:
    """Train an architecture with one change of ``ablations.changes`` in params.yaml.

    Raises:
        UserError: for an unknown change or architecture, or a change that changes nothing.
    """
    params = load_params()
    params.recipe(architecture, "architectures")
    changed = params.ablated(name, architecture)
    dataset = FaceDataset.load(paths.DATASET) if changed.data == params.data else build_dataset(changed.data)[0]
    job = make_job(changed, dataset, architecture)
    if changed.data == params.data and job == make_job(params, dataset, architecture):
        raise UserError(
            f"params.yaml: ablations.changes.{name}: changes nothing of {architecture}'s recipe {params.train.recipe!r}"
        )
    # Keras takes seconds to start, too long to wait for a mistake's message.
    with environment.quiet_start():
        from pipelines.train import train_job

    command, folder = ["ablate", name, architecture], paths.ABLATIONS / architecture / name
    train_job(changed, dataset, job, f"{architecture}_{name}", folder, command)
