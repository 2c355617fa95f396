"""Long inputs whose tokens are divided among devices."""

import keras
import numpy as np
from keras import distribution

from keras_maelre.checks import check_integer


class SequenceParallel(distribution.ModelParallel):
    """Divides the sequences of every batch, and if wanted the batch, among devices.

    JAX only. Every device holds all weights and a stretch of the tokens, so that an
    input may be as long as all devices together have memory for. The compiler
    does the rest: neighbours exchange the tokens that a convolution reaches over its
    edge, and the sums of linear attention over the keys are added up over all devices;
    they are as small as the width of a head, however long the input. Dot-product
    attention, of the later blocks, gathers the few tokens left. The model's
    `chunk_size` must stay `None`: the chunks would be gathered on every device, with
    the same result but for more memory.

    Set it before the model is built, as with any distribution of Keras; `fit`,
    `evaluate`, `predict` and `train_on_batch` then divide what they are given:

    - arrays of rank 3 and more, such as series, spectrograms and images, along axis 1;
    - arrays of rank 2 along axis 1 if it is a multiple of the devices along the
      sequence; else each of them gets all of it. These are token ids or labels, which
      look alike: pad token ids to such a multiple, labels need nothing;
    - all arrays along axis 0, if `batch_shards` is more than 1.

    Args:
        devices: Optional list of strings, as of `keras.distribution.list_devices()`,
            which is the default. All devices of one process.
        batch_shards: Integer that divides the number of devices: in how many parts to
            divide the batch. Each part has `len(devices) / batch_shards` devices, which
            divide its sequences.

    Raises:
        ValueError: If the backend is not JAX, there are several processes, or
            `batch_shards` does not divide the devices; when data come, if an axis to
            divide is not a multiple of its devices.

    Example:

    ```python
    if keras.backend.backend() == "jax":
        with SequenceParallel().scope():
            classifier = keras_maelre.MaelreClassifier.from_preset("tiny_series")
            classifier.predict(np.random.normal(size=(2, 3000, 1))).shape  # (2, 6)
    ```

    Reference:
        "Modality Agnostic Efficient Long Range Encoder" (arXiv 2507.19409), section
        3.1.2: the sums over keys that make it possible.
    """

    def __init__(self, devices=None, batch_shards=1):
        if keras.backend.backend() != "jax":
            raise ValueError(
                "SequenceParallel needs the JAX backend (KERAS_BACKEND=jax). On "
                "TensorFlow `tf.distribute.MirroredStrategy` and on torch "
                "`torch.nn.parallel.DistributedDataParallel` divide batches, not "
                f"sequences. Received: backend {keras.backend.backend()!r}"
            )
        devices = distribution.list_devices() if devices is None else list(devices)
        check_integer("batch_shards", batch_shards)
        if len(devices) % batch_shards:
            raise ValueError(
                f"Argument `batch_shards` must divide the {len(devices)} devices. "
                f"Received: batch_shards={batch_shards}"
            )
        self.batch_shards = batch_shards
        self.sequence_shards = len(devices) // batch_shards
        mesh = distribution.DeviceMesh(
            shape=(self.batch_shards, self.sequence_shards),
            axis_names=("batch", "sequence"),
            devices=np.array(devices),
        )
        super().__init__(
            layout_map=distribution.LayoutMap(mesh), batch_dim_name="batch"
        )
        if self.num_processes > 1:
            # JAX would take each process' sequences for stretches of longer ones.
            raise ValueError(
                "SequenceParallel divides sequences among the devices of one process. "
                f"Received: {self.num_processes} processes"
            )

    def get_data_layout(self, data_shape):
        axes = ["batch"] + [None] * (len(data_shape) - 1)
        rank_2_fits = len(axes) == 2 and data_shape[1] % self.sequence_shards == 0
        if len(axes) > 2 or rank_2_fits:
            axes[1] = "sequence"
        for axis, name in enumerate(axes[:2]):
            shards = self.device_mesh.shape[axis]
            if name and data_shape[axis] % shards:
                raise ValueError(
                    f"Axis {axis} of the data is divided among {shards} devices and "
                    "must be a multiple of them: choose another batch size or length; "
                    "series may end in NaN time steps. Received: data of shape "
                    f"{tuple(data_shape)}"
                )
        return distribution.TensorLayout(axes, self.device_mesh)
