"""MLflow's model registry: the champion, the one before it, the challenger, and what was taken back."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from fer.delivery.data_changes import rows_to_csv
from fer.delivery.version_files import (
    DATA_FILE,
    GATES_FILE,
    NO_PAPERS,
    ORIGIN_FOLDER,
    ROWS_FILE,
    Papers,
    Registered,
    VersionFiles,
)
from fer.delivery.version_page import version_page
from fer.errors import UserError
from fer.inference.classifier import Card
from fer.store import if_there, told

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
#: Tags of a version, each a time: since when it was champion, and when it was taken back.
CHAMPION_SINCE, TAKEN_BACK = "champion_since", "taken_back"


class Registry(VersionFiles):
    """The registered model of one project: its versions and aliases, and their files.

    Every method raises UserError, in one line, where the store fails.

    Args:
        store: the opened store.
    """

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
