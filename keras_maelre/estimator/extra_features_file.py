"""The objects of scikit-learn that a fitted estimator with extra features consists of.

They are written and read by skops, which builds known classes and runs no code of a
file.
"""

from keras_maelre.estimator.extra_features import JoinedHead
from keras_maelre.estimator.image_statistics import ImageStatistics
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket

TRUSTED = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (ImageStatistics, JoinedHead, MelStatistics, MiniRocket)
]
# What scikit-learn makes of a label that all samples have, or none.
TRUSTED.append("sklearn.multiclass._ConstantPredictor")


def save_joined(estimator, file):
    """Writes the extra features of an estimator, if it has any.

    Args:
        estimator: A fitted `MaelreEstimator`.
        file: Path.

    Raises:
        TypeError: If they cannot be written, or not be read again.
    """
    extra, joined = estimator.extra_features, estimator.joined_head_
    if isinstance(extra, (str, type(None))):
        extra = None
        if joined is None:
            return
    skops_io = _skops_io()
    objects = {"extra_features": extra, "joined_head": joined}
    try:
        skops_io.dump(objects, file)
        # Functions without a name are written, and cannot be read.
        skops_io.load(file, trusted=skops_io.get_untrusted_types(file=file))
    except OSError:
        raise
    except Exception as error:  # whatever a type of one's own raises
        raise TypeError(
            "Parameter `extra_features` cannot be saved. Save the classifier alone, by "
            f"`classifier_.save_to_preset`, or pickle the estimator. {error}"
        ) from error


def load_joined(file, trusted):
    """Returns the parameter `extra_features` and the joined head of a file.

    Args:
        file: Path of what `save_joined` wrote.
        trusted: Sequence of strings, names of types; see `MaelreEstimator.load`.

    Raises:
        ValueError: If the file is damaged, or holds other types.
    """
    skops_io = _skops_io()
    trusted = [*TRUSTED, *trusted]
    try:
        unknown = set(skops_io.get_untrusted_types(file=file)) - set(trusted)
        if not unknown:
            objects = skops_io.load(file, trusted=trusted)
            return objects["extra_features"], objects["joined_head"]
    except Exception as error:  # whatever a damaged file makes of its types
        raise ValueError(
            f"The file {str(file)!r} does not hold the extra features of an estimator: "
            f"{error}"
        ) from error
    raise ValueError(
        f"The file {str(file)!r} holds objects of types that are not trusted: "
        f"{sorted(unknown)}. If you know where the file is from, pass their names "
        "as argument `trusted`."
    )


def _skops_io():
    try:
        import skops.io
    except ModuleNotFoundError as error:
        if error.name != "skops":
            raise
        raise ImportError(
            'Extra features are saved by skops: pip install "keras_maelre[sklearn]"'
        ) from error
    return skops.io
