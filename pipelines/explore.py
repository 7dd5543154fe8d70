"""Stage 3: what the data looks like."""

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.data.statistics import class_counts
from fer.figures.data import average_faces, class_distribution, contact_sheet, contrast_images
from fer.files import replace_folder
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say


@flow(flow_run_name="explore")
def explore() -> None:
    """Class distribution, average faces, contrast images and a contact sheet."""
    dataset = FaceDataset.load(paths.DATASET)
    draw(dataset)
    say(f"explore: figures of {dataset.name} in {paths.EXPLORE}")


@task
def draw(dataset: FaceDataset) -> None:
    """All figures, and the counts behind the first as CSV."""
    with replace_folder(paths.EXPLORE) as fresh:
        class_counts(dataset).to_csv(fresh / "class_counts.csv", index=False)
        class_distribution(dataset, fresh / "class_distribution.png")
        average_faces(dataset, fresh / "average_faces.png")
        contrast_images(dataset, fresh / "contrast_images.png")
        title = f"{dataset.name} ({len(dataset):,} images)"
        labels = dataset.table["emotion"].tolist()
        contact_sheet(dataset.images, labels, fresh / "contact_sheet.png", title=title)
