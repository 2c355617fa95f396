"""What one would try first, of each modality."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from keras_maelre.estimator.extra_features import PENALTIES
from keras_maelre.estimator.image_statistics import ImageStatistics
from keras_maelre.estimator.mel_statistics import MelStatistics
from keras_maelre.estimator.mini_rocket import MiniRocket
from keras_maelre.estimator.tuned_labels import TunedLabels

# What the tool of a modality is, and the expression of its features.
TOOLS = {
    "series": ("MiniRocket and ridge regression", "MiniRocket()"),
    "text": (
        "words by TF-IDF and a linear support vector machine",
        "TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)",
    ),
    "audio": (
        "statistics of mel bands and a support vector machine",
        "MelStatistics()",
    ),
    "image": (
        "histograms of gradients and colors and a support vector machine",
        "ImageStatistics()",
    ),
}
TOOLS["bytes"] = TOOLS["text"]
STATISTICS = {"audio": MelStatistics, "image": ImageStatistics}


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
    if modality == "series":
        features = MiniRocket(random_state=random_state)
        return make_pipeline(features, StandardScaler(), RidgeClassifierCV(PENALTIES))
    if modality in ("text", "bytes"):
        features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        linear = LinearSVC(random_state=random_state)
        if multi_label:
            linear = TunedLabels(linear, random_state)
        return make_pipeline(features, linear)
    if modality in STATISTICS:
        machine = SVC(C=10.0)
        if multi_label:
            machine = TunedLabels(machine, random_state)
        return make_pipeline(STATISTICS[modality](), StandardScaler(), machine)
    return None
