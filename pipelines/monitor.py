"""What the service recorded against what the champion was validated on. No stage: it looks at the world, not at files.

An alarm is the Prefect event ``fer.monitor.alarm``, to which an automation can react.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow
from prefect.events import emit_event

from fer.delivery.version_files import REFERENCE_FILE
from fer.errors import UserError
from fer.files import replace_folder, write_text
from fer.inference.classifier import Card
from fer.monitoring.comparison import compare
from fer.monitoring.log import log_verdict
from fer.monitoring.page import write_report
from fer.monitoring.records import Seen, read_records
from fer.monitoring.reference import load_reference
from fer.monitoring.verdict import Verdict, verdict_of
from fer.params import load_params
from fer.sections import Tracking
from fer.store import Store
from pipelines import paths
from pipelines.flows import name_run, network_task, task
from pipelines.reporting import say
from pipelines.tables import show_table

#: The event of an alarm, and what it happens to: a model of this architecture and version.
ALARM, RESOURCE = "fer.monitor.alarm", "fer.champion"
#: What ``since`` may say for the end of the last report's window.
LAST = "last"
#: Files of a report.
PAGE, SUMMARY = "report.html", "summary.json"


@flow(flow_run_name="monitor")
def monitor(since: str | None = None) -> None:
    """Compare the faces that the service read with the champion's reference; report, and raise the alarm.

    Args:
        since: faces after that time (ISO 8601), or ``last``: after those of the last report. By default the newest,
            as many as ``monitor.window`` says.

    Raises:
        UserError: where there is no champion, no usable reference or no folder of records, or ``since`` is no time.
    """
    params = load_params()
    card = Card.load(paths.CHAMPION)
    champion = f"{card.architecture} ({card.version})"
    reference = load_reference(paths.CHAMPION / REFERENCE_FILE, card)
    seen = read(card, params.monitor.window, since)
    for line in left_out(seen, champion):
        say(line)
    if len(seen.table) < params.monitor.least:
        name_run("monitor: too few faces")
        say(f"monitor: {len(seen.table)} faces of {champion}, and a verdict needs {params.monitor.least}: none yet")
        return
    findings = compare(reference, seen.table, params.monitor)
    verdict = verdict_of(card, reference, seen.table, findings)
    folder = paths.WATCH / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    publish(verdict, folder)
    report(verdict, folder, reference, seen.table)
    log(params.tracking, verdict, folder)
    name_run(f"monitor: {words_of(verdict)}")
    say(f"monitor: {verdict.faces} faces of {champion}: {words_of(verdict)}; {folder / PAGE}")


def words_of(verdict: Verdict) -> str:
    """The verdict in a few words."""
    return f"ALARM: {', '.join(verdict.drifted)} drifted" if verdict.alarm else "as the reference"


@task
def read(card: Card, newest: int, since: str | None) -> Seen:
    """The champion's records; UserError where there is no folder of them, or ``since`` is no time."""
    folder = Path(os.environ.get("FER_SERVE_MONITOR") or paths.MONITORING)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder of records; serve with FER_SERVE_MONITOR={folder} (make serve does), or name "
            "the service's folder in FER_SERVE_MONITOR"
        )
    return read_records(folder, card.version, newest, moment(since))


def moment(since: str | None) -> datetime | None:
    """The time that ``--since`` means; UserError where it is none."""
    if since is None:
        return None
    if since == LAST:
        return last_moment()
    try:
        time = datetime.fromisoformat(since)
    except ValueError as error:
        raise UserError(f"--since: {since!r} is no time; write 2026-11-28T06:00, or {LAST}") from error
    return time.astimezone(UTC)


def last_moment() -> datetime | None:
    """The time of the last face of the newest report that can be read; None without one."""
    for path in sorted(paths.WATCH.glob(f"[!.]*/{SUMMARY}"), reverse=True):
        try:
            return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["until"])
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return None


def left_out(seen: Seen, champion: str) -> list[str]:
    """What of the records does not count, a line each."""
    lines = []
    if seen.damaged:
        lines.append(f"monitor: {seen.damaged} damaged lines, or records of a former service, are left out")
    if seen.others:
        kinds = ", ".join(f"{number} of {version}" for version, number in seen.others.most_common(3))
        lines.append(f"monitor: records of other models than {champion} are left out: {kinds}")
    return lines


@task
def publish(verdict: Verdict, folder: Path) -> None:
    """The verdict at the terminal, as a Prefect artifact, and, if it is an alarm, as an event; the event comes first.

    Args:
        verdict: on the window.
        folder: where the report will be.
    """
    if verdict.alarm:
        emit_event(
            event=ALARM,
            resource={
                "prefect.resource.id": f"{RESOURCE}.{verdict.model}",
                "prefect.resource.name": verdict.architecture,
            },
            payload=payload_of(verdict, folder),
        )
    title = f"Faces {verdict.since[:16]} to {verdict.until[:16]} UTC: {words_of(verdict)}"
    show_table(verdict.table(), "monitor", title, "What the service read, against the champion's validation images")
    if verdict.unknown:
        say(f"monitor: not compared, as the reference or the records do not know them: {', '.join(verdict.unknown)}")


def payload_of(verdict: Verdict, folder: Path) -> dict[str, Any]:
    """What the event of an alarm tells."""
    return {
        "model": verdict.model,
        "architecture": verdict.architecture,
        "properties": list(verdict.drifted),
        "moved": {finding.name: round(finding.moved, 4) for finding in verdict.findings if finding.drifted},
        "window": {"faces": verdict.faces, "since": verdict.since, "until": verdict.until},
        "report": str((folder / PAGE).absolute()),
    }


@task
def report(verdict: Verdict, folder: Path, reference: pd.DataFrame, window: pd.DataFrame) -> None:
    """Evidently's page and the verdict as JSON, in a folder that appears whole."""
    with replace_folder(folder) as fresh:
        write_report(fresh / PAGE, reference, window, verdict.findings)
        write_text(fresh / SUMMARY, json.dumps(verdict.to_dict(), indent=2) + "\n")


@network_task
def log(settings: Tracking, verdict: Verdict, folder: Path) -> None:
    """A run in MLflow; an alarm's has the page too, which takes 4 MB."""
    files = [folder / SUMMARY, *([folder / PAGE] if verdict.alarm else [])]
    log_verdict(Store(settings), verdict, files)
