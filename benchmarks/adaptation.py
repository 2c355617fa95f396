"""Low-rank adaptation beside other ways to train a trained model on.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/adaptation.py \
        LargeKitchenAppliances.npz ScreenType.npz --minutes 4

A tiny classifier is trained on the first data set, and then on the second in every way,
from the same weights, with the same samples and for the same number of epochs. Of each
way the learning rate is chosen by the validation samples among `--rates`. Data sets are
taken as `benchmarks/quantization.py` takes them.
"""

import argparse
import math
import pathlib
import tempfile
import warnings

import keras
from quantization import accuracy, build, load, table, train

import keras_maelre
from keras_maelre import datasets, training
from keras_maelre.models.sample_batches import take

WAYS = {
    "head alone": (lambda classifier: classifier.freeze(4), {}),
    "LoRA, rank 4": (lambda classifier: classifier.enable_lora(4), {}),
    "blocks 3 and 4": (lambda classifier: classifier.freeze(2), {}),
    "everything, layer_decay .8": (lambda classifier: None, {"layer_decay": 0.8}),
    "everything": (lambda classifier: None, {}),
}


def main():
    args = parse()
    keras.utils.set_random_seed(args.seed)
    source, target = load(args.source), load(args.target)
    classifier = build(source, args.length)
    train(classifier, source, args)
    print(f"{source.name}: {accuracy(classifier, source):.4f}", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        classifier.save_to_preset(folder)
        for way in WAYS:
            rows.append(trained_on(folder, target, way, args))
            print(rows[-1], flush=True)
    print(table(rows))


def trained_on(folder, data, way, args):
    held = datasets.stratified_split(data.y_train, 0.2, seed=args.seed)
    parts = [
        (take(data.x_train, part.nonzero()[0]), data.y_train[part])
        for part in (~held, held)
    ]
    tried = []
    for rate in args.rates:
        keras.utils.set_random_seed(args.seed)
        model = started(folder, data, args)
        change, changes = WAYS[way]
        change(model)
        recipe = training.recipe(model.modality.name, learning_rate=rate, **changes)
        history = recipe.fit(
            model,
            *parts[0],
            validation_data=parts[1],
            epochs=args.target_epochs,
            seed=args.seed,
            verbose=0,
        )
        score = max(history.history["val_accuracy"])
        tried.append((score, rate, accuracy(model, data)))
    score, rate, tested = max(tried)
    trained = sum(math.prod(v.shape) for v in model.trainable_variables)
    return {
        "way": way,
        "weights trained": f"{trained:,} ({trained / model.count_params():.1%})",
        "rate": rate,
        "validation": f"{score:.4f}",
        f"test accuracy on {data.name}": f"{tested:.4f}",
    }


def started(folder, data, args):
    preprocessor = build(data, args.length).preprocessor
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The preset has")
        return keras_maelre.MaelreClassifier.from_preset(
            folder,
            class_names=data.class_names,
            preprocessor=preprocessor,
        )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="on the first set")
    parser.add_argument("--epochs", type=int, default=40, help="on the first, at most")
    parser.add_argument("--target-epochs", type=int, default=20)
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-4, 1e-3, 3e-3])
    parser.add_argument("--length", type=int, default=1024, help="bytes of a text")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
