"""Pretrained weights: found in a folder, in the cache or on the web, verified, and loaded into a backbone."""

import hashlib
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import keras

from fer.errors import UserError, connection_failed

KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications/"
#: How often a download is tried where the connection fails, and the pause before the next try.
TRIES, PAUSE_SECONDS = 3, 2.0


@dataclass(frozen=True)
class PretrainedFile:
    """A file of backbone weights.

    Attributes:
        name: its file name as published.
        label: what it was trained on; the tables' ``weights`` column.
        preprocessing: the key of ``PREPROCESSINGS`` that it was trained with.
        digest: hex sha256 or md5 of the published file; without one a file is used from the configured folder only.
        url: where it is published; only a file with a digest is downloaded.
        layout: ``keras`` (Keras' own layouts) or ``vggface`` (groups ``conv1_1`` to ``conv5_3`` of kernel and bias).
    """

    name: str
    label: str
    preprocessing: str
    digest: str | None = None
    url: str | None = None
    layout: Literal["keras", "vggface"] = "keras"


def cache_folder() -> Path:
    """Where downloaded weights are kept: ``FER_CACHE``, or ``~/.cache/fer``."""
    return Path(os.environ.get("FER_CACHE") or Path.home() / ".cache" / "fer")


def find_weights(files: tuple[PretrainedFile, ...], folder: Path | None) -> tuple[PretrainedFile, Path]:
    """The first of ``files`` that is found: in ``folder`` (as it is), in the cache, or downloaded (digest checked).

    Raises:
        UserError: where none is found, naming the files and the places looked in; raised from the first download's
            failure, where there was one.
    """
    if folder is not None and not folder.is_dir():
        raise UserError(f"params.yaml: train.weights_folder: no folder {folder}; create it or leave the setting empty")
    places = [place for place in (folder, cache_folder()) if place is not None]
    for file in files:
        if folder is not None and (folder / file.name).is_file():
            return file, folder / file.name
    for file in files:
        path = cache_folder() / file.name
        if file.digest and path.is_file() and _digest(path, file.digest) == file.digest:
            return file, path
    failures: list[Exception] = []
    for file in files:
        if file.url and file.digest:
            try:
                return file, _download(file)
            except Exception as error:  # Keras raises bare Exception for network and HTTP errors
                failures.append(error)
    wanted = " or ".join(file.name for file in files)
    looked = " and ".join(str(place) for place in places)
    failure = failures[0] if failures else None
    tried = f"download failed: {' '.join(str(failure).split())[:120]}" if failure else "it has no verified download"
    raise UserError(
        f"pretrained weights {wanted}: not in {looked}; {tried}; "
        "put the file into train.weights_folder, or set pretrained: auto or none"
    ) from failure


def load_backbone(backbone: keras.Model, file: PretrainedFile, path: Path) -> None:
    """Load ``path`` into ``backbone``, every tensor of it.

    Raises:
        UserError: when the file is damaged or holds another architecture's weights.
    """
    try:
        # Before it raises, Keras warns of every container that the file lacks.
        with warnings.catch_warnings(action="ignore"):
            if file.layout == "vggface":
                _load_vggface(backbone, path)
            else:
                backbone.load_weights(path)
    except (ValueError, KeyError, OSError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: not weights of this architecture ({reason}); replace the file by the published {file.name}"
        ) from error


def _load_vggface(backbone: keras.Model, path: Path) -> None:
    """Read the Oxford release's layout: a group per convolution that holds a 4-D kernel and a 1-D bias."""
    with h5py.File(path, "r") as source:
        for layer in backbone.layers:
            if not layer.weights:
                continue
            name = layer.name.replace("block", "conv").replace("_conv", "_")
            found: dict[int, h5py.Dataset] = {}
            source[name].visititems(
                lambda _, item, found=found: (
                    found.update({item.ndim: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
            layer.set_weights([found[4], found[1]])


def _digest(path: Path, expected: str) -> str:
    algorithm = "sha256" if len(expected) == 64 else "md5"
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _download(file: PretrainedFile, tries: int = TRIES) -> Path:
    """Fetch into the cache; Keras checks the digest and raises where it differs."""
    try:
        fetched = keras.utils.get_file(
            file.name, origin=file.url, file_hash=file.digest, cache_dir=str(cache_folder()), cache_subdir=""
        )
        return Path(fetched)
    except Exception as error:
        if tries == 1 or not connection_failed(error):
            raise
    time.sleep(PAUSE_SECONDS)
    return _download(file, tries - 1)
