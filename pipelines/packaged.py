"""The packaged champion, for those who serve it: no Prefect, which the extra ``serving`` does not have."""

import os
import re
from pathlib import Path

from fer.delivery.bento import is_intact
from fer.errors import UserError
from fer.files import read_json
from pipelines import paths

#: A Bento's name and version.
TAG = r"[a-z0-9_-]+:[0-9a-f]+-[0-9a-f]+"


def packaged_tag() -> str:
    """The tag of the packaged champion.

    Raises:
        UserError: where no champion has been packaged yet, or its file is damaged.
    """
    if not paths.BENTO.is_file():
        raise UserError(f"{paths.BENTO}: no champion has been packaged yet; run make run first")
    remedy = "run make run, which packs the champion again"
    tag = read_json(paths.BENTO, remedy).get("tag")
    if not isinstance(tag, str) or not re.fullmatch(TAG, tag):
        raise UserError(f"{paths.BENTO}: names no Bento; {remedy}")
    return tag


def is_stored(tag: str) -> bool:
    """Whether the BentoML store has the Bento ``tag`` and its model, undamaged.

    The store is no DVC output: a fresh clone has none.
    """
    return is_intact(Path(os.environ["BENTOML_HOME"]), tag)
