"""Features of time series that need no training."""

import itertools

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from keras_maelre.checks import check_flag, check_integer
from keras_maelre.preprocessing.preprocessor import as_samples
from keras_maelre.preprocessing.resize import resize_series
from keras_maelre.preprocessing.z_normalize import z_normalize

TAPS = 9
# Every kernel has weights -1 but at three of its taps, where they are 2.
KERNELS = np.array(list(itertools.combinations(range(TAPS), 3)))
MOST_DILATIONS = 32
MOST_CHANNELS = 9
# Numbers that are convolved at a time: what fits the cache of a core.
CHUNK = 2**16


class MiniRocket(TransformerMixin, BaseEstimator):
    """Shares of positive values after fixed convolutions with many dilations.

    A linear classifier on these features is what a user of small sets of series would
    try first; as `extra_features` of a `MaelreEstimator` they join what the encoder
    sees. Series of unequal length are resized to the longest of the training; gaps,
    steps that are NaN in every channel, are bridged by straight lines.

    Needs `pip install "keras_maelre[sklearn]"`.

    Args:
        n_features: Integer of at least 84, about how many features there are: their
            number is a multiple of 84.
        normalize: Boolean. Whether every channel of every series gets mean 0 and
            standard deviation 1 first.
        random_state: Integer, `numpy.random.RandomState` or `None`: of the series that
            thresholds are taken from, and of the channels that are combined.

    Raises:
        TypeError: If an argument or `X` is of the wrong type.
        ValueError: If an argument is out of range or a series is too short, holds
            what is not finite, in some channels alone, or has another number of
            channels.

    Example:

    ```python
    import numpy as np
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from keras_maelre.estimator import MiniRocket

    X, y = np.random.normal(size=(20, 100)), np.arange(20) % 2
    make_pipeline(MiniRocket(840), RidgeClassifierCV()).fit(X, y).predict(X)
    ```

    Reference:
        Dempster, Schmidt and Webb, "MiniRocket: a very fast (almost) deterministic
        transform for time series classification" (arXiv 2012.08791), section 3.
    """

    def __init__(self, n_features=10_000, normalize=True, random_state=None):
        self.n_features = n_features
        self.normalize = normalize
        self.random_state = random_state

    def fit(self, X, y=None):
        """Chooses dilations, and thresholds that training series reach.

        Args:
            X: Array of shape `(samples, length)` or `(samples, length, channels)`, or
                list of arrays `(length,)` or `(length, channels)`.
            y: Ignored.
        """
        total = check_integer("n_features", self.n_features, low=len(KERNELS))
        check_flag("normalize", self.normalize)
        series = _as_arrays(X)
        self.length_ = max(len(one) for one in series)
        self.n_channels_ = series[0].shape[1]
        if self.length_ < TAPS:
            raise ValueError(
                f"Argument `X` must hold series of at least {TAPS} steps. Received: "
                f"at most {self.length_}"
            )
        x = self._as_batch(series)
        random = check_random_state(self.random_state)
        self.dilations_, counts = _dilations(self.length_, total // len(KERNELS))
        shares = _golden_shares(len(KERNELS) * int(counts.sum()))
        self.biases_, self.channels_ = [], []
        for dilation, count in zip(self.dilations_, counts, strict=True):
            biases = np.empty((len(KERNELS), count), "float32")
            channels = [self._draw_channels(random) for _ in KERNELS]
            for k, taps in enumerate(KERNELS):
                one = x[[random.randint(len(x))]]
                made = _convolved(*_shifted(one, dilation), taps, channels[k])
                biases[k] = np.quantile(made, shares[:count])
                shares = shares[count:]
            self.biases_.append(biases)
            self.channels_.append(channels)
        return self

    def transform(self, X):
        """Returns the features.

        Args:
            X: Series, as in `fit`.

        Returns:
            Float32 array of shape `(samples, features)`.
        """
        check_is_fitted(self)
        x = self._as_batch(_as_arrays(X))
        size = max(1, CHUNK // x[0].size)
        parts = [self._features(x[i : i + size]) for i in range(0, len(x), size)]
        return np.concatenate(parts)

    def _features(self, x):
        columns = []
        for i, dilation in enumerate(self.dilations_):
            alpha, gamma = _shifted(x, dilation)
            margin = (TAPS // 2) * dilation
            for k, taps in enumerate(KERNELS):
                made = _convolved(alpha, gamma, taps, self.channels_[i][k])
                # Half of the kernels see the ends of the series, padded with zeros.
                if (i + k) % 2:
                    made = made[:, margin : made.shape[1] - margin]
                for bias in self.biases_[i][k]:
                    columns.append(np.count_nonzero(made > bias, axis=1))
                    columns[-1] = columns[-1] / np.float32(made.shape[1])
        return np.stack(columns, axis=1).astype("float32")

    def _draw_channels(self, random):
        most = np.log2(min(self.n_channels_, MOST_CHANNELS) + 1)
        count = int(2 ** random.uniform(0, most))
        return np.sort(random.choice(self.n_channels_, count, replace=False))

    def _as_batch(self, series):
        batch = np.empty((len(series), self.length_, self.n_channels_), "float32")
        for i, one in enumerate(series):
            if one.shape[1] != self.n_channels_:
                raise ValueError(
                    f"Argument `X` must hold series of {self.n_channels_} channels. "
                    f"Received: sample {i} with {one.shape[1]}"
                )
            one = resize_series(one, self.length_)
            batch[i] = z_normalize(one) if self.normalize else one
        return batch


def _as_arrays(X):
    """Returns series as arrays of shape `(length, channels)`, without padding."""
    made = []
    for i, sample in enumerate(as_samples(X, "arrays", single=(str, bytes, dict))):
        try:
            one = np.asarray(sample, "float64")
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Argument `X` must hold arrays of numbers. Received: sample {i}, "
                f"{error}"
            ) from error
        one = one[:, None] if one.ndim == 1 else one
        valid = ~np.isnan(one).all(axis=-1) if one.ndim == 2 else np.zeros(0, bool)
        if not valid.any():
            raise ValueError(
                "Argument `X` must hold series of shape (length,) or (length, "
                f"channels). Received: sample {i} of shape {np.shape(sample)}"
            )
        steps = np.flatnonzero(valid)
        if not np.isfinite(one[steps]).all():
            raise ValueError(
                "Argument `X` must hold finite numbers, NaN only in all channels of a "
                f"step. Received: sample {i}"
            )
        whole = np.arange(steps[-1] + 1)
        made.append(
            np.stack([np.interp(whole, steps, row) for row in one[steps].T], axis=1)
        )
    return made


def _dilations(length, per_kernel):
    """Returns dilations up to the length of a series, and the features of each."""
    steps = min(per_kernel, MOST_DILATIONS)
    largest = np.log2((length - 1) / (TAPS - 1))
    dilations, counts = np.unique(
        np.logspace(0, largest, steps, base=2).astype(int), return_counts=True
    )
    counts = (counts * (per_kernel / steps)).astype(int)
    missing = per_kernel - counts.sum()
    counts += np.bincount(np.arange(missing) % len(counts), minlength=len(counts))
    return dilations, counts


def _golden_shares(count):
    """Numbers that fill [0, 1) evenly however many there are."""
    return np.arange(1, count + 1) * ((np.sqrt(5) + 1) / 2) % 1


def _shifted(x, dilation):
    """Returns minus the sum of the shifts of series by each tap, and those shifts."""
    length, taps = x.shape[1], np.zeros((TAPS, *x.shape), x.dtype)
    for tap in range(TAPS):
        shift = (tap - TAPS // 2) * int(dilation)
        if shift < 0:
            taps[tap, :, -shift:] = x[:, : length + shift]
        else:
            taps[tap, :, : length - shift] = x[:, shift:]
    return -taps.sum(axis=0), taps


def _convolved(alpha, gamma, taps, channels):
    """The sum over channels of the convolution with one kernel."""
    first, second, third = taps
    made = gamma[first] + gamma[second]
    made += gamma[third]
    made *= 3
    made += alpha
    if made.shape[2] == 1:
        return made[..., 0]
    return made[..., channels].sum(axis=-1)
