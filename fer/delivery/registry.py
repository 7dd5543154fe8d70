"""MLflow's model registry: the champion, the one before it, the challenger, and what was taken back."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import mlflow
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from fer.delivery.data_changes import rows_of_csv, rows_to_csv
from fer.delivery.data_drift import DataFacts, facts_of_json
from fer.delivery.version_page import version_page
from fer.errors import UserError
from fer.inference.classifier import CARD_FILE, Card
from fer.store import Store, if_there, told

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
#: The version's tag that held the card as JSON before the card became a file of the run.
FORMER_CARD_TAG = "card"
#: Tags of a version, each a time: since when it was champion, and when it was taken back.
CHAMPION_SINCE, TAKEN_BACK = "champion_since", "taken_back"
#: Files of a version's run: what its training data look like, which they are, what its gates said, and its origin.
DATA_FILE, ROWS_FILE, GATES_FILE, ORIGIN_FOLDER = "data.json", "data_rows.csv", "gates.json", "origin"
#: Folder of a version's run: its model in int8, with the card of that file.
QUANTIZED_FOLDER = "int8"
#: File of a version's run, and of the champion's folder: what the service's records are held against.
REFERENCE_FILE = "reference.parquet"


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
Kept = TypeVar("Kept")


class Registry:
    """The registered model of one project.

    Every method raises UserError, in one line, where the store fails.

    Args:
        store: the opened store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._name = store.model_name

    @told
    def champion_version(self) -> str | None:
        """The champion's version, whatever became of its files; None where none was promoted yet."""
        found = self._version(CHAMPION)
        return str(found.version) if found else None

    @told
    def champion(self) -> Registered | None:
        """The champion, or None where none was promoted yet.

        Raises:
            UserError: where its card is missing or damaged.
        """
        return self._aliased(CHAMPION)

    @told
    def challenger(self) -> Registered | None:
        """The version that waits for a person's word, or None."""
        return self._aliased(CHALLENGER)

    @told
    def previous(self) -> Registered | None:
        """The champion before the present one, or None."""
        return self._aliased(PREVIOUS)

    @told
    def find(self, version: str) -> Registered:
        """A version by its number.

        Raises:
            UserError: where there is none, with the numbers that there are.
        """
        known = {str(found.version): found for found in self._versions()}
        if version not in known:
            numbers = ", ".join(sorted(known, key=int)) or "none yet"
            raise UserError(f"{self._name}: no version {version}; there are: {numbers}")
        return self._registered(known[version], f"take another version than {version}")

    @told
    def taken_back(self) -> list[Registered]:
        """The versions that were champion and were taken back, newest first."""
        found = [version for version in self._versions() if TAKEN_BACK in version.tags]
        return [self._registered(version, f"delete version {version.version}") for version in found]

    @told
    def promote(self, run_id: str, card: Card, papers: Papers = NO_PAPERS) -> str:
        """Register the model of a run with the alias champion; the one before keeps previous.

        A call that was cut off can be made again: it goes on where the first one stopped.

        Args:
            run_id: a finished run's.
            card: of the run's model.
            papers: what is kept with it.

        Returns:
            The run's version.
        """
        before = self._version(CHAMPION)
        if before and before.run_id == run_id:
            return str(before.version)
        version = self._enter(run_id, card, papers)
        if before:
            self.store.client.set_registered_model_alias(self._name, PREVIOUS, before.version)
        self._crown(version)
        return version

    @told
    def challenge(self, run_id: str, card: Card, papers: Papers = NO_PAPERS) -> str:
        """Register the model of a run with the alias challenger; the champion stays.

        Returns:
            The run's version.
        """
        version = self._enter(run_id, card, papers)
        self.store.client.set_registered_model_alias(self._name, CHALLENGER, version)
        return version

    @told
    def drop_challenger(self) -> None:
        """Take the alias challenger away, if there is one."""
        if self._version(CHALLENGER) is not None:
            self.store.client.delete_registered_model_alias(self._name, CHALLENGER)

    @told
    def accept(self, registered: Registered) -> None:
        """Make a version champion, by a person's word; the one before keeps previous."""
        before = self._version(CHAMPION)
        if before and str(before.version) != registered.version:
            self.store.client.set_registered_model_alias(self._name, PREVIOUS, before.version)
        self._pardon(registered.version)
        self._crown(registered.version)

    @told
    def take_back(self, registered: Registered) -> str | None:
        """Make a former version champion again; the champion that it replaces is marked as taken back.

        The alias previous goes to the newest version below that was champion and was not taken back, if there is one.

        Returns:
            The number of the version that was taken back, or None where the version is the champion already.
        """
        client, champion = self.store.client, self._version(CHAMPION)
        replaced = str(champion.version) if champion and str(champion.version) != registered.version else None
        if replaced:
            client.set_model_version_tag(self._name, replaced, TAKEN_BACK, _now())
        self._pardon(registered.version)
        self._crown(registered.version)
        below = [
            int(version.version)
            for version in self._versions()
            if CHAMPION_SINCE in version.tags
            and TAKEN_BACK not in version.tags
            and int(version.version) < int(registered.version)
        ]
        if below:
            client.set_registered_model_alias(self._name, PREVIOUS, str(max(below)))
        elif self._version(PREVIOUS) is not None:
            client.delete_registered_model_alias(self._name, PREVIOUS)
        return replaced

    @told
    def describe(self, registered: Registered, card: Card) -> None:
        """Give a version another card."""
        self._write_card(registered.run_id, card)
        self._write_page(registered.version, card)

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
                    f"restore the run's files, or delete the alias {CHAMPION}"
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

    def _enter(self, run_id: str, card: Card, papers: Papers) -> str:
        """The version of a run's model, registered where it was not, with card and papers."""
        client = self.store.client
        try:
            client.create_registered_model(self._name)
        except mlflow.MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        version = self._version_of(run_id) or self._register(run_id)
        self._write_card(run_id, card)
        for name, text in papers.origin.items():
            client.log_text(run_id, text, f"{ORIGIN_FOLDER}/{name}")
        if papers.data:
            client.log_text(run_id, papers.data.to_json(), DATA_FILE)
        if papers.rows is not None:
            client.log_text(run_id, rows_to_csv(papers.rows), ROWS_FILE)
        for name, value in papers.tags.items():
            client.set_model_version_tag(self._name, version, name, value)
        if papers.gates:
            client.log_dict(run_id, dict(papers.gates), GATES_FILE)
        self._write_page(version, card)
        return version

    def _crown(self, version: str) -> None:
        """Give the alias champion; a champion is no challenger."""
        client = self.store.client
        client.set_registered_model_alias(self._name, CHAMPION, version)
        client.set_model_version_tag(self._name, version, CHAMPION_SINCE, _now())
        waiting = self._version(CHALLENGER)
        if waiting and str(waiting.version) == version:
            client.delete_registered_model_alias(self._name, CHALLENGER)

    def _pardon(self, version: str) -> None:
        """A person wants this version: that it was taken back once counts no more."""
        if TAKEN_BACK in self.store.client.get_model_version(self._name, version).tags:
            self.store.client.delete_model_version_tag(self._name, version, TAKEN_BACK)

    def _aliased(self, alias: str) -> Registered | None:
        found = self._version(alias)
        return self._registered(found, f"delete the alias {alias}") if found else None

    def _registered(self, found: ModelVersion, remedy: str) -> Registered:
        try:
            card = Card.of(json.loads(self._written_card(found)))
        except (mlflow.MlflowException, OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"MLflow: {self._name} version {found.version}: {CARD_FILE} of its run {found.run_id} cannot be read "
                f"({' '.join(str(error).split())[:160]}); restore the run's files, or {remedy}"
            ) from error
        return Registered(str(found.version), found.run_id, card, dict(found.tags))

    def _version(self, alias: str) -> ModelVersion | None:
        model = if_there(self.store.client.get_registered_model, self._name)
        version = model and model.aliases.get(alias)
        return self.store.client.get_model_version(self._name, str(version)) if version else None

    def _versions(self) -> list[ModelVersion]:
        """All versions, newest first."""
        found = self.store.client.search_model_versions(f"name = '{self._name}'")
        return sorted(found, key=lambda version: -int(version.version))

    def _version_of(self, run_id: str) -> str | None:
        """The newest version of a run's model, or None where it was never registered."""
        found = [int(version.version) for version in self._versions() if version.run_id == run_id]
        return str(max(found)) if found else None

    def _register(self, run_id: str) -> str:
        """A new version: that of a run's model."""
        client = self.store.client
        (model, *_) = client.search_logged_models([self.store.experiment_id], f"source_run_id = '{run_id}'")
        registered = client.create_model_version(
            self._name, source=model.model_uri, run_id=run_id, model_id=model.model_id
        )
        return str(registered.version)

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

    def _write_page(self, version: str, card: Card) -> None:
        client = self.store.client
        for name, value in _tags(card).items():
            client.set_model_version_tag(self._name, version, name, value)
        found = client.get_model_version(self._name, version)
        gates = self._kept(found.run_id, GATES_FILE, lambda text: dict(json.loads(text).items())) or {}
        client.update_model_version(self._name, version, version_page(card, found.run_id, found.tags, gates))


def _tags(card: Card) -> dict[str, str]:
    """What the registry's table shows of a card."""
    return {name: str(value) for name, value in asdict(card).items() if isinstance(value, str)}


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
