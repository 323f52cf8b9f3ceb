"""The parts of the script that judge: what others use of the machine, and what the rounds say.

Text of a program that is given away: nothing of it runs in this process. Blanks are written `«NAME»`.
"""

from __future__ import annotations

from typing import Final

METER: Final = '''\
def ticks(pids):
    """Processor time used until now, by all and by each of our processes; None where it cannot be known."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
        user, nice, system, idle, waiting, irq, softirq, steal = map(int, lines[0].split()[1:9])
        own = []
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            own.append(int(fields[11]) + int(fields[12]))
    except (OSError, ValueError):
        return None
    processors = sum(line.startswith("cpu") for line in lines) - 1
    return time.monotonic(), processors, user + nice + system + irq + softirq + steal, own


def foreign(before, after):
    """The share of this machine that others used, less what rounding to ticks may make of nothing."""
    if before is None or after is None or not before[2]:
        return None
    capacity = (after[0] - before[0]) * os.sysconf("SC_CLK_TCK") * after[1]
    used = [last - first for first, last in zip(before[3], after[3])]
    rounding = 2 * math.sqrt((2 + after[1] + 2 * sum(each > 0 for each in used)) / 6)
    return (after[2] - before[2] - sum(used) - rounding) / capacity'''

STATISTICS: Final = '''\
def ratio(rounds, engine, baseline):
    """How many times as fast an engine is as the baseline: the median over rounds, with its 95% interval.

    Each round gives one ratio, so that what slows both alike cancels. The interval is a bootstrap: the rounds
    are drawn anew with replacement, and the medians of the draws are looked at. All with logarithms, so that
    exchanging the engines gives the inverse.
    """
    logs = np.log([each[baseline] / each[engine] for each in rounds if engine in each and baseline in each])
    draws = np.random.default_rng(«STATISTICS_SEED»).choice(logs, («RESAMPLES», len(logs)))
    low, high = np.quantile(np.median(draws, axis=1), [«LOW», «HIGH»])
    return math.exp(np.median(logs)), math.exp(low), math.exp(high), len(logs)


def noise_floor(twin):
    """How far an engine seems to differ from itself: the far end of the interval of its twin's ratio."""
    return max(twin[2], 1 / twin[1]) - 1


def verdict(one, twin):
    """Faster or slower if all of the interval is beyond the noise floor; less than «CLAIM» is not claimed."""
    value, low, high, rounds = one
    margin = max(noise_floor(twin), «LEAST_CLAIM»)
    if min(rounds, twin[3]) < «LEAST_ROUNDS»:
        return "«CANNOT_TELL»"
    if low > 1 + margin:
        return "«FASTER»"
    return "«SLOWER»" if high < 1 / (1 + margin) else "«CANNOT_TELL»"


def orders(names, rounds):
    """A random order of the engines for each round; each is first as often as any other, give or take one."""
    chance = random.Random(«ORDER_SEED»)
    found = []
    while len(found) < rounds:
        for first in chance.sample(names, len(names)):
            rest = [name for name in names if name != first]
            found.append((first, *chance.sample(rest, len(rest))))
    return found[:rounds]


def parity(expected, found):
    """The largest difference of two lists of outputs, and whether all numbers agree within the tolerance."""
    if [each.shape for each in expected] != [each.shape for each in found]:
        return math.nan, False
    largest, agree = 0.0, True
    for eager, other in zip(expected, found):
        eager, other = eager.astype(np.float64), other.astype(np.float64)
        same = (eager == other) | (np.isnan(eager) & np.isnan(other))
        apart = np.where(same, 0, np.abs(eager - other))
        largest = float(np.max(apart, initial=largest))
        size = np.where(np.isfinite(eager), np.abs(eager), 0)
        agree = agree and bool(np.all(apart <= «ABSOLUTE» + «RELATIVE» * size))
    return largest, agree'''
