import ast
import importlib
import inspect
import pkgutil
import socket
import urllib.error
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType

import httpx
import pytest
import requests
from prefect import Flow, Task, flow
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Failed

import pipelines
from fer.errors import UserError
from fer.pipeline_run import PIPELINE_RUN_ID
from pipelines.flows import network_failed, network_task, run, task
from pipelines.ports import free_port, require_port
from pipelines.server import told


def modules() -> list[ModuleType]:
    names = [name for _, name, _ in pkgutil.iter_modules(pipelines.__path__) if name != "__main__"]
    return [importlib.import_module(f"pipelines.{name}") for name in names]


def test_no_task_has_a_cache():
    tasks = {
        (module.__name__, name): value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, Task)
    }
    assert len(tasks) > 20
    assert {place: found.cache_policy for place, found in tasks.items()} == dict.fromkeys(tasks, NO_CACHE)


def failure(error: Exception) -> bool:
    state = Failed(data=error)
    return network_failed(task(modules), None, state)  # type: ignore[arg-type]


def test_what_the_network_did_is_tried_again_and_a_mistake_is_not():
    refused = UserError("Kaggle msambare/fer2013: download failed")
    refused.__cause__ = requests.ConnectionError("no route to host")
    assert failure(refused)
    assert failure(TimeoutError())
    assert failure(urllib.error.URLError("unreachable"))
    assert failure(socket.gaierror(-3, "Temporary failure in name resolution"))
    assert not failure(urllib.error.HTTPError("https://example.org", 404, "Not Found", Message(), None))
    assert not failure(UserError("params.yaml: data.path: unknown key"))
    assert not failure(ValueError("shapes"))


def test_a_network_task_may_be_run_twice_more():
    asking = network_task(modules)
    assert (asking.retries, asking.cache_policy, asking.retry_condition_fn) == (2, NO_CACHE, network_failed)


#: What talks to the tracking store or the registry, of all that flows call.
STORE_CALLS = {"Tracker", "Store", "champion_as_candidate", "champion", "champion_version", "model", "describe"}
STORE_CALLS |= {"challenge", "drop_challenger", "taken_back", "data_of", "note_gates"}
STORE_CALLS |= {"ensure_run", "find_run", "open_run", "finish_run", "log_history", "log_metrics", "end_pipeline"}


def store_calls(module: ModuleType) -> list[tuple[str, str]]:
    """Each such call of a module, with the function at its top that makes it."""
    return [
        (function.name, name)
        for function in ast.parse(inspect.getsource(module)).body
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and (name := getattr(call.func, "attr", getattr(call.func, "id", ""))) in STORE_CALLS
    ]


def test_what_talks_to_the_store_is_a_task_that_is_tried_again():
    flows = [module for module in modules() if any(isinstance(value, Flow) for value in vars(module).values())]
    calls = [(module, *call) for module in flows for call in store_calls(module)]
    assert len(calls) > 10
    for module, function, name in calls:
        assert getattr(vars(module)[function], "retries", 0) == 2, f"{module.__name__}.{function}: {name}"


class Refusing(BaseHTTPRequestHandler):
    """A server in trouble."""

    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
            yield url
        server.shutdown()


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ("4f1c", "FER_PIPELINE_RUN_ID: '4f1c' is no id of a flow run; unset it"),
        ("5f0c8a8e-6a0e-4e8e-9d1c-3f1b2a4c5d6e", "Prefect: the flow 'small' was not entered below its retrain ("),
    ],
)
def test_a_stage_that_finds_no_place_below_its_retrain_is_one_line(
    refusing_server: str, monkeypatch: pytest.MonkeyPatch, identity: str, words: str
) -> None:
    monkeypatch.setenv(PIPELINE_RUN_ID, identity)
    with pytest.raises(UserError) as caught:
        run(flow(lambda: None, name="small"))
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def went_away(before: Exception | None = None) -> None:
    """As Prefect raises it: from its try to tell the server how the flow ended."""
    with told():
        try:
            if before:
                raise before
        finally:
            raise httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (
            None,
            r"Prefect: its server went away or failed \(Connection refused\); outputs of finished stages stay: check",
        ),
        (UserError("faces.csv: the file is empty; get it again"), "faces.csv: the file is empty; get it again"),
    ],
)
def test_a_server_that_goes_away_is_one_line_and_hides_no_mistake(before: UserError | None, words: str) -> None:
    with pytest.raises(UserError, match=f"^{words}"):
        went_away(before)


def test_a_mistake_of_ours_stays_a_traceback() -> None:
    with pytest.raises(KeyError), told():
        raise KeyError("images")


def test_a_port_that_is_taken_is_one_line():
    port = free_port()
    require_port(port, "mlflow")
    refused = pytest.raises(UserError, match=rf"^mlflow: port {port} is taken \(Address already in use\); stop what")
    with socket.create_server(("127.0.0.1", port)), refused:
        require_port(port, "mlflow")
    require_port(port, "mlflow")
