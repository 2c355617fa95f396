"""The base of all modalities."""

import inspect
import math

import keras
import numpy as np

from keras_maelre.checks import check_integers


class Modality:
    """One kind of signal: its input, its stem, its grid of tokens and its padding.

    A backbone is built from a modality and asks it everything that depends on the
    kind of signal. To bring your own, subclass this class (or `Tokens`), set `name`
    and `axes`, implement `stem` and `grid`, and register the class with
    `keras.saving.register_keras_serializable`, so that a preset can be loaded.

    Attributes:
        name: String, as it appears in messages and in the names of presets.
        axes: Tuple of strings, the axes of an input without the batch.
        description: String, what the inputs are.
        variable_length: Boolean. Whether the first axis may be shorter than that of
            `input_shape`; the rest is padding, see `kept`.
        dtype: String, the dtype of the inputs.
        input_name: String, the name of the input layer.
        patch: Tuple of integers, how many values along the first axes of an input the
            stem makes one token of; `keras_maelre.training.pretrain` hides as much at
            least. `None` if nothing is to be pretrained.

    Example:

    ```python
    import keras
    from keras_maelre import MaelreBackbone, layers, modalities

    @keras.saving.register_keras_serializable(package="example")
    class Depth(modalities.Modality):
        name = "depth"
        axes = ("height", "width")
        description = "depth images"
        input_name = "depth"

        def tokens(self, inputs, stem):
            return stem(keras.ops.expand_dims(inputs, -1))

        def stem(self, width, dtype):
            return layers.PatchStem(width, strides=4, dtype=dtype, name="stem")

        def grid(self, input_shape):
            return tuple(-(-size // 4) for size in input_shape)

    backbone = MaelreBackbone(Depth(), (32, 48), width=16, depths=(1, 1, 1, 1))
    backbone(keras.random.normal((2, 32, 48)))["cls"].shape  # (2, 128)
    ```
    """

    name = None
    axes = ()
    description = "signals"
    variable_length = False
    dtype = "float32"
    input_name = "inputs"
    patch = None

    def stem(self, width, dtype):
        """Returns the layer from inputs to tokens, `(batch, tokens, width)`.

        Args:
            width: Integer, the width of the tokens.
            dtype: `keras.DTypePolicy` of the layer, whose name must be `"stem"`.
        """
        raise NotImplementedError

    def grid(self, input_shape):
        """Returns the grid of tokens that the stem makes of an input.

        Args:
            input_shape: Tuple of integers, the shape of an input without the batch.

        Returns:
            A tuple of one integer, tokens of a sequence, or of two, the rows and
            columns of a grid, which blocks merge two by two.
        """
        raise NotImplementedError

    def tokens(self, inputs, stem):
        """Applies the stem to the symbolic inputs of a functional model."""
        return stem(inputs)

    def summary(self, inputs, stem, dtype):
        """Returns what heads on all blocks read of the symbolic inputs themselves.

        Args:
            inputs: Symbolic inputs of a functional model.
            stem: The layer that `stem` made.
            dtype: String, the dtype of the result.

        Returns:
            A symbolic tensor of shape `(batch, features)`, or `None` for nothing.
        """
        return None

    def input(self, input_shape):
        """Returns the `keras.Input` of a functional model."""
        if self.variable_length:
            input_shape = (None, *input_shape[1:])
        return keras.Input(input_shape, dtype=self.dtype, name=self.input_name)

    def kept(self, x):
        """Tells values from padding.

        Args:
            x: NumPy array, a batch of inputs.

        Returns:
            Boolean array of shape `(batch, length)`, `False` for padding, or `None`
            if the modality has no padding.
        """
        return None

    def count_stem_macs(self, stem, input_shape):
        """Counts the multiply-accumulates of the stem: each kernel once a token."""
        kernels = [w.shape for w in stem.weights if w.name == "kernel"]
        return math.prod(self.grid(input_shape)) * sum(map(math.prod, kernels))

    def check_input_shape(self, input_shape):
        """Returns the argument `input_shape` as a tuple, or raises a ValueError."""
        return check_integers("input_shape", input_shape, self.axes)

    def check_shape(self, shape, input_shape):
        """Raises a ValueError unless a batch of `shape` fits a model.

        Args:
            shape: Tuple, the shape of a batch; `None` where a size is unknown.
            input_shape: Tuple of integers, that of the model.
        """
        fits = len(shape) == len(input_shape) + 1
        for i, (got, wanted) in enumerate(zip(shape[1:], input_shape, strict=False)):
            if got is not None and self.variable_length and i == 0:
                # One comparison: an exporter would take a second for a condition.
                fits = fits and 0 < got <= wanted
            else:
                fits = fits and (got is None or got == wanted)
        if fits and shape[0] == 0:
            raise ValueError(f"There must be at least one sample. Received: {shape}")
        if not fits:
            longest = input_shape[0]
            sizes = (
                f"1 to {longest}" if self.variable_length else longest,
                *input_shape[1:],
            )
            hint = (
                " Pass `input_shape` to `from_preset` for another length or size."
                if len(shape) == len(input_shape) + 1
                else ""
            )
            raise ValueError(
                f"The {self.name} model expects inputs of shape "
                f"(batch, {', '.join(str(size) for size in sizes)}). "
                f"Received: {shape}.{hint}"
            )

    def check_dtype(self, dtype):
        """Raises a TypeError unless inputs may have this dtype.

        Args:
            dtype: String.
        """
        if not dtype.startswith(("float", "bfloat", "int", "uint", "bool")):
            raise TypeError(
                f"The {self.name} model expects numbers. Received: dtype {dtype}"
            )

    def check_values(self, x):
        """Raises a ValueError at the first value that is neither finite nor padding.

        Args:
            x: NumPy array, a batch of inputs.
        """
        if not np.issubdtype(x.dtype, np.floating):
            return
        bad = ~np.isfinite(x)
        if not bad.any():
            return
        kept = self.kept(x)
        hint = ""
        if kept is not None:
            bad &= kept.reshape(kept.shape + (1,) * (x.ndim - 2))
            hint = " A time step counts as padding only if it is NaN in every channel."
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"Input values must be finite. Received: {x[where]} at {where} "
                f"(sample, ...).{hint}"
            )

    @classmethod
    def option_names(cls):
        """The names of the arguments of the constructor, as a set."""
        return set(inspect.signature(cls).parameters)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash(type(self))

    def __repr__(self):
        options = (f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({', '.join(options)})"
