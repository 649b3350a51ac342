"""One session per model and process, and none that lives through a fork."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from gallery.vision import catalog, sessions
from gallery.vision.catalog import ModelUnavailable
from tests.vision import toys


def test_a_model_has_one_session_in_a_process(tmp_path: Path) -> None:
    path = toys.size_model(tmp_path / "toy.onnx", 32)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(sessions.session(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(session) for session in found}) == 1


def test_a_forked_process_makes_its_own_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = toys.size_model(tmp_path / "toy.onnx", 32)
    parents = sessions.session(path)
    pid = os.getpid()
    # Not a real fork: the parent's threads would be half in the child, which is what the key is there to avoid.
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert sessions.session(path) is not parents
    monkeypatch.undo()
    assert sessions.session(path) is parents


def test_missing_and_useless_weights_are_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="are not there"):
        sessions.session(catalog.model("yunet"), tmp_path)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        sessions.session(tmp_path / "nothing.onnx")
    for name, content in (("text.onnx", b"this is no network"), ("cut.onnx", b"\x3a\xff\xff"), ("empty.onnx", b"")):
        (tmp_path / name).write_bytes(content)
        for any_size in (False, True):
            with pytest.raises(ModelUnavailable, match="not a network that onnxruntime can run"):
                sessions.session(tmp_path / name, any_size=any_size)


def test_a_session_needs_a_thread() -> None:
    with pytest.raises(ValueError, match="at least one thread, not 0"):
        sessions.set_threads(0)


def test_a_network_of_one_size_runs_at_any_size(tmp_path: Path) -> None:
    fixed = sessions.session(toys.size_model(tmp_path / "fixed.onnx", 32))
    picture = np.ones((1, 3, 64, 96), np.float32)
    with pytest.raises(Exception, match="invalid dimensions"):
        fixed.run(None, {"input": picture})
    free = sessions.session(toys.size_model(tmp_path / "free.onnx", 32), any_size=True)
    (output,) = free.run(None, {"input": picture})
    assert output.shape == (1, 3 * 64 * 96)
    assert free.get_inputs()[0].shape[1] == 3


def test_freeing_the_sizes_changes_nothing_else(tmp_path: Path) -> None:
    import onnx

    content = toys.size_model(tmp_path / "toy.onnx", 32).read_bytes()
    before, after = onnx.load_from_string(content), onnx.load_from_string(sessions.without_fixed_sizes(content))
    assert list(after.graph.node) == list(before.graph.node)
    assert list(after.graph.initializer) == list(before.graph.initializer)
    assert list(after.opset_import) == list(before.opset_import)
    assert not after.graph.value_info
    assert [dim.dim_param or dim.dim_value for dim in after.graph.input[0].type.tensor_type.shape.dim] == [
        "free_0",
        3,
        "free_2",
        "free_3",
    ]
