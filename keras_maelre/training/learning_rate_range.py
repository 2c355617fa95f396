"""At which learning rates does a training gain, and from which on does it diverge?"""

import dataclasses
import functools
import math

import keras
import numpy as np

from keras_maelre.checks import check_integer, check_number, check_path
from keras_maelre.models.check_classifier import check_classifier
from keras_maelre.training.kept_state import kept_state
from keras_maelre.training.pictures import new_figure

# How much of the smoothed loss stays from step to step.
SMOOTHING = 0.9
# Beyond this multiple of the least smoothed loss a training has diverged.
DIVERGED = 4.0
# What the rate of the least loss is divided by: there, training is about to diverge.
MARGIN = 10.0


@dataclasses.dataclass(frozen=True)
class LearningRateRange:
    """What `learning_rate_range` measured.

    Args:
        rates: List of floats, the learning rate of every step.
        losses: List of floats, the loss of the batch of every step.
        smoothed: List of floats, the moving average of the losses.

    Example:

    ```python
    from keras_maelre.training import LearningRateRange

    found = LearningRateRange([1e-4, 1e-3, 1e-2], [0.9, 0.5, 2.0], [0.9, 0.7, 1.1])
    found.suggestion  # 1e-4
    ```
    """

    rates: list
    losses: list
    smoothed: list

    @property
    def suggestion(self):
        """A tenth of the rate at which the smoothed loss is least, as a float."""
        return self.rates[int(np.argmin(self.smoothed))] / MARGIN

    def __str__(self):
        return (
            f"{len(self.rates)} steps at learning rates from {self.rates[0]:.1e} to "
            f"{self.rates[-1]:.1e}: the loss was least, {min(self.smoothed):.3f}, at "
            f"{MARGIN * self.suggestion:.1e}; suggested is {self.suggestion:.1e}."
        )

    def plot(self, path=None):
        """Draws loss against learning rate.

        Args:
            path: Optional path of a file to write; its suffix is the format, such as
                `.png`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        if path is not None:
            path = check_path("path", path)
        figure = new_figure(figsize=(6, 4))
        axes = figure.subplots()
        axes.semilogx(self.rates, self.losses, ".", alpha=0.4, label="batch")
        axes.semilogx(self.rates, self.smoothed, label="smoothed")
        axes.axvline(self.suggestion, color="gray", linestyle="--", label="suggestion")
        axes.set(xlabel="learning rate", ylabel="loss")
        # One step that diverged would flatten the rest.
        axes.set_ylim(0, 1.5 * max(self.smoothed[: len(self.smoothed) // 2 + 1]))
        axes.legend()
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure


def learning_rate_range(
    recipe,
    classifier,
    x,
    y,
    lowest=1e-6,
    highest=1.0,
    steps=100,
    batch_size=32,
    seed=0,
    total_steps=None,
):
    """Trains some steps at rising learning rates, and forgets them.

    Batches, loss, optimizer and dropout are those of the recipe. The rate rises by the
    same factor at every step, and the test ends early once the loss has diverged. The
    classifier has its weights again afterwards; it is compiled for the test, so that it
    must be compiled again, which `recipe.fit` does.

    The suggestion suits new weights. For weights that are trained already the least
    loss may be that of the first steps, and the picture says more.

    Args:
        recipe: A `Recipe` of the classifier's modality.
        classifier: A `MaelreClassifier`.
        x: Samples, as `recipe.fit` takes them.
        y: Labels, as `recipe.fit` takes them.
        lowest: Float above 0, the learning rate of the first step.
        highest: Float above `lowest`, the learning rate of the last step.
        steps: Integer of at least 10.
        batch_size: Integer.
        seed: Integer, of the batches.
        total_steps: Integer, all steps of the training that a rate is looked for, by
            which the recipe chooses how much to augment, mix and drop; `None` for a
            training of which all is augmented.

    Returns:
        A `LearningRateRange`: `rates`, `losses`, `suggestion`, and `plot()`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or the loss is not finite at the
            lowest rate already.

    Example:

    ```python
    import numpy as np
    from keras_maelre import MaelreClassifier
    from keras_maelre.training import learning_rate_range, recipe

    x, y = np.random.normal(size=(40, 100, 1)), np.arange(40) % 2
    classifier = MaelreClassifier.from_preset(
        "tiny_series", input_shape=(100, 1), num_classes=2
    )
    found = learning_rate_range(recipe("series"), classifier, x, y, steps=20)
    print(found)
    recipe("series", learning_rate=found.suggestion)
    ```

    Reference:
        "Cyclical Learning Rates for Training Neural Networks" (arXiv 1506.01186),
        section 3.3.
    """
    check_classifier(classifier)
    lowest = check_number("lowest", lowest, above=0.0)
    highest = check_number("highest", highest, above=lowest)
    steps = check_integer("steps", steps, low=10)
    if total_steps is None:
        total_steps = recipe.full_regularization_steps
    total_steps = check_integer("total_steps", total_steps)
    lengths = getattr(classifier.preprocessor, "lengths", None)
    batches = recipe.batches(
        classifier,
        x,
        y,
        total_steps=total_steps,
        batch_size=check_integer("batch_size", batch_size),
        seed=check_integer("seed", seed, low=0),
        lengths=lengths and lengths(x),
    )
    recipe.compile(classifier, total_steps)
    factor = (highest / lowest) ** (1 / (steps - 1))
    classifier.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(
        lowest, decay_steps=1, decay_rate=factor
    )
    # Batches hold inputs of the model: the raw door of the classifier is stepped over.
    train = functools.partial(keras.Model.train_on_batch, classifier, return_dict=True)
    rates, losses, smoothed, average = [], [], [], 0.0
    with kept_state(classifier):
        for step in range(steps):
            if step and step % len(batches) == 0:
                batches.on_epoch_begin()
            # What `train_on_batch` returns is a mean over all steps since.
            classifier.reset_metrics()
            loss = float(train(*batches[step % len(batches)])["loss"])
            if not math.isfinite(loss):
                break
            average = SMOOTHING * average + (1 - SMOOTHING) * loss
            rates.append(lowest * factor**step)
            losses.append(loss)
            smoothed.append(average / (1 - SMOOTHING ** (step + 1)))
            if smoothed[-1] > DIVERGED * min(smoothed):
                break
    if not losses:
        raise ValueError(
            "The loss is not finite at the lowest learning rate: look at the samples, "
            f"or pass a lower one. Received: lowest={lowest!r}"
        )
    return LearningRateRange(rates, losses, smoothed)
