"""What a version was made of: the Git commit, what was not committed, and DVC's lock and settings."""

import subprocess
from pathlib import Path

import yaml

#: Files that tell which data and settings a stage's output came from.
FILES = ("dvc.yaml", "dvc.lock", "params.yaml")
#: The changes of the work tree that were not committed, as ``git diff --binary`` tells them.
PATCH = "changes.patch"
#: Folders of the code that a result is made of; a file there that Git does not know is part of the changes.
CODE = ("fer", "pipelines")
UNKNOWN = "unknown"
#: A patch that ``git apply`` takes, whatever the user's Git is set to.
DIFF = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")


def origin_files(project: Path) -> dict[str, str]:
    """The texts of ``FILES``, and of ``PATCH`` where anything is not committed, by name.

    Args:
        project: the project's folder.
    """
    found = {name: (project / name).read_text(encoding="utf-8") for name in FILES if (project / name).is_file()}
    changes = _git(project, *DIFF, "HEAD", "--", *CODE, *FILES) or ""
    for name in (_git(project, "ls-files", "-z", "--others", "--exclude-standard", "--", *CODE) or "").split("\0"):
        # git diff --no-index ends with 1 where the files differ, and they do.
        changes += (name and _git(project, *DIFF, "--no-index", "--", "/dev/null", name, fine=(0, 1))) or ""
    return found | ({PATCH: changes} if changes else {})


def origin_tags(project: Path, files: dict[str, str]) -> dict[str, str]:
    """The Git commit, whether there were changes, and DVC's digest of the data set, as a version's tags."""
    commit = (_git(project, "rev-parse", "HEAD") or UNKNOWN).strip()
    data = dvc_digest(files.get("dvc.lock", ""), "ingest", "data/dataset")
    tags = {"git_commit": commit, "git_changes": "yes" if PATCH in files else "", "dvc_data": data or ""}
    return {name: value for name, value in tags.items() if value}


def dvc_digest(lock: str, stage: str, path: str) -> str | None:
    """DVC's digest of a stage's output, from the text of dvc.lock; None where it has none."""
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    outputs = stages.get(stage, {}).get("outs", [])
    return next((str(out["md5"]) for out in outputs if out.get("path") == path and "md5" in out), None)


def _git(project: Path, *arguments: str, fine: tuple[int, ...] = (0,)) -> str | None:
    """What Git prints; None where there is no Git, no repository, or no commit."""
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode in fine else None
