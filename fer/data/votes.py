"""FER+'s votes on the images of FER-2013."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.compressed import one_line
from fer.data.split_names import usual_split
from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.errors import UserError

_NUMBERS = {str(number) for number in range(256)}


def read_votes(path: Path, splits: pd.Series) -> pd.DataFrame:
    """FER+'s votes (Barsoum et al. 2016) as uint8 columns ``votes.<column>``, joined by row order.

    The table's ``Image name`` is no key: it skips rows. Its ``Usage`` column is compared with ``splits``, the images'
    own, instead.

    Raises:
        UserError: for a missing column, another number of rows, another order, or a vote that is no number.
    """
    columns = [*FERPLUS_VOTES, *FERPLUS_OTHER]
    try:
        votes = pd.read_csv(path, dtype=str, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: FER+ votes cannot be read ({one_line(error)}); check data.votes") from error
    missing = [column for column in ("Usage", *columns) if column not in votes]
    if missing:
        raise UserError(f"{path}: FER+ votes lack the column {missing[0]!r}; give the published fer2013new.csv")
    if len(votes) != len(splits):
        raise UserError(
            f"{path}: {len(votes):,} rows of FER+ votes for {len(splits):,} images; "
            "both files must hold the same rows in the same order"
        )
    disagree = np.flatnonzero((votes["Usage"].map(usual_split) != splits.map(usual_split)).to_numpy())
    if len(disagree):
        raise UserError(
            f"{path}: row {disagree[0] + 1} after the header: Usage {votes['Usage'].iloc[disagree[0]]!r} differs from "
            "the image's; both files must hold the same rows in the same order"
        )
    for column in columns:
        bad = np.flatnonzero(~votes[column].isin(_NUMBERS).to_numpy())
        if len(bad):
            raise UserError(
                f"{path}: row {bad[0] + 1} after the header: {column} is {votes[column].iloc[bad[0]]!r}, "
                "not a number of votes; mend the row"
            )
    return votes[columns].astype(np.uint8).add_prefix("votes.")
