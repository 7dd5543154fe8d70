"""Pictures and videos are known by their bytes, text is neither, and a pipe is left unread."""

import os

import cv2
import numpy as np
from videos import write_video

from fer.inference.media import file_kind


def test_the_kind_is_that_of_the_bytes(tmp_path):
    for ending in (".png", ".jpg", ".bmp", ".tiff", ".webp"):
        path = tmp_path / f"picture{ending}"
        assert cv2.imwrite(str(path), np.zeros((4, 4), np.uint8))
        assert file_kind(path.rename(tmp_path / "any.csv")) == "picture"
    for name in ("clip.avi", "clip.mp4"):
        assert file_kind(write_video(tmp_path / name, 2)) == "video"
    for text in (b"", b"BM,emotion,pixels\n", "BMI,emotion\n".encode("utf-16"), b"G" * 200):
        (tmp_path / "any.csv").write_bytes(text)
        assert file_kind(tmp_path / "any.csv") == ""


def test_a_pipe_is_left_to_its_reader(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert file_kind(pipe) == ""
    assert file_kind(tmp_path) == ""
