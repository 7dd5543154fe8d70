import json
from dataclasses import replace
from pathlib import Path

import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.deck import DECK, beside_deck, of_deck
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation import evaluate, restrict
from fer.outputs import ModelFolder


def test_the_decks_figures_stand_beside_those_of_the_same_architecture(tmp_path: Path) -> None:
    dataset = small_dataset(train=2, held_out=4)
    best, vgg16 = (write_trained(tmp_path, dataset, name, seed) for seed, name in enumerate(("mini", "vgg16")))
    (vgg16.path / "run.json").write_text(json.dumps(vgg16.run | {"title": "VGG16"}))
    vgg16 = ModelFolder(vgg16.path)
    table = beside_deck([best, vgg16]).set_index("in the deck")
    assert table.index.tolist() == [*DECK, "the best of each class"]
    assert table.loc["VGGFace"].tolist() == ["-", "0.67", "0.56", "0.92", "0.67", "0.83", "-"]
    for row, folder, deck in (
        ("VGG16", vgg16, DECK["VGG16"]),
        ("the best of each class", best, (0.67, 0.56, 0.92, 0.67, 0.83)),
    ):
        scores = evaluate(*restrict(*folder.scored("test"), folder.classes, FIVE_EMOTIONS), FIVE_EMOTIONS)
        ours = [scores[f"f1.{name}"] for name in FIVE_EMOTIONS]
        cells = [f"{theirs:.2f} → {mine:.3f}" for theirs, mine in zip(deck, ours, strict=True)]
        above = sum(mine > theirs for theirs, mine in zip(deck, ours, strict=True))
        assert table.loc[row].tolist() == [folder.run["title"], *cells, f"{above} of 5"]


@pytest.mark.parametrize(
    ("name", "classes", "same"),
    [("FER-2013", None, True), ("drawn sample", None, False), ("FER-2013", ("happy", "sad"), False)],
)
def test_the_deck_speaks_of_fer2013_alone(name: str, classes: tuple[str, ...] | None, same: bool) -> None:
    dataset = small_dataset(train=2, held_out=1)
    assert of_deck(replace(dataset, name=name, classes=classes or dataset.classes)) is same
