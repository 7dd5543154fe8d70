"""What a training depends on."""

import hashlib
import json
from dataclasses import asdict, dataclass

from fer.recipe import Recipe

#: The ``members`` of the teachers who are no models, by the ablation's ``votes_by``. Kept records are found by them.
VOTES_TEACHERS = {"image": "FER+ votes", "class": "FER+ votes by class"}


@dataclass(frozen=True)
class Teacher:
    """Whose predictions a training learns from (Hinton, Vinyals and Dean 2015).

    Attributes:
        share: of its prediction in an image's target; the label has the rest.
        members: the models whose mean prediction it is, as tables tell them, and whether they predict every view; or
            the people.
        digest: hex sha256 of its predictions. Where it predicts every view, of its model's file or results. Where
            people voted, of votes and labels.
    """

    share: float
    members: str
    digest: str

    @property
    def is_model(self) -> bool:
        """Whether models taught it, which is called distillation."""
        return self.members not in VOTES_TEACHERS.values()


@dataclass(frozen=True)
class Start:
    """The trained model that a training goes on from, in place of random or published weights.

    Attributes:
        model: what tables call it: its name and its data set.
        preprocessing: the key of ``fer.models.common.preprocessing.PREPROCESSINGS`` that it was trained with.
        digest: hex sha256 of its weights' file.
    """

    model: str
    preprocessing: str
    digest: str


@dataclass(frozen=True)
class Job:
    """What a training depends on: the same job on the same machine gives the same weights, byte for byte."""

    architecture: str
    classes: tuple[str, ...]
    fingerprint: str
    recipe: Recipe
    seed: int
    teacher: Teacher | None = None
    start: Start | None = None

    @property
    def name(self) -> str:
        """What runs and tables call the model."""
        return f"{self.architecture}_distilled" if self.teacher and self.teacher.is_model else self.architecture

    @property
    def key(self) -> str:
        """16 hex digits that change with anything in the job."""
        teacher = asdict(self.teacher) if self.teacher else None
        # Defaults are left out: a setting that came later leaves the keys of earlier trainings as they were.
        recipe = self.recipe.model_dump(exclude_defaults=True)
        content = [self.architecture, self.classes, self.fingerprint, recipe, self.seed, teacher]
        content += [asdict(self.start)] if self.start else []
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
