"""docs/results.md and its figures, from what is kept of every model. No stage: page and records are kept in Git."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from fer.data.dataset import FaceDataset
from fer.data.statistics import class_counts
from fer.errors import UserError
from fer.evaluation.abstention import abstention_table
from fer.evaluation.comparison import comparison_table, intervals
from fer.evaluation.ensemble import build_ensemble
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.saliency import occlusion_maps, right_answers
from fer.evaluation.scores import confusion
from fer.evaluation.slices import confident_mistakes, ferplus_votes, slice_table, slices_of_test
from fer.figures.mistakes import mistakes_sheet
from fer.figures.saliency import saliency_sheet
from fer.figures.training import confusion_matrix
from fer.files import read_json, replace_file, write_text
from fer.inference.classifier import RELEASED, Card
from fer.params import Params, load_params
from fer.report.page import confusion_name, results_page
from fer.report.reference_study import beside_deck, is_private_test
from fer.report.seeds import families_of, title_of
from pipelines import compare, paths
from pipelines.records import keep_ablations, keep_all, keep_repeats, trained_here

#: Below them: milliseconds of single faces, of one comparison.
LATENCY = "latency.csv"
#: Faces on the sheet of mistakes, and of every class on that of saliency.
MISTAKES, SALIENT = 21, 4


def results() -> None:
    """Keep what was trained here, and write the page of all that is kept.

    Raises:
        UserError: where a stage has not run yet, nothing was trained, something is damaged or was trained on other
            data, or a second run is at it.
    """
    try:
        with FileLock(paths.STATE / "results.lock", timeout=0):
            write_page()
    except Timeout as error:
        raise UserError(f"{paths.RESULTS_PAGE}: another run is writing it; wait for its end") from error


def write_page() -> None:
    """Records, figures and page, in this order."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    reports = reports_on(dataset)
    records = paths.RECORDS / slug(dataset)
    here = trained_here(params, dataset)
    folders = keep_all(here, records / "models", dataset)
    repeats = keep_repeats(records / "repeats", dataset)
    families = families_of([*folders, *repeats])
    for alone in set(repeats) - {folder for family in families for folder in family}:
        print(f"results: {alone.path}: kept, not shown: no other seed of it is kept, or the same training is")
    ablations = keep_ablations(params, folders, records / "ablations" / params.ablations.architecture)
    target = paths.RESULTS_IMAGES / slug(dataset)
    table = comparison(folders, params, records / LATENCY)
    page = results_page(
        dataset,
        *reports,
        folders,
        table,
        ensemble(folders, families, params),
        beside_deck(folders, params.compare) if is_private_test(dataset) else [],
        slice_table(folders, slices_of_test(dataset), params.compare),
        abstention_table(folders, params.promote.certain_precision),
        families,
        ablations,
        target.relative_to(paths.RESULTS_PAGE.parent).as_posix(),
        records.relative_to(paths.RESULTS_PAGE.parent).as_posix(),
        paths.FACES.as_posix(),
        released_on(dataset),
    )
    draw_models(folders, table, dataset, params, target)
    draw_mistakes(folders[0], dataset, paths.FACES / "mistakes.png")
    if here:
        draw_saliency(here[0], dataset, paths.FACES / "saliency.png")
    write_text(paths.RESULTS_PAGE, page)
    print(f"results: {paths.RESULTS_PAGE}")


def reports_on(dataset: FaceDataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reports of ingest and of the checks.

    Raises:
        UserError: where one of them, or a figure, is missing or of other data.
    """
    ingested, checked = read_json(paths.INGEST_REPORT), read_json(paths.VALIDATION_REPORT)
    for figure in paths.DATA_FIGURES:
        if not figure.is_file():
            raise UserError(f"{figure}: missing; run dvc repro first")
    drawn = pd.read_csv(paths.CLASS_COUNTS)["images"].tolist() if paths.CLASS_COUNTS.is_file() else []
    for path, same in (
        (paths.INGEST_REPORT, ingested.get("dataset", {}).get("counts") == dataset.counts().T.to_dict()),
        (paths.VALIDATION_REPORT, checked.get("fingerprint") == dataset.fingerprint),
        (paths.EXPLORE, drawn == class_counts(dataset)["images"].tolist()),
    ):
        if not same:
            raise UserError(f"{path}: of other data than {paths.DATASET}; run dvc repro")
    return ingested, checked


def released_on(dataset: FaceDataset) -> Card | None:
    """The card of the model in the package, where it was trained on this data set."""
    card = Card.load(RELEASED)
    return card if card.fingerprint == dataset.fingerprint else None


def slug(dataset: FaceDataset) -> str:
    """The data set's name as a folder's: no name leads out of the folders of records and images."""
    return re.sub(r"[^\w]+", "-", dataset.name.lower()).strip("-")[:100] or "unnamed"


def comparison(folders: list[ModelFolder], params: Params, kept: Path) -> pd.DataFrame:
    """The comparison of all that is kept, with ``latency_ms`` and the cores that it was measured on.

    Figures of two runs are never mixed: those of this machine's last comparison take the place of the ``kept`` ones
    where it measured at least as many of the models. What was not measured is not a number.
    """
    table = comparison_table(folders, params.compare)
    here = latencies(paths.COMPARISON, "run dvc repro --force compare", os.cpu_count())
    before = latencies(kept, f"git checkout -- {kept}, or remove it")
    here, known = (run[run.index.isin(table["model_sha256"])] for run in (here, before))
    if here.empty or len(here) < len(known):
        return table.join(known, on="model_sha256")
    with replace_file(kept) as fresh:
        here.sort_index().to_csv(fresh)
    return table.join(here, on="model_sha256")


def latencies(path: Path, remedy: str, cores: int | None = None) -> pd.DataFrame:
    """``latency_ms`` and ``latency_cores`` by model digest, of a table; none where it is not there.

    Raises:
        UserError: where it is not one run's, with ``remedy`` at its end.
    """
    columns = ["latency_ms", "latency_cores"]
    if not path.is_file():
        return pd.DataFrame(columns=columns, index=pd.Index([], name="model_sha256"), dtype=float)
    try:
        table = pd.read_csv(path).set_index("model_sha256")
        measured = (table if cores is None else table.assign(latency_cores=cores))[columns].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())}); {remedy}") from error
    positive = np.isfinite(measured.to_numpy()) & (measured.to_numpy() > 0)
    if not positive.all() or not measured.index.is_unique or measured["latency_cores"].nunique() > 1:
        raise UserError(f"{path}: not the latencies of one run on one machine; {remedy}")
    return measured


def ensemble(folders: list[ModelFolder], families: list[list[ModelFolder]], params: Params) -> dict[str, Any]:
    """Weights, members as text and metrics with intervals of the ensemble of all that is shown, students aside."""
    titles = {folder.path.name: folder.run["title"] for folder in folders}
    for family in families:
        titles |= {folder.path.name: f"{title_of(family)} (seed {folder.job.seed})" for folder in family}
    candidates = {folder.path.name: folder for group in (folders, *families) for folder in group}
    chosen = build_ensemble([folder for folder in candidates.values() if folder.job.teacher is None])
    ends = intervals(chosen.predictions, folders[0].classes, params.compare)
    members = ", ".join(f"{titles[name]} {share:.2f}" for name, share in chosen.weights.items())
    return {"weights": chosen.weights, "members": members, "metrics": chosen.metrics | ends}


def draw_models(
    folders: list[ModelFolder], table: pd.DataFrame, dataset: FaceDataset, params: Params, target: Path
) -> None:
    """The page's figures into ``target``, and the same faces with every model's answer."""
    for path in (target, paths.FACES):
        path.mkdir(parents=True, exist_ok=True)
    for figure in paths.DATA_FIGURES:
        with replace_file(target / figure.name) as fresh:
            shutil.copyfile(figure, fresh)
    samples = paths.FACES / paths.SAMPLES.name
    compare.draw_figures(
        table, folders, dataset, params.compare.sample_faces, target / paths.COMPARISON_FIGURE.name, samples
    )
    for folder in folders:
        labels, probabilities = folder.scored("test")
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        title = f"{folder.run['title']} on {dataset.name}, test"
        confusion_matrix(matrix, folder.classes, title, target / confusion_name(folder))
    for left in {path.name for path in target.glob("confusion_*.png")} - set(map(confusion_name, folders)):
        (target / left).unlink()


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
