"""What the suites of expectations may ask of every image: the audit's table, without the search for faces."""

import numpy as np
import pandas as pd

from fer.audit.progress import Progress, unseen
from fer.audit.run import audit
from fer.data.dataset import FaceDataset


def measure(dataset: FaceDataset, seed: int, progress: Progress = unseen) -> pd.DataFrame:
    """Everything that the audit says of single images; nothing is trained but linear discriminants.

    Args:
        dataset: the faces.
        seed: of the folds that judge labels.
        progress: opens the progress of a step.

    Returns:
        A row per image, in the data set's order and with its index: the columns of ``Audit.table``, ``near_to`` its own
        name for an image that is alone, and ``enlargement`` where files of any size were read: how many times the
        file's side (the mean of both) goes into that of the face.
    """
    table = audit(dataset, seed, progress=progress).table
    table = table.assign(near_to=table["near_to"].where(table["near_to"] != "", table["source_id"]))
    if "source_width" in dataset.table:
        side = np.sqrt(dataset.table["source_width"] * dataset.table["source_height"])
        table["enlargement"] = dataset.face_size / side
    return table.set_index(dataset.table.index)
