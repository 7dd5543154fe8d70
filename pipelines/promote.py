"""Stage 8: the registry's champion."""

import pandas as pd
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.delivery.gates import Rival
from fer.delivery.promotion import (
    Decision,
    candidate_of,
    card_of,
    decide,
    refusals,
    rival_of,
    write_champion,
)
from fer.delivery.registry import Registered, Registry
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import Card
from fer.params import load_params
from fer.tracking import Tracker
from pipelines import paths
from pipelines.flows import network_task, task
from pipelines.models import all_models
from pipelines.reporting import say
from pipelines.tables import show_table
from pipelines.tracking import open_tracker


@flow
def promote() -> None:
    """Promote the best model that passes every gate, and write the champion's files."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folders = {folder.name: folder for folder in all_models(params, dataset)}
    tracker = open_tracker(params.tracking)
    current, rival = current_champion(tracker, dataset)
    if current and rival is None:
        say(
            f"promote: champion {current.card.architecture} (version {current.version}) knows other classes "
            f"({', '.join(current.card.classes)}) and cannot be compared with the new models"
        )
    decision = decide([candidate_of(folder) for folder in folders.values()], params.promote, rival)
    publish(decision)
    if decision.champion:
        folder = folders[decision.champion]
        register(tracker, folder, dataset, card_of(folder, params.promote, dataset))
    elif current and rival:
        known = [folder for folder in folders.values() if folder.run.model_sha256 == current.card.model_sha256]
        keep(tracker, current, card_of(known[0], params.promote, dataset) if known else current.card)
    else:
        raise UserError(
            f"promote: {decision.reason}: {' | '.join(refusals(decision))}; train longer, or lower the bounds of "
            "promote in params.yaml"
        )
    for line in refusals(decision):
        say(f"promote: {line}")
    say(f"promote: {decision.reason}")


@network_task
def current_champion(tracker: Tracker, dataset: FaceDataset) -> tuple[Registered | None, Rival | None]:
    """The current champion, and it as the gates see it; None for what is not there or cannot be compared."""
    registry = Registry(tracker.store)
    current = registry.champion()
    return current, rival_of(registry, current, dataset) if current else None


@task
def publish(decision: Decision) -> None:
    """What each gate said of each model: at the terminal and as a Prefect artifact."""
    rows = [
        {"model": model}
        | {
            gate: f"{'passed' if said.passed else 'FAILED'}: {said.value:.4g} ({said.bound:.4g})"
            for gate, said in gates.items()
        }
        for model, gates in decision.gates.items()
    ]
    if rows:
        show_table(pd.DataFrame(rows), "promotion", "Gates: value (bound), on validation", "Who may be champion")


@network_task
def register(tracker: Tracker, folder: ModelFolder, dataset: FaceDataset, card: Card) -> None:
    """Register the model as champion, and write its ONNX file and card."""
    Registry(tracker.store).promote(tracker.ensure_run(folder, dataset), card)
    write_champion(paths.CHAMPION, folder.onnx, card)


@network_task
def keep(tracker: Tracker, current: Registered, card: Card) -> None:
    """The current champion's ONNX file, and its card as the present settings make it."""
    registry = Registry(tracker.store)
    registry.describe(current, card)
    with registry.model(current) as model:
        write_champion(paths.CHAMPION, model, card)
