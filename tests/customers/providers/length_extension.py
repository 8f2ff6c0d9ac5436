"""SHA-256 continued from a digest: what an attacker does who knows hash(secret + body), and the secret's length."""

from __future__ import annotations

import struct

_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))]
_MASK = 0xFFFFFFFF


def _root(prime: int) -> int:
    """The first 32 bits behind the point of the cube root, exactly."""
    scaled = prime << 96
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= scaled else (low, middle)
    return low & _MASK


_K = [_root(prime) for prime in _PRIMES[:64]]


def _turned(value: int, by: int) -> int:
    return (value >> by | value << 32 - by) & _MASK


def _compressed(state: list[int], block: bytes) -> list[int]:
    words = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        low = _turned(words[i - 15], 7) ^ _turned(words[i - 15], 18) ^ words[i - 15] >> 3
        high = _turned(words[i - 2], 17) ^ _turned(words[i - 2], 19) ^ words[i - 2] >> 10
        words.append(words[i - 16] + low + words[i - 7] + high & _MASK)
    a, b, c, d, e, f, g, h = state
    for i in range(64):
        one = _turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)
        first = h + one + (e & f ^ ~e & g) + _K[i] + words[i] & _MASK
        zero = _turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)
        second = zero + (a & b ^ a & c ^ b & c) & _MASK
        a, b, c, d, e, f, g, h = first + second & _MASK, a, b, c, d + first & _MASK, e, f, g
    return [old + new & _MASK for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def padding(length: int) -> bytes:
    """What SHA-256 puts behind a message of so many bytes."""
    return b"\x80" + b"\x00" * ((55 - length) % 64) + struct.pack(">Q", length * 8)


def extended(digest: str, body: bytes, more: bytes, secret_length: int) -> tuple[bytes, str]:
    """A body that begins with `body` and ends with `more`, and its digest behind the same secret, which is unknown."""
    glue = padding(secret_length + len(body))
    state = list(struct.unpack(">8I", bytes.fromhex(digest)))
    whole = secret_length + len(body) + len(glue) + len(more)
    rest = more + padding(whole)
    for start in range(0, len(rest), 64):
        state = _compressed(state, rest[start : start + 64])
    return body + glue + more, struct.pack(">8I", *state).hex()
