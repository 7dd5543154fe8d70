"""Everything that the page of results shows."""

import re
from dataclasses import dataclass

import pandas as pd

from fer.checks.report import CheckReport
from fer.data.dataset import FaceDataset
from fer.evaluation.ensemble import build_ensemble, metrics_with_intervals
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import Card
from fer.params import Params
from fer.report.ablations import Ablation
from fer.report.data_reports import IngestReport
from fer.report.reference_study import Pair, is_private_test, pairs_with_study
from fer.report.seeds import title_of


@dataclass(frozen=True)
class EnsembleSummary:
    """An ensemble of the page's models.

    Attributes:
        weights: share of each member, by its folder's name.
        members: the same as text, by titles.
        metrics: ``<split>.<metric>``, with the ends of the accuracies' intervals in ``.low`` and ``.high``.
    """

    weights: dict[str, float]
    members: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Links:
    """Where the page points to: records and images relative to the page, and the folder of single faces' figures."""

    records: str
    images: str
    faces: str


@dataclass(frozen=True)
class Results:
    """Everything that the page of results shows.

    Attributes:
        params: settings of bootstrap and thresholds.
        dataset: what was trained on.
        ingest: the ingest report.
        checks: the checks' report.
        models: architectures and distilled models, best first.
        table: their comparison, with latencies.
        ensemble: of the models and the seeds, distilled models aside.
        pairs: models beside the reference study; empty where the test split is not FER-2013's.
        seed_groups: trainings that differ in nothing but the seed.
        ablations: trainings with a single change each, behind the one that they differ from.
        released: cards of the models in the package that were trained on this data set, by name.
        links: where the page points to.
    """

    params: Params
    dataset: FaceDataset
    ingest: IngestReport
    checks: CheckReport
    models: list[ModelFolder]
    table: pd.DataFrame
    ensemble: EnsembleSummary
    pairs: list[Pair]
    seed_groups: list[list[ModelFolder]]
    ablations: list[list[Ablation]]
    released: dict[str, Card]
    links: Links


def summarize_ensemble(models: list[ModelFolder], groups: list[list[ModelFolder]], params: Params) -> EnsembleSummary:
    """The ensemble of all models and seeds that the page shows, distilled models aside."""
    titles = {folder.path.name: folder.run.title for folder in models}
    for group in groups:
        titles |= {folder.path.name: f"{title_of(group)} (seed {folder.job.seed})" for folder in group}
    candidates = {folder.path.name: folder for some in (models, *groups) for folder in some}
    chosen = build_ensemble([folder for folder in candidates.values() if folder.job.teacher is None])
    metrics = metrics_with_intervals(chosen, models[0].classes, params.compare)
    members = ", ".join(f"{titles[name]} {share:.2f}" for name, share in chosen.weights.items())
    return EnsembleSummary(chosen.weights, members, metrics)


def pairs_on(dataset: FaceDataset, models: list[ModelFolder], params: Params) -> list[Pair]:
    """Models beside the reference study; none where the test images are not the study's."""
    return pairs_with_study(models, params.compare) if is_private_test(dataset) else []


def slug(dataset: FaceDataset) -> str:
    """The data set's name as a folder's: no name leads out of the folders of records and images."""
    return re.sub(r"[^\w]+", "-", dataset.name.lower()).strip("-")[:100] or "unnamed"
