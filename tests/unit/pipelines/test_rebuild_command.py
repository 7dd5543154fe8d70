"""What ``rebuild`` runs beside itself; the whole way is in tests/pipeline/test_rollback.py."""

import os
from pathlib import Path

import pytest
import yaml

from fer.errors import UserError
from pipelines import rebuild


def test_a_machine_without_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The defect: a traceback, "No such file or directory: 'git'"."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^rebuild: git: cannot be started \(No such file or directory\); ") as caught:
        rebuild.clone(tmp_path / "clone", "0123abcd", {})
    assert "\n" not in str(caught.value)


def test_a_folder_outside_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"run in a Git clone of the project$") as caught:
        rebuild.clone(tmp_path / "clone", "0123abcd", {})
    assert "\n" not in str(caught.value)


def test_the_keys_of_a_remote_stay_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The defect: .dvc/config.local, readable for its owner alone, was copied for everybody to read."""
    monkeypatch.chdir(tmp_path)
    clone = tmp_path / "clone"
    for folder in (tmp_path, clone):
        (folder / ".dvc").mkdir(parents=True)
    kept = tmp_path / ".dvc" / "config.local"
    kept.write_text("secret")
    kept.chmod(0o600)
    rebuild.copy_local_settings(clone)
    assert (clone / ".dvc" / "config.local").read_text() == "secret"
    assert oct(os.stat(clone / ".dvc" / "config.local").st_mode & 0o777) == oct(0o600)


@pytest.mark.parametrize("start", ["data/raw", "models/first/model.weights.h5", "missing", None])
def test_a_clone_has_what_trainings_begin_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str | None):
    """The defect: a training in the clone found no file, or no folder, where the project had one."""
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)
    Path("models/first").mkdir(parents=True)
    Path("models/first/model.weights.h5").write_bytes(b"weights")
    clone = Path("state/rebuild/2")
    clone.mkdir(parents=True)
    train = {} if start is None else {"start_from": start}
    (clone / "params.yaml").write_text(yaml.safe_dump({"train": train}))
    rebuild.bring_start(clone)
    found = {
        path.relative_to(clone).as_posix(): path.is_dir() for path in clone.rglob("*") if path.name != "params.yaml"
    }
    wanted = {
        "data/raw": {"data": True, "data/raw": True},
        "models/first/model.weights.h5": {"models": True, "models/first": True, "models/first/model.weights.h5": False},
    }
    assert found == wanted.get(start, {})
