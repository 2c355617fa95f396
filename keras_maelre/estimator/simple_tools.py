"""What one would try first, of each modality."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from keras_maelre.estimator.image_statistics import ImageStatistics
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket
from keras_maelre.estimator.tuned_labels import TunedLabels

# What the tool of a modality is.
TOOLS = {
    "series": "MiniRocket and ridge regression",
    "text": "words by TF-IDF and a linear support vector machine",
    "bytes": "words by TF-IDF and a linear support vector machine",
    "audio": "statistics of mel bands and a support vector machine",
    "image": "histograms of gradients and colors and a support vector machine",
}
TEXTS = ("text", "bytes")
STATISTICS = {"audio": MelStatistics, "image": ImageStatistics}
# The time of kernel machines, and of ridge regressions on MiniRocket's features, grows
# with the square of the samples, unlike that of linear machines on words.
MOST_TO_LEARN = 5000
# Of ridge regression.
PENALTIES = np.logspace(-3, 6, 19)


def takes_long(modality, count):
    """Whether a tool takes many minutes to learn so many samples."""
    return modality not in TEXTS and count > MOST_TO_LEARN


def simple_features(modality, random_state=None):
    """Returns what the simple tool of a modality makes of samples, a transformer.

    Args:
        modality: String, one of `TOOLS`.
        random_state: As in `MiniRocket`.
    """
    if modality == "series":
        return MiniRocket(random_state=random_state)
    if modality in STATISTICS:
        return STATISTICS[modality]()
    # Bytes may be of any encoding.
    return TfidfVectorizer(
        decode_error="replace", ngram_range=(1, 2), sublinear_tf=True
    )


def simple_tool(modality, multi_label=False, random_state=None):
    """Returns a pipeline of scikit-learn that takes seconds to fit.

    Args:
        modality: String.
        multi_label: Boolean.
        random_state: As in `MiniRocket`; of the order in which texts are learned, and
            of the multi-label samples to tune thresholds on.

    Returns:
        MiniRocket and ridge regression for series, TF-IDF of words and pairs of words
        and a linear support vector machine for texts, statistics of mel bands, or
        histograms of gradients and colors, and a support vector machine for sounds and
        images; `None` for other modalities.

    Example:

    ```python
    import numpy as np
    from keras_maelre.estimator import simple_tool

    X, y = np.random.normal(size=(20, 100)), np.arange(20) % 2
    simple_tool("series").fit(X, y).predict(X)
    ```
    """
    if modality not in TOOLS:
        return None
    features = simple_features(modality, random_state)
    if modality == "series":
        return make_pipeline(features, StandardScaler(), RidgeClassifierCV(PENALTIES))
    scaled, machine = [], LinearSVC(random_state=random_state)
    if modality in STATISTICS:
        scaled, machine = [StandardScaler()], SVC(C=10.0)
    if multi_label:
        machine = TunedLabels(machine, random_state)
    return make_pipeline(features, *scaled, machine)
