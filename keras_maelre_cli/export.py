"""Write a classifier as a file that runs without Keras.

The end of its name says the format:
  .onnx    ONNX
  .tflite  LiteRT
  .xml     OpenVINO
  .pt2     torch
  none     a folder, a SavedModel of TensorFlow
"""

import pathlib

from keras_maelre_cli import argument_types as types
from keras_maelre_cli.exit_codes import OK
from keras_maelre_cli.presets import load_classifier
from keras_maelre_cli.progress import to_stderr

EXAMPLE = "  keras-maelre export runs/sounds sounds.onnx"
FORMATS = {
    ".onnx": "onnx",
    ".tflite": "litert",
    ".xml": "openvino",
    ".pt2": "torch",
    "": "saved_model",
}


def add_arguments(parser):
    parser.add_argument("preset", metavar="PRESET", help="folder of a saved preset")
    parser.add_argument("file", metavar="FILE", help="what to write, see above")
    parser.add_argument(
        "--model-input",
        action="store_true",
        help="leave the preprocessing out: the file takes inputs of the model instead "
        "of raw samples",
    )
    parser.add_argument(
        "--batch",
        type=types.positive_integer,
        metavar="N",
        help="samples of every batch, default: any number",
    )
    parser.add_argument(
        "--length",
        type=types.positive_integer,
        metavar="N",
        help="length of every sample, default: any, where the format can",
    )
    parser.add_argument("--license", help="license of the weights, for the metadata")


def run(args):
    suffix = pathlib.Path(args.file).suffix
    if suffix not in FORMATS:
        raise ValueError(
            f"FILE must end in {', '.join(filter(None, FORMATS))} or have no ending. "
            f"Received: {args.file}"
        )
    with to_stderr():
        classifier = load_classifier(args.preset)
        import keras_maelre

        try:
            result = keras_maelre.export(
                classifier,
                args.file,
                format=FORMATS[suffix],
                raw_input=not args.model_input,
                batch=args.batch,
                length=args.length,
                license=args.license,
            )
        except RuntimeError as error:
            raise ValueError(str(error)) from error
    print(result)
    return OK
