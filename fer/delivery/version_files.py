"""The files of the registry's versions: models, cards, and what else is kept with them in their runs."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import mlflow
import pandas as pd
from mlflow.entities.model_registry import ModelVersion

from fer.delivery.data_changes import rows_of_csv
from fer.delivery.data_drift import DataFacts, facts_of_json
from fer.errors import UserError
from fer.inference.classifier import CARD_FILE, Card
from fer.store import Store, told

#: The version's tag that held the card as JSON before the card became a file of the run.
FORMER_CARD_TAG = "card"
#: Files of a version's run: what its training data look like, which they are, what its gates said, and its origin.
DATA_FILE, ROWS_FILE, GATES_FILE, ORIGIN_FOLDER = "data.json", "data_rows.csv", "gates.json", "origin"
#: Folder of a version's run: its model in int8, with the card of that file.
QUANTIZED_FOLDER = "int8"
#: File of a version's run, and of the champion's folder: what the service's records are held against.
REFERENCE_FILE = "reference.parquet"

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Registered:
    """A version of the registered model.

    Attributes:
        version: its number.
        run_id: of the run that it came from.
        card: what the model is.
        tags: of the version.
    """

    version: str
    run_id: str
    card: Card
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Papers:
    """What is kept with a version beside model and card.

    Attributes:
        gates: what each gate said, in words.
        data: what its training data look like.
        origin: files by name, such as ``dvc.lock``, of the state that it came from.
        tags: which code and data these are.
        rows: ``ROW_COLUMNS`` of its data, image by image.
    """

    gates: Mapping[str, str] = field(default_factory=dict)
    data: DataFacts | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    rows: pd.DataFrame | None = None


NO_PAPERS = Papers()


class VersionFiles:
    """The files of one registered model's versions.

    Every method raises UserError, in one line, where the store fails.

    Args:
        store: the opened store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._name = store.model_name

    @told
    def data_of(self, registered: Registered) -> DataFacts | None:
        """What a version's training data look like; None for one that was registered before that was kept."""
        return self._kept(registered.run_id, DATA_FILE, facts_of_json)

    @told
    def rows_of(self, registered: Registered) -> pd.DataFrame | None:
        """Which images a version's data are; None for one that was registered before that was kept."""
        return self._kept(registered.run_id, ROWS_FILE, rows_of_csv)

    @told
    def origin_of(self, registered: Registered) -> dict[str, str]:
        """The files that a version's origin is told by, text by name; empty where none were kept."""
        client = self.store.client
        names = [Path(file.path).name for file in client.list_artifacts(registered.run_id, ORIGIN_FOLDER)]
        return {name: self._text(registered.run_id, f"{ORIGIN_FOLDER}/{name}") or "" for name in names}

    @contextmanager
    def model(self, registered: Registered) -> Iterator[Path]:
        """A version's ONNX file, fetched into a folder that ends with the block.

        Raises:
            UserError: where the file is missing, or not the one that the card describes.
        """
        with tempfile.TemporaryDirectory() as folder:
            address = f"models:/{self._name}/{registered.version}"
            with self.store.told(OSError):
                fetched = Path(mlflow.artifacts.download_artifacts(address, dst_path=folder))
            files = sorted(fetched.glob("*.onnx"))
            if not files or hashlib.sha256(files[0].read_bytes()).hexdigest() != registered.card.model_sha256:
                raise UserError(
                    f"MLflow: {address} holds no model, or not the one that its card describes; "
                    "restore the run's files, or delete the alias champion"
                )
            yield files[0]

    @told
    def keep_quantized(self, run_id: str, folder: Path) -> None:
        """Keep a run's model in int8 with the card of that file."""
        self.store.client.log_artifacts(run_id, str(folder), QUANTIZED_FOLDER)

    @contextmanager
    def quantized(self, registered: Registered) -> Iterator[Path | None]:
        """A version's model in int8 with its card, fetched into a folder that ends with the block; None without one.

        Raises:
            UserError: where it is damaged, or was made of another network.
        """
        with tempfile.TemporaryDirectory() as target:
            with self.store.told(OSError):
                kept = self.store.client.list_artifacts(registered.run_id, QUANTIZED_FOLDER)
                folder = kept and self.store.client.download_artifacts(registered.run_id, QUANTIZED_FOLDER, target)
            if folder and Card.load(Path(folder)).network_sha256 != registered.card.model_sha256:
                raise UserError(
                    f"MLflow: {QUANTIZED_FOLDER} of run {registered.run_id} was made of another network than version "
                    f"{registered.version}; restore the run's files"
                )
            yield Path(folder) if folder else None

    @told
    def keep_reference(self, run_id: str, path: Path) -> None:
        """Keep with a run what the records of its model are held against.

        Args:
            run_id: of the run.
            path: the file, named ``REFERENCE_FILE``.
        """
        self.store.client.log_artifact(run_id, str(path))

    @contextmanager
    def reference(self, registered: Registered) -> Iterator[Path | None]:
        """A version's reference, fetched into a folder that ends with the block; None where none was kept."""
        with tempfile.TemporaryDirectory() as target:
            with self.store.told(OSError):
                kept = any(file.path == REFERENCE_FILE for file in self.store.client.list_artifacts(registered.run_id))
                path = kept and self.store.client.download_artifacts(registered.run_id, REFERENCE_FILE, target)
            yield Path(path) if path else None

    def _registered(self, found: ModelVersion, remedy: str) -> Registered:
        try:
            card = Card.of(json.loads(self._written_card(found)))
        except (mlflow.MlflowException, OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"MLflow: {self._name} version {found.version}: {CARD_FILE} of its run {found.run_id} cannot be read "
                f"({' '.join(str(error).split())[:160]}); restore the run's files, or {remedy}"
            ) from error
        return Registered(str(found.version), found.run_id, card, dict(found.tags))

    def _written_card(self, version: ModelVersion) -> str:
        """A version's card as JSON: from its run's files, or the tag that former code wrote."""
        client = self.store.client
        former = version.tags.get(FORMER_CARD_TAG)
        if former and all(file.path != CARD_FILE for file in client.list_artifacts(version.run_id)):
            return str(former)
        with tempfile.TemporaryDirectory() as folder:
            return Path(client.download_artifacts(version.run_id, CARD_FILE, folder)).read_text(encoding="utf-8")

    def _text(self, run_id: str, name: str) -> str | None:
        """A file of a run; None where it has no such file."""
        client, folder = self.store.client, name.rpartition("/")[0]
        if all(file.path != name for file in client.list_artifacts(run_id, folder or None)):
            return None
        with tempfile.TemporaryDirectory() as target:
            return Path(client.download_artifacts(run_id, name, target)).read_text(encoding="utf-8")

    def _kept(self, run_id: str, name: str, read: Callable[[str], Kept]) -> Kept | None:
        """What one of a run's files says; None where it has no such file, which is not the same as a damaged one."""
        text = self._text(run_id, name)
        try:
            return None if text is None else read(text)
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(
                f"MLflow: {name} of run {run_id} is damaged; restore the run's files, or delete that one"
            ) from error

    def _write_card(self, run_id: str, card: Card) -> None:
        self.store.client.log_dict(run_id, asdict(card), CARD_FILE)
