"""Exported files as functions, each in its runtime."""


def open_file(path, format):
    """Returns the function from a batch to probabilities that a file holds.

    Args:
        path: String, what `export` wrote.
        format: String, one of `FORMATS`, whose runtime is installed.
    """
    return RUNTIMES[format](str(path))


def _open_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def _open_saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    return lambda x: loaded.serve(x)["probabilities"].numpy()


def _open_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path)

    def run(x):
        found = interpreter.get_input_details()[0]
        if tuple(found["shape"]) != x.shape:
            interpreter.resize_tensor_input(found["index"], x.shape, strict=True)
        interpreter.allocate_tensors()
        interpreter.set_tensor(found["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return run


def _open_openvino(path):
    import openvino

    # By itself the runtime may choose bfloat16, which is off by a hundredth.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    return lambda x: compiled(x)[0]


def _open_torch(path):
    import torch

    module = torch.export.load(path).module()

    def run(x):
        with torch.no_grad():
            return module(torch.from_numpy(x)).numpy()

    return run


RUNTIMES = {
    "onnx": _open_onnx,
    "saved_model": _open_saved_model,
    "litert": _open_litert,
    "openvino": _open_openvino,
    "torch": _open_torch,
}
