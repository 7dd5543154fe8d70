"""What a training depends on."""

import hashlib
import json
from dataclasses import dataclass

from fer.params import Recipe


@dataclass(frozen=True)
class Job:
    """What a training depends on: the same job on the same machine gives the same weights, byte for byte."""

    architecture: str
    classes: tuple[str, ...]
    fingerprint: str
    recipe: Recipe
    seed: int

    @property
    def key(self) -> str:
        """16 hex digits that change with anything in the job."""
        content = [self.architecture, self.classes, self.fingerprint, self.recipe.model_dump(), self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
