"""The command that audits data/dataset: what it writes, and that an edited file of its is applied."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_faces import drawn_sample
from face_datasets import small_dataset, with_images
from onnx_models import write_model
from project import ROOT

from fer.data.corrections import read_corrections
from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.inference.runtime import onnx_predict
from fer.params import load_params
from fer.report.tables import heading
from fer.sections import Sample
from pipelines import paths
from pipelines.audit import audit


def drawn_again(images: int, seed: int, size: int) -> tuple[np.ndarray, pd.DataFrame]:
    """The sample of which every ``build_dataset`` gets its own, drawn once."""
    assert size == FACE_SIZE
    faces, table = drawn_sample(images, seed)
    return faces.copy(), table.copy()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed settings and a small data set that leaks a mirrored test image into train."""
    dataset = small_dataset(train=20, classes=("happy", "sad"))
    test = dataset.rows("test")[0]
    dataset = with_images(dataset, {0: dataset.images[test][:, ::-1].copy()})
    dataset.save(tmp_path / paths.DATASET)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tables_figures_and_a_file_of_corrections(project, capsys):
    dataset = FaceDataset.load(paths.DATASET)
    card = json.loads((write_model(paths.CHAMPION, dataset.classes) / "card.json").read_text())
    (paths.CHAMPION / "card.json").write_text(json.dumps(card | {"fingerprint": dataset.fingerprint}))
    audit(None, page=True)
    accuracy = pd.read_csv(paths.AUDIT / "test_accuracy.csv").set_index(["model", "part"])["accuracy"]
    tested = dataset.rows("test")
    said = onnx_predict(paths.CHAMPION / "model.onnx", np.asarray(dataset.images[tested])).argmax(axis=1)
    assert accuracy["champion", "all"] == pytest.approx((said == dataset.labels[tested]).mean())
    table = pd.read_parquet(paths.AUDIT / "images.parquet")
    summary = json.loads((paths.AUDIT / "audit.json").read_text())
    assert len(table) == summary["images"] == 56
    pairs = pd.read_csv(paths.AUDIT / "near_copies.csv")
    leak = pairs[(pairs["first"] == "face-000") & (pairs["second_split"] == "test")]
    assert leak["mirrored"].any()
    assert summary["near"]["evaluation_images_near_train"]["test"] >= 1
    assert re.match(r"audit: small faces [0-9a-f]{16}: \d+ pairs of near copies", capsys.readouterr().out)
    assert paths.AUDIT_PAGE.read_text().startswith("# What is wrong with")
    assert (paths.RECORDS / "small-faces/audit/audit.json").is_file()
    assert (paths.AUDIT / "doubtful_labels.html").read_text().startswith("<!doctype html>")

    doubtful = paths.AUDIT / "doubtful_labels.csv"
    assert read_corrections(doubtful).rows.empty
    rows = table.head(1)[["source_id", "sha256", "emotion"]].assign(correct="remove")
    rows.to_csv(doubtful, index=False)
    with pytest.raises(UserError, match=r"doubtful_labels\.csv: holds 1 decisions, which the audit would overwrite"):
        audit(None, page=False)


def test_what_the_audit_doubts_is_edited_and_ingest_applies_it(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer.data.sample.draw_sample", drawn_again)
    sample = Sample(images=240, seed=2)
    data = load_params().data.model_copy(
        update={"votes": Path(), "corrections": Path(), "reviewed": None, "sample": sample}
    )
    before, report = build_dataset(data)
    assert "corrections" not in report
    before.save(paths.DATASET)
    audit(None, page=False)
    doubtful = pd.read_csv(paths.AUDIT / "doubtful_labels.csv", dtype=str, keep_default_na=False)
    train, test = (doubtful[doubtful["split"] == split].index for split in ("train", "test"))
    assert len(train) > 2
    decided = [*train[:3], *test[:1]]
    doubtful.loc[decided, "correct"] = ["remove", "happy", doubtful["emotion"][train[2]], "remove"][: len(decided)]
    doubtful.to_csv("corrections.csv", index=False)
    changed = int(doubtful["emotion"][train[1]] != "happy")

    data = data.model_copy(update={"corrections": Path("corrections.csv")})
    after, report = build_dataset(data)
    counts = report["corrections"]
    assert (counts["removed"], counts["relabelled"]) == (1, changed)
    assert counts["not_applied"] == len(decided) - 3
    assert counts["fingerprint"] == read_corrections(Path("corrections.csv")).fingerprint
    told = f"corrected by corrections.csv ({counts['fingerprint']}): {changed} labels changed, 1 images left out"
    assert any(line.startswith(told) for line in report["readings"])
    labels = after.table.set_index("source_id")["emotion"]
    assert doubtful["source_id"][train[0]] not in labels
    assert labels[doubtful["source_id"][train[1]]] == "happy"
    assert after.fingerprint != before.fingerprint
    for split in ("validation", "test"):
        rows = [dataset.table.loc[dataset.rows(split), ["source_id", "emotion"]] for dataset in (before, after)]
        assert rows[0].to_numpy().tolist() == rows[1].to_numpy().tolist()
    after.save(tmp_path / "saved")
    loaded = FaceDataset.load(tmp_path / "saved")
    assert (loaded.corrected, loaded.fingerprint) == (after.corrected, after.fingerprint)

    whole, report = build_dataset(data.model_copy(update={"correct_evaluation": True}))
    assert report["corrections"]["evaluation"] == len(decided) - 3
    assert len(whole.rows("test")) == len(after.rows("test")) - (len(decided) - 3)
    assert ("labels corrected" in heading(whole)) == (len(decided) > 3)
    assert "labels corrected" not in heading(after)


def test_without_a_data_set_or_with_an_unknown_detector(project):
    with pytest.raises(UserError, match="no detector is called 'yolo'"):
        audit("yolo", page=False)
    (paths.DATASET / "images.npy").unlink()
    with pytest.raises(UserError, match=r"images\.npy"):
        audit(None, page=False)
