"""What the README shows runs when it is pasted."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample

from fer.emotions import EMOTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = [
    code for code in re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) if "Reader" in code
]
READING = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
FER = Path(sys.executable).with_name("fer")
MODEL = ("--model", "mini", "--detector", "cascade")


@pytest.fixture
def folder(tmp_path):
    """A folder with a photo and a short video of a drawn face, under the names that the README uses."""
    faces, table = drawn_sample(140, 48)
    drawn = cv2.resize(faces[np.flatnonzero(table["flaw"] == "")[0]], (192, 192))
    picture = cv2.cvtColor(cv2.copyMakeBorder(drawn, 60, 60, 60, 60, cv2.BORDER_REPLICATE), cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(tmp_path / "photo.jpg"), picture)
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (312, 312))
    for _ in range(5):
        writer.write(picture)
    writer.release()
    return tmp_path


def told_fields(header):
    """The names in the first column of the table in docs/reading.md with this header."""
    table = READING.split(header)[1].split("\n\n")[0]
    return {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1] if line else "")}


def fields_of(value):
    """Every key of nested JSON, but the emotions."""
    if isinstance(value, list):
        return set().union(*map(fields_of, value))
    return set(value).union(*map(fields_of, value.values())) - set(EMOTIONS) if isinstance(value, dict) else set()


def run(*arguments):
    return subprocess.run([FER, *arguments, *MODEL], capture_output=True, text=True, check=True).stdout


def test_the_fields_for_programs_are_those_that_are_told(folder):
    photo, clip = folder / "photo.jpg", folder / "clip.mp4"
    (folder / "text.jpg").write_text("no photo")
    unread = subprocess.run([FER, "photo", folder / "text.jpg", "--json", *MODEL], capture_output=True, check=False)
    assert told_fields("| JSON |") > set(json.loads(unread.stdout)) == {"name", "problem"}
    lines = [json.loads(line) for line in (run("photo", photo, "--json") + run("video", clip, "--json")).splitlines()]
    assert lines[0]["faces"]
    assert lines[-1]["summary"]["tracks"]
    assert told_fields("| JSON |") == (fields_of(lines) | {"camera"}) - {"summary"}
    headers = [
        run(command, file, "--csv").splitlines()[0].split(",") for command, file in (("photo", photo), ("video", clip))
    ]
    assert told_fields("| CSV |") | set(EMOTIONS) == set().union(*headers)


def test_it_shows_the_reader():
    assert SNIPPETS


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs_as_it_is_pasted(code, folder):
    named = set(re.findall(r"[\"']([\w/]+\.(?:jpg|png|mp4))[\"']", code))
    assert {Path(name).name for name in named} <= {"photo.jpg", "clip.mp4"}, "files that the test has"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it prints what it found"
