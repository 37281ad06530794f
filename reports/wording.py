# SPDX-License-Identifier: MIT
"""How numbers and names are shown to people, everywhere alike; files for machines get them exact."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal

from reports.schema import Backend, Failure, KernelResult, Machine, Run

MISSING = "–"

_UP_4 = Context(prec=4, rounding=ROUND_CEILING)


def count(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def grouped(digits: str) -> str:
    """A whole number that may be too large for other readers of JSON, and therefore is a string there."""
    return count(int(digits))


def ulp(value: float | None) -> str:
    """Four significant digits, rounded up: a largest error is never shown smaller than it is (0.50000003: 0.5001)."""
    if value is None:
        return MISSING
    if value > 1e308:  # of a float64, an error may be more ulp than a float64 can hold
        return "> 1e308"
    up = float(_UP_4.create_decimal(Decimal(value)))
    return f"{up:,.0f}" if 1000 <= up < 1e6 else f"{up:.4g}"


def short(value: float | None) -> str:
    """Three significant digits, for times and rates."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def decimal(number: str | None, digits: int = 6) -> str:
    """A hexadecimal float or a long decimal, rounded for reading; what is no number comes back as it is."""
    if number is None:
        return MISSING
    try:
        value = float.fromhex(number) if "x" in number else float(number)
    except ValueError:
        return number
    return f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def gibibytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def one_line(text: str, width: int | None = 160) -> str:
    """``text`` without line breaks and control characters, cut at ``width`` if there is one."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if width is None or len(line) <= width else line[: width - 1] + "…"


def threads(number: int) -> str:
    if number == 0:
        return "GPU"
    return "1 thread" if number == 1 else f"{number} threads"


def kernels(number: int) -> str:
    return "1 kernel" if number == 1 else f"{number:,} kernels"


def author(kernel: KernelResult) -> str:
    """Who wrote it and how: what a colour stands for."""
    return f"{kernel.backend}-{kernel.variant}"


def parameters(values: Mapping[str, float]) -> str:
    """Of an activation, as "alpha = 0.25"."""
    return ", ".join(f"{name} = {value!r}" for name, value in values.items()) or "no parameters"


def coverage(kernel: KernelResult) -> str:
    """How many inputs were tried, and whether these were all there are."""
    if kernel.accuracy is None:
        return MISSING
    return f"{kernel.accuracy.evaluated:,} {'all' if kernel.accuracy.coverage == 'exhaustive' else 'sampled'}"


def misrounded(kernel: KernelResult) -> str:
    """How many results were misrounded, of how many, with those of the search."""
    found = kernel.accuracy
    text = f"{found.misrounded:,} of {found.evaluated:,} misrounded"
    search = found.search
    return f"{text}, {search.misrounded:,} of {search.evaluations:,} in the search" if search else text


def evaluations(kernel: KernelResult) -> int | None:
    """How many inputs a largest error is the largest of, with those of the search; None where all there are."""
    found = kernel.accuracy
    if found is None or found.coverage == "exhaustive":
        return None
    return found.evaluated + (found.search.evaluations if found.search else 0)


def lower_bound(tried: int) -> str:
    """What goes with "at least so many ulp"."""
    return f"lower bound, {count(tried)} {'evaluation' if tried == 1 else 'evaluations'}"


def violated(kernel: KernelResult) -> str:
    """The properties that a kernel violates, or none; a dash where no property was looked at."""
    names = [spoken(name) for name, found in kernel.properties.items() if found.verdict == "violated"]
    looked_at = any(found.verdict != "not checked" for found in kernel.properties.values())
    return one_line(", ".join(names)) or ("none" if looked_at else MISSING)


def spoken(name: str) -> str:
    """A name as it stands in a record, for people."""
    return name.replace("_", " ")


def mismatches(kernel: KernelResult) -> str:
    """The mismatches of class by their kind, the commonest first, and those with random dy and in the search."""
    if kernel.safety is None:
        return MISSING
    found = sorted(((n, kind) for kind, n in kernel.safety.by_kind.items() if n), reverse=True)
    if kernel.random_dy and kernel.random_dy.mismatches:
        found.append((kernel.random_dy.mismatches, "with random dy"))
    if kernel.accuracy and kernel.accuracy.search and kernel.accuracy.search.mismatches:
        found.append((kernel.accuracy.search.mismatches, "in the search"))
    return ", ".join(f"{n:,} {kind}" for n, kind in found) or count(kernel.mismatches)


def claim(kernel: KernelResult) -> str:
    """The bound that the kernel's author states."""
    if kernel.claim is None:
        return "none"
    bound = "correctly rounded" if kernel.claim == "rounded" else f"≤ {short(kernel.claim)} ulp"
    return bound + _where_claimed(kernel)


def _where_claimed(kernel: KernelResult) -> str:
    return f" where |x − root| ≥ {short(kernel.claim_outside_roots)}" if kernel.claim_outside_roots else ""


def largest_claimed(kernel: KernelResult) -> str:
    """The largest error of those that the claim bounds, and where it is: roots may be left out, random dy never is."""
    found, dy = kernel.accuracy, kernel.random_dy
    if found is None:
        return MISSING
    largest = found.max_ulp_outside_roots if kernel.claim_outside_roots else found.max_ulp
    if dy and (dy.max_ulp or 0) > (largest or 0):
        return f"{ulp(dy.max_ulp)} ulp at x = {dy.worst_input}, dy = {dy.worst_dy} (random dy)"
    if largest is None:
        return "no number to compare"
    if kernel.claim_outside_roots:
        return f"{ulp(largest)} ulp{_where_claimed(kernel)}"
    return f"{ulp(largest)} ulp at {found.worst_input}: got {found.worst_got}, exact {found.worst_exact}"


def verdict(kernel: KernelResult) -> str:
    """The verdict of the claim in a word or two; a kernel that failed has none."""
    if kernel.failure is not None:
        return f"failed: {kernel.failure.kind}"
    if kernel.verdict != "none":
        return kernel.verdict
    return "no claim" if kernel.claim is None else "not checked"


def failure(it: Failure, width: int | None = 160) -> str:
    """Why a kernel has no figures, and the input that shows it."""
    at = f" (at input {it.input})" if it.input else ""
    return one_line(f"{it.kind}: {it.message}{at}", width)


def hardware(machine: Machine) -> str:
    gpu = f"{machine.gpu} (driver {machine.driver or 'unknown'})" if machine.gpu else "no GPU"
    return f"{machine.cpu}, {machine.cores} cores, {gibibytes(machine.memory_bytes)}, {gpu}"


def ran_with(backend: Backend) -> str:
    """What a backend says that it ran with; ×1 in the tables is one thread, or a process that has one processor."""
    said = [
        threads(backend.threads) if backend.threads else "threads not told",
        backend.instruction_set or "instruction set not told",
    ]
    if backend.clocks_mhz:
        said.append("–".join(map(str, dict.fromkeys(backend.clocks_mhz))) + " MHz")
    elif backend.one_thread == "one processor":
        said.append("×1: one processor")
    return one_line(f"{backend.name} ({', '.join(said)})")


def commit(run: Run) -> str:
    """The commit that was measured, and whether files differed from it."""
    return revision(run.commit) + (" with uncommitted changes" if run.commit and run.dirty else "")


def revision(of: str | None) -> str:
    return f"commit {of[:12]}" if of else "no commit"
