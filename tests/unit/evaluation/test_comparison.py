import json
import shutil
from dataclasses import replace

import cv2
import pandas as pd
import pytest
from face_datasets import small_dataset
from sklearn.metrics import f1_score
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.evaluation.comparison import comparison_table, open_models, sample_of, with_latency
from fer.evaluation.metrics import evaluate
from fer.evaluation.predictions import Split
from fer.figures.training import comparison as draw_comparison
from fer.report.comparison import models_table
from fer.report.model_tables import restricted_table
from fer.report.tables import heading, markdown
from fer.sections import Compare

SETTINGS = Compare(bootstrap=50, seed=5, sample_faces=7)
ARCHITECTURES = ["resnet50", "baseline", "vgg16"]


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    faces = small_dataset(train=2, held_out=4)
    table = faces.table.copy()
    table.loc[faces.rows("test")[::3], "train_copy"] = True
    return replace(faces, table=table)


@pytest.fixture(scope="module")
def models(dataset, tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(ARCHITECTURES):
        write_trained(models, dataset, name, seed)
    return models


@pytest.fixture(scope="module")
def table(models, dataset) -> pd.DataFrame:
    folders = open_models(models, ARCHITECTURES, dataset)
    return with_latency(comparison_table(folders, SETTINGS), folders)


def test_the_best_by_validation_macro_f1_stands_first(table):
    assert sorted(table["model"]) == sorted(ARCHITECTURES)
    assert table["validation.macro_f1"].is_monotonic_decreasing
    assert table["validation.macro_f1"].nunique() > 1


def test_the_order_does_not_depend_on_the_order_of_training_and_ties_go_by_name(models, dataset, table, tmp_path):
    reverse = open_models(models, ARCHITECTURES[::-1], dataset)
    pd.testing.assert_frame_equal(comparison_table(reverse, SETTINGS), table.drop(columns="latency_ms"))
    twins = [write_trained(tmp_path, dataset, name, seed=3) for name in ("vgg16", "baseline", "resnet50")]
    assert comparison_table(twins, SETTINGS)["model"].tolist() == ["baseline", "resnet50", "vgg16"]


def test_every_row_names_its_data_and_carries_the_folders_own_metrics(models, dataset, table):
    assert set(table["dataset"]) == {dataset.name}
    assert set(table["fingerprint"]) == {dataset.fingerprint}
    for row in table.to_dict("records"):
        metrics = json.loads((models / row["model"] / "metrics.json").read_text())
        assert {name: row[name] for name in metrics} == metrics


def test_intervals_hold_the_value_that_the_predictions_give(models, dataset, table):
    folders = {folder.name: folder for folder in open_models(models, ARCHITECTURES, dataset)}
    for row in table.to_dict("records"):
        for split in Split:
            scores = evaluate(*folders[row["model"]].scored(split), dataset.classes)
            for metric in ("accuracy", "macro_f1"):
                name = f"{split}.{metric}"
                assert row[f"{name}.low"] <= scores[metric] <= row[f"{name}.high"], name
                assert row[f"{name}.low"] < row[f"{name}.high"]
    assert (table["test.support"] > table["test_without_copies.support"]).all()


def test_latency_is_a_time(table):
    assert table["latency_ms"].between(0, 1000, inclusive="neither").all()


def test_a_latency_that_was_not_measured_is_a_dash(table, dataset, tmp_path):
    some = table.assign(latency_ms=[1.25, float("nan"), 3.0])
    assert models_table(some, dataset.classes).iloc[-1].tolist() == ["ms per face", "1.2", "-", "3.0"]
    draw_comparison(some, dataset.classes, "title", "subtitle", tmp_path / "some.png")
    draw_comparison(table, dataset.classes, "title", "subtitle", tmp_path / "all.png")
    assert (tmp_path / "some.png").read_bytes() != (tmp_path / "all.png").read_bytes()


def test_the_table_has_a_line_per_class_and_a_column_per_architecture(table, dataset):
    shown = models_table(table, dataset.classes)
    assert shown.columns.tolist() == ["test split", *table["title"]]
    lines = shown.set_index("test split")
    assert [line for line in lines.index if line.startswith("F1 ")] == [f"F1 {name}" for name in dataset.classes]


def test_the_restricted_table_has_f1_among_the_kept_classes_from_one_view_and_ten(models, dataset):
    folders = open_models(models, ARCHITECTURES, dataset)
    table = restricted_table(folders, FIVE_EMOTIONS)
    assert table["architecture"].tolist() == [folder.run.title for folder in folders for _ in range(2)]
    assert table["predictions from"].tolist() == ["one view", "ten views"] * len(folders)
    assert [name for name in table.columns if name in EMOTIONS] == list(FIVE_EMOTIONS)
    predictions = folders[0].predictions.query("split == 'test' and emotion in @FIVE_EMOTIONS")
    for line, columns in enumerate(("p.", "ten.")):
        named = predictions[[f"{columns}{name}" for name in FIVE_EMOTIONS]].idxmax(axis=1).str.removeprefix(columns)
        expected = f1_score(predictions["emotion"], named, labels=["happy"], average="macro", zero_division=0)
        assert table["happy"].iloc[line] == f"{expected:.3f}"


def test_the_heading_names_data_fingerprint_and_size(dataset):
    assert heading(dataset) == f"small faces ({dataset.fingerprint}), 28 test images"


def test_markdown_is_a_table():
    table = pd.DataFrame({"test split": ["accuracy", "ms per face"], "Baseline": ["0.9", "1.0"]})
    assert markdown(table).splitlines() == [
        "| test split | Baseline |",
        "| --- | --- |",
        "| accuracy | 0.9 |",
        "| ms per face | 1.0 |",
    ]


def test_a_model_of_other_data_is_one_line_with_the_remedy(models, dataset):
    other = replace(dataset, name="other faces")
    with pytest.raises(UserError, match=r"resnet50: trained on small faces .*dvc repro") as caught:
        open_models(models, ARCHITECTURES, other)
    assert other.fingerprint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "harm",
    [
        shutil.rmtree,
        lambda folder: (folder / "run.json").unlink(),
        lambda folder: (folder / "run.json").write_text("{"),
        lambda folder: (folder / "metrics.json").unlink(),
    ],
    ids=["no folder", "no run", "half a run", "no metrics"],
)
def test_a_model_that_is_not_all_there_is_one_line_with_the_remedy(models, dataset, tmp_path, harm):
    shutil.copytree(models / "baseline", tmp_path / "baseline")
    harm(tmp_path / "baseline")
    with pytest.raises(UserError, match=r"baseline.*run the train stage again") as caught:
        comparison_table(open_models(tmp_path, ["baseline"], dataset), SETTINGS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architectures", [1, 3])
def test_the_comparison_figure_is_the_same_bytes_on_every_run(table, dataset, tmp_path, architectures):
    rows = table.head(architectures)
    for name in ("first.png", "second.png"):
        draw_comparison(rows, dataset.classes, heading(dataset), "how to read it", tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    height, width = cv2.imread(str(tmp_path / "first.png")).shape[:2]
    assert width > 1300
    assert height == 200 + 74 * architectures


def test_every_model_is_asked_of_the_same_faces(models, dataset):
    folders = open_models(models, ARCHITECTURES, dataset)
    faces, labels, predicted = sample_of(folders, dataset, 7)
    assert labels == list(EMOTIONS), "a face of each class"
    rows = [next(row for row, image in enumerate(dataset.images) if (image == face).all()) for face in faces]
    assert (dataset.table["split"].loc[rows] == "test").all()
    for folder in folders:
        table = folder.predictions
        assert predicted[folder.run.title] == [table["predicted"][table["row"] == row].item() for row in rows]
