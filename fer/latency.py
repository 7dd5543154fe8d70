"""How long one face takes in ONNX Runtime."""

import time
from pathlib import Path

import numpy as np
import onnxruntime

from fer.data.dataset import IMAGE_SIZE
from fer.export import INPUT, OUTPUT

ROUNDS = 50


def measure_latency(models: dict[str, Path]) -> dict[str, float]:
    """Median milliseconds for one face, by model: CPU, default threads, the models in turn so that noise hits all.

    Args:
        models: ONNX files by name, input ``faces`` uint8 ``[N, 48, 48]``.
    """
    face = np.random.default_rng(0).integers(0, 256, (1, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    sessions = {
        name: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for name, path in models.items()
    }
    times: dict[str, list[float]] = {name: [] for name in models}
    for session in sessions.values():
        session.run([OUTPUT], {INPUT: face})
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run([OUTPUT], {INPUT: face})
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}
