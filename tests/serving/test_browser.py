"""The page in a real browser, before a real service; the camera is a clip."""

import csv
import io
import re
import time

import cv2
import httpx
import numpy as np
import pytest

pytest.importorskip("playwright")

from browsers import ANSWERED, CHROMIUM, watched
from page_browser import (
    RECORDER,
    analyze,
    calls,
    drop,
    end,
    free_port,
    jpeg,
    picture,
    service,
    write_camera_clip,
    write_video,
)
from playwright.sync_api import Browser, FileChooser, Page, expect, sync_playwright
from scenes import scene
from services import encode

from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.inference.faces import Doubt
from fer.inference.video import COLUMNS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

READING = "Reading the camera."
FAKE_CAMERA = "--use-fake-device-for-media-stream"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with service(tmp_path_factory.mktemp("service"), free_port()) as (_, address):
        yield address


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    """Browsers with the fake camera, without any, and with one that is refused."""
    clip = write_camera_clip(tmp_path_factory.mktemp("camera") / "clip.mjpeg")
    with sync_playwright() as playwright:
        flags = {
            "camera": ["--use-fake-ui-for-media-stream", FAKE_CAMERA, f"--use-file-for-fake-video-capture={clip}"],
            "none": ["--use-fake-ui-for-media-stream"],
            "refused": [FAKE_CAMERA, "--deny-permission-prompts"],
        }
        launched: dict[str, Browser] = {}

        def browser(kind: str) -> Browser:
            if kind not in launched:
                arguments = ["--no-sandbox", *flags[kind]]
                launched[kind] = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            return launched[kind]

        yield browser
        for one in launched.values():
            one.close()


@pytest.fixture
def opened(url, browsers):
    """Opens the page; at the end, nothing was asked of another address, and no error stood in the console.

    ``expected`` is what the console may say because the test made it happen.
    """
    seen: list[tuple[Page, list[str], list[str], str]] = []

    def open_page(address: str = url, camera: str = "camera", expected: str = "^$", **options) -> Page:
        context = browsers(camera).new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.add_init_script(RECORDER)
        page = context.new_page()
        requests, problems = watched(page)
        page.goto(f"{address}/")
        seen.append((page, requests, problems, expected))
        return page

    yield open_page
    for page, requests, problems, expected in seen:
        origin = re.match(r"http://[^/]+/", page.url)[0]
        assert [address for address in requests if not address.startswith((origin, f"blob:{origin}"))] == []
        assert [text for text in problems if not re.search(expected, text)] == []
        assert page.evaluate("window.violations") == []
        page.context.close()


def status(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator("#status")).to_have_text(text, timeout=ANSWERED)


def start_camera(page: Page, frames: int = 2) -> None:
    """Starts the camera by its button, and waits until the service has read some frames."""
    page.get_by_role("button", name="Start camera").click()
    wait_for_frames(page, frames)


def wait_for_frames(page: Page, more: int) -> None:
    first = page.evaluate("calls.length")
    deadline = time.monotonic() + ANSWERED / 1000
    while page.evaluate("calls.length") < first + more:
        assert time.monotonic() < deadline, page.inner_text("#status")
        page.wait_for_timeout(50)


def still(page: Page) -> dict:
    """Pauses, and waits until nothing more is sent; the last thing that was, and what was answered."""
    page.get_by_role("button", name="Pause").click()
    status(page, "Paused.")
    before = None
    while before != (before := page.evaluate("[calls.length, window.open_]")) or before[1]:
        page.wait_for_timeout(1000)
    return calls(page)[-1]


def shown(page: Page) -> list[dict[str, str]]:
    """The cards, as they are read."""
    return page.evaluate(
        """[...document.querySelectorAll('.person:not(.away)')].map((card) => ({
          emotion: card.querySelector('.emotion').textContent,
          percent: card.querySelector('.percent').textContent,
          doubts: card.querySelector('.doubts').textContent,
          bars: [...card.querySelectorAll('.bars li')].map((bar) => bar.innerText.split(/\\s*\\n\\s*/)),
          widths: [...card.querySelectorAll('.fill')].map((fill) => parseFloat(fill.style.width)),
        }))"""
    )


def words(face: dict) -> tuple[str, str]:
    return face["emotion"] + ("" if face["certain"] else "?"), f"{round(100 * face['probability'])}\u00a0%"


def test_the_label_shown_for_the_camera_is_the_services_for_that_frame(opened, url):
    page = opened()
    start_camera(page, 3)
    last = still(page)
    own = analyze(url, last["bytes"])
    assert own["faces"] == last["photo"]["faces"], "the service says the same to everybody"
    (face,) = own["faces"]
    (card,) = shown(page)
    assert (card["emotion"], card["percent"]) == words(face)
    np.testing.assert_allclose(card["widths"], [100 * value for value in face["probabilities"].values()], atol=0.01)
    assert [name for name, _ in card["bars"]] == list(EMOTIONS)
    assert card["doubts"].startswith("certain" if face["certain"] else "Not certain: ")


def test_an_answer_is_drawn_on_the_frame_that_it_is_about(opened):
    page = opened()
    # The camera goes on meanwhile: every frame of its clip is of another grey.
    page.route("**/analyze", lambda route: (time.sleep(0.5), route.continue_()))
    start_camera(page, 3)
    last = still(page)
    sent = cv2.imdecode(np.frombuffer(last["bytes"], np.uint8), cv2.IMREAD_COLOR)
    left, top, _, height = last["photo"]["faces"][0]["box"]
    corner, border = page.evaluate(
        """([x, y, wide, high]) => {
          const canvas = document.getElementById('picture');
          const scale = Math.min(canvas.width / wide, canvas.height / high);
          const at = (x, y) => [...canvas.getContext('2d').getImageData(
            (canvas.width - wide * scale) / 2 + x * scale, (canvas.height - high * scale) / 2 + y * scale, 1, 1).data];
          // Along the box's left side: a dashed line has gaps.
          return [at(20, high - 20), Array.from({ length: 40 }, (_, step) => at(x, y + step))];
        }""",
        [left, top + height // 2, sent.shape[1], sent.shape[0]],
    )
    assert abs(corner[0] - int(sent[-20, 20, 2])) <= 3, "the frame that was sent, not a newer one"
    colour = np.array([0x4C, 0xC2, 0xFF])
    assert np.abs(np.array(border)[:, :3] - colour).max(axis=1).min() < 12, "the first person's colour"
    assert page.evaluate("window.mostOpen") == 1


def test_one_request_is_open_at_a_time_and_speed_is_shown(opened):
    page = opened()
    start_camera(page, 6)
    assert page.evaluate("window.mostOpen") == 1
    assert float(page.inner_text("#rate")) > 0
    assert re.fullmatch(r"\d+ ms", page.inner_text("#latency"))
    expect(page.locator("#timeline")).to_have_attribute("aria-label", re.compile("person 1: "), timeout=ANSWERED)


def test_the_camera_opens_only_when_asked(opened):
    page = opened()
    assert page.evaluate("navigator.mediaDevices.enumerateDevices().then((found) => found.length)") > 0
    page.wait_for_timeout(500)
    assert page.locator("video").count() == 0
    expect(page.locator("#privacy")).to_contain_text("opens only when you press Start camera")
    expect(page.locator("#privacy")).to_contain_text("nothing is kept")
    start_camera(page)
    track = page.evaluate_handle("document.querySelector('video').srcObject.getVideoTracks()[0]")
    page.get_by_role("button", name="Stop", exact=True).click()
    assert track.evaluate("(track) => track.readyState") == "ended"


@pytest.mark.parametrize("size", [(640, 480), (3000, 2000)], ids=["small", "six megapixels"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_photos_figures_are_the_services_for_the_file(opened, url, size, suffix):
    page = opened()
    pixels = cv2.resize(picture(width=720, height=480), size) if size[0] > 1280 else picture()
    file = encode(pixels, suffix)
    drop(page, [(f"party{suffix}", f"image/{suffix[1:]}", file)])
    status(page, f"party{suffix}: one face found.")
    (call,) = calls(page)
    assert call["bytes"] == file
    assert (call["photo"]["width"], call["photo"]["height"]) == size
    own = analyze(url, file)
    (face,) = own["faces"]
    assert call["photo"] == own | {"name": f"party{suffix}"}
    (card,) = shown(page)
    assert (card["emotion"], card["percent"]) == words(face)
    np.testing.assert_allclose(card["widths"], [100 * value for value in face["probabilities"].values()], atol=0.01)
    # The picture that is shown may be smaller: its box is where the face is.
    left, top, _, height = face["box"]
    border = page.evaluate(
        """([x, y, wide, high]) => {
          const canvas = document.getElementById('picture');
          const scale = Math.min(canvas.width / wide, canvas.height / high);
          return Array.from({ length: 40 }, (_, step) => [...canvas.getContext('2d').getImageData(
            (canvas.width - wide * scale) / 2 + x * scale,
            (canvas.height - high * scale) / 2 + y * scale + step, 1, 1).data]);
        }""",
        [left, top + height // 2, *size],
    )
    assert np.abs(np.array(border)[:, :3] - np.array([0x4C, 0xC2, 0xFF])).max(axis=1).min() < 12


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_bytes": 20_000}, r"[\d.]+ MB, and this service takes 0"),
        ({"max_pixels": 1_000_000}, "6 megapixels, and this service takes 1"),
    ],
)
def test_a_photo_above_the_services_limits_is_shrunk_and_that_is_said(opened, limit, said):
    page = opened()
    page.route("**/model", lambda route: route.fulfill(json=limited(route.fetch().json(), limit)))
    page.reload()
    expect(page.locator("#model")).to_contain_text("trained on")
    drop(page, [("party.jpg", "image/jpeg", jpeg(cv2.resize(picture(width=720, height=480), (3000, 2000))))])
    status(page, re.compile(rf"party\.jpg: one face found\. It has {said}.*: a smaller copy was read, so the figures"))
    (call,) = calls(page)
    assert (call["photo"]["width"], call["photo"]["height"]) == (1280, 853)


def limited(model: dict, limit: dict[str, int]) -> dict:
    """An answer of ``/model`` with another limit."""
    return model | {"limits": model["limits"] | limit}


def test_a_photo_is_turned_upright_by_its_exif_tag(opened):
    page = opened()
    turned = jpeg(cv2.rotate(picture(), cv2.ROTATE_90_COUNTERCLOCKWISE))
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: turn it right
    exif = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff
    drop(page, [("turned.jpg", "image/jpeg", turned[:2] + exif + turned[2:])])
    status(page, "turned.jpg: one face found.")
    (call,) = calls(page)
    assert (call["photo"]["width"], call["photo"]["height"]) == (640, 480)


def test_the_table_that_is_saved(opened):
    page = opened()
    for name in ("first.jpg", 'odd, "name".jpg'):
        drop(page, [(name, "image/jpeg", jpeg(picture()))])
        status(page, f"{name}: one face found.")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save CSV").click()
    assert re.fullmatch(r"fer-\d{4}-\d\d-\d\dT[\d-]{8}\.csv", waiting.value.suggested_filename)
    table = csv.DictReader(io.StringIO(waiting.value.path().read_bytes().decode(), newline=""))
    rows = list(table)
    assert table.fieldnames == ["source", *COLUMNS, *EMOTIONS], "a video's table, and where it is from"
    assert [row["source"] for row in rows] == ["first.jpg", 'odd, "name".jpg']
    for row, call in zip(rows, calls(page), strict=True):
        (face,) = call["photo"]["faces"]
        assert [int(row[side]) for side in ("box_left", "box_top", "box_width", "box_height")] == face["box"]
        assert (row["frame"], row["time"], row["track"], row["detector"]) == (
            "0",
            "0.000",
            "1",
            call["photo"]["detector"],
        )
        assert (row["emotion"], row["certain"]) == (face["emotion"], str(face["certain"]))
        assert row["doubts"] == ", ".join(face["doubts"])
        got = [float(row[name]) for name in EMOTIONS]
        np.testing.assert_allclose(got, [face["probabilities"][name] for name in EMOTIONS], atol=5e-5)
    assert page.inner_text("#rows") == "2"


def test_a_video_is_read_frame_by_frame_to_its_end(opened, tmp_path):
    page = opened()
    video = write_video(tmp_path / "clip.webm")
    drop(page, [("clip.webm", "video/webm", video.read_bytes())])
    status(page, re.compile(r"clip\.webm: \d+ frames read, to its end\."))
    grounds = [
        int(cv2.imdecode(np.frombuffer(call["bytes"], np.uint8), cv2.IMREAD_GRAYSCALE)[20, 20]) for call in calls(page)
    ]
    assert len(grounds) == 8
    assert grounds == sorted(grounds)
    assert grounds[-1] - grounds[0] == pytest.approx(28, abs=4), "the first frame and the last one are among them"
    assert len(shown(page)) == 1


def test_the_next_source_ends_the_one_before(opened, tmp_path):
    page = opened()
    video = write_video(tmp_path / "clip.webm").read_bytes()
    start_camera(page)
    track = page.evaluate_handle("document.querySelector('video').srcObject.getVideoTracks()[0]")
    drop(page, [("first.webm", "video/webm", video)])
    drop(page, [("second.webm", "video/webm", video)])
    status(page, "second.webm: 8 frames read, to its end.")
    assert track.evaluate("(track) => track.readyState") == "ended"
    drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
    status(page, "party.jpg: one face found.")
    start_camera(page)
    assert page.locator("video").count() == 1
    assert page.evaluate("window.mostOpen") <= 2, "one, and one that was given up"


def test_a_video_that_no_browser_plays_is_said(opened):
    page = opened()
    drop(page, [("film.mp4", "video/mp4", b"no film" * 1000)])
    status(page, "Your browser cannot play film.mp4. Try an MP4 or WebM file.")


def test_what_is_no_photo_is_said(opened, tmp_path):
    page = opened()
    drop(page, [("notes.jpg", "image/jpeg", b"words" * 100)])
    status(page, re.compile(r"Your browser cannot open notes\.jpg as a photo: it is damaged, too large, or"))
    drop(page, [("a.jpg", "image/jpeg", b"1"), ("b.jpg", "image/jpeg", b"2")])
    status(page, "Drop one photo or video at a time.")
    drop(page, [])
    status(page, "That was no file. Drop a photo or a video.")
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(70_000_000)
    page.set_input_files("#file", huge)
    status(page, "This photo is too large: 70 MB, where 60 MB are the limit.")
    assert calls(page) == []


def test_a_photo_without_a_face(opened):
    page = opened()
    drop(page, [("wall.jpg", "image/jpeg", jpeg(np.full((400, 600, 3), 150, np.uint8)))])
    status(page, "wall.jpg: no face found.")
    expect(page.locator("#nobody")).to_contain_text("No face was found in this photo.")
    expect(page.locator("#announcer")).to_have_text("No face.")


@pytest.mark.parametrize(
    ("camera", "said"), [("refused", "The camera was not allowed."), ("none", "There is no camera here.")]
)
def test_no_camera_in_plain_words(opened, camera, said):
    page = opened(camera=camera)
    page.get_by_role("button", name="Start camera").click()
    status(page, re.compile(re.escape(said)))
    drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
    status(page, "party.jpg: one face found.")


def test_a_service_that_is_gone_is_said_and_the_page_recovers(opened, tmp_path):
    port = free_port()
    with service(tmp_path, port) as (process, address):
        page = opened(address, expected="Failed to load resource|ERR_CONNECTION")
        start_camera(page)
        end(process)
        status(page, "The service does not answer. This page asks again by itself.")
        assert page.get_attribute("#status", "data-kind") == "error"
    with service(tmp_path, port):
        status(page, READING)
        wait_for_frames(page, 2)
        assert len(shown(page)) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 413}, "This picture is too large for the service. Use a smaller one."),
        (
            {"status": 422, "json": {"error": {"code": "unreadable_image", "message": "the image is cut short"}}},
            "The service could not read this picture: the image is cut short.",
        ),
        ({"status": 500, "body": "oh"}, "The service could not read this picture: error 500."),
    ],
    ids=["too large", "unreadable", "failure"],
)
def test_what_the_service_refuses_is_said(opened, answer, said):
    page = opened(expected="Failed to load resource")
    page.route("**/analyze", lambda route: route.fulfill(**answer))
    drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
    status(page, said)


def test_a_busy_service_is_asked_again_when_it_said(opened):
    page = opened(expected="Failed to load resource")
    asked: list[float] = []

    def busy_at_first(route):
        asked.append(time.monotonic())
        if len(asked) > 1:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "3"}, json={"error": {"code": "overloaded"}})

    page.route("**/analyze", busy_at_first)
    drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
    status(page, "The service is busy. This page asks again by itself.")
    status(page, "party.jpg: one face found.")
    assert 2.9 < asked[1] - asked[0] < 10


def test_a_service_with_a_key_and_with_records(opened, tmp_path):
    wanted = "This service wants a key. Whoever runs it has one."
    settings = {"FER_SERVE_API_KEY": "pass", "FER_SERVE_MONITOR": str(tmp_path / "records")}
    with service(tmp_path, free_port(), settings) as (_, address):
        page = opened(address, expected="Failed to load resource")
        status(page, wanted)
        for key in ("wrong", "pass"):
            status(page, wanted)
            page.get_by_label("Key of this service").fill(key)
            page.keyboard.press("Enter")
            expect(page.locator("#model")).to_contain_text("FER-2013" if key == "pass" else "wants a key")
        # This service records what it reads, and the page does not say that nothing is kept.
        expect(page.locator("#privacy")).to_contain_text("what it read is recorded, without any picture")
        expect(page.locator("#privacy")).not_to_contain_text("nothing is kept")
        drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
        status(page, "party.jpg: one face found.")
        expect(page.locator("#key-form")).to_be_hidden()


def test_a_hidden_tab_sends_nothing(opened):
    page = opened()
    start_camera(page)
    hide(page, True)
    status(page, "Paused while this tab is hidden.")
    page.wait_for_timeout(500)
    before = page.evaluate("calls.length")
    page.wait_for_timeout(1500)
    assert page.evaluate("calls.length") == before
    assert page.evaluate("document.querySelector('video').srcObject.getVideoTracks()[0].enabled") is False
    hide(page, False)
    status(page, READING)
    wait_for_frames(page, 2)


def hide(page: Page, hidden: bool) -> None:
    """Says to the page what a browser says when its tab is hidden or shown; a headless one hides none."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_everything_can_be_done_with_the_keyboard(opened):
    page = opened()
    choosers: list[FileChooser] = []

    def kept(chooser: FileChooser) -> None:
        choosers.append(chooser)

    page.on("filechooser", kept)
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"no focus to be seen on {reached[-1]}"
    assert reached == ["skip", "camera", "choose", "pause", "stop", "save", "shortcuts"]
    page.locator("#camera").focus()
    page.keyboard.press("Enter")
    wait_for_frames(page, 2)
    page.keyboard.press("p")
    status(page, "Paused.")
    page.keyboard.press("p")
    status(page, READING)
    with page.expect_download():
        page.keyboard.press("s")
    page.keyboard.press("Escape")
    status(page, "Stopped.")
    page.keyboard.press("o")
    deadline = time.monotonic() + ANSWERED / 1000
    while not choosers:
        assert time.monotonic() < deadline, "no dialog"
        page.wait_for_timeout(50)
    page.keyboard.press("c")
    wait_for_frames(page, 1)
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    status(page, READING)


def test_screen_readers_are_told_what_changes_and_not_flooded(opened):
    page = opened()
    page.evaluate(
        """() => {
          window.told = [];
          new MutationObserver(() => window.told.push(document.getElementById('announcer').textContent))
            .observe(document.getElementById('announcer'), { childList: true });
        }"""
    )
    start_camera(page, 4)
    face = still(page)["photo"]["faces"][0]
    told = page.evaluate("window.told")
    assert 1 <= len(told) <= 2
    assert re.match(r"Person 1: \w+, \d+\u00a0%", told[0])
    expect(page.locator("#picture")).to_have_attribute("aria-label", re.compile("The frame that was read. Person 1"))
    (card,) = page.locator(".person:not(.away) h3").all()  # one that a cut ended pales for a second
    assert face["emotion"] in card.inner_text()
    assert page.get_by_role("status").count() == 1
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input')].filter((one) => !one.labels?.length && !one.ariaLabel"
        " && !one.textContent.trim()).map((one) => one.id)"
    )
    assert unnamed == []


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_needs_no_scrolling_sideways(opened, width):
    page = opened(viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    start_camera(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "[...document.querySelectorAll('#controls button')].filter((one) => one.offsetHeight < 44).map((one) => one.id)"
    )
    assert small == [], "large enough for a thumb"


#: Of every text that is seen: WCAG 2.2's contrast ratio to the ground behind it.
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => numbers(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.body.querySelectorAll('*')]
    .filter((one) => one.checkVisibility())
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => {
      const [a, b] = [luminance(getComputedStyle(one).color), luminance(ground(one))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 80)];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(opened, scheme):
    page = opened(color_scheme=scheme, expected="Failed to load resource")
    start_camera(page)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) == (scheme == "dark")
    texts = page.evaluate(CONTRASTS)
    page.route("**/analyze", lambda route: route.fulfill(status=413))
    expect(page.locator("#status")).to_have_attribute("data-kind", "error")
    texts += page.evaluate(CONTRASTS)
    assert len(texts) > 80
    assert [(ratio, text) for ratio, text in texts if ratio < 4.5] == []


def test_nothing_moves_for_those_who_want_no_motion(opened):
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = opened(reduced_motion=motion)
        drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
        status(page, "party.jpg: one face found.")
        duration = page.evaluate("getComputedStyle(document.querySelector('.fill')).transitionDuration")
        assert (duration != "0s") == moves


def test_which_model_reads_and_what_it_may_not_be_used_for(opened, url):
    page = opened()
    about = httpx.get(f"{url}/model").json()
    expect(page.locator("#model")).to_contain_text(about["model"]["version"])
    expect(page.locator("#model")).to_contain_text(f"trained on {about['model']['dataset']}")
    expect(page.locator("#model")).to_contain_text(f"{round(100 * about['figures']['test.accuracy'])}\u00a0%")
    for part in ("forbidden", "duties", "not_known"):
        assert page.locator(f"#{part} li").all_inner_texts() == about["use"][part]


def test_the_pages_words_and_colours_are_the_packages(opened):
    page = opened()
    colours, explained = page.evaluate(
        """async (doubts) => {
          const { EMOTION_COLORS, doubtWords } = await import('/page/emotions.js');
          return [EMOTION_COLORS, doubts.map(doubtWords)];
        }""",
        [str(doubt) for doubt in Doubt],
    )
    assert list(colours.items()) == list(EMOTION_COLORS.items())
    assert not set(explained) & {str(doubt) for doubt in Doubt}, "every doubt is explained"


def test_people_keep_their_numbers(opened):
    """The tracker on a scripted scene: two people pass, one hides for half a second, a third comes."""
    page = opened()
    numbers = page.evaluate(
        """async () => {
          const { Tracker } = await import('/page/tracker.js');
          const frame = document.createElement('canvas');
          const tracker = { update: (boxes, time) => tracked.update(boxes, time, frame) };
          const tracked = new Tracker();
          const a = (step) => [100 + 10 * step, 100, 80, 80];
          const b = (step) => [400 - 10 * step, 120, 90, 90];
          return [
            tracker.update([a(0), b(0)], 0),
            tracker.update([b(1), a(1)], 0.1),           // in another order
            tracker.update([b(2)], 0.2),                 // one is not found
            tracker.update([b(4), a(6)], 0.6),           // and found again, half a second later
            tracker.update([a(7), b(5), [700, 50, 40, 40]], 0.7),
            tracker.update([], 0.8),
            tracker.update([a(8)], 5),                   // away for too long to be known
            tracker.update([a(9)], 8),                   // the service was slow: the frame before is no absence
          ];
        }"""
    )
    assert numbers == [[1, 2], [2, 1], [2], [2, 1], [1, 2, 3], [], [4], [4]]


def test_nobody_is_the_same_person_after_a_cut(opened, tmp_path):
    """Two scenes, each with a face in the same place."""
    page = opened()
    video = tmp_path / "cut.webm"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"VP80"), 10, (640, 480))
    for number in range(8):
        pixels = scene({}, seed=number // 4)
        pixels[140:340, 220:420] = cv2.resize(picture()[90:390, 170:470], (200, 200))
        # Another room: the one half of it is dark, then the other.
        pixels[:, 320 * (number // 4) : 320 * (number // 4) + 200] //= 4
        writer.write(pixels)
    writer.release()
    drop(page, [("cut.webm", "video/webm", video.read_bytes())])
    status(page, "cut.webm: 8 frames read, to its end.")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_bytes().decode(), newline="")))
    people = {int(row["frame"]): int(row["track"]) for row in rows}
    assert {people[frame] for frame in range(4)} == {1}
    assert {people[frame] for frame in range(4, 8)} == {2}


def crowded(route) -> None:
    """Answers with seven people."""
    photo = route.fetch().json()[0]
    faces = [photo["faces"][0] | {"box": [90 * at, 100, 80, 80]} for at in range(7)]
    route.fulfill(json=[photo | {"faces": faces}])


def test_many_people_leave_the_timeline_under_the_picture(opened, tmp_path):
    page = opened()
    page.route("**/analyze", crowded)
    drop(page, [("clip.webm", "video/webm", write_video(tmp_path / "clip.webm").read_bytes())])
    status(page, "clip.webm: 8 frames read, to its end.")
    assert len(shown(page)) == 7
    expect(page.locator("#history-title")).to_have_text("Over time")
    box = {id: page.locator(id).bounding_box() for id in ("#figures", "#history", ".people-column")}
    assert box["#history"]["x"] + box["#history"]["width"] <= box[".people-column"]["x"]
    assert box["#history"]["y"] - box["#figures"]["y"] - box["#figures"]["height"] < 40
    assert box[".people-column"]["height"] <= 900
    # All can be reached, by the keyboard too.
    page.locator("#people").focus()
    page.keyboard.press("End")
    expect(page.locator(".person").last).to_be_in_viewport()


def test_stop_and_the_next_file_clear_what_stood_there(opened):
    page = opened()
    start_camera(page, 3)
    expect(page.locator("#announcer")).to_have_text(re.compile("Person 1"))
    page.get_by_role("button", name="Stop", exact=True).click()
    assert_cleared(page)
    drop(page, [("party.jpg", "image/jpeg", jpeg(picture()))])
    status(page, "party.jpg: one face found.")
    drop(page, [("notes.jpg", "image/jpeg", b"words" * 100)])
    status(page, re.compile("Your browser cannot open"))
    assert_cleared(page)


def assert_cleared(page: Page) -> None:
    expect(page.locator("#invitation")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("")
    expect(page.locator("#nobody")).to_contain_text("Nobody yet")
    assert (page.inner_text("#rate"), page.inner_text("#latency")) == ("\u2013", "\u2013")
    assert page.locator(".person").count() == 0
    assert not page.evaluate(
        """() => { const canvas = document.getElementById('picture');
          return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean); }"""
    )
