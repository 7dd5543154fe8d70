import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer.errors import UserError
from fer.files import check_place, fresh_path, replace_file, replace_folder, restore_folder, write_array, write_text


def write_first(folder: Path) -> None:
    with replace_folder(folder) as fresh:
        (fresh / "a.txt").write_text("first")


def test_a_folder_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    folder = tmp_path / "deep" / "out"
    write_first(folder)
    with replace_folder(folder) as fresh:
        (fresh / "b.txt").write_text("second")
        assert (folder / "a.txt").read_text() == "first"
    assert [path.name for path in folder.iterdir()] == ["b.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bad")])
def test_a_failure_leaves_the_former_folder(tmp_path, error):
    folder = tmp_path / "out"
    write_first(folder)

    def fail() -> None:
        with replace_folder(folder) as fresh:
            (fresh / "b.txt").write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (folder / "a.txt").read_text() == "first"


def test_what_a_kill_left_half_written_is_cleared_by_the_next_write(tmp_path):
    folder = tmp_path / "out"
    killed = replace_folder(folder)
    (killed.__enter__() / "half.txt").write_text("half")
    del killed
    write_first(folder)
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_a_rename_that_fails_puts_the_former_folder_back(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_first(folder)
    rename = Path.rename

    def fail_on_new(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises(PermissionError):
        write_first(folder)
    assert (folder / "a.txt").read_text() == "first"


def test_a_kill_between_the_two_renames_is_mended(tmp_path):
    folder = tmp_path / "out"
    write_first(folder)
    folder.rename(tmp_path / ".out.old")
    restore_folder(folder)
    assert (folder / "a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_in_place_is_not_restored_over(tmp_path):
    folder = tmp_path / "out"
    write_first(folder)
    (tmp_path / ".out.old").mkdir()
    restore_folder(folder)
    assert (folder / "a.txt").read_text() == "first"


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.json"
    write_text(path, "grüße\n")
    assert path.read_bytes() == "grüße\n".encode()

    def fail() -> None:
        with replace_file(path) as fresh:
            fresh.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert path.read_bytes() == "grüße\n".encode()
    assert os.listdir(path.parent) == ["report.json"]


@pytest.mark.parametrize("array", [np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.ones((3, 2), np.float32).T])
def test_an_array_has_the_bytes_that_numpy_writes(tmp_path, array):
    write_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpy.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_a_full_disk_keeps_its_number_and_the_former_array(tmp_path):
    former = tmp_path / "images.npy"
    write_array(former, np.zeros(3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_array(former, np.ones(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert caught.value.errno == errno.EFBIG
    assert np.load(former).tolist() == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["images.npy"]


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    own = fresh_path(tmp_path / "elsewhere" / "a", "").name.split("-")[1]
    left = [f".0123abcd-{own}-{ended_process()}.new.txt", f".0123abcd-{own}-{ended_process()}.new"]
    others = [
        *(
            ".new-b.txt",
            ".out.new.txt",
            f".0123abcd-{own}-{os.getppid()}.new.txt",
            f".0123abcd-{own}-{os.getppid()}.new",
        ),
        f".0123abcd-00000000-{ended_process()}.new.txt",
    ]
    for path in (tmp_path / name for name in (*left, *others)):
        path.mkdir() if path.suffix == ".new" else path.touch()
    write_text(tmp_path / "a.txt", "a")
    write_first(tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "out", *others}


TWO = """
import sys, time
from pathlib import Path
from fer.files import replace_file, replace_folder
name = sys.argv[1]
with replace_folder(Path("out")) as folder, replace_file(Path("b.txt")) as file:
    (folder / name).touch()
    file.write_text(name)
    print("writing", flush=True)
    sys.stdin.readline()
"""


def test_of_two_processes_the_last_one_wins_whole(tmp_path):
    command = [sys.executable, "-c", TWO]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([*command, name], cwd=tmp_path, **pipes) for name in ("first", "second")]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.communicate("\n")
        assert process.returncode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["second"]
    assert (tmp_path / "b.txt").read_text() == "second"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "b.txt"}


def test_a_name_as_long_as_the_disk_takes_can_be_written(tmp_path):
    path = tmp_path / ("a" * 251 + ".txt")
    write_text(path, "long")
    assert path.read_text() == "long"


def test_a_failure_names_the_file_and_not_the_one_beside_it(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match="directory") as caught:
        write_text(tmp_path / "a.txt", "a")
    assert caught.value.filename == str(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("place", "folder", "says"),
    [
        ("file", True, "file: is no folder; choose another place"),
        ("folder", False, "folder: is a folder; give a file's name"),
        ("file/below/it", False, "file/below/it: cannot be written, as file is no folder"),
        ("loop/a.txt", False, "loop/a.txt: cannot be written, as loop is no folder"),
        ("loop", True, "loop: is no folder; choose another place"),
    ],
)
def test_where_nothing_can_be_written_is_told_before(tmp_path, monkeypatch, place, folder, says):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    with pytest.raises(UserError) as caught:
        check_place(Path(place), folder)
    assert str(caught.value).startswith(says)
    for fits in ("new", "new/sub/new"):
        check_place(Path(fits), folder)
    check_place(Path("folder" if folder else "file"), folder)


def test_a_closed_folder_is_told_before(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match=r"cannot be written \(no permission in "):
        check_place(tmp_path / "a.txt")
