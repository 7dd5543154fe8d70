"""The drawn data set that is unlike the sample, as a folder: to walk one's own data's way without having any."""

from pathlib import Path

from fer.audit.progress import bars
from fer.data.drawn_folder import FEWEST, draw_folder
from fer.errors import UserError
from fer.files import replace_folder, write_text


def draw(folder: Path, images: int, seed: int) -> None:
    """Write the folder, and beside it ``<folder>-planted.csv``, what was planted in it.

    Raises:
        UserError: for too few images, or where something is there already.
    """
    if images < FEWEST:
        raise UserError(f"draw: --images {images}: at least {FEWEST} are needed for every person and emotion")
    if folder.exists():
        raise UserError(f"{folder}: is there already; name a new folder, or remove it")
    with replace_folder(folder) as fresh, bars() as progress:
        truth = draw_folder(fresh, images, seed, progress("drawing"))
    planted = folder.with_name(f"{folder.name}-planted.csv")
    write_text(planted, truth.to_csv(index=False))
    print(f"draw: {len(truth)} photos in {folder}; {planted} says what was planted in them")
