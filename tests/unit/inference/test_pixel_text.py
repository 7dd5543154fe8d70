import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.inference.pixel_text import parse_pixels

WORDS = st.one_of(
    st.integers(-2, 300).map(str), st.sampled_from(["00", "007", "+1", "1.5", "1e1", "0x1", "x", "\u0663", "1_0", ""])
)


@given(
    count=st.sampled_from([2303, 2304, 2305]),
    words=st.lists(WORDS, max_size=3),
    junk=st.text(max_size=4),
    space=st.sampled_from([" ", "  ", "\t", "\u00a0", ",", ""]),
)
def test_pixel_parser_agrees_with_a_naive_one(count, words, junk, space):
    tail = [*words, junk]
    text = " ".join(["255"] * (count - len(tail)) + words) + space + junk
    naive = re.split(r"\s+", text.strip())
    digits = set("0123456789")
    if len(naive) == 2304 and all(w and set(w) <= digits and str(int(w)) == w and int(w) < 256 for w in naive):
        assert list(parse_pixels(text)) == [int(word) for word in naive]
    else:
        with pytest.raises(ValueError, match="pixel"):
            parse_pixels(text)
