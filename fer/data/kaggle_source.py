"""Data sets of Kaggle: downloaded once into kagglehub's cache, then read as a folder."""

from dataclasses import replace
from pathlib import Path

from fer.data.folder_source import read_folder
from fer.data.reading import Reading
from fer.data.source import SourceFaces
from fer.errors import UserError

#: FER-2013 as image folders, without a validation split; public, no account needed.
FER2013_HANDLE = "msambare/fer2013"


def read_kaggle(handle: str, reading: Reading | None = None) -> SourceFaces:
    """Download the data set ``owner/name`` and read its folders.

    Raises:
        UserError: when the download fails, or the folder cannot be used.
    """
    try:
        folder = download(handle)
    # kagglehub passes on whatever its HTTP client, its parser and the disk raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"Kaggle {handle}: download failed ({type(error).__name__}: {reason}); check data.kaggle (owner/name) and "
            "the network, or download the set yourself and use data.source: folder"
        ) from error
    name = "FER-2013" if handle == FER2013_HANDLE else handle
    return replace(read_folder(folder, reading), name=name, where=f"Kaggle {handle}")


def download(handle: str) -> Path:
    """The folder that kagglehub downloads the data set to: the only network access of the sources."""
    import kagglehub

    return Path(kagglehub.dataset_download(handle))
