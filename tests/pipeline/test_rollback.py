"""A champion that is taken back: by one command, under a running service, and remembered by the next runs."""

import hashlib
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import mlflow
import pytest
from mlflow_stores import store_of
from project import Project, json_of
from services import Service, encode, noise, serving

from fer.inference.classifier import Card

pytestmark = pytest.mark.slow

PICTURES = [("images", encode(noise(seed=seed))) for seed in range(4)]


def aliases(store: mlflow.MlflowClient) -> dict[str, str]:
    return {name: str(version) for name, version in store.get_registered_model("fer-classifier").aliases.items()}


def digest(project: Project) -> str:
    return hashlib.sha256((project.folder / "champion" / "model.onnx").read_bytes()).hexdigest()


def answers(service: Service) -> tuple[str, bytes]:
    with service.client() as client:
        answer = client.post("/classify", files=PICTURES)
    assert answer.status_code == 200
    return answer.headers["X-Model-Version"], answer.content


def done(project: Project, *arguments: str) -> str:
    ran = project.run("pipelines", *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def crown_any(project: Project) -> None:
    """Let the best of the others be champion, however much worse it is."""
    project.edit(lambda params: params["promote"].update(min_gain=-1.0, max_loss=1.0))
    ran = project.run("dvc", "repro", "promote")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_rollback_answers_in_seconds_and_no_later_run_crowns_the_bad_one_again(
    copy_with_stores: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    project, store = copy_with_stores, store_of(copy_with_stores, monkeypatch)
    good = digest(project)
    with serving(tmp_path / "service", "--model", project.folder / "champion", cwd=project.folder) as service:
        before = answers(service)
        crown_any(project)
        bad = digest(project)
        assert bad != good
        assert aliases(store) == {"champion": "2", "previous": "1"}
        while answers(service)[0] != bad[:12]:
            time.sleep(0.1)

        with project.start("pipelines", "rollback") as process:
            start = time.monotonic()
            while answers(service)[0] != good[:12]:
                time.sleep(0.02)
            seconds = time.monotonic() - start
            stdout, stderr = process.communicate(timeout=120)
        print(f"{seconds:.1f} s from the command to the first answer")
        assert process.returncode == 0, stderr
        assert answers(service) == before, "the old answers, byte for byte"
    assert "rollback: version 2 is taken back" in stdout
    assert digest(project) == good
    assert aliases(store) == {"champion": "1"}
    assert json_of(project.folder / "reports/bento.json")["model_sha256"] == good

    said = done(project, "retrain")
    assert "not taken back (times taken back 1, needs at most 0: 1 over (version 2, on " in said
    assert digest(project) == good
    # The third network is worse too, and would be crowned by these bounds; it learned from the same data.
    assert aliases(store) == {"champion": "1", "challenger": "3"}
    assert "waits as challenger: version 2, trained on the same data, was taken back" in said
    assert Card.load(project.folder / "state/challenger").model_sha256 not in (good, bad)
    assert "everything is up to date" in said
    assert project.stale() == set()

    assert "no version 7; there are: 1, 2, 3" in project.run("pipelines", "rollback", "7").stderr
    assert "there is no previous champion" in project.run("pipelines", "rollback").stderr
    assert digest(project) == good

    done(project, "promote", "--accept")
    assert aliases(store) == {"champion": "3", "previous": "1"}
    assert digest(project) == Card.load(project.folder / "champion").model_sha256
    assert digest(project) not in (good, bad)


@pytest.mark.nightly
def test_an_alias_that_was_set_by_hand_is_followed_by_the_next_run(
    copy_with_stores: Project, monkeypatch: pytest.MonkeyPatch
):
    """The defect: ``make run`` said "up to date", and the files stayed."""
    project, store = copy_with_stores, store_of(copy_with_stores, monkeypatch)
    good = digest(project)
    crown_any(project)
    done(project, "retrain")
    bad = digest(project)
    project.edit(lambda params: params["promote"].update(min_gain=0.0))
    assert project.run("dvc", "repro", "promote").returncode == 0
    assert digest(project) == bad
    store.set_registered_model_alias("fer-classifier", "champion", "1")
    done(project, "retrain")
    assert digest(project) == good
    assert json_of(project.folder / "reports/bento.json")["model_sha256"] == good


@pytest.mark.nightly
def test_by_hand_alone_a_candidate_waits_until_it_is_accepted(
    copy_with_stores: Project, monkeypatch: pytest.MonkeyPatch
):
    project, store = copy_with_stores, store_of(copy_with_stores, monkeypatch)
    good = digest(project)
    project.edit(lambda params: params["promote"].update(manual=True))
    crown_any(project)
    assert digest(project) == good
    assert aliases(store) == {"champion": "1", "challenger": "2"}
    waiting = Card.load(project.folder / "state/challenger")
    told = httpx.post(f"{project.prefect}/flow_runs/filter", json={"flow_runs": {"name": {"like_": "promote"}}}).json()
    assert f"promote: {waiting.architecture} waits" in {run["name"] for run in told}
    done(project, "promote", "--accept")
    assert digest(project) == waiting.model_sha256
    assert aliases(store) == {"champion": "2", "previous": "1"}
    page = store.get_model_version("fer-classifier", "2").description
    assert "| beats champion | passed: proven gain over champion" in page
    assert "| gate | said |" in page
    assert (run := store.get_run(store.get_model_version("fer-classifier", "2").run_id)).data.tags["fer.gates"]
    assert {"card.json", "data.json", "gates.json", "gates.md", "origin"} <= {
        file.path for file in store.list_artifacts(run.info.run_id)
    }


@pytest.mark.nightly
def test_a_version_is_rebuilt_byte_for_byte_from_its_commit_its_changes_and_its_data(
    copy_with_stores: Project, monkeypatch: pytest.MonkeyPatch
):
    project, store = copy_with_stores, store_of(copy_with_stores, monkeypatch)
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *who, *command], cwd=project.folder, check=True)
    refused = project.run("pipelines", "rebuild", "1")
    assert refused.returncode == 1
    assert "version 1 was registered without its Git commit and dvc.lock" in refused.stderr.splitlines()[-1]

    with (project.folder / "fer/figures/style.py").open("a") as file:
        file.write("# not committed\n")
    crown_any(project)
    version = store.get_model_version("fer-classifier", "2")
    assert version.tags["git_changes"] == "yes"
    wanted = project.bytes_of("champion", "data/dataset")
    # The project goes on: other settings, other code, no data.
    project.edit(lambda params: params["data"]["sample"].update(seed=4242))
    subprocess.run(["git", "checkout", "-q", "fer/figures/style.py"], cwd=project.folder, check=True)
    shutil.rmtree(project.folder / "data/dataset")

    for arguments, how in (((), "from DVC's cache"), (("--train",), "trained again")):
        said = done(project, "rebuild", "2", *arguments)
        assert f"version 2, {how}, byte for byte the registered model" in said
        rebuilt = Project(project.folder / "state/rebuild/2")
        assert rebuilt.bytes_of("champion", "data/dataset") == wanted
        assert "# not committed" in (rebuilt.folder / "fer/figures/style.py").read_text()
        assert "seed: 4242" not in (rebuilt.folder / "params.yaml").read_text()
    assert aliases(store)["champion"] == "2", "a rebuild changes nothing in the registry"
    assert len(store.search_model_versions("name = 'fer-classifier'")) == 2
