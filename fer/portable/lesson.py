"""What a training step is asked: rows in, the student's predictions and what they ought to be out."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from fer.portable.views import QUANTILES, as_int32, augment, mix, share_table, uniform

if TYPE_CHECKING:
    from fer.recipe import Recipe


class Lesson(keras.Model):
    """The student, the faces in the accelerator's memory, and the teachers that see each view too.

    A consistent teacher sees the very view that the student sees, augmentation and mixup included (Beyer et al. 2022).

    Args:
        student: the classifier in training.
        faces: uint8 ``[N, S, S]``.
        targets: float32 ``[N, C]``, rows that sum to 1.
        weights: float32 ``[N]``, of the rows in the loss.
        recipe: augmentation and mixup.
        seed: of the training.
        teachers: classifiers, of which the plain mean is the teacher's answer.
        share: of that answer in a target; the label has the rest.
    """

    def __init__(
        self,
        student: keras.Model,
        faces: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        recipe: "Recipe",
        seed: int,
        teachers: list[keras.Model],
        share: float,
    ):
        super().__init__(name="lesson")
        self.student, self.teachers, self.share = student, teachers, share
        self.recipe = recipe
        for teacher in teachers:
            teacher.trainable = False
        # All are arguments of the compiled step, not constants in it: another seed's is the same, and compiled already.
        self.faces, self.targets, self.row_weights, self.seed = (
            keras.Variable(values, trainable=False, dtype=dtype, name=name)
            for name, values, dtype in (
                ("faces", faces, "uint8"),
                ("targets", targets, "float32"),
                ("row_weights", weights, "float32"),
                ("seed", as_int32(seed), "int32"),
            )
        )
        self.shares = share_table(recipe.mixup.alpha) if recipe.mixup.alpha else None
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = True) -> tuple[Any, Any, Any]:
        """The student's probabilities ``[B, C]``, the targets ``[B, C]`` and the weights ``[B]`` of some rows.

        Args:
            inputs: ``rows`` int32 ``[B]``; ``epoch``, an int32 scalar; ``blends``, a boolean scalar.
            training: of the student alone.
        """
        views, targets, weights = self.views(inputs)
        probabilities = self.student(views, training=training)
        if self.teachers:
            answers = [teacher(views, training=False) for teacher in self.teachers]
            targets = (1 - self.share) * targets + self.share * sum(answers) / len(answers)
        return probabilities, targets, weights

    def views(self, inputs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The faces of some rows as they are seen, uint8 ``[B, S, S]``, their targets and their weights."""
        rows = inputs["rows"]
        drawn = uniform(self.seed.value, inputs["epoch"], rows)
        faces = ops.cast(ops.take(self.faces, rows, axis=0), "float32")
        faces = augment(faces, self.recipe.augmentation, drawn)
        targets, weights = ops.take(self.targets, rows, axis=0), ops.take(self.row_weights, rows, axis=0)
        if self.shares is not None:
            places = ops.cast(drawn["share"] * QUANTILES, "int32")
            own = ops.where(inputs["blends"], ops.take(self.shares, places, axis=0), 1.0)
            faces, targets, weights = ops.round(mix(faces, own)), mix(targets, own), mix(weights, own)
        return ops.cast(faces, "uint8"), targets, weights
