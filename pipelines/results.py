"""docs/results.md and its figures, from the files of the last run. No stage: the page is kept in Git."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from fer.comparison import open_models
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation import confusion
from fer.figures.mistakes import mistakes_sheet
from fer.figures.training import confusion_matrix
from fer.files import write_text
from fer.outputs import ModelFolder
from fer.params import load_params
from fer.results import confusion_name, read_json, results_page
from fer.slices import confident_mistakes, ferplus_votes, slice_table, slices_of_test
from pipelines import compare, ensemble, explore, ingest, validate
from pipelines.models import MODELS

PAGE = Path("docs/results.md")
IMAGES = Path("docs/images")
#: Faces on the sheet of mistakes.
MISTAKES = 21
FIGURES = (
    explore.FOLDER / "class_distribution.png",
    explore.FOLDER / "average_faces.png",
    explore.FOLDER / "contrast_images.png",
    compare.FIGURE,
    compare.SAMPLES,
)


def results() -> None:
    """Write the page and copy its figures.

    Raises:
        UserError: where a stage has not run yet.
    """
    dataset = FaceDataset.load(ingest.DATASET)
    params = load_params()
    folders = open_models(MODELS, params.train.architectures, dataset)
    target = IMAGES / dataset.name.lower().replace(" ", "-")
    target.mkdir(parents=True, exist_ok=True)
    try:
        for figure in FIGURES:
            shutil.copyfile(figure, target / figure.name)
        page = results_page(
            dataset,
            read_json(ingest.REPORT),
            read_json(validate.SUMMARY),
            folders,
            pd.read_csv(compare.TABLE),
            read_json(ensemble.SUMMARY),
            slice_table(folders, slices_of_test(dataset), params.compare),
            target.relative_to(PAGE.parent).as_posix(),
        )
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; run dvc repro first") from error
    for folder in folders:
        labels, probabilities = folder.scored("test")
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        title = f"{folder.run['title']} on {dataset.name}, test"
        confusion_matrix(matrix, folder.classes, title, target / confusion_name(folder))
    draw_mistakes(folders, dataset, target / "mistakes.png")
    write_text(PAGE, page)
    print(f"results: {PAGE}")


def draw_mistakes(folders: list[ModelFolder], dataset: FaceDataset, path: Path) -> None:
    """The most confident mistakes of the model with the best validation macro-F1."""
    best = max(folders, key=lambda folder: folder.metrics["validation.macro_f1"])
    mistakes = confident_mistakes(best, MISTAKES)
    rows = mistakes["row"].to_numpy()
    votes = ferplus_votes(dataset.table.loc[rows])
    title = f"The {len(rows)} most confident mistakes of {best.run['title']} on {dataset.name}, test"
    mistakes_sheet(np.asarray(dataset.images[rows]), mistakes, None if votes.empty else votes, title, path)
