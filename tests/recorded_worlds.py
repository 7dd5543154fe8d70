"""Records of a service as the monitor reads them, drawn."""

import numpy as np
import pandas as pd

from fer.sections import Bounds, Monitor

SETTINGS = Monitor(window=500, least=200, false_alarms=0.01, bounds=Bounds())


def world(faces: int, seed: int, **changed: np.ndarray | float | None) -> pd.DataFrame:
    """Faces of one and the same world, but for the columns that are given."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "brightness": rng.normal(120, 30, faces),
            "contrast": rng.normal(50, 10, faces),
            "sharpness": rng.gamma(3, 0.3, faces),
            "likeness": rng.normal(3, 1, faces),
            "score": rng.uniform(0.8, 1, faces),
            "side": rng.integers(30, 300, faces).astype(float),
            "confidence": rng.beta(4, 2, faces),
            "emotion": rng.choice(["happy", "sad", "neutral"], faces, p=[0.5, 0.3, 0.2]),
            "certain": rng.random(faces) < 0.4,
            "face": rng.random(faces) < 0.99,
        }
    )
    return table.assign(**changed)
