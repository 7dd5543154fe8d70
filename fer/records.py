"""What is kept of a model for good: the facts, answers and figures of its training, without the network.

A page of results grows over weeks and machines; the networks stay in the DVC cache of the machine that trained them.
With a model's answers every figure can be computed again.
"""

import shutil
from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.files import replace_folder
from fer.outputs import ModelFolder
from fer.promotion import SCORE

PREDICTIONS = "predictions.parquet"
#: What is kept beside the answers: what every figure needs, and what only tells how the training went.
NEEDED, TOLD = ("run.json", "metrics.json"), ("history.csv", "mlflow.json")


def keep(folder: ModelFolder, target: Path) -> None:
    """Copy a model's files, except the network's own, into ``target``, in place of what is kept there.

    The answers are the same numbers, packed to 60 % of the bytes: Git is to hold them.
    """
    answers = folder.predictions
    numbers = answers.select_dtypes("float32").columns
    with replace_folder(target) as fresh:
        answers.to_parquet(
            fresh / PREDICTIONS,
            index=False,
            compression="zstd",
            use_dictionary=answers.columns.difference(numbers).tolist(),
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )
        for name in NEEDED + tuple(name for name in TOLD if (folder.path / name).is_file()):
            shutil.copyfile(folder.path / name, fresh / name)


def kept_models(records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """The models kept in ``records``, best validation macro-F1 first.

    Raises:
        UserError: where one was trained on other data than ``dataset``.
    """
    folders = trained_below(records)
    for folder in folders:
        if folder.job.fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder.path}: kept of a training on other data ({folder.run['fingerprint']}) of the same name as "
                f"the present {dataset.name} ({dataset.fingerprint}); give these a name of their own: data.name in "
                "params.yaml"
            )
    return best_first(folders)


def trained_below(path: Path) -> list[ModelFolder]:
    """The trainings that stand in ``path``, a folder each, by name."""
    found = sorted(path.glob("*/run.json"))
    # A name that begins with a dot is that of a folder on its way into place.
    return [ModelFolder(run.parent) for run in found if not run.parent.name.startswith(".")]


def best_first(folders: list[ModelFolder]) -> list[ModelFolder]:
    """By validation macro-F1, and by name where that is equal."""
    return sorted(folders, key=lambda folder: (-folder.metrics[SCORE], folder.name))
