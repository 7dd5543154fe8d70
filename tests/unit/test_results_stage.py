from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset, with_values
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.outputs import ModelFolder
from fer.params import load_params
from pipelines import results


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=4)


@pytest.fixture
def trained(dataset: FaceDataset, tmp_path: Path) -> list[ModelFolder]:
    return [write_trained(tmp_path / "models", dataset, name, seed) for seed, name in enumerate(("mini", "vgg16"))]


def test_what_is_new_and_what_is_replaced_is_said(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records"
    assert {folder.name for folder in results.keep_all(trained[:1], records, dataset)} == {"mini"}
    assert capsys.readouterr().out == f"results: mini: new in {records}\n"
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    assert {folder.name for folder in results.keep_all([again, trained[1]], records, dataset)} == {"mini", "vgg16"}
    assert capsys.readouterr().out == f"results: mini: replaced in {records}\nresults: vgg16: new in {records}\n"
    results.keep_all([again, trained[1]], records, dataset)
    assert not capsys.readouterr().out


def test_records_of_other_data_of_the_same_name_stay_as_they_are(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    results.keep_all(trained, records, dataset)
    before = {path: path.read_bytes() for path in records.rglob("*") if path.is_file()}
    other = with_values(dataset, "emotion", {0: "sad"})
    assert (other.name, other.fingerprint != dataset.fingerprint) == (dataset.name, True)
    again = write_trained(tmp_path / "again", other, "mini", seed=9)
    with pytest.raises(UserError, match=r"data\.name"):
        results.keep_all([again], records, other)
    assert {path: path.read_bytes() for path in records.rglob("*") if path.is_file()} == before


def test_nothing_trained_and_nothing_kept_is_one_line(dataset: FaceDataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model is kept.*run dvc repro first") as caught:
        results.keep_all([], tmp_path / "records", dataset)
    assert "\n" not in str(caught.value)


def test_latency_belongs_to_the_very_model_that_was_measured(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = load_params(PARAMS)
    params = params.model_copy(update={"compare": params.compare.model_copy(update={"bootstrap": 20})})
    monkeypatch.chdir(tmp_path)
    assert results.comparison(trained, params)["latency_ms"].isna().all(), "nothing was compared here"
    measured = {"model": ["mini", "vgg16"], "model_sha256": [trained[0].run["model_sha256"], "0" * 64]}
    Path("reports/compare").mkdir(parents=True)
    pd.DataFrame(measured | {"latency_ms": [1.5, 9.0]}).to_csv("reports/compare/comparison.csv", index=False)
    latency = results.comparison(trained, params).set_index("model")["latency_ms"]
    assert latency["mini"] == 1.5
    assert pd.isna(latency["vgg16"])
