"""Trainings of another machine turned into models of this project. No stage: they are asked for by hand."""

from pathlib import Path

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.params import load_params
from fer.portable.adoption import adopted_jobs, job_of, restored
from fer.portable.pieces import read_results
from pipelines import paths
from pipelines.reporting import say
from pipelines.tracking import open_tracker
from pipelines.train import log, save


@flow(flow_run_name="adopt {folder}")
def adopt(folder: Path) -> None:
    """Write every finished job of a folder of results as a training of this project, with its run in MLflow.

    Raises:
        UserError: where the results are damaged or of other data, before anything is written; where a model's place
            holds another training.
    """
    params, dataset = load_params(), FaceDataset.load(paths.DATASET)
    results = read_results(folder)
    jobs = adopted_jobs(folder, results, dataset, say)
    for packed, finished in jobs:
        former = ModelFolder(Path(packed.home))
        key = job_of(packed, finished, results, dataset).key
        if (former.path / "run.json").is_file() and former.run.job != key:
            raise UserError(
                f"{former.path}: holds another training than {packed.name}; keep it with python -m pipelines results, "
                "then remove it, and adopt again"
            )
    tracker = open_tracker(params.tracking)
    for packed, finished in jobs:
        job = job_of(packed, finished, results, dataset)
        trained = restored(packed, finished, dataset)
        model = save(Path(packed.home), dataset, job, trained, results["machine"]["software"])
        log(tracker, job, job.name, finished.progress, model, dataset)
        scores = model.metrics
        say(
            f"adopt: {packed.name}: {model.path}, epoch {model.run.best_epoch} kept, validation accuracy "
            f"{scores['validation.accuracy']:.3f}, macro-F1 {scores['validation.macro_f1']:.3f}"
        )
    tracker.stop_monitors()
    stages = {"models": "train", "distilled": "distill"}
    commit = [f"{stages[top]}@{Path(p.home).name}" for p, _ in jobs if (top := Path(p.home).parts[0]) in stages]
    if commit:
        say(f"adopt: so that dvc repro does not train them again: dvc commit -f {' '.join(commit)}")
