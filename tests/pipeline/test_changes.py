"""What runs again after a change to a project that was trained, and what does not."""

import json

import pytest
from mlflow_stores import runs_of, store_of
from project import Project, json_of

from fer.inference.classifier import Card

pytestmark = pytest.mark.slow

OUTPUTS = ("data/dataset", "models", "distilled", "reports", "champion")
MODELS = ["baseline", "mini", "baseline_distilled"]


def touch(project: Project, *paths: str) -> None:
    """Edit files so that their bytes change and what they do does not."""
    for path in paths:
        with (project.folder / path).open("a") as file:
            file.write("# edited\n")


def test_nothing_runs_a_second_time_and_what_a_kill_left_of_dvcs_lock_file_stops_nothing(copy_with_stores):
    project = copy_with_stores
    lock, outputs = (project.folder / "dvc.lock").read_bytes(), project.bytes_of(*OUTPUTS)
    running = project.folder / ".dvc" / "tmp" / "rwlock"
    running.parent.mkdir(exist_ok=True)
    running.write_text("")
    assert "'.dvc/tmp/rwlock'. JSON structure is corrupted" in project.run("dvc", "repro", "ingest").stderr
    done = project.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage" not in done.stdout
    assert (project.folder / "dvc.lock").read_bytes() == lock
    assert project.bytes_of(*OUTPUTS) == outputs
    assert json_of(running) == {}
    assert project.stale() == set()


def test_a_change_to_one_architectures_section_retrains_that_one_alone(copy):
    copy.edit(lambda params: params["architectures"]["mini"]["quick"].update(learning_rate=0.0017))
    copy.edit(lambda params: params["architectures"]["compact"]["quick"].update(learning_rate=0.0017))
    copy.edit(lambda params: params["recipes"]["full"].update(epochs=3))
    assert copy.stale() == {"recipes"}
    assert copy.run("dvc", "repro", "recipes").returncode == 0
    assert copy.stale() == {"train@mini"}


def test_a_new_architecture_and_what_moves_no_weight_retrain_nothing(copy):
    (copy.folder / "fer/models/new.py").write_text(
        (copy.folder / "fer/models/mini.py").read_text().replace("mini", "new")
    )
    touch(copy, "fer/training/progress.py", "fer/training/export.py", "fer/training/checkpoint.py", "fer/tracking.py")
    touch(copy, "pipelines/train.py")
    assert copy.stale() == {"recipes"}, "which networks import what is read again"
    assert copy.run("dvc", "repro", "recipes").returncode == 0
    assert copy.stale() == set()
    copy.edit(lambda params: params["train"]["architectures"].append("new"))
    every_model = {"ensemble", "compare", "promote"}
    assert copy.stale() == {"recipes", "train@new"} | every_model
    touch(copy, "fer/models/mini.py")
    assert copy.stale() == {"recipes", "train@new", "train@mini"} | every_model


def test_an_edit_of_a_shared_module_retrains_the_networks_that_import_it_alone(copy):
    settings = copy.bytes_of("reports/recipes")
    touch(copy, "fer/models/common/transfer.py")
    assert copy.stale() == {"recipes"}
    assert copy.run("dvc", "repro", "recipes").returncode == 0
    assert copy.stale() == set(), "neither network imports it"
    assert copy.bytes_of("reports/recipes") == settings
    touch(copy, "fer/models/common/trunk.py")
    dry = copy.run("dvc", "repro", "--dry", "train@baseline")
    assert "Running stage 'recipes'" in dry.stdout, "what a training depends on is written before it"
    assert copy.run("dvc", "repro", "recipes").returncode == 0
    assert copy.stale() == {"train@mini"}
    touch(copy, "fer/training/fit.py")
    assert copy.stale() == {"train@baseline", "train@mini", "distill@baseline"}


def test_other_words_in_the_report_on_the_data_retrain_nothing(copy):
    suite = copy.folder / "fer/expectations/images.yaml"
    suite.write_text(suite.read_text().replace("notes: look at these images", "notes: please look at these images"))
    assert copy.stale() == {"validate"}
    assert copy.run("dvc", "repro", "--single-item", "validate").returncode == 0
    assert copy.stale() == {"promote"}, "whose gates ask the report"


def test_any_recipe_of_params_yaml_can_be_run(copy):
    for recipe in ("full", "accelerator"):
        copy.edit(lambda params, recipe=recipe: params["train"].update(recipe=recipe))
        done = copy.run("dvc", "repro", "--dry", "train@baseline")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Running stage 'recipes'" in done.stdout


def test_a_changed_table_of_votes_is_read_again(copy):
    votes = copy.folder / "votes.csv"
    votes.write_text("first\n")
    copy.edit(lambda params: params["data"].update(votes="votes.csv"))
    assert copy.run("dvc", "commit", "--force", "ingest").returncode == 0
    assert copy.stale() == set()
    votes.write_text("second\n")
    assert json.loads(copy.run("dvc", "status", "--json").stdout) == {
        "ingest": [{"changed deps": {"votes.csv": "modified"}}]
    }


@pytest.mark.nightly
def test_fresh_stores_are_given_the_runs_the_champion_and_the_bento_again(copy, monkeypatch):
    lock, outputs = (copy.folder / "dvc.lock").read_bytes(), copy.bytes_of("models", "champion")
    done = copy.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    store = store_of(copy, monkeypatch)
    assert {name: run.info.status for name, run in runs_of(store).items()} == dict.fromkeys(MODELS, "FINISHED")
    champion = store.get_model_version_by_alias("fer-classifier", "champion")
    assert champion.tags["model_sha256"] == Card.load(copy.folder / "champion").network_sha256
    bento = json_of(copy.folder / "reports" / "bento.json")
    assert (copy.folder / "state/bentoml/bentos" / bento["tag"].replace(":", "/") / "bento.yaml").is_file()
    assert copy.bytes_of("models", "champion") == outputs
    assert (copy.folder / "dvc.lock").read_bytes() == lock


@pytest.mark.nightly
def test_another_precision_chooses_thresholds_again_and_keeps_the_registered_champion(copy_with_stores):
    before = json_of(copy_with_stores.folder / "champion/card.json")
    copy_with_stores.edit(lambda params: params["promote"].update(certain_precision=0.0))
    done = copy_with_stores.run("dvc", "repro", "promote")
    assert "(version 1) stays with" in done.stdout, done.stdout + done.stderr
    card = json_of(copy_with_stores.folder / "champion/card.json")
    assert card == before
    assert set(card["thresholds"].values()) == {1.0}, "fewer validation images than any precision needs"
