"""The model inside the package. No stage: what users install is kept in Git and changes when we say so."""

from fer.data.dataset import FaceDataset
from fer.delivery.release import choose, describe_again, write_release
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import RELEASED, Card
from fer.params import load_params
from fer.report.results import slug
from pipelines import paths
from pipelines.models import all_models


def release(card_only: bool) -> None:
    """Put the best small network, its weights in float16, into the package with its card.

    Args:
        card_only: keep the network that is there, and write its card and page again from its kept record.
    """
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    if card_only:
        folder = ModelFolder(paths.RECORDS / slug(dataset) / "models" / Card.load(RELEASED).architecture)
        card = describe_again(folder, dataset, params, RELEASED)
    else:
        folder = choose(all_models(params, dataset))
        card = write_release(folder, dataset, params, RELEASED)
    print(
        f"release: {folder.run.title} on {dataset.name}, test accuracy {card.metrics['test.accuracy']:.3f}, "
        f"{card.metrics['test_ten_views.accuracy']:.3f} from ten views: {RELEASED}"
    )
