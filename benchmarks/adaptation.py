"""Low-rank adaptation beside other ways to train a trained model on.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/adaptation.py \
        digits ShapesAll.npz --epochs 30 --target-epochs 20

A tiny classifier is trained on the first half of the classes of a data set, and then on
the other half in every way, from the same weights, with the same samples and for the
same number of epochs. Of each way the learning rate is chosen by validation samples
among `--rates`. Data sets are taken as `benchmarks/quantization.py` takes them.
"""

import argparse
import dataclasses
import math
import tempfile
import warnings

import keras
import numpy as np
from quantization import accuracy, build, load, table, train, unchanged

import keras_maelre
from keras_maelre import datasets, training
from keras_maelre.models.sample_batches import take

WAYS = {
    "from new weights": (None, {}),
    "head alone": (lambda classifier: classifier.freeze(4), {}),
    "LoRA, rank 4": (lambda classifier: classifier.enable_lora(4), {}),
    "all, layer_decay .7": (lambda classifier: None, {"layer_decay": 0.7}),
    "all": (lambda classifier: None, {}),
}


def main():
    args = parse()
    rows = []
    for path in args.data:
        data = load(path)
        half = len(data.class_names) // 2
        source, target = part(data, 0, half), part(data, half, len(data.class_names))
        keras.utils.set_random_seed(args.seed)
        classifier = build(source, args.length)
        train(classifier, source, args)
        print(f"{data.name}, first half: {accuracy(classifier, source):.4f}")
        with tempfile.TemporaryDirectory() as folder:
            classifier.save_to_preset(folder)
            for way in args.ways:
                rows.append(trained_on(folder, target, way, args))
                print(rows[-1], flush=True)
    print(table(rows))


def part(data, first, last):
    """The samples of some of the classes."""
    changes = {}
    for split in ("train", "test"):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        chosen = np.flatnonzero((y >= first) & (y < last))
        changes[f"x_{split}"], changes[f"y_{split}"] = (
            take(x, chosen),
            y[chosen] - first,
        )
    return dataclasses.replace(
        data, class_names=data.class_names[first:last], **changes
    )


def trained_on(folder, data, way, args):
    held = datasets.stratified_split(data.y_train, 0.2, seed=args.seed)
    inside, outside = np.flatnonzero(~held), np.flatnonzero(held)
    tried = []
    for rate in args.rates:
        keras.utils.set_random_seed(args.seed)
        change, changes = WAYS[way]
        model = build(data, args.length)
        if change is not None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The preset has")
                model = keras_maelre.MaelreClassifier.from_preset(
                    folder, class_names=data.class_names
                )
            change(model)
        changes = {**changes, **unchanged(data, args)}
        recipe = training.recipe(model.modality.name, learning_rate=rate, **changes)
        history = recipe.fit(
            model,
            take(data.x_train, inside),
            data.y_train[inside],
            validation_data=(take(data.x_train, outside), data.y_train[outside]),
            epochs=args.target_epochs,
            seed=args.seed,
            verbose=0,
        )
        score = max(history.history["val_accuracy"])
        tried.append((score, -history.history["val_loss"][-1], rate, model))
    score, _, rate, model = max(tried, key=lambda entry: entry[:2])
    trained = sum(math.prod(v.shape) for v in model.trainable_variables)
    return {
        "data": f"{data.name}, second half",
        "way": way,
        "weights trained": f"{trained:,} ({trained / model.count_params():.1%})",
        "learning rate": rate,
        "validation": f"{score:.4f}",
        "test accuracy": f"{accuracy(model, data):.4f}",
    }


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--epochs", type=int, default=30, help="on the first half")
    parser.add_argument("--rate", type=float, default=1e-3, help="on the first half")
    parser.add_argument("--target-epochs", type=int, default=20)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--length", type=int, default=1024, help="bytes of a text")
    parser.add_argument("--plain", action="store_true", help="samples as they are")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
