"""Toy ONNX files with the input and output contract of models whose weights are not at hand.

A toy answers with arrays the test chose, whatever it is shown, or with plain functions of its input; so the decoding
around it can be checked to the number. `onnx` is a development dependency: nothing but tests may import it.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Floats = npt.NDArray[np.float32]
_OPSET = 13


def constant_model(path: Path, input_shape: tuple[int | str, ...], outputs: dict[str, Floats]) -> Path:
    """A network that answers `outputs` to every input (a zero made of the input is added, so that it is used)."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
    ]
    constants = {"nothing": np.zeros((), np.float32)}
    for name, value in outputs.items():
        constants[f"{name}_value"] = value.astype(np.float32)
        nodes.append(helper.make_node("Add", [f"{name}_value", "zero"], [name]))
    return _save(path, nodes, input_shape, {name: list(value.shape) for name, value in outputs.items()}, constants)


def embedding_model(path: Path, input_shape: tuple[int | str, ...], *, seed: int = 0) -> Path:
    """A network that projects its input, pooled to 8 x 8 a colour, onto 128 fixed random directions."""
    edge = input_shape[2]
    assert isinstance(edge, int)
    step = edge // 8
    weights = np.random.default_rng(seed).normal(size=(3 * 8 * 8, 128)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["pooled"], kernel_shape=[step, step], strides=[step, step]),
        helper.make_node("Flatten", ["pooled"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
    ]
    return _save(path, nodes, input_shape, {"embedding": [input_shape[0], 128]}, {"weights": weights})


def echo_model(path: Path, input_shape: tuple[int | str, ...]) -> Path:
    """A network whose 128 numbers are the first 128 of its input: the corner of the first colour, row by row."""
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Slice", ["flat", "from", "to", "axis"], ["embedding"]),
    ]
    constants = {name: np.array([value], np.int64) for name, value in (("from", 0), ("to", 128), ("axis", 1))}
    return _save(path, nodes, input_shape, {"embedding": [input_shape[0], 128]}, constants)


def size_model(path: Path, edge: int) -> Path:
    """A network declared for one size whose output counts its input's values: it runs at any other size, too."""
    nodes = [
        helper.make_node("Relu", ["input"], ["inner"]),
        helper.make_node("Reshape", ["inner", "flat_shape"], ["flat"]),
    ]
    shape = (1, 3, edge, edge)
    inner = [helper.make_tensor_value_info("inner", TensorProto.FLOAT, shape)]
    constants = {"flat_shape": np.array([1, -1], np.int64)}
    return _save(path, nodes, shape, {"flat": [1, 3 * edge * edge]}, constants, inner)


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    input_shape: tuple[int | str, ...],
    outputs: dict[str, list[int | str]] | dict[str, list[int]],
    constants: dict[str, npt.NDArray[np.generic]] | dict[str, Floats],
    inner: list[onnx.ValueInfoProto] | None = None,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
        value_info=inner,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
