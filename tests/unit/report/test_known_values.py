"""Tables of models whose predictions are chosen, so that every figure can be worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import comparison_table
from fer.evaluation.ensemble import build_ensemble
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import split_metrics
from fer.report.ablations import COPIES_KEPT, Ablation, ablation_table
from fer.report.comparison import models_table
from fer.report.model_tables import abstention_table, restricted_table, slice_table, without_copies_table
from fer.report.published import twins_of, twins_table
from fer.report.seeds import seeds_table
from fer.report.tables import estimate, mean_and_spread, metric, number, percent, share
from fer.sections import Compare

SETTINGS = Compare(bootstrap=2000, seed=5, sample_faces=7)
CLASSES = ("happy", "sad", "neutral")
HELD_OUT = 20
HAPPY, SAD, NEUTRAL = range(3)


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    """20 images of every class in validation and in test, class by class; each class's first 5 of test have a copy."""
    faces = small_dataset(train=2, held_out=HELD_OUT, classes=CLASSES)
    table = faces.table.copy()
    for emotion in CLASSES:
        table.loc[table.index[(table["split"] == "test") & (table["emotion"] == emotion)][:5], "train_copy"] = True
    return FaceDataset(faces.name, faces.classes, faces.images, table, faces.removed)


def predicting(folder: ModelFolder, one_view: list[int], ten_views: list[int], sure: float = 0.8) -> ModelFolder:
    """The training with these classes predicted for validation and again for test, each with probability ``sure``."""
    table = folder.predictions.copy()
    for prefix, codes in (("p.", one_view), ("ten.", ten_views)):
        hit = np.eye(len(CLASSES))[codes * 2]
        for code, name in enumerate(CLASSES):
            table[f"{prefix}{name}"] = np.where(hit[:, code] == 1, sure, (1 - sure) / 2).astype(np.float32)
    table["predicted"] = [CLASSES[code] for code in one_view * 2]
    table.to_parquet(folder.path / "predictions.parquet", index=False)
    metrics = {"params": 7} | split_metrics(table, CLASSES)
    (folder.path / "metrics.json").write_text(json.dumps(metrics))
    return ModelFolder(folder.path)


#: Happy: all right. Sad: the first 10 read as happy. Neutral: the last 4 read as sad.
ONE_VIEW = [HAPPY] * 20 + [HAPPY] * 10 + [SAD] * 10 + [NEUTRAL] * 16 + [SAD] * 4
#: From ten views, the neutral ones are right as well.
TEN_VIEWS = [HAPPY] * 20 + [HAPPY] * 10 + [SAD] * 10 + [NEUTRAL] * 20


@pytest.fixture(scope="module")
def folder(dataset: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return predicting(write_trained(tmp_path_factory.mktemp("models"), dataset, "mini"), ONE_VIEW, TEN_VIEWS)


def test_the_comparisons_figures(folder: ModelFolder) -> None:
    (row,) = comparison_table([folder], SETTINGS).to_dict("records")
    # Confusion matrix [20, 0, 0], [10, 10, 0], [0, 4, 16]: F1 = 2 hits / (labels + predictions).
    happy, sad, neutral = 40 / (20 + 30), 20 / (20 + 14), 32 / (20 + 16)
    assert row["test.accuracy"] == pytest.approx(46 / 60)
    assert row["test.f1.happy"] == pytest.approx(happy)
    assert row["test.f1.sad"] == pytest.approx(sad)
    assert row["test.f1.neutral"] == pytest.approx(neutral)
    assert row["test.macro_f1"] == pytest.approx((happy + sad + neutral) / 3)
    assert row["test_ten_views.accuracy"] == pytest.approx(50 / 60)
    # Of the 15 copies, 5 sad ones are read wrongly: 36 of 45 right remain.
    assert row["test_without_copies.accuracy"] == pytest.approx(36 / 45)
    assert row["test_without_copies.support"] == 45
    assert row["test.ece"] == pytest.approx(0.8 - 46 / 60, abs=1e-6), "all at a confidence of 0.8"
    # Binomial, 60 of 46/60: 2.5th and 97.5th percentile.
    assert (row["test.accuracy.low"], row["test.accuracy.high"]) == pytest.approx((39 / 60, 52 / 60), abs=1 / 60 + 1e-9)


def test_the_comparisons_table_as_text(folder: ModelFolder) -> None:
    table = comparison_table([folder], SETTINGS).assign(latency_ms=1.26)
    shown = models_table(table, CLASSES).set_index("test split")["Mini"].to_dict()
    low, high = shown.pop("  95 % interval of accuracy").split("-")
    assert float(low) == pytest.approx(39 / 60, abs=1 / 60 + 1e-3)
    assert float(high) == pytest.approx(52 / 60, abs=1 / 60 + 1e-3)
    assert {name: cell for name, cell in shown.items() if "interval" not in name} == {
        "weights": "random",
        "macro-F1 on validation": "0.759",
        "F1 happy": "0.800",
        "F1 sad": "0.588",
        "F1 neutral": "0.889",
        "macro-F1": "0.759",
        "accuracy": "0.767",
        "accuracy, ten views": "0.833",
        "parameters": "7",
        "epochs": "3",
        "ms per face": "1.3",
    }


def test_an_ensemble_of_three_that_each_mistake_another_class(dataset: FaceDataset, tmp_path: Path) -> None:
    """Two of three name each image's class; all three take the first 5 sad ones of a split for happy ones."""
    sad = [HAPPY] * 5 + [SAD] * 15
    predicted = {
        "mini": [SAD] * 20 + sad + [NEUTRAL] * 20,
        "vgg16": [HAPPY] * 20 + [HAPPY] * 5 + [NEUTRAL] * 15 + [NEUTRAL] * 20,
        "compact": [HAPPY] * 20 + sad + [HAPPY] * 20,
    }
    folders = [predicting(write_trained(tmp_path, dataset, name), codes, codes) for name, codes in predicted.items()]
    built = build_ensemble(folders)
    assert built.weights.keys() == predicted.keys()
    # Confusion matrix [20, 0, 0], [5, 15, 0], [0, 0, 20].
    for split in ("validation", "test", "test_ten_views"):
        assert built.metrics[f"{split}.accuracy"] == pytest.approx(55 / 60)
        assert built.metrics[f"{split}.f1.happy"] == pytest.approx(40 / 45)
        assert built.metrics[f"{split}.f1.sad"] == pytest.approx(30 / 35)
        assert built.metrics[f"{split}.f1.neutral"] == 1
    # The first 5 images of every class are the copies.
    assert built.metrics["test_without_copies.accuracy"] == 1


def test_the_paired_difference_of_an_ablation(dataset: FaceDataset, tmp_path: Path) -> None:
    """Of the 50 validation images without a copy 30 are right, and with the change 6 more."""
    truth = np.repeat([HAPPY, SAD, NEUTRAL], HELD_OUT)
    group = []
    for name, right in (("own", 30), ("changed", 36)):
        codes = np.where(np.arange(60) < right, truth, (truth + 1) % 3).tolist()
        folder = predicting(write_trained(tmp_path / name, dataset, "mini"), codes, codes)
        table = folder.predictions
        table.loc[table.index[table["split"] == "validation"][-10:], "train_copy"] = True
        group.append(Ablation(name, f"train {name}", folder))
    own, changed = ablation_table([group], SETTINGS).to_dict("records")
    assert own["validation accuracy without copied images"] == "0.600"
    assert own["difference in points"] == "-"
    assert changed["validation accuracy without copied images"] == "0.720"
    # Binomial, 50 of 0.12: 2 and 11.
    assert changed["difference in points"] == "+12.0 [+4.0, +22.0]"
    # Of test, 36 of 60; of the 45 without a copy, 15 happy ones and 11 sad ones, to 5 that are taken for neutral ones.
    assert changed["test accuracy"].startswith("0.600 [")
    assert changed["without copied images"].startswith("0.578 [")
    assert (changed["epochs"], changed["command"]) == ("3", "`train changed`")


def test_a_training_beside_the_same_with_the_copies_kept(dataset: FaceDataset, tmp_path: Path) -> None:
    """Of the 60 test images 15 have a copy in train, the first 5 of every class: the twin knows those alone better."""
    truth, copied = np.repeat([HAPPY, SAD, NEUTRAL], HELD_OUT), np.arange(60) % HELD_OUT < 5
    group = []
    for name, change, right in (("Own", "", np.arange(60) >= 20), ("Twin", COPIES_KEPT, np.arange(60) >= 15)):
        codes = np.where(right | (copied & bool(change)), truth, (truth + 1) % 3).tolist()
        folder = predicting(write_trained(tmp_path / name, dataset, "mini"), codes, codes)
        group.append(Ablation(name, f"train {name}", folder, change))
    others = [group[0], replace(group[1], change="no_mixup")]
    (twins,) = twins_of([others, group], SETTINGS)
    assert twins.folders == (group[0].folder, group[1].folder)
    assert twins.small
    own, twin, difference = twins_table([twins], SETTINGS).to_dict("records")
    assert (own["training"], own["copies in train"], twin["training"], twin["copies in train"]) == (
        "Own", "taken out", "Own", "kept",
    )  # fmt: skip
    # 40 of 60; with the copies 45 and 5 more. Of the 45 without a copy 30, and 5 more.
    columns = ["one view", "ten views", "without copied images, one view", "without copied images, ten views"]
    assert [own[column].split()[0] for column in columns] == ["0.667", "0.667", "0.667", "0.667"]
    assert [twin[column].split()[0] for column in columns] == ["0.833", "0.833", "0.778", "0.778"]
    # Of the 15 with a copy 10, and 5 more.
    columns.append("copied images alone, ten views")
    assert (own[columns[-1]].split()[0], twin[columns[-1]].split()[0]) == ("0.667", "1.000")
    assert [difference[column].split()[0] for column in columns] == ["+16.7", "+16.7", "+11.1", "+11.1", "+33.3"]
    low, high = difference["one view"].split("[")[1].strip("]").split(", ")
    # 10 of 60 gained, none lost: binomial, 2.5th and 97.5th percentile.
    assert (float(low), float(high)) == pytest.approx((100 * 5 / 60, 100 * 16 / 60), abs=100 / 60 + 0.1)


def test_what_is_left_without_copies(folder: ModelFolder) -> None:
    (row,) = without_copies_table(comparison_table([folder], SETTINGS)).to_dict("records")
    cells = " ".join(str(cell) for cell in row.values())
    assert "0.800" in cells, cells


def test_f1_among_the_classes_that_are_kept(folder: ModelFolder) -> None:
    table = restricted_table([folder], ("sad", "neutral"))
    # From one view: of the sad, 10 are read as happy, and sad and neutral are then equally likely: the first one, sad.
    # [20, 0], [4, 16]: F1 of sad 40/44, of neutral 32/36, accuracy 36/40.
    assert table[["sad", "neutral", "accuracy"]].to_numpy().tolist() == [
        ["0.909", "0.889", "0.900"],
        ["1.000", "1.000", "1.000"],
    ]


def test_the_accuracy_of_parts_of_the_test_split(folder: ModelFolder) -> None:
    sad = np.repeat([False, True, False], HELD_OUT)
    table = slice_table([folder], {"sad": sad, "happy": np.roll(sad, -HELD_OUT), "none": sad & False}, SETTINGS)
    assert table["images"].tolist() == ["20", "20", "0"]
    half, whole, none = table["Mini"].tolist()
    assert half.startswith("0.500 [")
    # Binomial, 20 of 1/2: 6 and 14.
    assert half == "0.500 [0.300, 0.700]"
    assert whole == "1.000 [1.000, 1.000]"
    assert none == "-"


def test_what_thresholds_accept(folder: ModelFolder) -> None:
    (row,) = abstention_table([folder], 0.45).to_dict("records")
    # Of happy 20 of 30 are right: lower bound 0.49, the one class with 20 predictions and more.
    assert [row[name] for name in CLASSES] == ["above 0.80: 0.667 of 30", "never", "never"]
    assert row["by probability"] == "0.8 to 0.9: 0.667 of 30"
    assert (row["accepted"], row["accuracy of the accepted"]) == ("0.500", "0.667")
    assert "0.767" in row.values(), "46 of 60, before any is refused"


def test_the_seeds_mean_and_spread(dataset: FaceDataset, tmp_path: Path) -> None:
    """Three seeds with 30, 36 and 42 of 60 right: mean 0.6, deviation 0.1."""
    group = []
    for seed, right in ((1, 30), (2, 36), (3, 42)):
        written = write_trained(tmp_path / "made", dataset, "mini", seed)
        target = tmp_path / f"mini_quick_{seed}"
        written.path.rename(target)
        truth = np.repeat([HAPPY, SAD, NEUTRAL], HELD_OUT)
        codes = np.where(np.arange(60) < right, truth, (truth + 1) % 3).tolist()
        group.append(predicting(ModelFolder(target), codes, codes))
    table = seeds_table([group])
    assert table["test accuracy"].tolist() == ["0.500", "0.600", "0.700", "0.600 ± 0.100"]
    assert table["seed"].tolist() == ["1", "2", "3", ""]


def test_figures_as_text() -> None:
    figures = pd.Series({"accuracy": 0.70949, "accuracy.low": 0.6946, "accuracy.high": 0.7225})
    assert metric(figures, "accuracy") == "0.709 [0.695, 0.723]"
    assert percent(figures, "accuracy") == "70.9 % [69.5, 72.2]"
    assert estimate((0.014, -0.002, 0.03), "+.1f", scale=100) == "+1.4 [-0.2, +3.0]"
    assert metric(dict.fromkeys(figures.index, float("nan")), "accuracy") == "-", "of no images"
    assert mean_and_spread([0.70, 0.71, 0.72]) == "0.710 ± 0.010"
    assert [number(0.25), number(None), number(float("nan"))] == ["0.250", "-", "-"]
    assert [share(np.array([True, False, True, True])), share(np.zeros(0, bool))] == ["0.750", "-"]
