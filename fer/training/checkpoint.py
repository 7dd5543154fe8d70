"""Checkpoints: a training's state in a folder, from which a killed one goes on with the same result."""

import json
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fer.errors import UserError
from fer.files import replace_folder, restore_folder
from fer.source_code import closure_digest
from fer.training.state import Arrays, Progress, Saved


class Checkpoint:
    """A folder that holds one ``Saved``, replaced as a whole after every epoch."""

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, saved: Saved) -> None:
        """Write it, or leave the former checkpoint where the write fails."""
        with replace_folder(self.folder) as fresh:
            for name in ("model", "optimizer", "best"):
                np.savez(fresh / f"{name}.npz", *getattr(saved, name))
            (fresh / "progress.json").write_text(json.dumps(asdict(saved.progress)))

    def load(self) -> Saved | None:
        """What was saved last, or None where nothing was.

        Raises:
            UserError: for a damaged checkpoint.
        """
        restore_folder(self.folder)
        if not (self.folder / "progress.json").is_file():
            return None
        try:
            progress = Progress.of(json.loads((self.folder / "progress.json").read_text()))
            return Saved(progress, self._arrays("model"), self._arrays("optimizer"), self._arrays("best"))
        except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
            raise UserError(
                f"{self.folder}: damaged checkpoint ({error}); remove the folder, and the training begins anew"
            ) from error

    def _arrays(self, name: str) -> Arrays:
        with np.load(self.folder / f"{name}.npz") as arrays:
            return [arrays[key] for key in arrays.files]


def code_digest(architecture: str) -> str:
    """16 hex digits that change with any module that can move a weight: the fit's, and the architecture's own."""
    return closure_digest("fer.training.fit", f"fer.models.{architecture}")
