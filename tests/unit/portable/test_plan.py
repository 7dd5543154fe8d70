"""A plan as a person writes it: every mistake is one line, and every job knows where it will stand at home."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_jobs import SHORT, splits, tiny_job, write_packed
from tiny_training import CLASSES, NAME, dataset, make_job
from trained_models import PARAMS

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.models.common.network import build_classifier
from fer.models.common.registry import get_architecture
from fer.params import Params, load_params
from fer.portable.bundle import unpack_job
from fer.portable.folder import Packed, PackedJob
from fer.portable.pieces import read_results
from fer.portable.plan import jobs_of, pack, read_plan
from fer.portable.run import run
from fer.portable.train import teacher_of
from fer.training.checkpoint import Checkpoint
from fer.training.epoch import predict
from fer.training.fit import fit
from fer.training.save import write_outputs

ONE = {"name": "one", "architecture": "mini"}
TAUGHT = "stronger_augmentation_and_teacher"
ROOT = Path(__file__).parents[3]


def write_plan(folder: Path, *jobs: dict[str, Any], **others: Any) -> Path:
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({"recipe": "quick", "reserve": 0.5, "jobs": list(jobs)} | others))
    return path


@pytest.fixture
def params() -> Params:
    return load_params(PARAMS)


def home_of(job: object, architecture: str, seed: int) -> str:
    return f"{architecture}_{seed}"


@pytest.mark.parametrize(
    ("jobs", "others", "words"),
    [
        ([], {}, "jobs: list should have at least 1 item"),
        ([ONE | {"nam": 1}], {}, "jobs.0.nam: unknown key"),
        ([ONE], {"recipe": None}, "recipe: input should be a valid string"),
        ([ONE | {"name": "Not a name"}], {}, "jobs.0.name: string should match"),
        ([ONE | {"minutes": 0}], {}, "jobs.0.minutes: input should be greater than 0, got 0"),
        ([ONE | {"keep": "all"}], {}, "jobs.0.keep: input should be 'float16', 'float32' or 'predictions'"),
        ([ONE, ONE], {}, "job one: named twice; give each job a name of its own"),
        ([{"name": "one"}], {}, "job one: name one of architecture, ablation and trained"),
        ([ONE | {"ablation": "no_mixup"}], {}, "job one: name one of architecture, ablation and trained"),
        ([ONE, ONE | {"name": "two", "teachers": ["ome"]}], {}, "job two: no job 'ome' before it; did you mean one?"),
        ([ONE | {"teachers": ["one"]}], {}, "job one: no job 'one' before it"),
        ([ONE | {"like": "two"}], {}, "job one: no job 'two' before it"),
    ],
)
def test_a_mistake_in_a_plan_is_one_line(
    tmp_path: Path, jobs: list[dict[str, Any]], others: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        read_plan(write_plan(tmp_path, *jobs, **others))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'plan.yaml'}: ")
    assert "\n" not in str(caught.value)


def test_a_plan_that_is_not_there_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plan.yaml: cannot be read \(No such file or directory\); name a plan$"):
        read_plan(tmp_path / "plan.yaml")
    (tmp_path / "plan.yaml").write_text("jobs: [")
    with pytest.raises(UserError, match=r"plan.yaml: not valid YAML: "):
        read_plan(tmp_path / "plan.yaml")


@pytest.mark.parametrize(
    ("jobs", "others", "words"),
    [
        ([ONE], {"recipe": "quik"}, "unknown recipe 'quik'; did you mean quick?"),
        ([ONE | {"architecture": "minni"}], {}, "job one: unknown architecture 'minni'; did you mean mini?"),
        ([{"name": "one", "ablation": "no_mixupp"}], {}, "unknown ablation 'no_mixupp'; did you mean no_mixup?"),
        ([{"name": "one", "ablation": "copies_kept"}], {}, "ablation copies_kept changes the data"),
        ([{"name": "one", "ablation": TAUGHT}], {}, f"ablation {TAUGHT} has a teacher or votes, which do not travel"),
        (
            [{"name": "one", "ablation": "votes_in_targets"}],
            {},
            "ablation votes_in_targets has a teacher or votes, which do not travel",
        ),
        ([ONE, ONE | {"name": "two"}], {}, "jobs one and two: both go to mini_1; change a seed"),
    ],
)
def test_what_params_yaml_does_not_have_is_one_line(
    tmp_path: Path, params: Params, jobs: list[dict[str, Any]], others: dict[str, Any], words: str
) -> None:
    plan = read_plan(write_plan(tmp_path, *jobs, **others))
    with pytest.raises(UserError) as caught:
        jobs_of(plan, params, dataset(), home_of)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_jobs_have_the_recipes_of_params_yaml(tmp_path: Path, params: Params) -> None:
    teacher = {"name": "two", "architecture": "compact", "seed": 7, "minutes": 1.5, "least": 3}
    student = ONE | {"name": "student", "seed": 9, "epochs": 200, "teachers": ["one", "two"], "share": 0.9}
    ablated = {"name": "mixed", "ablation": "no_mixup", "seed": 4, "like": "one"}
    plan = read_plan(write_plan(tmp_path, ONE, teacher, student, ablated, recipe="accelerator"))
    jobs = {job.name: job for job in jobs_of(plan, params, dataset(), home_of)}
    chosen = params.model_copy(update={"train": params.train.model_copy(update={"recipe": "accelerator"})})
    assert jobs["one"].recipe == chosen.recipe("mini")
    assert (jobs["one"].seed, jobs["two"].seed) == (params.train.seed, 7)
    assert (jobs["two"].minutes, jobs["two"].least, jobs["two"].share) == (1.5, 3, 0.0)
    assert (jobs["student"].teachers, jobs["student"].share) == (("one", "two"), 0.9)
    assert jobs["student"].recipe == chosen.recipe("mini").model_copy(update={"epochs": 200})
    assert jobs["mixed"].recipe == chosen.ablated("no_mixup", "mini").recipe("mini")
    assert jobs["mixed"].recipe.mixup.alpha == 0


def test_the_committed_plan_fits_the_committed_parameters(params: Params) -> None:
    plan = read_plan(ROOT / "docs" / "accelerator-plan.yaml")
    jobs = {job.name: job for job in jobs_of(plan, params, dataset(), lambda job, *_: job.name)}
    assert jobs["mobilenet_vggface2"].recipe.input_size == jobs["resnet50"].recipe.input_size == 224
    assert jobs["student"].teachers == ("mobilenet_vggface2", "resnet50", "mobilenetv2")


def test_a_model_of_the_project_comes_along_as_a_teacher(tmp_path: Path) -> None:
    data: FaceDataset = dataset()
    job = make_job(epochs=1, pretrained="none")
    write_outputs(tmp_path / "home", data, job, fit(data, job, None, Checkpoint(tmp_path / "checkpoint")))
    (tmp_path / "plan.yaml").write_text(
        yaml.safe_dump({"recipe": "quick", "reserve": 0, "jobs": [{"name": "old", "trained": str(tmp_path / "home")}]})
    )
    (old,) = jobs_of(read_plan(tmp_path / "plan.yaml"), load_params(PARAMS), data, home_of)
    student = PackedJob(**vars(write_packed(tmp_path / "plain", tiny_job("student", 5, **SHORT)).jobs[0]))
    given = [old, PackedJob(**vars(student) | {"recipe": job.recipe, "teachers": ("old",), "share": 1.0})]
    pack(tmp_path / "packed", data, given, 0.0, None, "abc")
    content = (tmp_path / "packed/trained/old.npz").read_bytes()
    model = build_classifier(get_architecture(NAME), len(CLASSES), 32, "unit")
    model.load_weights(tmp_path / "home/model.weights.h5")
    teacher = teacher_of(old, unpack_job(content, "old"), data.face_size)
    faces = splits()[1][0]
    there = predict(teacher, faces).argmax(axis=1)
    assert (there == predict(model, faces).argmax(axis=1)).mean() > 0.9
    packed = Packed.load(tmp_path / "packed")
    run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, lambda line: None)
    told = read_results(tmp_path / "out")["jobs"]
    assert (told["old"]["status"], told["old"]["weights"]) == ("brought", "random")
    assert told["student"]["status"] == "finished"
    (tmp_path / "packed/trained/old.npz").unlink()
    run(Packed.load(tmp_path / "packed"), tmp_path / "out", tmp_path / "other", None, 10**6, lambda line: None)
    told = read_results(tmp_path / "out")["jobs"]
    assert told["old"]["reason"] == f"trained/old.npz has not arrived; copy it to {tmp_path / 'packed'}"
    assert told["student"]["reason"] == "its teacher old is not trained"
