"""Stage 8: the registry's champion."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow
from prefect.events import emit_event

from fer.checks.report import CheckReport
from fer.data.dataset import FaceDataset
from fer.delivery.candidate import Candidate, Facts
from fer.delivery.champion import undisturbed, write_champion
from fer.delivery.data_changes import DataChanges, changes_between, rows_of
from fer.delivery.data_drift import drift_between, facts_of
from fer.delivery.gates import name_of
from fer.delivery.measuring import candidate_of, champion_as_candidate, gate_slices
from fer.delivery.origin import origin_files, origin_tags
from fer.delivery.promotion import (
    Decision,
    card_of,
    decide,
    gate_table,
    gates_in_words,
    gates_of_card,
    must_wait,
    refusals,
    verdict,
)
from fer.delivery.quantization import int8_accuracy, quantize_model, quantized_card
from fer.delivery.registry import TAKEN_BACK, Registry
from fer.delivery.version_files import REFERENCE_FILE, Papers, Registered
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import MODEL_FILE, Card
from fer.monitoring.reference import write_reference
from fer.params import Params, load_params
from fer.report.tables import markdown
from fer.schema import read_as
from fer.tracking import Tracker
from pipelines import paths
from pipelines.flows import REFUSED, name_run, network_task, task
from pipelines.models import all_models
from pipelines.reporting import say
from pipelines.tables import show_table
from pipelines.tracking import open_tracker

ACCEPT = "python -m pipelines promote --accept"


@flow(flow_run_name="promote")
def promote() -> None:
    """Promote the best model that passes every gate, and write the champion's files."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folders = {folder.name: folder for folder in all_models(params, dataset)}
    tracker = open_tracker(params.tracking)
    current, champion = current_champion(tracker, list(folders.values()), dataset)
    if current and champion is None:
        say(
            f"promote: champion {current.card.architecture} (version {current.version}) knows other classes "
            f"({', '.join(current.card.classes)}) and cannot be compared with the new models"
        )
    if current:
        tell_changes(tracker, current, data_changes(tracker, current, dataset), list(folders.values()))
    facts, wait = gather(tracker, current, dataset, params)
    decision = judge(list(folders.values()), dataset, champion, facts, wait)
    known = [folder for folder in folders.values() if current and folder.run.model_sha256 == current.card.model_sha256]
    publish(tracker, decision, list(folders.values()))
    name_run(name_of_run(decision))
    if decision.challenger:
        enter(tracker, folders[decision.challenger], dataset, decision, params, current, waits=True)
    else:
        dismiss(tracker, current)
    if decision.champion:
        enter(tracker, folders[decision.champion], dataset, decision, params, current)
    elif current and champion:
        keep(tracker, current, known[0] if known else None, dataset, params)
    elif decision.challenger:
        kept = "the champion knows other classes" if current else "there is no champion to keep"
        raise UserError(f"promote: {decision.reason}; {kept}: take it by {ACCEPT}, and run again")
    else:
        raise UserError(
            f"promote: {decision.reason}: {' | '.join(refusals(decision))}; train longer, or change the bounds of "
            "promote in params.yaml"
        )
    for line in refusals(decision):
        say(f"promote: {line}")
    if decision.champion is None and not known:
        tell_refused(decision)
    say(f"promote: {decision.reason}" + (f"; {ACCEPT} takes it" if decision.challenger else ""))


def tell_refused(decision: Decision) -> None:
    """The event that all new models were refused, or wait: a person may want to know."""
    emit_event(
        REFUSED,
        resource={"prefect.resource.id": "fer.champion"},
        payload={"reason": decision.reason, "refusals": "\n".join(refusals(decision))},
    )


def name_of_run(decision: Decision) -> str:
    """What the Prefect UI calls the run: by what it did."""
    if decision.champion:
        return f"promote {decision.champion}"
    return f"promote: {decision.challenger} waits" if decision.challenger else "promote: the champion stays"


@network_task
def current_champion(
    tracker: Tracker, folders: Sequence[ModelFolder], dataset: FaceDataset
) -> tuple[Registered | None, Candidate | None]:
    """The current champion, and it as the gates see it; None for what is not there or cannot be compared."""
    registry = Registry(tracker.store)
    current = registry.champion()
    return current, champion_as_candidate(registry, current, folders, dataset) if current else None


@network_task
def data_changes(tracker: Tracker, current: Registered, dataset: FaceDataset) -> DataChanges | None:
    """What changed in the data since the champion's; None where it is of other data, or its rows were not kept."""
    if current.card.dataset != dataset.name:
        return None
    former = Registry(tracker.store).rows_of(current)
    return None if former is None else changes_between(former, rows_of(dataset))


@network_task
def tell_changes(
    tracker: Tracker, current: Registered, changes: DataChanges | None, folders: Sequence[ModelFolder]
) -> None:
    """What changed in the data: at the terminal, as a Prefect artifact, and in every model's MLflow run."""
    since = f"since the champion (version {current.version})"
    if changes is None:
        say(f"promote: what changed in the data {since} is not known: it is of other data, or of older code")
        return
    say(f"promote: data {since}: {changes.words}")
    title = f"Data {since}: {changes.words}"
    show_table(changes.table(), "data-changes", title, "What changed in the train split")
    for folder in folders:
        if run_id := tracker.find_run(folder):
            tracker.note_data(run_id, f"{title}\n\n{markdown(changes.table())}")


@network_task
def gather(tracker: Tracker, current: Registered | None, dataset: FaceDataset, params: Params) -> tuple[Facts, str]:
    """What the gates need beside the models, and why whoever passes them waits for a person."""
    registry = Registry(tracker.store)
    checked = read_as(CheckReport, paths.VALIDATION_REPORT, "run the validate stage again")
    failed = tuple(result.description for result in checked.critical_failures)
    former = registry.data_of(current) if current else None
    taken_back = registry.taken_back()
    facts = Facts(
        params.promote,
        slices=gate_slices(dataset),
        failed_checks=failed if checked.fingerprint == dataset.fingerprint else None,
        drift=drift_between(former, facts_of(dataset)) if former and former.dataset == dataset.name else None,
        taken_back={
            version.card.model_sha256: f"version {version.version}, on {version.tags[TAKEN_BACK]}"
            for version in taken_back
        },
    )
    return facts, must_wait(params.promote, dataset, taken_back)


@task
def judge(
    folders: Sequence[ModelFolder], dataset: FaceDataset, champion: Candidate | None, facts: Facts, wait: str
) -> Decision:
    """Measure every model on the validation images, those that may be chosen on changed ones too, and decide."""
    return decide([candidate_of(folder, dataset) for folder in folders], champion, facts, wait)


@network_task
def publish(tracker: Tracker, decision: Decision, folders: Sequence[ModelFolder]) -> None:
    """What each gate said of each model: at the terminal, as a Prefect artifact, and in every model's MLflow run."""
    if not decision.gates:
        return
    table = gate_table(decision)
    show_table(table, "promotion", "Gates: value (bound), on validation", "Who may be champion")
    for folder in folders:
        if folder.name in decision.gates and (run_id := tracker.find_run(folder)):
            tracker.note_gates(run_id, markdown(table), verdict(decision, folder.name))


@network_task
def enter(
    tracker: Tracker,
    folder: ModelFolder,
    dataset: FaceDataset,
    decision: Decision,
    params: Params,
    current: Registered | None,
    waits: bool = False,
) -> None:
    """Register the model as champion, or as challenger where it waits, and write its ONNX file and card."""
    gates, files = decision.gates[folder.name], origin_files(Path())
    card = replace(card_of(folder, params.promote, dataset), gates=gates_of_card(gates))
    tags = origin_tags(Path(), files)
    papers = Papers(gates_in_words(gates), facts_of(dataset), files, tags, rows_of(dataset))
    registry, run_id = Registry(tracker.store), tracker.ensure_run(folder, dataset)
    with (
        in_int8(folder, dataset, params, card) as quantized,
        reference_of(folder.onnx, card, quantized, dataset) as reference,
        unchanged(registry, current),
    ):
        if quantized:
            registry.keep_quantized(run_id, quantized)
        registry.keep_reference(run_id, reference)
        if waits:
            registry.challenge(run_id, card, papers)
            write_champion(paths.CHALLENGER, folder.onnx, card, quantized, reference)
        else:
            registry.promote(run_id, card, papers)
            write_champion(paths.CHAMPION, folder.onnx, card, quantized, reference)


def unchanged(registry: Registry, current: Registered | None) -> AbstractContextManager[None]:
    """The champion is the one that the candidates were held against, and stays it meanwhile."""
    return undisturbed(paths.CHAMPION_LOCK, registry, current.version if current else None, "promote")


@contextmanager
def in_int8(folder: ModelFolder, dataset: FaceDataset, params: Params, card: Card) -> Iterator[Path | None]:
    """The model in int8 with the card of that file, in a folder that ends with the block; None where it fails its gate.

    Figures and thresholds are those of the int8 file. What fails is served as it was trained.
    """
    with TemporaryDirectory() as scratch:
        target = Path(scratch)
        made = quantize_model(folder, folder.onnx, dataset, target / MODEL_FILE)
        gate = {name_of(int8_accuracy): int8_accuracy(made)}
        if made.passed:
            own = quantized_card(card, made, target, params.promote)
            replace(own, gates=card.gates | gates_in_words(gate)).save(target)
        (said,) = gates_in_words(gate).values()
        say(f"promote: {folder.name} in int8 {said}" + ("" if made.passed else "; it is served in float32"))
        yield target if made.passed else None


@contextmanager
def reference_of(model: Path, card: Card, quantized: Path | None, dataset: FaceDataset) -> Iterator[Path]:
    """What records of the model that is served are held against, in a folder that ends with the block."""
    with TemporaryDirectory() as scratch:
        served = Path(scratch) / "served"
        write_champion(served, model, card, quantized)
        yield write_reference(Path(scratch) / REFERENCE_FILE, served, dataset)


@network_task
def dismiss(tracker: Tracker, current: Registered | None) -> None:
    """Nobody waits."""
    registry = Registry(tracker.store)
    with unchanged(registry, current):
        registry.drop_challenger()
        shutil.rmtree(paths.CHALLENGER, ignore_errors=True)


@network_task
def keep(
    tracker: Tracker, current: Registered, folder: ModelFolder | None, dataset: FaceDataset, params: Params
) -> None:
    """The current champion's files; where its training is here, cards as the present settings make them."""
    registry = Registry(tracker.store)
    card = replace(card_of(folder, params.promote, dataset), gates=current.card.gates) if folder else current.card
    with (
        in_int8(folder, dataset, params, card) if folder else registry.quantized(current) as quantized,
        reference_of(folder.onnx, card, quantized, dataset) if folder else registry.reference(current) as reference,
        unchanged(registry, current),
        registry.model(current) as model,
    ):
        registry.describe(current, card)
        if folder and quantized:
            registry.keep_quantized(current.run_id, quantized)
        if folder and reference:
            registry.keep_reference(current.run_id, reference)
        write_champion(paths.CHAMPION, model, card, quantized, reference)
