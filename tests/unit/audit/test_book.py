"""The report: what it shows of data sets of many kinds, and that other people's names stay text."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import book_of, with_leaks, with_votes
from face_datasets import small_dataset, with_images, with_values, without_rows
from onnx_models import write_model

from fer.audit.book.averages import average_faces, contrasts
from fer.audit.book.book import Book
from fer.audit.book.embedding_map import embedding_map
from fer.audit.book.galleries import SIGHTS, galleries
from fer.audit.book.labels import nearest
from fer.audit.book.page import book_page
from fer.audit.book.slices import properties, widest_gaps
from fer.audit.book.write import write_book
from fer.audit.flaws import PROXIES, flaws

EVIL = "\"><script>alert('x')</script>{{ 7*7 }}$\\frac{"
CLASSES = ("happy", "sad", "neutral")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """With leaks, votes, groups, a model, faces of another size, evil names, and no sad image in train."""
    folder = tmp_path_factory.mktemp("book")
    dataset = with_leaks(with_votes(small_dataset(train=16, held_out=12, classes=CLASSES, size=64)))
    dataset = without_rows(dataset, dataset.table.index[dataset.table.eval("split == 'train' and emotion == 'sad'")])
    table = dataset.table.assign(region=np.where(np.arange(len(dataset)) % 2, EVIL, "north"), camera="one")
    table.loc[table.index[:40], "source_id"] += EVIL
    table[["source_width", "source_height"]] = 64
    table.loc[table.index[3], "source_width"] = 2000
    dataset = replace(dataset, name=f"a & b {EVIL}", table=table)
    model = write_model(folder / "model", CLASSES, size=64) / "model.onnx"
    guesses = np.eye(3, dtype=np.float32)[dataset.labels[dataset.rows("test")]]
    worse = np.roll(guesses, 1, axis=1)
    return book_of(dataset, folder / "none", {f"best{EVIL}": guesses, "worse": worse}, {f"tiny{EVIL}": model})


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A data set of which there is nothing to say: no model, no vote, no copy across splits."""
    dataset = small_dataset(train=4, held_out=1, classes=("happy", "sad"))
    # Nothing in the test images but noise: near copies of nothing.
    rng = np.random.default_rng(0)
    noise = {row: rng.integers(0, 256, (48, 48), dtype=np.uint8) for row in range(len(dataset))}
    return book_of(with_images(dataset, noise), tmp_path_factory.mktemp("none"))


def test_other_peoples_names_stay_text_and_nothing_comes_from_elsewhere(full):
    page = book_page(full)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "49$" not in page
    assert not re.search(r"""(?:src|srcset|data)=["']?(?!data:)\w""", page)
    assert not re.search(r"url\((?!['\"]?(?:data:|#))", page)
    assert "default-src 'none'" in page
    assert page.count("<script") == 2


def test_every_part_of_a_full_data_set_is_shown(full, tmp_path):
    write_book(full, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Train has no image of sad." in page
    assert "camera has one value" in page
    assert len(full.exact) >= 1
    assert any(pair.mirrored for pair in full.near)
    assert full.agreement.disagreeing[0] == 0
    assert "neutral 10" in page
    assert set(full.curves["change"]) == {"blur", "noise", "light", "rotation", "JPEG", "size"}
    assert {"label", "region", "FER+ taggers"} <= set(full.slices["property"])
    assert "camera" not in set(full.slices["property"])
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names >= {"class_distribution", "average_faces", "contrast_images", "quality", "near_copies"}
    assert names >= {"ferplus_agreement", "slices", "robustness", "embedding_map"}
    for link in re.findall(r'href="(figures/[^"]+|[a-z]+\.csv)"', page):
        assert (tmp_path / link).is_file() or link == "near_copies.csv"
    listed = pd.read_csv(tmp_path / "flaws.csv").groupby("flaw").size().to_dict()
    assert listed == {one.name: len(one.rows) for one in full.galleries if len(one.rows)}


def test_of_what_there_is_none_a_sentence_says_so(bare, tmp_path):
    write_book(bare, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for said in (
        "No picture is in more than one split of the source.",
        "No image of one split is a near copy of another split&#39;s.".replace("&#39;", "'"),
        "The data set has no FER+ votes.",
        "No model of this data set is kept",
        "No model of this data set is in <code>models/</code>",
    ):
        assert said in page
    assert not (tmp_path / "figures/slices.png").exists()


def test_without_a_flaw_the_gallery_says_so(bare):
    none = [replace(gallery, rows=gallery.rows[:0], scores=gallery.scores[:0]) for gallery in bare.galleries]
    assert "No image is flawed by any measurement of the audit." in book_page(replace(bare, galleries=none))


def test_every_flaw_and_proxy_has_a_gallery_with_its_worst_image_first(full):
    measured = full.found.table
    names = [*flaws(measured), "odd_size"]
    assert set(SIGHTS) == set(names)
    found = galleries(measured.assign(flaw_dark=True), Path("nowhere"))
    assert [gallery.name for gallery in found] == [*names, *PROXIES]
    odd = next(gallery for gallery in found if gallery.name == "odd_size")
    assert odd.rows.tolist() == [measured.index[3]]
    dark = next(gallery for gallery in found if gallery.name == "dark")
    assert measured["brightness"][dark.rows[0]] == measured["brightness"].min()
    assert sum(dark.counts.values()) == len(measured)
    assert len(dark.shown) == 24


def test_worth_by_hand_and_by_planted_flaws_is_told(full):
    records = Path(__file__).parents[3] / "docs/records/fer-2013/audit"
    told = {gallery.name: gallery.worth for gallery in galleries(full.found.table, records)}
    assert told["lighting"] == "A person looked at 25 of its images: 11 have the flaw (precision 0.44)."
    assert told["inverted"].startswith("Of 300 planted ones it finds 95.7%; it also names 5.1%")
    assert "not measured" in told["angle"]


def test_a_contrast_tells_where_two_classes_differ():
    dataset = small_dataset(train=12, held_out=12, classes=("happy", "sad"))
    images = dataset.images.copy()
    images[dataset.labels == 0, 34:46, 10:38] = 250
    (pair,) = contrasts(replace(dataset, images=images), average_faces(replace(dataset, images=images)))
    assert (pair.first, pair.where, pair.brighter, pair.told_apart) == ("happy", "mouth and chin", True, 1.0)


def test_neighbours_are_no_copies(full):
    table = full.found.table
    row = table.index[table["near_to"] != ""][0]
    (others,) = nearest(full.found, np.array([row]))
    assert row not in others
    assert (table["near_to"].to_numpy()[others] != table["near_to"][row]).all()


@pytest.mark.parametrize("count", [1, 2, 5, 60])
@pytest.mark.parametrize("varied", [True, False])
def test_a_map_of_few_or_equal_images_has_places(count, varied):
    dataset = small_dataset(train=30, held_out=1, classes=("happy", "sad"))
    dataset = without_rows(dataset, range(count, len(dataset)))
    points = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32) * varied
    placed = embedding_map(dataset, points, seed=0)
    assert placed.places.shape == (count, 2)
    assert np.isfinite(placed.places).all()
    assert placed.places.min() >= 0
    assert placed.places.max() <= 1


def test_a_planted_bias_is_the_widest_gap():
    dataset = small_dataset(train=2, held_out=60, classes=("happy", "sad"))
    rows = dataset.rows("test")
    region = {int(row): ("north", "south")[place % 2] for place, row in enumerate(rows)}
    dataset = with_values(
        dataset.__class__(**vars(dataset) | {"table": dataset.table.assign(region="")}), "region", region
    )
    parts = properties(dataset, _measured(dataset))["region"]
    assert {name: int(members.sum()) for name, members in parts.items()} == {"north": 60, "south": 60}
    slices = pd.DataFrame(
        [
            ("region", "north", "m", 60, 0.9, 0.82, 0.97),
            ("region", "south", "m", 60, 0.5, 0.37, 0.63),
            ("camera", "a", "m", 60, 0.7, 0.6, 0.8),
            ("camera", "b", "m", 60, 0.71, 0.6, 0.8),
            ("camera", "c", "m", 3, 0.0, 0.0, 0.0),
        ],
        columns=["property", "part", "model", "images", "accuracy", "low", "high"],
    )
    assert widest_gaps(slices, "m") == [
        "region: south 50%, north 90%, intervals apart",
        "camera: a 70%, b 71%, intervals overlap",
    ]


def _measured(dataset):
    table = dataset.table.assign(near_to="", flaw_dark=False)
    numbers = np.linspace(0, 1, len(table))
    return table.assign(
        **dict.fromkeys(("brightness", "contrast", "sharpness", "entropy", "symmetry", "face_likeness"), numbers)
    )
