"""A model measured on data/dataset, whatever it was trained on: figures of the test split, groups and their gaps."""

from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.delivery.measuring import faces_of
from fer.errors import UserError
from fer.evaluation.groups import fairness
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.scores import accuracy_of, confusion, f1_scores
from fer.inference.choice import choose_model
from fer.inference.classifier import BATCH, MODEL_FILE
from fer.inference.runtime import onnx_predict
from fer.params import load_params
from fer.report.groups import gaps_table, groups_table
from fer.report.tables import estimate, heading
from pipelines import paths
from pipelines.tables import print_table


def measure(model: str) -> None:
    """Print what a model is worth on the present data set; faces are resized to what it takes.

    Args:
        model: a folder with a card, such as ``champion``, or one of the package's models by its name.

    Raises:
        UserError: where there is no such model or no data set, or the two have other classes.
    """
    settings, dataset = load_params().compare, FaceDataset.load(paths.DATASET)
    choice = choose_model(model)
    card = choice.card
    if card.classes != dataset.classes:
        raise UserError(
            f"measure: {model} knows {', '.join(card.classes)}, the data set {', '.join(dataset.classes)}; set "
            "data.classes to the same"
        )
    rows = dataset.rows("test")
    faces = faces_of(dataset, rows, card.face_size)
    predicted = onnx_predict(Path(choice.folder) / MODEL_FILE, faces, BATCH).argmax(axis=1)
    matrix = confusion(dataset.labels[rows], predicted, len(dataset.classes))
    intervals = bootstrap_intervals(matrix, settings.bootstrap, settings.seed)
    figures = {"accuracy": accuracy_of(matrix), "macro_f1": float(f1_scores(matrix).mean())}
    accuracy, macro_f1 = (estimate((figures[name], *intervals[name])) for name in figures)
    own = "the data that it was trained on" if card.fingerprint == dataset.fingerprint else "other data than here"
    print(f"measure: {card.architecture}, trained on {card.dataset} ({card.fingerprint}): {own}")
    print(f"measure: {heading(dataset)}: accuracy {accuracy}, macro-F1 {macro_f1}")
    found = fairness(dataset, "test", predicted, settings)
    for line in found.told:
        print(f"measure: {line}")
    print_table(groups_table(found.groups), "groups: figures with 95 % intervals, and every class's recall")
    print_table(gaps_table(found.gaps), "gaps in accuracy between groups, and how often chance makes as wide ones")
