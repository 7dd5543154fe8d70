from pathlib import Path

import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("run.json", "run"),
        ("metrics.json", "metrics"),
        ("history.csv", "history"),
        ("predictions.parquet", "predictions"),
        ("mlflow.json", "provenance"),
    ],
)
def test_a_damaged_file_is_one_line_with_the_remedy(tmp_path: Path, name: str, reads: str) -> None:
    path = write_trained(tmp_path, small_dataset(train=2, held_out=1)).path / name
    path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"{name}: not to be read .*; run the train stage again$") as caught:
        getattr(ModelFolder(path.parent), reads)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "reads"), [("history.csv", "history"), ("predictions.parquet", "predictions")])
def test_a_missing_table_is_one_line_with_the_remedy(tmp_path: Path, name: str, reads: str) -> None:
    path = write_trained(tmp_path, small_dataset(train=2, held_out=1)).path / name
    path.unlink()
    with pytest.raises(UserError, match=rf"{name}: missing; run the train stage again$"):
        getattr(ModelFolder(path.parent), reads)


def test_a_splits_confusion_matrix_counts_its_rows(tmp_path: Path) -> None:
    classes = ("angry", "happy")
    folder = write_trained(tmp_path, small_dataset(train=2, held_out=3, classes=classes))
    table = folder.predictions
    test = table["split"] == "test"
    table.loc[test, "emotion"] = ["angry"] * 2 + ["happy"] * 4
    table.loc[test, ["p.angry", "p.happy"]] = [[0.9, 0.1], [0.2, 0.8], *[[0.4, 0.6]] * 3, [0.7, 0.3]]
    table.to_parquet(folder.path / "predictions.parquet")
    matrix = ModelFolder(folder.path).confusion(Split.TEST)
    assert matrix.tolist() == [[1, 1], [1, 3]], "a row a label"
