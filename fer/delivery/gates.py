"""What a model must pass to become champion: one function a gate, all of them in ``GATES``.

Gates look at validation. Test figures play no part.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fer.evaluation.predictions import SCORE
from fer.params import Promote


@dataclass(frozen=True)
class Candidate:
    """A trained model, as the gates see it.

    Attributes:
        name: what runs and tables call it.
        classes: the emotions that it tells apart.
        metrics: flat names, ``validation.<metric>`` among them.
        model_sha256: of its ONNX file, in hex.
        parity: largest difference of a probability between Keras and ONNX Runtime; 0 to 1, or not a number.
    """

    name: str
    classes: tuple[str, ...]
    metrics: dict[str, float]
    model_sha256: str
    parity: float

    @property
    def score(self) -> float:
        """Validation macro-F1, 0 to 1: what promotion goes by."""
        return self.metrics[SCORE]


@dataclass(frozen=True)
class Rival:
    """The current champion on the candidates' validation split.

    Attributes:
        name: of the model, with its version.
        score: its macro-F1 there, 0 to 1.
        model_sha256: of its ONNX file, in hex.
    """

    name: str
    score: float
    model_sha256: str


@dataclass(frozen=True)
class Outcome:
    """What one gate says of one candidate.

    Attributes:
        figure: what was measured, in words.
        value: what it came to.
        bound: what it was held against.
        passed: whether the gate is passed.
    """

    figure: str
    value: float
    bound: float
    passed: bool

    @property
    def words(self) -> str:
        """One line, such as ``validation macro-F1 0.1000, needs 0.3143: 0.2143 short``."""
        side = "over" if self.value > self.bound else "short"
        gap = abs(self.value - self.bound)
        # A tie with the champion lacks nothing that can be counted.
        distance = "" if self.passed else f": {gap:.4g} {side}" if gap else ": a tie"
        return f"{self.figure} {self.value:.4g}, needs {self.bound:.4g}{distance}"


Gate = Callable[[Candidate, Rival | None, Promote], Outcome | None]


def every_class(candidate: Candidate, _rival: Rival | None, settings: Promote) -> Outcome:
    """F1 of the worst class reaches ``min_class_f1``."""
    worst = min(candidate.classes, key=lambda name: candidate.metrics[f"validation.f1.{name}"])
    value = candidate.metrics[f"validation.f1.{worst}"]
    return Outcome(f"validation F1 of {worst}", value, settings.min_class_f1, value >= settings.min_class_f1)


def above_chance(candidate: Candidate, _rival: Rival | None, settings: Promote) -> Outcome:
    """Macro-F1 has come ``min_skill`` of the way from chance to perfect.

    Guessing by the classes' shares has macro-F1 1 / classes; always naming the commonest class has less.
    """
    chance = 1 / len(candidate.classes)
    bound = chance + settings.min_skill * (1 - chance) if settings.min_skill else 0.0
    return Outcome("validation macro-F1", candidate.score, bound, candidate.score >= bound)


def onnx_parity(candidate: Candidate, _rival: Rival | None, settings: Promote) -> Outcome:
    """The ONNX file predicts what the network did."""
    passed = candidate.parity <= settings.parity  # false for not a number
    return Outcome("difference from Keras", candidate.parity, settings.parity, passed)


def beats_champion(candidate: Candidate, rival: Rival | None, _settings: Promote) -> Outcome | None:
    """Macro-F1 is above the current champion's on the same images."""
    if rival is None:
        return None
    figure = f"validation macro-F1 against {rival.name}"
    return Outcome(figure, candidate.score, rival.score, candidate.score > rival.score)


#: In the order of the table's columns. A gate returns None where it has nothing to hold a candidate against.
GATES: tuple[Gate, ...] = (every_class, above_chance, onnx_parity, beats_champion)


def outcomes(candidate: Candidate, rival: Rival | None, settings: Promote) -> dict[str, Outcome]:
    """What every gate that applies says of a candidate, by the gate's name."""
    said = {gate.__name__.replace("_", " "): gate(candidate, rival, settings) for gate in GATES}
    return {name: outcome for name, outcome in said.items() if outcome}
