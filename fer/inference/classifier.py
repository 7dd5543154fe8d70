"""A trained model as a function: grey faces in, class probabilities out, by ONNX Runtime on the CPU."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from fer.errors import UserError
from fer.inference.face_check import FaceCheck
from fer.inference.face_size import FACE_SIZE

MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"
#: The models that the package carries, a folder each: ``standard``, and ``mini`` for weak devices.
PACKAGE = Path(__file__).parents[1] / "released"
#: The one that is used where nobody named another.
RELEASED = PACKAGE / "standard"
#: Its names, from any folder.
RELEASED_NAMES = ("released", "fer/released")
#: Hex digits of a model's version.
VERSION_DIGITS = 12
#: Faces of one call of ONNX Runtime: its memory grows with them, by 0.5 MB a face.
BATCH = 64


@dataclass(frozen=True)
class Card:
    """What a trained model is: ``card.json``, the file beside ``model.onnx``.

    Attributes:
        architecture: its name; one that was distilled says so.
        classes: emotion names in the order of the model's outputs.
        dataset: name of the data set that it was trained on.
        fingerprint: that data set's fingerprint.
        model_sha256: of ``model.onnx``, in hex.
        metrics: flat names and plain numbers.
        thresholds: by class, the probability above which a prediction is certain; without one none is.
        face_check: tells what is no face; None where the model has no such check, as those of older cards.
        drawn: whether the training faces were drawn, and say nothing about real ones; None where nobody wrote it down.
        face_size: side of the faces that the model takes, in pixels.
        gates: what the gates of promotion said of the model, by their names; empty where it passed none.
        arithmetic: ``int8``, ``float32``, or ``float16`` for weights that are stored so and computed with in float32.
        trained_sha256: of the network as the training left it, where ``model.onnx`` was made of that one.
        corrections: fingerprint of the corrections of the data set's labels; empty where there were none.
    """

    architecture: str
    classes: tuple[str, ...]
    dataset: str
    fingerprint: str
    model_sha256: str
    metrics: dict[str, float]
    thresholds: dict[str, float] = field(default_factory=dict)
    face_check: FaceCheck | None = None
    drawn: bool | None = None
    face_size: int = FACE_SIZE
    gates: dict[str, str] = field(default_factory=dict)
    arithmetic: str = "float32"
    trained_sha256: str | None = None
    corrections: str = ""

    @property
    def version(self) -> str:
        """Of the file that is served, in short: what the service's answers and records name."""
        return self.model_sha256[:VERSION_DIGITS]

    @property
    def network_sha256(self) -> str:
        """Of the network as the training left it, whatever it is stored as: what tells one training from another."""
        return self.trained_sha256 or self.model_sha256

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Card":
        """The card that ``asdict`` made ``content`` of.

        Raises:
            KeyError: where one of the facts that every card has is missing.
            TypeError, ValueError: where one of them is of another type, the thresholds are no numbers by class, the
                side of the faces is no whole number, or the face check is damaged.
        """
        first = ("architecture", "classes", "dataset", "fingerprint", "model_sha256", "metrics")
        facts = {fact.name: content[fact.name] for fact in fields(cls) if fact.name in first}
        trained = content.get("trained_sha256")
        _check(facts if trained is None else facts | {"trained_sha256": trained})
        thresholds = {name: float(value) for name, value in dict(content.get("thresholds", {})).items()}
        check = content.get("face_check")
        return cls(
            **facts | {"classes": tuple(content["classes"])},
            face_size=index(content.get("face_size", FACE_SIZE)),
            thresholds=thresholds,
            face_check=FaceCheck(**check) if check else None,
            drawn=content.get("drawn"),
            gates=dict(content.get("gates", {})),
            arithmetic=str(content.get("arithmetic", "float32")),
            trained_sha256=trained,
            corrections=str(content.get("corrections", "")),
        )

    @classmethod
    def load(cls, folder: Path) -> "Card":
        """Read a model folder's card and check that it belongs to the model beside it.

        Raises:
            UserError: when card or model is missing, or they do not belong together.
        """
        remedy = "train the model again, or point to a folder that holds a trained one"
        card = cls.read(folder / CARD_FILE, remedy)
        try:
            with (folder / MODEL_FILE).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read ({error.strerror}); {remedy}") from error
        if digest != card.model_sha256:
            raise UserError(
                f"{folder / MODEL_FILE}: not the model that {CARD_FILE} describes (sha256 differs); {remedy}"
            )
        return card

    @classmethod
    def read(cls, path: Path, remedy: str) -> "Card":
        """Read a card, whatever became of the model beside it.

        Raises:
            UserError: when it is missing or damaged, with ``remedy`` at its end.
        """
        try:
            return cls.of(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not a model card ({error}); {remedy}") from error
        except KeyError as error:
            raise UserError(f"{path}: the key {error} is missing; {remedy}") from error

    def save(self, folder: Path) -> None:
        """Write the card beside the model of ``folder``."""
        (folder / CARD_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def _check(facts: dict[str, Any]) -> None:
    """That a card's classes are names, its metrics numbers, and its other facts text.

    Raises:
        TypeError: where they are not.
    """
    classes, metrics = facts["classes"], facts["metrics"]
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        raise TypeError(f"classes: {classes!r}, where a list of names is needed")
    for name, value in dict(metrics).items():
        if not isinstance(value, int | float):
            raise TypeError(f"metrics.{name}: {value!r}, where a number is needed")
    for name, value in facts.items():
        if name not in ("classes", "metrics") and not isinstance(value, str):
            raise TypeError(f"{name}: {value!r}, where text is needed")


def packaged_models() -> list[str]:
    """The names of the models in the package, the one that is used by default first."""
    # A name that begins with a dot is that of a folder on its way into place.
    others = (path.parent.name for path in PACKAGE.glob(f"[!.]*/{MODEL_FILE}"))
    return [RELEASED.name, *sorted(set(others) - {RELEASED.name})]


def find_model(model: str | Path) -> Path:
    """The folder of a model: a folder of that path, or one of the package's own by its name.

    Raises:
        UserError: when there is no such folder, or it holds no model.
    """
    if not isinstance(model, str | Path):
        raise UserError(f"a model cannot be of type {type(model).__name__}; give its folder, or 'released'")
    folder, names = Path(model), packaged_models()
    if not (folder / MODEL_FILE).is_file():
        if str(model) in RELEASED_NAMES:
            return RELEASED
        if str(model) in names:
            return PACKAGE / str(model)
    remedy = f"give a folder with {MODEL_FILE} and {CARD_FILE}, or a model of the package: 'released'" + "".join(
        f" or '{name}'" for name in names[1:]
    )
    if not folder.is_dir():
        raise UserError(f"{folder}: {'is a file' if folder.is_file() else 'no such folder'}; {remedy}")
    if not (folder / MODEL_FILE).is_file():
        raise UserError(f"{folder}: holds no {MODEL_FILE}; {remedy}")
    return folder


class Classifier:
    """A model folder (``model.onnx`` and ``card.json``) ready to classify; threads may share it, and it can be pickled.

    Args:
        model: the model folder, or the name of a model in the package: ``released`` (the default) or ``mini``.
        threads: threads of one ``predict`` call; ONNX Runtime's choice by default.

    Raises:
        UserError: when the folder holds no usable model, or for fewer threads than one.
    """

    def __init__(self, model: str | Path = RELEASED, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise UserError(f"threads: {threads} is none; give 1 or more, or None for ONNX Runtime's choice")
        folder = find_model(model)
        self._arguments = folder.absolute(), threads
        self.card = Card.load(folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or 0
        # Idle threads sleep: spinning, they take the cores from whoever decodes (benchmarks/serving.py).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = folder / MODEL_FILE
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            reason = str(error).splitlines()[0]
            raise UserError(f"{path}: not a usable ONNX model ({reason}); train the model again") from error
        self._input = self._session.get_inputs()[0].name
        sides = self._session.get_inputs()[0].shape[1:]
        if sides != [self.face_size] * 2:
            said = f"takes faces of {sides} pixels, and {CARD_FILE} says {self.face_size}"
            raise UserError(f"{path}: {said}; train the model again")
        shape = self.predict(np.zeros((1, self.face_size, self.face_size), np.uint8)).shape
        if shape != (1, len(self.classes)):
            raise UserError(f"{path}: gives {shape} for {len(self.classes)} classes; train the model again")

    def __reduce__(self) -> tuple[type["Classifier"], tuple[Path, int | None]]:
        """Pickled as what it was made of: ONNX Runtime's session is opened again."""
        return type(self), self._arguments

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotion names in the order of the probabilities."""
        return self.card.classes

    @property
    def face_size(self) -> int:
        """S, the side of the faces that it takes, in pixels."""
        return self.card.face_size

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """Classify any number of faces, in batches of bounded memory.

        Args:
            faces: uint8 ``[N, S, S]``, S the ``face_size``, 0 black to 255 white.

        Returns:
            float32 ``[N, C]``: probabilities in the order of ``classes``; every row sums to one.

        Raises:
            ValueError: for another shape or dtype.
        """
        size = self.face_size
        if faces.dtype != np.uint8 or faces.ndim != 3 or faces.shape[1:] != (size, size):
            raise ValueError(f"faces must be uint8 [N, {size}, {size}], got {faces.dtype} {faces.shape}")
        if len(faces) == 0:
            return np.empty((0, len(self.classes)), np.float32)
        parts = [np.ascontiguousarray(faces[start : start + BATCH]) for start in range(0, len(faces), BATCH)]
        return np.concatenate([self._session.run(None, {self._input: part})[0] for part in parts])


def above_thresholds(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Whether the likeliest class's probability lies above that class's threshold: bool ``[N]``.

    Args:
        probabilities: float ``[N, C]``.
        thresholds: float ``[C]``.
    """
    return probabilities.max(axis=1) > thresholds[probabilities.argmax(axis=1)]
