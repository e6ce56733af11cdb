"""Batches over NumPy arrays agree with single questions."""

from __future__ import annotations

import ipaddress
from typing import Any, cast

import numpy as np
import pytest
from sandgate import ALL_TRAFFIC, Policy

POLICY = Policy(
    {"allow_in": ["203.0.113.0/24:443", "2001:db8::/32"], "deny_in": [ALL_TRAFFIC], "deny_out": ["198.51.100.0/24"]},
    ipv6_ingress=True,
)
RANDOM = np.random.default_rng(7)
# From 4,096 questions on, the work is done without the interpreter's lock.
SIZES = (0, 1, 100, 5000)


def v4(count: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    wide = RANDOM.integers(0, 2**32, count, dtype=np.uint32)
    near = 0xCB007100 + RANDOM.integers(0, 512, count, dtype=np.uint32)
    return np.where(RANDOM.integers(0, 2, count) == 0, wide, near).astype(np.uint32)


@pytest.mark.parametrize("count", SIZES)
def test_ipv4_values(count: int) -> None:
    addresses, ports = v4(count), RANDOM.choice(np.array([80, 443], np.uint16), count)
    for many, one in (
        (POLICY.allows_ingress_many, POLICY.allows_ingress),
        (POLICY.allows_egress_many, POLICY.allows_egress),
    ):
        answers = many(addresses, ports)
        assert answers.dtype == np.bool_
        assert answers.shape == (count,)
        singles = [one(str(ipaddress.IPv4Address(int(a))), int(p)) for a, p in zip(addresses, ports, strict=True)]
        assert answers.tolist() == singles
        assert many(addresses, 443).tolist() == many(addresses, [443] * count).tolist()
        # Whoever gets an array may write into it.
        answers[:] = False


@pytest.mark.parametrize("count", SIZES)
def test_ipv6_bytes(count: int) -> None:
    addresses = RANDOM.integers(0, 256, (count, 16), dtype=np.uint8)
    addresses[::3, :4] = [0x20, 0x01, 0x0D, 0xB8]
    addresses[1::3, :12] = list(ipaddress.IPv6Address("::ffff:0:0").packed[:12])
    addresses[1::3, 12:15] = [203, 0, 113]
    answers = POLICY.allows_ingress_many(addresses, 443)
    assert answers.tolist() == [POLICY.allows_ingress(row.tobytes(), 443) for row in addresses]


def test_strides_and_orders_of_bytes_are_not_misread() -> None:
    addresses = v4(100)
    assert (
        POLICY.allows_ingress_many(addresses[::2], 443).tolist()
        == (POLICY.allows_ingress_many(addresses, 443).tolist()[::2])
    )
    columns = np.asfortranarray(RANDOM.integers(0, 256, (9, 16), dtype=np.uint8))
    assert POLICY.allows_ingress_many(columns, 443).tolist() == (
        POLICY.allows_ingress_many(np.ascontiguousarray(columns), 443).tolist()
    )
    with pytest.raises(TypeError, match="byte order"):
        POLICY.allows_ingress_many(cast("Any", addresses.astype(">u4")), 443)


@pytest.mark.parametrize("kind", ["int64", "uint64", "int32", "float64", "bool", "uint8", "uint16", "object", "U15"])
def test_another_type_of_array_is_a_type_error(kind: str) -> None:
    with pytest.raises(TypeError, match="uint32 values"):
        POLICY.allows_ingress_many(cast("Any", np.zeros(3, kind)), 443)
    if kind != "uint16":
        with pytest.raises(TypeError, match="uint16"):
            POLICY.allows_ingress_many(np.zeros(3, np.uint32), cast("Any", np.zeros(3, kind)))


def test_numbers_of_numpy_are_ports() -> None:
    assert POLICY.allows_ingress("203.0.113.7", np.uint16(443))
    with pytest.raises(TypeError):
        POLICY.allows_ingress("203.0.113.7", cast("Any", np.bool_(True)))  # noqa: FBT003 - a value, not a flag
    with pytest.raises(TypeError):
        POLICY.allows_ingress("203.0.113.7", cast("Any", np.float64(443)))
    with pytest.raises(ValueError, match="3 addresses and 2 ports"):
        POLICY.allows_ingress_many(np.zeros(3, np.uint32), np.zeros(2, np.uint16))
