"""Classifiers to export, small and with weights that matter."""

from keras_maelre import preprocessing
from tests.models.tiny import randomize, tiny_classifier

PREPROCESSORS = {
    "series": lambda: preprocessing.SeriesPreprocessor((40, 2)),
    "bytes": lambda: preprocessing.BytePreprocessor((48,)),
    "audio": lambda: preprocessing.AudioPreprocessor(
        (32, 16), sampling_rate=2000, mean=-3.0, stddev=2.0
    ),
    "image": lambda: preprocessing.ImagePreprocessor((24, 20, 3), crop_fraction=1.0),
}
SUFFIXES = {
    "onnx": ".onnx",
    "saved_model": "",
    "litert": ".tflite",
    "openvino": ".xml",
    "torch": ".pt2",
}


def raw_classifier(modality, **kwargs):
    preprocessor = PREPROCESSORS[modality]()
    small = {
        "input_shape": preprocessor.input_shape,
        "preprocessor": preprocessor,
        "depths": (1, 1, 1, 1),
        "width": 8,
        "temperature": 1.7,
        **kwargs,
    }
    return randomize(tiny_classifier(modality, **small))
