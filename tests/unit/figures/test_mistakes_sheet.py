from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fer.figures.mistakes import mistakes_sheet

FACES = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
MISTAKES = pd.DataFrame({"emotion": "happy", "predicted": "neutral", "confidence": np.linspace(0.99, 0.7, 9)})
VOTES = pd.DataFrame({"anger": range(9), "NF": [1] * 9, "happiness": [0] * 9})


@pytest.mark.parametrize("votes", [None, VOTES])
def test_every_face_is_shown_enlarged_and_whole(tmp_path: Path, votes: pd.DataFrame | None) -> None:
    mistakes_sheet(FACES, MISTAKES, votes, "Mistakes on small faces", tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    for face in FACES:
        enlarged = cv2.resize(face, (144, 144), interpolation=cv2.INTER_NEAREST)
        assert cv2.matchTemplate(sheet, enlarged, cv2.TM_CCOEFF_NORMED).max() > 0.9


def test_no_votes_reach_into_the_next_face(tmp_path: Path) -> None:
    votes = pd.DataFrame({"surprise": [4] * 9, "contempt": [3] * 9, "unknown": [3] * 9})
    mistakes_sheet(FACES, MISTAKES, votes, "", tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    for column in range(8):
        assert (sheet[110:, 30 + 250 * column - 4 : 30 + 250 * column + 4] == 255).all()


def test_the_same_drawing_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        mistakes_sheet(FACES, MISTAKES, VOTES, "Mistakes", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
