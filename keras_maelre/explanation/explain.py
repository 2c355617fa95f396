"""What in a sample a classifier's answer rests on."""

import functools

import keras
import numpy as np

from keras_maelre.checks import check_choice, check_integer
from keras_maelre.explanation.explanation import (
    ImageExplanation,
    SeriesExplanation,
    SpectrogramExplanation,
)
from keras_maelre.explanation.gradient import gradient_times_input
from keras_maelre.explanation.integrated_gradients import integrated_gradients
from keras_maelre.explanation.occlusion import occlusion
from keras_maelre.explanation.rollout import AttentionRollout, rollout
from keras_maelre.explanation.score_gradient import ScoreGradient
from keras_maelre.explanation.scores import numpy_log_odds
from keras_maelre.explanation.subject import make_subject, reads_tokens
from keras_maelre.explanation.targets import encode_explained
from keras_maelre.explanation.text_explanation import TextExplanation
from keras_maelre.explanation.units import text_units
from keras_maelre.models import MaelreClassifier
from keras_maelre.models.predictions import check_outputs
from keras_maelre.models.sample_model import check_samples
from keras_maelre.models.sample_stream import located

METHODS = ("occlusion", "rollout", "integrated_gradients", "gradient")


def explain(
    classifier,
    samples,
    target=None,
    method="occlusion",
    batch_size=32,
    verbose=0,
):
    """Tells how much each part of a sample speaks for a class.

    What is explained is the log-odds of the class, `log(p / (1 - p))` of the
    probability that `predict_proba` gives it. Padding has no relevance, and none of it
    changes the relevance of the rest.

    Args:
        classifier: A trained `MaelreClassifier`.
        samples: List or array of samples as `classifier.predict` takes them: raw if
            the classifier has a preprocessor, otherwise inputs of the model.
        target: The class to explain: its name or its number; or a list or array of
            one for each sample; or `None` for the most probable class of each sample.
        method: String.

            - `"occlusion"`: how much the score falls where windows of several sizes are
              hidden. It needs predictions alone, 240 of a sequence and 800 of a grid.
            - `"rollout"`: attention, followed from the head back through the merges,
              times the gradient times the input. Fast.
            - `"integrated_gradients"`: the gradient on the way from a sample without
              evidence, 64 of them, up to 1024 where the score changes abruptly. It sums
              to the difference of the two scores.
            - `"gradient"`: the gradient times the input. The fastest.

            What is hidden, and is in a sample without evidence, has the mean of the
            sample in its channel, in a spectrogram the median of its filter. Tokens
            are hidden as padding is; without evidence their embeddings are 0.
        batch_size: Integer, how many inputs the model sees at a time.
        verbose: 0 or 1. 1 shows a progress bar.

    Returns:
        A list with one `keras_maelre.explanation.Explanation` for each sample, with
        `values`, `sample`, `target`, `score`, `method` and `plot(path)`. Units are
        those of the model's input, after resampling if there is any: steps of a series
        (`(length[, channels])`), cells of a spectrogram (`(frames, mel)`), pixels
        (`(height, width)`) of the cropped image, characters for models of bytes, and
        tokens.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the method or a class is unknown, a sample is bad or nothing but
            padding, the numbers of samples and targets differ, or the classifier's
            outputs are not finite.

    Example:

    ```python
    import numpy as np
    import keras_maelre
    from keras_maelre.preprocessing import SeriesPreprocessor

    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_series",
        class_names=["calm", "storm"],
        preprocessor=SeriesPreprocessor((200, 1)),
    )
    series = [np.random.normal(size=n) for n in (200, 120)]
    found = keras_maelre.explain(classifier, series, "storm", method="gradient")
    found[1].values.shape  # (120,)
    found[1].plot("storm.png")
    ```

    Reference:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks"
        (arXiv 1311.2901), section 4.2, of occlusion; Abnar and Zuidema, "Quantifying
        Attention Flow in Transformers" (arXiv 2005.00928), of rollout; Sundararajan et
        al., "Axiomatic Attribution for Deep Networks" (arXiv 1703.01365).
    """
    if not isinstance(classifier, MaelreClassifier):
        raise TypeError(
            "Argument `classifier` must be a MaelreClassifier; a fitted "
            "MaelreEstimator has one as `classifier_`. "
            f"Received: {type(classifier).__name__}"
        )
    check_choice("method", method, METHODS)
    batch_size = check_integer("batch_size", batch_size)
    if keras.ops.is_tensor(samples):
        samples = keras.ops.convert_to_numpy(samples)
    check_samples(samples, sized=False)
    samples = list(samples)
    targets = encode_explained(target, classifier, len(samples))
    relevance = _relevance(classifier, method, batch_size)
    bar = keras.utils.Progbar(len(samples), unit_name="sample") if verbose else None
    made = []
    for i, sample in enumerate(samples):
        subject = prepared_subject(classifier, sample, i)
        logits = classifier._forward(subject.x) / classifier.temperature
        check_outputs(logits, "logits")
        number = int(np.argmax(logits[0])) if targets is None else int(targets[i])
        score = numpy_log_odds(logits, number, classifier.multi_label)[0]
        values = relevance(subject, number)
        names = classifier.class_names
        name = number if names is None else names[number]
        kind, shown, values = _in_units(classifier, sample, subject, values)
        made.append(kind(values, shown, name, float(score), method))
        if bar is not None:
            bar.update(i + 1)
    return made


def _relevance(classifier, method, batch_size):
    """Returns the function of a method from a subject and a class to relevance."""
    if method == "occlusion":
        return functools.partial(occlusion, classifier, batch_size=batch_size)
    score_gradient = _kept(classifier, ScoreGradient)
    if method == "gradient":
        return functools.partial(gradient_times_input, score_gradient)
    if method == "integrated_gradients":
        return functools.partial(
            integrated_gradients, score_gradient, batch_size=batch_size
        )
    return functools.partial(
        rollout, _kept(classifier, AttentionRollout), score_gradient
    )


class _Kept:
    """What was made for a classifier: what it has compiled is kept between calls."""

    def __init__(self):
        self.made = {}


def _kept(classifier, kind):
    if not hasattr(classifier, "_explained"):
        classifier._explained = _Kept()
    made = classifier._explained.made
    if kind not in made:
        made[kind] = kind(classifier)
    return made[kind]


def prepared_subject(classifier, sample, index):
    """Returns the `Subject` of sample number `index`, or tells what is bad in it."""
    preprocessor, modality = classifier.preprocessor, classifier.modality
    length = None
    if preprocessor is None:
        x = np.asarray(sample)[None]
        located(lambda _: classifier.check_inputs(x), [sample], index)
        x = x.astype(modality.dtype)
    else:
        x = located(preprocessor, [sample], index)
        classifier.check_inputs(x)
        if modality.kept(x) is None and hasattr(preprocessor, "lengths"):
            lengths = preprocessor.lengths([sample])
            length = None if lengths is None else int(lengths[0])
    subject = make_subject(x[0], length, modality)
    if not subject.active.any():
        raise ValueError(f"There is nothing but padding in sample {index}.")
    return subject


def _in_units(classifier, sample, subject, values):
    """The kind of explanation, what it shows, and relevance in its units."""
    active, modality = subject.active, classifier.modality
    if reads_tokens(modality):
        ids, values = subject.x[0, active], values[active].sum(axis=-1)
        units, starts = text_units(ids, classifier.preprocessor, modality)
        return TextExplanation, units, np.add.reduceat(values, starts)
    used = active.any(axis=tuple(range(1, active.ndim)))
    end = int(np.flatnonzero(used)[-1]) + 1
    x, values = subject.x[0, :end], values[:end]
    if active.ndim == 1:
        raw = getattr(classifier.preprocessor, "raw_channels", x.shape[1])
        if raw < x.shape[1]:
            # Differences are of the steps that they lead to.
            x, values = x[:, :raw], values[:, :raw] + values[:, raw:]
        # As the sample that was passed, and not as the model's input.
        shape = (end,) if np.ndim(sample) == 1 else x.shape
        return SeriesExplanation, x.reshape(shape), values.reshape(shape)
    if x.ndim == 2:
        return SpectrogramExplanation, x, values
    return ImageExplanation, x, values.sum(axis=-1)
