from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.report.reference_study import PRIVATE_TEST, STUDY, Pair, is_private_test, pairs_with_study, study_table
from fer.sections import Compare

SETTINGS = Compare(bootstrap=200, seed=5, sample_faces=7)


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=10)


def predicting(folder: ModelFolder, title: str, wrong: dict[str, str]) -> ModelFolder:
    """The same training with another title, whose predictions are surely right but for some classes."""
    (folder.path / "run.json").write_text(folder.run.model_copy(update={"title": title}).to_json())
    table = folder.predictions
    predicted = table["emotion"].replace(wrong)
    for name in folder.classes:
        table[f"p.{name}"] = (predicted == name).astype(np.float32)
    table.to_parquet(folder.path / "predictions.parquet", index=False)
    return ModelFolder(folder.path)


def test_the_studys_figures_are_compared_with_the_same_architecture(dataset: FaceDataset, tmp_path: Path) -> None:
    best = predicting(write_trained(tmp_path, dataset, "mini"), "Mini CNN", {})
    vgg16 = predicting(write_trained(tmp_path, dataset, "vgg16"), "VGG16", {"fear": "sad"})
    pairs = pairs_with_study([best, vgg16], SETTINGS)
    assert [(pair.model, pair.higher, pair.clearly_higher, pair.clearly_lower) for pair in pairs] == [
        (vgg16, 4, 3, 1),
        (best, 5, 5, 0),
    ]
    lines = study_table(pairs).set_index("reference study")
    assert lines.index.tolist() == [*STUDY, "the highest in every class"]
    assert lines.loc["VGGFace"].tolist() == ["-", "0.67", "0.56", "0.92", "0.67", "0.83", "-", "-", "-"]
    cells = ["0.54 → 1.000", "0.51 → 0.000", "0.87 → 1.000", "0.61 → 0.667", "0.78 → 1.000"]
    assert lines.loc["VGG16"].tolist() == ["VGG16 (random)", *cells, "4 of 5", "3", "1"]
    cells = ["0.67 → 1.000", "0.56 → 1.000", "0.92 → 1.000", "0.67 → 1.000", "0.83 → 1.000"]
    assert lines.loc["the highest in every class"].tolist() == ["Mini CNN (random)", *cells, "5 of 5", "5", "0"]


def test_higher_is_beyond_the_rounding_of_the_studys_figure(dataset: FaceDataset, tmp_path: Path) -> None:
    folder = write_trained(tmp_path, dataset, "mini")
    theirs = (0.77, 0.77, 0.77, 0.77, 0.77)
    pair = Pair("any", theirs, folder, [0.772, 0.7749, 0.7751, 0.764, 0.9], [(0.7, 0.8)] * 5)
    assert pair.higher == 2


def test_ours_is_measured_on_the_five_classes(dataset: FaceDataset, tmp_path: Path) -> None:
    folder = write_trained(tmp_path, dataset, "mini")
    scores = evaluate(*restrict(*folder.scored(Split.TEST), folder.classes, FIVE_EMOTIONS), FIVE_EMOTIONS)
    assert pairs_with_study([folder], SETTINGS)[-1].ours == [scores[f"f1.{name}"] for name in FIVE_EMOTIONS]


@pytest.mark.parametrize(("surplus", "same"), [(0, True), (1, False)])
def test_fer2013s_own_test_split_is_known_by_its_counts(dataset: FaceDataset, surplus: int, same: bool) -> None:
    emotions = [name for name, count in zip(FIVE_EMOTIONS, PRIVATE_TEST, strict=True) for _ in range(count)]
    emotions += ["happy"] * surplus + ["neutral"] * 3
    row = dataset.table[dataset.table["split"] == "test"].iloc[[0]]
    table = pd.concat([row] * len(emotions), ignore_index=True).assign(emotion=emotions)
    images = np.zeros((len(table), 48, 48), np.uint8)
    assert is_private_test(FaceDataset("any", dataset.classes, images, table, table[:0])) is same
    assert not is_private_test(dataset)
