"""The report in a real browser: the map, the keyboard, a phone, and nothing from elsewhere."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from books import book_of, with_leaks, with_votes
from browsers import CHROMIUM, watched
from face_datasets import small_dataset
from onnx_models import write_model
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fer.audit.book.page import book_page

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")]
LONG = "a-very-long-name-without-any-place-to-break-it-" * 3


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    dataset = with_leaks(with_votes(small_dataset(train=12, held_out=6, classes=("happy", "sad"))))
    table = dataset.table.assign(source_id="<b>" + LONG + dataset.table["source_id"])
    model = write_model(folder / "model", dataset.classes) / "model.onnx"
    path = folder / "index.html"
    path.write_text(book_page(book_of(replace(dataset, table=table), folder, files={"tiny": model})), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(page_file: Path, browser: Browser):
    """Opens the page; at the end nothing was asked of another address, and no error stood in the console."""
    seen: list[tuple[Page, list[str], list[str]]] = []

    def open_page(**options) -> Page:
        context = browser.new_context(**options)
        page = context.new_page()
        asked, problems = watched(page)
        page.goto(page_file.as_uri())
        seen.append((page, asked, problems))
        return page

    yield open_page
    for page, asked, problems in seen:
        assert [address for address in asked if not address.startswith("data:")] == [page_file.as_uri()]
        assert problems == []
        page.context.close()


def place_of_point(page: Page, point: int) -> tuple[float, float]:
    page.locator("#map-canvas").scroll_into_view_if_needed()
    x, y = page.evaluate(
        "(point) => { const box = canvas.getBoundingClientRect(), [x, y] = place(point);"
        " return [box.left + canvas.clientLeft + x, box.top + canvas.clientTop + y]; }",
        point,
    )
    return x, y


def test_pointing_at_the_map_shows_face_label_and_id_and_keys_do_too(opened):
    page = opened(viewport={"width": 1280, "height": 900})
    tip = page.locator("#map-tip")
    expect(tip).to_be_hidden()
    page.mouse.move(*place_of_point(page, 5))
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("label happy")
    expect(tip).to_contain_text("<b>" + LONG + "face-005")
    assert page.evaluate("getComputedStyle(document.querySelector('#map-tip .thumb')).backgroundImage.length") > 1000
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()

    page.locator("#map-canvas").focus()
    told = set()
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
        told.add(page.locator("#map-said").inner_text())
    assert len(told) > 1
    assert all(re.search(r"label \w+.*suggested \w+.*face-\d+", text) for text in told)
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()

    page.get_by_role("button", name="happy").click()
    page.mouse.move(*place_of_point(page, 5))
    expect(tip).not_to_contain_text("label happy")

    page.locator("#map-list summary").click()
    page.get_by_role("combobox", name="Label", exact=True).select_option("sad")
    rows = page.locator("#map-list tbody tr")
    expect(page.locator("#list-where")).to_have_text("1 to 24 of 24")
    expect(rows).to_have_count(24)
    expect(rows.first).to_contain_text("sad")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(opened, scheme):
    page = opened(viewport={"width": 390, "height": 800}, color_scheme=scheme, is_mobile=True, has_touch=True)
    for details in page.locator("details").all():
        details.evaluate("(element) => { element.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) == (scheme == "dark")
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("h1").count() == 1
