import subprocess
from pathlib import Path

import pytest

from fer.delivery.origin import PATCH, dvc_digest, origin_files, origin_tags

LOCK = """schema: '2.0'
stages:
  ingest:
    cmd: python -m pipelines ingest
    outs:
    - path: data/dataset
      md5: 0123abc.dir
"""


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fer").mkdir()
    (tmp_path / "fer" / "a.py").write_text("a = 1\n")
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    (tmp_path / "dvc.lock").write_text(LOCK)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_project_is_its_commit(project):
    files = origin_files(project)
    assert files == {"dvc.lock": LOCK, "params.yaml": "seed: 1\n"}
    commit = git(project, "rev-parse", "HEAD").strip()
    assert origin_tags(project, files) == {"git_commit": commit, "dvc_data": "0123abc.dir"}


def test_what_was_not_committed_can_be_put_on_the_commit_again(project, tmp_path_factory):
    (project / "fer" / "a.py").write_text("a = 2\n")
    (project / "fer" / "new.py").write_text("b = 1\n")
    (project / "params.yaml").write_text("seed: 2\n")
    files = origin_files(project)
    assert origin_tags(project, files)["git_changes"] == "yes"
    clone = tmp_path_factory.mktemp("clone") / "project"
    git(project, "clone", "-q", str(project), str(clone))
    (clone.parent / PATCH).write_text(files[PATCH])
    git(clone, "apply", str(clone.parent / PATCH))
    for name in ("fer/a.py", "fer/new.py", "params.yaml"):
        assert (clone / name).read_text() == (project / name).read_text(), name


def test_without_git_or_dvc_nothing_is_claimed(tmp_path):
    assert origin_files(tmp_path) == {}
    assert origin_tags(tmp_path, {}) == {"git_commit": "unknown"}
    assert dvc_digest("", "ingest", "data/dataset") is None
    assert dvc_digest(LOCK, "ingest", "models") is None


@pytest.mark.parametrize(
    "setting",
    [("diff.noprefix", "true"), ("color.ui", "always"), ("diff.external", "true"), ("core.quotePath", "true")],
)
def test_the_changes_fit_whatever_git_is_set_to(project, tmp_path_factory, setting):
    """The defects: a patch without prefixes, in colour or empty; and a file with an umlaut was left out in silence."""
    git(project, "config", *setting)
    (project / "fer" / "a.py").write_text("a = 2\n")
    (project / "fer" / "ärger.py").write_text("b = 1\n")
    changes = origin_files(project)[PATCH]
    clone = tmp_path_factory.mktemp("clone") / "project"
    git(project, "clone", "-q", str(project), str(clone))
    (clone / PATCH).write_bytes(changes.encode(errors="surrogateescape"))
    git(clone, "apply", PATCH)
    assert (clone / "fer" / "a.py").read_text() == "a = 2\n"
    assert (clone / "fer" / "ärger.py").read_text() == "b = 1\n"
