"""Mosquito: which species is flying? Time series.

    python examples/mosquito.py                          # simulated wingbeats, minutes
    python examples/mosquito.py --data flights.npz       # your own series
    python examples/mosquito.py --data mosquito_sound    # the UCR set, through TFDS

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. The recipe is that of
"Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409), section 4.2:
AdamW, warm-up and cosine decay, label smoothing, MixUp, jitter, scaling, magnitude
warp, time warp, random drop, and a moving average of the weights.
Scores, with the commands that reached them, are in examples/README.md.
"""

import time

import shared
from simulated import simulated_wingbeats

import keras_maelre
from keras_maelre import augmentation, datasets, training
from keras_maelre.preprocessing import SeriesPreprocessor

DATA = (
    "a .npz file, a UCR .ts or .tsv file (the other of the pair beside it), a folder "
    "with such a pair, or mosquito_sound; simulated wingbeats if left out"
)


def main(arguments=None):
    args = parse(arguments)
    shared.start(args)
    if args.data is None:
        data = simulated_wingbeats(samples_per_class=150, length=1500, seed=args.seed)
        print("No --data given: SIMULATED wingbeats. Scores do not carry over.")
    else:
        data = datasets.load_series(args.data)
    length = max(data.x_train.shape[1], data.x_test.shape[1])
    print(data.describe())
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        preprocessor=SeriesPreprocessor((length, data.x_train.shape[2])),
        input_shape=(length, data.x_train.shape[2]),
    )
    recipe = training.recipe("series", **shared.changes(args))
    if args.aligned:
        layers = recipe.layers("augmentation", classifier.modality)
        recipe.augmentation = [
            layer for layer in layers if not isinstance(layer, augmentation.RandomRoll)
        ]
    shared.initialize(args, classifier)
    begin = time.monotonic()
    history = recipe.fit(
        classifier,
        data.x_train,
        data.y_train,
        groups=data.groups_train,
        **shared.fit_options(args),
    )
    return shared.report(args, data, classifier, history, time.monotonic() - begin)


def parse(arguments):
    parser = shared.parser(
        __doc__, DATA, preset="tiny_series", batch_size=16, epochs=(50, 6)
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="all series begin at the same point (outlines, spectra, trials), not "
        "anywhere in a recording: no random shifts in training",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
