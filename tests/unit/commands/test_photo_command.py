"""``fer photo`` as people run it: real files, real processes, real pipes."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample
from onnx_models import write_model
from typer.testing import CliRunner
from videos import write_video

import fer
from fer.cli import COMMANDS, app
from fer.commands.stopping import StoppedError, Stopping
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.inference.faces import COLUMNS
from fer.inference.image import MAX_FILE, MAX_PIXELS

YUNET = os.environ.get("FER_YUNET", "")
needs_yunet = pytest.mark.skipif(not YUNET, reason="YuNet's file is not at hand")
FER = [sys.executable, "-c", "from fer.cli import main; main()"]


@pytest.fixture(scope="module")
def face():
    """A drawn face in a larger picture, which the cascade finds."""
    faces, table = drawn_sample(140, 48)
    drawn = cv2.resize(faces[np.flatnonzero(table["flaw"] == "")[0]], (192, 192))
    return cv2.copyMakeBorder(drawn, 60, 60, 60, 60, cv2.BORDER_REPLICATE)


@pytest.fixture
def photos(tmp_path, face, monkeypatch):
    """The current folder: ``p`` with a face, a turned copy in a subfolder, and a wall."""
    folder = tmp_path / "p"
    (folder / "sub").mkdir(parents=True)
    cv2.imwrite(str(folder / "face.png"), face)
    cv2.imwrite(str(folder / "sub" / "wide.jpg"), cv2.copyMakeBorder(face, 0, 0, 0, 100, cv2.BORDER_REPLICATE))
    cv2.imwrite(str(folder / "wall.png"), np.full((100, 140), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    return folder


def run(*arguments, **options):
    """A real process: what it writes, and its exit code."""
    return subprocess.run([*FER, *map(str, arguments)], capture_output=True, check=False, timeout=120, **options)


@pytest.fixture
def call(model_folder):
    """``fer photo`` in this process, with a tiny model and the cascade."""

    def invoke(*arguments, code=0, **options):
        chosen = ["photo", *map(str, arguments), "--model", str(model_folder), "--detector", "cascade"]
        done = CliRunner().invoke(app, chosen, **options)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return invoke


# What is printed


def test_a_table_is_the_default(photos, call):
    done = call("p")
    header, *rows, last = done.stdout.splitlines()
    assert header.split() == ["photo", "emotion", "probability", "face", "not", "certain:", "why"]
    assert [row.split()[0] for row in rows] == ["p/face.png", "p/wall.png", "p/sub/wide.jpg"]
    assert "no face" in rows[1]
    assert " % " in rows[0]
    assert " at " in rows[0]
    assert last == "faces found by the cascade, not by YuNet"
    assert done.stderr.splitlines()[-1] == "3 photos, 2 faces"


@needs_yunet
def test_the_table_does_not_name_yunet(photos, model_folder):
    done = run("photo", "p/wall.png", "--model", model_folder, text=True)
    assert done.stdout.splitlines()[1:] == ["p/wall.png  no face"]


def test_json_is_an_object_a_line(photos, call):
    content = [json.loads(line) for line in call("p", "--json").stdout.splitlines()]
    assert [photo["name"] for photo in content] == ["p/face.png", "p/wall.png", "p/sub/wide.jpg"]
    assert [len(photo["faces"]) for photo in content] == [1, 0, 1]
    assert {photo["detector"] for photo in content} == {"cascade"}
    assert set(content[0]["faces"][0]["probabilities"]) == set(EMOTIONS)


def test_csv_has_a_row_per_face_and_one_for_a_photo_without(photos, call):
    (photos / 'a "b", c.png').write_bytes((photos / "wall.png").read_bytes())
    rows = list(csv.DictReader(io.StringIO(call("p", "--csv").stdout)))
    assert list(rows[0]) == [*COLUMNS, *EMOTIONS]
    assert [row["name"] for row in rows] == ['p/a "b", c.png', "p/face.png", "p/wall.png", "p/sub/wide.jpg"]
    assert [row["face"] for row in rows] == ["0", "1", "0", "1"]
    assert rows[0]["emotion"] == ""
    assert sum(float(rows[1][name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-5)


def test_a_models_own_classes_are_the_columns(photos, tmp_path):
    model = write_model(tmp_path / "five", FIVE_EMOTIONS)
    done = CliRunner().invoke(app, ["photo", "p/wall.png", "--csv", "--model", str(model), "--detector", "cascade"])
    assert done.stdout.splitlines()[0].endswith(",score," + ",".join(FIVE_EMOTIONS))


def test_names_that_would_move_the_cursor_are_shown_and_not_obeyed(photos, call):
    (photos / "red\x1b[31m\nline.png").write_bytes((photos / "wall.png").read_bytes())
    done = call("p")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 6


def test_long_names_leave_the_columns_where_they_are(photos, call):
    (photos / f"{'a' * 90}-face.png").write_bytes((photos / "face.png").read_bytes())
    header, *lines, _ = call("p").stdout.splitlines()
    at = header.index("emotion")
    assert len(lines) == 4
    assert all(line[at - 2 : at] == "  " and line[at] != " " for line in lines)
    assert any(line.startswith("\N{HORIZONTAL ELLIPSIS}aaa") and "-face.png  " in line for line in lines)


def test_the_model_is_said_on_standard_error(photos, call, model_folder):
    assert f"model: {model_folder}/ (tiny, trained on drawn)" in call("p/wall.png", "--json").stderr


def test_a_photo_turned_by_its_exif_tag_is_read_upright(photos, call, face):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(face)).save(photos / "turned.jpg", exif=exif, quality=95)
    (found,) = (json.loads(line) for line in call("p/turned.jpg", "--json", "--output", "t.png").stdout.splitlines())
    assert (found["width"], found["height"], len(found["faces"])) == (312, 312, 1)
    drawn = cv2.imread("t.png", cv2.IMREAD_GRAYSCALE)
    assert np.abs(drawn[-40:].astype(int) - face[-40:]).mean() < 8, "and its copy is upright"


# Standard input and pipes


def test_standard_input_is_a_photo(photos, model_folder):
    options = ["--model", model_folder, "--detector", "cascade", "--json"]
    done = run("photo", "-", *options, input=(photos / "face.png").read_bytes())
    (line,) = done.stdout.splitlines()
    assert (json.loads(line)["name"], len(json.loads(line)["faces"]), done.returncode) == ("stdin", 1, 0)
    done = run("photo", "-", *options, input=b"")
    assert done.returncode == 1
    assert b"stdin: the image is empty" in done.stderr


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(photos, model_folder):
    for number in range(30):
        (photos / f"{number}.png").write_bytes((photos / "wall.png").read_bytes())
    command = " ".join([f"'{part}'" for part in FER] + ["photo", "p", "--json", "--model", f"'{model_folder}'"])
    shell = ["bash", "-c", f"{command} --detector cascade | head -n 1"]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=120, check=False)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


def read_terminal(end):
    """All that is written to a pseudo-terminal until its other end is closed; this end is closed then, too."""
    told = b""
    with open(end, "rb", buffering=0) as terminal:
        while True:
            try:
                told += terminal.read(65536)
            except OSError:  # the other end is closed
                return told


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_lines_for_programs_are_whole_on_a_terminal_too(photos, model_folder, form):
    """A bar on the same terminal would wrap them at its width."""
    import pty

    options = ["photo", "p", form, "--model", str(model_folder), "--detector", "cascade"]
    ours, theirs = pty.openpty()
    with subprocess.Popen([*FER, *options], stdout=theirs, stderr=theirs):
        os.close(theirs)
        told = read_terminal(ours)
    assert b"\x1b" not in told
    lines = told.decode().splitlines()
    if form == "--json":
        names = [json.loads(line)["name"] for line in lines if line.startswith("{")]
    else:
        names = [row["name"] for row in csv.DictReader(lines[lines.index(",".join([*COLUMNS, *EMOTIONS])) : -1])]
    assert names == ["p/face.png", "p/wall.png", "p/sub/wide.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_sees_a_bar_while_it_lasts_and_a_pipe_does_not(photos, model_folder):
    import pty

    options = ["photo", "p", "--csv", "--model", str(model_folder), "--detector", "cascade"]
    ours, theirs = pty.openpty()
    with subprocess.Popen([*FER, *options], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        out = process.stdout.read().decode()
        told = read_terminal(ours)
    assert "3/3" in told.decode()
    assert "\x1b" not in out
    assert len(out.splitlines()) == 4
    assert b"\x1b" not in run(*options).stderr


# What goes wrong


def test_what_cannot_be_read_is_named_at_the_end_and_the_rest_is_done(photos, model_folder):
    (photos / "broken.jpg").write_bytes((photos / "sub" / "wide.jpg").read_bytes()[:500])
    (photos / "text.png").write_text("hello")
    side = int(MAX_PIXELS**0.5) + 10
    cv2.imwrite(str(photos / "huge.png"), np.zeros((side, side), np.uint8))
    (photos / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    (photos / "notes.txt").write_text("not a photo, and passed over")
    done = run(
        "photo",
        "p",
        "nowhere.jpg",
        "HTTPS://example.org/a.jpg",
        "--json",
        "--model",
        model_folder,
        "--detector",
        "cascade",
        text=True,
    )
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    names = [photo["name"] for photo in objects if "problem" not in photo]
    assert names == ["p/face.png", "p/wall.png", "p/sub/wide.jpg"]
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    at = lines.index("not read: 6")
    assert lines[at - 1] == "3 photos, 2 faces"
    told = [line.strip().split(": ")[0] for line in lines[at + 1 :]]
    files = ["p/broken.jpg", "p/huge.png", "p/phone.HEIC", "p/text.png"]
    assert told == ["nowhere.jpg", "HTTPS://example.org/a.jpg", *files]
    unread = [f"  {photo['name']}: {photo['problem']}" for photo in objects if "problem" in photo]
    assert sorted(unread) == sorted(lines[at + 1 :]), "programs are told what people are"
    assert "Traceback" not in done.stderr
    assert "megapixels" in done.stderr


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".wmv"])
def test_a_video_is_sent_to_fer_video(photos, call, suffix):
    name = write_video(photos / f"clip{suffix}", 2).name
    done = call(f"p/{name}", code=1)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-3:] == [
        "no photo was read",
        "not read: 1",
        f"  p/{name}: is a video; fer video reads videos",
    ]


def test_a_video_is_known_however_large_it_is(photos, call):
    path = write_video(photos / "clip.mp4", 2)
    os.truncate(path, MAX_FILE + 10)
    assert "is a video; fer video reads videos" in call("p/clip.mp4", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json", "--csv"], "--json and --csv: choose one"),
        (["--model", "nowhere"], "nowhere: no such folder; give a folder with model.onnx"),
        (["--detector", "yunett"], "no detector is called 'yunett'"),
        (["--url", "http://127.0.0.1:9", "--model", "x"], "--model: the service at --url has its own"),
        (["--url", "localhost:3000"], "--url localhost:3000: not an address"),
        (["--url", "http://127.0.0.1:9"], "http://127.0.0.1:9: no answer (Connection refused)"),
        (["--output", "p/wall.png"], "is a photo that is read"),
        (["--output", "boxed.txt"], "boxed.txt: is not written in this format; give a folder, or a name that ends in"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(photos, arguments, words):
    done = run("photo", "p/wall.png", *arguments, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("model: ")]
    assert line.startswith("error: ")
    assert words in line


def test_photos_that_are_not_there_are_told_before_anything_is_loaded(photos):
    done = run("photo", "phto.jpg", "--url", "http://127.0.0.1:9", text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: phto.jpg: no such file or folder; check the path\n"
    done = run("photo", "a.jpg", "b.jpg", text=True)
    assert done.returncode == 1
    assert [line.strip() for line in done.stderr.splitlines()] == [
        "no photo was read",
        "not read: 2",
        "a.jpg: no such file or folder; check the path",
        "b.jpg: no such file or folder; check the path",
    ]


def test_a_call_that_cannot_be_understood_has_exit_code_2(photos):
    for arguments in (["photo"], ["photo", "a.jpg", "--jsn"], ["photo", "a.jpg", "--min-face", "x"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2, arguments
    done = run("phto", "a.jpg", text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'photo'" in done.stderr
    assert "Traceback" not in done.stderr


# Copies with boxes


def test_copies_keep_their_places_and_the_photos_are_left_alone(photos, call):
    before = {path: path.read_bytes() for path in photos.rglob("*.*")}
    call("p", "--output", "out")
    assert {path.relative_to("out").as_posix() for path in Path("out").rglob("*.*")} == {
        "face.png",
        "wall.png",
        "sub/wide.jpg",
    }
    assert {path: path.read_bytes() for path in photos.rglob("*.*")} == before
    source, drawn = cv2.imread("p/face.png"), cv2.imread("out/face.png")
    assert drawn.shape == source.shape
    assert 0.01 < (drawn != source).any(axis=2).mean() < 0.2, "a box and a label"
    assert cv2.imread("out/wall.png").shape == (300, 420, 3), "a tiny picture is enlarged"


def test_a_place_that_cannot_be_written_is_one_line(photos, model_folder):
    Path("blocked").write_text("a file")
    options = ["--model", model_folder, "--detector", "cascade"]
    done = run("photo", "p/wall.png", "--output", "blocked/sub", *options, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(photos, model_folder, number, code):
    for copy in range(400):
        os.link(photos / "sub" / "wide.jpg", photos / f"{copy:03}.jpg")
    options = ["--json", "--output", "out", "--model", str(model_folder), "--detector", "cascade"]
    with subprocess.Popen([*FER, "photo", "p", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(number)
        out, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in (first + out).splitlines()]
    assert process.returncode == code, told
    assert 1 <= len(lines) < 400
    assert f"{len(lines)} photo" in told.decode()
    assert f"; stopped, {403 - len(lines)} left" in told.decode()
    written = sorted(Path("out").rglob("*"))
    assert len(written) == len(lines), "no file half written, none beside"
    assert all(cv2.imread(str(path)) is not None for path in written)


# The command as a whole


def test_help_and_version_are_light(tmp_path):
    code = "import sys; sys.argv[1:] = {0!r}; from fer.cli import app\ntry: app()\nexcept SystemExit: pass\n"
    check = "print(sorted({'cv2', 'numpy', 'onnxruntime', 'bentoml'} & set(sys.modules)))"
    for arguments, words in ((["--help"], COMMANDS), (["--version"], [f"fer {fer.__version__}"])):
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments) + check], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"
        assert all(word in done.stdout for word in words)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_shows_flags_without_a_type(command):
    shown = CliRunner().invoke(app, [*command, "--help"]).stdout
    assert "--help" in shown
    assert "bool" not in shown.lower()
    assert command in ([], ["verify"], ["check"]) or "default" in shown, "of the detector"


def test_errors_inside_commands_stay_user_errors(photos):
    done = CliRunner().invoke(app, ["photo", "p/wall.png", "--model", "nowhere"])
    assert isinstance(done.exception, UserError)


def test_a_copy_that_cannot_be_written_is_named_and_the_rest_is_done(photos, call):
    Path("out").mkdir()
    Path("out/sub").touch()
    done = call("p", "--output", "out", code=1)
    assert "not read: 1" in done.stderr
    assert "p/sub/wide.jpg: out/sub/wide.jpg: cannot be written (" in done.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == ["face.png", "sub", "wall.png"]


def test_two_names_that_only_look_alike_are_two_photos(photos, call):
    Path("far/deep").mkdir(parents=True)
    Path("link").symlink_to("far/deep")
    for name in ("face.png", "far/face.png"):
        Path(name).write_bytes((photos / "wall.png").read_bytes())
    lines = call("face.png", "link/../face.png", "./face.png", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["face.png", "link/../face.png"]


@pytest.mark.parametrize("form", [["--json"], ["--csv"], []])
def test_standard_output_that_is_closed_breaks_nothing(photos, model_folder, form):
    options = [*form, "--output", "boxed", "--model", str(model_folder), "--detector", "cascade"]
    command = [*map(str, FER), "photo", "p", *options]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert len(list(Path("boxed").rglob("*.*"))) == 3


def test_standard_input_that_is_closed_is_one_line(photos, model_folder):
    command = [*map(str, FER), "photo", "-", "--model", str(model_folder), "--detector", "cascade"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "standard input is closed; name a photo" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting_for_standard_input(photos, model_folder, number, code):
    options = ["--model", str(model_folder), "--detector", "cascade"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*FER, "photo", "p/wall.png", "-", *options], **pipes) as process:
        assert process.stdout.readline().startswith("photo")
        time.sleep(1)
        process.send_signal(number)
        assert process.wait(timeout=60) == code
        told = process.stderr.read()
    assert "1 photo, no face; stopped, 1 left" in told


def test_a_smallest_face_beyond_any_image_is_one_line(photos):
    done = run("photo", "p/wall.png", "--min-face", "3000000000", text=True)
    assert done.returncode == 1
    assert "the smallest face to find has 3000000000 pixels; give 1 to 65535" in done.stderr


def test_a_photo_that_cannot_be_looked_at_is_named_and_the_rest_is_read(photos, call):
    long = "b" * 300 + ".jpg"
    done = call("p/wall.png", long, "p/face.png", "--csv", code=1)
    assert [row["name"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["p/wall.png", "p/face.png"]
    assert f"{long}: cannot be read (File name too long)" in done.stderr


def test_a_signal_before_the_waiting_ends_it_too():
    stopping = Stopping(signal.SIGTERM)
    with pytest.raises(StoppedError), stopping.at_once():
        raise AssertionError("it would wait")
    with stopping.at_once(False):
        pass
