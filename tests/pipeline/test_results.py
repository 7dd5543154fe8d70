"""The commands beside the DAG: ablations, repeats, the results page and the release."""

import json
import re
import shutil
from pathlib import Path

import pytest
from project import json_of

pytestmark = pytest.mark.slow

MODELS = ["baseline", "mini", "baseline_distilled"]


def keep_one_of_another_machine(model: Path, record: Path) -> None:
    """A record as if ``model`` were a VGG16 that was trained elsewhere."""
    record.mkdir(parents=True)
    for name in ("metrics.json", "predictions.parquet"):
        shutil.copy(model / name, record)
    run = json_of(model / "run.json") | {"architecture": "vgg16", "title": "VGG16", "model_sha256": "f" * 64}
    about = {"model_sha256": "f" * 64, "commit": "c" * 40, "minutes": 61.2, "cores": "96", "accelerator": "NVIDIA H200"}
    for name, content in (("run.json", run), ("mlflow.json", about)):
        (record / name).write_text(json.dumps(content))


@pytest.mark.nightly
def test_the_results_page_is_written_from_the_runs_files(copy):
    done = copy.run("pipelines", "ablate", "copies_kept")
    assert done.returncode == 0, done.stdout + done.stderr
    done = copy.run("pipelines", "repeat", "baseline", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    repeat = copy.folder / "reports/repeats/baseline_quick_2"
    assert json_of(repeat / "run.json")["seed"] == 2
    ablation = copy.folder / "reports/ablations/baseline/copies_kept"
    own = json_of(copy.folder / "models/baseline/run.json")
    assert json_of(ablation / "run.json")["fingerprint"] != own["fingerprint"]
    records = copy.folder / "docs/records/drawn-sample"
    keep_one_of_another_machine(copy.folder / "models/mini", records / "models/vgg16")
    done = copy.run("pipelines", "results")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (copy.folder / "docs/results.md").read_text()
    assert page.startswith("# Results on drawn sample")
    metrics = json_of(copy.folder / "models/baseline/metrics.json")
    for name in ("test.accuracy", "test_ten_views.accuracy", "test_without_copies.accuracy"):
        assert f"{metrics[name]:.3f}" in page
    assert "the study's F1" not in page, "its figures are of FER-2013"
    images = re.findall(r"\((images/[^)]+)\)", page)
    assert len(images) == 8
    assert {path.name for path in (copy.folder / "reports/results").iterdir()} == {
        "samples.png", "mistakes.png", "saliency.png",
    }  # fmt: skip
    accuracy = json_of(ablation / "metrics.json")["test.accuracy"]
    command = "`python -m pipelines ablate copies_kept baseline`"
    assert re.search(rf"\| Baseline CNN, copies kept \| .*\| {accuracy:.3f} .*\| {command} \|", page)
    assert re.search(rf"^\| Baseline CNN \| .* \| kept \| {accuracy:.3f} ", page, re.MULTILINE)
    assert re.search(r"\| Baseline CNN \(distilled\) \| .*\| `dvc repro distill@baseline` \|", page)
    accuracy = json_of(repeat / "metrics.json")["validation.accuracy"]
    assert re.search(rf"\| 2 \| {accuracy:.3f} \|.*\n.*mean of 2 \|  \| [\d.]+ ± [\d.]+ \|", page)
    assert all((copy.folder / "docs" / image).is_file() for image in images)
    assert re.search(r"^\| minutes of all epochs \| .*\| 61 on 96 cores and NVIDIA H200 \|", page, re.MULTILINE)
    (times,) = re.findall(r"^\| ms per face .*$", page, re.MULTILINE)
    assert (times.count("| - |"), len(re.findall(r"\d\.\d", times))) == (1, len(MODELS))
    assert json_of(records / "models/baseline/run.json") == own
    assert (records / "models/baseline_distilled/predictions.parquet").is_file()
    assert (records / "ablations/baseline/copies_kept/predictions.parquet").is_file()
    assert (records / "repeats/baseline_quick_2/predictions.parquet").is_file()


def test_the_best_small_model_is_released_into_the_package(copy):
    committed = copy.bytes_of("fer/released")
    refused = copy.run("pipelines", "release")
    assert refused.returncode == 1
    assert "holds a model of FER-2013; remove it to release one of drawn sample" in refused.stderr.splitlines()[-1]
    assert copy.bytes_of("fer/released") == committed
    shutil.rmtree(copy.folder / "fer" / "released")
    done = copy.run("pipelines", "release")
    assert done.returncode == 0, done.stdout + done.stderr
    released = copy.folder / "fer" / "released"
    assert {path.name for path in released.iterdir()} == {"standard", "mini"}
    assert json_of(released / "mini" / "card.json")["architecture"] == "mini"
    assert (released / "mini" / "model.onnx").stat().st_size <= 1_000_000
    assert {path.name for path in (released / "standard").iterdir()} == {"model.onnx", "card.json", "README.md"}
    card = json_of(released / "standard" / "card.json")
    assert card["dataset"] == "drawn sample"
    assert card["architecture"] in ("baseline", "baseline_distilled")
    assert card["trained_sha256"] != json_of(released / "mini" / "card.json")["trained_sha256"]
    assert set(card["thresholds"]) == set(card["classes"])
    assert card["arithmetic"] == "int8"
    assert (released / "standard" / "model.onnx").stat().st_size < 5_000_000
    assert json_of(copy.folder / "float16/standard/card.json")["trained_sha256"] == card["trained_sha256"]
