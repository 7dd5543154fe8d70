"""docs/results.md and its figures, from what is kept of every model. No stage: page and records are kept in Git."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer.ablations import ablation_table, finished_ablations
from fer.abstention import abstention_table
from fer.comparison import comparison_table, intervals, open_models
from fer.data.dataset import FaceDataset
from fer.ensemble import build_ensemble
from fer.errors import UserError
from fer.evaluation import confusion
from fer.figures.mistakes import mistakes_sheet
from fer.figures.saliency import saliency_sheet
from fer.figures.training import confusion_matrix
from fer.files import read_json, write_text
from fer.outputs import ModelFolder
from fer.params import Params, load_params
from fer.records import best_first, keep, kept_models
from fer.results import confusion_name, results_page
from fer.saliency import occlusion_maps, right_answers
from fer.slices import confident_mistakes, ferplus_votes, slice_table, slices_of_test
from pipelines import compare, explore, ingest, validate
from pipelines.models import ABLATIONS, DISTILLED, MODELS

PAGE = Path("docs/results.md")
IMAGES = Path("docs/images")
#: What is kept of every training, by data set: below ``models``, and of trainings with one change below ``ablations``.
RECORDS = Path("docs/records")
#: Faces on the sheet of mistakes, and of every class on that of saliency.
MISTAKES, SALIENT = 21, 4
FIGURES = (
    explore.FOLDER / "class_distribution.png",
    explore.FOLDER / "average_faces.png",
    explore.FOLDER / "contrast_images.png",
)
#: Figures that show single faces: other people's photographs, which Git must not keep.
FACES = Path("reports/results")


def results() -> None:
    """Keep what was trained here, and write the page of all that is kept.

    Raises:
        UserError: where a stage has not run yet, nothing was trained, or something was kept of trainings on other data.
    """
    dataset = FaceDataset.load(ingest.DATASET)
    params = load_params()
    records = RECORDS / slug(dataset)
    here = trained_here(params, dataset)
    folders = keep_all(here, records / "models", dataset)
    ablations = keep_ablations(params, folders, records / "ablations")
    target = IMAGES / slug(dataset)
    table = comparison(folders, params)
    try:
        page = results_page(
            dataset,
            read_json(ingest.REPORT),
            read_json(validate.SUMMARY),
            folders,
            table,
            ensemble(folders, params),
            slice_table(folders, slices_of_test(dataset), params.compare),
            abstention_table(folders, params.promote.certain_precision),
            ablations,
            target.relative_to(PAGE.parent).as_posix(),
            records.relative_to(PAGE.parent).as_posix(),
            FACES.as_posix(),
        )
        draw_models(folders, table, dataset, params, target)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; run dvc repro first") from error
    draw_mistakes(folders[0], dataset, FACES / "mistakes.png")
    if here:
        draw_saliency(here[0], dataset, FACES / "saliency.png")
    write_text(PAGE, page)
    print(f"results: {PAGE}")


def slug(dataset: FaceDataset) -> str:
    """The data set's name as a folder's."""
    return dataset.name.lower().replace(" ", "-")


def trained_here(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """The architectures and students of ``params`` that this machine has trained, best first."""
    found = []
    for models, names in ((MODELS, params.train.architectures), (DISTILLED, params.distill.students)):
        found += open_models(models, [name for name in names if (models / name / "run.json").is_file()], dataset)
    return best_first(found)


def keep_all(here: list[ModelFolder], records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep the models of this machine, and give all that are kept, best first.

    Raises:
        UserError: where one was trained on other data, before anything is written; where there is none but students.
    """
    before = {folder.name: folder.run["model_sha256"] for folder in kept_models(records, dataset)}
    for folder in here:
        if before.get(folder.name) != folder.run["model_sha256"]:
            print(f"results: {folder.name}: {'replaced' if folder.name in before else 'new'} in {records}")
        keep(folder, records / folder.name)
    folders = kept_models(records, dataset)
    if all(folder.job.teacher for folder in folders):
        raise UserError(f"{records}: no model is kept, and none of train.architectures is trained; run dvc repro first")
    return folders


def comparison(folders: list[ModelFolder], params: Params) -> pd.DataFrame:
    """The comparison of all that is kept, with latency where this machine's last comparison measured the very model."""
    table = comparison_table(folders, params.compare)
    measured = pd.read_csv(compare.TABLE) if compare.TABLE.is_file() else table.assign(latency_ms=float("nan"))
    return table.assign(latency_ms=table["model_sha256"].map(measured.set_index("model_sha256")["latency_ms"]))


def ensemble(folders: list[ModelFolder], params: Params) -> dict[str, Any]:
    """Weights and metrics, with intervals, of the ensemble of all that is kept, students aside."""
    chosen = build_ensemble([folder for folder in folders if folder.job.teacher is None])
    ends = intervals(chosen.predictions, folders[0].classes, params.compare)
    return {"weights": chosen.weights, "metrics": chosen.metrics | ends}


def keep_ablations(params: Params, folders: list[ModelFolder], records: Path) -> pd.DataFrame:
    """Keep this machine's ablations, and give the table of all; empty where their architecture is not among those kept.

    Only what differs from ``params`` in an ablation's change alone counts.
    """
    architecture = params.ablations.architecture
    trained = [folder for folder in folders if folder.job.architecture == architecture]
    own = next((folder for folder in trained if folder.job.teacher is None), None)
    student = next((folder for folder in trained if folder.job.teacher), None)
    if own is None or own.job.recipe != params.recipe(architecture):
        if records.is_dir() or ABLATIONS.is_dir():
            print(f"results: no ablations: {architecture} was not trained by the recipe of params.yaml")
        return pd.DataFrame()
    for ablation in finished_ablations(params, own, None, ABLATIONS)[1:]:
        keep(ablation.folder, records / ablation.folder.path.name)
    return ablation_table(finished_ablations(params, own, student, records), params.compare)


def draw_models(
    folders: list[ModelFolder], table: pd.DataFrame, dataset: FaceDataset, params: Params, target: Path
) -> None:
    """The page's figures into ``target``, and the same faces with every model's answer."""
    for path in (target, FACES):
        path.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        shutil.copyfile(figure, target / figure.name)
    samples = FACES / compare.SAMPLES.name
    compare.draw_figures(table, folders, dataset, params.compare.sample_faces, target / compare.FIGURE.name, samples)
    for old in target.glob("confusion_*.png"):
        old.unlink()
    for folder in folders:
        labels, probabilities = folder.scored("test")
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        title = f"{folder.run['title']} on {dataset.name}, test"
        confusion_matrix(matrix, folder.classes, title, target / confusion_name(folder))


def draw_mistakes(folder: ModelFolder, dataset: FaceDataset, path: Path) -> None:
    """A model's most confident mistakes."""
    mistakes = confident_mistakes(folder, dataset, MISTAKES)
    rows = mistakes["row"].to_numpy()
    votes = ferplus_votes(dataset.table.loc[rows])
    title = f"The {len(rows)} most confident mistakes of {folder.run['title']} on {dataset.name}, test"
    mistakes_sheet(np.asarray(dataset.images[rows]), mistakes, None if votes.empty else votes, title, path)


def draw_saliency(folder: ModelFolder, dataset: FaceDataset, path: Path) -> None:
    """What moved a model's answers to a few faces of every class that it reads rightly."""
    chosen = right_answers(folder, SALIENT)
    faces = np.asarray(dataset.images[chosen["row"].to_numpy()])
    codes = chosen["emotion"].map({name: code for code, name in enumerate(folder.classes)}).to_numpy()
    title = f"What moves the answers of {folder.run['title']} on {dataset.name}, test"
    saliency_sheet(faces, occlusion_maps(folder.onnx, faces, codes), chosen["emotion"], title, path)
