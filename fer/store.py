"""The MLflow store of one project: opened safely, its failures told in one line."""

import contextlib
import functools
import hashlib
import logging
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import quote, unquote, urlsplit

import mlflow
import requests
from filelock import FileLock
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from sqlalchemy.exc import SQLAlchemyError

from fer.errors import UserError
from fer.params import Tracking

#: The folder of runs' files, beside a local database.
ARTIFACTS = "mlartifacts"
#: Where a local database keeps addresses of files, as (table, column).
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
SQLITE = "sqlite:///"
#: How MLflow, its databases and its servers fail.
FAILURES = (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error, requests.RequestException)

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """An opened store, which the runs (``fer.tracking``) and the registry (``fer.delivery.registry``) share.

    A local database may have been moved or copied with its files since it was written. MLflow keeps the files' absolute
    addresses; opening corrects them, so that nothing is read from the former place or written to it.

    Args:
        settings: the URI (``MLFLOW_TRACKING_URI`` comes first where set), experiment and registered model's name.

    Raises:
        UserError: when the store cannot be opened.
    """

    def __init__(self, settings: Tracking) -> None:
        self.uri = settings.address
        self.model_name = settings.model
        self._database = Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # ImportError: the database's driver is not installed.
        with self.told(OSError, ImportError), self.alone():
            if self._database:
                _check(self._database)
            mlflow.set_tracking_uri(self.uri)
            self.client = mlflow.MlflowClient()
            experiment = self.client.get_experiment_by_name(settings.experiment)
            # A file store's default is a folder of the process's own; a server knows its artifact root.
            root = (self._database.parent / ARTIFACTS).absolute().as_uri() if self._database else None
            if experiment is None:
                self.experiment_id = self.client.create_experiment(settings.experiment, artifact_location=root)
            else:
                self.experiment_id = experiment.experiment_id
            if self._database and root:
                _move_addresses(self._database, root)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of this machine is inside such a block of the same store meanwhile."""
        if self._database:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            lock = self._database.with_name(self._database.name + ".lock")
        else:
            lock = (
                Path(tempfile.gettempdir())
                / f"fer-{hashlib.sha256(f'{Path.home()} {self.uri}'.encode()).hexdigest()[:16]}.lock"
            )
        with FileLock(lock):
            yield

    @contextlib.contextmanager
    def told(self, *others: type[Exception]) -> Iterator[None]:
        """MLflow's failures inside the block, and ``others``, as a ``UserError`` that shows no password."""
        try:
            yield
        except (*FAILURES, *others) as error:
            reason = self._without_password(" ".join(str(error).split()))[:160]
            raise UserError(
                f"MLflow at {self._without_password(self.uri)}: {reason}; check that the store is there and answers, "
                "or set tracking.uri or MLFLOW_TRACKING_URI to another"
            ) from error

    def _without_password(self, text: str) -> str:
        with contextlib.suppress(ValueError):
            password = urlsplit(self.uri).password
            for secret in filter(None, {password, password and unquote(password), password and quote(password)}):
                text = text.replace(secret, "***")
        return text


class HasStore(Protocol):
    """What reads and writes a store."""

    store: Store


S = TypeVar("S", bound=HasStore)


def told(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method of something with a store, whose MLflow failures are told in one line (``Store.told``)."""

    def wrapped(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.store.told():
            return method(self, *args, **kwargs)

    functools.update_wrapper(wrapped, method)
    return wrapped


def if_there(read: Callable[..., R], *args: Any) -> R | None:
    """What an MLflow call reads, or None where the store says that it has no such thing; other failures pass."""
    try:
        return read(*args)
    except mlflow.MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        return None


def _check(path: Path) -> None:
    """Create the database file, or see that it is one: a broken one would be tried for minutes."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA schema_version")


def _move_addresses(path: Path, root: str) -> None:
    """Where the database names a folder of files other than ``root``, its own: put ``root`` there, all at once."""
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database, database:
        query = "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE ?"
        former = {old for (old,) in database.execute(query, (f"file:///%/{ARTIFACTS}",))} - {root}
        for old in former:
            for table, column in ADDRESSES:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? "
                    f"OR substr({column}, 1, ?) = ?",
                    (root, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )
