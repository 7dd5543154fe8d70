"""docs/results.md and its figures, from what is kept of every model. No stage: page and records are kept in Git."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer.ablations import ablation_table, finished_ablations
from fer.abstention import abstention_table
from fer.comparison import comparison_table, intervals
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
from pipelines.models import ABLATIONS, all_models

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
        UserError: where a stage has not run yet, or something was kept of trainings on other data.
    """
    dataset = FaceDataset.load(ingest.DATASET)
    params = load_params()
    here = all_models(params, dataset)
    records = RECORDS / slug(dataset)
    keep_all(here, records)
    folders = kept_models(records / "models", dataset)
    target = IMAGES / slug(dataset)
    target.mkdir(parents=True, exist_ok=True)
    FACES.mkdir(parents=True, exist_ok=True)
    try:
        for figure in FIGURES:
            shutil.copyfile(figure, target / figure.name)
        table = comparison(folders, params)
        page = results_page(
            dataset,
            read_json(ingest.REPORT),
            read_json(validate.SUMMARY),
            folders,
            table,
            ensemble(folders, params),
            slice_table(folders, slices_of_test(dataset), params.compare),
            abstention_table(folders, params.promote.certain_precision),
            ablations(params, folders, records / "ablations"),
            target.relative_to(PAGE.parent).as_posix(),
            records.relative_to(PAGE.parent).as_posix(),
            FACES.as_posix(),
        )
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; run dvc repro first") from error
    faces = params.compare.sample_faces
    compare.draw_figures(table, folders, dataset, faces, target / compare.FIGURE.name, FACES / compare.SAMPLES.name)
    for folder in folders:
        labels, probabilities = folder.scored("test")
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        title = f"{folder.run['title']} on {dataset.name}, test"
        confusion_matrix(matrix, folder.classes, title, target / confusion_name(folder))
    draw_mistakes(folders[0], dataset, FACES / "mistakes.png")
    draw_saliency(best_first(here)[0], dataset, FACES / "saliency.png")
    write_text(PAGE, page)
    print(f"results: {PAGE}")


def slug(dataset: FaceDataset) -> str:
    """The data set's name as a folder's."""
    return dataset.name.lower().replace(" ", "-")


def keep_all(here: list[ModelFolder], records: Path) -> None:
    """Keep the models and the finished ablations of this machine."""
    for folder in here:
        keep(folder, records / "models" / folder.name)
    for path in sorted(ABLATIONS.glob("*/run.json")):
        keep(ModelFolder(path.parent), records / "ablations" / path.parent.name)


def comparison(folders: list[ModelFolder], params: Params) -> pd.DataFrame:
    """The comparison of all that is kept, with latency where this machine's last comparison measured it."""
    measured = pd.read_csv(compare.TABLE).set_index("model")["latency_ms"]
    table = comparison_table(folders, params.compare)
    return table.assign(latency_ms=table["model"].map(measured))


def ensemble(folders: list[ModelFolder], params: Params) -> dict[str, Any]:
    """Weights and metrics, with intervals, of the ensemble of all that is kept, students aside."""
    chosen = build_ensemble([folder for folder in folders if folder.job.teacher is None])
    ends = intervals(chosen.predictions, folders[0].classes, params.compare)
    return {"weights": chosen.weights, "metrics": chosen.metrics | ends}


def ablations(params: Params, folders: list[ModelFolder], records: Path) -> pd.DataFrame:
    """The table of ablations, empty where their architecture was not trained."""
    trained = [folder for folder in folders if folder.job.architecture == params.ablations.architecture]
    own = next((folder for folder in trained if folder.job.teacher is None), None)
    student = next((folder for folder in trained if folder.job.teacher), None)
    if own is None:
        if records.is_dir():
            print(f"results: no ablations: they belong to {params.ablations.architecture}, which was not trained")
        return pd.DataFrame()
    return ablation_table(finished_ablations(params, own, student, records), params.compare)


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
