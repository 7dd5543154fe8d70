import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bentoml
import pytest
import yaml
from onnx_models import write_card, write_model

from fer.delivery.bento import build_bento, damage, is_intact
from fer.errors import UserError
from fer.serving.container import IMAGE

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip would have to download cannot be had: the defect was BentoML's own ``pip install uv``."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def project(tmp_path):
    """A copy of what the Bento is built from, with a data folder beside it."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT / "fer", copy / "fer", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bentofile.yaml", copy)
    (copy / "data").mkdir()
    (copy / "data" / "faces.npy").write_bytes(b"private")
    return copy


def run_with_home(home: Path, code: str, cwd: Path) -> str:
    environment = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_pinned_packages_are_the_locks():
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    numpy = re.search(r"^numpy==(\S+) ; python_full_version < '3.12'", (ROOT / "requirements.lock").read_text(), re.M)
    locked |= {"numpy": numpy[1]}
    pinned = dict(line.split("==") for line in IMAGE.python_requirements.split())
    assert pinned == {name: locked[name] for name in pinned}
    assert set(pinned) == {"numpy", "onnxruntime", "opencv-python-headless"}
    assert IMAGE.python_version == "3.11", "numpy's version is the one for Python below 3.12"


@pytest.mark.slow
def test_a_bento_holds_the_service_its_model_and_nothing_else(tmp_path, project, model_folder):
    home = tmp_path / "home"
    tag = build_bento(model_folder, project, home)
    name, version = tag.split(":")
    sha = json.loads((model_folder / "card.json").read_text())["model_sha256"]
    assert re.fullmatch(rf"fer-service:{sha[:12]}-[0-9a-f]{{8}}", tag)

    bento = home / "bentos" / name / version
    files = files_below(bento / "src")
    assert {"bentofile.yaml", "fer/serving/service.py", "fer/inference/classifier.py"} <= files
    assert {file for file in files if not file.startswith(("fer/inference/", "fer/serving/"))} == {
        "bentofile.yaml",
        "fer/__init__.py",
        "fer/errors.py",
        "fer/files.py",
        "fer/schema.py",
    }
    assert {"fer/serving/page/index.html", "fer/serving/page/style.css", "fer/serving/page/app.js"} <= files
    requirements = set((bento / "env" / "python" / "requirements.txt").read_text().split())
    assert requirements == {*IMAGE.python_requirements.split(), f"bentoml=={bentoml.__version__}"}
    described = yaml.safe_load((bento / "bento.yaml").read_text())
    (service,) = described["services"]
    assert [model["tag"] for model in service["models"]] == [f"fer-classifier:{sha[:12]}"]
    stored = home / "models" / "fer-classifier" / sha[:12]
    assert (stored / "model.onnx").read_bytes() == (model_folder / "model.onnx").read_bytes()

    source = "import bentoml, sys; bentoml.load(sys.argv[1]); print(sys.modules['fer.serving.service'].__file__)"
    loaded = run_with_home(home, source.replace("sys.argv[1]", f"{name + ':latest'!r}"), cwd=ROOT)
    assert Path(loaded).is_relative_to(bento), "the Bento's own code is served, from the project's folder too"


@pytest.mark.slow
def test_same_model_and_code_give_the_same_bento_and_a_change_gives_another(tmp_path, project, model_folder):
    home = tmp_path / "home"
    latest = home / "bentos" / "fer-service" / "latest"
    first = build_bento(model_folder, project, home)
    built = (home / "bentos" / first.replace(":", "/") / "bento.yaml").read_bytes()
    (project / "fer" / "commands" / "webcam.py").write_text("# no part of the service\n")
    assert build_bento(model_folder, project, home) == first
    assert (home / "bentos" / first.replace(":", "/") / "bento.yaml").read_bytes() == built

    with (project / "fer" / "serving" / "service.py").open("a") as file:
        file.write("\n# changed\n")
    changed = build_bento(model_folder, project, home)
    assert changed.split("-")[:2] == first.split("-")[:2]
    assert changed != first

    other = build_bento(write_model(tmp_path / "other", seed=1), project, home)
    assert latest.read_text() == other.split(":")[1]
    assert build_bento(model_folder, project, home) == changed
    assert latest.read_text() == changed.split(":")[1], "a model that comes back is the latest again"


@pytest.mark.slow
def test_a_card_written_anew_for_the_same_model_is_taken(tmp_path, project):
    home, model = tmp_path / "home", write_model(tmp_path / "model")
    first = build_bento(model, project, home)
    write_card(model, dataset="FER-2013")
    assert build_bento(model, project, home) == first
    card = next((home / "models" / "fer-classifier").glob("*/card.json"))
    assert json.loads(card.read_text())["dataset"] == "FER-2013"


def test_no_model_is_one_line_and_leaves_no_home(tmp_path, project):
    with pytest.raises(UserError, match=r"card\.json: cannot be read"):
        build_bento(tmp_path / "nothing", project, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def without_bentofile(project):
    (project / "bentofile.yaml").unlink()


def bentofile_without_include(project):
    (project / "bentofile.yaml").write_text("name: fer-service\n")


def broken_service(project):
    (project / "fer" / "serving" / "service.py").write_text("this is no Python\n")


@pytest.mark.slow
def test_a_project_that_cannot_be_built_is_one_line_and_keeps_the_last_bento(tmp_path, project, model_folder):
    home = tmp_path / "home"
    tag = build_bento(model_folder, project, home)
    harms = {  # the service first, which the others leave unread
        broken_service: r"bentofile\.yaml: BentoML cannot build it: .*SyntaxError",
        bentofile_without_include: r"bentofile\.yaml: needs name, service, description, include, envs",
        without_bentofile: r"bentofile\.yaml: cannot be read",
    }
    for harm, words in harms.items():
        harm(project)
        with pytest.raises(UserError, match=words) as caught:
            build_bento(model_folder, project, home)
        assert "\n" not in str(caught.value)
        assert (home / "bentos" / "fer-service" / "latest").read_text() == tag.split(":")[1]


def flip_a_byte_of_the_model(home: Path) -> None:
    (model,) = (home / "models").rglob("model.onnx")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


def lose_the_models(home: Path) -> None:
    shutil.rmtree(home / "models")


def change_the_code(home: Path) -> None:
    (service,) = (home / "bentos").rglob("src/fer/serving/service.py")
    service.write_text("# nothing\n")


def lose_the_bentos_description(home: Path) -> None:
    (home / "bentos").rglob("bento.yaml").__next__().unlink()


@pytest.mark.slow
def test_a_damaged_store_is_noticed_and_mended_by_the_next_build(tmp_path, project, model_folder):
    home = tmp_path / "home"
    tag = build_bento(model_folder, project, home)
    assert is_intact(home, tag)
    harms = {
        flip_a_byte_of_the_model: "sha256 differs",
        lose_the_models: "model.yaml: is not there",
        change_the_code: "holds other code",
        lose_the_bentos_description: "bento.yaml: is not there",
    }
    for harm, words in harms.items():
        harm(home)
        assert words in damage(home, tag)
        assert "\n" not in damage(home, tag)
        assert build_bento(model_folder, project, home) == tag
        assert is_intact(home, tag), harm.__name__


@pytest.mark.slow
def test_a_bento_keeps_its_own_model_when_a_newer_one_is_stored(tmp_path, project, model_folder):
    home = tmp_path / "home"
    first = build_bento(model_folder, project, home)
    build_bento(write_model(tmp_path / "other", seed=1), project, home)
    ask = "import bentoml, sys; service = bentoml.load(sys.argv[1]); print(service.inner.champion.tag)"
    tag = run_with_home(home, ask.replace("sys.argv[1]", repr(first)), cwd=ROOT)
    assert tag == f"fer-classifier:{first.split(':')[1].split('-')[0]}"
