"""MLflow's model registry: the champion and the one before it."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from fer.delivery.version_page import version_page
from fer.errors import UserError
from fer.inference.classifier import CARD_FILE, Card
from fer.store import Store, if_there, told

CHAMPION, PREVIOUS = "champion", "previous"
#: The version's tag that held the card as JSON before the card became a file of the run.
FORMER_CARD_TAG = "card"


@dataclass(frozen=True)
class Registered:
    """A version of the registered model.

    Attributes:
        version: its number.
        run_id: of the run that it came from.
        card: what the model is.
    """

    version: str
    run_id: str
    card: Card


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
    def has_champion(self) -> bool:
        """Whether there is a champion."""
        return self._version(CHAMPION) is not None

    @told
    def champion(self) -> Registered | None:
        """The champion, or None where none was promoted yet.

        Raises:
            UserError: where its card is missing or damaged.
        """
        found = self._version(CHAMPION)
        if found is None:
            return None
        try:
            card = Card.of(json.loads(self._written_card(found)))
        except (mlflow.MlflowException, OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"MLflow: {self._name} version {found.version}: {CARD_FILE} of its run {found.run_id} cannot be read "
                f"({' '.join(str(error).split())[:160]}); restore the run's files, or delete the alias {CHAMPION}"
            ) from error
        return Registered(str(found.version), found.run_id, card)

    @told
    def promote(self, run_id: str, card: Card) -> str:
        """Register the model of a run with the alias champion; the one before keeps previous.

        A call that was cut off can be made again: it goes on where the first one stopped.

        Args:
            run_id: a finished run's.
            card: of the run's model.

        Returns:
            The run's version.
        """
        client = self.store.client
        try:
            client.create_registered_model(self._name)
        except mlflow.MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        before = self._version(CHAMPION)
        if before and before.run_id == run_id:
            return str(before.version)
        version = self._version_of(run_id) or self._register(run_id)
        self.describe(Registered(version, run_id, card), card)
        if before:
            client.set_registered_model_alias(self._name, PREVIOUS, before.version)
        client.set_registered_model_alias(self._name, CHAMPION, version)
        return version

    @told
    def describe(self, registered: Registered, card: Card) -> None:
        """Give a version another card."""
        self._write_card(registered.run_id, card)
        self.store.client.update_model_version(self._name, registered.version, version_page(card))
        for name, value in _tags(card).items():
            self.store.client.set_model_version_tag(self._name, registered.version, name, value)

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

    def _version(self, alias: str) -> ModelVersion | None:
        model = if_there(self.store.client.get_registered_model, self._name)
        version = model and model.aliases.get(alias)
        return self.store.client.get_model_version(self._name, str(version)) if version else None

    def _version_of(self, run_id: str) -> str | None:
        """The newest version of a run's model, or None where it was never registered."""
        found = self.store.client.search_model_versions(f"name = '{self._name}' and run_id = '{run_id}'")
        return str(max(int(version.version) for version in found)) if found else None

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

    def _write_card(self, run_id: str, card: Card) -> None:
        self.store.client.log_dict(run_id, asdict(card), CARD_FILE)


def _tags(card: Card) -> dict[str, str]:
    """What the registry's table shows of a card."""
    return {name: str(value) for name, value in asdict(card).items() if isinstance(value, str)}
