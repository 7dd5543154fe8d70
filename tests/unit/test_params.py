import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fer.emotions import FIVE_EMOTIONS, resolve_classes
from fer.errors import UserError
from fer.models import list_architectures
from fer.params import load_params

COMMITTED = Path(__file__).parents[2] / "params.yaml"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def content() -> dict[str, Any]:
    return yaml.safe_load(COMMITTED.read_text())


def write(folder: Path, content: object) -> Path:
    path = folder / "params.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def load_error(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_params(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(("params.yaml: ", f"{path}: "))
    return message


def section(content: dict[str, Any], keys: str) -> dict[str, Any]:
    for key in keys.split("."):
        content = content[key] if key else content
    return content


def test_the_committed_file_loads_and_its_recipes_suit_every_registered_architecture() -> None:
    params = load_params(COMMITTED)
    assert params.data.classes == "all"
    assert params.data.source == "sample"
    assert set(params.train.architectures) < set(list_architectures())
    assert {params.recipe(name).pretrained for name in list_architectures()} == {"none"}


def test_an_architectures_own_settings_stand_over_the_recipe(tmp_path: Path, content: dict[str, Any]) -> None:
    content["recipes"]["quick"] |= {"epochs": 4, "batch_size": 32}
    content["architectures"]["vgg16"]["quick"] = {"epochs": 9}
    content["architectures"]["resnet50"]["quick"] = {}
    content["architectures"]["vgg16"]["full"] = {"epochs": 77}
    params = load_params(write(tmp_path, content))
    assert (params.recipe("vgg16").epochs, params.recipe("vgg16").batch_size) == (9, 32)
    assert params.recipe("resnet50").epochs == 4


def test_any_recipe_suits_an_architecture_that_has_no_section_for_it(tmp_path: Path, content: dict[str, Any]) -> None:
    content["recipes"]["night"] = content["recipes"]["full"] | {"epochs": 3}
    content["train"]["recipe"] = "night"
    del content["architectures"]["mobilenetv2"]
    params = load_params(write(tmp_path, content))
    assert params.recipe("mobilenetv2") == params.recipe("resnet50")
    assert params.recipe("mobilenetv2").epochs == 3


def test_a_section_of_an_unknown_architecture(tmp_path: Path, content: dict[str, Any]) -> None:
    content["architectures"]["minni"] = {}
    assert "architectures: unknown architecture 'minni'; did you mean mini?" in load_error(write(tmp_path, content))


def test_a_section_inside_a_recipe_is_overridden_key_by_key(tmp_path: Path, content: dict[str, Any]) -> None:
    content["architectures"]["vgg16"]["quick"] = {"augmentation": {"erase": 0.3}}
    own, base = load_params(write(tmp_path, content)).recipe("vgg16"), content["recipes"]["quick"]
    assert own.augmentation.model_dump() == base["augmentation"] | {"erase": 0.3}


def test_the_five_class_task_is_one_setting(tmp_path: Path, content: dict[str, Any]) -> None:
    content["data"]["classes"] = "five"
    assert resolve_classes(load_params(write(tmp_path, content)).data.classes) == FIVE_EMOTIONS


def test_a_rate_in_exponent_notation_is_a_number(tmp_path: Path) -> None:
    text = COMMITTED.read_text().replace("learning_rate: 0.0003\n", "learning_rate: 3e-4\n")
    assert "learning_rate: 3e-4" in text
    params = load_params(write(tmp_path, text.replace("recipe: quick ", "recipe: full ")))
    assert params.recipe("resnet50").learning_rate == 3e-4


@pytest.mark.parametrize(
    ("where", "key", "misspelt"),
    [
        ("", "tracking", "trackin"),
        ("", "validate", "validte"),
        ("data", "votes", "vote"),
        ("data", "seed", "sede"),
        ("data.sample", "images", "image"),
        ("train", "recipe", "recpe"),
        ("recipes.quick", "epochs", "epoch"),
        ("recipes.full", "learning_rate", "lerning_rate"),
        ("recipes.quick.augmentation", "rotate", "rotte"),
        ("compare", "bootstrap", "bootstap"),
        ("promote", "parity", "partiy"),
        ("tracking", "experiment", "experimnt"),
    ],
)
def test_a_misspelt_key_is_named_with_the_right_one(
    tmp_path: Path, content: dict[str, Any], where: str, key: str, misspelt: str
) -> None:
    values = section(content, where)
    values[misspelt] = values.pop(key)
    message = load_error(write(tmp_path, content))
    assert f"{misspelt}: unknown key; did you mean {key}?" in message
    assert where.split(".", maxsplit=1)[0] in message


@pytest.mark.parametrize("architecture", ["baseline", "mobilenetv2"])
@pytest.mark.parametrize("recipe", ["quick", "full"])
def test_a_misspelt_key_of_an_architecture_is_named_whatever_the_chosen_recipe(
    tmp_path: Path, content: dict[str, Any], architecture: str, recipe: str
) -> None:
    content["architectures"][architecture][recipe] = {"epochss": 3}
    message = load_error(write(tmp_path, content))
    assert f"architectures.{architecture}.{recipe}: epochss: unknown key; did you mean epochs?" in message


def test_a_recipe_that_no_training_uses_is_checked_too(tmp_path: Path, content: dict[str, Any]) -> None:
    content["train"]["architectures"] = ["baseline"]
    content["architectures"]["vgg16"]["full"] = {"batch_size": 0}
    assert "architectures.vgg16.full: batch_size: " in load_error(write(tmp_path, content))


def test_an_ablation_changes_what_it_says_and_nothing_else(tmp_path: Path, content: dict[str, Any]) -> None:
    content["ablations"]["changes"] = {
        "copies": {"data": {"remove_copies": False}},
        "no_mixup": {"recipe": {"mixup": {"alpha": 0.0}}},
    }
    content["train"]["recipe"] = "full"
    params = load_params(write(tmp_path, content))
    copies, blend = params.ablated("copies", "mini"), params.ablated("no_mixup", "mini")
    assert copies.data == params.data.model_copy(update={"remove_copies": False})
    assert copies.recipe("mini") == params.recipe("mini")
    own = params.recipe("mini")
    assert own.mixup.alpha > 0
    assert blend.recipe("mini") == own.model_copy(update={"mixup": own.mixup.model_copy(update={"alpha": 0.0})})
    assert blend.recipe("compact") == params.recipe("compact")
    assert (blend.data, blend.train) == (params.data, params.train)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": {"epoch": 3}}, "epoch: unknown key; did you mean epochs?"),
        ({"data": {"classes": "fiv"}}, "fiv"),
        ({"data": {"sample": {"image": 200}}}, "data.sample.image: unknown key; did you mean images?"),
        ({"data": {"remove_copy": False}}, "data.remove_copy: unknown key; did you mean remove_copies?"),
        ({"recipes": {}}, "ablations.changes.odd.recipes: unknown key"),
        ({"votes": 0.5, "votes_by": "label"}, "odd.votes_by: input should be 'image' or 'class', got 'label'"),
        ({"votes_by": "class"}, "odd.votes_by: value error, needs votes above 0, got 'class'"),
        ({"votes": 1.5}, "odd.votes: input should be less than or equal to 1, got 1.5"),
        ({"votes": 0.5, "teacher": "mini"}, "odd.votes: value error, must be 0 beside a teacher, got 0.5"),
    ],
)
def test_a_bad_setting_of_an_ablation(
    tmp_path: Path, content: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    content["ablations"]["changes"]["odd"] = change
    message = load_error(write(tmp_path, content))
    assert words in message
    assert "ablations.changes.odd" in message


def test_a_part_of_a_section_of_the_data_is_changed_alone(tmp_path: Path, content: dict[str, Any]) -> None:
    content["ablations"]["changes"]["smaller"] = {"data": {"sample": {"images": 200}}}
    params = load_params(write(tmp_path, content))
    assert params.ablated("smaller", "mini").data.sample == params.data.sample.model_copy(update={"images": 200})


def test_an_ablations_name_is_that_of_a_folder(tmp_path: Path, content: dict[str, Any]) -> None:
    content["ablations"]["changes"]["../elsewhere"] = {}
    assert "ablations.changes.../elsewhere" in load_error(write(tmp_path, content))


def test_a_student_named_twice(tmp_path: Path, content: dict[str, Any]) -> None:
    content["distill"]["students"] = ["mini", "mini"]
    assert "distill.students: an architecture is named twice" in load_error(write(tmp_path, content))


def test_an_unknown_ablation_and_an_ablation_of_an_unknown_architecture(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"unknown ablation 'copies_kep'; did you mean copies_kept\?"):
        load_params(COMMITTED).ablated("copies_kep", "mini")
    content["ablations"]["architecture"] = "minni"
    assert "ablations.architecture: unknown architecture 'minni'; did you mean" in load_error(write(tmp_path, content))


def test_an_unknown_student(tmp_path: Path, content: dict[str, Any]) -> None:
    content["distill"]["students"] = ["minni"]
    assert "distill.students: unknown architecture 'minni'; did you mean mini?" in load_error(write(tmp_path, content))


def test_a_misspelt_recipe_in_an_architectures_section(tmp_path: Path, content: dict[str, Any]) -> None:
    content["architectures"]["baseline"]["qick"] = content["architectures"]["baseline"].pop("quick")
    message = load_error(write(tmp_path, content))
    assert "architectures.baseline: unknown recipe 'qick'; did you mean quick?" in message


def rename_recipe(content: dict[str, Any]) -> None:
    content["train"]["recipe"] = "quik"


def rename_architecture(content: dict[str, Any]) -> None:
    content["train"]["architectures"] = ["baseline", "resnet5"]


def name_architecture_twice(content: dict[str, Any]) -> None:
    content["train"]["architectures"] = ["baseline", "vgg16", "baseline"]


def name_no_architecture(content: dict[str, Any]) -> None:
    content["train"]["architectures"] = []


def name_unknown_class(content: dict[str, Any]) -> None:
    content["data"]["classes"] = ["happy", "sadd"]


def name_one_class(content: dict[str, Any]) -> None:
    content["data"]["classes"] = ["happy"]


def no_epochs(content: dict[str, Any]) -> None:
    content["architectures"]["baseline"]["quick"]["epochs"] = 0


def text_for_a_number(content: dict[str, Any]) -> None:
    content["recipes"]["full"]["batch_size"] = "many"


def share_of_all(content: dict[str, Any]) -> None:
    content["data"]["test_share"] = 1


def too_many_resamples(content: dict[str, Any]) -> None:
    content["compare"]["bootstrap"] = 10**9


def no_compare(content: dict[str, Any]) -> None:
    del content["compare"]


def empty_recipe(content: dict[str, Any]) -> None:
    content["recipes"]["quick"] = None


def flip_too_often(content: dict[str, Any]) -> None:
    content["recipes"]["quick"]["augmentation"]["flip"] = 1.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename_recipe, "train.recipe: unknown recipe 'quik'; did you mean quick?"),
        (rename_architecture, "train.architectures: unknown architecture 'resnet5'; did you mean resnet50?"),
        (name_architecture_twice, "train.architectures: an architecture is named twice; name each once"),
        (name_no_architecture, "train.architectures: list should have at least 1 item"),
        (name_unknown_class, "data.classes: unknown class 'sadd'"),
        (name_one_class, "data.classes: ['happy'] must name at least two emotions"),
        (no_epochs, "epochs: input should be greater than or equal to 1, got 0"),
        (text_for_a_number, "batch_size: input should be a valid integer"),
        (share_of_all, "data.test_share: input should be less than 1, got 1"),
        (too_many_resamples, "compare.bootstrap: input should be less than or equal to 100000, got 1000000000"),
        (no_compare, "compare: missing; add it"),
        (empty_recipe, "recipes.quick: input should be a valid dictionary, got None"),
        (flip_too_often, "augmentation.flip: input should be less than or equal to 1, got 1.5"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, content: dict[str, Any], change: Change, words: str) -> None:
    changed = copy.deepcopy(content)
    change(changed)
    assert words in load_error(write(tmp_path, changed))


@pytest.mark.parametrize("text", ["data: [1, 2", "a: b: c", "\t- x"])
def test_a_file_that_is_no_yaml(tmp_path: Path, text: str) -> None:
    assert "not valid YAML" in load_error(write(tmp_path, text))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"data: \xff\xfe")
    assert "not valid YAML" in load_error(path)


@pytest.mark.parametrize("text", ["", "[1, 2]\n", "just words\n"])
def test_a_file_without_sections(tmp_path: Path, text: str) -> None:
    assert "the file: input should be a valid dictionary" in load_error(write(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    message = load_error(tmp_path / "params.yaml")
    assert "cannot be read (No such file or directory); run from the project's folder" in message


def test_unknown_architecture_asked_for_by_name() -> None:
    with pytest.raises(UserError, match="unknown architecture 'vgg61'; did you mean vgg16"):
        load_params(COMMITTED).recipe("vgg61")


@pytest.mark.parametrize("keys", ["data.seed", "data.sample.seed", "train.seed", "compare.seed"])
def test_a_seed_that_no_generator_takes_is_one_line(tmp_path: Path, content: dict[str, Any], keys: str) -> None:
    where, _, key = keys.rpartition(".")
    section(content, where)[key] = 2**32
    with pytest.raises(UserError, match=f"{keys}: input should be less than 4294967296, got 4294967296"):
        load_params(write(tmp_path, content))
