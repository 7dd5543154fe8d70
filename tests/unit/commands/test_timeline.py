"""Sums and pictures that stay the same size however long a video is."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.commands.annotate import bgr
from fer.commands.people import Runs, Summary
from fer.commands.timeline import BINS, Timeline, clock
from fer.emotions import EMOTION_COLORS
from fer.inference.faces import Doubt, Face
from fer.inference.video import Frame

IMAGE = np.zeros((4, 4, 3), np.uint8)


def frame(at, time, *faces):
    told = tuple(
        Face((0, 0, 50, 50), {emotion: 1.0}, emotion, () if certain else (Doubt.BLUR,), track=track, time=time)
        for track, emotion, certain in faces
    )
    return Frame(at, time, IMAGE, told)


def pictured(frames, interval):
    timeline = Timeline()
    for one in frames:
        timeline.add(one, interval)
    return timeline


def runs_of(row, emotion):
    """First and last column of an emotion's colour in a row of pixels."""
    (columns,) = np.nonzero((row == bgr(EMOTION_COLORS[emotion])).all(axis=1))
    return (columns.min(), columns.max()) if len(columns) else None


@pytest.mark.parametrize("seconds", [3, 100, 5000])
def test_an_emotion_is_drawn_where_it_was(seconds):
    """Happy in the second quarter, sad in the last; 40 frames in all."""
    emotions = {1: "happy", 3: "sad"}
    frames = [
        frame(at, seconds * at / 40, *([(1, emotions[at // 10], True)] if at // 10 in emotions else []))
        for at in range(40)
    ]
    picture = pictured(frames, seconds / 40).draw()
    row = picture[80]
    plot = np.array([150, 150 + 1024])
    for quarter, emotion in emotions.items():
        expected = plot[0] + 1024 * np.array([quarter, quarter + 1]) / 4
        assert runs_of(row, emotion) == pytest.approx(expected, abs=25)


def test_what_is_not_certain_is_half_as_high():
    heights = []
    for certain in (True, False):
        picture = pictured([frame(at, at / 10, (1, "happy", certain)) for at in range(20)], 0.1).draw()
        heights.append((picture[60:, 500] == bgr(EMOTION_COLORS["happy"])).all(axis=1).sum())
    assert heights[1] == pytest.approx(heights[0] / 2, abs=1)


def test_a_day_takes_no_more_memory_than_a_minute():
    timeline = pictured([frame(at, 10.0 * at, (1, "happy", True)) for at in range(8640)], 10)
    (band,) = timeline._bands.values()
    assert len(band) <= BINS
    assert sum(sum(part.values()) for part in band.values()) == pytest.approx(86400)


def test_a_crowd_has_a_picture_of_bounded_height():
    frames = [frame(at, at / 10, *((track, "sad", True) for track in range(1, 100))) for at in range(3)]
    assert pictured(frames, 0.1).draw().shape[0] < 1200


def test_nobody_has_a_picture_too():
    assert pictured([frame(0, 0.0)], 0.04).draw().shape[2] == 3
    assert cv2.imencode(".png", Timeline().draw())[0]


def test_a_person_is_seen_for_the_time_of_the_frames_themselves():
    summary = Summary(rate=25)
    for at, (time, emotion) in enumerate([(0.0, "happy"), (0.2, "happy"), (1.2, "sad"), (1.3, "happy")]):
        summary.add(frame(at, time, (1, emotion, emotion == "happy")))
    (person,) = summary.longest_seen()
    assert person.seconds == pytest.approx(0.04 + 0.2 + 1.0 + 0.1)
    told = person.to_dict()
    assert told["emotions"] == pytest.approx({"sad": 1.0 / 1.34, "happy": 0.34 / 1.34})
    assert told["certain"] == pytest.approx(0.34 / 1.34)
    assert (told["first"], told["last"]) == (0.0, 1.3)


def runs_told(frames):
    """All runs in the order in which they are told; frames last 0.1 s."""
    runs = Runs()
    told = [run for one in frames for run in runs.add(one)]
    return told + list(runs.end(len(frames) / 10))


def test_runs_last_until_the_frame_in_which_the_label_is_gone():
    labels = ["happy"] * 5 + ["sad"] * 5
    frames = [frame(at, at / 10, (1, label, True), (2, "fear", at % 2 == 0)) for at, label in enumerate(labels)]
    frames += [frame(at, at / 10, (2, "fear", False)) for at in range(10, 40)]
    told = runs_told(frames)
    assert [(run.track, run.emotion, run.start, run.end, run.frames) for run in told] == [
        (1, "happy", 0.0, 0.5, 5),
        (2, "fear", 0.0, 4.0, 40),
        (1, "sad", 0.5, 1.0, 5),
    ]
    assert told[1].certain == 5


def test_who_is_seen_once_is_seen_for_one_frame():
    frames = [frame(at, at / 10, *([(1, "sad", True)] if at in (0, 30, 59) else [])) for at in range(60)]
    assert [(run.start, run.end, run.frames) for run in runs_told(frames)] == [
        (0.0, 0.1, 1),
        (3.0, 3.1, 1),
        (5.9, pytest.approx(6.0), 1),
    ]


def test_who_is_covered_for_a_moment_goes_on():
    frames = [frame(at, at / 10, *([(1, "sad", True)] if at % 10 < 3 else [])) for at in range(30)]
    assert [(run.start, run.end, run.frames) for run in runs_told(frames)] == [(0.0, 2.3, 9)]


@given(st.lists(st.dictionaries(st.integers(1, 4), st.sampled_from(["happy", "sad"]), max_size=4), max_size=120))
def test_runs_are_told_by_start_and_person_and_hold_every_sighting(seen):
    frames = [
        frame(at, at / 10, *((track, emotion, True) for track, emotion in people.items()))
        for at, people in enumerate(seen)
    ]
    told = runs_told(frames)
    assert [(run.start, run.track) for run in told] == sorted((run.start, run.track) for run in told)
    assert sum(run.frames for run in told) == sum(len(people) for people in seen)
    assert all(run.end > run.start for run in told)


def test_a_run_is_told_as_soon_as_no_earlier_one_goes_on():
    runs = Runs()
    assert not list(runs.add(frame(0, 0.0, (1, "happy", True), (2, "sad", True))))
    assert not list(runs.add(frame(1, 0.1, (1, "happy", True), (2, "happy", True)))), "person 1 comes before"
    told = list(runs.add(frame(2, 0.2, (1, "sad", True), (2, "happy", True))))
    assert [(run.track, run.emotion) for run in told] == [(1, "happy"), (2, "sad")]


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [(0, 0, "0:00"), (7.5, 2, "0:07.50"), (59.999, 2, "1:00.00"), (3723, 0, "1:02:03"), (3723.04, 1, "1:02:03.0")],
)
def test_a_clock_shows_a_time(seconds, decimals, text):
    assert clock(seconds, decimals) == text
