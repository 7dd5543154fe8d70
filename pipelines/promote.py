"""Stage 7: the registry's champion."""

import json
from dataclasses import asdict
from pathlib import Path

from prefect import flow, task

from fer.comparison import comparison_table
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.inference.classifier import Card
from fer.params import load_params
from fer.promotion import SCORE, Decision, card_of, decide, write_champion
from fer.tracking import Tracker
from pipelines.ingest import DATASET
from pipelines.models import all_models
from pipelines.reporting import say

CHAMPION = Path("champion")


@flow
def promote() -> None:
    """Crown the best model by validation macro-F1, if it beats the champion, and write the champion's files."""
    params = load_params()
    dataset = FaceDataset.load(DATASET)
    folders = {folder.name: folder for folder in all_models(params, dataset)}
    tracker = Tracker(params.tracking)
    table = comparison_table(list(folders.values()), params.compare)
    decision = decide(table, dataset.classes, params.promote, tracker.champion())
    if decision.champion:
        folder = folders[decision.champion]
        run_id = tracker.ensure_run(folder, dataset)
        card = card_of(folder, params.promote)
        crown(tracker, run_id, card)
        write_champion(CHAMPION, folder.onnx, card)
    else:
        keep(tracker, decision)
    say(f"promote: {decision.reason}")


@task
def crown(tracker: Tracker, run_id: str, card: Card) -> None:
    """Register the model as champion."""
    tags = {name: str(value) for name, value in asdict(card).items() if isinstance(value, str)}
    tags |= {SCORE: repr(card.metrics[SCORE]), "card": json.dumps(asdict(card))}
    tracker.crown(run_id, tags)


@task
def keep(tracker: Tracker, decision: Decision) -> None:
    """The reigning champion's ONNX file and card."""
    reigning = tracker.champion()
    if reigning is None:
        raise UserError(f"promote: {decision.reason}; train longer, or lower promote.min_class_f1 in params.yaml")
    write_champion(CHAMPION, tracker.champion_model(), Card.of(json.loads(reigning["card"])))
