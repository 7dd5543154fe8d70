"""What ``retrain`` checks before it starts anything, and what it asks of DVC."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from trained_models import PARAMS

from fer.errors import UserError
from pipelines.retrain import DVC, THREADS, checked_params, out_of_date, run_stage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(folder: Path, **data: str) -> None:
    params = yaml.safe_load(PARAMS.read_text())
    params["data"].update(data)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.parametrize("setting", ["path", "votes"])
def test_what_ingest_depends_on_is_there_before_anything_starts(folder: Path, setting: str) -> None:
    shutil.copy(PARAMS, folder)
    (folder / "data/raw").mkdir(parents=True)
    assert checked_params().data.source == "sample"
    write_params(folder, **{"source": "csv", setting: "data/none.csv"})
    with pytest.raises(UserError, match=rf"^data/none.csv: no such file or folder; correct data.{setting} in params"):
        checked_params()


def test_a_status_that_dvc_cannot_tell_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^dvc status failed: ERROR: you are not inside of a DVC repository") as caught:
        out_of_date.fn(["explore"])
    assert "\n" not in str(caught.value)


def test_a_stage_has_its_share_of_the_cores_unless_the_user_says_how_many(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([*DVC, "init", "--no-scm", "--quiet"], check=True)
    shown = " ".join(f"${name}" for name in THREADS)
    stages = {name: {"cmd": f"echo {shown} > {name}", "outs": [name]} for name in ("shared", "own")}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    run_stage.fn("shared", 3)
    assert (folder / "shared").read_text() == "3 3\n"
    monkeypatch.setenv(THREADS[0], "5")
    run_stage.fn("own", 3)
    assert (folder / "own").read_text() == "5 3\n"
