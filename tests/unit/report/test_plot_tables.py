from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.scores import confusion
from fer.report.plot_tables import confusion_table, curve_table, write_plot_tables


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset()


@pytest.fixture(scope="module")
def folder(dataset: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), dataset)


def test_the_confusion_table_counts_to_the_confusion_matrix(dataset: FaceDataset, folder: ModelFolder) -> None:
    table = confusion_table(folder)
    assert list(table.columns) == ["actual", "predicted"]
    assert table["actual"].tolist() == dataset.table["emotion"][dataset.rows("test")].tolist()
    labels, probabilities = folder.scored(Split.TEST)
    counted = pd.crosstab(table["actual"], table["predicted"])
    counted = counted.reindex(index=list(folder.classes), columns=list(folder.classes), fill_value=0)
    np.testing.assert_array_equal(counted, confusion(labels, probabilities.argmax(axis=1), len(folder.classes)))


def test_a_curve_has_train_beside_validation_by_epoch(folder: ModelFolder) -> None:
    loss = curve_table(folder, "loss")
    assert loss["epoch"].tolist() == [1, 2, 3]
    assert loss["train"].tolist() == [2.0, 1.0, pytest.approx(2 / 3)]
    assert loss["validation"].tolist() == [2.2, 1.1, pytest.approx(2.2 / 3)]
    assert curve_table(folder, "accuracy")["train"].tolist() == pytest.approx([0.2, 0.6, 1 - 0.8 / 3])


def test_every_model_has_its_files_and_those_of_before_are_gone(folder: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "confusion").mkdir()
    (tmp_path / "confusion" / "gone.csv").write_text("actual,predicted\n")
    write_plot_tables([folder], tmp_path / "confusion", tmp_path / "curves")
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.csv"))
    assert written == ["confusion/baseline.csv", "curves/accuracy/baseline.csv", "curves/loss/baseline.csv"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "confusion" / "baseline.csv"), confusion_table(folder))
