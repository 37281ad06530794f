# SPDX-License-Identifier: MIT
"""The activations in rigorous ball arithmetic (Arb, through python-flint), each from its textbook definition.

A ball [m ± r] is certain to hold the exact value, whatever was rounded or cancelled on the way to it. Nothing here is
shared with the formulas in mpmath or with the fast oracle: where a definition cancels, it cancels, and more bits make
up for it. python-flint is an extra, `certify`; without it this module can be imported, but no more.
"""

from collections.abc import Callable, Mapping

try:
    from flint import arb, ctx
except ImportError:
    arb = ctx = None

from reference.activation import Activation

# Functions of x and the parameters in their order, all of them balls; valid at whatever precision `ctx` has.


def square(x):
    return x * x  # x**2 goes through a logarithm, and is no number where the ball reaches 0


def sigma(x):
    e = (-abs(x)).exp()  # exponents end somewhere: e^(1e300) would be no number
    return e / (1 + e) if x < 0 else 1 / (1 + e)


def softplus(x, beta=1):
    t = beta * x
    return ((1 + t.exp()).log() if x < 0 else t + (1 + (-t).exp()).log()) / beta


def sigmoid_derivative(x):
    return sigma(x) * (1 - sigma(x))


def tanh(x):
    return x.tanh()


def tanh_derivative(x):
    return 1 - square(x.tanh())


def relu(x):
    return leaky_relu(x, 0)


def relu_derivative(x):
    return leaky_relu_derivative(x, 0)


def leaky_relu(x, slope):
    return x if x > 0 else slope * x


def leaky_relu_derivative(x, slope):
    return arb(1) if x > 0 else arb(slope)


def elu(x, alpha):
    return x if x > 0 else alpha * (x.exp() - 1)


def elu_derivative(x, alpha):
    return arb(1) if x > 0 else alpha * x.exp()


def selu_constants():
    """λ and α by the closed forms of the SELU paper, equation (14)."""
    pi, half, whole = arb.pi(), (1 / arb(2).sqrt()).erfc(), arb(2).sqrt().erfc()
    root_e = arb(1).exp().sqrt()
    alpha = -(2 / pi).sqrt() / (half * root_e - 1)
    inner = 2 * whole * arb(2).exp() + pi * square(half) * arb(1).exp() - 2 * (2 + pi) * half * root_e + pi + 2
    return (1 - half * root_e) * (2 * pi).sqrt() / inner.sqrt(), alpha


def selu(x):
    scale, alpha = selu_constants()
    return scale * elu(x, alpha)


def selu_derivative(x):
    scale, alpha = selu_constants()
    return scale * elu_derivative(x, alpha)


def normal_distribution(x):
    return (1 + (x / arb(2).sqrt()).erf()) / 2


def gelu(x):
    return x * normal_distribution(x)


def gelu_derivative(x):
    density = (-square(x) / 2).exp() / (2 * arb.pi()).sqrt()
    return normal_distribution(x) + x * density


def gelu_tanh_inner(x):
    """u, and its derivative."""
    factor, cubic = (2 / arb.pi()).sqrt(), arb(44715) / 1_000_000
    return factor * (x + cubic * x * square(x)), factor * (1 + 3 * cubic * square(x))


def gelu_tanh(x):
    u, _ = gelu_tanh_inner(x)
    return x / 2 * (1 + u.tanh())


def gelu_tanh_derivative(x):
    u, slope = gelu_tanh_inner(x)
    return (1 + u.tanh()) / 2 + x / 2 * (1 - square(u.tanh())) * slope


def silu(x, beta):
    return x * sigma(beta * x)


def silu_derivative(x, beta):
    s = sigma(beta * x)
    return s + beta * x * s * (1 - s)


def softplus_derivative(x, beta):
    return sigma(beta * x)


def mish(x):
    return x * softplus(x).tanh()


def mish_derivative(x):
    t = softplus(x).tanh()
    return t + x * (1 - square(t)) * sigma(x)


# An activation that is not here is certified against mpmath alone.
DEFINITIONS: dict[str, tuple[Callable, Callable]] = {
    "elu": (elu, elu_derivative),
    "gelu": (gelu, gelu_derivative),
    "gelu_tanh": (gelu_tanh, gelu_tanh_derivative),
    "leaky_relu": (leaky_relu, leaky_relu_derivative),
    "mish": (mish, mish_derivative),
    "prelu": (leaky_relu, leaky_relu_derivative),
    "relu": (relu, relu_derivative),
    "selu": (selu, selu_derivative),
    "sigmoid": (sigma, sigmoid_derivative),
    "silu": (silu, silu_derivative),
    "softplus": (softplus, softplus_derivative),
    "tanh": (tanh, tanh_derivative),
}

LAST_BITS = 1 << 13  # 1 + erf leaves nothing of the least float64 with fewer than 2,200, and x may have 1,024 more

Function = Callable[..., "arb"]  # of x, or of x and dy, as floats


def can_judge(activation: Activation) -> bool:
    """Whether there is python-flint, and a definition of this activation."""
    return arb is not None and activation.name in DEFINITIONS


def function_of(activation: Activation, direction: str, parameters: Mapping[str, float]) -> Function:
    """f(x), or dy·f′(x) of x and dy, as a ball; valid at whatever precision `ctx` has when it is called."""
    definition = DEFINITIONS[activation.name][direction == "backward"]
    ordered = [parameters[p.name] for p in activation.parameters]
    return lambda x, dy=1.0: dy * definition(arb(x), *map(arb, ordered))


def proves(claim: Callable[["arb"], bool], function: Function, arguments: tuple[float, ...], bits: int) -> bool:
    """Whether a ball around the exact value shows a claim about it, with as many bits as that takes.

    Args:
        claim: true of a ball only if it is true of the exact value, which is in it.
        bits: to begin with.
    """
    while bits <= LAST_BITS:
        with ctx.workprec(bits):
            if claim(function(*arguments)):
                return True
        bits *= 2
    return False
