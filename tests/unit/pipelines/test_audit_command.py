"""The command that audits data/dataset: what it writes, and that an edited file of its is applied."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset, with_images
from project import ROOT

from fer.data.corrections import apply_corrections, read_corrections
from fer.errors import UserError
from pipelines import paths
from pipelines.audit import audit


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
    audit(None, page=True)
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
    _, stays = apply_corrections(table, read_corrections(doubtful))
    assert stays.sum() == 55


def test_without_a_data_set_or_with_an_unknown_detector(project):
    with pytest.raises(UserError, match="no detector is called 'yolo'"):
        audit("yolo", page=False)
    (paths.DATASET / "images.npy").unlink()
    with pytest.raises(UserError, match=r"images\.npy"):
        audit(None, page=False)
