"""Which model becomes champion."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer.data.dataset import FaceDataset
from fer.delivery.gates import Candidate, Outcome, Rival, outcomes
from fer.delivery.registry import Registered, Registry
from fer.evaluation.abstention import thresholds_of
from fer.evaluation.face_check import fit_face_check
from fer.evaluation.metrics import evaluate
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE
from fer.files import replace_folder
from fer.inference.classifier import MODEL_FILE, Card
from fer.inference.runtime import onnx_predict
from fer.params import Promote

#: That the drawn sample's table alone has: only who drew a face knows what was meant.
DRAWN_COLUMN = "true_emotion"


@dataclass(frozen=True)
class Decision:
    """What promotion decided.

    Attributes:
        champion: the name of the model to promote, or None where the current champion stays or none qualifies.
        reason: one line.
        gates: what each gate said, by candidate and gate; the best candidate first.
    """

    champion: str | None
    reason: str
    gates: dict[str, dict[str, Outcome]]


def decide(candidates: list[Candidate], settings: Promote, rival: Rival | None) -> Decision:
    """Choose the candidate with the best validation macro-F1 among those that pass every gate.

    Args:
        candidates: all trained on the same data; the first of equals is chosen. The rival itself is none.
        settings: the gates' bounds.
        rival: the current champion on the same validation split, or None where it cannot be held against them.
    """
    others = [model for model in candidates if rival is None or model.model_sha256 != rival.model_sha256]
    best_first = sorted(others, key=lambda candidate: -candidate.score)
    gates = {candidate.name: outcomes(candidate, rival, settings) for candidate in best_first}
    passed = [model for model in best_first if all(outcome.passed for outcome in gates[model.name].values())]
    if passed:
        chosen = passed[0]
        ahead = f"ahead of {rival.name} with {rival.score:.4f}" if rival else "no champion to beat"
        return Decision(chosen.name, f"{chosen.name} with validation macro-F1 {chosen.score:.4f}, {ahead}", gates)
    stays = f"{rival.name} stays with {rival.score:.4f}; " if rival else ""
    return Decision(None, f"{stays}no candidate passes every gate", gates)


def refusals(decision: Decision) -> list[str]:
    """A line for each model that failed a gate: which one, and by how much."""
    failed = {
        model: [f"{gate} ({outcome.words})" for gate, outcome in gates.items() if not outcome.passed]
        for model, gates in decision.gates.items()
    }
    return [f"{model} refused: {'; '.join(words)}" for model, words in failed.items() if words]


def candidate_of(folder: ModelFolder) -> Candidate:
    """A trained model as the gates see it."""
    run = folder.run
    parity = math.nan if run.parity is None else run.parity
    return Candidate(folder.name, folder.classes, folder.metrics, run.model_sha256, parity)


def rival_of(registry: Registry, current: Registered, dataset: FaceDataset) -> Rival | None:
    """The current champion on the data set's validation split; None where it knows other classes.

    One that was trained on this data has its score in its card. One that was trained on other data, or whose card lacks
    the score, is measured here: a score from other images says nothing. Where it trained on some of these images, it
    looks better than it is.
    """
    card = current.card
    name = f"champion {card.architecture} (version {current.version})"
    if card.fingerprint == dataset.fingerprint and SCORE in card.metrics:
        return Rival(name, card.metrics[SCORE], card.model_sha256)
    if card.classes != dataset.classes:
        return None
    rows = dataset.rows("validation")
    with registry.model(current) as model:
        probabilities = onnx_predict(model, np.asarray(dataset.images[rows]))
    score = evaluate(dataset.labels[rows], probabilities, card.classes)["macro_f1"]
    return Rival(f"{name}, trained on {card.dataset}", score, card.model_sha256)


def is_drawn(dataset: FaceDataset) -> bool:
    """Whether the faces are the drawn sample's, whatever the data set is called."""
    return DRAWN_COLUMN in dataset.table


def card_of(folder: ModelFolder, settings: Promote, dataset: FaceDataset) -> Card:
    """The card that a model carries from the registry to the service, with a face check fitted to its data set."""
    run = folder.run
    return Card(
        architecture=folder.name,
        classes=folder.classes,
        dataset=run.dataset,
        face_size=dataset.face_size,
        fingerprint=run.fingerprint,
        model_sha256=run.model_sha256,
        metrics=folder.metrics,
        thresholds=thresholds_of(folder.predictions, folder.classes, settings.certain_precision),
        face_check=fit_face_check(dataset),
        drawn=is_drawn(dataset),
    )


def write_champion(folder: Path, model: Path, card: Card) -> None:
    """Put the champion's ONNX file and card into ``folder``, as ``fer.inference.Classifier`` reads them."""
    with replace_folder(folder) as fresh:
        shutil.copyfile(model, fresh / MODEL_FILE)
        card.save(fresh)
