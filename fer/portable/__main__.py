"""``fer-train FOLDER OUT``: train the jobs of a packed folder on this machine, with Keras and JAX or torch alone."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from fer.errors import UserError

#: Backends in the order in which they are taken where ``KERAS_BACKEND`` names none.
BACKENDS = ("jax", "torch", "tensorflow")


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="fer-train", description=__doc__)
    parser.add_argument("folder", type=Path, help="what python -m pipelines pack has made")
    parser.add_argument("out", type=Path, help="folder for the results")
    parser.add_argument("--minutes", type=float, help="of the whole run; by default as many as it takes")
    parser.add_argument("--state", type=Path, help="folder by which an interrupted run goes on; by default OUT.state")
    parser.add_argument("--room", type=float, default=60.0, help="megabytes that the results may have (60)")
    given = parser.parse_args()
    try:
        state = given.state or given.out.with_name(f"{given.out.name}.state")
        choose_backend()
        # What XLA compiled for one seed, or before an interruption, is not compiled again.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(state.absolute() / "compiled"))
        # Keras takes its backend when it is imported.
        from fer.portable.folder import Packed
        from fer.portable.run import run

        run(Packed.load(given.folder), given.out, state, given.minutes, int(given.room * 1e6), say)
    except UserError as error:
        sys.exit(f"error: {error}")


def choose_backend() -> None:
    """The first backend that is installed, unless ``KERAS_BACKEND`` names one.

    Raises:
        UserError: where there is none.
    """
    found = next((name for name in BACKENDS if find_spec(name)), None)
    if found is None or find_spec("keras") is None:
        raise UserError("Keras 3 and JAX or torch are needed: pip install keras jax")
    os.environ.setdefault("KERAS_BACKEND", found)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def say(line: str) -> None:
    """Print a line at once, wherever output goes."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
