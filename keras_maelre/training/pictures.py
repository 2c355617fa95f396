"""Pictures of training runs, drawn to files."""

import numpy as np


def plot_learning_curve(history, path, title=""):
    """Draws the loss and the scores over the epochs.

    Args:
        history: Dictionary of lists, one value per epoch, as `fit(...).history`, or a
            list of dictionaries, one per epoch, as `ResumableTraining.history`. Keys
            with the prefix `"val_"` belong to the validation split.
        path: Path of the picture; its suffix is the format, such as `.png`.
        title: String, the title of the picture.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If the history is empty.

    Example:

    ```python
    from keras_maelre.training import plot_learning_curve

    plot_learning_curve({"loss": [1.7, 1.2], "val_loss": [1.8, 1.5]}, "curve.png")
    ```
    """
    if not isinstance(history, dict):
        keys = dict.fromkeys(key for epoch in history for key in epoch)
        history = {key: [epoch.get(key, np.nan) for epoch in history] for key in keys}
    if not history:
        raise ValueError("Argument `history` is empty: there is nothing to draw.")
    names = list(dict.fromkeys(key.removeprefix("val_") for key in history))
    names.sort(key=lambda name: name != "loss")  # the loss first, others as they came
    figure = new_figure(figsize=(5 * len(names), 4))
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in history:
                epochs = range(1, len(history[key]) + 1)
                axes.plot(epochs, history[key], marker=".", label=label)
        axes.set(xlabel="epoch", ylabel=plain(name))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(plain(title))
    figure.savefig(path, dpi=120)


def new_figure(**kwargs):
    """Returns a figure of matplotlib that leaves pyplot and its backend alone."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Pictures are drawn by matplotlib, which is not installed. Run: "
            'pip install "keras_maelre[examples]"'
        ) from error
    return Figure(layout="constrained", **kwargs)


def plain(text):
    """Returns text that matplotlib shows as it is: dollars do not start formulas."""
    return str(text).replace("$", r"\$")
