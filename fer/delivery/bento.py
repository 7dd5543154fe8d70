"""A Bento of a trained model: the service's code and the model, in a BentoML home, built without a network."""

import hashlib
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

#: Name in the BentoML model store; bentofile.yaml asks for it.
MODEL_NAME = "fer-classifier"
VERSION_DIGITS = 12
BENTOFILE = "bentofile.yaml"


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
    name, files = _contents(project)
    version = f"{model_version}-{_code_version(project, files)}"
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


def _contents(project: Path) -> tuple[str, list[Path]]:
    """The Bento's name and its files: bentofile.yaml and what it includes, sorted.

    Copied to a folder of their own they make the build context: BentoML walks all of it, environment and data too.
    """
    path = project / BENTOFILE
    try:
        bentofile = yaml.safe_load(path.read_text(encoding="utf-8"))
        name, patterns = str(bentofile["name"]), [BENTOFILE, *bentofile["include"]]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); run from the project's folder") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(f"{path}: needs a name and a list of files to include; take the committed one") from error
    return name, sorted({file for pattern in patterns for file in project.glob(pattern)})


def _code_version(project: Path, files: list[Path]) -> str:
    """8 hex digits that change with any file's name or content."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(project).as_posix()}\n{file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:8]


def _build(context: str, model_folder: Path, model_version: str, name: str, version: str) -> None:
    """Store the model and build the Bento in ``BENTOML_HOME``, leaving alone what is there already."""
    import bentoml
    from bentoml.exceptions import NotFound

    card = (model_folder / CARD_FILE).read_bytes()
    tag = f"{MODEL_NAME}:{model_version}"
    try:
        stored = bentoml.models.get(tag)
        known = Path(stored.path_of(CARD_FILE)).read_bytes() == card
        if not known:
            bentoml.models.delete(tag)
    except NotFound:
        known = False
    if not known:
        with bentoml.models.create(tag) as model:
            Path(model.path_of(CARD_FILE)).write_bytes(card)
            Path(model.path_of(MODEL_FILE)).write_bytes((model_folder / MODEL_FILE).read_bytes())
    try:
        bentoml.get(f"{name}:{version}")
    except NotFound:
        # bentofile.yaml asks for the latest model, and BentoML goes by the time of storing
        write_text(Path(bentoml.models.get(tag).path).parent / "latest", model_version)
        os.chdir(context)  # BentoML takes a bentofile from inside the current folder only
        bentoml.bentos.build_bentofile(version=version)


if __name__ == "__main__":
    _build(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:6])
