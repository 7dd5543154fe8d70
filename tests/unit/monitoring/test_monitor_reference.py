"""What records are held against."""

import re
from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset

from fer.errors import UserError
from fer.inference.classifier import Card
from fer.monitoring.reference import load_reference, write_reference


@pytest.fixture(scope="module")
def card(model_folder: Path) -> Card:
    return Card.load(model_folder)


@pytest.fixture(scope="module")
def written(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reference(tmp_path_factory.mktemp("reference") / "reference.parquet", model_folder, small_dataset())


def test_a_row_for_every_validation_image_and_the_same_bytes_again(written, card, model_folder, tmp_path) -> None:
    dataset, again = small_dataset(), tmp_path / "again.parquet"
    table = load_reference(written, card)
    rows = dataset.rows("validation")
    assert len(table) == len(rows)
    assert table["brightness"].tolist() == pytest.approx(dataset.images[rows].mean(axis=(1, 2)), abs=1e-3)
    assert set(table["model"]) == {card.version}
    assert table["score"].isna().all()  # crops: nothing was searched for
    assert write_reference(again, model_folder, dataset).read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no reference beside the champion"),
        (b"PAR1 and no more", "is no reference, or damaged"),
        (pd.DataFrame({"brightness": [1.0]}), "is no reference, or damaged"),
        (pd.DataFrame(), "is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(content, said: str, card: Card, tmp_path: Path) -> None:
    path = tmp_path / "reference.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content.to_parquet(path)
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: {said}") as caught:
        load_reference(path, card)
    assert "\n" not in str(caught.value)


def test_another_models_reference_is_refused(written: Path, card: Card) -> None:
    other = card.__class__(**(vars(card) | {"model_sha256": "f" * 64}))
    with pytest.raises(UserError, match=rf"is of model {card.version}, and the champion is {'f' * 12}"):
        load_reference(written, other)
