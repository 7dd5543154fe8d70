"""What the champion's validation images look like, read as the service reads a face: what its records are held against.

Promotion writes it beside the champion, and keeps it with the version, so that a rollback brings the right one back.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.inference.classifier import Card
from fer.inference.reader import Reader
from fer.inference.records import record_of
from fer.monitoring.records import Record, table_of

#: Validation faces at most.
MOST = 5_000
#: What stands for an endpoint.
ENDPOINT = "validation"
#: Columns that a record has and a reference has not: it was read at no time.
WITHOUT = ("time",)


def write_reference(path: Path, model: Path, dataset: FaceDataset) -> Path:
    """Read the validation images by the reader that the service uses, and write a record for each.

    The same model and images give the same bytes.

    Args:
        path: the Parquet file to write.
        model: the folder that is served.
        dataset: holds the images.
    """
    records_by(model, dataset.images[dataset.some_rows("validation", MOST)]).to_parquet(path, index=False)
    return path


def records_by(model: Path, faces: np.ndarray) -> pd.DataFrame:
    """What the service would record of faces uint8 ``[N, S, S]`` that are sent to be classified."""
    # Crops: no face is looked for, and the cascade needs no file that would have to be downloaded.
    reader = Reader(model, detector="cascade")
    version = reader.classifier.card.version
    rows = [record_of(face, ENDPOINT, version) for face in reader.faces(list(faces))]
    return pd.DataFrame(rows, columns=[name for name in Record.model_fields if name not in WITHOUT])


def load_reference(path: Path, card: Card) -> pd.DataFrame:
    """The reference of a model, as ``table_of`` makes it.

    Raises:
        UserError: where it is missing, damaged, empty or another model's.
    """
    remedy = "python -m pipelines promote writes it, where the champion was trained here"
    try:
        content = pd.read_parquet(path)
        records = [Record.model_validate(row) for row in _plain(content)]
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no reference beside the champion; {remedy}") from error
    except (OSError, ValueError, ValidationError) as error:  # pyarrow's are ValueErrors
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: is no reference, or damaged ({reason}); delete it: {remedy}") from error
    if not records:
        raise UserError(f"{path}: is empty; {remedy}")
    if strangers := {record.model for record in records} - {card.version}:
        raise UserError(f"{path}: is of model {min(strangers)}, and the champion is {card.version}; {remedy}")
    return table_of(records)


def _plain(content: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as JSON has them: lists for arrays, None for what is not known."""
    known = content.astype(object).where(content.notna(), None)
    return [
        {str(name): value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}
        for row in known.to_dict("records")
    ]
