"""params.yaml as typed, validated objects."""

import os
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from fer.emotions import resolve_classes
from fer.errors import UserError, did_you_mean
from fer.models import list_architectures
from fer.recipe import Fraction, Positive, Rate, Recipe, Section, Seed, Share

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
    """Settings that an ablation changes; ``teacher`` is a model that predicts every view that the network sees."""

    data: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    teacher: str | None = None


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


class Params(Section):
    """The whole of params.yaml."""

    data: Data
    validate_: Validate = Field(alias="validate")
    train: Train
    recipes: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], dict[str, Any]]
    architectures: dict[str, dict[str, dict[str, Any]]]
    distill: Distill
    ablations: Ablations
    compare: Compare
    promote: Promote
    monitor: Monitor = Field(default_factory=Monitor)
    tracking: Tracking

    def recipe(self, architecture: str, asked_by: str = "train.architectures") -> Recipe:
        """The chosen recipe with the architecture's own settings, if it has any, on top.

        Raises:
            UserError: for a recipe that params.yaml does not have, an architecture that ``fer/models`` does not have,
                or a bad setting.
        """
        name = self.train.recipe
        if name not in self.recipes:
            raise UserError(f"params.yaml: train.recipe: unknown recipe {name!r}{did_you_mean(name, self.recipes)}")
        _check_architecture(architecture, asked_by)
        return self._merge(name, architecture)

    def ablated(self, name: str, architecture: str) -> "Params":
        """These parameters with an ablation's change to the data and to an architecture's recipe.

        Raises:
            UserError: for an ablation that params.yaml does not have, or a bad setting in it.
        """
        changes = self.ablations.changes
        if name not in changes:
            raise UserError(f"params.yaml: ablations.changes: unknown ablation {name!r}{did_you_mean(name, changes)}")
        own = self.architectures.get(architecture, {})
        recipe = _over(own.get(self.train.recipe, {}), changes[name].recipe)
        content = self.model_dump(by_alias=True)
        content["data"] = _over(content["data"], changes[name].data)
        content["architectures"][architecture] = own | {self.train.recipe: recipe}
        try:
            changed = Params.model_validate(content)
            resolve_classes(changed.data.classes)
            changed.recipe(architecture)
        except ValidationError as error:
            raise UserError(f"params.yaml: ablations.changes.{name}: {first_complaint(error, Params)}") from error
        except UserError as error:
            raise UserError(f"params.yaml: ablations.changes.{name}: {error}") from error
        return changed

    def check_recipes(self) -> None:
        """Check every recipe of every architecture, the chosen one of those to be trained included, and all ablations.

        Raises:
            UserError: for an unknown recipe or architecture, or a bad setting.
        """
        for architecture in self.train.architectures:
            self.recipe(architecture)
        for architecture in self.distill.students:
            self.recipe(architecture, "distill.students")
        for architecture, sections in self.architectures.items():
            _check_architecture(architecture, "architectures")
            for name in sections:
                if name not in self.recipes:
                    raise UserError(
                        f"params.yaml: architectures.{architecture}: unknown recipe {name!r}"
                        f"{did_you_mean(name, self.recipes)}"
                    )
            for name in self.recipes:
                self._merge(name, architecture)
        self.recipe(self.ablations.architecture, "ablations.architecture")
        for name in self.ablations.changes:
            self.ablated(name, self.ablations.architecture)

    def _merge(self, name: str, architecture: str) -> Recipe:
        own = self.architectures.get(architecture, {}).get(name, {})
        try:
            return Recipe.model_validate(_over(self.recipes[name], own))
        except ValidationError as error:
            where = f"recipes.{name} with architectures.{architecture}.{name}"
            raise UserError(f"params.yaml: {where}: {first_complaint(error, Recipe)}") from error


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml, every recipe of every architecture included.

    Raises:
        UserError: one line that names the key and the remedy.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); run from the project's folder") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {first_complaint(error, Params)}") from error
    resolve_classes(params.data.classes)
    params.check_recipes()
    lists = {"train.architectures": params.train.architectures, "distill.students": params.distill.students}
    for key, named in lists.items():
        if len(set(named)) != len(named):
            raise UserError(f"{path}: {key}: an architecture is named twice; name each once")
    return params


def _check_architecture(name: str, asked_by: str) -> None:
    """That ``fer/models`` has it; Keras is not imported."""
    known = list_architectures()
    if name not in known:
        raise UserError(f"params.yaml: {asked_by}: unknown architecture {name!r}{did_you_mean(name, known)}")


def _over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the settings of ``own`` in place of its, inside nested sections too."""
    merged = base | own
    return merged | {
        name: _over(base[name], value)
        for name, value in own.items()
        if isinstance(value, dict) and isinstance(base.get(name), dict)
    }


def first_complaint(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint of a ValidationError as ``key: what is wrong; remedy``."""
    # A misspelt key is also a missing one; the misspelling is what the user can see.
    detail = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    location = detail["loc"]
    key = ".".join(str(part) for part in location) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(str(location[-1]), _keys(model, location[:-1]))}"
    if detail["type"] == "missing":
        return f"{key}: missing; add it (the committed params.yaml shows its default)"
    return f"{key}: {detail['msg'].lower()}, got {detail['input']!r}"


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the section at ``location`` knows."""
    for part in location:
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model = field.annotation
    return [field.alias or name for name, field in model.model_fields.items()]
