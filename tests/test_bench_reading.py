# SPDX-License-Identifier: MIT
"""Numbers are read exactly and rounded once; names that do not exist get a list of those that do."""

from fractions import Fraction

import numpy as np
import pytest

from bench.reading import check_name, is_number, read_number, shielded
from reference.formats import FORMATS

every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)


def bits(value, form):
    return int(np.array([value]).view(form.pattern)[0])


@every_format
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-88", -88.0),
        ("-88.0", -88.0),
        (" .5 ", 0.5),
        ("2.", 2.0),
        ("+25e-2", 0.25),
        ("-0x1.6p+6", -88.0),
        ("0X.8", 0.5),
        ("0x10", 16.0),
        ("inf", np.inf),
        ("-INF", -np.inf),
    ],
)
def test_a_number_that_the_format_has(form, text, expected):
    value, same = read_number(text, form)
    assert (value.dtype, float(value), same) == (form.dtype, expected, True)


@every_format
@pytest.mark.parametrize(
    ("text", "negative"), [("0", False), ("-0.0", True), ("-0x0p+0", True), ("0e999999999", False)]
)
def test_zeros_have_their_sign(form, text, negative):
    value, same = read_number(text, form)
    assert (float(value), np.signbit(value), same) == (0.0, negative, True)


@every_format
def test_the_number_nearest_to_one_that_the_format_does_not_have(form):
    value, same = read_number("-0.1", form)
    here = int(form.ordinals(np.array([value]))[0])
    before, after = (Fraction(float(form.from_ordinals(np.array([here + step]))[0])) for step in (-1, 1))
    tenth = Fraction(-1, 10)
    assert not same
    assert abs(Fraction(float(value)) - tenth) < min(abs(before - tenth), abs(after - tenth))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 1 + 2^-11 lies midway between 1 and the next number; what follows is lost in binary64, and decides.
        ("1.00048828125", 1.0),
        ("1.000488281250000000000000000000000001", 1 + 2.0**-10),
        ("-1.000488281250000000000000000000000001", -1 - 2.0**-10),
        ("0x1.0020000000000000000001p0", 1 + 2.0**-10),
        ("0x1.001fffffffffffffffffffp0", 1.0),
        ("65519.9999", 65504.0),
        ("65520", np.inf),
        ("2.9802322387695312e-8", 0.0),
        ("2.98023223876953125000001e-8", 2.0**-24),
    ],
)
def test_it_is_rounded_once(text, expected):
    value, same = read_number(text, FORMATS["float16"])
    assert (float(value), same) == (expected, False)


@every_format
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e999999999", np.inf),
        ("-1e400", -np.inf),
        ("1e-999999999", 0.0),
        ("-0x1p-99999999", -0.0),
        ("0x1p9999", np.inf),
    ],
)
def test_what_is_far_out_of_range_is_no_work(form, text, expected):
    value, same = read_number(text, form)
    assert (float(value), np.signbit(value), same) == (expected, np.signbit(expected), False)


@every_format
def test_bits_are_taken_as_they_are(form):
    signalling = form.infinity_pattern | 1
    for pattern in (0, 1 << (form.bits - 1), signalling, (1 << form.bits) - 1):
        value, same = read_number(f"bits:{pattern:#x}", form)
        assert (bits(value, form), same) == (pattern, True)


def test_nan_is_quiet():
    for form in FORMATS.values():
        value, same = read_number("nan", form)
        assert np.isnan(value)
        assert same
        assert bits(value, form) >> (form.precision - 2) & 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "one",
        "0x",
        "1e",
        "1e5.",
        "--1",
        "1/3",
        "0x1.g",
        "1 2",
        "infinit",
        "bits:",
        "bits:zz",
        "bits:-1",
        "bits:0x10000",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"is no number|is no bit pattern|does not fit"):
        read_number(text, FORMATS["float16"])


def test_a_negative_number_is_told_from_an_option():
    command = ["explain", "-0x1.6p+6", "-inf", "-1e5", "-.5", "--dy", "-3", "-d", "--beta", "-", "-e5", "-abc", "1"]
    words = [" -0x1.6p+6", " -inf", " -1e5", " -.5", "--dy", " -3", "-d", "--beta", "-", "-e5", "-abc", "1"]
    assert shielded(command) == ["explain", *words]
    assert not is_number("9" * 1000)  # Python may refuse to read such an integer


def test_a_name_that_does_not_exist_gets_a_list():
    check_name("dtype", "float32", FORMATS)
    with pytest.raises(ValueError, match="there is no dtype 'half'; choose from float16, bfloat16, float32, float64"):
        check_name("dtype", "half", FORMATS)
    with pytest.raises(ValueError, match="choose from none"):
        check_name("parameter of relu", "beta", {})
