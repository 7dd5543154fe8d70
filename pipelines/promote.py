"""Stage 8: the registry's champion."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow

from fer.checks.report import CheckReport
from fer.data.dataset import FaceDataset
from fer.delivery.candidate import Candidate, Facts
from fer.delivery.champion import undisturbed, write_champion
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
)
from fer.delivery.quantization import int8_accuracy, quantize_model, quantized_card
from fer.delivery.registry import TAKEN_BACK, Registry
from fer.delivery.version_files import Papers, Registered
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import MODEL_FILE, Card
from fer.params import Params, load_params
from fer.report.tables import markdown
from fer.schema import read_as
from fer.tracking import Tracker
from pipelines import paths
from pipelines.flows import name_run, network_task, task
from pipelines.models import all_models
from pipelines.reporting import say
from pipelines.tables import show_table
from pipelines.tracking import open_tracker

ACCEPT = "python -m pipelines promote --accept"


@flow
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
    facts, wait = gather(tracker, current, dataset, params)
    decision = decide(measure(list(folders.values()), dataset), champion, facts, wait)
    publish(tracker, decision, list(folders.values()))
    name_run(name_of_run(decision))
    if decision.challenger:
        enter(tracker, folders[decision.challenger], dataset, decision, params, current, waits=True)
    else:
        dismiss(tracker, current)
    if decision.champion:
        enter(tracker, folders[decision.champion], dataset, decision, params, current)
    elif current and champion:
        known = [folder for folder in folders.values() if folder.run.model_sha256 == current.card.model_sha256]
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
    say(f"promote: {decision.reason}" + (f"; {ACCEPT} takes it" if decision.challenger else ""))


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
def measure(folders: Sequence[ModelFolder], dataset: FaceDataset) -> list[Candidate]:
    """Every model on the validation images, plain and changed."""
    return [candidate_of(folder, dataset) for folder in folders]


@network_task
def publish(tracker: Tracker, decision: Decision, folders: Sequence[ModelFolder]) -> None:
    """What each gate said of each model: at the terminal, as a Prefect artifact, and in every model's MLflow run."""
    if not decision.gates:
        return
    table = gate_table(decision)
    show_table(table, "promotion", "Gates: value (bound), on validation", "Who may be champion")
    for folder in folders:
        if (said := decision.gates.get(folder.name)) and (run_id := tracker.find_run(folder)):
            failed = [name for name, outcome in said.items() if not outcome.passed]
            tracker.note_gates(run_id, markdown(table), failed)


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
    papers = Papers(gates_in_words(gates), facts_of(dataset), files, origin_tags(Path(), files))
    registry, run_id = Registry(tracker.store), tracker.ensure_run(folder, dataset)
    with in_int8(folder, dataset, params, card) as quantized, unchanged(registry, current):
        if quantized:
            registry.keep_quantized(run_id, quantized)
        if waits:
            registry.challenge(run_id, card, papers)
            write_champion(paths.CHALLENGER, folder.onnx, card, quantized)
        else:
            registry.promote(run_id, card, papers)
            write_champion(paths.CHAMPION, folder.onnx, card, quantized)


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
        unchanged(registry, current),
        registry.model(current) as model,
    ):
        registry.describe(current, card)
        if folder and quantized:
            registry.keep_quantized(current.run_id, quantized)
        write_champion(paths.CHAMPION, model, card, quantized)
