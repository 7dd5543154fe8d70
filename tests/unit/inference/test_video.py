"""Real files: their times, their turn, and where they break off."""

import contextlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from videos import (
    HEIGHT,
    RATE,
    WIDTH,
    cut_off,
    damaged,
    delayed,
    index_first,
    scene,
    trimmed,
    turned,
    with_durations,
    write_video,
)

from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.inference.container import has_index, stated_bytes, stated_seconds, stated_start
from fer.inference.faces import Doubt, Face, Photo
from fer.inference.media import check_video
from fer.inference.reader import Reader
from fer.inference.tracks import Smoothing
from fer.inference.video import EndedEarlyError, Frame, follow, open_video, read_video


def frames(path):
    with open_video(path) as video:
        return list(video)


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mov", ".mkv", ".webm", ".wmv"])
def test_every_frame_comes_with_its_time(tmp_path, suffix):
    path = write_video(tmp_path / f"clip{suffix}")
    with open_video(path) as video:
        read = list(video)
        assert (video.rate, video.seconds) == (pytest.approx(RATE), pytest.approx(2, abs=0.05))
    assert [frame.index for frame in read] == list(range(50))
    assert [frame.time for frame in read] == pytest.approx([at / RATE for at in range(50)], abs=0.001)
    assert all(np.abs(frame.image.astype(int) - scene(frame.index)).mean() < 20 for frame in read)


def test_a_variable_rate_shows_in_the_times(tmp_path):
    path = with_durations(write_video(tmp_path / "clip.mp4"), [(20, 40), (10, 200), (20, 80)])
    expected = np.cumsum([0] + [40] * 20 + [200] * 10 + [80] * 19) / 1000
    assert [frame.time for frame in frames(path)] == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_long_last_frame_is_no_early_end(tmp_path):
    path = with_durations(write_video(tmp_path / "clip.mp4"), [(49, 40), (1, 5000)])
    assert len(frames(path)) == 50


def test_a_clip_that_is_to_be_turned_is_turned(tmp_path):
    path = turned(write_video(tmp_path / "clip.mp4"))
    assert frames(path)[0].image.shape == (WIDTH, HEIGHT, 3)
    assert np.abs(frames(path)[3].image.astype(int) - np.rot90(scene(3), -1)).mean() < 20


def test_a_clip_that_was_trimmed_by_its_edit_list_is_whole(tmp_path):
    """FFmpeg counts its hidden frames too: 50 are stated, 25 are shown."""
    path = trimmed(write_video(tmp_path / "clip.mp4"), 1.0)
    assert stated_seconds(path) == pytest.approx(1.0)
    assert len(frames(path)) == 25


@pytest.mark.parametrize("empty", [(0.852,), (0.4, 0.2)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_track_that_starts_late_has_the_times_that_a_player_shows(tmp_path, suffix, empty):
    path = delayed(write_video(tmp_path / f"clip{suffix}"), *empty)
    assert stated_start(path) == pytest.approx(sum(empty))
    with open_video(path) as video:
        read = list(video)
        assert video.seconds == pytest.approx(sum(empty) + 2.0)
    assert [frame.time for frame in read] == pytest.approx([sum(empty) + at / RATE for at in range(50)], abs=0.001)


def test_a_track_that_starts_late_and_breaks_off_says_so_in_the_same_times(tmp_path):
    read, message = break_off(index_first(delayed(write_video(tmp_path / "clip.mp4"), 5.0)), damaged)
    assert 10 < len(read) < 40
    assert f"{read[-1].time:.1f} of 7.0 s" in message


def test_a_start_of_days_is_no_start(tmp_path):
    path = delayed(write_video(tmp_path / "clip.mp4"), 4e6)
    assert stated_start(path) == 0
    assert frames(path)[0].time == 0


def break_off(path, how):
    with open_video(how(path)) as video:
        read = []
        with pytest.raises(EndedEarlyError) as caught:
            read.extend(video)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ends early, after {len(read)} frames, ")
    assert caught.value.frames == len(read)
    assert caught.value.time == read[-1].time
    return read, str(caught.value)


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm", ".wmv"])
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes_and_says_so(tmp_path, suffix):
    read, message = break_off(write_video(tmp_path / f"clip{suffix}"), cut_off)
    assert 10 < len(read) < 40
    assert "the file is cut off (" in message


def test_an_mp4_that_is_cut_off_after_its_index_too(tmp_path):
    read, message = break_off(index_first(write_video(tmp_path / "clip.mp4")), cut_off)
    assert 10 < len(read) < 40
    assert "of 2.0 s: the file is cut off" in message


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_file_that_cannot_be_decoded_to_its_end_says_so(tmp_path, suffix):
    path = write_video(tmp_path / f"clip{suffix}")
    if suffix == ".mp4":
        index_first(path)
    read, message = break_off(path, damaged)
    assert 10 < len(read) < 40
    assert message.endswith("what follows cannot be decoded; the file is damaged")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_file_without_its_index_is_one_line(tmp_path, suffix):
    path = cut_off(write_video(tmp_path / f"clip{suffix}"))
    with pytest.raises(UserError, match="is cut off: the index of its frames"):
        frames(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n",
        b"#EXTM3U\nAVI \nhttp://127.0.0.1:9/a",
        b"v=0\no=- 0 0 IN IP4 x\n",
        # the defect: phones' pictures were videos of one frame
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100),
        b"\0\0\0\x1cftypavis\0\0\0\0avifavismsf1" + bytes(100),
    ],
)
def test_what_is_no_video_is_refused_before_a_decoder_sees_it(tmp_path, content):
    """FFmpeg would fetch what a playlist names."""
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"clip\.mp4: not a video; give an MP4"):
        frames(tmp_path / "clip.mp4")


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.mp4: no such file"):
        frames(tmp_path / "nowhere.mp4")
    with pytest.raises(UserError, match="is no regular file; give a video file"):
        frames(tmp_path)
    with pytest.raises(UserError, match="a video cannot be of type int"):
        frames(0)
    with pytest.raises(UserError, match=r"rtsp://x/y: is an address; .* \(fer webcam reads streams\)"):
        frames("rtsp://x/y")


def test_frames_of_a_size_that_no_camera_has_are_refused(tmp_path):
    path = write_video(tmp_path / "clip.avi", 1, draw=lambda _: np.zeros((4400, 8200, 3), np.uint8))
    with pytest.raises(UserError, match="has frames of 8200x4400 pixels, more than 35 megapixels"):
        frames(path)


def test_an_mp4_of_junk_is_one_line(tmp_path):
    content = struct.pack(">I4s", 24, b"ftyp") + bytes(16) + struct.pack(">I4s", 24, b"moov") + bytes(16)
    (tmp_path / "junk.mp4").write_bytes(content)
    with pytest.raises(UserError, match="shows nothing that OpenCV can read, sound alone or a codec"):
        frames(tmp_path / "junk.mp4")


@given(
    st.sampled_from([b"\0\0\0\x18ftyp", b"\0\0\0\1mdat", b"RIFF", b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b""]),
    st.binary(max_size=300),
    st.sampled_from([b"", b"\0\0\0\x60moov\0\0\0\x10mvhd", b"\x18S\x80g\x01"]),
)
def test_whatever_a_header_says_reading_it_ends(tmp_path_factory, start, rest, more):
    path = tmp_path_factory.mktemp("junk") / "clip.mp4"
    path.write_bytes(start + more + rest)
    with contextlib.suppress(UserError):
        check_video(path)
    assert has_index(path) in (True, False)
    assert (stated_bytes(path) or 0) >= 0
    assert (stated_seconds(path) or 0) >= 0
    assert stated_start(path) >= 0


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mov", ".mkv", ".webm", ".wmv"])
def test_a_whole_file_is_as_long_as_it_says(tmp_path, suffix):
    path = write_video(tmp_path / f"clip{suffix}", frames=10)
    assert stated_bytes(path) == path.stat().st_size
    assert has_index(path)


class Fixed:
    """A detector that finds the same box everywhere."""

    name = "fixed"

    def detect(self, image):
        from fer.inference.detection import Detection

        return [Detection((40, 50, 60, 60), 0.9)]


def test_read_video_follows_people_one_frame_at_a_time(tmp_path, model_folder):
    path = write_video(tmp_path / "clip.mp4")
    read = read_video(Reader(model_folder, Fixed()), str(path))
    first = next(read)
    assert (first.index, first.time, first.faces[0].track) == (0, 0.0, 1)
    assert first.to_dict()["faces"][0]["track"] == 1
    assert "image" not in first.to_dict()
    rest = list(read)
    assert [frame.faces[0].time for frame in rest] == [frame.time for frame in rest]
    assert {frame.faces[0].track for frame in rest} == {1}
    assert len({frame.faces[0].probability for frame in rest}) > 10, "smoothed, not frozen"


def test_read_video_goes_by_the_readers_thresholds_whatever_else_is_set(tmp_path, model_folder):
    path, reader = write_video(tmp_path / "clip.mp4", 8), Reader(model_folder, Fixed())

    def certain(smoothing):
        return [face.certain for frame in read_video(reader, path, smoothing) for face in frame.faces]

    sure, never = (dict.fromkeys(EMOTIONS, threshold) for threshold in (0.0, 1.0))
    object.__setattr__(reader.classifier.card, "thresholds", sure)
    alone = reader.photo

    def doubted(image):
        """Every frame alone is doubted: the thresholds of the reader speak of the smoothed probabilities."""
        photo = alone(image)
        return replace(photo, faces=tuple(replace(face, doubts=(Doubt.PROBABILITY,)) for face in photo.faces))

    reader.photo = doubted
    assert certain(None) == certain(Smoothing()) == certain(Smoothing(thresholds=sure)) == [True] * 8
    assert certain(Smoothing(thresholds=never)) == [False] * 8


def test_a_file_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", 2)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    for method in ("is_file", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, refuse)
            with pytest.raises(UserError, match=r"clip.mp4: cannot be read \(Permission denied\); check the path and"):
                frames(path)


def test_read_video_raises_after_the_last_frame_of_a_file_that_ends_early(tmp_path, model_folder):
    path = cut_off(write_video(tmp_path / "clip.avi"))
    read = []
    with pytest.raises(EndedEarlyError):
        read.extend(read_video(Reader(model_folder, Fixed()), path))
    assert 10 < len(read) < 40


def test_follow_reads_any_frames():
    face = Face((0, 0, 50, 50), {"happy": 1.0}, "happy")
    images = [Frame(at, at / 10, np.zeros((60, 60, 3), np.uint8)) for at in range(3)]
    told = list(follow(lambda image: Photo(60, 60, "given", (face,)), images))
    assert [(frame.index, frame.faces[0].track) for frame in told] == [(0, 1), (1, 1), (2, 1)]


def test_a_size_beyond_any_file_is_read_as_one_that_is_not_stated(tmp_path):
    path = tmp_path / "clip.mkv"
    path.write_bytes(b"\x1aE\xdf\xa3" + b"\x01\x7f\xff\xff\xff\xff\xff\xff" + bytes(40))
    assert stated_bytes(path) is None


def test_the_file_is_let_go_when_reading_stops(tmp_path):
    path = write_video(tmp_path / "clip.mp4")
    for _ in range(3):
        with open_video(path) as video:
            next(iter(video))
    handles = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if number.isdigit()
               and os.path.exists(f"/proc/self/fd/{number}")]  # fmt: skip
    assert str(path) not in handles


def test_a_file_that_is_removed_meanwhile_ends_early(tmp_path):
    path = write_video(tmp_path / "clip.avi", 5)
    with open_video(path) as opened:
        frames = iter(opened)
        assert [next(frames).index for _ in range(5)] == [0, 1, 2, 3, 4]
        path.unlink()
        with pytest.raises(EndedEarlyError, match=r"cannot be read any more \(No such file"):
            next(frames)
