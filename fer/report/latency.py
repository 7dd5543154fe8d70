"""Latencies of kept models: those of one comparison on one machine, never mixed."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from fer.errors import UserError
from fer.files import replace_file

COLUMNS = ["latency_ms", "latency_cores"]


def with_latencies(table: pd.DataFrame, compared: Path, kept: Path) -> pd.DataFrame:
    """A comparison with ``latency_ms`` and the cores that it was measured on; not a number where it was not measured.

    This machine's last comparison takes the place of what is kept where it measured at least as many of the models.

    Args:
        table: of ``fer.evaluation.comparison.comparison_table``.
        compared: the table of this machine's last comparison, if any.
        kept: the CSV of what is kept; written where this machine's takes its place.

    Raises:
        UserError: where one of the two files is damaged or not of one run.
    """
    here = latencies(compared, "run dvc repro --force compare", os.cpu_count())
    before = latencies(kept, f"git checkout -- {kept}, or remove it")
    here, known = (run[run.index.isin(table["model_sha256"])] for run in (here, before))
    if here.empty or len(here) < len(known):
        return table.join(known, on="model_sha256")
    with replace_file(kept) as fresh:
        here.sort_index().to_csv(fresh)
    return table.join(here, on="model_sha256")


def latencies(path: Path, remedy: str, cores: int | None = None) -> pd.DataFrame:
    """``latency_ms`` and ``latency_cores`` by model digest, of a CSV; empty where there is none.

    Args:
        path: the CSV.
        remedy: ends an error's line.
        cores: of the machine, where the CSV does not say.

    Raises:
        UserError: where it cannot be read or is not of one run.
    """
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="model_sha256"), dtype=float)
    try:
        table = pd.read_csv(path).set_index("model_sha256")
        measured = (table if cores is None else table.assign(latency_cores=cores))[COLUMNS].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())}); {remedy}") from error
    positive = np.isfinite(measured.to_numpy()) & (measured.to_numpy() > 0)
    if not positive.all() or not measured.index.is_unique or measured["latency_cores"].nunique() > 1:
        raise UserError(f"{path}: not the latencies of one run on one machine; {remedy}")
    return measured
