"""Which photos a command line names, and where their copies go."""

import os
from pathlib import Path

import pytest

from fer.commands.sources import Unread, find_photos, find_targets
from fer.errors import UserError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def names(arguments: list[str]) -> list[str]:
    return [source.name for source in find_photos(arguments)[0]]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_stands_for_its_photos_and_those_of_its_subfolders(here):
    make(here / "p", "b.JPG", "a.png", "sub/c.jfif", "sub/deeper/d.heic", "notes.txt", "clip.mp4", ".hidden.jpg")
    make(here / "p", ".thumbnails/e.jpg")
    (here / "p" / "sub" / "loop").symlink_to(here / "p")
    os.mkfifo(here / "p" / "pipe.jpg")
    (here / "p" / "gone.jpg").symlink_to(here / "nowhere")
    assert names(["p"]) == ["p/a.png", "p/b.JPG", "p/sub/c.jfif", "p/sub/deeper/d.heic"]


def test_a_file_is_taken_whatever_it_is_called_and_once(here):
    make(here, "photo", "a.jpg")
    assert names(["photo", "a.jpg", "./a.jpg", str(here / "a.jpg"), ".", "-", "-"]) == ["photo", "a.jpg", "stdin"]


def test_a_folder_that_cannot_be_listed_is_told(here, monkeypatch):
    make(here / "p", "a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (source,), problems = find_photos(["p"])
    assert source.name == "p/a.jpg"
    assert [str(problem) for problem in problems] == [
        "p/closed: cannot be read (Permission denied); check its permissions"
    ]
    assert find_photos(["p/closed"])[1] == problems


def test_a_folder_without_photos_is_told(here):
    make(here / "empty", "notes.txt")
    make(here, "a.jpg")
    sources, problems = find_photos(["empty", "a.jpg"])
    assert [source.name for source in sources] == ["a.jpg"]
    assert str(problems[0]).startswith("empty: holds no photo; known endings: .avif .bmp")


def test_a_name_that_is_no_text_can_be_shown(here):
    (here / "p").mkdir()
    raw = os.fsencode(here / "p") + b"/\xff.jpg"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    (source,), _ = find_photos(["p"])
    assert source.name == "p/?.jpg"
    assert source.read() == b"x"


def test_what_cannot_be_looked_at_is_not_called_absent(here):
    make(here, "a")
    for argument in ("b" * 300, "a\0b"):
        (source,), problems = find_photos([argument])
        assert not problems
        with pytest.raises(UserError, match="cannot be read"):
            source.read()
    assert find_photos(["a/below"])[1] == [Unread("a/below", "no such file or folder; check the path")]


def targets(arguments: list[str], output: str) -> dict[str, str]:
    sources, _ = find_photos(arguments)
    found = find_targets(sources, arguments, Path(output))
    return {source.name: target.as_posix() for source, target in found.items()}


def test_one_photo_goes_to_a_file_or_into_a_folder(here):
    make(here, "p/a.jpg", "old/x")
    assert targets(["p/a.jpg"], "boxed.png") == {"p/a.jpg": "boxed.png"}
    assert targets(["p/a.jpg"], "out") == {"p/a.jpg": "out/a.jpg"}
    assert targets(["p/a.jpg"], "old") == {"p/a.jpg": "old/a.jpg"}
    assert targets(["p/a.jpg", "./p/a.jpg"], "boxed.png") == {"p/a.jpg": "boxed.png"}
    assert targets(["p/a.jpg"], "2024.a") == {"p/a.jpg": "2024.a/a.jpg"}
    assert targets(["-"], "boxed.jpg") == {"stdin": "boxed.jpg"}
    assert targets(["-"], "out") == {"stdin": "out/stdin.jpg"}


def test_photos_of_two_folders_of_one_name_are_kept_apart(here):
    make(here, "2023/beach/1.jpg", "2024/beach/1.jpg", "1.jpg")
    assert targets(["2023/beach", "2024/beach"], "out") == {
        "2023/beach/1.jpg": "out/2023/beach/1.jpg",
        "2024/beach/1.jpg": "out/2024/beach/1.jpg",
    }
    assert targets(["2023"], "out") == {"2023/beach/1.jpg": "out/beach/1.jpg"}
    assert len(set(targets(["2023", "2024", "1.jpg", "-"], "out").values())) == 4


def test_what_cannot_be_written_as_it_is_becomes_jpeg_beside_its_namesakes(here):
    make(here, "p/a.heic", "p/a.jpg", "p/a.heic.jpg", "p/b.gif", "p/A.JPG", "p/c")
    found = targets(["p", "p/c"], "out")
    assert found["p/b.gif"] == "out/b.gif.jpg"
    assert found["p/c"] == "out/c.jpg"
    assert len({target.lower() for target in found.values()}) == len(found) == 6, "some file systems know no case"


@pytest.mark.parametrize(
    ("arguments", "output", "words"),
    [
        (
            ["p/a.jpg", "p/b.jpg"],
            "boxed.jpg",
            "boxed.jpg: is a file's name, for more than one named photo; give a folder",
        ),
        (["p/a.jpg", "typo.jpg"], "boxed.jpg", "is a file's name"),
        (["p"], "boxed.jpg", "is a file's name"),
        (["p/a.jpg"], "p/a.jpg", "p/a.jpg: is a photo that is read"),
        (["p/a.jpg"], "link.jpg", "link.jpg: is a photo that is read"),
        (["p"], "p", "is a photo that is read"),
        (["p"], "linked", "is a photo that is read"),
        (["p/a.jpg"], "notes.txt", "notes.txt: is not written in this format; give a folder"),
        (["p/a.jpg"], "notes", "notes: is a file of another kind; give a folder"),
        (["p/a.jpg"], "boxed.gif", "boxed.gif: is not written in this format; give a folder"),
        (["p/a.jpg"], "boxed.mp4", "boxed.mp4: is not written in this format"),
        (["p"], "boxed.HEIC", "boxed.HEIC: is not written in this format"),
    ],
)
def test_no_photo_is_overwritten(here, arguments, output, words):
    make(here, "p/a.jpg", "p/b.jpg", "notes.txt", "notes")
    (here / "link.jpg").symlink_to(here / "p" / "a.jpg")
    (here / "linked").symlink_to(here / "p")
    with pytest.raises(UserError, match=words):
        targets(arguments, output)


def test_copies_go_into_a_folder_in_a_closed_one(here, monkeypatch):
    """As a mounted folder in a container is."""
    make(here, "p/a.jpg", "out/x")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != here / "." and str(path) != "." and access(path, mode)
    )
    assert targets(["p/a.jpg"], "out") == {"p/a.jpg": "out/a.jpg"}
    with pytest.raises(UserError, match=r"cannot be written \(no permission in \.\)"):
        targets(["p/a.jpg"], "new")
