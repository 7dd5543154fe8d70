"""The monitor flow on a real champion, Prefect server and MLflow store."""

import json
import re
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from mlflow_stores import store_of
from project import Project, json_of

from fer.data.dataset import FaceDataset
from fer.monitoring.reference import records_by

pytestmark = pytest.mark.slow


def record(project: Project, faces: np.ndarray) -> None:
    """What the service writes when it reads the faces."""
    rows = records_by(project.folder / "champion", faces).astype(object)
    path = project.folder / "state/monitoring/fer/data/data.1.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    time = {"time": datetime.now(UTC).isoformat()}
    lines = [json.dumps(time | row) for row in rows.where(rows.notna(), None).to_dict("records")]
    path.write_text("\n".join([*lines, "damaged", ""]))


def test_an_alarm_is_a_report_an_artifact_a_run_and_an_event(
    copy_with_stores: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_with_stores
    project.edit(lambda params: params.update(monitor={"window": 300, "least": 100}))
    missing = project.run("pipelines", "monitor")
    assert missing.returncode == 1
    assert re.fullmatch(r"error: \S*state/monitoring: no such folder of records; .*\n", missing.stderr)

    dataset = FaceDataset.load(project.folder / "data/dataset")
    faces = np.resize(dataset.images[dataset.rows("validation")], (150, 48, 48))
    record(project, (faces * 0.4).astype(np.uint8))
    done = project.run("pipelines", "monitor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "monitor: 1 damaged lines" in done.stdout
    assert re.search(r"150 faces of \S+ \(\w{12}\): ALARM: brightness, .*drifted; reports/monitoring/", done.stdout)

    [folder] = (project.folder / "reports/monitoring").iterdir()
    summary = json_of(folder / "summary.json")
    assert summary["alarm"]
    assert "brightness" in summary["properties"]
    page = (folder / "report.html").read_text()
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=[\"']?(https?:)?//|<link[^>]*href=[\"']?(https?:)?//", page)

    [run] = store_of(project, monkeypatch).search_runs(["1"], "tags.kind = 'monitor'")
    assert run.data.metrics["alarm"] == 1
    assert run.data.metrics["moved.brightness"] > 0.3

    found = httpx.post(
        f"{project.prefect}/events/filter", json={"filter": {"event": {"name": ["fer.monitor.alarm"]}}}
    ).json()["events"]
    [event] = [event for event in found if event["payload"]["model"] == summary["model"]]
    assert event["payload"]["properties"] == summary["properties"]
    assert event["payload"]["window"]["faces"] == 150

    again = project.run("pipelines", "monitor", "--since", "last")
    assert again.returncode == 0
    assert "0 faces" in again.stdout
    assert "none yet" in again.stdout
