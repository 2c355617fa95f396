"""The outputs of a model for any number of raw samples, in bounded memory."""

import itertools
import re

import keras
import numpy as np

from keras_maelre.modalities.cut_padding import cut_padding, few_shapes

# So many batches of raw samples are taken at a time, and sorted by length.
BATCHES_PER_POOL = 32
# How a preprocessor that is called on one sample names it.
THIS_SAMPLE = re.compile(r"\b([Ss])ample 0\b")


def stream_outputs(samples, preprocessor, modality, forward, batch_size, verbose=0):
    """Yields the outputs of pools of samples, in the order of the samples.

    Batches hold samples of like length, cut to the longest, in few shapes: their
    lengths are rounded up, and on backends that compile the numbers of samples too.

    Args:
        samples: Iterable of raw samples.
        preprocessor: See `MaelreClassifier`.
        modality: `Modality` of the model.
        forward: Function from a batch of inputs to NumPy outputs.
        batch_size: Integer.
        verbose: 0, 1 or "auto". 1 shows a progress bar.
    """
    total = len(samples) if hasattr(samples, "__len__") else None
    bar = keras.utils.Progbar(total, unit_name="sample") if verbose == 1 else None
    stream, done = iter(samples), 0
    while pool := list(itertools.islice(stream, BATCHES_PER_POOL * batch_size)):
        order = np.arange(len(pool))
        if hasattr(preprocessor, "lengths"):
            lengths = located(preprocessor.lengths, pool, done)
            if lengths is not None:
                order = np.argsort(lengths, kind="stable")
        parts = []
        for start in range(0, len(pool), batch_size):
            chosen = order[start : start + batch_size]
            raw = [pool[i] for i in chosen]
            x = cut_padding(located(preprocessor, raw, done, chosen), modality)
            parts.append(forward(_whole_shape(x, batch_size))[: len(chosen)])
        outputs = np.concatenate(parts)
        result = np.empty_like(outputs)
        result[order] = outputs
        done += len(pool)
        if bar is not None:
            bar.update(done, finalize=total is not None and done == total)
        yield result


def _whole_shape(x, batch_size):
    """Repeats the last sample until the batch is of one of few sizes."""
    if keras.backend.backend() == "torch":
        return x
    rows = min(few_shapes(len(x)), batch_size)
    return np.concatenate([x, np.repeat(x[-1:], rows - len(x), axis=0)])


def located(function, pool, done, places=None):
    """Calls a function on samples; its errors tell which of all samples is bad."""
    places = range(len(pool)) if places is None else places
    try:
        return function(pool)
    except (TypeError, ValueError, OSError) as error:
        for sample, place in zip(pool, places, strict=True):
            try:
                function([sample])
            except (TypeError, ValueError, OSError) as reason:
                where, message = done + place, str(reason)
                if THIS_SAMPLE.search(message):
                    message = THIS_SAMPLE.sub(rf"\g<1>ample {where}", message)
                else:
                    message = f"sample {where}: {message}"
                kinds = (FileNotFoundError, OSError, TypeError, ValueError)
                kind = next(kind for kind in kinds if isinstance(reason, kind))
                raise kind(message) from error
        raise
