"""docs/results.md: the page of results, from ``templates/results.md.jinja`` and the tables that it shows."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.evaluation.comparison import validation_gain
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.slices import OTHER, slices_of
from fer.inference.classifier import RELEASED
from fer.report.ablations import ablation_table
from fer.report.calibration import DRAWS, calibration_table
from fer.report.comparison import models_table
from fer.report.images import confusion_name
from fer.report.model_tables import (
    abstention_table,
    ensemble_table,
    restricted_table,
    slice_table,
    without_copies_table,
)
from fer.report.published import BEST_RANDOM, BEST_SMALL, Twins, published_table, twins_of, twins_table
from fer.report.reference_study import STUDY, study_table
from fer.report.released import released_table, trainings_of
from fer.report.results import Results
from fer.report.seeds import seeds_table, title_of
from fer.report.tables import estimate, markdown, mean_and_spread, percent, points
from fer.report.template import render
from fer.report.training_details import details_table
from fer.report.votes import find_votes


def results_page(results: Results) -> str:
    """The page as Markdown."""
    filters: dict[str, Callable[..., str]] = {"percent": percent, "spread": _spread, "counted": _counted}
    filters |= {"points": points, "markdown": markdown, "estimate": estimate}
    functions = {"title_of": title_of, "confusion_name": confusion_name}
    twins = twins_of(results.ablations, results.params.compare)
    parts = slices_of(results.dataset, "test")
    votes = find_votes(results.models[0], results.dataset, results.params.compare) if OTHER in parts else None
    values = vars(results) | functions | {"votes": votes} | _facts(results, twins) | _tables(results, twins, parts)
    return render("results.md.jinja", filters, values)


def _facts(results: Results, twins: list[Twins]) -> dict[str, Any]:
    """What the prose depends on, besides the results themselves."""
    models = results.models
    measured = results.table["latency_ms"].notna()
    trainings = {folder.run.model_sha256 for folder in _trainings(results).values()}
    cores = results.table["latency_cores"].dropna().unique()
    return {
        "best": results.table.iloc[0].to_dict(),
        "default_model": RELEASED.name,
        "has_vggface": any(model.job.architecture == "vggface" for model in models),
        "second": results.table.iloc[1].to_dict() if len(results.table) > 1 else None,
        "ahead": validation_gain(models[0], models[1], results.params.compare) if len(models) > 1 else None,
        "five": FIVE_EMOTIONS,
        # Figures of others are of FER-2013's test images and seven classes.
        "published": bool(results.pairs) and results.dataset.classes == EMOTIONS,
        "best_small": BEST_SMALL,
        "best_random": BEST_RANDOM,
        "trainings": len(trainings) + len(twins),
        "small_twins": next((one for one in twins if one.small), None),
        "draws": DRAWS,
        "also_in_validation": _of_test_in_validation(results.dataset.table),
        "distilled": any(model.job.teacher and model.job.teacher.is_model for model in models),
        "latency_cores": f"{cores[0]:.0f}" if measured.any() else "",
        "some_unmeasured": not measured.all(),
        "study_unmatched": len(results.pairs) <= len(STUDY),
    }


def _tables(results: Results, twins: list[Twins], parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Every table as Markdown, by its name in the template; empty where the results have none of the kind."""
    models, classes, settings = results.models, results.dataset.classes, results.params.compare
    tables = {
        "models_table": models_table(results.table, classes),
        "without_copies_table": without_copies_table(results.table),
        "released_table": released_table(results.released, _trainings(results), settings) if results.released else None,
        "restricted_table": restricted_table(models, FIVE_EMOTIONS) if set(FIVE_EMOTIONS) <= set(classes) else None,
        "study_table": study_table(results.pairs) if results.pairs else None,
        "published_table": published_table(),
        "twins_table": twins_table(twins, settings) if twins else None,
        "ensemble_table": ensemble_table(results.ensemble.metrics, classes),
        "seeds_table": seeds_table(results.seed_groups),
        "ablation_table": ablation_table(results.ablations, settings) if results.ablations else None,
        "slice_table": slice_table(models, parts, settings),
        "calibration_table": calibration_table(models),
        "abstention_table": abstention_table(models, results.params.promote.certain_precision),
        "source_counts": _counts_table(results.ingest.source.counts, "as it came"),
        "used_counts": _counts_table(results.dataset.counts().T.to_dict(), "as it is used"),
        "details_table": details_table(models, results.seed_groups),
    }
    return {name: "" if table is None else markdown(table) for name, table in tables.items()} | {
        "ferplus": OTHER in parts
    }


def _trainings(results: Results) -> dict[str, ModelFolder]:
    return trainings_of(results.models, results.seed_groups, results.ablations)


def _of_test_in_validation(table: pd.DataFrame) -> int:
    hashes = {split: table["sha256"][table["split"] == split] for split in ("validation", "test")}
    return int(hashes["test"].isin(hashes["validation"]).sum())


def _counts_table(counts: Mapping[Any, Any], title: str) -> pd.DataFrame:
    """Images by split and class."""
    return pd.DataFrame(counts).T.rename_axis(title).astype(str).reset_index()


def _spread(group: list[ModelFolder], name: str) -> str:
    """A metric of several seeds in percent, without the sign."""
    return mean_and_spread([100 * folder.metrics[name] for folder in group], ".1f")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
