"""From a Keras model to the file of another runtime.

One function for each backend that can write files: `(model, taken, job, metadata)`.
"""

import contextlib
import io
import logging
import pathlib
import warnings

from keras_maelre.deployment.metadata import METADATA_FILE, as_strings

OUTPUT = "probabilities"


def write_from_tensorflow(model, taken, job, metadata):
    def write(path, format):
        model.export(
            str(path), format=format, input_signature=model.inputs, verbose=False
        )

    with _quiet():
        if job.format == "openvino":
            # Its files stay open while what they hold is written again.
            first = pathlib.Path(job.path).with_name("first.xml")
            write(first, "openvino")
            _save_openvino(_read_openvino(first), taken, job, metadata)
            first.unlink()
            first.with_suffix(".bin").unlink()
        elif job.format == "onnx":
            _tensorflow_to_onnx(model, taken, job)
            _finish_onnx(job, metadata)
        elif job.format == "saved_model":
            write(job.path, "tf_saved_model")
        else:
            write(job.path, job.format)


def write_from_torch(model, taken, job, metadata):
    import torch

    with _quiet(), torch.no_grad():
        program = _torch_program(model, taken, job)
        if job.format == "torch":
            text = as_strings({METADATA_FILE: metadata})
            torch.export.save(program, job.path, extra_files=text)
        elif job.format == "onnx":
            written = torch.onnx.export(
                program,
                input_names=[taken.name],
                output_names=[OUTPUT],
                verbose=False,
            )
            written.save(job.path)
            _finish_onnx(job, metadata)
        else:
            import openvino

            _save_openvino(openvino.convert_model(program), taken, job, metadata)


WRITERS = {"tensorflow": write_from_tensorflow, "torch": write_from_torch}


def _tensorflow_to_onnx(model, taken, job):
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(model.inputs[0].shape, taken.dtype, name=taken.name)]
    forward = tf.function(
        lambda x: model(x, training=False), signature, autograph=False
    )
    # By itself the converter writes a choice as a sum of two products with 0 and 1,
    # which is NaN where what is not chosen is NaN, as padding is.
    choices = {name: (_as_where, []) for name in ("Select", "SelectV2")}
    tf2onnx.convert.from_function(
        forward, signature, custom_op_handlers=choices, output_path=job.path
    )


def _as_where(ctx, node, name, args):
    node.type = "Where"
    return node


def _torch_program(model, taken, job):
    import torch
    from torch.fx.experimental import _config

    class OneOutput(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)[OUTPUT]

    sizes = [2 if job.batch is None else job.batch, *taken.shape]
    free = {0: torch.export.Dim("batch", min=1)} if job.batch is None else {}
    options, config = {}, contextlib.nullcontext()
    if taken.shortest is not None and job.length is not None:
        sizes[1] = job.length
    elif taken.shortest is not None:
        # Sizes of 1 get no program of their own, nor does the exporter ask for proofs
        # of what it cannot solve, such as that two roundings are equal.
        config = _config.patch(backed_size_oblivious=True)
        options["prefer_deferred_runtime_asserts_over_guards"] = True
        automatic = torch.export.Dim.AUTO
        free = {axis: automatic(min=1) for axis in free}
        free[1] = automatic(min=taken.shortest, max=taken.shape[0])
    x = torch.zeros(sizes, dtype=getattr(torch, taken.dtype))
    with config:
        return torch.export.export(
            OneOutput().eval(), (x,), dynamic_shapes=(free,), strict=False, **options
        )


def _finish_onnx(job, metadata):
    """Names the dimensions that are free, and adds the metadata."""
    import onnx

    model = onnx.load(job.path)
    for value, names in (
        (model.graph.input[0], ("batch", "length")),
        (model.graph.output[0], ("batch",)),
    ):
        dims = value.type.tensor_type.shape.dim
        for dim, name in zip(dims, names, strict=False):
            if not dim.HasField("dim_value"):
                dim.dim_param = name
    onnx.helper.set_model_props(model, as_strings(metadata))
    onnx.save(model, job.path)


def _read_openvino(path):
    import openvino

    return openvino.Core().read_model(path)


def _save_openvino(model, taken, job, metadata):
    import openvino

    sizes = list(taken.shape)
    if taken.shortest is not None:
        sizes[0] = -1 if job.length is None else job.length
    batch = -1 if job.batch is None else job.batch
    # The converter of torch forgets the sizes that are fixed.
    model.reshape(openvino.PartialShape([batch, *sizes]))
    model.inputs[0].tensor.set_names({taken.name})
    model.outputs[0].tensor.set_names({OUTPUT})
    for key, value in as_strings(metadata).items():
        model.set_rt_info(value, ["keras_maelre", key])
    openvino.save_model(model, job.path, compress_to_fp16=False)


@contextlib.contextmanager
def _quiet():
    """Keeps what converters have to say about their own ways to themselves."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
