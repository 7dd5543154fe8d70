"""The released models on a processor without VNNI, emulated: 16-bit sums of products saturate there.

Measured with 100 faces on an emulated Haswell: weights of 7 bits give the same probabilities to the last bit; with
weights of 8 bits 97 of 100 change, by up to 0.10, and 4 labels.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_faces import drawn_sample

from fer.inference.classifier import Classifier, packaged_models

QEMU = shutil.which("qemu-x86_64")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(QEMU is None, reason="QEMU's user mode (qemu-user) is not at hand"),
]

SCRIPT = """
import sys
import numpy as np
from fer.inference.classifier import Classifier
faces = np.load(sys.argv[1])
for name in sys.argv[3:]:
    np.save(f"{sys.argv[2]}/{name}.npy", Classifier(name, threads=1).predict(faces))
"""


def test_it_gives_the_same_answers(tmp_path: Path) -> None:
    faces, names = drawn_sample(70, 1)[0][:8], packaged_models()
    np.save(tmp_path / "faces.npy", faces)
    python = os.path.realpath(sys.executable)
    arguments = [str(tmp_path / "faces.npy"), str(tmp_path), *names]
    subprocess.run(
        [str(QEMU), "-cpu", "Haswell", python, "-c", SCRIPT, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        capture_output=True,
    )
    for name in names:
        np.testing.assert_allclose(
            np.load(tmp_path / f"{name}.npy"), Classifier(name, threads=1).predict(faces), atol=1e-4
        )
