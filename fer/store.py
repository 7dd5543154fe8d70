"""The MLflow store of one project: opened safely, its failures told in one line."""

import contextlib
import functools
import hashlib
import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import quote, unquote

import mlflow
import requests
from filelock import FileLock
from mlflow.entities import Experiment
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.db import utils as databases
from mlflow.utils.file_utils import local_file_uri_to_path
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from fer.errors import UserError
from fer.sections import Tracking

#: The folder of runs' files, beside a local database.
ARTIFACTS = "mlartifacts"
OF_ITS_RUNS = "run_id IN (SELECT run_uuid FROM runs WHERE experiment_id = :experiment)"
#: Where a local database keeps addresses of an experiment's files: table, column, and the experiment's rows.
ADDRESSES = (
    ("experiments", "artifact_location", "experiment_id = :experiment"),
    ("runs", "artifact_uri", "experiment_id = :experiment"),
    ("logged_models", "artifact_location", "experiment_id = :experiment"),
    ("model_versions", "source", OF_ITS_RUNS),
    ("model_versions", "storage_location", OF_ITS_RUNS),
)
SQLITE = "sqlite:///"
#: Databases of other machines, and the variable, MLflow's own, that says where the files of their runs are kept.
DATABASES = ("postgresql", "mysql", "mssql")
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
#: Tries to reach a database, within 6 seconds: MLflow's ten take 100, too long for a wrong address.
TRIES = 6
#: How MLflow, its databases and its servers fail.
FAILURES = (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error, requests.RequestException)

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """An opened store, which the runs (``fer.tracking``) and the registry (``fer.delivery.registry``) share.

    A local database may have been moved or copied with its files since it was written. MLflow keeps the files' absolute
    addresses; opening corrects those of the experiment, so that nothing is read from the former place or written to it.
    Files that someone keeps elsewhere, and other experiments of the same database, stay as they are.

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
        databases.MAX_RETRY_COUNT = TRIES
        # ImportError: the database's driver is not installed. ValueError: the address is no URL.
        with self.told(OSError, ImportError, ValueError), self.alone():
            if self._database:
                _check(self._database)
            mlflow.set_tracking_uri(self.uri)
            self.client = mlflow.MlflowClient()
            experiment = self.client.get_experiment_by_name(settings.experiment)
            if experiment:
                self.experiment_id = experiment.experiment_id
                if self._database:
                    _move_addresses(self._database, experiment)
            else:
                self.experiment_id = self.client.create_experiment(settings.experiment, artifact_location=self._root())

    def _root(self) -> str | None:
        """Where a new experiment's files are kept; None where MLflow's server knows it.

        Raises:
            UserError: for a database without a server, where nobody says it: MLflow would make ``./mlruns``.
        """
        if self.uri.startswith(DATABASES):
            root = os.environ.get(ARTIFACT_ROOT)
            if not root:
                raise UserError(
                    f"MLflow at {self._without_password(self.uri)}: say where its runs' files are kept: "
                    f"{ARTIFACT_ROOT}=s3://<bucket>/<folder>; or let an MLflow server know it"
                )
            return root
        if self._database is None:
            return None
        # A file store's default is a folder of the process's own. Made at once: it tells that the files came along.
        folder = (self._database.parent / ARTIFACTS).absolute()
        folder.mkdir(exist_ok=True)
        return folder.as_uri()

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
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> list[str]:
        """The address's passwords in every way in which a message may show them, the longest first."""
        passwords: list[Any] = re.findall("//[^:@/]*:(.*)@", self.uri)
        # An address that is no URL has none, or the one that is found above.
        with contextlib.suppress(ValueError, SQLAlchemyError):
            url = make_url(self.uri)
            passwords += [url.password, url.query.get("password")]
        texts = [part for password in passwords if password for part in (str(password), *str(password).split("@"))]
        return sorted({way(text) for text in texts for way in (str, quote, unquote)} - {""}, key=len, reverse=True)


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


def is_made(settings: Tracking) -> bool:
    """Whether the store was opened before: a local database has its file, and a server's is always there."""
    return not settings.address.startswith(SQLITE) or Path(settings.address.removeprefix(SQLITE)).exists()


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


def _move_addresses(path: Path, experiment: Experiment) -> None:
    """Where the database and its folder of files were moved or copied: the experiment's addresses, all at once."""
    root, former = (path.parent / ARTIFACTS).absolute(), experiment.artifact_location
    if not former.startswith("file:///") or not former.endswith(f"/{ARTIFACTS}") or not root.is_dir():
        return
    place = Path(local_file_uri_to_path(former))
    if place.exists() and place.samefile(root):
        return
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database, database:
        values = {"root": root.as_uri(), "former": former, "experiment": int(experiment.experiment_id)}
        for table, column, rows in ADDRESSES:
            database.execute(
                f"UPDATE {table} SET {column} = :root || substr({column}, length(:former) + 1) WHERE {rows} "
                f"AND ({column} = :former OR substr({column}, 1, length(:former) + 1) = :former || '/')",
                values,
            )
