import cv2
import numpy as np
import pytest
from scenes import scene

from fer.inference.cuts import Cuts
from fer.inference.faces import Face, Photo
from fer.inference.video import Frame, follow


def found(images):
    cuts = Cuts()
    return [cuts.found(image) for image in images]


def one_scene(frames=10, seed=0):
    """A face that moves by 8 pixels a frame before a still ground; another ``seed`` is another place."""
    return [scene({seed: (100 + 200 * seed + 8 * at, 100, 160, 160)}, seed=seed) for at in range(frames)]


def test_a_cut_is_found_where_it_is():
    assert found(one_scene(5) + one_scene(5, seed=1)) == [False] * 5 + [True] + [False] * 4


@pytest.mark.parametrize("change", [lambda image: image // 3, lambda image: cv2.add(image // 2, 120)])
def test_light_that_changes_is_no_cut(change):
    images = one_scene(6)
    assert not any(found([*images[:3], *map(change, images[3:])]))


def test_a_moment_of_black_is_no_cut_unless_another_scene_follows():
    black = np.zeros((480, 640, 3), np.uint8)
    assert not any(found([*one_scene(3), black, black, *one_scene(3)]))
    assert found([*one_scene(2), black, *one_scene(2, seed=1)]) == [False, False, False, True, False]


def test_the_person_after_a_cut_is_another_one():
    face = Face((100, 100, 160, 160), {"happy": 1.0}, "happy")
    images = one_scene(3) + one_scene(3, seed=1)
    frames = [Frame(at, at / 25, image) for at, image in enumerate(images)]
    read = follow(lambda image: Photo(640, 480, "given", (face,)), frames)
    assert [frame.faces[0].track for frame in read] == [1, 1, 1, 2, 2, 2]
