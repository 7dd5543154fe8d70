"""What a training says of itself: ``run.json`` and ``mlflow.json``."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat

from fer.job import Job, Start, Teacher
from fer.recipe import Recipe


class RunFacts(BaseModel):
    """``run.json``: what was trained, by which recipe, and what came out. Its bytes depend on the job alone.

    Attributes:
        architecture: its name in params.yaml.
        title: what tables and figures call the model.
        dataset: name of the data set.
        fingerprint: that data set's fingerprint.
        classes: emotion names in code order.
        seed: of every random choice.
        recipe: how it was trained.
        precision: Keras' dtype policy of the network.
        weights: what the network began from, ``random``, the pretrained file's label or the model of ``start``.
        preprocessing: the key of ``fer.models.preprocessing.PREPROCESSINGS``; None where it is not known any more.
        temperature: what the logits are divided by, fitted on validation; None where it is not known any more.
        epochs: how many were trained.
        best_epoch: the one whose weights were kept, from 1.
        parity: largest difference between a probability of ONNX Runtime and Keras; None where it was not measured.
        model_sha256: hex digest of ``model.onnx``.
        software: versions of the packages, and Keras' ``backend``.
        job: ``fer.job.Job.key``.
        teacher: of a distilled model.
        start: of a fine-tuned model.
        corrections: fingerprint of the corrections of the data set's labels, where there are any.
    """

    model_config = ConfigDict(frozen=True)

    architecture: str
    title: str
    dataset: str
    fingerprint: str
    classes: tuple[str, ...]
    seed: int
    recipe: Recipe
    precision: str
    weights: str
    preprocessing: str | None = None
    temperature: FiniteFloat | None = None
    epochs: int
    best_epoch: int
    parity: float | None
    model_sha256: str
    software: dict[str, str]
    job: str
    teacher: Teacher | None = None
    start: Start | None = None
    corrections: str | None = None

    @property
    def trained(self) -> Job:
        """The job that was trained."""
        return Job(self.architecture, self.classes, self.fingerprint, self.recipe, self.seed, self.teacher, self.start)

    def to_json(self) -> str:
        """The text of ``run.json``; what a model has not (teacher, start, corrections) has no key."""
        content = self.model_dump()
        optional = ("teacher", "start", "corrections")
        return _text({name: value for name, value in content.items() if name not in optional or value}, indent=2)


class Provenance(BaseModel):
    """``mlflow.json``: where, when and by which code a model was trained. No two machines share it.

    Attributes:
        run_id: of MLflow.
        model_sha256: of the model that it describes.
        commit: Git commit of the code that trained.
        minutes: of all epochs.
        cores: of the machine's CPU.
        accelerator: its maker's name for it; empty for a CPU.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str = ""
    model_sha256: str = ""
    commit: str = "unknown"
    minutes: FiniteFloat | None = None
    cores: str | None = None
    accelerator: str = ""

    def to_json(self) -> str:
        """The text of ``mlflow.json``, one line."""
        return _text(self.model_dump())


def _text(content: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps(content, indent=indent) + "\n"
