# SPDX-License-Identifier: MIT
"""Coefficients, the constant first. Made by: python -m kernels.coefficients --write"""

GELU_FAR = 64.0  # e^(−y²/2) is zero from here on, whatever it is multiplied by
GELU_TAIL_CENTRE = 5.0

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
EXP_SINGLE = (
    float.fromhex("0x1.0000000000000p-1"),  # 0.5
    float.fromhex("0x1.5554d820ee8e6p-3"),  # 0.16666573381900845
    float.fromhex("0x1.555516c1f2f08p-5"),  # 0.041666550110305123
    float.fromhex("0x1.12106ba17fc04p-7"),  # 0.0083637738744055737
    float.fromhex("0x1.6d1605bc8521fp-10"),  # 0.0013926926614021907
)

# the same, where half a digit more is needed:
# degree 5, relative error 2^-28.27.
EXP_SINGLE_FINE = (
    float.fromhex("0x1.0000000c4592ep-1"),  # 0.50000000142862233
    float.fromhex("0x1.5555555ac911fp-3"),  # 0.16666666682534356
    float.fromhex("0x1.5554e4aacef45p-5"),  # 0.041666456809677878
    float.fromhex("0x1.1110df02bfbecp-7"),  # 0.0083333100242252919
    float.fromhex("0x1.6d4920bf2569bp-10"),  # 0.0013934541928270264
    float.fromhex("0x1.a12a42f159d0ep-13"),  # 0.0001989198131397769
)

# (e^r − 1 − r)/r² for |r| ≤ 1.01·ln2/2:
# degree 10, relative error 2^-57.52.
EXP_DOUBLE = (
    float.fromhex("0x1.0000000000000p-1"),  # 0.5
    float.fromhex("0x1.5555555555557p-3"),  # 0.16666666666666671
    float.fromhex("0x1.5555555555556p-5"),  # 0.041666666666666671
    float.fromhex("0x1.111111110ff87p-7"),  # 0.0083333333333255443
    float.fromhex("0x1.6c16c16c16212p-10"),  # 0.0013888888888883327
    float.fromhex("0x1.a01a01aca0134p-13"),  # 0.00019841269876864356
    float.fromhex("0x1.a01a01a741b3cp-16"),  # 2.4801587327007187e-05
    float.fromhex("0x1.71ddffef9e7b1p-19"),  # 2.7557252833516911e-06
    float.fromhex("0x1.27e4da1a3bf04p-22"),  # 2.75572718102198e-07
    float.fromhex("0x1.af52906239de4p-26"),  # 2.5106274733573296e-08
    float.fromhex("0x1.1f75aba0b1e2ep-29"),  # 2.0915442297780116e-09
)

# (tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605:
# degree 2, relative error 2^-20.63.
TANH_SINGLE = (
    float.fromhex("-0x1.555547931431dp-2"),  # -0.33333312831114076
    float.fromhex("0x1.10f482d6f6ec1p-3"),  # 0.13327886789817536
    float.fromhex("-0x1.a86ba83ce5834p-5"),  # -0.051809147443393405
)

# (tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605:
# degree 7, relative error 2^-53.97.
TANH_DOUBLE = (
    float.fromhex("-0x1.5555555555555p-2"),  # -0.33333333333333331
    float.fromhex("0x1.1111111111049p-3"),  # 0.13333333333332778
    float.fromhex("-0x1.ba1ba1b9df1b7p-5"),  # -0.053968253966533757
    float.fromhex("0x1.664f484ae449dp-6"),  # 0.021869488332929
    float.fromhex("-0x1.226e1c035989dp-7"),  # -0.0088632237227098069
    float.fromhex("0x1.d6c74990df7cep-9"),  # 0.0035917546560417573
    float.fromhex("-0x1.7bea728740dc2p-10"),  # -0.0014492638018176328
    float.fromhex("0x1.156d943d78756p-11"),  # 0.00052915199892942621
)

# (artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3:
# degree 4, relative error 2^-26.56.
ARTANH_SINGLE = (
    float.fromhex("0x1.5555558d7ff57p-2"),  # 0.33333333660265424
    float.fromhex("0x1.9998d4859844ap-3"),  # 0.19999853165339437
    float.fromhex("0x1.24c926afb9858p-3"),  # 0.14296179031151968
    float.fromhex("0x1.bc8cf75365d38p-4"),  # 0.10853287326459771
    float.fromhex("0x1.dba266fb0a23cp-4"),  # 0.11612167574697535
)

# (artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3:
# degree 10, relative error 2^-53.85.
ARTANH_DOUBLE = (
    float.fromhex("0x1.5555555555555p-2"),  # 0.33333333333333331
    float.fromhex("0x1.9999999999944p-3"),  # 0.19999999999999762
    float.fromhex("0x1.2492492499d46p-3"),  # 0.1428571428580005
    float.fromhex("0x1.c71c71bedea4cp-4"),  # 0.11111111099118282
    float.fromhex("0x1.745d19937c459p-4"),  # 0.090909099489878811
    float.fromhex("0x1.3b13515f46324p-4"),  # 0.076922719821948038
    float.fromhex("0x1.111abdcc35b9dp-4"),  # 0.066675893208737638
    float.fromhex("0x1.e0a2d5224a88fp-5"),  # 0.058671394612546661
    float.fromhex("0x1.bc37f319fc520p-5"),  # 0.05422589760554275
    float.fromhex("0x1.32e0c4d323d70p-5"),  # 0.037460693763132435
    float.fromhex("0x1.401d4b3d9862dp-4"),  # 0.078152936848277135
)

# (k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 5/16; a₀, its root, is SILU_ROOT:
# degree 4, relative error 2^-23.58.
SILU_SINGLE = (
    float.fromhex("-0x1.be1410460527fp-4"),  # -0.10890585285990005
    float.fromhex("-0x1.9072cf8a4b69fp-5"),  # -0.048882871009806587
    float.fromhex("-0x1.3539be3ecd542p-8"),  # -0.0047184075800051368
    float.fromhex("0x1.8ebb42705cd59p-9"),  # 0.0030420797922318496
    float.fromhex("0x1.1d770d6004c03p-10"),  # 0.0010889627374168771
)

# (k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 5/16; a₀, its root, is SILU_ROOT:
# degree 11, relative error 2^-51.64.
SILU_DOUBLE = (
    float.fromhex("-0x1.be1410460527dp-4"),  # -0.10890585285990002
    float.fromhex("-0x1.9072f0766563cp-5"),  # -0.048882932332315637
    float.fromhex("-0x1.353eb573cf85ep-8"),  # -0.0047187035559642359
    float.fromhex("0x1.8f0d828968e45p-9"),  # 0.00304453104463834
    float.fromhex("0x1.20a572e58473ap-10"),  # 0.0011010981919565414
    float.fromhex("-0x1.2f7e5ea2cfca3p-16"),  # -1.8089630098968992e-05
    float.fromhex("-0x1.a2a7e5c3cd16ep-14"),  # -9.981533281406215e-05
    float.fromhex("-0x1.5a2eeeafee85dp-16"),  # -2.0634134386667317e-05
    float.fromhex("0x1.12a409ff82987p-18"),  # 4.0924664968057365e-06
    float.fromhex("0x1.6ac986a631f24p-19"),  # 2.7029753538499358e-06
    float.fromhex("0x1.e89f03f58bbffp-23"),  # 2.2753195565289035e-07
    float.fromhex("-0x1.822352f652abcp-23"),  # -1.7980951101178958e-07
)

# (y + 1)·R(y), R(y) = e^(y²/2)·Φ(−y), in s = (y − 5)/(y + 5) for y in [0, 64]:
# degree 24, relative error 2^-53.91.
GELU_TAIL = (
    float.fromhex("0x1.d8979b0f2b39dp-2"),  # 0.46151582985003775
    float.fromhex("-0x1.76ff86859eb13p-4"),  # -0.091552281834008917
    float.fromhex("0x1.fc66cc64a141bp-6"),  # 0.031030368425963056
    float.fromhex("0x1.47c1d030546e6p-7"),  # 0.010002352385217472
    float.fromhex("-0x1.b08e0007b5ad4p-6"),  # -0.026401042966280056
    float.fromhex("0x1.92037bab49327p-6"),  # 0.024536963244048551
    float.fromhex("-0x1.f11aab02e12f1p-7"),  # -0.015170415402971456
    float.fromhex("0x1.ab6d038cbf986p-8"),  # 0.0065220006624698897
    float.fromhex("-0x1.b75f4f8ff52edp-10"),  # -0.0016760723410602044
    float.fromhex("0x1.0571ad7a88132p-17"),  # 7.7916399635063659e-06
    float.fromhex("0x1.7e61e44e035a2p-13"),  # 0.00018233413214867067
    float.fromhex("-0x1.c1b1da5342da0p-15"),  # -5.3607790187450198e-05
    float.fromhex("-0x1.4c0eb7ce49427p-17"),  # -9.896084432423482e-06
    float.fromhex("0x1.3004ff10d4417p-17"),  # 9.0604876576156874e-06
    float.fromhex("-0x1.2dd01759d82f6p-24"),  # -7.027128159704067e-08
    float.fromhex("-0x1.5f566b08cddb6p-20"),  # -1.3088344436704988e-06
    float.fromhex("0x1.11def59b9fc86p-23"),  # 1.2753109223174051e-07
    float.fromhex("0x1.a995bb2a2a91cp-23"),  # 1.9817840641218294e-07
    float.fromhex("-0x1.b7d113e1c9f21p-26"),  # -2.5600701897932238e-08
    float.fromhex("-0x1.18057743410c8p-25"),  # -3.2598775701429113e-08
    float.fromhex("0x1.8c4214c230d25p-29"),  # 2.8831573527018881e-09
    float.fromhex("0x1.66b7766dede12p-28"),  # 5.2200142940186381e-09
    float.fromhex("0x1.4be938174d4ddp-33"),  # 1.5093565349665962e-10
    float.fromhex("-0x1.33c22b61b7b46p-31"),  # -5.59809403880267e-10
    float.fromhex("-0x1.d26ec3f5ce8a1p-34"),  # -1.0605451225617204e-10
)

# (R(y) − y/√(2π))/t in t = y − y₀ for |t| ≤ 1/2; y₀ is GELU_SLOPE_ROOT:
# degree 16, relative error 2^-53.81.
GELU_SLOPE = (
    float.fromhex("-0x1.25126c1543190p-1"),  # -0.57240617522761461
    float.fromhex("0x1.5b297ebb9a527p-4"),  # 0.084756369638530601
    float.fromhex("-0x1.2bad2862a3fdep-5"),  # -0.03658159148937988
    float.fromhex("0x1.d507ae5ca7879p-7"),  # 0.014313659799253241
    float.fromhex("-0x1.526fe74d6ca9fp-8"),  # -0.0051641406729908959
    float.fromhex("0x1.c7c0250a40f64p-10"),  # 0.0017385504348234821
    float.fromhex("-0x1.20e4237119648p-11"),  # -0.00055101617011805385
    float.fromhex("0x1.5b2858811b119p-13"),  # 0.0001655376436561294
    float.fromhex("-0x1.8d96b3812ea27p-15"),  # -4.7396263661754049e-05
    float.fromhex("0x1.b3e3fd1b64be6p-17"),  # 1.2990551616442634e-05
    float.fromhex("-0x1.cb25c3ccc6fadp-19"),  # -3.4209155955876656e-06
    float.fromhex("0x1.d2223d9014b28p-21"),  # 8.6824177182097103e-07
    float.fromhex("-0x1.c9494333e2e8fp-23"),  # -2.1294047202986463e-07
    float.fromhex("0x1.b1fdc5e1cee1dp-25"),  # 5.052323693999309e-08
    float.fromhex("-0x1.903e22456999dp-27"),  # -1.1648595986076855e-08
    float.fromhex("0x1.7963d6630b62ep-29"),  # 2.7458735715071836e-09
    float.fromhex("-0x1.48a90d697dc68p-31"),  # -5.9782971384634926e-10
)

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = 1 + e^v + x·v′ of GELU-tanh:
# degree 4, relative error 2^-22.66.
GELU_TANH_SINGLE = (
    float.fromhex("-0x1.993cd34bf4f0bp-4"),  # -0.09991152322555423
    float.fromhex("0x1.9a0ee2dfc2987p-2"),  # 0.40044741144870283
    float.fromhex("0x1.3720aeb54e1a0p-4"),  # 0.075958902791973149
    float.fromhex("0x1.f4aa48e6bf1adp-6"),  # 0.030558177178123525
    float.fromhex("0x1.72dc7003afe65p-7"),  # 0.011317782110722161
)

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = 1 + e^v + x·v′ of GELU-tanh:
# degree 9, relative error 2^-51.02.
GELU_TANH_DOUBLE = (
    float.fromhex("-0x1.993cd34bf4f0ap-4"),  # -0.099911523225554216
    float.fromhex("0x1.9a0ef5cdf30cdp-2"),  # 0.40044769353404491
    float.fromhex("0x1.3720c65c90f05p-4"),  # 0.075958990907619109
    float.fromhex("0x1.f37b831f954a7p-6"),  # 0.030485990572135659
    float.fromhex("0x1.721f46dc781eap-7"),  # 0.011295232391547356
    float.fromhex("0x1.e3b4839dc06aep-9"),  # 0.0036903772987678307
    float.fromhex("0x1.2e3bdbac12bd0p-10"),  # 0.0011529305293318422
    float.fromhex("0x1.75d427408e0dfp-12"),  # 0.00035651085275702031
    float.fromhex("0x1.b18c4e4cbef4ep-14"),  # 0.00010336591476439486
    float.fromhex("0x1.d87a3ce48a43dp-16"),  # 2.8161853054129783e-05
)

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = ω of Mish:
# degree 4, relative error 2^-25.56.
MISH_SINGLE = (
    float.fromhex("0x1.21b0c7fb83ba1p+1"),  # 2.2632074335192134
    float.fromhex("0x1.4943205279a9ap+0"),  # 1.2861805154185846
    float.fromhex("0x1.1d9a504210a28p-1"),  # 0.55781794363457937
    float.fromhex("0x1.ac02ad2571edfp-3"),  # 0.2089894797375029
    float.fromhex("0x1.262ef15d1b427p-4"),  # 0.071822111918394257
)

# p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, k = ω of Mish:
# degree 9, relative error 2^-53.89.
MISH_DOUBLE = (
    float.fromhex("0x1.21b0c7fb83ba1p+1"),  # 2.2632074335192134
    float.fromhex("0x1.49433e20bcadap+0"),  # 1.286182291977346
    float.fromhex("0x1.1d9a628eea3abp-1"),  # 0.55781848902289732
    float.fromhex("0x1.ab14503f47ea5p-3"),  # 0.20853483861082114
    float.fromhex("0x1.259c961b1d4fap-4"),  # 0.071682535506471995
    float.fromhex("0x1.7cd9d5e0d24f2p-6"),  # 0.023245295396269357
    float.fromhex("0x1.d3c37c980173ap-8"),  # 0.0071375064071668663
    float.fromhex("0x1.0eee311023f77p-9"),  # 0.0020670351878563881
    float.fromhex("0x1.2779f60f1255fp-11"),  # 0.00056357652818765289
    float.fromhex("0x1.2d21052348b9ep-13"),  # 0.00014358948929168736
)
