"""Stems: from the one input tensor of a modality to tokens."""

import math

import keras
from keras import ops

from keras_maelre.checks import check_flag, check_integer
from keras_maelre.layers.aligned_conv import AlignedConv, merged_length
from keras_maelre.layers.embedding import Embedding
from keras_maelre.layers.fast_paths import (
    is_eager_torch,
    torch_distinct,
    torch_sum_of_rows,
)
from keras_maelre.layers.masking import NotAllNaN, zero_masked

# Vocabularies up to this size have fewer tokens than most batches.
SMALL_VOCABULARY = 1024


@keras.saving.register_keras_serializable(package="keras_maelre")
class TokenStem(keras.layers.Layer):
    """Embeds token ids and projects windows of them by a convolution.

    Ids equal to `padding_id` are masked from here on.

    Args:
        vocabulary_size: Integer.
        embedding_dim: Integer, the width of the embedding table.
        dim: Integer, the width of the tokens that come out.
        padding_id: Integer, the id of padding.
        kernel_size: Integer, in tokens.
        trainable_embeddings: Boolean. Whether training changes the table. The paper
            keeps a pretrained table frozen; a fresh one must be trained.
        embeddings_initializer: Initializer of the embedding table.
        kernel_initializer: Initializer of the kernel of the convolution.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        token_ids: Integer tensor of shape `(batch, tokens)`.

    Returns:
        A float tensor of shape `(batch, tokens, dim)` with a mask.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or if the input is not of rank 2.

    Example:

    ```python
    import numpy as np

    import keras_maelre

    stem = keras_maelre.layers.TokenStem(257, 64, 96, padding_id=0)
    stem(np.array([[72, 105, 0, 0]])).shape  # (1, 4, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.1.
    """

    def __init__(
        self,
        vocabulary_size,
        embedding_dim,
        dim,
        padding_id,
        kernel_size=21,
        trainable_embeddings=True,
        embeddings_initializer="uniform",
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = check_integer("vocabulary_size", vocabulary_size)
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.dim = check_integer("dim", dim)
        self.padding_id = check_integer(
            "padding_id", padding_id, low=0, high=self.vocabulary_size - 1
        )
        self.kernel_size = check_integer("kernel_size", kernel_size)
        self.trainable_embeddings = check_flag(
            "trainable_embeddings", trainable_embeddings
        )
        self.supports_masking = True
        self.embedding = Embedding(
            self.vocabulary_size,
            self.embedding_dim,
            embeddings_initializer=embeddings_initializer,
            trainable=self.trainable_embeddings,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.conv = AlignedConv(
            1,
            kernel_size,
            filters=dim,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                "TokenStem expects token ids of shape (batch, tokens). "
                f"Received: input shape {tuple(input_shape)}"
            )
        self.embedding.build(input_shape)
        self.conv.build((*input_shape, self.embedding_dim))

    def call(self, token_ids):
        # The contribution of a token to an output depends only on the token and on its
        # place in the window: where tokens recur, it is computed once for each token.
        if is_eager_torch():
            return self._sum_of_products(*torch_distinct(self._with_margins(token_ids)))
        # Neither unknown (TensorFlow) nor symbols of an exporter (JAX, torch).
        known = all(isinstance(size, int) for size in token_ids.shape)
        count = math.prod(token_ids.shape) if known else SMALL_VOCABULARY
        if self.vocabulary_size <= count:
            tokens = ops.arange(self.vocabulary_size)
            return self._sum_of_products(tokens, self._with_margins(token_ids))
        kept = ops.not_equal(token_ids, self.padding_id)
        return self.conv(self.embedding(token_ids), mask=kept)

    def _with_margins(self, token_ids):
        margin = (self.kernel_size // 2, (self.kernel_size - 1) // 2)
        return ops.pad(token_ids, ((0, 0), margin), constant_values=self.padding_id)

    def _sum_of_products(self, tokens, indices):
        """The convolution of `tokens[indices]`, from products of tokens and kernel."""
        kept = ops.not_equal(tokens, self.padding_id)
        products = ops.matmul(
            zero_masked(self.embedding(tokens), kept), self.conv.kernel
        )
        products = ops.cast(
            products, keras.backend.result_type(products.dtype, "float32")
        )
        if is_eager_torch():
            x = torch_sum_of_rows(products, indices)
        else:
            length = ops.shape(indices)[1] - self.kernel_size + 1
            x = sum(
                ops.take(products[i], indices[:, i : i + length], axis=0)
                for i in range(self.kernel_size)
            )
        return ops.cast(x, self.compute_dtype) + self.conv.bias

    def compute_mask(self, token_ids, previous_mask=None):
        return ops.not_equal(token_ids, self.padding_id)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "dim": self.dim,
            "padding_id": self.padding_id,
            "kernel_size": self.kernel_size,
            "trainable_embeddings": self.trainable_embeddings,
            "embeddings_initializer": keras.initializers.serialize(
                self.embedding.embeddings_initializer
            ),
            "kernel_initializer": keras.initializers.serialize(
                self.conv.kernel_initializer
            ),
        }


@keras.saving.register_keras_serializable(package="keras_maelre")
class SeriesStem(keras.layers.Layer):
    """Projects windows of a time series by a convolution.

    Time steps that are NaN in every channel are padding and masked from here on. A
    step that is NaN in only some channels is not padding: its NaN remains visible in
    the result.

    Args:
        dim: Integer, the width of the tokens.
        kernel_size: Integer, in time steps.
        kernel_initializer: Initializer of the kernel of the convolution.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        series: Float tensor of shape `(batch, length, channels)`.

    Returns:
        A float tensor of shape `(batch, length, dim)` with a mask.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or if the input is not of rank 3.

    Example:

    ```python
    import keras

    import keras_maelre

    series = keras.random.normal((2, 3750, 1))
    keras_maelre.layers.SeriesStem(96)(series).shape  # (2, 3750, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        section 4.2.
    """

    def __init__(
        self, dim, kernel_size=7, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.dim = check_integer("dim", dim)
        self.kernel_size = check_integer("kernel_size", kernel_size)
        self.supports_masking = True
        self.padding_mask = NotAllNaN(name=f"{self.name}_mask")
        self.conv = AlignedConv(
            1,
            kernel_size,
            filters=dim,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, series):
        return self.conv(series, mask=self.padding_mask(series))

    def compute_mask(self, series, previous_mask=None):
        return self.padding_mask(series)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(
                self.conv.kernel_initializer
            ),
        }


@keras.saving.register_keras_serializable(package="keras_maelre")
class PatchStem(keras.layers.Layer):
    """Projects patches of an image or a spectrogram by a strided convolution.

    Args:
        dim: Integer, the width of the tokens.
        kernel_size: Integer, in pixels (spectrogram: frames and mel bins).
        strides: Integer, in pixels.
        kernel_initializer: Initializer of the kernel of the convolution.
        **kwargs: Other arguments of `keras.layers.Layer`.

    Call arguments:
        image: Float tensor of shape `(batch, height, width, channels)`.

    Returns:
        A float tensor of shape `(batch, tokens, dim)`, row by row, where `tokens` is
        `ceil(height / strides) * ceil(width / strides)`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or if the input is not of rank 4.

    Example:

    ```python
    import keras

    import keras_maelre

    images = keras.random.normal((2, 224, 224, 3))
    keras_maelre.layers.PatchStem(96)(images).shape  # (2, 3136, 96)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409),
        sections 4.3 and 4.4.
    """

    def __init__(
        self,
        dim,
        kernel_size=7,
        strides=4,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dim = check_integer("dim", dim)
        self.kernel_size = check_integer("kernel_size", kernel_size)
        self.strides = check_integer("strides", strides)
        self.conv = AlignedConv(
            2,
            kernel_size,
            strides,
            filters=dim,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, image):
        x = self.conv(image)
        _, height, width, _ = ops.shape(x)
        return ops.reshape(x, (-1, height * width, self.dim))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        height = merged_length(height, self.strides)
        width = merged_length(width, self.strides)
        tokens = None if None in (height, width) else height * width
        return (batch, tokens, self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(
                self.conv.kernel_initializer
            ),
        }
