# SPDX-License-Identifier: MIT
"""The definitions in rigorous balls agree with the formulas in mpmath, of which they are independent."""

import pytest
from mpmath import mp, mpf

import reference
from reference import balls, oracle

flint = pytest.importorskip("flint")
X = (-30.0, -1.2784645427610738, -0.5, -1e-8, 1e-8, 0.75, 3.0, 25.0)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", reference.own())
def test_the_ball_holds_what_mpmath_says(name, direction):
    activation = reference.own()[name]
    function = balls.function_of(activation, direction, activation.defaults)
    exact = oracle.function_of(activation, direction, activation.defaults)
    for x in X:
        with mp.workprec(400), flint.ctx.workprec(3000):
            ball, y = function(x), mp.nstr(mpf(exact(mpf(x))), 60)
            assert ball.overlaps(flint.arb(f"{y} +/- {mp.nstr(abs(mpf(y)) * mpf(10) ** -58, 5)}"))
            assert y == "0.0" or ball.rel_accuracy_bits() > 140


def test_every_activation_is_defined():
    assert set(balls.DEFINITIONS) == set(reference.own())
    assert all(balls.can_judge(a) for a in reference.own().values())


def test_a_claim_is_proved_with_as_many_bits_as_it_takes_and_a_false_one_never():
    silu = reference.own()["silu"]
    function = balls.function_of(silu, "forward", silu.defaults)
    assert balls.proves(lambda ball: bool(ball < 0), function, (-700.0,), 30)
    assert not balls.proves(lambda ball: bool(ball > 0), function, (-700.0,), 30)
