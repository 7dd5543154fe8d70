"""The audit of the data set: tables and figures in reports/data. No stage: nothing is trained on what it finds."""

import json
from pathlib import Path

import pandas as pd

from fer.audit.correction_page import correction_page
from fer.audit.effects import accuracies, parts_of_test
from fer.audit.page import ACCURACY, SUMMARY, audit_page
from fer.audit.progress import bars
from fer.audit.run import Audit
from fer.audit.run import audit as audit_dataset
from fer.data.corrections import read_corrections
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.files import replace_file, write_text
from fer.inference.detection import open_detector
from fer.params import Compare, load_params
from fer.report.results import slug
from pipelines import paths

#: The doubtful labels, for a person to fill in and for ``data.corrections`` to name.
DOUBTFUL = "doubtful_labels.csv"


def audit(detector: str | None, page: bool) -> None:
    """Audit data/dataset and write what was found.

    Args:
        detector: finds the face in every image, ``yunet`` or ``cascade``; None for no search, which saves minutes.
        page: keep the figures in docs/records and write docs/data-audit.md.

    Raises:
        UserError: where there is no data set, or the detector cannot be had.
    """
    params = load_params()
    keep_decisions(paths.AUDIT / DOUBTFUL)
    dataset = FaceDataset.load(paths.DATASET)
    finder = open_detector(detector) if detector else None
    with bars() as progress:
        found = audit_dataset(dataset, params.data.seed, finder, progress)
    write(dataset, found, effects(dataset, found, params.compare))
    if page:
        keep(paths.RECORDS / slug(dataset) / "audit")
    near, labels = found.summary["near"], found.summary["labels"]
    print(
        f"audit: {dataset.name} {dataset.fingerprint}: {near['pairs']} pairs of near copies, "
        f"{sum(near['evaluation_images_near_train'].values())} validation and test images among them that train holds, "
        f"{labels['doubtful']} doubtful labels; tables in {paths.AUDIT}"
    )


def keep_decisions(doubtful: Path) -> None:
    """That the audit does not overwrite what a person decided.

    Raises:
        UserError: where the file holds decisions.
    """
    if doubtful.is_file() and (count := len(read_corrections(doubtful).rows)):
        raise UserError(
            f"{doubtful}: holds {count} decisions, which the audit would overwrite; move it, such as to "
            "corrections.csv, and name it in data.corrections"
        )


def effects(dataset: FaceDataset, found: Audit, settings: Compare) -> pd.DataFrame:
    """Accuracy on parts of the test split, of the models that are kept of this data set."""
    folders = sorted((paths.RECORDS / slug(dataset) / "models").glob("*/run.json"))
    models = [ModelFolder(path.parent) for path in folders]
    models = [model for model in models if model.run.fingerprint == dataset.fingerprint]
    predictions = {model.path.name: model.scored(Split.TEST)[1] for model in models}
    labels = dataset.labels[dataset.rows("test")]
    return accuracies(labels, predictions, parts_of_test(dataset, found.table), settings.bootstrap, settings.seed)


def write(dataset: FaceDataset, found: Audit, accuracy: pd.DataFrame) -> None:
    """The tables, the figures, and the doubtful labels as a file of corrections and a page to fill it in."""
    with replace_file(paths.AUDIT / "images.parquet") as fresh:
        found.table.to_parquet(fresh, index=False)
    write_text(paths.AUDIT / "near_copies.csv", found.pairs.to_csv(index=False))
    write_text(paths.AUDIT / ACCURACY, accuracy.to_csv(index=False))
    write_text(paths.AUDIT / SUMMARY, json.dumps(found.summary, indent=2, allow_nan=False) + "\n")
    doubtful = found.table[found.table["label_doubtful"]].sort_values("label_quality")
    columns = ["source_id", "sha256", "emotion", "suggested", "suggested_probability", "label_quality", "split"]
    rows = doubtful[columns].assign(correct="")[["source_id", "sha256", "emotion", "correct", *columns[3:]]]
    write_text(paths.AUDIT / DOUBTFUL, rows.to_csv(index=False, float_format="%.4f"))
    write_text(paths.AUDIT / "doubtful_labels.html", correction_page(dataset, doubtful))


def keep(records: Path) -> None:
    """The figures, and the page of all that is kept of this audit."""
    for name in (SUMMARY, ACCURACY):
        write_text(records / name, (paths.AUDIT / name).read_text(encoding="utf-8"))
    link = records.relative_to(paths.AUDIT_PAGE.parent).as_posix()
    write_text(paths.AUDIT_PAGE, audit_page(records, link))
