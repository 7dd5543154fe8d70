"""The audit of the data set: tables and figures in reports/data. No stage: nothing is trained on what it finds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from fer.audit.correction_page import correction_page
from fer.audit.effects import accuracies, parts_of_test
from fer.audit.page import ACCURACY, PARTS, SUMMARY, audit_page
from fer.audit.progress import bars
from fer.audit.run import Audit
from fer.audit.run import audit as audit_dataset
from fer.audit.segments import describing, unlike_others, weak_parts
from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.files import replace_file, write_text
from fer.inference.detection import open_detector
from fer.params import Compare, load_params
from fer.report.results import slug
from pipelines import paths


def audit(detector: str | None, page: bool) -> None:
    """Audit data/dataset and write what was found.

    Args:
        detector: finds the face in every image, ``yunet`` or ``cascade``; None for no search, which saves minutes.
        page: keep the figures in docs/records and write docs/data-audit.md.

    Raises:
        UserError: where there is no data set, or the detector cannot be had.
    """
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    finder = open_detector(detector) if detector else None
    with bars() as progress:
        found = audit_dataset(dataset, params.data.seed, finder, progress)
    predictions = kept_predictions(dataset)
    write(dataset, found, effects(dataset, found, predictions, params.compare))
    weak = weaknesses(dataset, found, predictions, params.compare)
    write_text(paths.AUDIT / PARTS, weak.to_csv(index=False, float_format="%.6g"))
    if page:
        keep(paths.RECORDS / slug(dataset) / "audit")
    near, labels = found.summary["near"], found.summary["labels"]
    print(
        f"audit: {dataset.name} {dataset.fingerprint}: {near['pairs']} pairs of near copies, "
        f"{sum(near['evaluation_images_near_train'].values())} validation and test images among them that train holds, "
        f"{labels['doubtful']} doubtful labels; tables in {paths.AUDIT}"
    )


def kept_predictions(dataset: FaceDataset) -> dict[str, np.ndarray]:
    """Probabilities of the test split by the models that are kept of this data set: float ``[N, C]`` by name."""
    folders = sorted((paths.RECORDS / slug(dataset) / "models").glob("*/run.json"))
    models = [ModelFolder(path.parent) for path in folders]
    models = [model for model in models if model.run.fingerprint == dataset.fingerprint]
    return {model.path.name: model.scored(Split.TEST)[1] for model in models}


def effects(dataset: FaceDataset, found: Audit, predictions: dict[str, np.ndarray], settings: Compare) -> pd.DataFrame:
    """Accuracy on parts of the test split."""
    labels = dataset.labels[dataset.rows("test")]
    return accuracies(labels, predictions, parts_of_test(dataset, found.table), settings.bootstrap, settings.seed)


def weaknesses(
    dataset: FaceDataset, found: Audit, predictions: dict[str, np.ndarray], settings: Compare
) -> pd.DataFrame:
    """Parts of the test split in which models err most."""
    rows = dataset.rows("test")
    audited = found.table.loc[rows]
    wrong = {name: values.argmax(axis=1) != dataset.labels[rows] for name, values in predictions.items()}
    group = audited["near_to"].where(audited["near_to"] != "", audited["source_id"]).to_numpy()
    facts = describing(dataset.table.loc[rows], audited)
    return weak_parts(facts, wrong, group, unlike_others(audited), settings)


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
    write_text(paths.AUDIT / "doubtful_labels.csv", rows.to_csv(index=False, float_format="%.4f"))
    write_text(paths.AUDIT / "doubtful_labels.html", correction_page(dataset, doubtful))


def keep(records: Path) -> None:
    """The figures, and the page of all that is kept of this audit."""
    for name in (SUMMARY, ACCURACY, PARTS):
        write_text(records / name, (paths.AUDIT / name).read_text(encoding="utf-8"))
    link = records.relative_to(paths.AUDIT_PAGE.parent).as_posix()
    write_text(paths.AUDIT_PAGE, audit_page(records, link))
