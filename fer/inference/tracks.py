"""Faces of one frame after another as people: who is who, and what they show without flicker.

Everything is a function of elapsed seconds, not of frames, so that 10 and 60 frames a second tell the same story.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fer.inference.detection import Box, Point
from fer.inference.faces import Doubt, Face

#: Boxes that overlap this much (intersection over union) are one person's, whatever their distance.
OVERLAP = 0.3
#: How far a face may be from where it is expected, in its own sizes: at once, more for every second unseen, at most.
REACH, REACH_GROWTH, REACH_LIMIT = 0.6, 1.0, 1.5
#: A face's side may differ by this factor between two sightings.
SIZE_RATIO = 1.6
#: Seconds for which an unseen face is expected to go on moving as it did.
COASTING = 0.5
#: Time constant of a face's speed, in seconds.
SPEED_MEMORY = 0.2
#: What a sighting stands for when there is none before it: one frame at 25 a second.
FIRST_SIGHTING = 0.04
#: Probabilities under this count as this, so that their logarithms stay bounded.
LEAST_PROBABILITY = 1e-4
#: What a resting face reads as once its baseline is taken out: this probability is neutral's.
RESTING_NEUTRAL = 0.5
NEUTRAL = "neutral"


@dataclass(frozen=True)
class Smoothing:
    """How people are followed and their emotions smoothed.

    Attributes:
        memory: seconds after which an unseen person is forgotten, and numbered anew on return.
        time_constant: of the probabilities' exponential mean, in seconds; 0 smooths nothing.
        margin: by how much probability another emotion must lead to become the label at once.
        hold: seconds for which it must lead otherwise.
        baseline: seconds at the start of a track that show the person's resting face. Its mean log-probabilities are
            then taken out, so that it reads as neutral. None takes nothing out.
        thresholds: by emotion, the probability above which a label is certain (``Card.thresholds``). None stands for
            those of the reader's model, and where no reader is known leaves every face the doubts that it came with.
    """

    memory: float = 1.5
    time_constant: float = 0.5
    margin: float = 0.15
    hold: float = 2.0
    baseline: float | None = None
    thresholds: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Track:
    """A person who is followed.

    Attributes:
        number: from 1, never given twice.
        box: where the face was seen last.
        seen: when that was, in seconds.
        velocity: of the face's centre, in pixels a second.
        probabilities: the exponential mean of what was read.
        weight: of that mean, 0 to 1: how much of its window was seen.
        emotion: the label.
        rival: another emotion that leads, but not enough yet.
        rival_since: when it began to.
        rest: sum of the resting face's log-probabilities, each times its seconds.
        rest_seconds: the sum of those seconds.
    """

    number: int
    box: Box
    seen: float
    velocity: Point
    probabilities: Mapping[str, float]
    weight: float
    emotion: str
    rival: str | None = None
    rival_since: float = 0.0
    rest: Mapping[str, float] = field(default_factory=dict)
    rest_seconds: float = 0.0


@dataclass(frozen=True)
class Tracks:
    """Everybody who is followed at ``time``; ``count`` people were numbered so far."""

    people: tuple[Track, ...] = ()
    count: int = 0
    time: float = 0.0


def step(
    tracks: Tracks, time: float, faces: Sequence[Face], smoothing: Smoothing | None = None
) -> tuple[Tracks, tuple[Face, ...]]:
    """Follow everybody into the next frame.

    A face is the person whose expected box it overlaps most; who is left over, is the nearest one of about the same
    size. Pairs are taken from the best on.

    Args:
        tracks: what the frame before left; ``Tracks()`` at the start.
        time: of this frame, in seconds; a time before the last frame's counts as that.
        faces: of this frame, as read.
        smoothing: the settings; the defaults where None.

    Returns:
        The new state, and the faces in their order, each with ``track``, ``time``, smoothed ``probabilities``, and the
        ``emotion`` that its label has settled on.

    Raises:
        ValueError: when a baseline is asked for and the classes have no ``neutral``.
    """
    smoothing = smoothing or Smoothing()
    time = max(time, tracks.time)
    # Who was there in the last frame is never forgotten, so that one frame a minute has tracks too.
    known = [person for person in tracks.people if time - person.seen <= smoothing.memory or person.seen == tracks.time]
    pairs = _pairs(known, [face.box for face in faces], time)
    count, people = tracks.count, []
    for at, face in enumerate(faces):
        if at in pairs:
            people.append(_seen_again(known[pairs[at]], face, time, smoothing))
        else:
            count += 1
            people.append(_seen_first(count, face, time, smoothing))
    told = tuple(_told(person, face, time, smoothing) for person, face in zip(people, faces, strict=True))
    unseen = [person for at, person in enumerate(known) if at not in pairs.values()]
    return Tracks((*people, *unseen), count, time), told


def cut(tracks: Tracks) -> Tracks:
    """The state after a cut to another scene: nobody is followed, numbers go on."""
    return replace(tracks, people=())


class Tracker:
    """``step`` with its state kept; for one video, used by one thread.

    Args:
        smoothing: the settings; the defaults where None.
    """

    def __init__(self, smoothing: Smoothing | None = None) -> None:
        self.smoothing = smoothing or Smoothing()
        self.tracks = Tracks()

    def step(self, time: float, faces: Sequence[Face]) -> tuple[Face, ...]:
        """The faces of the next frame; see ``fer.inference.tracks.step``."""
        self.tracks, told = step(self.tracks, time, faces, self.smoothing)
        return told

    def cut(self) -> None:
        """The next frame shows another scene."""
        self.tracks = cut(self.tracks)


def _pairs(people: Sequence[Track], boxes: Sequence[Box], time: float) -> dict[int, int]:
    """Indices of people by those of boxes: overlapping pairs first, the most overlapping before all."""
    candidates = []
    for who, person in enumerate(people):
        expected, reach = _expected(person, time), _reach(person, time)
        for at, box in enumerate(boxes):
            overlap = _overlap(expected, box)
            if overlap >= OVERLAP:
                candidates.append((0, -overlap, at, who))
            elif (distance := _distance(expected, box)) <= reach:
                candidates.append((1, distance, at, who))
    pairs: dict[int, int] = {}
    for _, _, at, who in sorted(candidates):
        if at not in pairs and who not in pairs.values():
            pairs[at] = who
    return pairs


def _expected(person: Track, time: float) -> tuple[float, float, float, float]:
    x, y, width, height = person.box
    gone = min(time - person.seen, COASTING)
    return x + gone * person.velocity[0], y + gone * person.velocity[1], width, height


def _reach(person: Track, time: float) -> float:
    return min(REACH + REACH_GROWTH * (time - person.seen), REACH_LIMIT)


def _overlap(a: tuple[float, float, float, float], b: Box) -> float:
    """Intersection over union, 0 to 1."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(down, 0.0)
    together = a[2] * a[3] + b[2] * b[3] - shared
    return shared / together if together else 0.0


def _distance(a: tuple[float, float, float, float], b: Box) -> float:
    """Between the centres, in the boxes' mean size; infinite between sizes that are no one person's."""
    sides = math.sqrt(a[2] * a[3]), math.sqrt(b[2] * b[3])
    if max(sides) > SIZE_RATIO * min(sides) or not all(sides):
        return math.inf
    (ax, ay), (bx, by) = _centre(a), _centre(b)
    return 2 * math.hypot(ax - bx, ay - by) / sum(sides)


def _centre(box: tuple[float, float, float, float]) -> Point:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _seen_first(number: int, face: Face, time: float, smoothing: Smoothing) -> Track:
    person = Track(number, face.box, time, (0.0, 0.0), dict(face.probabilities), 0.0, face.emotion)
    return _rested(_averaged(person, face, FIRST_SIGHTING, smoothing), face, FIRST_SIGHTING, smoothing)


def _seen_again(person: Track, face: Face, time: float, smoothing: Smoothing) -> Track:
    gone = time - person.seen
    person = _averaged(replace(person, velocity=_velocity(person, face.box, gone)), face, gone, smoothing)
    person = _rested(replace(person, box=face.box, seen=time), face, gone, smoothing)
    return _labelled(person, time, smoothing)


def _velocity(person: Track, box: Box, gone: float) -> Point:
    if gone <= 0:
        return person.velocity
    share = 1 - math.exp(-gone / SPEED_MEMORY)
    was, now = _centre(person.box), _centre(box)
    across, down = ((to - of) / gone for of, to in zip(was, now, strict=True))
    x, y = person.velocity
    return x + share * (across - x), y + share * (down - y)


def _averaged(person: Track, face: Face, gone: float, smoothing: Smoothing) -> Track:
    """The exponential mean with the new face in it, over what was seen alone: the first face weighs like any other."""
    kept = math.exp(-gone / smoothing.time_constant) if smoothing.time_constant > 0 else 0.0
    old, new = person.weight * kept, 1 - kept
    weight = old + new
    mean = {
        name: (old * person.probabilities[name] + new * probability) / weight
        for name, probability in face.probabilities.items()
    }
    return replace(person, probabilities=mean, weight=weight)


def _rested(person: Track, face: Face, gone: float, smoothing: Smoothing) -> Track:
    """The resting face's sums with the new face in them, while the person rests."""
    if smoothing.baseline is None or person.rest_seconds >= smoothing.baseline:
        return person
    if NEUTRAL not in face.probabilities:
        raise ValueError(f"a baseline needs the class {NEUTRAL}; the model has {', '.join(face.probabilities)}")
    rest = {
        name: person.rest.get(name, 0.0) + gone * math.log(max(probability, LEAST_PROBABILITY))
        for name, probability in face.probabilities.items()
    }
    return replace(person, rest=rest, rest_seconds=person.rest_seconds + gone)


def _shown(person: Track, smoothing: Smoothing) -> Mapping[str, float]:
    """The person's probabilities, the baseline taken out where there is one."""
    if smoothing.baseline is None or person.rest_seconds < smoothing.baseline or person.rest_seconds == 0:
        return person.probabilities
    others = (1 - RESTING_NEUTRAL) / (len(person.rest) - 1)
    scores = {}
    for name, probability in person.probabilities.items():
        rest = person.rest[name] / person.rest_seconds
        target = math.log(RESTING_NEUTRAL if name == NEUTRAL else others)
        scores[name] = math.exp(math.log(max(probability, LEAST_PROBABILITY)) - rest + target)
    total = sum(scores.values())
    return {name: score / total for name, score in scores.items()}


def _labelled(person: Track, time: float, smoothing: Smoothing) -> Track:
    """The label with hysteresis: another emotion takes over by its margin, or by the time that it leads."""
    shown = _shown(person, smoothing)
    leader = max(shown, key=shown.__getitem__)
    if leader == person.emotion:
        return replace(person, rival=None)
    since = person.rival_since if person.rival == leader else time
    if shown[leader] - shown[person.emotion] >= smoothing.margin or time - since >= smoothing.hold:
        return replace(person, emotion=leader, rival=None)
    return replace(person, rival=leader, rival_since=since)


def _told(person: Track, face: Face, time: float, smoothing: Smoothing) -> Face:
    shown = dict(_shown(person, smoothing))
    reasons = face.doubts
    if smoothing.thresholds is not None:  # the frame's own probability no longer decides, the smoothed one does
        sure = shown[person.emotion] > smoothing.thresholds.get(person.emotion, 1.0)
        others = tuple(reason for reason in face.doubts if reason != Doubt.PROBABILITY)
        reasons = others if sure else (Doubt.PROBABILITY, *others)
    return replace(face, probabilities=shown, emotion=person.emotion, doubts=reasons, track=person.number, time=time)
