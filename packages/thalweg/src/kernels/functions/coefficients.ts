/**
 * Coefficients of the elementary functions, lowest power first. Written by tools/functions/coefficients.py; each is
 * said to approximate something to within an error, which is that of the approximation before rounding.
 */

/** ln 2 in two parts; the first has 15 bits, so that it times an exponent is exact in float32. */
export const LN2_FLOAT32: readonly number[] = [0.693145751953125, 1.428606765330187e-6];

/** ln 2 in two parts; the first has 40 bits, so that it times an exponent is exact in float64. */
export const LN2_FLOAT64: readonly number[] = [0.6931471805592082, 7.371002565167799e-13];

/** π/2 in four parts; the first three have 33 bits, so that they times 20 bits are exact in float64. */
export const HALF_PI: readonly number[] = [
  1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
];

/** π/2 in two parts; the first has 27 bits, so that it times 26 bits is exact in float64. */
export const HALF_PI_NARROW: readonly number[] = [1.570796325802803, 9.920935796805404e-10];

/** ln 2 in two parts, the first of 26 bits. */
export const LN2_SPLIT: readonly number[] = [0.6931471675634384, 1.2996506893889889e-8];

/** 2 / (3 ln 2) in two parts, the first of 26 bits. */
export const TWO_THIRDS_LOG2E: readonly number[] = [0.9617966860532761, 7.872699542894897e-9];

/** log₂(3/2) in two parts, the first of 26 bits. */
export const LOG2_OF_3_HALVES: readonly number[] = [0.5849624872207642, 1.350039202129749e-8];

/** (e^r - 1 - r) / r² for |r| <= ½ ln 2; error 2^-26.17. */
export const EXP_FLOAT32: readonly number[] = [
  0.5, 0.1666654348373413, 0.04166628047823906, 0.008366583846509457, 0.0013946449616923928,
];

/** (e^r - 1 - r) / r² for |r| <= ½ ln 2; error 2^-31.98. */
export const EXP_NARROW: readonly number[] = [
  0.5000000046413676, 0.1666666681709141, 0.041666354663556206, 0.008333273046741144, 0.0013941008322051992,
  0.00019914171756713541,
];

/** (r coth(r/2) - 2) / r² in r² for |r| <= ½ ln 2; error 2^-60.03. */
export const EXP_FLOAT64: readonly number[] = [
  0.16666666666666602, -0.002777777777701522, 6.61375632139434e-5, -1.6533902183573014e-6, 4.138136347164407e-8,
];

/** (log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²; error 2^-30.2. */
export const LOG_FLOAT32: readonly number[] = [0.6666677594184875, 0.39977535605430603, 0.2987186312675476];

/** (log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²; error 2^-44.94. */
export const LOG_NARROW: readonly number[] = [
  0.6666666667580454, 0.39999995620758494, 0.28572109260739403, 0.22176184816630337, 0.19584202633101092,
];

/** (log((1+s)/(1-s)) / s - 2) / s² in s² for |s| <= (√2 - 1)²; error 2^-59.49. */
export const LOG_FLOAT64: readonly number[] = [
  0.6666666666666734, 0.3999999999941432, 0.28571428742475147, 0.22222198563468779, 0.18183564867018628,
  0.1531403583810042, 0.14796105312580257,
];

/** (3 atanh(s)/s - 3 - s²) / s⁴ in s² for |s| <= 0.1011; error 2^-71.33. */
export const LOG_POW: readonly number[] = [
  0.5999999999999946, 0.4285714285784843, 0.3333333298434987, 0.27272811935586005, 0.2306611181062539,
  0.2069631448417299,
];

/** (sin r - r) / r³ in r² for |r| <= π/4; error 2^-37.57. */
export const SIN_NARROW: readonly number[] = [
  -0.1666666664161694, 0.008333329384756533, -0.00019839334466477716, 2.7183079301484163e-6,
];

/** (cos r - 1 + r²/2) / r⁴ in r² for |r| <= π/4; error 2^-43.2. */
export const COS_NARROW: readonly number[] = [
  0.0416666666228108, -0.0013888883751884446, 2.4799519598836126e-5, -2.7210203407777856e-7,
];

/** (sin r - r) / r³ in r² for |r| <= π/4; error 2^-58.01. */
export const SIN_FLOAT64: readonly number[] = [
  -0.16666666666666632, 0.008333333333322418, -0.00019841269829812375, 2.7557313693570484e-6, -2.5050758384055825e-8,
  1.5896811783869498e-10,
];

/** (cos r - 1 + r²/2) / r⁴ in r² for |r| <= π/4; error 2^-64.22. */
export const COS_FLOAT64: readonly number[] = [
  0.0416666666666666, -0.0013888888888874131, 2.4801587289486985e-5, -2.7557314353781716e-7, 2.087572347809028e-9,
  -1.1359658797585307e-11,
];

/** (tanh(x)/x - 1) / x² in x² for |x| <= 0.6; error 2^-28.5. */
export const TANH_FLOAT32: readonly number[] = [
  -0.33333298563957214, 0.13331958651542664, -0.053786683827638626, 0.02080538496375084, -0.005905868951231241,
];

/** (tanh(x)/x - 1) / x² in x² for |x| <= 0.6; error 2^-61.36. */
export const TANH_FLOAT64_NUMERATOR: readonly number[] = [
  -0.33333333333333326, -0.02049806287620903, -0.00019914544825813728,
];

/** See TANH_FLOAT64_NUMERATOR. */
export const TANH_FLOAT64_DENOMINATOR: readonly number[] = [
  1.0, 0.46149418862861713, 0.023290349891645044, 0.00020649883317051216,
];

/** erf(x)/x in x² for x² <= 15.5; error 2^-30.1. */
export const ERF_NARROW_NUMERATOR: readonly number[] = [
  1.128379167991995, 0.1641759429871023, 0.05046023688556115, 0.002826075155451591, 0.00029583803975939747,
  -1.0045694417746723e-6, -4.9754540617046916e-8,
];

/** See ERF_NARROW_NUMERATOR. */
export const ERF_NARROW_DENOMINATOR: readonly number[] = [
  1.0, 0.47883050972501157, 0.10432914599348345, 0.013208063893088009, 0.0010020953427711348, 3.797217719063994e-5,
  -7.132057758959554e-7,
];

/** erf(x)/x - 1 in x² for |x| <= 1; error 2^-60.3. */
export const ERF_SMALL_NUMERATOR: readonly number[] = [
  0.1283791670955126, -0.31700594970399393, -0.048329924028246, -0.008815741137655599, -0.0004956247578254919,
  -2.0733048330654098e-5,
];

/** See ERF_SMALL_NUMERATOR. */
export const ERF_SMALL_DENOMINATOR: readonly number[] = [
  1.0, 0.46051427708561843, 0.09381375243737643, 0.010693213261349595, 0.0006925117030506816, 2.0810861087136784e-5,
];

/** e^(x²) erfc(x) for 1 <= x <= 6, the error being that of erfc(x); error 2^-59.29. */
export const ERF_LARGE_NUMERATOR: readonly number[] = [
  0.999999889175217, 1.3899186199001077, 0.9487090931099242, 0.37311811019308566, 0.08419694370440456,
  0.008907805706035153,
];

/** See ERF_LARGE_NUMERATOR. */
export const ERF_LARGE_DENOMINATOR: readonly number[] = [
  1.0, 2.5182966181379722, 2.790308412208796, 1.755581312515366, 0.6692889485297292, 0.14923125466489973,
  0.015788798400354815,
];
