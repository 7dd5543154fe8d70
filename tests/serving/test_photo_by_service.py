"""``fer photo --url`` and a real ``fer serve``: what the service says is what this machine says."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample
from services import serving

pytestmark = pytest.mark.slow

FER = [sys.executable, "-c", "from fer.cli import main; main()"]


def photo(folder, *arguments):
    command = [*FER, "photo", str(folder), "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_service_reads_as_this_machine_does(tmp_path, model_folder):
    faces, table = drawn_sample(140, 48)
    whole = [cv2.resize(faces[row], (192, 192)) for row in np.flatnonzero(table["flaw"] == "")[:4]]
    (tmp_path / "p").mkdir()
    for number, face in enumerate(whole):
        cv2.imwrite(str(tmp_path / "p" / f"{number}.png"), cv2.copyMakeBorder(face, *[60] * 4, cv2.BORDER_REPLICATE))
    (tmp_path / "p" / "text.jpg").write_text("hello")
    here = photo(tmp_path / "p", "--model", model_folder)
    with serving(tmp_path / "served", "--model", model_folder) as service:
        there = photo(tmp_path / "p", "--url", service.url, "--output", tmp_path / "boxed")
    assert (here[0], there[0]) == (1, 1), "one is no photo"
    assert len(here[1]) == len(there[1]) == 5
    assert all("problem" in lines.pop() for lines in (here[1], there[1])), "text.jpg, the last one"
    for mine, theirs in zip(here[1], there[1], strict=True):
        assert [face["box"] for face in mine.pop("faces")] == [face["box"] for face in theirs.pop("faces")]
        assert mine == theirs
    assert all("text.jpg: " in told.splitlines()[-1] for told in (here[2], there[2]))
    assert len(list((tmp_path / "boxed").iterdir())) == 4
