import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from fer.files import replace_file, replace_folder, restore_folder, write_array, write_text


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
