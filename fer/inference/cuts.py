"""Cuts from one scene to another: over them nobody is the same person, whatever the boxes say."""

import cv2
import numpy as np

#: Pixels of the small picture that stands for a frame: [width, height].
SMALL = (32, 18)
#: Two frames whose small pictures correlate less belong to two scenes. In one scene neighbours stay above 0.69 in a
#: clip with fast pans, and are below 0.27 over its cuts.
CORRELATION = 0.5
#: Grey levels of standard deviation under which a picture is blank: black, or a hand on the lens.
BLANK = 3.0


class Cuts:
    """Finds cuts between the frames that it is shown; light that changes evenly is none."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def found(self, image: np.ndarray) -> bool:
        """Whether a frame, uint8 ``[H, W, 3]`` BGR, shows another scene than the one before it."""
        # Reduced in colour, then made grey: a tenth of the work.
        small = cv2.cvtColor(cv2.resize(image, SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(float)
        if small.std() < BLANK:
            return False
        last, self._last = self._last, small
        return last is not None and float(np.corrcoef(last.ravel(), small.ravel())[0, 1]) < CORRELATION
