"""The drawn sample, once in a process: a face takes a hundredth of a second to draw, and many tests only read it."""

from functools import cache

import numpy as np
import pandas as pd

from fer.data.sample import draw_sample

#: Images and seed of a sample with flaws of every kind, which the tests share that need hundreds.
MANY = 700, 48


@cache
def drawn_sample(images: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """What ``draw_sample`` gives; nobody writes to it."""
    faces, table = draw_sample(images, seed)
    faces.flags.writeable = False
    return faces, table
