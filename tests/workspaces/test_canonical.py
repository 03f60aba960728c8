"""One byte form for a JSON value."""

import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.canonical import canonical_json, digest_of
from workspaces.ids import new_id

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_its_form_is_fixed():
    value = {"b": [1, 2.5, None, True], "a": "é\\n\u2028", "ä": {}}
    assert canonical_json(value) == '{"a":"é\\\\n\u2028","b":[1,2.5,null,true],"ä":{}}'.encode()
    assert digest_of(value) == hashlib.sha256(canonical_json(value)).hexdigest()


@given(value=values, seed=st.integers())
def test_the_order_of_keys_does_not_matter(value, seed):
    def shuffled(item):
        if isinstance(item, dict):
            pairs = list(item.items())
            random.Random(seed).shuffle(pairs)
            return {key: shuffled(inner) for key, inner in pairs}
        return [shuffled(inner) for inner in item] if isinstance(item, list) else item

    try:
        expected = canonical_json(value)
    except ValueError:
        return  # half a character, which UTF-8 cannot hold
    assert canonical_json(shuffled(value)) == expected
    assert canonical_json(json.loads(expected)) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "\ud800"])
def test_it_refuses_what_has_no_one_form(value):
    with pytest.raises(ValueError, match=r"\w"):
        canonical_json({"x": value})


@pytest.mark.parametrize("value", [b"x", object(), {1, 2}])
def test_it_refuses_what_json_cannot_hold(value):
    with pytest.raises(TypeError):
        canonical_json({"x": value})


def test_two_spellings_of_one_glyph_are_two_documents():
    assert digest_of("é") != digest_of("e\u0301")


def test_ids_sort_by_the_time_they_were_made():
    ids = [new_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1_000
    assert {made.version for made in ids} == {7}
