"""One training by a recipe, from data to the best weights."""

import json
import math
import os
import pathlib
import time
import warnings

import keras
import numpy as np

from keras_maelre.checks import check_flag, check_integer, check_number, check_path
from keras_maelre.datasets import stratified_split
from keras_maelre.models.maelre_model import as_list
from keras_maelre.models.sample_batches import is_batches, take
from keras_maelre.models.training_guard import inner_optimizer
from keras_maelre.training.averaged_weights import AveragedWeights
from keras_maelre.training.best_weights import BestWeights
from keras_maelre.training.exact_statistics import ExactStatistics
from keras_maelre.training.fingerprint import fingerprint
from keras_maelre.training.linear_probe import ProbeReport, linear_probe
from keras_maelre.training.resumable_training import ResumableTraining
from keras_maelre.training.time_budget import StopInTime, plan_in_time

# Fewer do not turn new weights into a classifier.
FEW_STEPS = 100


def run(
    recipe,
    classifier,
    x,
    y,
    validation_data,
    validation_split,
    groups,
    sample_weight,
    epochs,
    time_limit,
    batch_size,
    output,
    resume,
    callbacks,
    seed,
    workers,
    verbose,
):
    """See `Recipe.fit`.

    Args:
        recipe: A `Recipe`, or a `MaskedTraining`.
        classifier: The model that the recipe trains.
    """
    begin = time.monotonic()
    epochs = check_integer("epochs", epochs)
    resume = check_flag("resume", resume)
    if time_limit is not None:
        time_limit = check_number("time_limit", time_limit, above=0.0)
    if resume and output is None:
        raise ValueError("Argument `resume` needs `output`, the folder to go on from.")
    batch_size = check_integer("batch_size", batch_size)
    seed = check_integer("seed", seed, low=0)
    if output is not None:
        output = check_path("output", output)

    # === Data ===
    everything = x, y, sample_weight, groups
    has_validation = validation_data is not None
    x, y, sample_weight, groups, validation_data = _split(
        recipe,
        classifier,
        x,
        y,
        sample_weight,
        validation_data,
        validation_split,
        groups,
        seed,
    )
    lengths = None
    if hasattr(classifier.preprocessor, "lengths"):
        lengths = classifier.preprocessor.lengths(x)
    options = {
        "batch_size": batch_size,
        "lengths": lengths,
        "sample_weight": sample_weight,
        "seed": seed,
        "workers": workers,
    }
    batches = recipe.batches(classifier, x, y, **options)
    validation = None
    if validation_data is not None:
        validation = recipe.ordered_batches(
            classifier,
            *validation_data[:2],
            batch_size=batch_size,
            sample_weight=validation_data[2] if len(validation_data) > 2 else None,
        )

    # === Callbacks ===
    folder = None if output is None else pathlib.Path(output)
    averages = AveragedWeights() if recipe.ema else None
    best = None
    if validation is not None and (recipe.restore_best_weights or recipe.probe):
        monitor, mode = recipe.monitored(classifier)
        last_only = not recipe.restore_best_weights
        best = BestWeights(f"val_{monitor}", mode, last_only)
    exact = None
    # Of those that pretrain, none has a head.
    head = getattr(classifier, "standardization", None)
    if head is not None and head.trainable:
        exact = ExactStatistics(classifier, batch_size, seed)
    watched = [c for c in (averages, exact, best) if c is not None]
    watched += as_list(callbacks)
    if time_limit is not None:
        watched.append(StopInTime(begin + time_limit))
    plan_file = probe_file = resumable = None
    going_on = resuming = False
    if folder is not None:
        settings = _settings(
            recipe,
            classifier,
            fingerprint(x, y, sample_weight),
            validation_data and fingerprint(*validation_data),
            batch_size,
            epochs,
            time_limit,
            seed,
        )
        resumable = ResumableTraining(folder / "checkpoint", settings, averages, best)
        watched.append(resumable)
        plan_file, probe_file = folder / "plan.json", folder / "probe.json"
        going_on = resume and plan_file.is_file()
        resuming = going_on and resumable.can_resume()

    # === Probe ===
    probe = None
    if recipe.probe and not resuming:
        probe = _probe(classifier, x, y, sample_weight, groups, batch_size, seed)
        if verbose:
            print(probe)

    # === How long ===
    if going_on:
        plan = _read_json(plan_file, "The plan of the training", _plan_of)
    elif time_limit is None:
        plan = {"epochs": epochs, "steps_per_epoch": len(batches)}
    else:
        recipe.compile(classifier, epochs * len(batches))
        left = time_limit - (time.monotonic() - begin)
        forwards = 0 if exact is None else exact.count_batches(len(batches.x))
        plan = plan_in_time(classifier, batches, validation, left, epochs, forwards)
    total_steps = math.prod(plan.values())
    inputs = batches.inputs
    batches = recipe.batches(
        classifier,
        x,
        y,
        steps_per_epoch=plan["steps_per_epoch"],
        total_steps=total_steps,
        **options,
    )
    # What was prepared to time the steps need not be prepared again.
    batches.inputs = inputs
    if exact is not None:
        exact.inputs = batches.inputs
    recipe.compile(classifier, total_steps)
    if total_steps < FEW_STEPS and not recipe.probe:
        warnings.warn(
            f"The training has only {total_steps} steps, too few for new weights: "
            f"{recipe.few_steps_advice}.",
            stacklevel=3,
        )
    if probe is not None and best is not None:
        scores = classifier.evaluate(validation, verbose=0, return_dict=True)
        score, needed = scores[monitor], None
        if best.last_only and monitor == "accuracy":
            needed = min(score, _pooled(score, len(validation.x), probe))
        best.start(score, classifier.get_weights(), needed)
        if verbose:
            line = f"Before the training: {best.monitor} {best.score:.4f}."
            if best.last_only:
                line += f" The last epoch must reach {best.needed:.4f}."
            print(line)

    if verbose:
        print(describe(recipe, classifier, batches, validation, plan))
    done = 0
    if resuming:
        done = resumable.restore(classifier)
    elif folder is not None:
        if verbose and resumable.can_resume():
            print(f"The training that {folder} holds is replaced.")
        _write_json(plan_file, plan)
        if probe is not None:
            _write_json(probe_file, probe.to_json())

    # === Training ===
    if verbose:
        if done:
            print(f"Going on after epoch {done} of {plan['epochs']}.")
        if keras.backend.backend() != "torch":
            print("The first step waits until it is compiled.")
    history = classifier.fit(
        batches,
        epochs=plan["epochs"],
        initial_epoch=done,
        validation_data=validation,
        callbacks=watched,
        verbose=verbose,
    )
    if best is not None and best.epoch == -1 and not has_validation:
        # Training gained nothing: what it was validated on is left to learn from.
        probe = _probe(classifier, *everything, batch_size, seed)
    if resumable is not None:
        history.history = _by_name(resumable.history)
        history.epoch = list(range(len(resumable.history)))
        classifier.save_to_preset(folder / "preset")
    if resuming and recipe.probe and probe is None:
        report = "The report of the probe"
        probe = _read_json(probe_file, report, ProbeReport.from_json)
    history.probe = probe
    history.best_epoch, history.best_score = None, None
    if best is not None and best.epoch is not None:
        history.best_epoch, history.best_score = best.epoch, best.score
    if verbose:
        print(_summary(plan, history, best, time.monotonic() - begin))
    return history


def describe(recipe, classifier, batches, validation, plan):
    """Returns a training in words, as its objects have it."""
    inner = inner_optimizer(classifier.optimizer)
    schedule = inner._learning_rate.get_config()
    backbone, loss = classifier.backbone, classifier.loss
    detail = {
        name: getattr(loss, name)
        for name in ("label_smoothing", "positive_weight")
        if hasattr(loss, name)
    }
    averages = "none"
    if inner.use_ema:
        averages = f"of weights, momentum {inner.ema_momentum:.4f}"
    factors = getattr(inner, "rate_factors", None) or {}
    rate = (
        f"up to {schedule['learning_rate']:.3g} over {schedule['warmup_fraction']:.0%} "
        "of the steps, then a cosine to 0"
    )
    if factors:
        rate += f"; times {min(factors.values()):.2g} at the stem to 1 at the head"
    weights = f"{classifier.count_params():,} weights"
    trained = sum(math.prod(v.shape) for v in classifier.trainable_variables)
    if trained < classifier.count_params():
        weights += f", {trained:,} of them trained"
    checked = "none" if validation is None else f"{len(validation.x)} samples"
    rows = {
        "samples": f"{len(batches.x)} to train on, validation: {checked}",
        "steps": f"{_epochs(plan['epochs'])} of {len(batches)}, batches of "
        f"{batches.batch_size}",
        "model": f"{backbone.modality.name}, {weights}, "
        f"{classifier.dtype_policy.name} on {keras.backend.backend()}",
        "optimizer": f"{type(inner).__name__}, weight decay {inner.weight_decay:g}, "
        f"global clipnorm {inner.global_clipnorm}",
        "learning rate": rate,
        "loss": " ".join(
            [type(loss).__name__, *(f"{k}={v:g}" for k, v in detail.items())]
        ),
        "averages": averages,
        "dropout": f"{backbone.dropout_rate:g}, drop path {backbone.drop_path_rate:g}",
        **recipe.rows(batches),
    }
    lines = [recipe.title(classifier)]
    return "\n".join(lines + [f"  {key:<14} {value}" for key, value in rows.items()])


def _split(
    recipe, classifier, x, y, sample_weight, validation_data, fraction, groups, seed
):
    """Returns the samples to train on and those to validate on."""
    fraction = check_number("validation_split", fraction, below=1.0)
    unfit = isinstance(x, (str, bytes, dict)) or not hasattr(x, "__len__")
    if is_batches(x) or unfit:
        raise TypeError(
            "A recipe shuffles, balances and augments samples in memory: argument `x` "
            f"must be a list or an array. Received: {type(x).__name__}. Compile by "
            "`recipe.compile` and call `classifier.fit` for batches of your own."
        )
    if not hasattr(y, "__len__"):
        raise TypeError(
            "Argument `y` must be a list or an array of labels. "
            f"Received: {type(y).__name__}"
        )
    for name, values in (("y", y), ("groups", groups)):
        if values is not None and len(values) != len(x):
            raise ValueError(
                f"Arguments `x` and `{name}` must have the same number of samples. "
                f"Received: {len(x)} and {len(values)}"
            )
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or not (
            2 <= len(validation_data) <= 3
        ):
            raise TypeError(
                "Argument `validation_data` must be a tuple (x, y) or (x, y, w). "
                f"Received: {type(validation_data).__name__}"
            )
        return x, y, sample_weight, groups, validation_data
    if not fraction:
        return x, y, sample_weight, groups, None
    labels = recipe.labels(classifier, y)
    held_out = stratified_split(labels, fraction, groups, seed, every_class=False)
    if not held_out.any():
        return x, y, sample_weight, groups, None
    train, held = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    validation_data = (take(x, held), labels[held])
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)
        validation_data = (*validation_data, sample_weight[held])
        sample_weight = sample_weight[train]
    if groups is not None:
        groups = np.asarray(groups)[train]
    return take(x, train), labels[train], sample_weight, groups, validation_data


def _probe(classifier, x, y, sample_weight, groups, batch_size, seed):
    """Fits the head to all samples that have a weight."""
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)
        kept = np.flatnonzero(sample_weight)
        x, y, sample_weight = take(x, kept), take(y, kept), sample_weight[kept]
        groups = None if groups is None else np.asarray(groups)[kept]
    return linear_probe(
        classifier,
        x,
        y,
        groups=groups,
        sample_weight=sample_weight,
        batch_size=batch_size,
        seed=seed,
    )


def _pooled(accuracy, count, probe):
    """The accuracy of a probe on validation samples and on those it held out."""
    correct = accuracy * count + probe.accuracy * probe.samples
    return correct / (count + probe.samples)


def _settings(
    recipe, classifier, data, validation, batch_size, epochs, time_limit, seed
):
    """What a resumed training must share with the one that was started."""
    config = classifier.get_config()
    for name in ("name", "temperature", "thresholds"):
        config.pop(name, None)
    config["backbone"]["config"].pop("name")
    return {
        **recipe.settings(classifier),
        "classifier": config,
        "data": data,
        "validation": validation,
        "batch_size": batch_size,
        "epochs": epochs,
        "time_limit": time_limit,
        "seed": seed,
    }


def _summary(plan, history, best, seconds):
    done = len(history.epoch)
    parts = [f"Trained {done} of {_epochs(plan['epochs'])} in {seconds:.0f} s."]
    if best is not None and best.epoch == -1:
        missed = (
            "the last epoch did not reach" if best.last_only else "no epoch reached"
        )
        parts.append(f"The probe is kept: {missed} {best.monitor} {best.needed:.4f}.")
    elif best is not None and best.epoch is not None:
        parts.append(
            f"Kept the weights of epoch {best.epoch + 1}: {best.monitor} "
            f"{best.score:.4f}."
        )
    return " ".join(parts)


def _epochs(count):
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def _by_name(history):
    names = list({name: None for entry in history for name in entry})
    return {name: [entry.get(name) for entry in history] for name in names}


def _plan_of(values):
    names = ("epochs", "steps_per_epoch")
    return {name: check_integer(name, values[name]) for name in names}


def _read_json(path, what, make):
    """Returns what a function makes of the values in a file, or names the file."""
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{what} in {str(path)!r} is damaged: {error!r}") from error


def _write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".unfinished")
    beside.write_text(json.dumps(value), encoding="utf-8")
    os.replace(beside, path)
