"""params.yaml as one typed, validated object."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from fer.emotions import resolve_classes
from fer.errors import UserError, did_you_mean
from fer.models import list_architectures
from fer.recipe import Recipe, Section
from fer.sections import Ablations, Compare, Data, Distill, Monitor, Promote, Tracking, Train, Validate


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


def read_yaml(path: Path, remedy: str) -> Any:
    """What a YAML file holds.

    Args:
        path: of the file.
        remedy: what to do where it cannot be read, the end of the message.

    Raises:
        UserError: where it cannot be read, or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    # Beside its own errors the library lets through what comes of impossible dates and numbers, and of deep nesting.
    except (yaml.YAMLError, ValueError, AttributeError, LookupError, RecursionError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())[:300]}") from error


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml, every recipe of every architecture included.

    Raises:
        UserError: one line that names the key and the remedy.
    """
    content = read_yaml(path, "run from the project's folder")
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
