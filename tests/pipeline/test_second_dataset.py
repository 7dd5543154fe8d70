"""Somebody else's data, from a folder that is unlike the drawn sample to a model that reads its photos."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import Retrained
from project import Project, json_of, make_project, tiny

from fer import Reader

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

DOCS = Path(__file__).parents[2] / "docs" / "your-own-data.md"
SIZE = 96


def settings_of_the_docs() -> dict[str, Any]:
    """The section ``data`` that docs/your-own-data.md gives for the drawn folder."""
    walk = DOCS.read_text().partition("## A walk with drawn photos")[2]
    return yaml.safe_load(walk.partition("```yaml\n")[2].partition("```")[0])


def said(project: Project, *arguments: str) -> str:
    """What a command of the pipeline prints, white space made one."""
    done = project.run("pipelines", *arguments, COLUMNS="200")
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_from_its_folder_to_a_model_that_reads_its_photos(tmp_path: Path, prefect: str, retrained: Retrained) -> None:
    """The network that was trained on the first data set is measured on it, goes on with it, is promoted and packed."""
    first = retrained.project.folder
    project = replace(make_project(tmp_path / "project"), prefect=prefect)
    said(project, "draw", "data/neighbours", "--images", "200")

    def change(params: dict[str, Any]) -> None:
        tiny(params)
        params["data"].update(settings_of_the_docs())
        params["train"].update(architectures=["baseline"], start_from=str(first / "models/baseline/model.weights.h5"))
        params["distill"]["students"] = []

    project.edit(change)
    lines = said(project, "retrain")
    assert "resized to 96x96 pixels (data.image_size) from 160x160" in lines
    facts = json_of(project.folder / "models/baseline/run.json")
    assert facts["weights"] == facts["start"]["model"] == "baseline on drawn sample"

    groups = project.folder / "reports" / "compare" / "groups"
    table = pd.concat([pd.read_csv(path) for path in groups.glob("*.csv")])
    assert {"coast", "plain", "hills"} <= set(table["group"].dropna())

    champion = project.folder / "champion"
    card = json_of(champion / "card.json")
    assert (card["architecture"], card["face_size"]) == ("baseline", SIZE)
    assert 0 <= card["metrics"]["test.gap.region"] <= 1
    assert 0 < card["metrics"]["test.gap.region.p"] <= 1
    bento = json_of(project.folder / "reports" / "bento.json")
    assert (bento["model_sha256"], bento["dataset"]) == (card["model_sha256"], card["dataset"])
    photos = sorted((project.folder / "data/neighbours/probe").rglob("*.jpg"))[:3]
    for face in Reader(model=champion).faces(photos):
        assert sum(face.probabilities.values()) == pytest.approx(1, abs=1e-3)

    measured = said(project, "measure", str(first / "champion"))
    assert "trained on drawn sample" in measured
    assert "other data than here" in measured
    assert "hills" in measured
