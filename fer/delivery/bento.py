"""A Bento of a trained model: the service's code and the model, in a BentoML home, built without a network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from fer.errors import UserError
from fer.files import write_text
from fer.inference.classifier import CARD_FILE, MODEL_FILE, Card

#: Name in the BentoML model store.
MODEL_NAME = "fer-classifier"
VERSION_DIGITS = 12
BENTOFILE = "bentofile.yaml"
#: Of its keys, those that make the Bento.
SAID = ("name", "service", "description", "include", "envs")


def build_bento(model_folder: Path, project: Path, home: Path) -> str:
    """Build a Bento of a trained model, or find the one that the same model and code gave before.

    BentoML reads its home once per process, so a process of its own does the work.

    Args:
        model_folder: holds ``model.onnx`` and ``card.json``.
        project: holds ``bentofile.yaml`` and the files that it includes.
        home: what ``BENTOML_HOME`` is when the Bento is served.

    Returns:
        The Bento's tag; its name with ``:latest`` finds the same Bento.

    Raises:
        UserError: when there is no usable model, or BentoML refuses to build.
    """
    model_folder, project, home = model_folder.resolve(), project.resolve(), home.resolve()
    model_version = Card.load(model_folder).model_sha256[:VERSION_DIGITS]
    name, files, code_version = _contents(project)
    version = f"{model_version}-{code_version}"
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    with TemporaryDirectory() as context:
        for file in files:
            copy = Path(context) / file.relative_to(project)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        command = [sys.executable, "-m", "fer.delivery.bento", context, str(model_folder), model_version, name, version]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"{project / BENTOFILE}: BentoML cannot build it: {reason}")
    write_text(home / "models" / MODEL_NAME / "latest", model_version)
    write_text(home / "bentos" / name / "latest", version)
    return f"{name}:{version}"


def damage(home: Path, tag: str) -> str | None:
    """What is wrong with a Bento and its model in a BentoML home, in one line; None where all bytes are as stored.

    The Bento's version names both: the digest of its model, and that of its code.
    """
    name, _, version = tag.partition(":")
    model_version, _, code_version = version.partition("-")
    bento, stored = home / "bentos" / name / version, home / "models" / MODEL_NAME / model_version
    for path in (bento / "bento.yaml", stored / "model.yaml"):
        if not path.is_file():
            return f"{path}: is not there"
    try:
        if Card.load(stored).model_sha256[:VERSION_DIGITS] != model_version:
            return f"{stored}: holds another model"
        return None if _contents(bento / "src")[2] == code_version else f"{bento / 'src'}: holds other code"
    except (UserError, OSError) as error:
        return str(error)


def is_intact(home: Path, tag: str) -> bool:
    """Whether there is no ``damage``."""
    return damage(home, tag) is None


def _contents(project: Path) -> tuple[str, list[Path], str]:
    """The Bento's name; its files, which are bentofile.yaml and what it includes, sorted; its code's version.

    Copied to a folder of their own the files make the build context: BentoML walks all of it, environment and data too.
    The version is 8 hex digits that change with any file's name or content. Of bentofile.yaml, which BentoML writes
    anew in the Bento, it takes what the file says.
    """
    path = project / BENTOFILE
    try:
        bentofile = yaml.safe_load(path.read_text(encoding="utf-8"))
        says = {key: bentofile[key] for key in SAID}
        says["envs"] = {variable["name"]: variable["value"] for variable in bentofile["envs"]}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); run from the project's folder") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(f"{path}: needs {', '.join(SAID)}; take the committed one") from error
    files = sorted({file for pattern in says["include"] for file in project.glob(pattern)})
    digest = hashlib.sha256(json.dumps(says, sort_keys=True).encode())
    for file in files:
        digest.update(f"{file.relative_to(project).as_posix()}\n{file.stat().st_size}\n".encode() + file.read_bytes())
    return str(says["name"]), [path, *files], digest.hexdigest()[:8]


def _build(context: str, model_folder: Path, model_version: str, name: str, version: str) -> None:
    """Store the model and build the Bento in ``BENTOML_HOME``, leaving alone what is there already."""
    import bentoml
    from bentoml._internal import configuration

    # BentoML installs uv from the index to lock packages with; ours are locked (fer/serving/container.py).
    configuration.get_uv_command = list
    home = Path(os.environ["BENTOML_HOME"])
    tag, stored = f"{MODEL_NAME}:{model_version}", home / "models" / MODEL_NAME / model_version
    if not _same_model(stored, model_folder):
        shutil.rmtree(stored, ignore_errors=True)
        with bentoml.models.create(tag) as model:
            for file in (CARD_FILE, MODEL_FILE):
                shutil.copyfile(model_folder / file, model.path_of(file))
    if not is_intact(home, f"{name}:{version}"):
        shutil.rmtree(home / "bentos" / name / version, ignore_errors=True)
        os.chdir(context)  # BentoML takes a bentofile from inside the current folder only
        bentoml.bentos.build_bentofile(version=version, args={"model": tag})


def _same_model(stored: Path, model_folder: Path) -> bool:
    """Whether a stored model is whole, and has the card of ``model_folder``."""
    try:
        return (stored / "model.yaml").is_file() and Card.load(stored) == Card.load(model_folder)
    except UserError:
        return False


if __name__ == "__main__":
    _build(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:6])
