"""docs/results.md and its figures, from the files of the last run. No stage: the page is kept in Git."""

import shutil
from pathlib import Path

import pandas as pd

from fer.comparison import open_models
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation import confusion
from fer.figures.training import confusion_matrix
from fer.files import write_text
from fer.params import load_params
from fer.results import confusion_name, read_json, results_page
from fer.tracking import Tracker
from pipelines import compare, ensemble, explore, ingest, validate
from pipelines.models import MODELS

PAGE = Path("docs/results.md")
IMAGES = Path("docs/images")
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
    tracker = Tracker(params.tracking)
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
            {folder.run["architecture"]: tracker.commit(folder) for folder in folders},
            target.relative_to(PAGE.parent).as_posix(),
        )
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; run dvc repro first") from error
    for folder in folders:
        labels, probabilities = folder.scored("test")
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        title = f"{folder.run['title']} on {dataset.name}, test"
        confusion_matrix(matrix, folder.classes, title, target / confusion_name(folder))
    write_text(PAGE, page)
    print(f"results: {PAGE}")
