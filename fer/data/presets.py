"""Published data sets' codes, file names and label lists, as data: what ``data.labels`` may name."""

import re
from dataclasses import dataclass

from fer.emotions import EMOTIONS


@dataclass(frozen=True)
class Preset:
    """How a published data set writes its labels.

    Attributes:
        title: what messages call it.
        source: where the codes are published.
        labels: its own words by code (in upper case); a word that names none of our emotions is left out.
        files: what a file's name, without its ending, says: named groups ``label``, ``split`` and group columns.
        lists: names of its label files, in lower case.
        columns: of its label file where that has no header line.
        beside: ending of the file beside an image, or of the same name in another folder, that holds its code.
    """

    title: str
    source: str
    labels: dict[str, str]
    files: re.Pattern[str] | None = None
    lists: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    beside: str = ""


def _counted(*words: str, start: int = 0) -> dict[str, str]:
    return {str(code): word for code, word in enumerate(words, start)}


_LETTERS = {"AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "NE": "neutral", "SA": "sad", "SU": "surprise"}

PRESETS = {
    "fer2013": Preset("FER-2013", "Goodfellow et al. 2013, Challenges in Representation Learning", _counted(*EMOTIONS)),
    "ferplus": Preset(
        "FER+",
        "Barsoum et al. 2016; the order of the columns of github.com/microsoft/FERPlus, fer2013new.csv",
        _counted(
            *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"),
            *("contempt", "unknown", "no face"),
        ),
    ),
    "rafdb": Preset(
        "RAF-DB",
        "Li, Deng and Du 2017; whdeng.cn/RAF/model1.html, list_patition_label.txt",
        _counted("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral", start=1),
        files=re.compile(r"(?P<split>train|test)_\d{3,}(_aligned)?"),
        lists=("list_patition_label.txt", "train_labels.csv", "test_labels.csv"),
        columns=("file", "label"),
    ),
    "affectnet": Preset(
        "AffectNet",
        "Mollahosseini, Hasani and Mahoor 2017; mohammadmahoor.com/affectnet",
        _counted(
            *("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt"),
            *("none", "uncertain", "no face"),
        ),
        beside="_exp.npy",
    ),
    "ckplus": Preset(
        "CK+",
        "Lucey et al. 2010, ReadMeCohnKanadeDatabase_website.txt",
        _counted("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"),
        files=re.compile(r"(?P<subject>S\d{3})_\d{3}_\d{8}"),
        beside="_emotion.txt",
    ),
    "jaffe": Preset(
        "JAFFE",
        "Lyons et al. 1998; zenodo.org/records/3451524, README",
        _LETTERS,
        files=re.compile(r"(?P<subject>[A-Z]{2})\.(?P<label>AN|DI|FE|HA|NE|SA|SU)\d\.\d+", re.IGNORECASE),
    ),
    "kdef": Preset(
        "KDEF",
        "Lundqvist, Flykt and Ohman 1998; kdef.se, the code of the file names",
        {code: word for code, word in _LETTERS.items() if code != "FE"} | {"AF": "afraid"},
        files=re.compile(
            r"(?P<session>[AB])(?P<subject>[FM]\d{2})(?P<label>AF|AN|DI|HA|NE|SA|SU)(?P<angle>S|HL|HR|FL|FR)",
            re.IGNORECASE,
        ),
    ),
    "expw": Preset(
        "ExpW",
        "Zhang, Luo, Loy and Tang 2018; mmlab.ie.cuhk.edu.hk/projects/socialrelation, readme of label.lst",
        _counted("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        lists=("label.lst",),
        columns=("file", "face", "top", "left", "right", "bottom", "confidence", "label"),
    ),
}
