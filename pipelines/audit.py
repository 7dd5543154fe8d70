"""The audit of the data set: its book, tables and figures in reports/data. No stage: nothing is trained on it."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fer.audit.book.book import Models, make_book
from fer.audit.book.write import PAGE, write_book
from fer.audit.correction_page import correction_page
from fer.audit.effects import accuracies, parts_of_test
from fer.audit.page import ACCURACY, PARTS, SUMMARY, audit_page
from fer.audit.progress import Steps, bars
from fer.audit.run import Audit
from fer.audit.run import audit as audit_dataset
from fer.audit.segments import describing, unlike_others, weak_parts
from fer.data.corrections import read_corrections
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split
from fer.files import replace_file, write_text
from fer.inference.classifier import BATCH, CARD_FILE, MODEL_FILE, PACKAGE, Card, packaged_models
from fer.inference.detection import open_detector
from fer.inference.runtime import onnx_predict
from fer.params import load_params
from fer.report.results import slug
from fer.sections import Compare
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
    records = paths.RECORDS / slug(dataset) / "audit"
    with bars() as progress:
        found = audit_dataset(dataset, params.data.seed, finder, progress)
        kept = kept_models(dataset)
        predictions = {model.name: model.scored(Split.TEST)[1] for model in kept}
        at_hand = models_at_hand(dataset, kept)
        served = answers_of({name: at_hand[name] for name in at_hand.keys() - predictions}, dataset, progress("models"))
        write(dataset, found, effects(dataset, found, served | predictions, params.compare))
        weak = weaknesses(dataset, found, predictions, params.compare)
        write_text(paths.AUDIT / PARTS, weak.to_csv(index=False, float_format="%.6g"))
        models = Models(predictions, at_hand)
        book = make_book(dataset, found, models, records, params.compare, params.data.seed, progress)
        write_book(book, paths.AUDIT, progress("figures"))
    if page:
        keep(records)
    near, labels = found.summary["near"], found.summary["labels"]
    print(
        f"audit: {dataset.name} {dataset.fingerprint}: {near['pairs']} pairs of near copies, "
        f"{sum(near['evaluation_images_near_train'].values())} validation and test images among them that train holds, "
        f"{labels['doubtful']} doubtful labels; open {paths.AUDIT / PAGE}"
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


def kept_models(dataset: FaceDataset) -> list[ModelFolder]:
    """Models of this data set whose predictions are here or in the records, best first; of one name the one here."""
    places = [*paths.MODELS.glob("*/run.json"), *paths.DISTILLED.glob("*/run.json")]
    places += (paths.RECORDS / slug(dataset) / "models").glob("*/run.json")
    models: dict[str, ModelFolder] = {}
    for place in places:
        model = ModelFolder(place.parent)
        if model.run.fingerprint == dataset.fingerprint:
            models.setdefault(model.name, model)
    return sorted(models.values(), key=lambda model: (-model.metrics[SCORE], model.name))


def models_at_hand(dataset: FaceDataset, kept: list[ModelFolder]) -> dict[str, Path]:
    """ONNX files by name of the models of this data set: the champion, those trained here, and those of the package."""
    cards = {"champion": paths.CHAMPION} | {f"released {name}": PACKAGE / name for name in packaged_models()}
    served = {name: folder for name, folder in cards.items() if (folder / CARD_FILE).is_file()}
    found = {
        name: folder / MODEL_FILE
        for name, folder in served.items()
        if Card.load(folder).fingerprint == dataset.fingerprint
    }
    return found | {model.name: model.onnx for model in kept if model.onnx.is_file()}


def answers_of(models: Mapping[str, Path], dataset: FaceDataset, steps: Steps) -> dict[str, np.ndarray]:
    """What ONNX files say of the test split: probabilities ``[N, C]`` by name, in the order of the names."""
    faces, answers = np.asarray(dataset.images[dataset.rows("test")]), {}
    for number, name in enumerate(sorted(models)):
        answers[name] = onnx_predict(models[name], faces, BATCH)
        steps(number + 1, len(models))
    return answers


def effects(
    dataset: FaceDataset, found: Audit, predictions: Mapping[str, np.ndarray], settings: Compare
) -> pd.DataFrame:
    """Accuracy of models on parts of the test split; of each its probabilities there."""
    labels = dataset.labels[dataset.rows("test")]
    return accuracies(labels, predictions, parts_of_test(dataset, found.table), settings.bootstrap, settings.seed)


def weaknesses(
    dataset: FaceDataset, found: Audit, predictions: Mapping[str, np.ndarray], settings: Compare
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
    write_text(paths.AUDIT / DOUBTFUL, rows.to_csv(index=False, float_format="%.4f"))
    write_text(paths.AUDIT / "doubtful_labels.html", correction_page(dataset, doubtful))


def keep(records: Path) -> None:
    """The figures, and the page of all that is kept of this audit."""
    for name in (SUMMARY, ACCURACY, PARTS):
        write_text(records / name, (paths.AUDIT / name).read_text(encoding="utf-8"))
    link = records.relative_to(paths.AUDIT_PAGE.parent).as_posix()
    write_text(paths.AUDIT_PAGE, audit_page(records, link))
