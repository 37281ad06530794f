# SPDX-License-Identifier: MIT
"""Coefficients, the constant first. Made by: python -m kernels.coefficients --write"""


def numbers(text: str) -> tuple[float, ...]:
    """Hexadecimal floats, with space between them."""
    return tuple(map(float.fromhex, text.split()))


GELU_FAR = 64.0  # e^(−y²/2) is zero from here on, whatever it is multiplied by
GELU_TAIL_CENTRE = 5.0
SLOPE_FACTOR_BASE = 0.50439453125
SHORT_CENTRE = 3.0

# The root of R(y) − y/√(2π), y₀ = 0.7517915246935644574579049467795240396645, as high and low part;
# −y₀ is the root of GELU′.
GELU_SLOPE_ROOT = (float.fromhex("0x1.80ead197f00b4p-1"), float.fromhex("-0x1.13e74c58cada8p-56"))

# The root of 1 + e^(−a) − a, a₀ = 1.278464542761073795109358739022980155439; −a₀ is the root of SiLU′.
SILU_ROOT = (float.fromhex("0x1.474973c84120bp+0"), float.fromhex("0x1.f8d74bc9ac154p-54"))

ROOT_WINDOW = 0.125  # for |x − x₀| less than this the polynomials of a root are made

# The root of k = 1 + e^v + x·v′ of GELU-tanh, x₀ = -0.752461422071016258487954443289,
# and k′(x₀), as high and low parts:
GELU_TANH_ROOT = (float.fromhex("-0x1.81429f9e97e4dp-1"), float.fromhex("0x1.4f523ed77dbdcp-55"))
GELU_TANH_SLOPE = (float.fromhex("0x1.3af6cd05624f6p+1"), float.fromhex("0x1.3d9262739585fp-53"))

# The root of k = ω of Mish, x₀ = -1.19243121451549521213758834042,
# and k′(x₀), as high and low parts:
MISH_ROOT = (float.fromhex("-0x1.31432c0d12d84p+0"), float.fromhex("-0x1.bf319154da210p-55"))
MISH_SLOPE = (float.fromhex("0x1.9a1c155f7b7d1p+2"), float.fromhex("0x1.4479ee534728bp-52"))

# (e^r − 1 − r)/r² for |r| ≤ 1.01·ln2/2:
# degree 4, relative error 2^-22.77.
EXP_SINGLE = numbers("""
    0x1.0000000000000p-1 0x1.5554d820ee8e6p-3 0x1.555516c1f2f08p-5 0x1.12106ba17fc04p-7
    0x1.6d1605bc8521fp-10
""")

# the same, where half a digit more is needed:
# degree 5, relative error 2^-28.27.
EXP_SINGLE_FINE = numbers("""
    0x1.0000000c4592ep-1 0x1.5555555ac911fp-3 0x1.5554e4aacef45p-5 0x1.1110df02bfbecp-7
    0x1.6d4920bf2569bp-10 0x1.a12a42f159d0ep-13
""")

# (e^r − 1 − r)/r² for |r| ≤ 1.01·ln2/2:
# degree 10, relative error 2^-57.52.
EXP_DOUBLE = numbers("""
    0x1.0000000000000p-1 0x1.5555555555557p-3 0x1.5555555555556p-5 0x1.111111110ff87p-7
    0x1.6c16c16c16212p-10 0x1.a01a01aca0134p-13 0x1.a01a01a741b3cp-16 0x1.71ddffef9e7b1p-19
    0x1.27e4da1a3bf04p-22 0x1.af52906239de4p-26 0x1.1f75aba0b1e2ep-29
""")

# (artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3:
# degree 4, relative error 2^-26.56.
ARTANH_SINGLE = numbers("""
    0x1.5555558d7ff57p-2 0x1.9998d4859844ap-3 0x1.24c926afb9858p-3 0x1.bc8cf75365d38p-4
    0x1.dba266fb0a23cp-4
""")

# (artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3:
# degree 10, relative error 2^-53.85.
ARTANH_DOUBLE = numbers("""
    0x1.5555555555555p-2 0x1.9999999999944p-3 0x1.2492492499d46p-3 0x1.c71c71bedea4cp-4
    0x1.745d19937c459p-4 0x1.3b13515f46324p-4 0x1.111abdcc35b9dp-4 0x1.e0a2d5224a88fp-5
    0x1.bc37f319fc520p-5 0x1.32e0c4d323d70p-5 0x1.401d4b3d9862dp-4
""")

# (e^r − 1 − r)/r² for |r| ≤ 0.5:
# degree 5, relative error 2^-25.14.
EXP_WIDE_SINGLE = numbers("""
    0x1.0000006875b2ep-1 0x1.55555583b988bp-3 0x1.55537f563c23ep-5 0x1.11104054e7bb5p-7
    0x1.6e88dcb7d8092p-10 0x1.a2463ab42de26p-13
""")

# (e^r − 1 − r)/r² for |r| ≤ 0.5:
# degree 12, relative error 2^-56.61.
EXP_WIDE_DOUBLE = numbers("""
    0x1.0000000000000p-1 0x1.5555555555555p-3 0x1.5555555555555p-5 0x1.1111111111137p-7
    0x1.6c16c16c16c2ap-10 0x1.a01a01a006d2ap-13 0x1.a01a01a0106afp-16 0x1.71de3a972f8cap-19
    0x1.27e4fb9868f7ap-22 0x1.ae637b5a397c8p-26 0x1.1eed217497532p-29 0x1.6282cd6876bd7p-33
    0x1.94f5a466218bdp-37
""")

# (tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605:
# degree 2, relative error 2^-20.63.
TANH_SINGLE = numbers("""
    -0x1.555547931431dp-2 0x1.10f482d6f6ec1p-3 -0x1.a86ba83ce5834p-5
""")

# (tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605:
# degree 7, relative error 2^-53.97.
TANH_DOUBLE = numbers("""
    -0x1.5555555555555p-2 0x1.1111111111049p-3 -0x1.ba1ba1b9df1b7p-5 0x1.664f484ae449dp-6
    -0x1.226e1c035989dp-7 0x1.d6c74990df7cep-9 -0x1.7bea728740dc2p-10 0x1.156d943d78756p-11
""")

# (k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 5/16; a₀, its root, is SILU_ROOT:
# degree 4, relative error 2^-23.58.
SILU_SINGLE = numbers("""
    -0x1.be1410460527fp-4 -0x1.9072cf8a4b69fp-5 -0x1.3539be3ecd542p-8 0x1.8ebb42705cd59p-9
    0x1.1d770d6004c03p-10
""")

# (k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 5/16; a₀, its root, is SILU_ROOT:
# degree 11, relative error 2^-51.64.
SILU_DOUBLE = numbers("""
    -0x1.be1410460527dp-4 -0x1.9072f0766563cp-5 -0x1.353eb573cf85ep-8 0x1.8f0d828968e45p-9
    0x1.20a572e58473ap-10 -0x1.2f7e5ea2cfca3p-16 -0x1.a2a7e5c3cd16ep-14 -0x1.5a2eeeafee85dp-16
    0x1.12a409ff82987p-18 0x1.6ac986a631f24p-19 0x1.e89f03f58bbffp-23 -0x1.822352f652abcp-23
""")

# (y + 1)·R(y), R(y) = e^(y²/2)·Φ(−y), in s = (y − 5)/(y + 5) for y in [0, 64]:
# degree 24, relative error 2^-53.91.
GELU_TAIL = numbers("""
    0x1.d8979b0f2b39dp-2 -0x1.76ff86859eb13p-4 0x1.fc66cc64a141bp-6 0x1.47c1d030546e6p-7
    -0x1.b08e0007b5ad4p-6 0x1.92037bab49327p-6 -0x1.f11aab02e12f1p-7 0x1.ab6d038cbf986p-8
    -0x1.b75f4f8ff52edp-10 0x1.0571ad7a88132p-17 0x1.7e61e44e035a2p-13 -0x1.c1b1da5342da0p-15
    -0x1.4c0eb7ce49427p-17 0x1.3004ff10d4417p-17 -0x1.2dd01759d82f6p-24 -0x1.5f566b08cddb6p-20
    0x1.11def59b9fc86p-23 0x1.a995bb2a2a91cp-23 -0x1.b7d113e1c9f21p-26 -0x1.18057743410c8p-25
    0x1.8c4214c230d25p-29 0x1.66b7766dede12p-28 0x1.4be938174d4ddp-33 -0x1.33c22b61b7b46p-31
    -0x1.d26ec3f5ce8a1p-34
""")

# (R(y) − y/√(2π))/t in t = y − y₀ for |t| ≤ 1/2; y₀ is GELU_SLOPE_ROOT:
# degree 16, relative error 2^-53.81.
GELU_SLOPE = numbers("""
    -0x1.25126c1543190p-1 0x1.5b297ebb9a527p-4 -0x1.2bad2862a3fdep-5 0x1.d507ae5ca7879p-7
    -0x1.526fe74d6ca9fp-8 0x1.c7c0250a40f64p-10 -0x1.20e4237119648p-11 0x1.5b2858811b119p-13
    -0x1.8d96b3812ea27p-15 0x1.b3e3fd1b64be6p-17 -0x1.cb25c3ccc6fadp-19 0x1.d2223d9014b28p-21
    -0x1.c9494333e2e8fp-23 0x1.b1fdc5e1cee1dp-25 -0x1.903e22456999dp-27 0x1.7963d6630b62ep-29
    -0x1.48a90d697dc68p-31
""")

# l = ln 2(y + 1)R(y) in s = (y − 1)/(y + 1) for y in [0, 14.5]:
# degree 15, absolute error 2^-27.74.
LOG_TAIL_SINGLE = numbers("""
    0x1.72dfc3682f5afp-5 -0x1.9bd0dc4e7ad86p-5 -0x1.37730ee8aa350p-3 -0x1.392bbb345855ap-4
    -0x1.5211a7d674149p-6 0x1.567d9ea20fb6fp-8 0x1.86e8e96303dccp-7 0x1.35150f44d4ebdp-7
    0x1.304a895a1cf46p-8 0x1.ef775ee3b778fp-10 0x1.6074bdd5f0f4dp-12 -0x1.4fe5ee90cab98p-9
    -0x1.d8fcad3f906b4p-9 -0x1.85050a10d9ca8p-11 0x1.44cb6de872f39p-10 0x1.33f383b2ba022p-11
""")

# −(y + 1)·R′(y)/R(y) in s = (y − 1)/(y + 1) for y in [0, 14.5]:
# degree 3, absolute error 2^-6.967.
TAIL_CHANGE_SINGLE = numbers("""
    0x1.0edeac4e39668p+0 0x1.f8501c5e3edf7p-3 -0x1.355444cda8c33p-3 -0x1.24af4e78a1a69p-3
""")

# l = ln 2(y + 1)R(y) in s = (y − 1)/(y + 1) for y in [0, 39]:
# degree 44, absolute error 2^-57.87.
LOG_TAIL_DOUBLE = numbers("""
    0x1.72dfc463145d1p-5 -0x1.9bd0fd459705fp-5 -0x1.377336ac0b42cp-3 -0x1.3928afbb45bf8p-4
    -0x1.51efca43bdcffp-6 0x1.53eb1feb45283p-8 0x1.841b2e6991dcep-7 0x1.3c93a3b351d47p-7
    0x1.4deee44c1a9c2p-8 0x1.45145c7666e41p-10 -0x1.fe2e664842ef9p-11 -0x1.c0ca50084f4e7p-10
    -0x1.902fc98d61914p-10 -0x1.f52241014fbdcp-11 -0x1.83640ebf057f7p-12 0x1.a2053f4f831fdp-15
    0x1.0f328d47994afp-12 0x1.386fbddc28cccp-12 0x1.062adcb05324fp-12 0x1.599e9a8e22de3p-13
    0x1.0848883d465ebp-16 -0x1.c097b5f888efbp-14 0x1.1983bacee93aap-14 0x1.106da4de36c37p-12
    -0x1.62645b892c4e1p-12 -0x1.ce821c7e35e06p-11 0x1.1e9e99ec60894p-11 0x1.de3fa4bb52f7fp-10
    -0x1.9aeee52674365p-11 -0x1.9348a74070371p-9 0x1.91af75a266bbfp-11 0x1.0cbab279136e1p-8
    -0x1.68de1517d3206p-12 -0x1.12d75d808cfaep-8 -0x1.ce280e150ac93p-13 0x1.a8f3a569a7665p-9
    0x1.233241c6d8953p-11 -0x1.dcc7bc043676fp-10 -0x1.077671bd8632fp-11 0x1.68cd697922867p-11
    0x1.088d12f387263p-12 -0x1.4584e809dcdc0p-13 -0x1.201742f9cfb67p-14 0x1.0696a8d4e9a11p-16
    0x1.09b579b6f1cdcp-17
""")

# −(y + 1)·R′(y)/R(y) in s = (y − 1)/(y + 1) for y in [0, 39]:
# degree 6, absolute error 2^-10.51.
TAIL_CHANGE_DOUBLE = numbers("""
    0x1.0ce4bfa1811fcp+0 0x1.07e040e22f4e5p-2 -0x1.32e94eb653d75p-4 -0x1.6f765a829e2b3p-3
    -0x1.eb270529ae256p-4 0x1.5eaed0e252448p-6 0x1.5ad4122cc4c33p-5
""")

# R(y) in s = (y − 4)/(y + 4) for y in [0, 15]:
# degree 20, relative error 2^-53.1.
NEAR_TAIL = numbers("""
    0x1.82b4bb8c94dcep-4 -0x1.5cf97b0ae882ep-3 0x1.fd751a1fba3c2p-4 -0x1.25b6aa9658063p-4
    0x1.f9b05f0efd9bcp-6 -0x1.1644dc2f916b6p-7 0x1.0a1bd412e512dp-11 0x1.4eec24ff3101bp-11
    -0x1.888dc867406b6p-13 -0x1.7e247d93621edp-15 0x1.e0a33e0a03252p-16 0x1.36d56e4c74683p-18
    -0x1.20c478b9efe32p-18 -0x1.bd98542bbeb4ap-21 0x1.6212e9bd49002p-21 0x1.bb6b56ffb89a1p-23
    -0x1.832f59efa3e79p-24 -0x1.bc77fcdee5c81p-25 0x1.5a8710e2e678ap-28 0x1.3716f1210fbc5p-27
    0x1.052801772c330p-29
""")

# −(y + 4)·R′(y) in s = (y − 4)/(y + 4) for y in [0, 15]:
# degree 2, absolute error 2^-3.556.
NEAR_TAIL_CHANGE = numbers("""
    0x1.06ca6e49f446cp-3 -0x1.1ed985a0a4aa9p-1 0x1.a4f6eebbcf12bp-1
""")

# H(y) − SLOPE_FACTOR_BASE, H(y) = (R(y) − y/√(2π))/(y₀ − y), in s = (y − 2)/(y + 2) for y in [0, 20]:
# degree 10, relative error 2^-28.23.
SLOPE_FACTOR_SINGLE = numbers("""
    0x1.44504d2bcd12ep-13 -0x1.1958d718c2a1fp-3 0x1.e607a10fc1466p-6 0x1.5214885b1204cp-8
    -0x1.3292d38a3c2c1p-9 -0x1.118980ef0de02p-10 0x1.89ffda41d3275p-14 0x1.ccb34e3d6dd2ap-13
    0x1.d511414a2c06cp-15 -0x1.b7beeb3ddd892p-16 -0x1.eeeda51b84f4ep-17
""")

# −(y + 2)·H′(y) in s = (y − 2)/(y + 2) for y in [0, 20]:
# degree 3, absolute error 2^-10.76.
FACTOR_CHANGE_SINGLE = numbers("""
    0x1.19d3453c2eebcp-3 -0x1.92fc4c0d08dbep-3 0x1.4f24bb5349d18p-5 0x1.690aafef5c2d6p-6
""")

# H(y) − SLOPE_FACTOR_BASE, H(y) = (R(y) − y/√(2π))/(y₀ − y), in s = (y − 2)/(y + 2) for y in [0, 64]:
# degree 30, relative error 2^-56.52.
SLOPE_FACTOR_DOUBLE = numbers("""
    0x1.445114718514fp-13 -0x1.1958d5f2df09dp-3 0x1.e6072b48b14fcp-6 0x1.521111b56045bp-8
    -0x1.3265b412d7a9dp-9 -0x1.11207272ddfc8p-10 0x1.70fac73856db9p-14 0x1.c11bb0779e349p-13
    0x1.1b11a223a3100p-14 -0x1.0ebf3db2fcf10p-16 -0x1.92dd4c354b0c8p-16 -0x1.31e297c5bbac0p-17
    0x1.0bf7b194365bap-20 0x1.a7f7d144aed2ep-19 0x1.e148c376675c6p-20 0x1.33b3905e65713p-22
    -0x1.7cf2dcab95ea9p-22 -0x1.8062832333af6p-22 -0x1.469c6f4db389cp-23 0x1.2595aabc620e1p-28
    0x1.7e426275f4fd3p-25 0x1.0513c65f6652bp-25 0x1.bc5915d224c4bp-26 0x1.1fade7fe9eb22p-26
    -0x1.70b518ca846edp-27 -0x1.57e2b60576b31p-26 -0x1.ae227682dfee3p-29 0x1.d64c707f642fep-28
    0x1.5e05cb7ccf3b0p-29 -0x1.dc15f7cfc85c7p-31 -0x1.e025f6f66f205p-32
""")

# −(y + 2)·H′(y) in s = (y − 2)/(y + 2) for y in [0, 64]:
# degree 6, absolute error 2^-16.12.
FACTOR_CHANGE_DOUBLE = numbers("""
    0x1.195a124a0c97ap-3 -0x1.92b1d8954d6c1p-3 0x1.6715f15108cb2p-5 0x1.8b7d947d7aa20p-6
    -0x1.18684ef73c2c0p-8 -0x1.13cd2bfc81eaep-8 -0x1.4e54f1635a459p-12
""")

# H(y) in s = (y − 4)/(y + 4) for y in [0, 20]:
# degree 19, relative error 2^-53.54.
NEAR_SLOPE = numbers("""
    0x1.d94de78425463p-2 -0x1.a763001ac67f7p-4 0x1.ef4ff80137788p-5 -0x1.cc1e2623d6c1bp-6
    0x1.37754d8187a6bp-7 -0x1.d4c8222ea423dp-10 -0x1.443f6477a5c65p-13 0x1.85999d9aa21bbp-13
    -0x1.2537de9756f21p-16 -0x1.2e93bcec5c824p-16 0x1.daf1d7a12cb4fp-19 0x1.298b0d1ede297p-19
    -0x1.07a8bfc9f1a50p-21 -0x1.76f468a5a3effp-22 0x1.aeb9554997bf4p-25 0x1.09b96767c98bcp-24
    0x1.c22333b7a9d84p-30 -0x1.2c376e046a56dp-27 -0x1.49d4ff0bb4075p-29 -0x1.b281b5fd54187p-34
""")

# −(y + 4)·H′(y) in s = (y − 4)/(y + 4) for y in [0, 20]:
# degree 2, absolute error 2^-5.107.
NEAR_SLOPE_CHANGE = numbers("""
    0x1.750cac92bd5bdp-4 -0x1.24905c1983af0p-2 0x1.340a1dd6b4866p-2
""")

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = 1 + e^v + x·v′ of GELU-tanh:
# degree 4, relative error 2^-22.66.
GELU_TANH_SINGLE = numbers("""
    -0x1.993cd34bf4f0bp-4 0x1.9a0ee2dfc2987p-2 0x1.3720aeb54e1a0p-4 0x1.f4aa48e6bf1adp-6
    0x1.72dc7003afe65p-7
""")

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = 1 + e^v + x·v′ of GELU-tanh:
# degree 9, relative error 2^-51.02.
GELU_TANH_DOUBLE = numbers("""
    -0x1.993cd34bf4f0ap-4 0x1.9a0ef5cdf30cdp-2 0x1.3720c65c90f05p-4 0x1.f37b831f954a7p-6
    0x1.721f46dc781eap-7 0x1.e3b4839dc06aep-9 0x1.2e3bdbac12bd0p-10 0x1.75d427408e0dfp-12
    0x1.b18c4e4cbef4ep-14 0x1.d87a3ce48a43dp-16
""")

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = ω of Mish:
# degree 4, relative error 2^-25.56.
MISH_SINGLE = numbers("""
    0x1.21b0c7fb83ba1p+1 0x1.4943205279a9ap+0 0x1.1d9a504210a28p-1 0x1.ac02ad2571edfp-3
    0x1.262ef15d1b427p-4
""")

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = ω of Mish:
# degree 9, relative error 2^-53.89.
MISH_DOUBLE = numbers("""
    0x1.21b0c7fb83ba1p+1 0x1.49433e20bcadap+0 0x1.1d9a628eea3abp-1 0x1.ab14503f47ea5p-3
    0x1.259c961b1d4fap-4 0x1.7cd9d5e0d24f2p-6 0x1.d3c37c980173ap-8 0x1.0eee311023f77p-9
    0x1.2779f60f1255fp-11 0x1.2d21052348b9ep-13
""")

# (e^r − 1)/r for |r| ≤ 1.01·ln2/2:
# degree 4, relative error 2^-20.89.
EXP_SHORT = numbers("""
    0x1.0000000000000p+0 0x1.fffe498467da7p-2 0x1.5554d820ee8e6p-3 0x1.57146b770ce13p-5
    0x1.12106ba17fc04p-7
""")

# log(1 + w)/w for w in [0, 1]:
# degree 7, relative error 2^-22.12.
LOG1P_SHORT = numbers("""
    0x1.fffff8a49ea60p-1 -0x1.fff897c32c666p-2 0x1.54b45b90ec19ap-2 -0x1.f53e39025bcbdp-3
    0x1.6a3d113f4d999p-3 -0x1.b5a79664b99c4p-4 0x1.644c1823bb964p-5 -0x1.124cd3e1e2becp-7
""")

# (k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 1/8; a₀, its root, is SILU_ROOT:
# degree 2, relative error 2^-16.15.
SILU_SHORT = numbers("""
    -0x1.be1410460527fp-4 -0x1.90281f47e85e2p-5 -0x1.34667435ffc80p-8
""")

# (y + 3)·R(y) in s = (y − 3)/(y + 3) for y in [0, 14.5]:
# degree 8, relative error 2^-22.93.
TAIL_SHORT = numbers("""
    0x1.754a740bbffd6p-1 -0x1.04c7270d66fd6p-1 0x1.d714a159e427cp-3 -0x1.832bec2ad5b77p-5
    -0x1.578f99f1d6a3fp-7 0x1.c75ddee67755ap-8 0x1.1efeea53c2717p-10 -0x1.e875f5a2cedf9p-11
    -0x1.3128a6ec85709p-12
""")

# H(y) = (R(y) − y/√(2π))/(y₀ − y) in s = (y − 3)/(y + 3) for y in [0, 19.5]:
# degree 7, relative error 2^-23.85.
SLOPE_SHORT = numbers("""
    0x1.e9c6de3ff2f8fp-2 -0x1.eb6b8ce9d25dfp-4 0x1.b70f2dd52f498p-5 -0x1.cd1a0a198932cp-7
    0x1.a8d1dc92cacc9p-13 0x1.1b54634b1c0bcp-10 -0x1.716a22c01b64dp-14 -0x1.b10f1a3e3ae7cp-14
""")
