# SPDX-License-Identifier: MIT
"""All 2^32 float32 inputs: the results of kernels of one function, held against one pass of the oracle.

Kernels are called here, one after the other, on chunks of consecutive bit patterns; what is found of the results is
reckoned by threads in the meantime, and added up in order, so that it does not depend on their number. Outputs are
poisoned before each call and inputs checked to be unchanged, as everywhere (`bench.calling`).
"""

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

import reference
from bench.accuracy import FINGERPRINT_BLOCK as BLOCK
from bench.accuracy import REGION_ORDINALS, canonical_patterns, make_bins, make_region
from bench.calling import KernelError, arguments, call
from bench.resume import Findings
from bench.series import Filled, series_of
from bench.speed import cores
from bench.sweep_chunk import CHUNK, SIGN_BIT, SINGLE, Target, judge_chunk, note_steps
from bench.sweep_loops import knower, line_knower, loops
from bench.tally import Tally, number
from kernels.registry import Kernel
from reference import fast
from reference.activation import Activation
from reference.oracle import decimal
from reports import wording
from reports.schema import MISMATCH_KINDS, Accuracy, Example, Property, Safety

BLOCKS = range(0, 1 << 32, BLOCK)  # their first inputs; a block is also what is kept of a sweep that is cut off
AHEAD = 3  # chunks whose results wait to be judged: they bound the memory

Progress = Callable[[int, bool], None]


@dataclass
class Sweep:
    """What was found of one kernel over all inputs: the tally, and the fingerprint; or why it failed."""

    kernel: Kernel
    target: Target
    findings: Findings
    tally: Tally = field(default_factory=Tally)
    fingerprint: str | None = None
    error: KernelError | None = None


def sweep_all(kernels: Iterable[Kernel], folder: Path | None) -> dict[str, Sweep]:
    """Sweep those of the kernels that can be, all of a function together, with a bar of progress and the time left.

    ``folder`` keeps what was found of a sweep that is cut off, where there is one; see `bench.resume`.
    """
    groups: dict[tuple, list[Kernel]] = {}
    for kernel in filter(can_sweep, kernels):
        parameters = tuple(sorted(kernel.parameters.items()))
        groups.setdefault((kernel.activation, kernel.direction, parameters), []).append(kernel)
        _call_once(kernel)  # before the time is taken
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=BLOCK * len(BLOCKS) * len(groups),
        desc="all float32 inputs",
        unit=" inputs",
        unit_scale=True,
        file=sys.stderr,
        mininterval=0.2 if terminal else 10,  # a log gets a line now and then
        ascii=not terminal,
        disable=not groups,
    )

    def progress(count: int, now: bool) -> None:
        if not now:  # it says nothing of the time left
            bar.initial, bar.last_print_n = bar.initial + count, bar.last_print_n + count
        bar.update(count)

    found: dict[str, Sweep] = {}
    with bar:
        for (activation, direction, _), group in groups.items():
            bar.set_postfix_str(f"{activation} {direction}, {wording.kernels(len(group))}")
            found |= sweep(group, reference.activations()[activation], folder, progress)
    return found


def can_sweep(kernel: Kernel) -> bool:
    """Whether a kernel can be tried on all inputs: one of float32, with one result for each input."""
    return is_of_floats(kernel) and obstacle(kernel) is None


def is_of_floats(kernel: Kernel) -> bool:
    """Whether all inputs of a kernel are all float32 numbers."""
    return kernel.dtype == "float32" and kernel.direction in ("forward", "backward")


def obstacle(kernel: Kernel) -> str | None:
    """Why a kernel of floats can't be tried on all inputs, where it can't; it is then sampled, as at other depths."""
    activation, parameters = reference.activations()[kernel.activation], kernel.parameters
    largest = max((max(abs(p), 1 / abs(p)) for p in parameters.values() if p), default=1.0)
    if kernel.claim and kernel.claim.outside_roots:
        return "sampled: its claim is about errors outside roots, which a sweep does not tell apart"
    if activation.fast_forward is None:
        return f"sampled: only mpmath knows {activation.name}, and that would take days"
    if largest >= fast.PARAMETER_RANGE or not fast.supports(activation, kernel.direction, parameters):
        return "sampled: with parameters of extreme size only mpmath knows the function, and that would take days"
    return None


def obstacles(kernels: Iterable[Kernel]) -> list[tuple[Kernel, str]]:
    """The kernels that should be tried on all inputs and can't be, and why."""
    found = [(k, obstacle(k)) for k in kernels if is_of_floats(k)]
    return [(k, why) for k, why in found if why]


def sweep(
    kernels: Sequence[Kernel], activation: Activation, folder: Path | None, progress: Progress
) -> dict[str, Sweep]:
    """Try kernels of the same function, in float32, on every input.

    Args:
        folder: where findings are kept until `forget`; None keeps none.
        progress: told how many inputs are done, again and again, and whether now or by an earlier run.

    Returns:
        what was found, by the kernel's id.
    """
    target = Target(activation, kernels[0].direction, kernels[0].parameters)
    knower(activation, target.direction), line_knower(), loops()  # compiled before threads need them
    for kernel in kernels:  # what a kernel imports when it is called is among what its findings depend on
        _call_once(kernel)
    sweeps = {k.id: Sweep(k, target, Findings(folder, k)) for k in kernels}
    try:
        _sweep_blocks(list(sweeps.values()), target, progress)
    finally:
        for kernel in kernels:
            getattr(kernel.function, "give_back", lambda: None)()  # what `_buffers` took
    for done in sweeps.values():
        if done.error is None:
            _add_up(done)
    return sweeps


def _call_once(kernel: Kernel) -> None:
    """Call it on inputs of every size and class, so that what it imports and compiles is there."""
    everything = np.linspace(0, (1 << 32) - 1, CHUNK).astype(np.uint32).view(np.float32)
    with suppress(KernelError):
        call(kernel, *arguments(kernel, everything))


def forget(sweeps: Mapping[str, Sweep]) -> None:
    """Remove what was kept of sweeps whose findings are in a report: the next run tries all inputs again."""
    for done in sweeps.values():
        done.findings.forget()


class _Block:
    """What is found of kernels in a block of inputs, chunk by chunk."""

    def __init__(self, first: int, sweeps: list[Sweep]) -> None:
        self.chunks = range(first, first + BLOCK, CHUNK)
        self.sweeps = sweeps
        self.tallies = {s.kernel.id: Tally() for s in sweeps}
        self.digests = {s.kernel.id: hashlib.sha256() for s in sweeps}
        self.last: dict[str, np.float32] = {}  # results for the input before the next chunk, of those that gave any

    def note_ends(self, results: Mapping[str, np.ndarray]) -> None:
        """Remember the first result of all, and the last one so far."""
        for name, got in results.items():
            if name not in self.last:
                self.tallies[name].first = int(got[0].view(np.uint32))
            self.tallies[name].last = int(got[-1].view(np.uint32))
        self.last = {name: got[-1] for name, got in results.items()}

    def digest(self, results: Mapping[str, np.ndarray]) -> None:
        """Go on with the digests of results."""
        for name, got in results.items():
            patterns = canonical_patterns(got, SINGLE) if np.isnan(got).any() else got.view(np.uint32)
            self.digests[name].update(patterns.astype("<u4", copy=False))

    def add(self, found: Mapping[str, Tally], chunk: int) -> None:
        """Add what was found in a chunk; with the last one, what was found in the block is kept."""
        for name, tally in found.items():
            self.tallies[name].merge(tally)
        if chunk == self.chunks[-1]:
            for s in self.sweeps:
                if s.kernel.id in self.last:  # it did not fail on the way
                    tally = self.tallies[s.kernel.id]
                    tally.digest = self.digests[s.kernel.id].hexdigest()
                    s.findings.keep(self.chunks[0], tally)


def _sweep_blocks(sweeps: Sequence[Sweep], target: Target, progress: Progress) -> None:
    """Try the kernels on all blocks not yet done; results go to threads, and what these find is added up in order."""
    waiting: deque[tuple[_Block, int, Future[dict[str, Tally]], Future[None]]] = deque()

    def settle() -> None:
        block, chunk, judged, digested = waiting.popleft()
        digested.result()
        block.add(judged.result(), chunk)
        progress(CHUNK, True)

    with ThreadPoolExecutor(cores(), "judge") as judges, ThreadPoolExecutor(1, "digest") as digester:
        for first in BLOCKS:
            todo = [s for s in sweeps if s.error is None and first not in s.findings.blocks]
            if not todo:
                progress(BLOCK, False)
                continue
            block = _Block(first, todo)
            for chunk in block.chunks:
                results = _results(chunk, todo)
                judged = judges.submit(judge_chunk, target, chunk, results, block.last)
                block.note_ends(results)
                waiting.append((block, chunk, judged, digester.submit(block.digest, results)))
                if len(waiting) > AHEAD:
                    settle()
        while waiting:
            settle()


def _results(first: int, sweeps: list[Sweep]) -> dict[str, np.ndarray]:
    """The results of each kernel for a chunk of inputs; one that breaks the contract is out, and costs no other."""
    results = {}
    for s in sweeps:
        if s.error is None:
            inputs = series_of(s.kernel.direction, first)
            try:  # the arrays are its own, since it may write to them
                *arrays, out = _buffers(s.kernel, len(inputs))
                out, threads = out if s.kernel.takes_out else None, 1 if s.kernel.spins else None
                got = call(s.kernel, *arrays, out=out, threads=threads, originals=Filled(arrays, inputs))
            except KernelError as error:
                s.error = error
            else:  # what it made itself it may use again, while these wait to be judged
                results[s.kernel.id] = np.array(got, order="C", copy=None if s.kernel.takes_out else True)
    return results


def _buffers(kernel: Kernel, inputs: int) -> tuple[np.ndarray, ...]:
    """Arrays for inputs and, the last one, for results: in the memory that its process shares, where it has one."""
    make = getattr(kernel.function, "buffers", None)
    if make:
        return make(inputs, CHUNK, SINGLE.dtype, AHEAD + 2)
    return tuple(np.empty((inputs + 1, CHUNK), SINGLE.dtype))


def _add_up(done: Sweep) -> None:
    blocks = done.findings.blocks
    for block in BLOCKS:
        before = blocks.get(block - BLOCK)
        if before and block & ~SIGN_BIT:  # the step from its last input to the first of this block
            last, first = np.array([before.last, blocks[block].first], np.uint32).view(np.float32)
            note_steps(done.target, block, np.array([first]), last, done.tally)
        done.tally.merge(blocks[block])
    done.fingerprint = hashlib.sha256(b"".join(bytes.fromhex(blocks[b].digest) for b in BLOCKS)).hexdigest()


# In the words of results.json.


def found_of(done: Sweep, sampled: Accuracy) -> tuple[Accuracy, Safety]:
    """What `bench.accuracy.measure` returns, over all inputs.

    Raises:
        KernelError: the kernel broke the contract of a call.
    """
    if done.error is not None:
        raise done.error
    return accuracy_of(done, sampled), safety_of(done)


def accuracy_of(done: Sweep, sampled: Accuracy) -> Accuracy:
    """The accuracy over all inputs; what concerns N(0, 1) inputs and random dy is that of the sampled run."""
    tally = done.tally
    known = tally.max_ulp >= 0
    x, got = tally.worst
    worst = float.fromhex(number(x)) if known else 0.0
    per_region = REGION_ORDINALS[SINGLE.name]
    return Accuracy(
        coverage="exhaustive",
        evaluated=tally.evaluated,
        max_ulp=tally.max_ulp if known else None,
        max_ulp_outside_roots=sampled.max_ulp_outside_roots,
        worst_input=number(x) if known else None,
        worst_got=number(got) if known else None,
        worst_exact=_decimal(done, worst) if known else None,
        max_distance=str(max(tally.most, tally.least, key=abs)),
        max_ulp_normal=sampled.max_ulp_normal,
        mean_ulp_normal=sampled.mean_ulp_normal,
        worst_input_normal=sampled.worst_input_normal,
        mean_ulp=tally.total_ulp / tally.compared if tally.compared else None,
        misrounded=tally.misrounded,
        outside_conditioning=tally.outside,
        decided_by_mpmath=tally.by_mpmath,
        histogram=make_bins(tally.bins),
        fingerprint=done.fingerprint,
        inputs=None,
        deviations=None,
        regions=[make_region(r, per_region, tally.regions[r], SINGLE) for r in sorted(tally.regions)],
        random_dy=sampled.random_dy,
        search=None,
    )


def safety_of(done: Sweep) -> Safety:
    """The mismatches of class over all inputs, with examples."""
    examples = [
        Example(input=number(x), got=number(got), want=_decimal(done, float.fromhex(number(x))), kind=kind)
        for kind, found in zip(MISMATCH_KINDS, done.tally.examples, strict=True)
        for x, got in found
    ]
    by_kind = dict(zip(MISMATCH_KINDS, done.tally.by_kind, strict=True))
    return Safety(mismatches=sum(by_kind.values()), by_kind=by_kind, examples=examples)


def properties_of(done: Sweep) -> dict[str, Property]:
    """Whether results are monotone where f is, over all neighbours; nothing where it is not known where f is."""
    tally, stretches = done.tally, done.target.stretches
    if not stretches:
        return {}
    (x, got), (beyond, there) = tally.step
    example = f"{number(got)} at {number(x)}, but {number(there)} at {number(beyond)}"
    monotone = Property(
        verdict="violated" if tally.steps else "holds",
        counter_example=example if tally.steps else None,
        count=tally.steps,
        checked=sum(s.last - s.first for s in stretches),
        largest=_representable(tally.largest_step) if tally.steps else None,
        why=None,
    )
    return {"monotone": monotone}


def _representable(count: int) -> str:
    return "1 representable number" if count == 1 else f"{count:,} representable numbers"


def _decimal(done: Sweep, x: float) -> str:
    return decimal(done.target.activation, done.target.direction, x, done.kernel.parameters)
