"""Scripted sequences: who is who, and what is told of them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.inference.faces import Doubt, Face
from fer.inference.tracks import Smoothing, Tracker, Tracks, cut, step

SIZE = 80
RATE = 25


def reading(emotion="neutral", probability=0.7, classes=EMOTIONS):
    """Probabilities with one emotion at ``probability``."""
    return {name: probability if name == emotion else (1 - probability) / (len(classes) - 1) for name in classes}


def face(x, y=100, size=SIZE, probabilities=None, doubts=()):
    probabilities = probabilities or reading()
    return Face((round(x), round(y), size, size), probabilities, max(probabilities, key=probabilities.get), doubts)


def numbers(frames, rate=RATE, smoothing=None):
    """The track numbers of every frame; a frame is the list of its faces."""
    tracker = Tracker(smoothing)
    return [[told.track for told in tracker.step(at / rate, faces)] for at, faces in enumerate(frames)]


def test_one_person_keeps_one_number_while_walking():
    assert {tuple(seen) for seen in numbers([[face(5 * at)] for at in range(200)])} == {(1,)}


@pytest.mark.parametrize("rate", [5, 10, 25, 60])
def test_people_who_cross_keep_their_numbers(rate):
    """Two walk through each other at 150 px/s, both seen all the time; jitter of a pixel or two."""
    noise = np.random.default_rng(0)
    frames = []
    for at in range(4 * rate):
        moved = 150 * at / rate
        wobble = noise.integers(-2, 3, 4)
        frames.append([face(0 + moved + wobble[0], 100 + wobble[1]), face(600 - moved + wobble[2], 106 + wobble[3])])
    assert {tuple(seen) for seen in numbers(frames, rate)} == {(1, 2)}


@pytest.mark.parametrize("seconds", [0.4, 0.5])
def test_people_who_cross_keep_their_numbers_where_one_hides_the_other(seconds):
    """The second is behind the first, and not found, for as long as it takes to come out on the other side."""
    speed = 2 * SIZE / seconds / 2
    frames, hidden = [], 0
    for at in range(120):
        moved = speed * at / RATE
        first, second = face(moved), face(2.4 * speed - moved)
        behind = abs(first.box[0] - second.box[0]) < SIZE
        hidden += behind
        frames.append([first] if behind else [first, second])
    assert hidden / RATE == pytest.approx(seconds, abs=0.08)
    seen = numbers(frames)
    assert set(map(tuple, seen)) == {(1, 2), (1,)}
    assert seen[-1] == [1, 2]


def test_two_people_who_swap_places_swap_with_their_numbers():
    """Half a circle around each other in a second, listed in the other order at every second frame."""
    frames = []
    for at in range(RATE + 1):
        turn = math.pi * at / RATE
        pair = [face(300 - 100 * math.cos(turn), 200 - 100 * math.sin(turn))]
        pair.append(face(300 + 100 * math.cos(turn), 200 + 100 * math.sin(turn)))
        frames.append(pair[::-1] if at % 2 else pair)
    seen = numbers(frames)
    assert seen == [[1, 2] if at % 2 == 0 else [2, 1] for at in range(RATE + 1)]


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.5, 1.0])
@pytest.mark.parametrize("speed", [0, 40])
def test_an_occlusion_leaves_the_number(seconds, speed):
    gone = range(25, 25 + round(seconds * RATE))
    frames = [[] if at in gone else [face(100 + speed * at / RATE)] for at in range(80)]
    assert {tuple(seen) for seen in numbers(frames)} == {(1,), ()}


def test_who_leaves_and_comes_back_after_long_has_a_new_number():
    frames = [[face(100)]] * 25 + [[]] * 3 * RATE + [[face(100)]] * 5 + [[]] * 3 * RATE + [[face(100)]]
    assert [seen[0] for seen in numbers(frames) if seen] == [1] * 25 + [2] * 5 + [3]


def test_somebody_else_elsewhere_or_of_another_size_is_another_person():
    frames = [[face(100)], [face(100)], [], [face(500)], [], [face(500, size=200)]]
    assert [seen[0] for seen in numbers(frames) if seen] == [1, 1, 2, 3]


def test_a_frame_a_minute_has_tracks_too():
    assert numbers([[face(100), face(400)], [face(403), face(98)]], rate=1 / 60) == [[1, 2], [2, 1]]


def test_frames_at_any_interval_have_the_same_people():
    noise = np.random.default_rng(1)
    tracker, time = Tracker(), 0.0
    for _ in range(300):
        time += float(noise.choice([0.005, 0.04, 0.2, 0.5]))
        told = tracker.step(time, [face(100 + 20 * math.sin(time)), face(400)])
        assert [person.track for person in told] == [1, 2]


def test_jitter_makes_no_new_people():
    noise = np.random.default_rng(2)
    frames = [[face(100 + dx, 100 + dy, 80 + size)] for dx, dy, size in noise.integers(-8, 9, (200, 3))]
    assert {tuple(seen) for seen in numbers(frames)} == {(1,)}


def test_after_a_cut_everybody_is_new():
    state, _ = step(Tracks(), 0.0, [face(100)])
    _, told = step(cut(state), 0.04, [face(100)])
    assert told[0].track == 2


def test_a_time_that_goes_back_counts_as_the_last():
    tracker = Tracker()
    for time in (1.0, 2.0, 1.5):
        told = tracker.step(time, [face(100)])
    assert (told[0].time, told[0].track) == (2.0, 1)


@pytest.mark.parametrize("rates", [(5, 60), (12, 25)])
def test_smoothing_does_not_depend_on_the_frame_rate(rates):
    """Happy for two seconds, then sad: a second on, the same is told at every rate."""
    shown = []
    for rate in rates:
        tracker = Tracker(Smoothing(time_constant=0.5))
        for at in range(3 * rate + 1):
            told = tracker.step(at / rate, [face(100, probabilities=reading("happy" if at / rate <= 2 else "sad"))])
        shown.append(told[0].probabilities)
    for name in EMOTIONS:
        assert shown[0][name] == pytest.approx(shown[1][name], abs=0.02)
    assert shown[1]["sad"] == pytest.approx(0.05 + 0.65 * (1 - math.exp(-2)), abs=0.02)


def changes(labels):
    return sum(was != now for was, now in itertools.pairwise(labels))


def flickering(seconds, rate=RATE):
    """Two emotions about as likely, their lead random in every frame."""
    noise = np.random.default_rng(3)
    for at in range(round(seconds * rate)):
        happy = 0.4 + 0.1 * noise.standard_normal()
        rest = dict.fromkeys(EMOTIONS, (0.2) / 5) | {"happy": happy, "sad": 0.8 - happy}
        yield at / rate, face(100, probabilities=rest)


def test_a_label_does_not_flicker_between_two_that_are_about_as_likely():
    tracker = Tracker()
    raw, told = [], []
    for time, seen in flickering(60):
        raw.append(seen.emotion)
        told.append(tracker.step(time, [seen])[0].emotion)
    assert changes(raw) > 300
    assert changes(told) <= 3


def test_a_clear_change_is_told_within_half_a_second():
    tracker = Tracker()
    for at in range(100):
        now = "happy" if at < 50 else "surprise"
        told = tracker.step(at / RATE, [face(100, probabilities=reading(now))])[0]
        if told.emotion == "surprise":
            break
    assert at >= 50
    assert (at - 50) / RATE < 0.5


def test_a_small_lead_is_told_once_it_has_lasted():
    tracker = Tracker(Smoothing(time_constant=0.0, margin=0.2, hold=1.0))
    near = dict.fromkeys(EMOTIONS, 0.04) | {"happy": 0.35, "sad": 0.45}
    tracker.step(0.0, [face(100, probabilities=dict.fromkeys(EMOTIONS, 0.04) | {"happy": 0.45, "sad": 0.35})])
    labels = {at: tracker.step(at / 10, [face(100, probabilities=near)])[0].emotion for at in range(1, 20)}
    assert next(at for at, label in labels.items() if label == "sad") == 11, "led since 0.1 s, took over at 1.1 s"


def test_the_resting_face_that_reads_as_sad_reads_as_neutral_once_its_baseline_is_known():
    resting = dict.fromkeys(EMOTIONS, 0.05) | {"sad": 0.5, "neutral": 0.25}
    smiling = dict.fromkeys(EMOTIONS, 0.05) | {"sad": 0.3, "neutral": 0.15, "happy": 0.35}
    tracker = Tracker(Smoothing(baseline=2.0))
    labels = []
    for at in range(200):
        told = tracker.step(at / RATE, [face(100, probabilities=resting if at < 125 else smiling)])[0]
        labels.append(told.emotion)
        assert sum(told.probabilities.values()) == pytest.approx(1)
    assert labels[40] == "sad"
    assert labels[120] == "neutral"
    assert labels[-1] == "happy", "a smile over a sad resting face"
    assert Tracker().step(0.0, [face(100, probabilities=resting)])[0].emotion == "sad", "off by default"


def test_a_baseline_belongs_to_one_person():
    tracker = Tracker(Smoothing(baseline=1.0))
    for at in range(100):
        pair = [face(100, probabilities=reading("sad")), face(400, probabilities=reading("angry"))]
        first, second = tracker.step(at / RATE, pair)
    assert (first.emotion, second.emotion) == ("neutral", "neutral")
    late = tracker.step(4.0, [*pair, face(700, probabilities=reading("sad"))])[2]
    assert late.emotion == "sad", "nothing is known of the third at rest"


def test_a_baseline_without_neutral_is_refused():
    with pytest.raises(ValueError, match="needs the class neutral"):
        step(Tracks(), 0.0, [face(100, probabilities=reading("sad", classes=FIVE_EMOTIONS))], Smoothing(baseline=1))


def test_a_label_is_certain_by_its_smoothed_probability():
    tracker = Tracker(Smoothing(thresholds={"happy": 0.5}))
    weak, strong = reading("happy", 0.3), reading("happy", 0.9)
    for at in range(50):
        told = tracker.step(at / RATE, [face(100, probabilities=strong)])[0]
    assert told.certain
    lone = face(100, probabilities=weak, doubts=(Doubt.PROBABILITY,))
    assert tracker.step(2.0, [lone])[0].certain, "one weak frame is no doubt"
    blurred = face(100, probabilities=weak, doubts=(Doubt.PROBABILITY, Doubt.BLUR))
    assert tracker.step(2.04, [blurred])[0].doubts == (Doubt.BLUR,), "a blurred one is"
    for at in range(50):
        told = tracker.step(2.1 + at / RATE, [face(100, probabilities=weak)])[0]
    assert told.doubts == (Doubt.PROBABILITY,)
    assert Tracker().step(0, [lone])[0].doubts == (Doubt.PROBABILITY,), "without thresholds a face keeps its doubts"


@st.composite
def sequences(draw):
    """Frames at rising times with up to four faces anywhere."""
    side = st.integers(1, 200)
    weights = st.lists(st.floats(0, 1), min_size=7, max_size=7).filter(lambda row: sum(row) > 0.01)
    seen = st.builds(
        lambda x, y, w, h, row: Face((x, y, w, h), dict(zip(EMOTIONS, np.array(row) / sum(row), strict=True)), "sad"),
        st.integers(-50, 700), st.integers(-50, 500), side, side, weights,
    )  # fmt: skip
    return draw(st.lists(st.tuples(st.floats(0, 3), st.lists(seen, max_size=4)), max_size=12))


@given(sequences(), st.sampled_from([None, 0.0, 1.0]), st.sampled_from([0.0, 0.5]))
def test_whatever_is_seen_numbers_are_unique_and_probabilities_sum_to_one(frames, baseline, time_constant):
    settings = Smoothing(baseline=baseline, time_constant=time_constant)
    state, time, given_out = Tracks(), 0.0, 0
    for gap, faces in frames:
        time += gap
        before = state
        state, told = step(state, time, faces, settings)
        assert step(before, time, faces, settings) == (state, told), "a pure function"
        seen = [person.track for person in told]
        assert len(set(seen)) == len(seen)
        assert [person.box for person in told] == [one.box for one in faces]
        followed = {person.number for person in before.people}
        assert all(number in followed or number > given_out for number in seen), "no number is given twice"
        given_out = max([given_out, *seen])
        for person in told:
            assert sum(person.probabilities.values()) == pytest.approx(1)
            assert min(person.probabilities.values()) >= 0
            assert person.emotion in person.probabilities


@given(
    st.lists(st.floats(0.01, 1), min_size=7, max_size=7),
    st.lists(st.floats(0, 1.4), min_size=1, max_size=30),
    st.sampled_from([0.0, 0.1, 0.5, 5.0]),
)
def test_constant_input_gives_constant_output(row, gaps, time_constant):
    probabilities = dict(zip(EMOTIONS, np.array(row) / sum(row), strict=True))
    seen = face(100, probabilities=probabilities)
    tracker, time = Tracker(Smoothing(time_constant=time_constant)), 0.0
    for gap in gaps:
        time += gap
        told = tracker.step(time, [seen])[0]
        assert told.track == 1
        assert told.emotion == seen.emotion
        assert told.probabilities == pytest.approx(probabilities)
