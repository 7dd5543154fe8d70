"""Stage 0: a file per architecture with what params.yaml says of its training, and the code that its network shares.

A training depends on its own file alone: dvc.yaml's list of files is the same for every architecture.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from prefect import flow

from fer.errors import UserError
from fer.files import replace_folder
from fer.params import Params, load_params
from fer.source_code import file_digests
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say


@flow(flow_run_name="recipes")
def recipes() -> None:
    """Resolve the chosen recipe for every architecture and student."""
    params = load_params()
    named = sorted({*params.train.architectures, *params.distill.students})
    write(params, named)
    say(f"recipes: {params.train.recipe} for {', '.join(named)}")


@task
def write(params: Params, architectures: list[str]) -> None:
    """The folder with a file of each, put into place at once."""
    with replace_folder(paths.RECIPES) as fresh:
        for architecture in architectures:
            (fresh / f"{architecture}.json").write_text(settings_of(params, architecture), encoding="utf-8")


def settings_of(params: Params, architecture: str) -> str:
    """What decides the training of an architecture and no other, as JSON: the same settings are the same bytes.

    All that params.yaml says of it, and the modules that its network imports, with their digests. Its own module and
    the training loop are dependencies in dvc.yaml.
    """
    settings: dict[str, Any] = {
        "recipe": params.recipe(architecture).model_dump(),
        "seed": params.train.seed,
        "weights_folder": str(params.train.weights_folder) if params.train.weights_folder else None,
        "shared_code": shared_code(architecture),
    }
    if start := params.train.start:
        settings["start_from"] = digest_of_start(start)
    return json.dumps(settings, indent=2) + "\n"


def digest_of_start(path: Path) -> str:
    """Hex sha256 of the weights that ``train.start_from`` names.

    Raises:
        UserError: where they cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); name a trained model's model.weights.h5 in train.start_from "
            "of params.yaml, or a folder to begin anew"
        ) from error


def shared_code(architecture: str) -> dict[str, str]:
    """The modules that an architecture's network imports, without its own, each with its digest."""
    files = file_digests(f"fer.models.{architecture}")
    return {path: digest for path, digest in files.items() if path != f"fer/models/{architecture}.py"}


def check_settings(params: Params, architecture: str) -> None:
    """That the file which DVC compares says what params.yaml and the code say now.

    Raises:
        UserError: where it is missing, or was written before an edit of params.yaml or of a module that it names.
    """
    path = paths.RECIPES / f"{architecture}.json"
    if not path.is_file() or path.read_text(encoding="utf-8") != settings_of(params, architecture):
        raise UserError(f"{path}: not what params.yaml and fer/models say now; run dvc repro recipes")
