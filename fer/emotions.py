"""Label sets and their codes: FER-2013, FER+ and the reference study's five classes."""

from collections.abc import Sequence

from fer.errors import UserError

#: FER-2013's emotions in the order of their codes 0 to 6 (Goodfellow et al. 2013).
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

#: The colour of every emotion, in figures and boxes: hex RGB.
EMOTION_COLORS = {
    "angry": "#c8412f",
    "disgust": "#6d8b2f",
    "fear": "#7a4fa3",
    "happy": "#e3a21a",
    "sad": "#2f6fb0",
    "surprise": "#1f9e9a",
    "neutral": "#7d8590",
}

#: The five emotions that the reference study compared (``fer.report.reference_study``).
FIVE_EMOTIONS = ("angry", "fear", "happy", "sad", "surprise")

#: Columns of FER+'s vote table that stand for one of FER-2013's emotions (Barsoum et al. 2016).
FERPLUS_VOTES = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
    "neutral": "neutral",
}

#: FER+ columns without a counterpart in FER-2013.
FERPLUS_OTHER = ("contempt", "unknown", "NF")

#: Spellings of the emotions in folder names of published data sets.
SYNONYMS = {
    "afraid": "fear",
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def emotion_name(text: str) -> str | None:
    """The emotion that ``text`` names (case and common spellings aside), or None."""
    word = text.strip().lower()
    word = SYNONYMS.get(word, word)
    return word if word in EMOTIONS else None


def resolve_classes(setting: str | Sequence[str]) -> tuple[str, ...]:
    """The classes that a ``classes`` setting chooses, in the order of FER-2013's codes.

    Args:
        setting: ``all`` (seven), ``five`` (the reference study's) or a list of at least two emotion names.

    Raises:
        UserError: for an unknown name, a repeated one, or fewer than two.
    """
    if setting == "all":
        return EMOTIONS
    if setting == "five":
        return FIVE_EMOTIONS
    names = [setting] if isinstance(setting, str) else list(setting)
    for name in names:
        if name not in EMOTIONS:
            raise UserError(
                f"params.yaml: data.classes: unknown class {name!r}; use all, five or a list of {', '.join(EMOTIONS)}"
            )
    if len(set(names)) != len(names) or len(names) < 2:
        raise UserError(f"params.yaml: data.classes: {names} must name at least two emotions, each once")
    return tuple(name for name in EMOTIONS if name in names)
