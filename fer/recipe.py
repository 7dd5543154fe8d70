"""How an architecture is trained: the typed form of a recipe of params.yaml."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
#: What every random generator in use takes.
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """A part of params.yaml: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Augmentation(Section):
    """Random changes to a training image; every range is symmetric about no change.

    ``flip`` and ``erase`` are probabilities; ``shift`` a share of the width; ``rotate`` degrees; ``scale``,
    ``brightness`` (of the full range) and ``contrast`` shares.
    """

    flip: Fraction
    shift: Fraction
    rotate: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=0, lt=1)]
    brightness: Fraction
    contrast: Annotated[float, Field(ge=0, lt=1)]
    erase: Fraction


class Mixup(Section):
    """Pairs of training images blended (Zhang et al. 2018): shares drawn from Beta(alpha, alpha); 0 blends none.

    ``until`` is the share of the epochs after which blending stops.
    """

    alpha: Annotated[float, Field(ge=0, le=10)]
    until: Fraction


class Recipe(Section):
    """How an architecture is trained.

    Weight decay is decoupled (Loshchilov and Hutter 2019): every step takes ``learning_rate * weight_decay`` of each
    kernel. ``ema_decay`` is that of the moving average of the weights, by step; 0 keeps the weights themselves.
    ``first_layer_rate`` is the share of the learning rate that the first layer of a pretrained backbone has; it grows
    by a constant factor from layer to layer up to 1 (Howard and Ruder 2018). ``sharpness_radius`` is how far from the
    weights gradients are taken, along the momentum and over all weights together, which prefers flat minima (momentum
    SAM: Becker et al. 2024, arXiv:2401.12033); 0 takes them at the weights, and so does a new head's own phase.
    """

    pretrained: Literal["none", "auto", "required"]
    epochs: Positive
    head_epochs: Count
    head_learning_rate: Rate
    batch_size: Positive
    optimizer: Literal["adam", "sgd"]
    learning_rate: Rate
    schedule: Literal["cosine", "constant"]
    warmup_epochs: Count
    weight_decay: Fraction
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    mixup: Mixup
    class_balance: Literal["weights", "sampling", "none"]
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    input_size: Annotated[int, Field(ge=32, le=512)]
    augmentation: Augmentation
    # A setting that came later has a default: the records of earlier trainings lack it.
    first_layer_rate: Rate = 1.0
    sharpness_radius: Annotated[float, Field(ge=0, le=100)] = 0.0

    @field_validator("sharpness_radius")
    @classmethod
    def _along_a_momentum(cls, radius: float, others: ValidationInfo) -> float:
        if radius and (others.data.get("optimizer") == "adam" or not others.data.get("ema_decay", 1)):
            raise ValueError("must be 0 but for optimizer sgd with an ema_decay")
        return radius
