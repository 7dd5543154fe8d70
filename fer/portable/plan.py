"""A plan of trainings, as a person writes it, and the packed folder that is made of it at home."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import Field, ValidationError

from fer.data.dataset import FaceDataset
from fer.errors import UserError, did_you_mean
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.files import replace_folder
from fer.models.common.registry import get_architecture
from fer.models.common.weights import find_weights
from fer.params import Params, first_complaint
from fer.portable.bundle import pack_job
from fer.portable.folder import FACES, FORMAT, LABELS, PACK, TRAINED, WEIGHTS, PackedJob, describe_file
from fer.portable.lossless import compress
from fer.portable.train import Finished, code_of
from fer.recipe import Fraction, Positive, Section, Seed
from fer.training.beginning import build
from fer.training.precision import FULL, MIXED
from fer.training.state import RANDOM, Progress

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]


class PlannedJob(Section):
    """One training: an architecture by the plan's recipe, or an ablation of params.yaml.

    ``trained`` is the folder of a model of this project, such as ``models/compact``, that comes along as a teacher.

    ``like`` names a job before it whose number of epochs it has, so that both are seeds of one training.
    ``epochs`` are those of its schedule where not the recipe's. ``teachers`` are jobs before it, and ``share`` is that
    of their answers in a target.
    """

    name: Name
    architecture: str | None = None
    ablation: str | None = None
    trained: Path | None = None
    seed: Seed | None = None
    epochs: Positive | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    least: Positive = 1
    like: str | None = None
    keep: Literal["float16", "float32", "predictions"] = "float16"
    teachers: list[str] = Field(default_factory=list)
    share: Fraction = 1.0


class Plan(Section):
    """Jobs in the order of their priority; ``reserve`` are minutes at the end that no training takes."""

    recipe: str
    reserve: Annotated[float, Field(ge=0)]
    jobs: Annotated[list[PlannedJob], Field(min_length=1)]


def read_plan(path: Path) -> Plan:
    """Read and check a plan, YAML or JSON.

    Raises:
        UserError: one line that names the key and the remedy.
    """
    try:
        plan = Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a plan") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise UserError(f"{path}: {first_complaint(error, Plan)}") from error
    before: list[str] = []
    for job in plan.jobs:
        where = f"{path}: job {job.name}"
        if job.name in before:
            raise UserError(f"{where}: named twice; give each job a name of its own")
        if [job.architecture, job.ablation, job.trained].count(None) != 2:
            raise UserError(f"{where}: name one of architecture, ablation and trained")
        for other in (*job.teachers, *([job.like] if job.like else [])):
            if other not in before:
                raise UserError(f"{where}: no job {other!r} before it{did_you_mean(other, before)}")
        before.append(job.name)
    return plan


def jobs_of(
    plan: Plan, params: Params, dataset: FaceDataset, home_of: Callable[[PlannedJob, str, int], str]
) -> list[PackedJob]:
    """The plan's trainings with all their settings.

    Args:
        plan: of ``read_plan``.
        params: whose recipes the plan names.
        dataset: what they train on.
        home_of: gives the project's folder for a job, its architecture and its seed.

    Raises:
        UserError: for an unknown recipe, architecture or ablation, a bad setting, an ablation of the data or with
            a teacher, or two jobs for one folder.
    """
    params = params.model_copy(update={"train": params.train.model_copy(update={"recipe": plan.recipe})})
    found: dict[str, PackedJob] = {}
    for job in plan.jobs:
        if job.trained:
            found[str(job.trained)] = _brought(job, ModelFolder(job.trained), dataset)
            continue
        own = params
        architecture = job.architecture or params.ablations.architecture
        if job.ablation:
            own = params.ablated(job.ablation, architecture)
            if own.data != params.data:
                raise UserError(f"job {job.name}: ablation {job.ablation} changes the data, of which one set travels")
            change = params.ablations.changes[job.ablation]
            if change.teacher or change.votes:
                raise UserError(f"job {job.name}: ablation {job.ablation} has a teacher or votes, which do not travel")
        seed = params.train.seed if job.seed is None else job.seed
        recipe = own.recipe(architecture, f"job {job.name}")
        if job.epochs:
            recipe = recipe.model_copy(update={"epochs": job.epochs})
        packed = PackedJob(
            name=job.name,
            architecture=architecture,
            classes=dataset.classes,
            seed=seed,
            recipe=recipe,
            home=home_of(job, architecture, seed),
            code=code_of(architecture),
            teachers=tuple(job.teachers),
            share=job.share if job.teachers else 0.0,
            **{name: getattr(job, name) for name in ("minutes", "least", "like", "keep")},
        )
        if packed.home in found:
            raise UserError(f"jobs {found[packed.home].name} and {job.name}: both go to {packed.home}; change a seed")
        found[packed.home] = packed
    return list(found.values())


def pack(
    folder: Path,
    dataset: FaceDataset,
    jobs: list[PackedJob],
    reserve: float,
    weights_folder: Path | None,
    commit: str,
) -> None:
    """Write the folder that travels, in place of what is there: no image of the test split is in it.

    Args:
        folder: where.
        dataset: its train and validation splits travel.
        jobs: of ``jobs_of``.
        reserve: minutes at the end that no training takes.
        weights_folder: where pretrained files are looked for first.
        commit: of the code, or ``unknown``.

    Raises:
        UserError: where a pretrained file that is required is not found.
    """
    rows = {split: dataset.rows(split) for split in ("train", "validation")}
    with replace_folder(folder) as fresh:
        images = np.concatenate([np.asarray(dataset.images[some]) for some in rows.values()])
        (fresh / FACES).write_bytes(compress(images))
        labels: dict[str, Any] = {split: dataset.labels[some].astype(np.uint8) for split, some in rows.items()}
        np.savez_compressed(fresh / LABELS, **labels)
        for job in jobs:
            if job.trained:
                (fresh / TRAINED).mkdir(exist_ok=True)
                (fresh / TRAINED / job.trained).write_bytes(pack_job(_finished(job, dataset.face_size), "float16"))
        jobs = [replace(job, weights=_copy_weights(job, weights_folder, fresh / WEIGHTS)) for job in jobs]
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        about = {
            "format": FORMAT,
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "commit": commit,
            "counts": {split: len(some) for split, some in rows.items()},
            "reserve": reserve,
            "jobs": [asdict(replace(job, recipe=job.recipe.model_dump())) for job in jobs],
            "files": {path.relative_to(fresh).as_posix(): describe_file(path) for path in files},
        }
        (fresh / PACK).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _copy_weights(job: PackedJob, weights_folder: Path | None, target: Path) -> str | None:
    """The name of the job's pretrained file, copied to ``target``; None where it begins from random weights.

    Raises:
        UserError: where its recipe requires one and none is found.
    """
    files = get_architecture(job.architecture).pretrained
    if job.trained or job.recipe.pretrained == "none" or not files:
        return None
    try:
        file, path = find_weights(files, weights_folder)
    except UserError:
        if job.recipe.pretrained == "required":
            raise
        return None
    target.mkdir(exist_ok=True)
    if not (target / file.name).exists():
        shutil.copyfile(path, target / file.name)
    return file.name


def _brought(job: PlannedJob, folder: ModelFolder, dataset: FaceDataset) -> PackedJob:
    """A trained model as a job that is finished already."""
    run = folder.run
    if run.fingerprint != dataset.fingerprint:
        raise UserError(f"{folder.path}: trained on other data than {dataset.name}; take another teacher")
    if run.start:
        raise UserError(f"{folder.path}: went on from another model, which does not travel; take another teacher")
    return PackedJob(
        name=job.name,
        architecture=run.architecture,
        classes=run.classes,
        seed=run.seed,
        recipe=run.recipe,
        home=str(folder.path),
        code=code_of(run.architecture),
        trained=f"{job.name}.npz",
    )


def _finished(job: PackedJob, face_size: int) -> Finished:
    """The model in a job's ``home`` as the job would have left it; as a teacher it computes in bfloat16.

    Raises:
        UserError: where its weights are missing or another network's, or its facts are too old to say how it began.
    """
    folder, architecture = ModelFolder(Path(job.home)), get_architecture(job.architecture)
    run, path = folder.run, folder.path / "model.weights.h5"
    if run.preprocessing is None or run.temperature is None:
        raise UserError(f"{folder.path}: its run.json does not say its preprocessing and temperature; train it again")
    began = run.weights, run.preprocessing
    source = next((file for file in architecture.pretrained if (file.label, file.preprocessing) == began), None)
    model = build(job, architecture, source, FULL, face_size)
    try:
        model.load_weights(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not weights of {job.architecture}; run the train stage again") from error
    progress = Progress("all", run.epochs, folder.rows, run.best_epoch, total=run.epochs, precision=MIXED)
    progress.weights = source.name if source else RANDOM
    one, ten = (folder.scored(split)[1] for split in (Split.VALIDATION, Split.VALIDATION_TEN_VIEWS))
    return Finished(model.get_weights(), run.preprocessing, run.temperature, one, ten, progress, {})
