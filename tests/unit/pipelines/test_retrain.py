"""What ``retrain`` checks before it starts anything, and what it asks of DVC."""

import shutil
from pathlib import Path

import pytest
import yaml
from trained_models import PARAMS

from fer.errors import UserError
from pipelines.retrain import checked_params, out_of_date


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(folder: Path, **data: str | None) -> None:
    params = yaml.safe_load(PARAMS.read_text())
    params["data"].update(data)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.parametrize("setting", ["path", "votes", "reviewed"])
def test_what_ingest_depends_on_is_there_before_anything_starts(folder: Path, setting: str) -> None:
    shutil.copy(PARAMS, folder)
    for name in ("raw", "reviewed"):
        (folder / "data" / name).mkdir(parents=True)
    assert checked_params().data.source == "sample"
    write_params(folder, **{"source": "csv", setting: "data/none.csv"})
    with pytest.raises(UserError, match=rf"^data/none.csv: no such file or folder; correct data.{setting} in params"):
        checked_params()
    write_params(folder, reviewed=None)
    with pytest.raises(UserError, match=r"^params.yaml: data.reviewed: name a folder"):
        checked_params()


def test_a_status_that_dvc_cannot_tell_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^dvc status failed: ERROR: you are not inside of a DVC repository") as caught:
        out_of_date.fn(["explore"])
    assert "\n" not in str(caught.value)
