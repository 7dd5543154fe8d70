import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from face_datasets import small_dataset
from mlflow import MlflowClient
from mlflow_stores import settings_of, without_figures
from sqlalchemy import create_engine
from trained_models import job_of, write_trained

from fer.delivery.promotion import card_of
from fer.delivery.registry import Registry
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.sections import Promote, Tracking
from fer.store import ADDRESSES, Store
from fer.tracking import Tracker

DATASET = small_dataset(train=2, held_out=2)
PROMOTE = Promote(min_class_f1=0, min_skill=0, parity=0.001, certain_precision=0.5)


@pytest.fixture(autouse=True)
def no_store_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``mlflow.set_tracking_uri`` sets the variable too, for the processes that it starts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    without_figures(monkeypatch)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), DATASET)


def no_such_scheme(tmp_path: Path) -> str:
    return "carrier-pigeon://coop"


def not_a_database(tmp_path: Path) -> str:
    (tmp_path / "mlflow.db").write_text("not SQLite " * 100)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def below_a_file(tmp_path: Path) -> str:
    (tmp_path / "state").write_text("a file")
    return f"sqlite:///{tmp_path / 'state' / 'mlflow.db'}"


def no_server(tmp_path: Path) -> str:
    return "http://127.0.0.1:9"


@pytest.mark.parametrize("uri", [no_such_scheme, not_a_database, below_a_file, no_server])
def test_a_store_that_cannot_be_opened_is_one_line(uri, tmp_path):
    broken = uri(tmp_path)
    with pytest.raises(UserError, match=r"tracking\.uri") as caught:
        Store(Tracking(uri=broken, experiment="fer", model="fer-classifier"))
    assert broken in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://fer:s3cr%24t@127.0.0.1:9", "http://fer:***@127.0.0.1:9"),
        ("postgresql://fer:s3cr%24t@127.0.0.1:9/fer", "postgresql://fer:***@127.0.0.1:9/fer"),
        ("postgresql://fer:a#s3cr@127.0.0.1:9/fer", "postgresql://fer:***@127.0.0.1:9/fer"),
        ("postgresql://fer:a/s3cr?[@127.0.0.1:9/fer", "postgresql://fer:***@127.0.0.1:9/fer"),
        ("postgresql://fer:a@s3cr@127.0.0.1:9/fer", "postgresql://fer:***@127.0.0.1:9/fer"),
        ("postgresql://127.0.0.1:9/fer?user=fer&password=s3cr", "postgresql://127.0.0.1:9/fer?user=fer&password=***"),
        ("postgresql://fer:s3cr@127.0.0.1:port/fer", "postgresql://fer:***@127.0.0.1:port/fer"),
    ],
)
def test_no_message_shows_a_password(uri, shown):
    with pytest.raises(UserError) as caught:
        Store(Tracking(uri=uri, experiment="fer", model="fer-classifier"))
    assert str(caught.value).startswith(f"MLflow at {shown}: ")
    assert "s3cr" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_is_tried_for_seconds_not_minutes(tmp_path, monkeypatch):
    engine, slept = create_engine(f"sqlite:///{tmp_path}"), []  # no connection to a folder
    monkeypatch.setattr("mlflow.store.db.utils.create_sqlalchemy_engine", lambda _: engine)
    monkeypatch.setattr("mlflow.store.db.utils.time.sleep", slept.append)
    with pytest.raises(UserError, match=r"^MLflow at postgresql://db/fer: .*unable to open database file"):
        Store(Tracking(uri="postgresql://db/fer", experiment="fer", model="fer-classifier"))
    assert 3 < sum(slept) < 10, "a database that starts again is waited for"


def every_call(settings: Tracking, trained: ModelFolder) -> dict[str, object]:
    """Calls of a tracker and a registry that were opened while the store was there."""
    tracker = Tracker(settings)
    registry = Registry(tracker.store)
    run_id = "0123456789abcdef0123456789abcdef"
    return {
        "champion": registry.champion,
        "champion_version": registry.champion_version,
        "promote": lambda: registry.promote(run_id, card_of(trained, PROMOTE, DATASET)),
        "open_run": lambda: tracker.open_run(job_of(DATASET), DATASET.name, run_id),
        "find_run": lambda: tracker.find_run(trained),
        "log_metrics": lambda: tracker.log_metrics(run_id, {"latency_ms": 1.0}),
    }


def test_a_broken_database_is_no_registry_without_a_champion(tmp_path, empty_store, trained):
    settings = settings_of(tmp_path / "state", empty_store)
    calls = every_call(settings, trained)
    with closing(sqlite3.connect(tmp_path / "state" / "mlflow.db")) as database:
        for table in ("registered_models", "runs"):
            database.execute(f"ALTER TABLE {table} RENAME TO lost_{table}")
    for name, call in calls.items():
        with pytest.raises(UserError, match=r"MLflow at sqlite:.*tracking\.uri") as caught:
            call()
        assert "\n" not in str(caught.value), name


@pytest.fixture
def server(tmp_path: Path, empty_store: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A real MLflow server and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.copy(empty_store, tmp_path / "server.db")
    command = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--workers", "1"], cwd=tmp_path, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{url}/health", verify=False).raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
        yield process, url
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_a_server_has_the_champion_and_one_that_is_gone_has_not_none(server, trained):
    process, url = server
    settings = Tracking(uri=url, experiment="fer", model="fer-classifier")
    tracker = Tracker(settings)
    registry = Registry(tracker.store)
    assert registry.champion() is None
    card = card_of(trained, PROMOTE, DATASET)
    registry.promote(tracker.ensure_run(trained, DATASET), card)
    champion = registry.champion()
    assert champion.card == card
    with registry.model(champion) as model:
        assert model.read_bytes() == trained.onnx.read_bytes()
    calls = every_call(settings, trained)
    process.terminate()
    process.wait(30)
    for name, call in calls.items():
        with pytest.raises(UserError, match=r"MLflow at http.*tracking\.uri") as caught:
            call()
        assert "\n" not in str(caught.value), name


PROMOTION = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[4:]
from test_store import *
tracker = Tracker(settings_of(Path(sys.argv[1]), Path(sys.argv[2])))
folder = ModelFolder(Path(sys.argv[3]))
Registry(tracker.store).promote(tracker.ensure_run(folder, DATASET), card_of(folder, PROMOTE, DATASET))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, trained: ModelFolder) -> Path:
    """A project with a champion, made by another process: MLflow remembers a run's address as long as one lives."""
    home = tmp_path_factory.mktemp("home") / "my project"
    here = Path(__file__).parent
    arguments = map(str, (home / "state", empty_store, trained.path, here, here.parent))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    subprocess.run([sys.executable, "-c", PROMOTION, *arguments], env=environment, check=True)
    return home


def addresses(project: Path) -> set[str]:
    with closing(sqlite3.connect(project / "state" / "mlflow.db")) as database:
        return {
            value
            for table, column, _ in ADDRESSES
            for (value,) in database.execute(f"SELECT {column} FROM {table}")
            if value and value.startswith("file:")
        }


def files_of(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_a_copy_reads_and_writes_its_own_files(home, trained, tmp_path):
    copy = tmp_path / "a copy"
    shutil.copytree(home, copy)
    before = files_of(home)
    read_and_write(copy, trained, tmp_path)
    assert files_of(home) == before


def test_a_moved_project_leaves_nothing_at_its_former_place(home, trained, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(home, tmp_path / "kept")
    home.rename(moved)
    try:
        read_and_write(moved, trained, tmp_path)
        assert not home.exists()
    finally:
        (tmp_path / "kept").rename(home)


def read_and_write(project: Path, trained: ModelFolder, tmp_path: Path) -> None:
    """Read the champion of a project that was made elsewhere, and promote another there."""
    tracker = Tracker(settings_of(project / "state"))
    registry = Registry(tracker.store)
    champion = registry.champion()
    with registry.model(champion) as model:
        assert model.read_bytes() == trained.onnx.read_bytes()
    registry.describe(champion, champion.card)
    another = write_trained(tmp_path / "models", DATASET, "resnet50", seed=1)
    registry.promote(tracker.ensure_run(another, DATASET), card_of(another, PROMOTE, DATASET))
    assert registry.champion().card.model_sha256 == another.run.model_sha256
    root = (project / "state" / "mlartifacts").as_uri()
    assert addresses(project)
    assert all(address == root or address.startswith(f"{root}/") for address in addresses(project))


def test_a_store_that_stays_is_not_written_to_when_it_is_opened(home):
    before = (home / "state" / "mlflow.db").read_bytes()
    Store(settings_of(home / "state"))
    assert (home / "state" / "mlflow.db").read_bytes() == before


def run_with_a_file(client: MlflowClient, experiment_id: str) -> str:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "whose?", "note.txt")
    return run_id


def test_another_projects_experiment_in_the_same_database_stays(tmp_path, empty_store, monkeypatch):
    settings = settings_of(tmp_path / "state", empty_store)
    store = Store(settings)
    run_with_a_file(store.client, store.experiment_id)
    theirs = (tmp_path / "theirs" / "mlartifacts").as_uri()
    identity = store.client.create_experiment("theirs", artifact_location=theirs)
    run_id = run_with_a_file(store.client, identity)
    moved = tmp_path / "moved"
    (tmp_path / "state").rename(moved)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    opened = Store(settings_of(moved))
    ours = opened.client.get_experiment(opened.experiment_id).artifact_location
    assert ours == (moved / "mlartifacts").as_uri()
    assert opened.client.get_experiment(identity).artifact_location == theirs
    assert opened.client.get_run(run_id).info.artifact_uri.startswith(f"{theirs}/")


@pytest.mark.parametrize(("folder", "beside"), [("mlartifacts", False), ("archive", False), ("archive", True)])
def test_files_that_someone_keeps_elsewhere_stay_there(folder, beside, tmp_path, empty_store):
    """A shared folder; beside the database there may be another experiment's."""
    settings = settings_of(tmp_path / "state", empty_store)
    shared = (tmp_path / "shared" / folder).as_uri()
    client = MlflowClient(settings.uri)
    identity = client.create_experiment("fer", artifact_location=shared)
    run_id = run_with_a_file(client, identity)
    if beside:
        (tmp_path / "state" / "mlartifacts").mkdir()
    opened = Store(settings)
    assert opened.client.get_experiment(identity).artifact_location == shared
    assert opened.client.get_run(run_id).info.artifact_uri.startswith(f"{shared}/")


def test_a_project_that_is_opened_through_a_link_stays_as_it_is(tmp_path, empty_store, monkeypatch):
    store = Store(settings_of(tmp_path / "state", empty_store))
    run_with_a_file(store.client, store.experiment_id)
    before = store.client.get_experiment(store.experiment_id).artifact_location
    (tmp_path / "link").symlink_to(tmp_path / "state")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    opened = Store(settings_of(tmp_path / "link"))
    assert opened.client.get_experiment(opened.experiment_id).artifact_location == before


def test_a_copy_without_a_run_writes_its_first_beside_itself(tmp_path, empty_store, monkeypatch):
    Store(settings_of(tmp_path / "state", empty_store))
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    copy = Store(settings_of(tmp_path / "copy"))
    run_with_a_file(copy.client, copy.experiment_id)
    assert [path.name for path in (tmp_path / "copy").rglob("note.txt")] == ["note.txt"]
    assert not list((tmp_path / "state").rglob("note.txt"))


def test_a_database_without_a_server_says_where_files_are_kept_and_no_password(monkeypatch):
    monkeypatch.delenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", raising=False)
    store = Store.__new__(Store)
    store.uri = "postgresql://fer:s3cret@db/mlflow"
    with pytest.raises(UserError, match="say where its runs' files are kept") as caught:
        store._root()
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://fer/mlflow")
    assert store._root() == "s3://fer/mlflow"
