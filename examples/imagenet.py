"""ImageNet: what is in this picture? Images.

    python examples/imagenet.py                        # scikit-learn's digits, minutes
    python examples/imagenet.py --data pictures --size 128  # a folder per class
    python examples/imagenet.py --data imagenette.npz --size 128
    python examples/imagenet.py --data imagenet2012 --preset base_image --size 224

`KERAS_BACKEND=tensorflow|jax|torch` selects the backend. The recipe is that of
"Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409), section 4.4:
RandAugment, CutMix, MixUp, label smoothing, drop path, and a moving average of the
weights. Scores, with the commands that reached them, are in examples/README.md.
"""

import pathlib
import time

import keras
import shared

import keras_maelre
from keras_maelre import augmentation, datasets, training
from keras_maelre.preprocessing import ImagePreprocessor

DATA = (
    "a folder with a folder per class (or with train and test folders of such), a .npz "
    "archive of images, or imagenet2012 through TFDS; scikit-learn's digits if left out"
)


def main(arguments=None):
    args = parse(arguments)
    shared.start(args)
    if args.data is None:
        data = datasets.load_digits_images()
        print("No --data given: the 1797 handwritten digits of scikit-learn, 8 x 8")
    elif args.data == "imagenet2012":
        data = datasets.load_imagenet()
    elif pathlib.Path(args.data).is_dir():
        data = datasets.read_folder(
            args.data, seed=args.seed, check=datasets.check_image
        )
    else:
        data = datasets.read_image_archive(args.data)
    # The random crop of the training wants all of a picture, and digits fill theirs.
    preprocessor = ImagePreprocessor((args.size, args.size, 3), crop_fraction=1.0)
    print(data.describe())
    classifier = keras_maelre.MaelreClassifier.from_preset(
        args.preset,
        class_names=data.class_names,
        preprocessor=preprocessor,
        input_shape=preprocessor.input_shape,
    )
    recipe = training.recipe("image", **shared.changes(args))
    if args.data is None:
        recipe.augmentation = []  # mirrored, digits are others or none
    elif args.light:
        recipe.augmentation = [
            augmentation.RandomResizedCrop(area_factor=(0.25, 1.0)),
            keras.layers.RandomFlip("horizontal", dtype="float32"),
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
        __doc__, DATA, preset="tiny_image", batch_size=32, epochs=(60, 12)
    )
    parser.add_argument(
        "--size",
        type=shared.positive,
        default=32,
        help="pixels of a side, default: %(default)s",
    )
    parser.add_argument(
        "--light",
        action="store_true",
        help="crop and mirror only: without a GPU, RandAugment takes longer than the "
        "training step of a tiny model",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
