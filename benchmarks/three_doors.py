"""The same real data through the three doors: estimator, recipe, Keras.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/three_doors.py \
        esc10/index.csv:5 imagenette.npz ohsumed.parquet:labels --seconds 600

Data as in small_data.py. The estimator and `small_data_recipe` have the same time, and
Keras' `fit`, with AdamW at a rate of 1e-3, as many epochs as the recipe trained. Recipe
and Keras train the preset `tiny` with the preprocessor that the estimator chooses for
such samples, series at full length; all validate on a tenth of the training samples,
which only the first two choose an epoch by. No features of other tools join. The test
samples are looked at once.
Seconds are those of the processor, whatever else the machine does.

Every row is written to `--output` once it is measured, and is not measured again.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from cpu_budget import cpu_budget
from kept_rows import read_rows, write_rows
from small_data import load, scores, whole_samples

from keras_maelre import MaelreClassifier, MaelreEstimator
from keras_maelre.preprocessing import semantic_embeddings
from keras_maelre.training import small_data_recipe


def main():
    args = parse()
    rows = read_rows(args.output)
    for path in args.data:
        modality, name, data = load(path)
        for door, enter in DOORS.items():
            found = {r["door"]: r for r in rows if r["data"] == name}
            if door in found:
                continue
            keras.utils.set_random_seed(args.seed)
            begin = time.process_time()
            with cpu_budget():
                decided, epochs = enter(modality, data, found, args)
            row = {"data": name, "door": door, "epochs": epochs, "seed": args.seed}
            row["seconds"] = round(time.process_time() - begin)
            rows.append(row | scores(data, decided))
            write_rows(args.output, rows)
            print(rows[-1], flush=True)


def by_estimator(modality, data, found, args):
    estimator = MaelreEstimator(
        modality,
        time_limit=args.seconds,
        random_state=args.seed,
        extra_features=None,
        compare=False,
        verbose=2,
    )
    estimator.fit(data.x_train, data.y_train, groups=data.groups_train)
    return estimator.predict(data.x_test), len(estimator.history_["loss"])


def by_recipe(modality, data, found, args):
    classifier = new_classifier(modality, data, pooling="blocks")
    history = small_data_recipe(modality).fit(
        classifier,
        data.x_train,
        data.y_train,
        validation_split=0.1,
        groups=data.groups_train,
        epochs=200,
        time_limit=args.seconds,
        seed=args.seed,
        verbose=2,
    )
    return decisions(classifier, data), len(history.history["loss"])


def by_keras(modality, data, found, args):
    classifier = new_classifier(modality, data)
    compile_plainly(classifier, 1e-3)
    epochs = found["recipe"]["epochs"]
    classifier.fit(data.x_train, data.y_train, epochs=epochs, verbose=2)
    return decisions(classifier, data), epochs


DOORS = {"estimator": by_estimator, "recipe": by_recipe, "Keras": by_keras}


def new_classifier(modality, data, **arguments):
    preprocessor = whole_samples(modality, data, "tiny")
    if modality == "text":
        table = semantic_embeddings(preprocessor, data.x_train)
        arguments |= {"token_embeddings": table, "trainable_embeddings": True}
    return MaelreClassifier.from_preset(
        f"tiny_{modality}",
        preprocessor=preprocessor,
        class_names=data.class_names,
        multi_label=data.multi_label,
        **arguments,
    )


def compile_plainly(classifier, learning_rate):
    """AdamW and the cross-entropy, as one would begin with."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if classifier.multi_label:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.AdamW(learning_rate), loss)


def decisions(classifier, data):
    decided = classifier.decide(classifier.predict_proba(data.x_test))
    return decided.astype(int) if data.multi_label else np.argmax(decided, axis=1)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("three_doors.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
