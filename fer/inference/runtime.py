"""A trained model in ONNX Runtime: its probabilities and its latency."""

import time
from pathlib import Path

import numpy as np
import onnxruntime

from fer.inference.views import ten_views

#: The ports of every exported model.
INPUT, OUTPUT = "faces", "probabilities"

#: Timed single-face calls behind a latency.
ROUNDS = 50


def onnx_predict(path: Path, faces: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Probabilities float32 ``[N, C]`` that ONNX Runtime gives for faces uint8 ``[N, S, S]``."""
    return _predict(_open(path), faces, batch_size)


def predict_views(path: Path, faces: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Probabilities float32 ``[10, N, C]`` of ten views of every face, the first of which is the face as it is."""
    session = _open(path)
    return np.stack([_predict(session, view, batch_size) for view in ten_views(faces)])


def _open(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _predict(session: onnxruntime.InferenceSession, faces: np.ndarray, batch_size: int) -> np.ndarray:
    batches = [faces[start : start + batch_size] for start in range(0, len(faces), batch_size)]
    return np.concatenate([session.run([OUTPUT], {INPUT: np.ascontiguousarray(batch)})[0] for batch in batches])


def measure_latency(models: dict[str, Path]) -> dict[str, float]:
    """Median milliseconds for one face, by model: CPU, default threads, the models in turn so that noise hits all.

    Args:
        models: ONNX files by name, input ``faces`` uint8 ``[N, S, S]``.
    """
    sessions = {name: _open(path) for name, path in models.items()}
    rng = np.random.default_rng(0)
    sides = {name: session.get_inputs()[0].shape[1:] for name, session in sessions.items()}
    faces = {name: rng.integers(0, 256, (1, *side), dtype=np.uint8) for name, side in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for name, session in sessions.items():
        session.run([OUTPUT], {INPUT: faces[name]})
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run([OUTPUT], {INPUT: faces[name]})
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}
