"""The parts of the script that measure and show: the export, warm-up, rounds, and the command line.

Text of a program that is given away: nothing of it runs in this process. Blanks are written `«NAME»`.
"""

from __future__ import annotations

from typing import Final

EXPORT: Final = '''\
def export(name, folder):
    """The model's ONNX file, its batch open; empty if PyTorch's exporter refuses the model."""
    make, inputs, names = MODELS[name]
    args, kwargs = inputs(2)  # an export with a batch of 1 may take it for constant
    file = str(Path(folder, f"{name}.onnx"))
    # What is wrong comes as an exception; what the exporter logs and prints beside it is dropped.
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                make(),
                args,
                file,
                kwargs=kwargs,
                input_names=list(names),
                dynamic_shapes=DYNAMIC[name],
                opset_version=«OPSET»,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        print(f"{name} cannot be exported: {' '.join(str(error).split())[:200]}", file=sys.stderr)
        return ""
    return file'''

NO_EXPORT: Final = '''\
def export(name, folder):
    """No engine of this script needs a file."""
    return ""'''

MEASURE: Final = '''\
def calls_for(seconds, block_seconds):
    """How many calls fill a block."""
    return max(1, math.ceil(block_seconds / seconds))


def warm_up(worker, least_seconds):
    """Calls an engine until it takes the same time again and again; gives the seconds of one call.

    Warm is an engine when the median of five blocks differs by at most 5% from that of the five before, after
    a least time and at least ten blocks. After «MOST_WARM» s it is taken as it is.
    """
    seconds = worker.time(1)
    blocks, spent = [], 0.0
    while True:
        calls = calls_for(seconds, «WARM_BLOCK»)
        seconds = worker.time(calls)
        blocks.append(seconds)
        spent += seconds * calls
        enough = spent >= least_seconds and len(blocks) >= 10
        if enough and len(blocks) % 5 == 0:
            before, now = statistics.median(blocks[-10:-5]), statistics.median(blocks[-5:])
            if abs(now - before) <= 0.05 * before:
                return seconds
        if spent >= max(«MOST_WARM», least_seconds):
            return seconds


def clock_step():
    """The smallest step of the clock between two readings, in seconds."""
    steps, before = [], time.perf_counter()
    while len(steps) < 32:
        now = time.perf_counter()
        if now > before:
            steps.append(now - before)
        before = now
    return min(steps)


def start(name, batch, threads, file, result):
    """A worker per engine, and one more of the first that can be had: its twin, for the noise floor."""
    workers = {}
    for engine in ENGINES:
        one = result["engines"][engine] = {}
        try:
            if engine.startswith("ort") and not file:
                raise Failed("the model could not be exported")
            workers[engine] = Worker(engine, name, batch, threads, file)
            if not result["baseline"]:
                result["baseline"] = engine
                workers[TWIN] = Worker(engine, name, batch, threads, file)
        except Failed as error:
            one["problem"] = str(error)
            continue
        one["load_seconds"] = workers[engine].load_seconds
        one["first_call_seconds"] = workers[engine].first_seconds
        if engine != result["baseline"]:
            difference, agree = parity(workers[result["baseline"]].outputs, workers[engine].outputs)
            one |= {"largest_difference": None if math.isnan(difference) else difference, "agree": agree}
    return workers


def run_rounds(workers, result, options):
    """Times every engine once in each round; notes the rounds in which others used this machine."""
    block_seconds = max(options.block_seconds, «RESOLUTIONS» * clock_step())
    calls = {}
    for engine, worker in workers.items():
        calls[engine] = calls_for(warm_up(worker, options.warm_seconds), block_seconds)
    pids = [os.getpid(), *(worker.process.pid for worker in workers.values())]
    begun, counted = time.monotonic(), 0
    for order in orders(list(workers), max(options.rounds, «MOST_ROUNDS»)):
        if counted >= options.rounds and time.monotonic() - begun >= options.seconds:
            break
        before = ticks(pids)
        seconds = {engine: workers[engine].time(calls[engine]) for engine in order}
        others = foreign(before, ticks(pids))
        rejected = (others is not None and others > options.most_foreign) or min(seconds.values()) <= 0
        result["rounds"].append({"seconds": seconds, "rejected": rejected, "foreign": others})
        counted += not rejected


def judge(result):
    """Adds what follows from the rounds that count."""
    rounds = [each["seconds"] for each in result["rounds"] if not each["rejected"]]
    result["rejected"] = len(result["rounds"]) - len(rounds)
    baseline = result["baseline"]
    if not rounds or not all(TWIN in each for each in rounds):
        return
    twin = ratio(rounds, TWIN, baseline)
    result["noise_floor"] = noise_floor(twin)
    for engine, one in result["engines"].items():
        if "problem" in one:
            continue
        one["median_seconds"] = statistics.median(each[engine] for each in rounds)
        if engine != baseline:
            found = ratio(rounds, engine, baseline)
            one |= dict(zip(("ratio", "low", "high", "rounds"), found), verdict=verdict(found, twin))


def measure(name, batch, threads, file, options):
    """One comparison of all engines."""
    result = {
        "model": name, "batch": batch, "threads": threads, "baseline": "", "engines": {}, "rounds": [],
    }
    workers = start(name, batch, threads, file, result)
    try:
        if workers:
            run_rounds(workers, result, options)
    except Failed as error:
        result["problem"] = f"an engine failed in the middle: {error}"
    finally:
        for worker in workers.values():
            worker.close()
    judge(result)
    return result


def show(result):
    """Prints one comparison as a table."""
    threads = "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"
    print(f"\\n{result['model']}, batch {result['batch']}, {threads}")
    if "noise_floor" in result:
        counted = len(result["rounds"]) - result["rejected"]
        print(f"  {counted} rounds count, {result['rejected']} do not, because others used this machine")
        if all(each["foreign"] is None for each in result["rounds"]):
            print("  (how much others use of this machine can be read on Linux only)")
        print(f"  noise floor: the same engine twice differs by up to {result['noise_floor']:.1%}")
    if "problem" in result:
        print(f"  {result['problem']}")
    for engine, one in result["engines"].items():
        if "median_seconds" not in one:
            print(f"  {engine:20} not measured: {one.get('problem', 'no round counts')}")
            continue
        microseconds, first = one["median_seconds"] * 1e6, one["first_call_seconds"]
        print(f"  {engine:20} {microseconds:10.2f} us, first call {first:.4f} s")
        if "verdict" in one:
            value, low, high = one["ratio"], one["low"], one["high"]
            print(f"  {'':20} {one['verdict']}: {value:.3g} times as fast ({low:.3g} to {high:.3g})")
            agrees = "its numbers agree" if one["agree"] else "ITS NUMBERS DO NOT AGREE"
            print(f"  {'':20} {agrees}: largest difference {one['largest_difference']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default, about in (
        ("--rounds", «LEAST_ROUNDS_ASKED», "at least so many rounds that count"),
        ("--seconds", «LEAST_SECONDS», "how long all rounds take together, at least"),
        ("--block-seconds", «BLOCK_SECONDS», "how long one engine is timed in a round"),
        ("--warm-seconds", «WARM_SECONDS», "how long an engine is called before it is timed, at least"),
        ("--most-foreign", «MOST_FOREIGN», "the share of this machine that others may use in a round"),
    ):
        parser.add_argument(option, type=type(default), default=default, help=f"{about} (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print all numbers, every round among them")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            file = export(name, folder)
            for batch in BATCHES:
                for threads in THREADS:
                    results.append(measure(name, batch, threads, file, options))
                    if not options.json:
                        show(results[-1])
    if options.json:
        print(json.dumps({"results": results, "not_repeated": NOT_REPEATED}, indent=1))
    for engine, reason in NOT_REPEATED.items() if not options.json else ():
        print(f"\\n{engine} is not repeated here: {reason}")


if __name__ == "__main__":
    main()'''
