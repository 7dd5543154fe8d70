"""The figures of the page, and those that show single faces, which Git must not keep."""

import shutil
from pathlib import Path

import numpy as np

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.saliency import correct_predictions, occlusion_maps
from fer.evaluation.slices import confident_mistakes, ferplus_votes
from fer.figures.mistakes import mistakes_sheet
from fer.figures.saliency import saliency_sheet
from fer.figures.training import confusion_matrix
from fer.files import replace_file

#: Faces on the sheet of mistakes, and of every class on that of saliency.
MISTAKES, SALIENT = 21, 4


def confusion_name(folder: ModelFolder) -> str:
    """File name of a model's confusion matrix beside the page."""
    return f"confusion_{folder.name}.png"


def copy_figures(figures: tuple[Path, ...], target: Path) -> None:
    """Put figures that a stage drew into ``target``."""
    for figure in figures:
        with replace_file(target / figure.name) as fresh:
            shutil.copyfile(figure, fresh)


def draw_confusions(folders: list[ModelFolder], dataset: FaceDataset, target: Path) -> None:
    """The confusion matrix of every model into ``target``; those of other models there are removed."""
    for folder in folders:
        title = f"{folder.run.title} on {dataset.name}, test"
        confusion_matrix(folder.confusion(Split.TEST), folder.classes, title, target / confusion_name(folder))
    for left in {path.name for path in target.glob("confusion_*.png")} - set(map(confusion_name, folders)):
        (target / left).unlink()


def draw_mistakes(folder: ModelFolder, dataset: FaceDataset, path: Path) -> None:
    """A model's most confident mistakes."""
    mistakes = confident_mistakes(folder, dataset, MISTAKES)
    rows = mistakes["row"].to_numpy()
    votes = ferplus_votes(dataset.table.loc[rows])
    title = f"The {len(rows)} most confident mistakes of {folder.run.title} on {dataset.name}, test"
    mistakes_sheet(np.asarray(dataset.images[rows]), mistakes, None if votes.empty else votes, title, path)


def draw_saliency(folder: ModelFolder, dataset: FaceDataset, path: Path) -> None:
    """What moved a model's predictions of a few faces of every class that it classifies correctly."""
    chosen = correct_predictions(folder, SALIENT)
    faces = np.asarray(dataset.images[chosen["row"].to_numpy()])
    codes = chosen["emotion"].map({name: code for code, name in enumerate(folder.classes)}).to_numpy()
    title = f"What moves the predictions of {folder.run.title} on {dataset.name}, test"
    saliency_sheet(faces, occlusion_maps(folder.onnx, faces, codes), chosen["emotion"], title, path)
