"""Stage 0: what params.yaml says of every training, an architecture a file, so that each depends on its own alone."""

import json

from prefect import flow, task

from fer.errors import UserError
from fer.files import replace_folder
from fer.params import Params, load_params
from pipelines import paths
from pipelines.reporting import say


@flow
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
    """All that params.yaml says of the training of an architecture, as JSON: the same settings are the same bytes."""
    settings = {
        "recipe": params.recipe(architecture).model_dump(),
        "seed": params.train.seed,
        "weights_folder": str(params.train.weights_folder) if params.train.weights_folder else None,
    }
    return json.dumps(settings, indent=2) + "\n"


def check_settings(params: Params, architecture: str) -> None:
    """That the file which DVC compares says what params.yaml says now.

    Raises:
        UserError: where it is missing, or was written before an edit of params.yaml.
    """
    path = paths.RECIPES / f"{architecture}.json"
    if not path.is_file() or path.read_text(encoding="utf-8") != settings_of(params, architecture):
        raise UserError(f"{path}: not what params.yaml says now; run dvc repro recipes")
