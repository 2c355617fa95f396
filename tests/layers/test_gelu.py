"""The exact GELU, in every precision, and of operations that an exporter knows."""

import math

import keras
import numpy as np
import pytest

from keras_maelre import layers
from keras_maelre.layers.encoder_layer import gelu


# Relative: a few roundings. `1 + erf(x)`, rounded, would be wrong by a half.
@pytest.mark.parametrize(
    "dtype, digits", [("float32", 1e-6), ("float16", 5e-3), ("bfloat16", 4e-2)]
)
def test_values(dtype, digits):
    x = keras.ops.cast(np.linspace(-4, 4, 81), dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")).astype("float64")
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in exact]
    got = gelu(x)
    assert keras.backend.standardize_dtype(got.dtype) == dtype
    got = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
    np.testing.assert_allclose(got, expected, rtol=digits, atol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's graphs are exported"
)
def test_the_graph_holds_no_operation_that_onnx_lacks():
    import tensorflow as tf

    model = keras.Sequential([keras.Input((None, 8)), layers.EncoderLayer(2)])
    function = tf.function(lambda x: model(x))
    graph = function.get_concrete_function(tf.TensorSpec((None, None, 8))).graph
    graph = graph.as_graph_def()
    names = {node.op for node in graph.node}
    for inner in graph.library.function:
        names |= {node.op for node in inner.node_def}
    assert "Erf" in names and "Erfc" not in names
