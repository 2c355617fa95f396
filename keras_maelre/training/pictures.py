"""Pictures of trainings."""

import numpy as np


def plot_learning_curve(history, path, title=""):
    """Draws loss and scores over the epochs.

    Args:
        history: List of dictionaries, one per epoch, as `ResumableTraining` keeps it:
            keys with the prefix `"val_"` belong to the validation split.
        path: Where to save the PNG.
        title: String above the picture.

    Example:

    ```python
    plot_learning_curve([{"loss": 1.7}, {"loss": 1.2}], "learning_curve.png")
    ```
    """
    plt = pyplot()
    epochs = range(1, len(history) + 1)
    keys = {key: None for entry in history for key in entry}
    names = list({key.removeprefix("val_"): None for key in keys})
    names.sort(key=lambda name: name != "loss")  # the loss first, others as they came
    figure, panels = plt.subplots(
        1, len(names), figsize=(5 * len(names), 4), layout="constrained", squeeze=False
    )
    for axes, name in zip(panels[0], names, strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in keys:
                values = [entry.get(key, np.nan) for entry in history]
                axes.plot(epochs, values, marker=".", label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def pyplot():
    """Returns matplotlib's pyplot, drawing to files, or says how to get it."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            'The pictures of a report need matplotlib: pip install "keras_maelre'
            '[examples]"'
        ) from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
