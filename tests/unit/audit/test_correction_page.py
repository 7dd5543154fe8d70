"""The page of doubtful labels: names and labels are text, pictures are inside, and what it saves is read back."""

import base64
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from face_datasets import small_dataset
from playwright.sync_api import Browser, sync_playwright

from fer.audit.correction_page import SHOWN, correction_page
from fer.data.corrections import read_corrections

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def browser():
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


def test_pictures_are_inside_and_other_peoples_names_stay_text():
    dataset = small_dataset(classes=("happy", "sad"))
    table = dataset.table.assign(suggested="sad", source_id='"><script>alert(1)</script>')
    page = correction_page(replace(dataset, name="a & b"), table.head(3))
    assert "a &amp; b" in page
    assert "<script>alert" not in page
    assert page.count("<li") == 3
    assert not re.search(r"(src|href)=\"http", page)
    pictures = re.findall(r"base64,([^\"]+)\"", page)
    first = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(first, dataset.images[0])


def test_only_the_first_are_shown():
    dataset = small_dataset(train=300, classes=("happy", "sad"))
    page = correction_page(dataset, dataset.table.assign(suggested="sad"))
    assert page.count("<li") == SHOWN
    assert f"The first {SHOWN} of {len(dataset)}" in page


@pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")
def test_what_a_person_chooses_in_a_browser_is_read_back(tmp_path, browser: Browser):
    dataset = small_dataset(classes=("happy", "sad"))
    table = dataset.table.assign(suggested="sad")
    table.loc[1, "source_id"] = 'a,"b"/ü.png'
    path = tmp_path / "page.html"
    path.write_text(correction_page(dataset, table.head(4)), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.get_by_label("Right label of face-000").select_option("sad")
    page.locator("select").nth(1).select_option("remove")
    assert page.locator("#count").text_content() == "2 decisions"
    with page.expect_download() as download:
        page.get_by_text("Save corrections.csv").click()
    download.value.save_as(tmp_path / "corrections.csv")
    rows = read_corrections(tmp_path / "corrections.csv").rows
    assert rows[["source_id", "emotion", "correct"]].to_numpy().tolist() == [
        ["face-000", "happy", "sad"],
        ['a,"b"/ü.png', "happy", "remove"],
    ]
    assert rows["sha256"].tolist() == dataset.table["sha256"][:2].tolist()
