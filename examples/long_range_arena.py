"""Long Range Arena: five tasks that need a whole sequence.

    python examples/long_range_arena.py listops --longest 400 --shortest 100
    python examples/long_range_arena.py pathfinder --size 32
    python examples/long_range_arena.py image --data cifar10_gray.npz
    python examples/long_range_arena.py text --data imdb.parquet
    python examples/long_range_arena.py retrieval --data aan

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. The expressions of listops
and the pictures of pathfinder are generated here; those of the benchmark are others of
the same kind. Pixels come one by one as a series of grey values, documents as bytes.
The tasks are those of "Long Range Arena" (arXiv 2011.04006), section 2.2; published
and reached scores are in examples/README.md.
"""

import time

import shared
import two_towers
from simulated import simulated_listops, simulated_pathfinder

import keras_maelre
from keras_maelre import datasets, preprocessing, training

DATA = (
    "image: a .npz file with X, pixels of shape (samples, pixels), y and is_test; "
    "text: a .csv or .parquet table with the columns text, label and split; "
    "retrieval: the folder of the .tsv files of AAN, whose eval file it validates on"
)
GENERATED, READ = ("listops", "pathfinder"), ("image", "text", "retrieval")
# What else the tasks may be told, and what it is if they are not.
OPTIONS = {
    "samples": (GENERATED, 20000, "training and test samples together"),
    "shortest": (("listops",), 500, "symbols of the shortest expression"),
    "longest": (("listops",), 2000, "symbols of the longest expression"),
    "size": (("pathfinder",), 32, "pixels of a side"),
    "length": (("text", "retrieval"), 4000, "bytes to read of a document"),
}


def main(arguments=None):
    args = parse(arguments)
    shared.start(args)
    if args.task == "retrieval":
        return two_towers.train(args, preset_of(args, "bytes"))
    data, preprocessor, recipe = TASKS[args.task](args)
    print(data.describe())
    classifier = keras_maelre.MaelreClassifier.from_preset(
        preset_of(args, preprocessor.modality),
        class_names=data.class_names,
        preprocessor=preprocessor,
        input_shape=preprocessor.input_shape,
    )
    shared.initialize(args, classifier)
    begin = time.monotonic()
    history = recipe.fit(
        classifier, data.x_train, data.y_train, **shared.fit_options(args)
    )
    return shared.report(args, data, classifier, history, time.monotonic() - begin)


def listops(args):
    data = simulated_listops(args.samples, args.shortest, args.longest, seed=args.seed)
    print("Generated (SIMULATED) expressions: not those of the benchmark.")
    preprocessor = preprocessing.BytePreprocessor((args.longest,))
    # Every symbol counts: none may be dropped.
    recipe = training.recipe("bytes", augmentation=[], **shared.changes(args))
    return data, preprocessor, recipe


def text(args):
    data = datasets.read_table(args.data, seed=args.seed)
    preprocessor = preprocessing.BytePreprocessor((args.length,), truncate=True)
    return data, preprocessor, training.recipe("bytes", **shared.changes(args))


def image(args):
    return pixels(args, datasets.load_series(args.data))


def pathfinder(args):
    print("Generated (SIMULATED) pictures: not those of the benchmark.")
    return pixels(args, simulated_pathfinder(args.samples, args.size, seed=args.seed))


def pixels(args, data):
    preprocessor = preprocessing.SeriesPreprocessor(data.x_train.shape[1:])
    # What is done to recordings would tear pictures apart.
    recipe = training.recipe(
        "series", augmentation=[], mixing=[], **shared.changes(args)
    )
    return data, preprocessor, recipe


TASKS = {"listops": listops, "text": text, "image": image, "pathfinder": pathfinder}


def preset_of(args, modality):
    """The preset of a size and a modality; a saved one as it is."""
    name = f"{args.preset}_{modality}"
    return name if name in keras_maelre.MaelreClassifier.presets else args.preset


def parse(arguments):
    parser = shared.parser(__doc__, DATA, preset="tiny", batch_size=32, epochs=(20, 20))
    parser.add_argument("task", choices=(*GENERATED, *READ))
    for name, (tasks, default, about) in OPTIONS.items():
        parser.add_argument(
            f"--{name}",
            type=shared.positive,
            help=f"{' and '.join(tasks)}: {about}, default: {default}",
        )
    args = parser.parse_args(arguments)
    if (args.data is None) != (args.task in GENERATED):
        parser.error(
            f"{args.task} is generated, and takes no --data"
            if args.task in GENERATED
            else f"{args.task} needs --data: {DATA}"
        )
    for name, (tasks, default, _) in OPTIONS.items():
        if args.task in tasks:
            setattr(args, name, getattr(args, name) or default)
        elif getattr(args, name) is not None:
            parser.error(f"--{name} is of {' and '.join(tasks)}, not of {args.task}")
    refused = [name for name in ("resume", "minutes", "init_from") if vars(args)[name]]
    if args.task == "retrieval" and refused:
        parser.error(f"retrieval takes no --{refused[0].replace('_', '-')}")
    if args.output == parser.get_default("output"):
        args.output /= args.task
    return args


if __name__ == "__main__":
    main()
