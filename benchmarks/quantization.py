"""What quantization costs and saves: accuracy, size on disk, CPU time of a sample.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/quantization.py \
        digits LargeKitchenAppliances.npz --epochs 30

Series as `keras_maelre.datasets.load_series` takes them are classified by
`tiny_series`; tables of texts, as `read_table` takes them, byte by byte by
`tiny_bytes`; "digits" are the images of `load_digits_images`. Each classifier is
trained by its recipe, quantized in every mode, saved, loaded, and measured on the test
samples as it was loaded. The last rows are of the exported ONNX file, and of what ONNX
Runtime's own quantization of its weights makes of it. Times are CPU time of the
process for prepared inputs, the least of five.
"""

import argparse
import pathlib
import tempfile
import time

import keras
import numpy as np

import keras_maelre
from keras_maelre import datasets, preprocessing, training
from keras_maelre.deployment.runtimes import open_file
from keras_maelre.models.sample_batches import take

MODES = {
    "float32": None,
    "int8": keras.quantizers.Int8QuantizationConfig(),
    "int8, weights alone": keras.quantizers.Int8QuantizationConfig(
        activation_quantizer=None
    ),
    "int4, weights alone": keras.quantizers.Int4QuantizationConfig(),
    "int4, a scale for each output": keras.quantizers.Int4QuantizationConfig(
        block_size=-1
    ),
}


def main():
    args = parse()
    rows = []
    for path in args.data:
        keras.utils.set_random_seed(args.seed)
        data = load(path)
        classifier = build(data, args.length)
        train(classifier, data, args)
        with tempfile.TemporaryDirectory() as folder:
            for mode in MODES:
                rows.append(measured(classifier, data, folder, mode, args))
                print(rows[-1], flush=True)
            for row in measured_in_onnx_runtime(classifier, data, folder, args):
                rows.append(row)
                print(row, flush=True)
    print(table(rows))


def load(path):
    if path == "digits":
        return datasets.load_digits_images()
    if path.endswith((".parquet", ".csv")):
        return datasets.read_table(path)
    return datasets.load_series(path)


def build(data, length):
    """A tiny classifier with new weights, for raw samples."""
    sample = data.x_train[0]
    if isinstance(sample, str):
        preset = "tiny_bytes"
        preprocessor = preprocessing.BytePreprocessor((length,), truncate=True)
    elif sample.ndim == 3:
        preset = "tiny_image"
        preprocessor = preprocessing.ImagePreprocessor((32, 32, 3), crop_fraction=1.0)
    else:
        preset = "tiny_series"
        preprocessor = preprocessing.SeriesPreprocessor(sample.shape)
    return keras_maelre.MaelreClassifier.from_preset(
        preset, class_names=data.class_names, preprocessor=preprocessor
    )


def train(classifier, data, args):
    recipe = training.recipe(
        classifier.modality.name, learning_rate=args.rate, **unchanged(data, args)
    )
    return recipe.fit(
        classifier,
        data.x_train,
        data.y_train,
        epochs=args.epochs,
        seed=args.seed,
        verbose=2,
    )


def unchanged(data, args):
    """Without random changes of samples: mirrored digits are no digits."""
    if args.plain or data.name == "digits":
        return {"augmentation": [], "mixing": []}
    return {}


def measured(classifier, data, folder, mode, args):
    folder = pathlib.Path(folder) / mode
    model = quantized(classifier, MODES[mode], folder.with_suffix(".base"))
    model.save_to_preset(folder)
    few = take(data.x_test, np.arange(args.batch_size))
    expected = model.predict_proba(few)
    model = keras_maelre.MaelreClassifier.from_preset(folder)
    change = np.abs(model.predict_proba(few) - expected).max()
    x = model.preprocessor(few)

    def forward(x):
        keras.Model.predict_on_batch(model, x)

    return {
        "data": data.name,
        "mode": mode,
        "accuracy": f"{accuracy(model, data):.4f}",
        "MB": f"{sum(p.stat().st_size for p in folder.iterdir()) / 1e6:.2f}",
        f"ms of {args.batch_size}": f"{milliseconds(forward, x):.2f}",
        "ms of one": f"{milliseconds(forward, x[:1]):.2f}",
        "changed by loading": f"{change:.0e}",
    }


def quantized(classifier, config, folder):
    """A copy, as quantizing cannot be undone."""
    classifier.save_to_preset(folder)
    model = keras_maelre.MaelreClassifier.from_preset(folder)
    if config is not None:
        model.quantize(config=config)
    return model


def measured_in_onnx_runtime(classifier, data, folder, args):
    """Rows of the exported file, as it is and quantized by the runtime."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = pathlib.Path(folder) / "float32.onnx"
    keras_maelre.export(classifier, path, "onnx", raw_input=False)
    quantized_path = path.with_name("int8.onnx")
    quantize_dynamic(path, quantized_path, weight_type=QuantType.QInt8)
    inputs = classifier.preprocessor(data.x_test)
    starts = range(0, len(inputs), args.batch_size)
    batches = [inputs[start : start + args.batch_size] for start in starts]
    for mode, file in (("float32", path), ("int8", quantized_path)):
        forward = open_file(file, "onnx")
        found = [forward(x).argmax(axis=1) for x in batches]
        yield {
            "data": data.name,
            "mode": f"ONNX Runtime, {mode}",
            "accuracy": f"{np.mean(np.concatenate(found) == data.y_test):.4f}",
            "MB": f"{file.stat().st_size / 1e6:.2f}",
            f"ms of {args.batch_size}": f"{milliseconds(forward, batches[0]):.2f}",
            "ms of one": f"{milliseconds(forward, batches[0][:1]):.2f}",
            "changed by loading": "",
        }


def accuracy(model, data):
    return np.mean(model.predict_proba(data.x_test).argmax(axis=1) == data.y_test)


def milliseconds(forward, x):
    """CPU time of a sample."""
    spent = []
    for _ in range(6):
        begin = time.process_time()
        forward(x)
        spent.append(time.process_time() - begin)
    return 1000 * min(spent[1:]) / len(x)


def table(rows):
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(r.values()) for r in rows)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--length", type=int, default=1024, help="bytes of a text")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--plain", action="store_true", help="samples as they are")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
