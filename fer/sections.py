"""The sections of params.yaml, as typed, validated objects; a training's own settings are in ``fer.recipe``."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from fer.recipe import Fraction, Positive, Rate, Section, Seed, Share

Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Sample(Section):
    """The drawn sample: how many images, and the seed that draws them."""

    images: Annotated[int, Field(ge=70, le=1_000_000)]
    seed: Seed


class Columns(Section):
    """Names of a table's columns; those that are not named are found by their usual names."""

    image: str | None = None
    label: str | None = None
    split: str | None = None
    pixels: str | None = None
    groups: list[str] | None = None


class Data(Section):
    """Where images and labels come from, and how they are read, cleaned and split.

    ``votes`` is the table of FER+ votes and ``corrections`` a file of corrected labels, or a folder where there is
    none: DVC follows them, and so they must exist. ``correct_evaluation`` lets corrections change validation and test.
    ``reviewed`` is the folder of images that a person labelled since, which join the train split; it may be empty.
    ``labels`` maps their labels to ours, or names a published data set; ``splits`` maps their splits.
    """

    source: str
    path: Path
    kaggle: str
    name: str | None = None
    votes: Path
    reviewed: Path | None = None
    corrections: Path | None = None
    correct_evaluation: bool = False
    labels: str | dict[str | int, str] | None = None
    splits: dict[str | int, str] | None = None
    csv: Columns | None = None
    image_size: Annotated[int, Field(ge=32, le=512)] = 48
    find_faces: bool = False
    classes: str | list[str]
    remove_copies: bool
    validation_share: Share
    test_share: Share
    seed: Seed
    sample: Sample


class Validate(Section):
    """Where the expectation suites are and how many offending rows a message names."""

    suites: Path
    show_rows: Positive


class Train(Section):
    """What to train, by which recipe.

    ``start_from`` is the weights' file of a trained model that trainings go on from, or a folder where there is none:
    DVC follows it, and so it must exist.
    """

    architectures: Annotated[list[str], Field(min_length=1)]
    recipe: str
    seed: Seed
    weights_folder: Path | None = None
    start_from: Path | None = None

    @property
    def start(self) -> Path | None:
        """The weights' file that trainings go on from; None where they begin anew."""
        return self.start_from if self.start_from and not self.start_from.is_dir() else None


class Distill(Section):
    """Which architectures are trained again on the ensemble's predictions; ``share`` is theirs in a target."""

    students: list[str]
    share: Fraction


class Change(Section):
    """Settings that an ablation changes, and what its targets come from beside the labels.

    Attributes:
        data: settings of section ``data``.
        recipe: settings of the architecture's recipe.
        teacher: a model that predicts every view that the network sees.
        votes: share of FER+'s votes in a target, translated to the data set's labels (``fer.evaluation.votes``).
        votes_by: ``image``; or ``class``, the share goes to what a class is confused with by the votes on its images.
    """

    data: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    teacher: Annotated[str, Field(min_length=1)] | None = None
    votes: Fraction = 0.0
    votes_by: Literal["image", "class"] = "image"

    @field_validator("votes")
    @classmethod
    def _one_teacher(cls, votes: float, info: ValidationInfo) -> float:
        if votes and info.data.get("teacher"):
            raise ValueError("must be 0 beside a teacher")
        return votes

    @field_validator("votes_by")
    @classmethod
    def _of_votes(cls, votes_by: str, info: ValidationInfo) -> str:
        if votes_by == "class" and not info.data.get("votes"):
            raise ValueError("needs votes above 0")
        return votes_by


class Ablations(Section):
    """Single changes by name, and the architecture that is trained with one where no other is named."""

    architecture: str
    changes: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Change]


class Compare(Section):
    """Bootstrap intervals and the figure of sample faces."""

    # Resamples stand in memory together, a confusion matrix each: 40 MB for the most of seven classes.
    bootstrap: Annotated[int, Field(ge=1, le=100_000)]
    seed: Seed
    sample_faces: Positive


class Promote(Section):
    """What a model must pass to become champion (``fer.delivery.gates``), and whether a person has the last word."""

    manual: bool = False
    min_class_f1: Fraction
    min_skill: Fraction
    parity: Rate
    certain_precision: Fraction
    max_calibration_error: Fraction = 0.1
    min_slice_share: Fraction = 0.7
    max_loss: Fraction = 0.02
    min_robustness: Fraction = 0.5
    max_megabytes: Above = 200
    max_latency_ms: Above = 250
    max_drift: Fraction = 0.5
    min_gain: Annotated[float, Field(ge=-1, le=1)] = 0.0


class Bounds(Section):
    """How far each property may move before it counts as drift; ``fer.monitoring.comparison`` says how it is measured.

    In standard deviations of the reference; ``emotion``, ``certain`` and ``face`` as a share of the faces.
    """

    brightness: Above = 0.3
    contrast: Above = 0.3
    sharpness: Above = 0.3
    likeness: Above = 0.3
    score: Above = 0.3
    side: Above = 0.3
    confidence: Above = 0.3
    emotion: Fraction = 0.12
    certain: Fraction = 0.1
    face: Fraction = 0.05


class Monitor(Section):
    """When what the service sees is another world than the champion's validation images.

    ``false_alarms`` is how often a window that is like the reference may alarm, over all properties together.
    """

    window: Annotated[int, Field(ge=30, le=100_000)] = 500
    least: Annotated[int, Field(ge=30, le=100_000)] = 200
    false_alarms: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    bounds: Bounds = Field(default_factory=Bounds)

    @field_validator("least")
    @classmethod
    def _within_window(cls, least: int, others: ValidationInfo) -> int:
        if least > others.data.get("window", least):
            raise ValueError("must be at most monitor.window")
        return least


class Tracking(Section):
    """Where MLflow keeps runs, and under which names."""

    uri: str
    experiment: str
    model: str

    @property
    def address(self) -> str:
        """Of the tracking store: ``MLFLOW_TRACKING_URI`` where it is set, else ``uri``."""
        return os.environ.get("MLFLOW_TRACKING_URI") or self.uri
