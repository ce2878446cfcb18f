"""Random streams that depend on names only, so that the same job always gives the same object."""

import hashlib

import numpy as np

ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 8


def seeded_random(*names: str) -> np.random.Generator:
    """Give a generator seeded by the names, the same in every process and on every machine."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def seeded_job_id(name: str) -> str:
    """Give the job id of a named sample: eight characters of 0-9a-z, stable for ever."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    characters = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, len(ID_ALPHABET))
        characters.append(ID_ALPHABET[digit])
    return "".join(characters)
