import time
from pathlib import Path

from pipelines import server_log
from pipelines.server_log import errors_in, errors_printed

LOG = """
 ___ ___
Check out the dashboard at http://127.0.0.1:58121

21:05:06.989 | ERROR   | docket.dependencies - schedule_recent_deployments(){schedule_recent_deployments}
Traceback (most recent call last):
  File "docket/worker.py", line 1134, in _execute
    result = await execution.function(
sqlalchemy.exc.InvalidRequestError: Can't evaluate bulk DML statement; please supply one
21:05:07.001 | WARNING | prefect.server.services - slow
21:05:08.001 | CRITICAL | prefect.server - the database is gone
"""
ERRORS = [
    "sqlalchemy.exc.InvalidRequestError: Can't evaluate bulk DML statement; please supply one",
    "the database is gone",
]


def test_errors_are_one_line_each():
    assert errors_in(LOG) == ERRORS
    for without in ("", "Check out the dashboard", "21:05:07.001 | WARNING | prefect.server.services - slow\n"):
        assert errors_in(without) == []


def test_every_kind_of_error_is_printed_once(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(server_log, "PAUSE", 0.02)
    log = tmp_path / "server.log"
    log.write_text("")
    with errors_printed(log):
        log.write_text(LOG + LOG)
        deadline = time.monotonic() + 20
        printed = ""
        while "database is gone" not in printed and time.monotonic() < deadline:
            time.sleep(0.02)
            printed += capsys.readouterr().err
        assert printed.splitlines() == [f"warning: Prefect server: {error}; see {log}" for error in ERRORS]
        with log.open("a") as file:
            file.write("21:05:09.001 | ERROR   | prefect.server - the last words\n")
    assert capsys.readouterr().err == f"warning: Prefect server: the last words; see {log}\n"
