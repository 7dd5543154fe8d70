"""The models inside the package. No stage: what users install is kept in Git and changes when we say so."""

from dataclasses import replace
from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.delivery.release import FLOAT16, choose, released_card, write_release
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split
from fer.inference.classifier import CARD_FILE, MODEL_FILE, PACKAGE, Card
from fer.params import load_params
from fer.report.ablations import COPIES_KEPT
from fer.report.records import trained_below, trained_by_architecture
from fer.report.released import LARGEST
from fer.report.results import slug
from pipelines import paths


def release(again: bool) -> None:
    """Put the best small networks into the package, in int8, each with its card and page.

    A network that is no better on validation than what the package holds of the same data leaves that in place.

    Args:
        again: release the networks that are there once more, by today's code, from their float16 files and records.

    Raises:
        UserError: where no network fits, the package holds models of another data set, or a float16 file is not here.
    """
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    records = paths.RECORDS / slug(dataset)
    trained = _trained(dataset)
    if not (again or any(choose(trained, name) for name in LARGEST)):
        limit = max(LARGEST.values()) / 1e6
        raise UserError(f"no model from random weights fits {limit:.0f} MB; train compact or mini")
    for name in LARGEST:
        target, whole = PACKAGE / name, FLOAT16 / name
        before = released_card(target, dataset)
        if again:
            if before is None:
                continue
            folder, network = _record_of(before, records), whole / MODEL_FILE
            if not network.is_file():
                raise UserError(f"{network}: is not here; {FLOAT16 / 'README.md'} says how to get it")
        else:
            # The reader opens `standard` by default: where only small networks were trained, the best is that too.
            found = choose(trained, name) or (None if before else choose(trained, "mini"))
            if found is None:
                stays = "; it stays as it is" if before else ""
                print(f"release: no network here from random weights has the size of {name}{stays}")
                continue
            folder, network = found, found.onnx
            same_data = before and before.fingerprint == dataset.fingerprint
            former = Card.read(whole / CARD_FILE, "restore it from Git") if same_data else None
            if former and former.metrics[SCORE] >= folder.metrics[SCORE]:
                print(f"release: {name} stays {former.architecture}, no network here is better on validation")
                continue
        card = write_release(folder, network, dataset, params, target, whole, _published(folder, records))
        one, ten = (card.metrics[f"{split}.accuracy"] for split in (Split.TEST, Split.TEST_TEN_VIEWS))
        print(
            f"release: {name} is {folder.run.title} on {dataset.name}, test accuracy {one:.3f}, {ten:.3f} from ten "
            f"views: {target}"
        )


def _trained(dataset: FaceDataset) -> list[ModelFolder]:
    """Every training of this machine on the data set, by other seeds and with one change too."""
    places = (paths.MODELS, paths.DISTILLED, paths.REPEATS)
    found = [folder for place in places for folder in trained_below(place)] + trained_by_architecture(paths.ABLATIONS)
    return [folder for folder in found if folder.onnx.is_file() and folder.job.fingerprint == dataset.fingerprint]


def _record_of(card: Card, records: Path) -> ModelFolder:
    """The kept record of a released model's training.

    Raises:
        UserError: where there is none.
    """
    places = (records / "models", records / "repeats")
    kept = [folder for place in places for folder in trained_below(place)]
    for folder in kept + trained_by_architecture(records / "ablations"):
        if folder.run.model_sha256 == card.network_sha256:
            return folder
    raise UserError(
        f"{records}: no record of the released {card.architecture} ({card.network_sha256[:12]}); "
        "run python -m pipelines results where it was trained"
    )


def _published(folder: ModelFolder, records: Path) -> ModelFolder | None:
    """The training that differs from this one in its train split alone: as it was published, with the copies."""
    twin = ModelFolder(records / "ablations" / folder.job.architecture / COPIES_KEPT)
    same = twin.path.is_dir() and twin.job == replace(folder.job, fingerprint=twin.job.fingerprint)
    return twin if same and twin.run.weights == folder.run.weights else None
