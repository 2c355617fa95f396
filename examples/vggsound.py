"""VGGSound: what makes this sound? Recordings.

    python examples/vggsound.py                            # simulated sounds, minutes
    python examples/vggsound.py --data vggsound.csv --clips clips --frames 1024
    python examples/vggsound.py --data esc10/index.csv --test-fold 5 --frames 1008 \\
        --frame-step 5                                     # a table like ESC-50's
    python examples/vggsound.py --data sounds              # a folder per class
    python examples/vggsound.py --data ... --init-from runs/imagenet/preset

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. The recipe is that of
"Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409), section 4.3:
Kaldi's log-mel filterbank, class-balanced sampling, frequency and time masking, noise,
roll, MixUp, label smoothing, a moving average of the weights, and a start from a model
of images. Scores, with the commands that reached them, are in examples/README.md.
"""

import pathlib
import time

import numpy as np
import shared
from simulated import simulated_sounds

import keras_maelre
from keras_maelre import augmentation, datasets, training
from keras_maelre.preprocessing import AudioPreprocessor

DATA = (
    "vggsound.csv (with --clips), a table with the columns file, label and fold, or a "
    "folder with a folder per class; simulated sounds if left out"
)
MEASURED = 500  # sounds are enough for a mean and a deviation


def main(arguments=None):
    args = parse(arguments)
    shared.start(args)
    missing = "skip" if args.skip_missing else "raise"
    if args.data is None:
        data = simulated_sounds(samples_per_class=60, seed=args.seed)
        print("No --data given: SIMULATED sounds. Scores do not carry over.")
    elif pathlib.Path(args.data).is_dir():
        data = datasets.read_folder(
            args.data,
            suffixes=(".wav", ".flac", ".ogg"),
            seed=args.seed,
            damaged=missing,
            check=datasets.check_sound,
        )
    elif args.clips:
        data = datasets.read_vggsound(args.data, args.clips, missing=missing)
    else:
        data = datasets.read_sound_table(
            args.data, test_fold=args.test_fold, missing=missing
        )
    preprocessor = AudioPreprocessor(
        input_shape=(args.frames, 128), frame_step_ms=args.frame_step, truncate=True
    )
    chosen = np.random.default_rng(args.seed).permutation(len(data.x_train))
    preprocessor.adapt(shared.select(data.x_train, chosen[:MEASURED]), verbose=2)
    print(f"log-mel mean {preprocessor.mean:.3f}, deviation {preprocessor.stddev:.3f}")
    print(data.describe())
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        preprocessor=preprocessor,
        input_shape=preprocessor.input_shape,
    )
    recipe = training.recipe("audio", **shared.changes(args))
    recipe.augmentation = [
        augmentation.SpectrogramRoll(),
        augmentation.FrequencyMask(),
        # As AST does (arXiv 2104.01778): up to 192 of 1024 frames.
        augmentation.TimeMask(max_width=max(1, args.frames * 192 // 1024)),
        augmentation.SpectrogramNoise(),
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
        __doc__, DATA, preset="tiny_audio", batch_size=16, epochs=(50, 20)
    )
    parser.add_argument("--clips", help="the folder of VGGSound's clips")
    parser.add_argument("--test-fold", type=int, help="default: the highest fold")
    parser.add_argument(
        "--skip-missing",
        action="store_true",
        help="leave out files that are missing or damaged, and count them",
    )
    parser.add_argument(
        "--frames",
        type=shared.positive,
        default=208,
        help="of a spectrogram; longer sounds lose their end, default: %(default)s",
    )
    parser.add_argument(
        "--frame-step",
        type=shared.rate,
        default=10.0,
        help="milliseconds from frame to frame, default: 10",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
