"""Stage 8: the registry's champion."""

import json
from dataclasses import asdict

from prefect import flow, task

from fer.data.dataset import FaceDataset
from fer.delivery.promotion import card_of, decide, write_champion
from fer.errors import UserError
from fer.evaluation.comparison import comparison_table
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE
from fer.inference.classifier import Card
from fer.params import load_params
from fer.tracking import Tracker
from pipelines import paths
from pipelines.models import all_models
from pipelines.reporting import say


@flow
def promote() -> None:
    """Crown the best model by validation macro-F1, if it beats the champion, and write the champion's files."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folders = {folder.name: folder for folder in all_models(params, dataset)}
    tracker = Tracker(params.tracking)
    table = comparison_table(list(folders.values()), params.compare)
    reigning = tracker.champion()
    decision = decide(table, dataset.classes, params.promote, reigning)
    if decision.champion:
        folder = folders[decision.champion]
        run_id = tracker.ensure_run(folder, dataset)
        crown(tracker, run_id, folder, card_of(folder, params.promote))
    elif reigning:
        known = [folder for folder in folders.values() if folder.run.model_sha256 == reigning["model_sha256"]]
        keep(tracker, card_of(known[0], params.promote) if known else Card.of(json.loads(reigning["card"])))
    else:
        raise UserError(f"promote: {decision.reason}; train longer, or lower promote.min_class_f1 in params.yaml")
    say(f"promote: {decision.reason}")


@task
def crown(tracker: Tracker, run_id: str, folder: ModelFolder, card: Card) -> None:
    """Register the model as champion, and write its ONNX file and card."""
    tracker.crown(run_id, tags_of(card))
    write_champion(paths.CHAMPION, folder.onnx, card)


@task
def keep(tracker: Tracker, card: Card) -> None:
    """The reigning champion's ONNX file, and its card as the present settings make it."""
    tracker.describe_champion(tags_of(card))
    write_champion(paths.CHAMPION, tracker.champion_model(), card)


def tags_of(card: Card) -> dict[str, str]:
    """What the registry keeps of a card: its texts, the score that promotion goes by, and all of it."""
    tags = {name: str(value) for name, value in asdict(card).items() if isinstance(value, str)}
    return tags | {SCORE: repr(card.metrics[SCORE]), "card": json.dumps(asdict(card))}
