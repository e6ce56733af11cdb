"""Hostile buffers: what a batch answers was there at one moment, or it is an exception.

The groups, in this order:

- released, resized, read-only, empty and non-contiguous buffers
- another type, another order of bytes, another shape, other counts
- memory that another thread changes during a batch
- classes that lie about their buffer, from Python 3.12 on

NumPy, `array`, `bytearray`, `memoryview` and `ctypes` stand for everything that has a buffer.
"""

# Types are what these tests lie about.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import array
import ctypes
import inspect
import sys
import threading
from typing import Any, cast

import numpy as np
import pytest
from sandgate import ALL_TRAFFIC, Policy

POLICY = Policy({"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC], "deny_out": ["198.51.100.0/24"]})
INSIDE, OUTSIDE = 0xCB007107, 0xC6336407
MANY = (POLICY.allows_ingress_many, POLICY.allows_egress_many)


def addresses(count: int = 4) -> array.array[int]:
    return array.array("I", [INSIDE, OUTSIDE] * (count // 2))


def test_a_released_memoryview_is_refused() -> None:
    released, ports = memoryview(addresses()), memoryview(array.array("H", [443] * 4))
    released.release()
    for many in MANY:
        with pytest.raises(ValueError, match="released"):
            many(released, 443)
    ports.release()
    with pytest.raises(ValueError, match="released"):
        POLICY.allows_ingress_many(addresses(), ports)


def test_a_buffer_that_was_resized_is_read_as_it_is() -> None:
    asked, ports = addresses(8), array.array("H", [443] * 8)
    del asked[2:]
    with pytest.raises(ValueError, match="2 addresses and 8 ports"):
        POLICY.allows_ingress_many(asked, ports)
    assert POLICY.allows_ingress_many(asked, 443).tolist() == [True, False]
    raw = bytearray(addresses(4).tobytes())
    view = memoryview(raw).cast("I")
    # Python itself refuses to take memory away from under a view.
    with pytest.raises(BufferError):
        raw.clear()
    assert POLICY.allows_ingress_many(view, 443).tolist() == [True, False] * 2
    # No view is kept when the answer is there.
    view.release()
    raw.clear()
    asked.extend([0] * 1000)


def test_read_only_and_empty_buffers_are_read() -> None:
    frozen = np.array(addresses(), np.uint32)
    frozen.flags.writeable = False
    assert POLICY.allows_ingress_many(frozen, 443).tolist() == [True, False] * 2
    assert POLICY.allows_ingress_many(memoryview(addresses().tobytes()).cast("I"), 443).tolist() == [True, False] * 2
    for empty in (array.array("I"), np.zeros(0, np.uint32), np.zeros((0, 16), np.uint8), memoryview(b"").cast("I")):
        assert len(POLICY.allows_ingress_many(cast("Any", empty), 443)) == 0
        with pytest.raises(ValueError, match="0 addresses and 1 ports"):
            POLICY.allows_ingress_many(cast("Any", empty), np.zeros(1, np.uint16))


def test_strides_are_not_misread() -> None:
    values = np.array(addresses(100), np.uint32)
    for asked in (
        values[::2],
        values[1::2],
        values[::-1],
        values[::-3],
        np.broadcast_to(values[:1], 7),
        values.reshape(10, 10)[:, 3],
    ):
        assert POLICY.allows_ingress_many(asked, 443).tolist() == [int(value) == INSIDE for value in asked]
    assert POLICY.allows_ingress_many(memoryview(addresses(100))[::-2], 443).tolist() == [False] * 50
    ports = np.array([443, 80] * 50, np.uint16)
    assert POLICY.allows_ingress_many(values[::2], ports[1::2]).tolist() == [False] * 50


def test_another_order_of_bytes_is_a_type_error() -> None:
    other = ">" if sys.byteorder == "little" else "<"
    values, ports = np.array(addresses(), np.uint32), np.full(4, 443, np.uint16)
    swapped: Any = type("Swapped", (ctypes.BigEndianStructure,), {"_fields_": [("value", ctypes.c_uint32)]})
    for asked in (values.astype(f"{other}u4"), values.view(f"{other}u4"), (swapped * 4)()):
        with pytest.raises(TypeError, match="byte order"):
            POLICY.allows_ingress_many(cast("Any", asked), 443)
    with pytest.raises(TypeError, match="byte order"):
        POLICY.allows_ingress_many(values, ports.astype(f"{other}u2"))


@pytest.mark.parametrize(
    "asked",
    [np.zeros(4, "m8[s]"), np.zeros(4, "M8[s]"), np.zeros(4, "f2"), np.zeros(4, "V4"), np.zeros(4, "S4"),
     np.zeros(4, [("a", "u4")]), np.zeros((4, 4), "u4"), np.zeros((), "u4"), np.zeros((4, 15), "u1"),
     np.zeros((4, 17), "u1"), np.zeros((1, 1, 16), "u1"), np.zeros((4, 16), "i1"), np.zeros((4, 16), "?"),
     array.array("i", [1]), array.array("L", [1]), array.array("f", [1]), bytearray(16), memoryview(bytes(16)),
     memoryview(bytes(4)).cast("I", ()), memoryview(bytes(64)).cast("B", (4, 4, 4)), (ctypes.c_int32 * 4)(),
     (ctypes.c_char * 16)(), ctypes.c_uint32(INSIDE), ctypes.py_object()],
    ids=lambda asked: str(getattr(asked, "dtype", type(asked).__name__)),
)  # fmt: skip
def test_another_type_or_shape_is_refused(asked: Any) -> None:
    for many in MANY:
        with pytest.raises((TypeError, ValueError)):
            many(asked, 443)
    with pytest.raises((TypeError, ValueError)):
        POLICY.allows_ingress_many(addresses(), asked)


def test_counts_that_differ_are_a_value_error() -> None:
    for ports in (
        array.array("H", [443] * 3),
        array.array("H", [443] * 5),
        array.array("H"),
        [443],
        np.full(8, 443, np.uint16),
    ):
        for asked in (addresses(), ["203.0.113.7"] * 4, np.zeros((4, 16), np.uint8)):
            for many in MANY:
                with pytest.raises(ValueError, match="4 addresses and"):
                    many(cast("Any", asked), cast("Any", ports))


def test_memory_that_another_thread_changes_gives_answers_to_what_it_held() -> None:
    # Enough that the lock of the interpreter is released, and each value is either of two.
    asked, ports = np.full(50_000, INSIDE, np.uint32), np.full(50_000, 443, np.uint16)
    raw = bytearray(np.full(5_000, OUTSIDE, np.uint32).tobytes())
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            asked.fill(OUTSIDE)
            ports.fill(80)
            asked.fill(INSIDE)
            ports.fill(443)
            try:
                raw.extend(raw[:4])
                del raw[-4:]
            except BufferError:
                continue

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            answers = POLICY.allows_ingress_many(asked, ports)
            assert answers.shape == (50_000,)
            assert not POLICY.allows_ingress_many(np.full(5_000, OUTSIDE, np.uint32), ports[:5_000]).any()
            view = memoryview(raw)
            whole = view[: len(view) // 4 * 4].cast("I")
            assert not any(POLICY.allows_ingress_many(whole, 443))
            whole.release()
            view.release()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_list_that_another_thread_changes_is_read_or_refused() -> None:
    asked: list[Any] = ["198.51.100.7"] * 20_000
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            asked.extend(["198.51.100.8"] * 500)
            del asked[20_000:]

    thread = threading.Thread(target=change)
    thread.start()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            try:
                answers = POLICY.allows_ingress_many(asked, 443)
            except RuntimeError as error:  # noqa: PERF203 - each round is a test of its own
                assert "changed while it was read" in str(error)
            else:
                assert len(answers) >= 20_000
                assert not any(answers)
    finally:
        sys.setswitchinterval(before)
        stop.set()
        thread.join()


# Before, no class of Python has a buffer. Its closest relatives are the arrays above.
@pytest.mark.skipif(not hasattr(inspect, "BufferFlags"), reason="PEP 688 is of Python 3.12")
def test_a_class_that_lies_about_its_buffer_is_refused() -> None:
    class Raises(BaseException):
        pass

    def throw(*_: object) -> memoryview:
        raise Raises

    for many in MANY:
        with pytest.raises(Raises):
            many(cast("Any", type("Buffer", (), {"__buffer__": throw})()), 443)
        for shown in (1, None, b"1234", "x"):
            with pytest.raises(TypeError):
                many(cast("Any", type("Buffer", (), {"__buffer__": lambda *_, shown=shown: shown})()), 443)
    kept = memoryview(addresses())
    honest: Any = type("Buffer", (), {"__buffer__": lambda *_: kept, "__release_buffer__": lambda *_: None})
    assert POLICY.allows_ingress_many(honest(), 443).tolist() == [True, False] * 2
