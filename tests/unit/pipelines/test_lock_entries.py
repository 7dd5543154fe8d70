"""A stage's result moves from one clone to another by its entry in dvc.lock."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer.errors import UserError
from pipelines.lock_entries import dependencies, read_entries, write_entries

STAGES = """stages:
  copy:
    cmd: cp here there
    deps: [here]
    outs:
      - there:
          persist: true
"""


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """One that has run its stage, and one that has not, with one remote."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    (one / "dvc.yaml").write_text(STAGES)
    (one / "here").write_text("something")
    run(one, "init", "--no-scm", "--quiet")
    run(one, "remote", "add", "--default", "--quiet", "remote", str(tmp_path / "remote"))
    shutil.copytree(one, two)
    run(one, "repro", "--quiet")
    run(one, "push", "--quiet")
    return one, two


def run(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)


def test_the_other_clone_has_the_result_and_nothing_to_run(clones, monkeypatch):
    one, two = clones
    monkeypatch.chdir(one)
    entries, needed = json.loads(json.dumps(read_entries(["copy"]))), dependencies("copy")
    monkeypatch.chdir(two)
    assert dependencies("copy") == needed
    write_entries(entries)
    run(two, "pull", "--quiet")
    assert (two / "there").read_text() == "something"
    assert (two / "dvc.lock").read_bytes() == (one / "dvc.lock").read_bytes()


def test_other_code_is_seen_and_a_missing_file_is_one_line(clones, monkeypatch):
    one, two = clones
    monkeypatch.chdir(one)
    needed = dependencies("copy")
    monkeypatch.chdir(two)
    (two / "here").write_text("other")
    assert dependencies("copy").keys() == needed.keys()
    assert dependencies("copy") != needed
    (two / "here").unlink()
    with pytest.raises(UserError, match="here") as caught:
        dependencies("copy")
    assert "\n" not in str(caught.value)
