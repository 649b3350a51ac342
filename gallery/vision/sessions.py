"""One onnxruntime session per model and process.

onnxruntime is imported on first use: importing this module stays cheap, and no session can come into being before a
worker forks (one that lives through a fork hangs or crashes the child).
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gallery.vision.catalog import ModelSpec, ModelUnavailable, weights_path

if TYPE_CHECKING:
    import onnxruntime

    Session: TypeAlias = onnxruntime.InferenceSession

_sessions: dict[tuple[int, Path], "Session"] = {}
_lock = threading.Lock()
_threads = 1


def set_threads(threads: int) -> None:
    """How many threads a session made from now on computes with (cores / workers). Raises ValueError below 1."""
    global _threads
    if threads < 1:
        raise ValueError(f"A session needs at least one thread, not {threads}.")
    _threads = threads


def session(
    model: ModelSpec | Path, folder: Path | None = None, *, threads: int | None = None, any_size: bool = False
) -> "Session":
    """The session of a model in this process, made on the first call.

    `model` is a row of the catalog, whose verified file is looked for in `folder`, or the path of any ONNX file.
    `any_size` makes all dimensions of the inputs free, so that a network without fixed sizes inside takes batches and
    pictures of other sizes than its file declares. Raises ModelUnavailable if the weights are missing, damaged or not a
    network that onnxruntime can run. Safe to call from several threads; the session itself is, too.
    """
    if isinstance(model, ModelSpec):
        if folder is None:
            raise ValueError("A model of the catalog needs the folder its weights lie in.")
        path, name = weights_path(model, folder), model.key
    else:
        path, name = model, model.name
    # A fork inherits this dictionary. The parent's sessions are neither used nor deleted in the child: their thread
    # pools do not exist there, and a destructor that waits for them would wait for ever.
    key = (os.getpid(), path.resolve())
    with _lock:
        if key not in _sessions:
            _sessions[key] = _make_session(path, name, threads or _threads, any_size)
        return _sessions[key]


def _make_session(path: Path, name: str, threads: int, any_size: bool) -> "Session":
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

    not_runnable = (
        ort_errors.Fail,
        ort_errors.InvalidProtobuf,
        ort_errors.InvalidGraph,
        ort_errors.InvalidArgument,
        ort_errors.NotImplemented,
        ort_errors.RuntimeException,
        ValueError,
        IndexError,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Measured with yunet + mobilefacenet + yolox_nano: 147 MB with arena and pattern, 180 to 205 without, and slower.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = not any_size  # patterns are kept per input shape, and shapes vary here
    # Waiting threads sleep instead of spinning: the other workers need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        content = path.read_bytes()
        if any_size:
            content = without_fixed_sizes(content)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise ModelUnavailable(f"The weights of {name} cannot be read: {error.strerror}.") from error
    except not_runnable as error:
        raise ModelUnavailable(f"The weights of {name} are not a network that onnxruntime can run.") from error


def _forget_lock_in_child() -> None:
    global _lock
    _lock = threading.Lock()


# Another thread may hold the lock at the moment of a fork; in the child nobody would ever release it.
os.register_at_fork(after_in_child=_forget_lock_in_child)


# ---- Free sizes: the few protobuf fields of an ONNX file that fix the sizes -------------------------------------
#
# Source of the field numbers: onnx/onnx.proto (onnx.ai). Wire format: protobuf.dev/programming-guides/encoding.

_MODEL_GRAPH = 7
_GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 5, 11, 12, 13
_INITIALIZER_NAME, _VALUE_NAME = 8, 1
_VALUE_SHAPE = (2, 1, 2)  # ValueInfoProto.type, TypeProto.tensor_type, TypeProto.Tensor.shape
_SHAPE_DIM, _DIM_PARAM = 1, 2


def without_fixed_sizes(model: bytes) -> bytes:
    """The same ONNX network with the batch, height and width of its inputs free and no inner or output sizes declared.

    Axis 1 (the colours) stays as it is. The weights are not touched. Raises ValueError or IndexError for bytes that are
    not an ONNX model. Done on the bytes, because the onnx package is too heavy for the server.
    """
    return b"".join(
        _field(number, wire, _free_graph(value) if number == _MODEL_GRAPH else value)
        for number, wire, value in _fields(model)
    )


def _free_graph(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    # Old files list their weights as inputs too: those keep their sizes.
    weights = {_text(value, _INITIALIZER_NAME) for number, _, value in fields if number == _GRAPH_INITIALIZER}
    kept = []
    for number, wire, value in fields:
        if number == _GRAPH_VALUE_INFO:
            continue
        if number == _GRAPH_OUTPUT:
            value = _change(value, _VALUE_SHAPE, None)
        elif number == _GRAPH_INPUT and _text(value, _VALUE_NAME) not in weights:
            value = _change(value, _VALUE_SHAPE, _free_shape)
        kept.append(_field(number, wire, value))
    return b"".join(kept)


def _text(message: bytes, wanted: int) -> bytes:
    return next((value for number, _, value in _fields(message) if number == wanted), b"")


def _free_shape(shape: bytes) -> bytes:
    """A shape with a name of its own in place of each size but that of axis 1."""
    dims = [value for number, _, value in _fields(shape) if number == _SHAPE_DIM]
    return b"".join(
        _field(_SHAPE_DIM, 2, dim if axis == 1 else _field(_DIM_PARAM, 2, b"free_%d" % axis))
        for axis, dim in enumerate(dims)
    )


def _change(message: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes] | None) -> bytes:
    """The message with the field at `path` (numbers from the outside in) changed, or left out if `change` is None."""
    kept = []
    for number, wire, value in _fields(message):
        if number == path[0]:
            if len(path) > 1:
                value = _change(value, path[1:], change)
            elif change is None:
                continue
            else:
                value = change(value)
        kept.append(_field(number, wire, value))
    return b"".join(kept)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The fields of a protobuf message as (number, wire type, content); of a varint the content is its bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            _, end = _varint(message, at)
        elif wire == 1:
            end = at + 8
        elif wire == 2:
            size, at = _varint(message, at)
            end = at + size
        elif wire == 5:
            end = at + 4
        else:
            raise ValueError("This is not a protobuf message.")
        if end > len(message):
            raise ValueError("The protobuf message is cut off.")
        yield tag >> 3, wire, message[at:end]
        at = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7


def _field(number: int, wire: int, content: bytes) -> bytes:
    head = _varint_bytes(number << 3 | wire)
    return head + _varint_bytes(len(content)) + content if wire == 2 else head + content


def _varint_bytes(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
