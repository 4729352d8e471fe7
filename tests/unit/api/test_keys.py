from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_api.credentials.keyring import Keyring, read_entries
from relay_api.credentials.keys import (
    ALPHABET,
    RANDOM_BYTES,
    Mode,
    digest_of,
    make_key,
    read_key,
    same_digest,
)
from relay_api.credentials.mounted import MountedSecret
from relay_api.errors import MalformedKeyError

entropy = st.binary(min_size=RANDOM_BYTES, max_size=64)


@given(entropy, st.sampled_from(Mode))
def test_every_made_key_reads_back_with_its_mode(random_bytes, mode):
    key = make_key(random_bytes, mode)
    assert key.startswith(f"relay_{mode}_")
    assert len(key) == len("relay_live_") + 36
    form = read_key(key)
    assert form.mode is mode
    assert key[11:19] == form.key_id


@given(entropy)
def test_the_tail_is_the_crc32_of_what_precedes_it_in_base_62(random_bytes):
    key = make_key(random_bytes)
    value = 0
    for character in key[-6:]:
        value = value * 62 + ALPHABET.index(character)
    assert value == zlib.crc32(key[:-6].encode())


@given(entropy, st.integers(11, 46), st.sampled_from(ALPHABET))
def test_no_single_wrong_character_passes(random_bytes, position, character):
    key = make_key(random_bytes)
    if key[position] == character:
        return
    with pytest.raises(MalformedKeyError, match="checksum"):
        read_key(key[:position] + character + key[position + 1 :])


@given(st.text())
def test_any_text_is_refused_without_being_repeated(text):
    with pytest.raises(MalformedKeyError) as told:
        read_key(text)
    if len(text) > 20:
        assert text not in str(told.value)


def test_too_little_randomness_is_refused():
    with pytest.raises(ValueError, match="32 random bytes"):
        make_key(b"x" * 31)


def test_digests_compare_regardless_of_case():
    assert same_digest("AB" * 32, "ab" * 32)
    assert not same_digest("ab" * 32, "ac" * 32)


def entry(key: str, **over: object) -> bytes:
    stored = {"sha256": digest_of(key), "namespace": "a", "name": "n", **over}
    return json.dumps(stored).encode()


def ring(files: dict[str, bytes], folder: Path) -> Keyring:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Keyring(MountedSecret(folder, read_entries))


def test_a_key_leads_to_its_namespace(tmp_path):
    key = make_key(b"k" * 32)
    found = ring({read_key(key).key_id: entry(key, namespace="team-a")}, tmp_path).caller_of(key)
    assert (found.namespace, found.mode) == ("team-a", Mode.LIVE)


def test_a_key_with_a_known_id_and_another_secret_is_refused(tmp_path):
    key, other = make_key(b"k" * 32), make_key(b"j" * 32)
    with pytest.raises(MalformedKeyError, match="not known"):
        ring({read_key(key).key_id: entry(other)}, tmp_path).caller_of(key)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"sha256": "short", "namespace": "a"}', b"[" * 100_000],
)
def test_a_broken_entry_is_left_out_and_the_others_stay(tmp_path, content):
    key = make_key(b"k" * 32)
    found = ring({"broken00": content, read_key(key).key_id: entry(key)}, tmp_path)
    assert found.caller_of(key).namespace == "a"


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=200)))
def test_reading_entries_never_fails(files):
    read_entries(files)
