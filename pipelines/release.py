"""The model inside the package. No stage: what users install is kept in Git and changes when we say so."""

from fer.data.dataset import FaceDataset
from fer.delivery.release import choose, write_release
from fer.inference.classifier import RELEASED
from fer.params import load_params
from pipelines import paths
from pipelines.models import all_models


def release() -> None:
    """Put the best small network, its weights in float16, into the package with its card."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folder = choose(all_models(params, dataset))
    card = write_release(folder, dataset, params, RELEASED)
    print(
        f"release: {folder.run.title} on {dataset.name}, test accuracy {card.metrics['test.accuracy']:.3f}, "
        f"{card.metrics['test_ten_views.accuracy']:.3f} from ten views: {RELEASED}"
    )
