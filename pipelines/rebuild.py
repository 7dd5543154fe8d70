"""A registered version made again: its code, its settings, its data and its model. No stage of dvc.yaml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from fer.delivery.champion import write_champion
from fer.delivery.origin import PATCH, UNKNOWN
from fer.delivery.registry import Registry
from fer.delivery.version_files import Registered
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.files import write_text
from fer.params import load_params
from fer.pipeline_run import PIPELINE_RUN, PIPELINE_RUN_ID
from fer.store import Store
from pipelines import paths

DVC = (sys.executable, "-m", "dvc")
#: The end of a distilled model's name.
STUDENT = "_distilled"


def rebuild(version: str, train: bool) -> None:
    """Put a version's code, settings, data and model into ``state/rebuild/<version>``, a clone of the project.

    The model comes from DVC's cache or its remote; with ``train`` it is trained again there, by that code on that data.
    Either way its bytes are compared with those that were registered.

    Args:
        version: its number.
        train: train it again.

    Raises:
        UserError: where its origin was not kept, Git or DVC lacks a part of it, or another model comes out.
    """
    registry = Registry(Store(load_params().tracking))
    target = registry.find(version)
    files, folder = registry.origin_of(target), paths.STATE / "rebuild" / version
    commit = target.tags.get("git_commit", UNKNOWN)
    if not files or commit == UNKNOWN:
        raise UserError(
            f"rebuild: version {version} was registered without its Git commit and dvc.lock; its model itself is "
            f"in the registry: python -m pipelines promote --accept --version {version}"
        )
    clone(folder, commit, files)
    print(
        f"rebuild: {folder}: commit {commit[:12]}{', with what was not committed' if PATCH in files else ''}",
        flush=True,
    )
    model = fetch(folder, target, train)
    if model.run.model_sha256 != target.card.model_sha256:
        raise UserError(
            f"rebuild: {model.onnx}: another model than version {version}'s (sha256 {model.run.model_sha256[:12]}, not "
            f"{target.card.model_sha256[:12]}); the same processor and packages ({software_of(model)}) are needed"
        )
    with registry.quantized(target) as quantized, registry.reference(target) as reference:
        write_champion(folder / paths.CHAMPION, model.onnx, target.card, quantized, reference)
    how = "trained again" if train else "from DVC's cache"
    print(f"rebuild: {folder / paths.CHAMPION}/: version {version}, {how}, byte for byte the registered model")


def clone(folder: Path, commit: str, files: dict[str, str]) -> None:
    """The project at a commit, with the changes and settings that the version was made with.

    Raises:
        UserError: where Git has not got the commit, or the changes do not fit.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run(
        ["git", "clone", "--quiet", "--shared", "--no-checkout", ".", str(folder)],
        Path(),
        "run in a Git clone of the project",
    )
    _run(["git", "checkout", "--quiet", "--detach", commit], folder, f"fetch commit {commit} into this clone")
    if PATCH in files:
        patch = (folder / PATCH).absolute()
        patch.write_bytes(files[PATCH].encode(errors="surrogateescape"))
        _run(["git", "apply", str(patch)], folder, "the changes do not fit the commit")
    for name, text in files.items():
        if name != PATCH:
            write_text(folder / name, text)


def fetch(folder: Path, target: Registered, train: bool) -> ModelFolder:
    """The version's data and model in a clone, by DVC: from the project's cache, else its remote.

    Raises:
        UserError: where neither has them.
    """
    copy_local_settings(folder)
    cache = Path(_run([*DVC, "cache", "dir"], Path(), "run in the project's folder").strip()).absolute()
    _run([*DVC, "cache", "dir", "--local", str(cache)], folder, "check the folder's permissions")
    name = target.card.architecture
    network = name.removesuffix(STUDENT)
    stage, models = (f"distill@{network}", paths.DISTILLED) if network != name else (f"train@{network}", paths.MODELS)
    before = ["ingest", "validate", "recipes"] + (["ensemble"] if network != name else [])
    for needed in [*before, *([] if train else [stage])]:
        _checkout(folder, needed)
    if train:
        bring_start(folder)
        environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{paths.STATE / 'mlflow.db'}"}
        _run([*DVC, "repro", "--force", "--single-item", stage], folder, "the lines above say why", environment)
    return ModelFolder(folder / models / network)


def copy_local_settings(folder: Path) -> None:
    """Give a clone the addresses and keys of DVC's remotes, for nobody else to read than before."""
    local = Path(".dvc/config.local")
    if local.is_file():
        shutil.copy(local, folder / local)


def bring_start(folder: Path) -> None:
    """Give a clone what the version's ``train.start_from`` names in the project; Git and DVC keep neither.

    A training compares the file with the digest that the version's recipe has.
    """
    # Read as it is: the version's settings may be those of other code.
    train = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")).get("train", {})
    start = Path(train.get("start_from") or ".")
    if (folder / start).exists():
        return
    if start.is_file():
        (folder / start).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(start, folder / start)
    elif start.is_dir():
        (folder / start).mkdir(parents=True)


def software_of(model: ModelFolder) -> str:
    """What a model was trained with, in a few words."""
    return ", ".join(f"{name} {version}" for name, version in model.run.software.items())


def _checkout(folder: Path, stage: str) -> None:
    """A stage's outputs, as dvc.lock names them."""
    try:
        _run([*DVC, "checkout", stage], folder, "")
    except UserError:
        remedy = (
            f"the outputs of {stage} are not in DVC's cache: name its remote (dvc remote add), or dvc pull --run-cache"
        )
        _run([*DVC, "pull", stage], folder, remedy)


def _run(command: list[str], folder: Path, remedy: str, environment: dict[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        UserError: where it fails, with the last line that it wrote.
    """
    ours = {name: value for name, value in os.environ.items() if name not in (PIPELINE_RUN, PIPELINE_RUN_ID)}
    # A training's own lines are for the person at the terminal.
    shown = environment is not None
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=ours | (environment or {}),
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        raise UserError(f"rebuild: {command[0]}: cannot be started ({error.strerror}); install it, {remedy}") from error
    if done.returncode:
        *_, reason = (done.stderr or "").strip().splitlines() or ["it failed"]
        raise UserError(f"rebuild: {' '.join(command[-3:])}: {reason.strip()[:200]}; {remedy}")
    return done.stdout or ""
