"""Pictures of relevance."""

import numpy as np

from keras_maelre.training.pictures import new_figure, plain

COLORS = "RdBu_r"


def titled_figure(title, **kwargs):
    """Returns a figure with a title, shown as it is."""
    figure = new_figure(**kwargs)
    figure.suptitle(plain(title), fontsize=10)
    return figure


def symmetric(values):
    """Arguments of `imshow` and its like: white is 0, and both signs reach as far."""
    most = float(np.abs(values).max()) or 1.0
    return {"cmap": COLORS, "vmin": -most, "vmax": most}


def draw_series(series, values, title):
    """Draws each channel of a series, `(length, channels)`, on its relevance."""
    series = series.reshape(len(series), -1)
    values = values.reshape(series.shape)
    channels = series.shape[1]
    figure = titled_figure(title, figsize=(10, 1.0 + 1.8 * channels))
    panels = figure.subplots(channels, 1, sharex=True, squeeze=False)[:, 0]
    scale = symmetric(values)
    for channel, axes in enumerate(panels):
        curve = series[:, channel]
        low, high = np.nanmin(curve), np.nanmax(curve)
        margin = 0.05 * (high - low) or 1.0
        low, high = low - margin, high + margin
        ground = axes.imshow(
            values[None, :, channel],
            aspect="auto",
            interpolation="nearest",
            extent=(-0.5, len(curve) - 0.5, low, high),
            **scale,
        )
        axes.plot(curve, color="black", linewidth=0.8)
        axes.set(ylim=(low, high), ylabel=f"channel {channel}" if channels > 1 else "")
    panels[-1].set_xlabel("step")
    figure.colorbar(ground, ax=list(panels), label="relevance")
    return figure


def draw_spectrogram(spectrogram, values, title):
    """Draws a spectrogram, `(frames, mel)`, above its relevance."""
    figure = titled_figure(title, figsize=(10, 5))
    above, below = figure.subplots(2, 1, sharex=True, sharey=True)
    style = {"aspect": "auto", "origin": "lower", "interpolation": "nearest"}
    shown = above.imshow(spectrogram.T, cmap="magma", **style)
    figure.colorbar(shown, ax=above, label="log-mel energy")
    shown = below.imshow(values.T, **style, **symmetric(values))
    figure.colorbar(shown, ax=below, label="relevance")
    above.set_ylabel("mel filter")
    below.set(xlabel="frame", ylabel="mel filter")
    return figure


def draw_image(image, values, title):
    """Draws an image, `(height, width, channels)`, beside it under its relevance."""
    low, high = image.min(), image.max()
    image = (image - low) / ((high - low) or 1.0)
    grey = image.mean(axis=-1)
    if image.shape[-1] != 3:
        image = grey
    figure = titled_figure(title, figsize=(9, 4))
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap="gray")
    right.imshow(grey, cmap="gray", vmin=-1, vmax=2)  # pale: the colors count
    scale = symmetric(values)
    strength = np.abs(values) / scale["vmax"]
    shown = right.imshow(values, alpha=0.85 * strength**0.75, **scale)
    for axes in (left, right):
        axes.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=[left, right], label="relevance")
    return figure
