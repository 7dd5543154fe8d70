"""Models measured for the gates: each on the validation images of the present data, the champion too."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from fer.data.dataset import FaceDataset
from fer.delivery.candidate import Candidate
from fer.delivery.version_files import Registered, VersionFiles
from fer.errors import UserError
from fer.evaluation.model_folder import AGAIN, PREDICTIONS, ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.robustness import correct_by_change, robustness_rows
from fer.evaluation.slices import OTHER, UNDECIDED, slices_of
from fer.inference.classifier import BATCH
from fer.inference.resize import to_face
from fer.inference.runtime import INPUT, OUTPUT, onnx_predict

#: Timed calls behind a latency. The least of them counts: whatever else the machine does only adds to it.
CALLS = 15


def candidate_of(folder: ModelFolder, dataset: FaceDataset) -> Candidate:
    """A trained model as the gates see it.

    Raises:
        UserError: where its predictions are of other images.
    """
    rows, predictions = dataset.rows("validation"), folder.predictions
    if not np.array_equal(predictions["row"][predictions["split"] == "validation"], rows):
        raise UserError(f"{folder.path / PREDICTIONS}: of other images than {dataset.name}'s validation; {AGAIN}")
    parity = folder.run.parity
    return _measured(
        folder.onnx,
        dataset,
        dataset.face_size,
        name=folder.name,
        classes=folder.classes,
        model_sha256=folder.run.model_sha256,
        probabilities=folder.scored(Split.VALIDATION)[1],
        parity=float("nan") if parity is None else parity,
    )


def champion_as_candidate(
    files: VersionFiles, current: Registered, folders: Sequence[ModelFolder], dataset: FaceDataset
) -> Candidate | None:
    """The current champion on the data set's validation images; None where it knows other classes.

    A score from other images says nothing. It sees these in the size of its own faces. Where it trained on some of
    them, it looks better than it is.

    Args:
        files: of the registry.
        current: the champion.
        folders: trained models; where the champion is one of them, its predictions are there.
        dataset: the present data.
    """
    card = current.card
    name = f"champion {card.architecture} (version {current.version})"
    if card.classes != dataset.classes:
        return None
    if card.fingerprint != dataset.fingerprint:
        name += f", trained on {card.dataset} {card.fingerprint}"
    for folder in folders:
        if folder.run.model_sha256 == card.model_sha256:
            known = candidate_of(folder, dataset)
            return replace(known, name=name)
    with files.model(current) as model:
        faces = faces_of(dataset, dataset.rows("validation"), card.face_size)
        measured = _measured(
            model,
            dataset,
            card.face_size,
            name=name,
            classes=card.classes,
            model_sha256=card.model_sha256,
            probabilities=onnx_predict(model, faces, BATCH),
            parity=0.0,
        )
        correct = measured.correct  # now: the file goes with the block
        return replace(measured, read_changed=lambda: correct)


def gate_slices(dataset: FaceDataset) -> dict[str, np.ndarray]:
    """The parts of the validation images that gates look at: all but those whose labels FER+'s taggers deny.

    To agree with a wrong label is no merit: on FER-2013 every network has 0.27 to 0.41 there, and 0.80 to 0.88 where
    the taggers agree.
    """
    return {name: part for name, part in slices_of(dataset, "validation").items() if name not in (OTHER, UNDECIDED)}


def least_latency(model: Path) -> float:
    """Milliseconds of the fastest of ``CALLS`` calls with one face on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1:]
    face = np.random.default_rng(0).integers(0, 256, (1, *side), dtype=np.uint8)
    least = float("inf")
    for _ in range(CALLS):
        start = time.perf_counter()
        session.run([OUTPUT], {INPUT: face})
        least = min(least, 1000 * (time.perf_counter() - start))
    return least


def _measured(
    model: Path,
    dataset: FaceDataset,
    size: int,
    *,
    name: str,
    classes: tuple[str, ...],
    model_sha256: str,
    probabilities: np.ndarray,
    parity: float,
) -> Candidate:
    """A model file, measured on faces of the size that it takes."""
    some = robustness_rows(dataset)
    return Candidate(
        name,
        classes,
        model_sha256,
        dataset.labels[dataset.rows("validation")],
        probabilities,
        parity,
        megabytes=model.stat().st_size / 1e6,
        latency_ms=least_latency(model),
        read_changed=lambda: correct_by_change(model, faces_of(dataset, some, size), dataset.labels[some]),
    )


def faces_of(dataset: FaceDataset, rows: np.ndarray, size: int) -> np.ndarray:
    """uint8 ``[N, S, S]``: the data set's images, S the ``size``."""
    faces = np.asarray(dataset.images[rows])
    return faces if size == dataset.face_size else np.stack([to_face(face, size) for face in faces])
