import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from face_datasets import small_dataset
from trained_models import job_of, write_trained

from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.job import Job, Start, Teacher

START = Start("compact on faces", "unit", "d" * 64)
TEACHER = Teacher(0.7, "compact 0.60, vgg16 0.40", "d" * 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), small_dataset(train=2, held_out=2))


def test_the_job_is_found_again_in_its_run(folder: ModelFolder) -> None:
    job = job_of(small_dataset(train=2, held_out=2))
    assert folder.job == job
    assert (folder.name, folder.job.key) == ("baseline", job.key)


def test_a_distilled_models_job_is_found_again_and_named_after_what_it_is(folder: ModelFolder, tmp_path: Path) -> None:
    job = replace(folder.job, teacher=TEACHER)
    taught = folder.run.model_copy(update={"teacher": TEACHER})
    (tmp_path / "run.json").write_text(taught.to_json())
    assert ModelFolder(tmp_path).job == job
    assert job.name == "baseline_distilled"


def test_every_fact_of_the_teacher_changes_the_key(folder: ModelFolder) -> None:
    teachers = [None, TEACHER, replace(TEACHER, share=0.5), replace(TEACHER, digest="e" * 64)]
    assert len({replace(folder.job, teacher=teacher).key for teacher in teachers}) == 4


def test_what_a_training_goes_on_from_is_found_again_and_changes_the_key(folder: ModelFolder, tmp_path: Path) -> None:
    tuned = folder.run.model_copy(update={"start": START})
    (tmp_path / "run.json").write_text(tuned.to_json())
    assert ModelFolder(tmp_path).job == replace(folder.job, start=START)
    starts = [None, START, replace(START, preprocessing="tf"), replace(START, digest="e" * 64)]
    assert len({replace(folder.job, start=start).key for start in starts}) == 4


def test_the_keys_of_earlier_trainings_stay() -> None:
    recipe = job_of(small_dataset(train=2, held_out=2)).recipe.model_copy(update={"epochs": 2})
    job = Job("baseline", ("angry", "happy"), "f" * 16, recipe, 1)
    content = [job.architecture, job.classes, job.fingerprint, recipe.model_dump(exclude_defaults=True), 1, None]
    assert job.key == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def test_a_folder_written_by_other_code_is_one_line(folder: ModelFolder, tmp_path: Path) -> None:
    run = json.loads((folder.path / "run.json").read_text()) | {"recipe": {"epochs": 3}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    words = r"run.json: lacks recipe.pretrained, recipe.\w+, recipe.\w+ and \d+ more; run the train stage again"
    with pytest.raises(UserError, match=words) as caught:
        print(ModelFolder(tmp_path).job)
    assert "\n" not in str(caught.value)


def test_a_folder_that_lacks_a_fact_is_one_line(folder: ModelFolder, tmp_path: Path) -> None:
    run = json.loads((folder.path / "run.json").read_text())
    del run["weights"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(UserError, match=r"run.json: lacks weights; run the train stage again"):
        print(ModelFolder(tmp_path).job)
