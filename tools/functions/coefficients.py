"""Derives the coefficients of the elementary functions: packages/thalweg/src/kernels/functions/coefficients.ts.

Each polynomial is the one with the smallest largest error, found by Remez' exchange in 60 digits, each rational function
one near it, found by least squares; then they are rounded to the type they are used in. Needs mpmath. Run: python tools/functions/coefficients.py
"""

import pathlib
import struct

from mpmath import atanh, cos, coth, erf, erfc, exp, expm1, log, lu_solve, matrix, mp, mpf, nstr, pi, sin, sqrt, tanh

mp.dps = 60
TARGET = pathlib.Path(__file__).parents[2] / "packages/thalweg/src/kernels/functions/coefficients.ts"


def horner(coefficients, x):
    value = mpf(0)
    for c in reversed(coefficients):
        value = value * x + c
    return value


def sample(f, weight, a, b):
    """(x, f(x), weight(x)) at 1201 Chebyshev points."""
    a, b = mpf(a), mpf(b)
    points = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / 1200) for i in range(1201)]
    return [(x, f(x), weight(x)) for x in points]


def alternation(errors, count):
    """Where `count` errors of alternating sign are extreme."""
    extremes = []
    for i, error in enumerate(errors):
        if extremes and (error > 0) == (errors[extremes[-1]] > 0):
            if abs(error) > abs(errors[extremes[-1]]):
                extremes[-1] = i
        else:
            extremes.append(i)
    while len(extremes) > count:
        extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
    assert len(extremes) == count, f"only {len(extremes)} of {count} extremes"
    return extremes


def remez(values, degree):
    """The polynomial p with the smallest largest |weight(x) (f(x) - p(x))|, and that error."""
    count = degree + 2
    extremes = [round((len(values) - 1) * i / (count - 1)) for i in range(count)]
    for _ in range(30):
        # p(x_i) + (-1)^i level / weight(x_i) = f(x_i)
        system, right = matrix(count, count), matrix(count, 1)
        for i, (x, y, w) in enumerate(values[e] for e in extremes):
            for j in range(degree + 1):
                system[i, j] = x**j
            system[i, count - 1] = (-1) ** i / w
            right[i] = y
        solution = lu_solve(system, right)
        p = [solution[j] for j in range(degree + 1)]
        errors = [w * (y - horner(p, x)) for x, y, w in values]
        largest = max(abs(e) for e in errors)
        if largest <= abs(solution[count - 1]) * mpf("1.001"):
            break
        extremes = alternation(errors, count)
    return p, largest


def least_squares(values, numerator, denominator):
    """
    Polynomials p, q (q[0] = 1) for which p / q is near the best rational function, and its largest error: linear least
    squares, each time weighted by the last denominator.
    """
    count = numerator + denominator + 1
    q = [mpf(1)] + [mpf(0)] * denominator
    for _ in range(8):
        system, right = matrix(count, count), matrix(count, 1)
        for x, y, w in values[::6]:
            scale = w / horner(q, x)
            row = [scale * x**j for j in range(numerator + 1)] + [-scale * y * x ** (j + 1) for j in range(denominator)]
            for i in range(count):
                right[i] += row[i] * scale * y
                for j in range(count):
                    system[i, j] += row[i] * row[j]
        solution = lu_solve(system, right)
        p = [solution[j] for j in range(numerator + 1)]
        q = [mpf(1)] + [solution[numerator + 1 + j] for j in range(denominator)]
    assert all(horner(q, x) > 0 for x, _, _ in values), "a pole"
    return p, q, max(abs(w * (y - horner(p, x) / horner(q, x))) for x, y, w in values)


def rounded(x, kind):
    return struct.unpack("<f", struct.pack("<f", float(x)))[0] if kind == "float32" else float(x)


def leading(x, bits):
    """x cut to its leading bits, towards zero."""
    x = mpf(x)
    exponent = int(mp.floor(log(abs(x), 2)))
    unit = mpf(2) ** (exponent - bits + 1)
    return mp.floor(x / unit) * unit


lines = [
    "/**",
    " * Coefficients of the elementary functions, lowest power first. Written by tools/functions/coefficients.py; each is",
    " * said to approximate something to within an error, which is that of the approximation before rounding.",
    " */",
]


def literal(x, kind):
    """The shortest decimal that reads as x: a float32's shortest is longer than what a person would write, but exact."""
    return repr(rounded(x, kind)).replace("e-0", "e-").replace("e+", "e")


def emit(name, kind, coefficients, comment):
    lines.append("")
    lines.append(f"/** {comment} */")
    lines.append(f"export const {name}: readonly number[] = [")
    lines.extend(f"  {literal(c, kind)}," for c in coefficients)
    lines.append("];")


def emit_parts(name, parts, comment):
    lines.append("")
    lines.append(f"/** {comment} */")
    lines.append(f"export const {name}: readonly number[] = [{', '.join(literal(p, 'float64') for p in parts)}];")


def polynomial(name, kind, f, weight, a, b, degree, what):
    p, error = remez(sample(f, weight, a, b), degree)
    emit(name, kind, p, f"{what}; error 2^{nstr(log(error, 2), 4)}.")
    print(name, nstr(log(error, 2), 5))


def rational(name, f, weight, a, b, numerator, denominator, what):
    p, q, error = least_squares(sample(f, weight, a, b), numerator, denominator)
    emit(f"{name}_NUMERATOR", "float64", p, f"{what}; error 2^{nstr(log(error, 2), 4)}.")
    emit(f"{name}_DENOMINATOR", "float64", q, f"See {name}_NUMERATOR.")
    print(name, nstr(log(error, 2), 5))


half = log(2) / 2 * mpf("1.0001")
tiny = mpf(10) ** -12


def exp_tail(r):
    """(e^r - 1 - r) / r²."""
    return mpf(1) / 2 if abs(r) < tiny else (expm1(r) - r) / r**2


def coth_tail(z):
    """(r coth(r/2) - 2) / r² in z = r²."""
    r = sqrt(z)
    return mpf(1) / 6 if r < tiny else (r * coth(r / 2) - 2) / z


def log_tail(z):
    """(log((1+s)/(1-s)) / s - 2) / s² in z = s²."""
    s = sqrt(z)
    return mpf(2) / 3 if s < tiny else (2 * atanh(s) / s - 2) / z


def log_tail_twice(z):
    """(3 atanh(s)/s - 3 - s²) / s⁴ in z = s²."""
    s = sqrt(z)
    return mpf(3) / 5 if s < tiny else (3 * atanh(s) / s - 3 - z) / z**2


def sin_tail(z):
    r = sqrt(z)
    return -mpf(1) / 6 if r < tiny else (sin(r) - r) / r**3


def cos_tail(z):
    r = sqrt(z)
    return mpf(1) / 24 if r < mpf(10) ** -8 else (cos(r) - 1 + z / 2) / z**2


def tanh_tail(z):
    """(tanh(x)/x - 1) / x² in z = x²."""
    x = sqrt(z)
    return -mpf(1) / 3 if x < tiny else (tanh(x) / x - 1) / z


def erf_ratio(z):
    x = sqrt(z)
    return 2 / sqrt(pi) if x < tiny else erf(x) / x


# s = (m - c) / (m + c): m in [√½, √2) with c = 1 for log; for pow c is 1 or 3/2, whichever is nearer.
z_log = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.0001")
z_pow = ((sqrt(mpf(3) / 2) - 1) / (sqrt(mpf(3) / 2) + 1)) ** 2 * mpf("1.0001")
z_sin = (pi / 4) ** 2 * mpf("1.0001")

emit_parts("LN2_FLOAT32", [leading(log(2), 15), rounded(log(2) - leading(log(2), 15), "float32")],
           "ln 2 in two parts; the first has 15 bits, so that it times an exponent is exact in float32.")
emit_parts("LN2_FLOAT64", [leading(log(2), 40), log(2) - leading(log(2), 40)],
           "ln 2 in two parts; the first has 40 bits, so that it times an exponent is exact in float64.")


def parts(x, bits, count):
    """x as a sum: `count - 1` parts of `bits` bits each, and the rest."""
    return [x] if count == 1 else [leading(x, bits)] + parts(x - leading(x, bits), bits, count - 1)


emit_parts("HALF_PI", parts(pi / 2, 33, 4),
           "π/2 in four parts; the first three have 33 bits, so that they times 20 bits are exact in float64.")
emit_parts("HALF_PI_NARROW", parts(pi / 2, 27, 2),
           "π/2 in two parts; the first has 27 bits, so that it times 26 bits is exact in float64.")
emit_parts("LN2_SPLIT", parts(log(2), 26, 2), "ln 2 in two parts, the first of 26 bits.")
log2e_factor = 2 / (3 * log(2))
emit_parts("TWO_THIRDS_LOG2E", [leading(log2e_factor, 26), log2e_factor - leading(log2e_factor, 26)],
           "2 / (3 ln 2) in two parts, the first of 26 bits.")
emit_parts("LOG2_OF_3_HALVES", [leading(log(1.5, 2), 26), log(1.5, 2) - leading(log(1.5, 2), 26)],
           "log₂(3/2) in two parts, the first of 26 bits.")

polynomial("EXP_FLOAT32", "float32", exp_tail, lambda r: max(abs(r), tiny), -half, half, 4,
           "(e^r - 1 - r) / r² for |r| <= ½ ln 2")
polynomial("EXP_NARROW", "float64", exp_tail, lambda r: max(abs(r), tiny), -half, half, 5,
           "(e^r - 1 - r) / r² for |r| <= ½ ln 2")
polynomial("EXP_FLOAT64", "float64", coth_tail, lambda z: z / 2 + tiny, 0, half**2, 4,
           "(r coth(r/2) - 2) / r² in r² for |r| <= ½ ln 2")
polynomial("LOG_FLOAT32", "float32", log_tail, lambda z: z / 2 + tiny, 0, z_log, 2,
           "(log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²")
polynomial("LOG_NARROW", "float64", log_tail, lambda z: z / 2 + tiny, 0, z_log, 4,
           "(log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²")
polynomial("LOG_FLOAT64", "float64", log_tail, lambda z: z / 2 + tiny, 0, z_log, 6,
           "(log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²")
polynomial("LOG_POW", "float64", log_tail_twice, lambda z: z**2 / 3 + tiny**2, 0, z_pow, 5,
           "(3 atanh(s)/s - 3 - s²) / s⁴ in s² for |s| <= 0.1011")
polynomial("SIN_NARROW", "float64", sin_tail, lambda z: z + tiny, 0, z_sin, 3, "(sin r - r) / r³ in r² for |r| <= π/4")
polynomial("COS_NARROW", "float64", cos_tail, lambda z: z**2 + tiny, 0, z_sin, 3,
           "(cos r - 1 + r²/2) / r⁴ in r² for |r| <= π/4")
polynomial("SIN_FLOAT64", "float64", sin_tail, lambda z: z + tiny, 0, z_sin, 5, "(sin r - r) / r³ in r² for |r| <= π/4")
polynomial("COS_FLOAT64", "float64", cos_tail, lambda z: z**2 + tiny, 0, z_sin, 5,
           "(cos r - 1 + r²/2) / r⁴ in r² for |r| <= π/4")
polynomial("TANH_FLOAT32", "float32", tanh_tail, lambda z: z + tiny, 0, mpf("0.36"), 4,
           "(tanh(x)/x - 1) / x² in x² for |x| <= 0.6")
rational("TANH_FLOAT64", tanh_tail, lambda z: z + tiny, 0, mpf("0.36"), 2, 3, "(tanh(x)/x - 1) / x² in x² for |x| <= 0.6")
rational("ERF_NARROW", erf_ratio, lambda z: 1 / erf_ratio(z), 0, 15.5, 6, 6, "erf(x)/x in x² for x² <= 15.5")
rational("ERF_SMALL", lambda z: erf_ratio(z) - 1, lambda z: 1 / erf_ratio(z), 0, 1, 5, 5,
         "erf(x)/x - 1 in x² for |x| <= 1")
rational("ERF_LARGE", lambda x: erfc(x) * exp(x * x), lambda x: exp(-x * x), 1, 6, 5, 6,
         "e^(x²) erfc(x) for 1 <= x <= 6, the error being that of erfc(x)")

TARGET.write_text("\n".join(lines) + "\n")
