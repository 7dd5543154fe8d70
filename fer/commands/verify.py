"""``fer verify``: a model measured on FER-2013's test images, beside the figures of its card."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from fer.commands.challenge import ROWS, PrivateTest, read_private_test
from fer.commands.options import Model
from fer.commands.progress import progress
from fer.commands.tables import Column, Table
from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.inference.choice import choose_model
from fer.inference.classifier import Card, Classifier
from fer.inference.face_size import FACE_SIZE
from fer.inference.resize import to_face
from fer.inference.views import MOVES, ten_views

#: How far a figure may lie from the card's: other processors and versions round a few faces differently.
TOLERANCE = {"accuracy": 0.002, "macro_f1": 0.005, "ece": 0.005}
TITLES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "calibration error"}
#: By the beginning of the card's names: whether images count that Training holds too, and views.
SPLITS = {
    "test": (True, 1),
    "test_ten_views": (True, 10),
    "test_without_copies": (False, 1),
    "test_without_copies_ten_views": (False, 10),
}
#: Faces that are classified before the progress is shown, and bins of a calibration error.
BATCH, BINS = 256, 15
VIEWS = 2 * len(MOVES)


def verify(
    data: Annotated[
        Path, typer.Argument(help="fer2013.csv of the challenge: plain, .xz, .gz or .bz2, or in a zip or tar.")
    ],
    model: Model = None,
) -> None:
    """Measure a model on FER-2013 and print its card's figures beside.

    Measured are the 3,589 images of PrivateTest, and the 3,301 of them
    that Training does not hold too. The exit code is 1 when a figure
    differs from the card's by more than is said at the end.
    """
    choice = choose_model(model or "released")
    classifier = Classifier(choice.folder)
    card = choice.card
    if unknown := set(card.classes) - set(EMOTIONS):
        raise UserError(f"{choice.folder}: knows {sorted(unknown)[0]}, which is no emotion of FER-2013")
    print(f"model: {choice}; {card.arithmetic}, sha256 {card.model_sha256[:12]}", file=sys.stderr)
    rows = sum(ROWS.values())
    with progress(rows + (1 + VIEWS) * ROWS["PrivateTest"]) as advance:
        test = _known(read_private_test(data, advance), card)
        faces = test.faces
        if card.face_size != FACE_SIZE:
            faces = np.stack([to_face(face, card.face_size) for face in faces])
        answers = _answers(classifier, faces, lambda done: advance(rows + done))
    labels = np.array([card.classes.index(EMOTIONS[code]) for code in test.codes])
    comparable = card.dataset == "FER-2013"
    apart = _print(_measured(labels, test.copies, answers), card if comparable else None)
    if not comparable:
        print(f"\nits card has no figures of FER-2013: it was trained on {card.dataset}")
        return
    bounds = f"{100 * TOLERANCE['accuracy']:.1f} points of accuracy, {TOLERANCE['macro_f1']} in the others"
    if apart:
        print(f"\nnot the card's figures: {apart} differ by more than {bounds}")
        raise typer.Exit(1)
    print(f"\nthe card's figures, within {bounds}")


def _known(test: PrivateTest, card: Card) -> PrivateTest:
    """The images whose emotion the model knows."""
    kept = np.array([EMOTIONS[code] in card.classes for code in test.codes])
    return PrivateTest(test.faces[kept], test.codes[kept], test.copies[kept])


def _answers(classifier: Classifier, faces: np.ndarray, advance: Callable[[int], None]) -> dict[int, np.ndarray]:
    """Probabilities float32 ``[N, C]`` by the number of views."""
    done = 0

    def predict(view: np.ndarray) -> np.ndarray:
        nonlocal done
        parts = []
        for start in range(0, len(view), BATCH):
            parts.append(classifier.predict(view[start : start + BATCH]))
            done += len(parts[-1])
            advance(done)
        return np.concatenate(parts)

    return {1: predict(faces), VIEWS: np.stack([predict(view) for view in ten_views(faces)]).mean(axis=0)}


def _measured(
    labels: np.ndarray, copies: np.ndarray, answers: dict[int, np.ndarray]
) -> Iterator[tuple[str, int, int, dict[str, float]]]:
    """Of every split: its name, images, views and figures."""
    for name, (with_copies, views) in SPLITS.items():
        kept = np.ones(len(labels), bool) if with_copies else ~copies
        yield name, int(kept.sum()), views, figures(labels[kept], answers[views][kept])


def figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, macro-F1 and calibration error, as ``fer.evaluation`` computes them with the pipeline's packages.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float32 ``[N, C]``.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = predicted == labels
    codes = range(probabilities.shape[1])
    f1 = [2 * (right & (labels == code)).sum() / ((labels == code).sum() + (predicted == code).sum()) for code in codes]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(np.mean(f1)),
        "ece": float(np.abs(gaps).sum() / len(labels)),
    }


def _print(measured: Iterator[tuple[str, int, int, dict[str, float]]], card: Card | None) -> int:
    """A row for every figure; the number of those that are not the card's."""
    table = Table(
        Column("images", 6, right=True),
        Column("views", 5, right=True),
        Column("figure", 17),
        Column("here", 6, right=True),
        Column("card", 6, right=True),
        Column("", 9),
    )
    print(table.header)
    apart = 0
    for split, images, views, found in measured:
        for name, value in found.items():
            said = card.metrics.get(f"{split}.{name}") if card else None
            differs = said is not None and not abs(value - said) <= TOLERANCE[name]
            apart += differs
            print(
                table.row(
                    f"{images:,}",
                    str(views),
                    TITLES[name],
                    f"{value:.3f}",
                    "-" if said is None else f"{said:.3f}",
                    "differs" if differs else "",
                )
            )
    return apart
